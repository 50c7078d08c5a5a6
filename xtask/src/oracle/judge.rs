//! Holds what an engine answers against the truth: errors as parts of their proved bounds.

use super::{
    exact::Exact,
    truth::{Bounded, Derivative, F64_UNIT, Rows, gamma},
};
use anyhow::{Result, ensure};
use std::collections::BTreeMap;
use triplet_api::{Element, Loss, LossSpec, Reduction, Workspace};
use triplet_core::{Batch, Distance, Objective, Real, Rule, Triplet};
use triplet_testkit::Sample;

/// Errors of one quantity.
#[derive(Debug, Default)]
pub(super) struct Ratios {
    pub(super) count: u64,
    pub(super) worst: f64,
    pub(super) worst_in: String,
    /// How many are 0, at most 2^-16, 2^-15 … 1.
    pub(super) histogram: [u64; 18],
}

impl Ratios {
    fn add(&mut self, what: &str, sample: &Sample, truth: &Bounded, computed: f64) -> Result<()> {
        let off = truth.exact.distance_to(computed);
        let ratio = if off == 0.0 { 0.0 } else { off / truth.error };
        self.count += 1;
        let place = if off == 0.0 { 0 } else { (ratio.log2().ceil() + 17.0).clamp(1.0, 17.0) as usize };
        self.histogram[place] += 1;
        if ratio > self.worst || self.worst_in.is_empty() {
            (self.worst, self.worst_in) = (ratio, sample.name.clone());
        }
        ensure!(
            ratio <= 1.0,
            "{}: {what} is {computed}, in real numbers {}: off by {off:e}, where at most {:e} was proved",
            sample.name,
            truth.exact.to_f64(),
            truth.error
        );
        Ok(())
    }
}

/// All that was judged.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// By element type, quantity and distance.
    pub(super) ratios: BTreeMap<(&'static str, &'static str, Distance), Ratios>,
    pub(super) selections: u64,
    /// Selections that exact distances would not make.
    pub(super) other_selections: u64,
    pub(super) batches: u64,
    pub(super) refused: u64,
    /// Pairs of different rows whose computed distance is 0, so that their L2 gradient is not a unit vector but 0.
    pub(super) lost_units: u64,
}

impl Judged {
    /// Judges one batch.
    pub(super) fn batch<T: Element>(
        &mut self,
        sample: &Sample,
        asked: LossSpec,
        workspace: &mut Workspace<T>,
    ) -> Result<()> {
        let asked = LossSpec { reduction: Reduction::Mean, ..asked };
        let objective = asked.objective;
        let typed: Vec<T> = sample.rows();
        let Ok(batch) = Batch::new(&typed, sample.width, &sample.labels) else {
            self.refused += 1;
            return Ok(());
        };
        let Ok(evaluation) = asked.evaluate(&batch, workspace) else {
            self.refused += 1;
            return Ok(());
        };
        self.batches += 1;
        let units = (T::EPSILON / 2.0, T::from_f64(f64::from(f32::from_bits(1))).to_f64());
        let rows = Rows::new(&sample.embeddings, sample.width, objective.distance, units);
        let triplets: Vec<Triplet<T>> = evaluation.triplets()?.collect();
        let mut judge = Judge { judged: self, sample, objective, rows: &rows, computed: BTreeMap::new() };
        judge.distances(&triplets)?;
        judge.selections(&triplets)?;
        let normalizer = if objective.rule.one_per_anchor() {
            sample.labels.len() as u64
        } else {
            evaluation.statistics().positive_pairs
        };
        if normalizer == 0 {
            return Ok(());
        }
        judge.loss(&triplets, normalizer as f64, evaluation.loss())?;
        judge.gradient(&triplets, normalizer as f64, evaluation.gradient())
    }
}

struct Judge<'a> {
    judged: &'a mut Judged,
    sample: &'a Sample,
    objective: Objective,
    rows: &'a Rows,
    /// Distances as computed.
    computed: BTreeMap<(usize, usize), f64>,
}

