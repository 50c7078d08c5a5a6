//! Candidates of `triplet loss` that are not the batch itself.

use crate::io::{self, Embeddings, Inputs, Labels, ReadArgs, Understood};
use anyhow::{Context, Result, ensure};
use clap::Args;
use ndarray::{ArrayD, aview1};
use std::path::{Path, PathBuf};
use triplet_api::{Batch, CoreError, Element, Identity};

/// Flags for anchors against candidates.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Anchors against other rows")]
pub(crate) struct CandidateArgs {
    /// Candidates `[N, D]`: the rows that positives and negatives are taken from, instead of the batch.
    #[arg(long, value_name = "FILE")]
    candidates: Option<PathBuf>,
    /// Their labels `[N]`, of the same kind as --labels; needed unless the candidates' file has them.
    #[arg(long, value_name = "FILE", requires = "candidates")]
    candidate_labels: Option<PathBuf>,
    /// What each row of the batch is, `[B]`, integers or text: a candidate with the same id is neither its
    /// positive nor its negative. Without ids no candidate is a row of the batch.
    #[arg(long, value_name = "FILE", requires = "candidate_ids")]
    ids: Option<PathBuf>,
    /// What each candidate is, `[N]`.
    #[arg(long, value_name = "FILE", requires_all = ["ids", "candidates"])]
    candidate_ids: Option<PathBuf>,
    /// Write the gradient by the candidates `[N, D]`, npy.
    #[arg(long, value_name = "FILE", requires_all = ["candidates", "gradient"])]
    pub(super) candidate_gradient: Option<PathBuf>,
}

/// What the files hold.
pub(super) struct Candidates {
    inputs: Inputs,
    /// The labels, numbered as those of the batch are.
    labels: Vec<i64>,
    ids: Option<[Vec<i64>; 2]>,
    shown: String,
}

impl CandidateArgs {
    pub(super) fn inputs(&self) -> Vec<(&str, &Path)> {
        io::given(&[
            ("--candidates", &self.candidates),
            ("--candidate-labels", &self.candidate_labels),
            ("--ids", &self.ids),
            ("--candidate-ids", &self.candidate_ids),
        ])
    }

    /// Whether there are ids of the batch's rows.
    #[cfg(feature = "mpi")]
    pub(super) fn has_ids(&self) -> bool {
        self.ids.is_some()
    }

    /// Reads them, given the labels of the batch.
    pub(super) fn read(&self, labels: &Labels, args: &ReadArgs) -> Result<Option<Candidates>> {
        let Some(path) = &self.candidates else { return Ok(None) };
        let request = io::Request {
            data: path,
            labels: self.candidate_labels.as_deref(),
            weights: None,
            last_column: false,
            args,
        };
        let inputs = io::read(request).context("the candidates")?;
        let together = |[own, others]: [&Labels; 2], what: &str| -> Result<Vec<i64>> {
            ensure!(
                own.are_text() == others.are_text() || own.len() == 0 || others.len() == 0,
                "the {what} of the batch are {} but those of the candidates are {}: no two would be equal",
                kind(own),
                kind(others)
            );
            Ok(own.numbers_of(others))
        };
        let ids = match (&self.ids, &self.candidate_ids) {
            (Some(own), Some(others)) => {
                let own = io::read_labels(own, args).context("--ids")?;
                let others = io::read_labels(others, args).context("--candidate-ids")?;
                let numbers = together([&own, &others], "ids")?;
                Some([own.classes, numbers])
            }
            _ => None,
        };
        let labels = together([labels, &inputs.labels], "labels")?;
        Ok(Some(Candidates { labels, inputs, ids, shown: path.display().to_string() }))
    }
}

fn kind(labels: &Labels) -> &'static str {
    if labels.are_text() { "text" } else { "integers" }
}

/// An element type that a file's rows may have.
pub(super) trait Rows: Element {
    /// The rows, where they are of this type.
    fn rows(embeddings: &Embeddings) -> Option<&ArrayD<Self>>;
}

impl Rows for f32 {
    fn rows(embeddings: &Embeddings) -> Option<&ArrayD<f32>> {
        match embeddings {
            Embeddings::Single(rows) => Some(rows),
            Embeddings::Double(_) => None,
        }
    }
}

impl Rows for f64 {
    fn rows(embeddings: &Embeddings) -> Option<&ArrayD<f64>> {
        match embeddings {
            Embeddings::Single(_) => None,
            Embeddings::Double(rows) => Some(rows),
        }
    }
}

impl Candidates {
    /// What was read, a line an input.
    pub(super) fn understood(&self) -> &[Understood] {
        &self.inputs.understood
    }

    /// The rows as a batch.
    pub(super) fn batch<T: Rows>(&self) -> Result<Batch<'_, T>> {
        let rows = T::rows(&self.inputs.embeddings).with_context(|| {
            format!(
                "{}: the batch and the candidates have different types: one is f64, the other is not",
                self.shown
            )
        })?;
        let &[count, width] = rows.shape() else {
            return Err(CoreError::NotAMatrix { shape: rows.shape().to_vec() })
                .with_context(|| self.shown.clone());
        };
        if self.labels.len() != count {
            let mismatch = CoreError::LengthMismatch { labels: self.labels.len(), rows: count, width };
            return Err(mismatch).context("the candidates");
        }
        Batch::from_views(rows.view(), aview1(&self.labels)).with_context(|| self.shown.clone())
    }

    /// Which of them is the row of the batch itself.
    pub(super) fn identity(&self) -> Identity<'_> {
        match &self.ids {
            None => Identity::Disjoint,
            Some([anchors, candidates]) => Identity::Ids { anchors, candidates },
        }
    }
}
