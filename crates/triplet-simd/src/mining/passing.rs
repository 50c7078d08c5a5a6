//! Distances of triplets that do not keep them, from the thresholds to the terms.

use crate::gram::layout::Layout;
use triplet_core::Real;

/// Ranking values of the positives and of the chosen negatives of the anchors that have thresholds: panel by
/// panel, within it anchor by anchor (see [`Layout::passing`]). Empty where triplets keep distances.
#[derive(Debug)]
pub(crate) struct PassingDistances<T> {
    positives: Vec<T>,
    negatives: Vec<T>,
}

impl<T> Default for PassingDistances<T> {
    fn default() -> Self {
        Self { positives: Vec::new(), negatives: Vec::new() }
    }
}

impl<T: Real> PassingDistances<T> {
    /// Makes room for so many thresholds; the contents are unspecified.
    pub(crate) fn resize(&mut self, thresholds: usize) {
        self.positives.resize(thresholds, T::ZERO);
        self.negatives.resize(thresholds, T::ZERO);
    }

    /// Positives and negatives of each panel, in order.
    pub(crate) fn panels<'a>(
        &'a mut self,
        layout: &'a Layout,
    ) -> impl Iterator<Item = (&'a mut [T], &'a mut [T])> + Send + 'a {
        let mut rest = (&mut self.positives[..], &mut self.negatives[..]);
        (0..layout.panels).map(move |panel| {
            let len = layout.threshold_range(panel).len().min(rest.0.len());
            let positives = rest.0.split_off_mut(..len).unwrap_or_default();
            (positives, rest.1.split_off_mut(..len).unwrap_or_default())
        })
    }
}