impl Judge<'_> {
    fn record<T: Real>(&mut self, what: &'static str, truth: &Bounded, computed: T) -> Result<()> {
        let ratios = self.judged.ratios.entry((T::NAME, what, self.objective.distance)).or_default();
        ratios.add(what, self.sample, truth, computed.to_f64())
    }

    fn distances<T: Real>(&mut self, triplets: &[Triplet<T>]) -> Result<()> {
        for triplet in triplets {
            let sides = [
                (triplet.positive, triplet.positive_distance),
                (triplet.negative, triplet.negative_distance),
            ];
            for (row, computed) in sides {
                let Some(row) = row else { continue };
                let (anchor, row) = (triplet.anchor as usize, row as usize);
                let truth = self.rows.distance(anchor, row);
                self.record("distance", &truth, computed)?;
                self.judged.lost_units += u64::from(computed == T::ZERO && !truth.exact.is_zero());
                for pair in [(anchor, row), (row, anchor)] {
                    self.computed.insert(pair, computed.to_f64());
                }
            }
        }
        Ok(())
    }

    /// Counts triplets whose negative is another with exact distances; with a margin to add to them, none.
    fn selections<T: Real>(&mut self, triplets: &[Triplet<T>]) -> Result<()> {
        if self.objective.rule != Rule::SemiHard {
            return Ok(());
        }
        for triplet in triplets {
            let (Some(positive), Some(negative)) = (triplet.positive, triplet.negative) else { continue };
            let anchor = triplet.anchor as usize;
            let label = self.sample.labels[anchor];
            let threshold = self.rows.distance(anchor, positive as usize);
            let negatives = (0..self.sample.labels.len()).filter(|&row| self.sample.labels[row] != label);
            let distances: Vec<_> = negatives.map(|row| (row, self.rows.distance(anchor, row))).collect();
            let beyond = distances.iter().filter(|(_, d)| d.exact > threshold.exact);
            let nearest = beyond.min_by(|a, b| (&a.1.exact, a.0).cmp(&(&b.1.exact, b.0)));
            let farthest = || distances.iter().max_by(|a, b| (&a.1.exact, b.0).cmp(&(&b.1.exact, a.0)));
            let wanted = nearest.or_else(farthest).map(|(row, _)| *row);
            self.judged.selections += 1;
            self.judged.other_selections += u64::from(wanted != Some(negative as usize));
            let Some((_, taken)) = distances.iter().find(|(row, _)| *row == negative as usize) else {
                anyhow::bail!("{}: row {negative} is no negative of {anchor}", self.sample.name);
            };
            let (near, far) =
                (threshold.exact.to_f64() + threshold.error, taken.exact.to_f64() - taken.error);
            for (row, d) in &distances {
                let value = d.exact.to_f64();
                ensure!(
                    value - d.error <= near || value + d.error >= far,
                    "{}: anchor {anchor} has row {negative}, but row {row} is nearer and beyond its positive, surely",
                    self.sample.name
                );
            }
        }
        Ok(())
    }

    /// The loss: the mean of the terms in real numbers.
    fn loss<T: Real>(&mut self, triplets: &[Triplet<T>], normalizer: f64, computed: T) -> Result<()> {
        let unit = T::EPSILON / 2.0;
        let margin = T::from_f64(self.objective.margin).to_f64();
        let (mut sum, mut error, mut size) = (Exact::default(), 0.0, 0.0);
        for triplet in triplets {
            let Some(term) = self.term(triplet, margin, unit) else { continue };
            let value = term.exact.to_f64();
            sum += &term.exact;
            error += term.error;
            size += value + term.error;
        }
        error += gamma(triplets.len() + 4, F64_UNIT) * size;
        let exact = sum.over(&Exact::new(normalizer));
        let error = error / normalizer;
        let error = error + unit * (exact.to_f64() + error) + f64::from(f32::from_bits(1));
        self.record("loss", &Bounded { exact, error }, computed)
    }

    /// The distances of a triplet's positive and negative in real numbers.
    fn sides<T: Real>(&self, triplet: &Triplet<T>) -> [Bounded; 2] {
        let sides =
            [(triplet.positive, triplet.positive_distance), (triplet.negative, triplet.negative_distance)];
        sides.map(|(row, computed)| match row {
            Some(row) => self.rows.distance(triplet.anchor as usize, row as usize),
            // What the rule puts in the place of a row that is not there.
            None => Bounded { exact: Exact::new(computed.to_f64()), error: 0.0 },
        })
    }

    /// A triplet's term. None where a missing positive leaves it out.
    fn term<T: Real>(&self, triplet: &Triplet<T>, margin: f64, unit: f64) -> Option<Bounded> {
        let [near, far] = self.sides(triplet);
        let mut error = near.error + far.error;
        let difference = &near.exact - &far.exact;
        if self.objective.rule == Rule::HardSoft {
            let power = difference.abs().exp_of_minus();
            let exact = &difference.clone().max0() + &power.ln_1p();
            // Its slope is at most 1. Of exp and log1p less than a unit of the last place each is promised: with
            // e <= 1.45 log1p(e) and the sum, less than 6 units of rounding of f64; then one of the type.
            error += unit * (difference.abs().to_f64() + error);
            error += 6.0 * F64_UNIT * (exact.to_f64() + error);
            error += unit * (exact.to_f64() + error);
            return Some(Bounded { exact, error });
        }
        let before = near.exact.to_f64() + near.error + margin;
        error += unit * before + unit * (before + far.exact.to_f64() + far.error) * (1.0 + unit);
        Some(Bounded { exact: (&Exact::new(margin) + &difference).max0(), error })
    }

    /// The gradient, of the triplets whose computed terms have one.
    fn gradient<T: Real>(&mut self, triplets: &[Triplet<T>], normalizer: f64, computed: &[T]) -> Result<()> {
        let Objective { rule, margin, distance } = self.objective;
        let mut pairs: Vec<BTreeMap<usize, Derivative>> = vec![BTreeMap::new(); self.sample.labels.len()];
        for triplet in triplets {
            let (near, far) = (triplet.positive_distance, triplet.negative_distance);
            let exists = triplet.negative.is_some() || rule.differentiates_missing_negative();
            let Derivative { value, error } = if rule == Rule::HardSoft {
                self.soft_derivative(triplet)
            } else {
                let value = rule.term(T::from_f64(margin), near, far).derivative;
                Derivative { value: Exact::new(value), error: 0.0 }
            };
            if !exists || value.is_zero() && error == 0.0 {
                continue;
            }
            let anchor = triplet.anchor as usize;
            let minus = -value.clone();
            for (row, value) in [(triplet.positive, &value), (triplet.negative, &minus)] {
                let Some(row) = row else { continue };
                for (a, b) in [(anchor, row as usize), (row as usize, anchor)] {
                    let sum = pairs[a].entry(b).or_default();
                    sum.value += value;
                    sum.error += error;
                }
            }
        }
        let factor = if distance == Distance::SquaredL2 { 2.0 } else { 1.0 };
        for (r, pairs) in pairs.iter().enumerate() {
            let pairs: Vec<_> = pairs.iter().map(|(&m, d)| (m, d.clone())).collect();
            let distance = |i, j| self.computed.get(&(i, j)).copied().unwrap_or_default();
            let truth = self.rows.gradient(r, &pairs, distance, factor / normalizer);
            for (truth, &computed) in truth.iter().zip(&computed[r * self.rows.width..]) {
                self.record("gradient", truth, computed)?;
            }
        }
        Ok(())
    }

    /// The logistic function of the distances' difference, whose slope is at most 1/4.
    fn soft_derivative<T: Real>(&self, triplet: &Triplet<T>) -> Derivative {
        let [near, far] = self.sides(triplet);
        let difference = &near.exact - &far.exact;
        let inherited = near.error + far.error;
        let off = inherited + T::EPSILON / 2.0 * (difference.abs().to_f64() + inherited);
        let power = difference.abs().exp_of_minus();
        let one = Exact::new(1.0);
        let above = if difference.clone().max0() == difference { &one } else { &power };
        let value = above.over(&(&one + &power));
        // exp is off by less than a unit of the last place; a sum, a quotient, and sums of up to four such.
        let error = off / 4.0 + gamma(12, F64_UNIT) * (value.to_f64() + off / 4.0);
        Derivative { value, error }
    }
}
