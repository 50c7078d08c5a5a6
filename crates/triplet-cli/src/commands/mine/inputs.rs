//! The rows and labels of a data set: npy files where they are, arrays of Parquet in a file, other tables in memory.

use super::MineArgs;
use crate::io::{self, Embeddings, InFile, Labels, Understood};
use anyhow::{Context, Result, ensure};
use std::path::Path;
use triplet_core::Real;
use triplet_dataset::{Element, FileRows, InMemory, Rows, Side};

/// The type that rows are computed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Single,
    Double,
}

/// Rows of one file.
enum Source {
    File(FileRows),
    Memory(Embeddings),
}

/// One side: rows, and a class each.
pub(super) struct Set {
    source: Source,
    shown: String,
    pub(super) labels: Vec<i64>,
}

/// All inputs of a job.
pub(super) struct Inputs {
    pub(super) rows: Set,
    pub(super) anchors: Option<Set>,
    /// The labels of the rows, with their names.
    pub(super) names: Labels,
    pub(super) understood: Vec<Understood>,
}

impl Inputs {
    pub(super) fn open(args: &MineArgs) -> Result<Self> {
        io::check_standard_input(args.inputs().into_iter().map(|(_, path)| path))?;
        let embeddings = args.embeddings.as_deref().context("give --embeddings FILE")?;
        let (rows, names, mut understood) = open(args, embeddings, args.labels.as_deref())?;
        let anchors = match &args.anchors {
            None => None,
            Some(path) => {
                let (mut anchors, labels, about) =
                    open(args, path, args.anchor_labels.as_deref()).context("the anchors")?;
                ensure!(
                    labels.are_text() == names.are_text() || labels.len() == 0 || names.len() == 0,
                    "the labels of the anchors and those of --embeddings are not both text, nor both integers: no two \
                     would be equal"
                );
                anchors.labels = names.numbers_of(&labels);
                understood.extend(about);
                Some(anchors)
            }
        };
        let inputs = Self { rows, anchors, names, understood };
        ensure!(
            inputs.anchors.as_ref().is_none_or(|anchors| anchors.kind() == inputs.kind()),
            "the anchors and --embeddings have different types: one is f64, the other is not"
        );
        Ok(inputs)
    }

    /// The type to compute in.
    pub(super) fn kind(&self) -> Kind {
        self.rows.kind()
    }
}

fn open(args: &MineArgs, path: &Path, labels: Option<&Path>) -> Result<(Set, Labels, Vec<Understood>)> {
    let shown = io::shorten(&path.display().to_string(), 120);
    if let Some(rows) = io::npy_rows(path)? {
        let labels_path = labels.with_context(|| {
            format!("{shown}: is an array whose labels are another array: give the file with its labels")
        })?;
        let labels = io::read_labels(labels_path, &args.read)?;
        ensure!(
            labels.len() == rows.len(),
            "{} has {} labels but {shown} has {} rows: one label a row is needed",
            labels_path.display(),
            labels.len(),
            rows.len()
        );
        let about = rows.understood(&shown, &labels);
        let classes = labels.classes.clone();
        return Ok((Set { source: Source::File(rows.rows), shown, labels: classes }, labels, vec![about]));
    }
    let request = io::Request { data: path, labels, weights: None, last_column: false, args: &args.read };
    if let Some(InFile { rows, labels, understood }) = io::read_in_file(request, &io::folder(&args.out))? {
        let count = Rows::<f32>::len(&rows);
        return set(Source::File(rows), count, shown, labels, understood);
    }
    let io::Inputs { embeddings, labels, understood, .. } = io::read(request)?;
    let shape = match &embeddings {
        Embeddings::Single(x) => x.shape().to_vec(),
        Embeddings::Double(x) => x.shape().to_vec(),
    };
    ensure!(shape.len() == 2, "{shown}: has shape {shape:?}: expected two dimensions, [rows, width]");
    set(Source::Memory(embeddings), shape[0], shown, labels, understood)
}

/// A set of so many rows.
fn set(
    source: Source,
    rows: usize,
    shown: String,
    labels: Labels,
    understood: Vec<Understood>,
) -> Result<(Set, Labels, Vec<Understood>)> {
    let count = labels.len();
    ensure!(rows == count, "{shown} has {rows} rows and {count} labels: one label a row is needed");
    let classes = labels.classes.clone();
    Ok((Set { source, shown, labels: classes }, labels, understood))
}

/// Rows of a type that a set may have.
pub(super) trait OfKind: Real {
    /// The rows in memory.
    fn of(embeddings: &Embeddings) -> Option<(&[Self], usize)>;
    /// The rows of a file.
    fn of_file(rows: &FileRows) -> &dyn Rows<Self>;
}

macro_rules! of_kind {
    ($real:ty, $variant:ident) => {
        impl OfKind for $real {
            fn of(embeddings: &Embeddings) -> Option<(&[Self], usize)> {
                match embeddings {
                    Embeddings::$variant(x) => Some((x.as_slice()?, *x.shape().get(1)?)),
                    _ => None,
                }
            }
            fn of_file(rows: &FileRows) -> &dyn Rows<Self> {
                rows
            }
        }
    };
}
of_kind!(f32, Single);
of_kind!(f64, Double);

impl Set {
    fn kind(&self) -> Kind {
        let double = match &self.source {
            Source::File(rows) => rows.element() == Element::F64,
            Source::Memory(embeddings) => matches!(embeddings, Embeddings::Double(_)),
        };
        if double { Kind::Double } else { Kind::Single }
    }

    /// Rows in memory, if they are.
    pub(super) fn in_memory<T: OfKind>(&self) -> Result<Option<InMemory<'_, T>>> {
        match &self.source {
            Source::File(_) => Ok(None),
            Source::Memory(embeddings) => {
                let rows = T::of(embeddings).map(|(values, width)| InMemory::new(values, width));
                rows.map(Some).with_context(|| format!("{}: is not in rows", self.shown))
            }
        }
    }

    /// The rows and labels, given the rows in memory if they are.
    pub(super) fn side<'a, T: OfKind>(&'a self, memory: Option<&'a InMemory<'a, T>>) -> Side<'a, T> {
        let rows: &dyn Rows<T> = match (&self.source, memory) {
            (Source::File(rows), _) => T::of_file(rows),
            (Source::Memory(_), Some(rows)) => rows,
            (Source::Memory(_), None) => &Nothing,
        };
        Side { rows, labels: &self.labels }
    }

    /// An error if the file is no longer what it was when it was opened.
    pub(super) fn check_unchanged(&self) -> Result<()> {
        if let Source::File(rows) = &self.source {
            ensure!(!rows.has_changed(), "{} was changed while it was read: begin anew", self.shown);
        }
        Ok(())
    }

    pub(super) fn shown(&self) -> &str {
        &self.shown
    }
}

/// No rows.
struct Nothing;

impl<T> Rows<T> for Nothing {
    fn len(&self) -> usize {
        0
    }

    fn width(&self) -> usize {
        0
    }

    fn read(&self, _: usize, _: &mut [T]) -> std::io::Result<()> {
        Err(std::io::ErrorKind::UnexpectedEof.into())
    }
}
