//! The Gram backend sums in another order: it is held to a proved bound instead.
//!
//! For any order of summation `|g - exact| <= gamma_D sum |x_k y_k|` with
//! `gamma_n = n u / (1 - n u)` (Higham, *Accuracy and Stability*, 3.5). A squared
//! distance adds two norms and one subtraction, so it is off by at most
//! `e = gamma_(D+3) (n_i + n_j + 2 sum |x_k y_k|)`, plus what underflows. A chosen
//! negative may then be wrong only among negatives whose distances are within `2 e`
//! of each other, or of the positive's.

use anyhow::{Result, ensure};
use triplet_api::{Loss, LossSpec, Reduction, Workspace};
use triplet_core::{Batch, Distance, NO_ROW, Objective, Rule, Scalar};
use triplet_testkit::{Sample, engines};

/// Checks batches asked about squared distances, and counts.
pub(crate) struct GramBound {
    gram: Workspace<f32>,
    scalar: Workspace<f32>,
    batches: u64,
    triplets: u64,
    different: u64,
    worst: f64,
}

impl GramBound {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            gram: Workspace::with_engine(engines::gram()?.engine),
            scalar: Workspace::with_engine(Box::new(Scalar)),
            batches: 0,
            triplets: 0,
            different: 0,
            worst: 0.0,
        })
    }

    pub(crate) fn check(&mut self, sample: &Sample, asked: LossSpec) -> Result<()> {
        let asked = LossSpec { reduction: Reduction::Mean, ..asked };
        let Objective { distance, rule, .. } = asked.objective;
        // The distances and the rule whose bound is stated above.
        match (distance, rule) {
            (Distance::SquaredL2 | Distance::L2, Rule::SemiHard) => {}
            (Distance::Angular, _) | (_, Rule::SemiHardLiteral | Rule::Hard | Rule::HardSoft) => {
                return Ok(());
            }
        }
        // Quadratic work in f64: small batches.
        if sample.labels.len() > 150 {
            return Ok(());
        }
        let Ok(batch) = Batch::new(&sample.embeddings, sample.width, &sample.labels) else { return Ok(()) };
        let (Ok(gram), Ok(scalar)) = (
            asked.forward(&batch, Default::default(), &mut self.gram),
            asked.forward(&batch, Default::default(), &mut self.scalar),
        ) else {
            return Ok(());
        };
        self.batches += 1;
        self.triplets += gram.statistics().triplets;
        let chosen = gram.mined().negatives.iter().zip(&scalar.mined().negatives);
        self.different += chosen.filter(|(a, b)| a != b).count() as u64;
        let exact = Exact { sample };
        let searched = &gram.mined().positive_distances;
        let mut slots: Vec<_> = gram.triplets()?.collect();
        slots.sort_by_key(|triplet| triplet.anchor);
        ensure!(slots.len() == searched.len(), "{}: {} triplets", sample.name, slots.len());
        for triplet in slots {
            let (Some(positive), Some(negative)) = (triplet.positive, triplet.negative) else { continue };
            let anchor = triplet.anchor as usize;
            let (threshold, threshold_error) = exact.distance(anchor, positive as usize);
            let (taken, taken_error) = exact.distance(anchor, negative as usize);
            debug_assert_ne!(negative, NO_ROW);
            if distance == Distance::SquaredL2 {
                let off = (f64::from(triplet.negative_distance) - taken).abs();
                self.worst = self.worst.max(if taken_error > 0.0 { off / taken_error } else { 0.0 });
                ensure!(off <= taken_error, "{}: d = {}", sample.name, triplet.negative_distance);
            }
            for other in (0..sample.labels.len()).filter(|&k| sample.labels[k] != sample.labels[anchor]) {
                let (d, error) = exact.distance(anchor, other);
                let surely_farther_than_positive = d - error > threshold + threshold_error;
                let surely_nearer_than_taken = d + error < taken - taken_error;
                ensure!(
                    !(surely_farther_than_positive && surely_nearer_than_taken),
                    "{}: gram took row {negative} for anchor {anchor}, row {other} is surely better",
                    sample.name
                );
            }
        }
        Ok(())
    }

    pub(crate) fn print(&self) {
        println!(
            "  gram: {} batches within its bound (worst {:.2} of it); {} of {} selections differ from the exact ones",
            self.batches, self.worst, self.different, self.triplets
        );
    }
}

/// Squared distances in f64, with the bound of the Gram backend's.
struct Exact<'a> {
    sample: &'a Sample,
}

impl Exact<'_> {
    fn distance(&self, i: usize, j: usize) -> (f64, f64) {
        let width = self.sample.width;
        let row = |r: usize| &self.sample.embeddings[r * width..][..width];
        let (mut exact, mut size) = (0.0, 0.0);
        for (&x, &y) in row(i).iter().zip(row(j)) {
            let (x, y) = (f64::from(x), f64::from(y));
            exact += (x - y) * (x - y);
            size += x * x + y * y + 2.0 * (x * y).abs();
        }
        let unit = f64::from(f32::EPSILON) / 2.0;
        let n = (width + 3) as f64;
        let gamma = n * unit / (1.0 - n * unit);
        let underflow = 4.0 * n * f64::from(f32::from_bits(1));
        (exact, gamma * size + underflow)
    }
}
