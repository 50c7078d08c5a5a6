//! What files hold, value by value, for tests that write files and read them again.

use super::{Embeddings, ReadArgs, Request, read};
use clap::Parser;
use ndarray::Ix2;
use std::path::PathBuf;

/// What the files of a command were read as.
#[derive(Debug, Clone, PartialEq)]
pub struct Contents {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns that are features.
    pub features: usize,
    /// Whether features are computed in f64.
    pub double: bool,
    /// Features, row-major; what is read in f32 is widened.
    pub values: Vec<f64>,
    /// The name of each row's class.
    pub labels: Vec<String>,
    /// Rows of each class, in the order of the classes' numbers.
    pub classes: Vec<usize>,
    /// Whether labels are text, and no integers.
    pub named: bool,
    /// Weights, in the order of their file.
    pub weights: Option<Vec<f64>>,
    /// The line that is printed about the features.
    pub line: String,
    /// The labels as an npy file, as `triplet train` writes it.
    pub labels_npy: Vec<u8>,
}

/// The flags that are about reading.
#[derive(Parser)]
struct Flags {
    #[arg(long)]
    data: PathBuf,
    #[arg(long)]
    labels: Option<PathBuf>,
    #[arg(long)]
    weights: Option<PathBuf>,
    #[command(flatten)]
    read: ReadArgs,
}

/// Reads files as `triplet train` does, from its flags `--data`, `--labels` and those about
/// tables, and `--weights` of `triplet loss`. Memory is limited to 64 MB unless a flag says
/// otherwise.
///
/// # Errors
///
/// Whatever the program would print.
pub fn contents(flags: &[&str]) -> Result<Contents, String> {
    let Flags { data, labels, weights, read: mut args } =
        Flags::try_parse_from([&["triplet"], flags].concat()).map_err(|error| error.to_string())?;
    args.max_memory = args.max_memory.or(Some(64 << 20));
    let (labels, weights) = (labels.as_deref(), weights.as_deref());
    let request = Request { data: &data, labels, weights, last_column: true, args: &args };
    let inputs = read(request).map_err(|error| format!("{error:#}"))?;
    let double = matches!(inputs.embeddings, Embeddings::Double(_));
    let values = match inputs.embeddings {
        Embeddings::Single(x) => x.mapv(f64::from),
        Embeddings::Double(x) => x,
    };
    let values =
        values.into_dimensionality::<Ix2>().map_err(|_| "not a table of two dimensions".to_owned())?;
    let (rows, features) = values.dim();
    let labels = inputs.labels;
    if labels.len() != rows {
        return Err(format!("{} labels for {rows} rows", labels.len()));
    }
    let mut labels_npy = Vec::new();
    labels.write_npy(&mut labels_npy).map_err(|error| format!("{error:#}"))?;
    Ok(Contents {
        rows,
        features,
        double,
        values: values.into_iter().collect(),
        labels: labels.classes.iter().map(|&class| labels.name(class).into_owned()).collect(),
        classes: labels.counts().into_iter().map(|(_, rows)| rows).collect(),
        named: labels.are_text(),
        weights: inputs.weights.map(|weights| weights.values),
        line: inputs.understood[0].to_string(),
        labels_npy,
    })
}
