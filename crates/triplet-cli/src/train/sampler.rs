//! Batches of P classes with K rows each.

use anyhow::{Result, ensure};
use fastrand::Rng;

/// Draws row numbers: P classes of those with at least two rows, K rows of each. A
/// class's rows are used up in random order before any comes again.
pub(crate) struct Sampler {
    /// Rows of each class, shuffled.
    classes: Vec<Vec<usize>>,
    /// How many of each class's rows are used up.
    used: Vec<usize>,
    classes_per_batch: usize,
    rows_per_class: usize,
}

impl Sampler {
    /// A sampler over labels.
    pub(crate) fn new(labels: &[i64], classes_per_batch: usize, rows_per_class: usize) -> Result<Self> {
        let mut rows: Vec<usize> = (0..labels.len()).collect();
        rows.sort_by_key(|&row| labels[row]);
        let classes: Vec<Vec<usize>> = rows
            .chunk_by(|&a, &b| labels[a] == labels[b])
            .filter(|rows| rows.len() >= 2)
            .map(<[usize]>::to_vec)
            .collect();
        ensure!(
            classes.len() >= 2,
            "{} class(es) have two training rows or more: triplets need at least two such classes",
            classes.len()
        );
        // A class without a turn yet counts as used up: it is shuffled when first drawn.
        let used = classes.iter().map(Vec::len).collect();
        let classes_per_batch = classes_per_batch.min(classes.len());
        Ok(Self { classes, used, classes_per_batch, rows_per_class })
    }

    /// Batches that together have about as many rows as there are.
    pub(crate) fn batches_per_epoch(&self) -> usize {
        let rows: usize = self.classes.iter().map(Vec::len).sum();
        (rows / self.classes_per_batch.saturating_mul(self.rows_per_class)).max(1)
    }

    /// The next batch.
    pub(crate) fn next(&mut self, rng: &mut Rng) -> Vec<usize> {
        let chosen = rng.choose_multiple(0..self.classes.len(), self.classes_per_batch);
        let mut batch = Vec::new();
        for class in chosen {
            // A class of fewer rows gives all it has, each once.
            for _ in 0..self.rows_per_class.min(self.classes[class].len()) {
                batch.push(self.draw(class, rng));
            }
        }
        batch
    }

    fn draw(&mut self, class: usize, rng: &mut Rng) -> usize {
        let rows = &mut self.classes[class];
        if self.used[class] == rows.len() {
            rng.shuffle(rows);
            self.used[class] = 0;
        }
        self.used[class] += 1;
        rows[self.used[class] - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_batch_is_p_classes_of_k_rows() {
        let labels: Vec<i64> = (0..103).map(|row| row % 7).collect();
        let mut sampler = Sampler::new(&labels, 4, 5).unwrap();
        let mut rng = Rng::with_seed(3);
        for _ in 0..50 {
            let mut batch: Vec<i64> = sampler.next(&mut rng).into_iter().map(|row| labels[row]).collect();
            batch.sort_unstable();
            let sizes: Vec<usize> = batch.chunk_by(|a, b| a == b).map(<[i64]>::len).collect();
            assert_eq!(sizes, [5; 4]);
        }
        assert_eq!(sampler.batches_per_epoch(), 5);
    }

    #[test]
    fn classes_of_one_row_are_left_out() {
        let labels = [0, 0, 1, 1, 2];
        let mut sampler = Sampler::new(&labels, 9, 2).unwrap();
        let mut batch = sampler.next(&mut Rng::with_seed(1));
        batch.sort_unstable();
        assert_eq!(batch, [0, 1, 2, 3]);
        assert!(Sampler::new(&[0, 0, 1, 2], 2, 2).is_err());
    }
}
