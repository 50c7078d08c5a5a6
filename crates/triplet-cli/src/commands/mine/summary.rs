//! What was found, in sum: over all records once for sums, and once more for histograms.

use std::collections::BinaryHeap;
use triplet_core::Real;
use triplet_dataset::Record;

/// Hardest triplets that are listed.
const HARDEST: usize = 20;
/// Bins of a histogram.
pub(super) const BINS: usize = 60;

/// Sums over the records of all anchors, or of a class.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    pub(super) anchors: u64,
    pub(super) triplets: u64,
    /// Of these, those whose negative does not reach the threshold.
    pub(super) unreached: u64,
    near: f64,
    far: f64,
    /// Triplets that are not a positive's second, third, ... .
    first: u64,
}

impl Sums {
    fn add<T: Real>(&mut self, record: &Record<T>) {
        self.triplets += 1;
        self.unreached += u64::from(!record.reaches);
        if record.rank == 0 {
            self.first += 1;
            self.near += record.near.to_f64();
            self.far += record.far.to_f64();
        }
    }

    /// The mean distances of positives and of their nearest negatives.
    pub(super) fn means(&self) -> Option<[f64; 2]> {
        let count = self.first as f64;
        (self.first > 0).then(|| [self.near / count, self.far / count])
    }
}

/// A triplet by how much farther its negative is: the least is the hardest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Hard {
    pub(super) margin: f64,
    pub(super) record: Record<f64>,
}

impl Eq for Hard {}

impl PartialOrd for Hard {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Hard {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let rows = |hard: &Self| (hard.record.anchor, hard.record.positive);
        self.margin.total_cmp(&other.margin).then(rows(self).cmp(&rows(other)))
    }
}

/// Sums over everything, and by class of the anchor.
#[derive(Debug, Default)]
pub(super) struct Summary {
    pub(super) all: Sums,
    /// By class number.
    pub(super) classes: Vec<Sums>,
    hardest: BinaryHeap<Hard>,
    /// The least and the largest distance.
    pub(super) range: Option<[f64; 2]>,
    last_anchor: Option<u32>,
}

impl Summary {
    /// For anchors of so many classes.
    pub(super) fn new(classes: usize) -> Self {
        Self { classes: vec![Sums::default(); classes], ..Self::default() }
    }

    /// Adds a record, of which anchors ascend, given its class.
    pub(super) fn add<T: Real>(&mut self, record: &Record<T>, class: usize) {
        self.all.add(record);
        self.classes[class].add(record);
        if self.last_anchor != Some(record.anchor) {
            self.last_anchor = Some(record.anchor);
            self.all.anchors += 1;
            self.classes[class].anchors += 1;
        }
        let (near, far) = (record.near.to_f64(), record.far.to_f64());
        let [least, most] = self.range.unwrap_or([near, near]);
        self.range = Some([least.min(near).min(far), most.max(near).max(far)]);
        if record.rank == 0 {
            let Record { anchor, positive, negative, rank, reaches, .. } = *record;
            let hard = Hard {
                margin: far - near,
                record: Record { anchor, positive, negative, rank, reaches, near, far },
            };
            self.hardest.push(hard);
            if self.hardest.len() > HARDEST {
                self.hardest.pop();
            }
        }
    }

    /// The numbers of the classes with triplets, those with the least between positives and negatives first.
    pub(super) fn hardest_classes(&self) -> Vec<usize> {
        let margin = |class: &usize| self.classes[*class].means().map_or(0.0, |[near, far]| far - near);
        let mut classes: Vec<usize> =
            (0..self.classes.len()).filter(|&class| self.classes[class].triplets > 0).collect();
        classes.sort_by(|a, b| margin(a).total_cmp(&margin(b)));
        classes
    }

    /// The triplets with the least between positive and negative, hardest first.
    pub(super) fn hardest(&self) -> Vec<Hard> {
        self.hardest.clone().into_sorted_vec()
    }
}

/// How many distances are in each of [`BINS`] parts of a range.
#[derive(Debug, Clone)]
pub(super) struct Histograms {
    pub(super) range: [f64; 2],
    pub(super) near: Vec<u64>,
    pub(super) far: Vec<u64>,
}

impl Histograms {
    pub(super) fn new(range: [f64; 2]) -> Self {
        Self { range, near: vec![0; BINS], far: vec![0; BINS] }
    }

    pub(super) fn add<T: Real>(&mut self, record: &Record<T>) {
        let [least, most] = self.range;
        let width = (most - least).max(f64::MIN_POSITIVE) / BINS as f64;
        let bin = |value: T| (((value.to_f64() - least) / width) as usize).min(BINS - 1);
        if record.rank == 0 {
            self.near[bin(record.near)] += 1;
        }
        self.far[bin(record.far)] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(anchor: u32, near: f32, far: f32, rank: u32) -> Record<f32> {
        Record { anchor, positive: 1, negative: 2, rank, reaches: rank != 1, near, far }
    }

    #[test]
    fn records_are_added_up_by_anchor_and_class() {
        let mut summary = Summary::new(2);
        for (found, class) in
            [(record(0, 1.0, 2.0, 0), 0), (record(0, 1.0, 3.0, 1), 0), (record(4, 2.0, 2.5, 0), 1)]
        {
            summary.add(&found, class);
        }
        let Sums { anchors, triplets, unreached, .. } = summary.all;
        assert_eq!((anchors, triplets, unreached), (2, 3, 1));
        assert_eq!((summary.all.means(), summary.range), (Some([1.5, 2.25]), Some([1.0, 3.0])));
        assert_eq!(summary.classes[0].means(), Some([1.0, 2.0]));
        assert_eq!(summary.hardest().iter().map(|hard| hard.record.anchor).collect::<Vec<_>>(), [4, 0]);
        let mut histograms = Histograms::new([1.0, 3.0]);
        histograms.add(&record(0, 1.0, 3.0, 0));
        histograms.add(&record(0, 1.0, 2.0, 1));
        assert_eq!((histograms.near[0], histograms.far[BINS / 2], histograms.far[BINS - 1]), (1, 1, 1));
    }
}
