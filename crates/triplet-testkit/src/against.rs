//! Some rows of a batch against some of its rows, with every kind of identity.

use crate::{Answer, Sample, compare::answer};
use triplet_api::{
    Batch, Candidates, Element, Error, Identity, Inputs, Loss, LossSpec, Real, Weights, Workspace,
};

/// A numbered rectangle: rows of a batch, by original number.
#[derive(Debug, Clone)]
pub struct Rectangle {
    /// What it is, for messages and counts.
    pub kind: &'static str,
    anchors: Vec<usize>,
    candidates: Vec<usize>,
    /// Of all rows of the batch; none for anchors that are no candidates.
    ids: Option<Vec<i64>>,
}

impl Rectangle {
    /// The one that goes with a number; the kinds come round.
    #[must_use]
    pub fn numbered(sample: &Sample, number: u64) -> Self {
        let rows = sample.labels.len();
        let of = |keep: &dyn Fn(usize) -> bool| (0..rows).filter(|&row| keep(row)).collect::<Vec<_>>();
        let own = |row: usize| 1000 - row as i64;
        let (kind, anchors, candidates, ids): (_, _, _, Option<Vec<i64>>) = match number % 5 {
            0 => ("others", of(&|row| row % 2 == 0), of(&|row| row % 2 == 1), None),
            1 => (
                "some against all",
                of(&|row| row % 3 == 1),
                of(&|_| true),
                Some((0..rows).map(own).collect()),
            ),
            2 => (
                "all against some",
                of(&|_| true),
                of(&|row| row % 3 == 1),
                Some((0..rows).map(own).collect()),
            ),
            // Several rows are one, of whatever label.
            3 => (
                "ids that repeat",
                of(&|row| row % 2 == 0),
                of(&|_| true),
                Some((0..rows).map(|row| row as i64 % 11).collect()),
            ),
            _ => ("all, nothing left out", of(&|_| true), of(&|_| true), None),
        };
        Self { kind, anchors, candidates, ids }
    }

    /// The answer of one engine, in an element type; its gradient is that to the anchors, then that to the candidates.
    ///
    /// # Errors
    /// Whatever the loss refuses.
    pub fn answer<T: Element>(
        &self,
        sample: &Sample,
        asked: LossSpec,
        weights: Option<&[f64]>,
        workspace: &mut Workspace<T>,
    ) -> Result<Answer<<T as Real>::Key>, Error> {
        let take = |rows: &[usize]| -> (Vec<T>, Vec<i64>) {
            let row = |&row: &usize| &sample.embeddings[row * sample.width..(row + 1) * sample.width];
            let values = rows.iter().flat_map(row).map(|&x| T::from_f64(f64::from(x))).collect();
            (values, rows.iter().map(|&row| sample.labels[row]).collect())
        };
        let (left, right) = (take(&self.anchors), take(&self.candidates));
        let anchors = Batch::new(&left.0, sample.width, &left.1)?;
        let others = Batch::new(&right.0, sample.width, &right.1)?;
        let ids = |rows: &[usize]| -> Vec<i64> {
            self.ids.as_ref().map_or_else(Vec::new, |ids| rows.iter().map(|&row| ids[row]).collect())
        };
        let (left, right) = (ids(&self.anchors), ids(&self.candidates));
        let identity = match self.ids {
            None => Identity::Disjoint,
            Some(_) => Identity::Ids { anchors: &left, candidates: &right },
        };
        let weights: Option<Vec<f64>> =
            weights.map(|weights| self.anchors.iter().map(|&row| weights[row]).collect());
        let weights = weights.as_deref().map_or(Weights::None, Weights::PerSample);
        let candidates = Candidates::new(&others, identity).with_gradient();
        let inputs = Inputs { weights, upstream: None };
        let evaluation = asked.evaluate_against(&anchors, candidates, inputs, workspace)?;
        let mut found = answer(&evaluation);
        found.gradient.extend(evaluation.gradient_to_candidates().iter().map(|value| value.key()));
        Ok(found)
    }
}
