//! What a command reads: embeddings or features, labels, weights.

use super::{
    arrays::Role,
    file::File,
    first_lines::{Rows, WEIGHTS, settle},
    labels::Labels,
    limits::Budget,
    options::ReadArgs,
    tables::{Column, same_rows},
    understood::Understood,
};
use anyhow::{Context, Result, ensure};
use ndarray::ArrayD;
use std::path::Path;

/// Embeddings `[B, D]`, row-major, in the type they are computed in.
pub(crate) enum Embeddings {
    /// f32; halves and exact integers are widened to it.
    Single(ArrayD<f32>),
    /// f64.
    Double(ArrayD<f64>),
}

/// The files of a command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    /// Embeddings, or a table to train on.
    pub(crate) data: &'a Path,
    /// Labels in a file of their own.
    pub(crate) labels: Option<&'a Path>,
    pub(crate) weights: Option<&'a Path>,
    /// Whether the last column of a table without names, or of an array, is the label where
    /// nothing else says so.
    pub(crate) last_column: bool,
    pub(crate) args: &'a ReadArgs,
}

/// Weights, in the shape of their file, which the loss checks.
pub(crate) struct Weights {
    pub(crate) values: Vec<f64>,
    pub(crate) shape: Vec<usize>,
}

/// What the files hold. Lengths and shapes are for the batch to check.
pub(crate) struct Inputs {
    pub(crate) embeddings: Embeddings,
    pub(crate) labels: Labels,
    pub(crate) weights: Option<Weights>,
    /// One line an input.
    pub(crate) understood: Vec<Understood>,
}

/// Reads labels, or ids, by themselves.
pub(crate) fn read_labels(path: &Path, args: &ReadArgs) -> Result<Labels> {
    let file = File::read(path, Role::Labels, true, args, &Budget::new(args.max_memory))?;
    let names = settle(&[file.rows("")])?;
    Ok(file.labels(names[0], args)?.0)
}

/// Refuses to read standard input for several files.
pub(crate) fn check_standard_input<'a>(paths: impl Iterator<Item = &'a Path>) -> Result<()> {
    let standard_input = |path: &&Path| [Path::new("-"), Path::new("/dev/stdin")].contains(path);
    ensure!(
        paths.filter(standard_input).count() < 2,
        "standard input can be read once: give a file for the other input"
    );
    Ok(())
}

/// Reads all files of a request.
pub(crate) fn read(request: Request<'_>) -> Result<Inputs> {
    let Request { data, labels, weights, args, .. } = request;
    args.check()?;
    check_standard_input([Some(data), labels, weights].into_iter().flatten())?;
    let budget = Budget::new(args.max_memory);
    let open = |path, role| File::read(path, role, labels.is_some(), args, &budget);
    let data = open(data, Role::Features)?;
    let labels = labels.map(|path| open(path, Role::Labels)).transpose()?;
    let weights = weights.map(|path| open(path, Role::Weights)).transpose()?;
    let alone = labels.is_none() && weights.is_none();
    let flags = if alone { [""; 3] } else { ["=data", "=labels", WEIGHTS] };
    let files = [Some(&data), labels.as_ref(), weights.as_ref()];
    let rows: Vec<Rows<'_>> = files
        .into_iter()
        .zip(flags)
        .map(|(file, flag)| match file.map(|file| file.rows(flag)) {
            // One weight goes with any number of rows.
            None | Some(Rows::Known(1)) => Rows::Any,
            Some(rows) => rows,
        })
        .collect();
    let names = settle(&rows)?;
    let (embeddings, own_labels, about_data, ids) = data.embeddings(names[0], request, &budget)?;
    let mut understood = vec![about_data];
    let labels = labels_of((labels, names[1]), own_labels, &ids, args, &mut understood)?;
    let weights = match weights {
        None => None,
        Some(file) => {
            let (weights, about) = file.weights(names[2], args)?;
            understood.push(about);
            Some(weights)
        }
    };
    Ok(Inputs { embeddings, labels, weights, understood })
}

/// The labels of a file of their own, of which `names` says whether its first line has names, or those of the data's file,
/// whose ids those of the labels have to be.
pub(super) fn labels_of(
    (file, names): (Option<File>, bool),
    own: Option<Labels>,
    ids: &[Column],
    args: &ReadArgs,
    understood: &mut Vec<Understood>,
) -> Result<Labels> {
    let Some(file) = file else { return own.context("no labels: give --labels FILE") };
    let (labels, about, ids_of_labels) = file.labels(names, args)?;
    same_rows(ids, &ids_of_labels)?;
    understood.push(about);
    Ok(labels)
}
