//! One line of the table: something measured on one input.

use serde::{Deserialize, Serialize};

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    /// A backend of ours.
    Ours,
    /// A matrix product, or half of one: the least work of a loss that forms the distance matrix.
    Baseline,
    /// Another triplet loss.
    Peer,
    /// A training step.
    Step,
}

impl Kind {
    /// Its name in the page's classes.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Baseline => "baseline",
            Self::Peer => "peer",
            Self::Step => "step",
        }
    }
}

/// A line of the table; the names are those of JSON and csv.
///
/// A round's time is the least of its calls; `min`, `median` and `p90` are over the rounds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) kind: Kind,
    /// The name of the definition, if one was measured.
    #[serde(default)]
    pub(super) definition: Option<String>,
    /// What differs from the semi-hard loss of squared distances, margin 1, mean, f32, with gradient:
    /// nothing in most benchmarks.
    #[serde(default)]
    pub(super) differences: String,
    pub(super) backend: String,
    pub(super) isa: String,
    /// Library and kernels of a product.
    pub(super) kernels: Option<String>,
    /// Threads that took part.
    pub(super) threads: usize,
    /// Threads that it could use.
    pub(super) threads_given: usize,
    pub(super) b: usize,
    pub(super) d: usize,
    pub(super) classes: usize,
    /// On average.
    pub(super) per_class: f64,
    /// Rows a class, or classes, as given.
    pub(super) spread: String,
    pub(super) rounds: usize,
    /// The loss alone; for baselines, the product.
    pub(super) fwd_ms_min: Option<f64>,
    pub(super) fwd_ms_median: Option<f64>,
    /// Loss, triplets and gradient.
    pub(super) fwd_bwd_ms_min: Option<f64>,
    pub(super) fwd_bwd_ms_median: Option<f64>,
    pub(super) fwd_bwd_ms_p90: Option<f64>,
    /// A baseline that writes all of E E' in f32, and so counts as a product.
    pub(super) complete_product: bool,
    /// The fastest complete product of the same rounds, and its time.
    pub(super) product: Option<String>,
    pub(super) product_ms_min: Option<f64>,
    pub(super) fwd_ratio_to_product: Option<f64>,
    pub(super) ratio_to_product: Option<f64>,
    /// The B B D / 2 multiply-adds that all distances need, at the measured peak of the instruction
    /// set (this CPU's fastest, for others than ours) and the threads, over the time.
    pub(super) share_of_fma_peak: Option<f64>,
    /// Times the time of our fastest on the same input and number of threads.
    pub(super) times_fastest_ours: Option<f64>,
    /// Of all pairs of rows, those that were looked at in 16-bit integers first; of a backend of ours that screens.
    #[serde(default)]
    pub(super) screened_share: Option<f64>,
    /// Of these, the pairs that were not decided so.
    #[serde(default)]
    pub(super) undecided_share: Option<f64>,
    pub(super) peak_rss_mb: Option<f64>,
    pub(super) base_rss_mb: Option<f64>,
    /// Why there is no peak memory of a backend of ours.
    pub(super) memory_unknown: Option<String>,
    pub(super) loss: Option<f64>,
    /// Whether a loss with our rule is ours to 1e-4 of it.
    pub(super) agrees: Option<bool>,
    /// Why there are no times.
    pub(super) left_out: Option<String>,
}

impl Row {
    /// What it is compared by: everything, or for baselines the product.
    pub(super) fn ms(&self) -> Option<f64> {
        self.fwd_bwd_ms_min.or(self.fwd_ms_min)
    }

    /// The median of the same.
    pub(super) fn median_ms(&self) -> Option<f64> {
        self.fwd_bwd_ms_median.or(self.fwd_ms_median)
    }

    /// How rows are spread over classes, and what differs from the usual loss: rows that are alike in
    /// both, and in the width, are a series over the batch sizes.
    pub(super) fn series(&self) -> String {
        if self.differences.is_empty() {
            return self.spread.clone();
        }
        format!("{}, {}", self.spread, self.differences)
    }

    /// A name for charts.
    pub(super) fn label(&self) -> String {
        if self.isa.is_empty() { self.backend.clone() } else { format!("{} {}", self.backend, self.isa) }
    }
}

/// A row, and the time of every round in milliseconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Measured {
    pub(super) row: Row,
    /// The loss alone, of our backends; of baselines the product.
    pub(super) loss_ms: Vec<f64>,
    /// Loss, triplets and gradient.
    pub(super) total_ms: Vec<f64>,
}

impl Measured {
    /// The rounds of what it is compared by.
    pub(super) fn times(&self) -> &[f64] {
        if self.total_ms.is_empty() { &self.loss_ms } else { &self.total_ms }
    }
}

/// Fills in what follows from the rows of one input and number of threads together.
pub(super) fn compare(rows: &mut [Measured]) {
    let least = |rows: &[Measured], counts: fn(&Row) -> bool| {
        let times = rows.iter().map(|it| &it.row).filter(|row| counts(row));
        let times = times.filter_map(|row| row.ms().map(|ms| (row.backend.clone(), ms)));
        times.min_by(|a, b| a.1.total_cmp(&b.1))
    };
    let product = least(rows, |row| row.complete_product);
    let ours = least(rows, |row| row.kind == Kind::Ours).map(|(_, ms)| ms);
    for row in rows.iter_mut().map(|it| &mut it.row) {
        row.times_fastest_ours = row.ms().zip(ours).map(|(ms, ours)| ms / ours);
        let Some((name, product)) = product.as_ref().filter(|_| row.kind != Kind::Baseline) else { continue };
        row.product = Some(name.clone());
        row.product_ms_min = Some(*product);
        row.fwd_ratio_to_product = row.fwd_ms_min.map(|ms| ms / product);
        row.ratio_to_product = row.fwd_bwd_ms_min.map(|ms| ms / product);
    }
}

/// Rows for the tests of what is made of them.
#[cfg(test)]
pub(super) mod testing {
    use super::*;
    use crate::commands::bench::statistics::{median, minimum, quantile};

    /// `b` x 128 with 8 rows a class on two threads.
    pub(in super::super) fn row(kind: Kind, backend: &str, b: usize, times: &[f64]) -> Measured {
        let (loss_ms, total_ms) = if kind == Kind::Baseline { (times, &[][..]) } else { (&[][..], times) };
        let row = Row {
            kind,
            definition: None,
            differences: String::new(),
            backend: backend.to_owned(),
            isa: if kind == Kind::Ours { "avx2".to_owned() } else { String::new() },
            kernels: None,
            threads: 2,
            threads_given: 2,
            b,
            d: 128,
            classes: b.div_ceil(8),
            per_class: 8.0,
            spread: "8 rows a class".to_owned(),
            rounds: times.len(),
            fwd_ms_min: minimum(loss_ms),
            fwd_ms_median: median(loss_ms),
            fwd_bwd_ms_min: minimum(total_ms),
            fwd_bwd_ms_median: median(total_ms),
            fwd_bwd_ms_p90: quantile(total_ms, 0.9),
            complete_product: kind == Kind::Baseline,
            product: None,
            product_ms_min: None,
            fwd_ratio_to_product: None,
            ratio_to_product: None,
            share_of_fma_peak: None,
            times_fastest_ours: None,
            screened_share: None,
            undecided_share: None,
            peak_rss_mb: None,
            base_rss_mb: None,
            memory_unknown: None,
            loss: None,
            agrees: None,
            left_out: None,
        };
        Measured { row, loss_ms: loss_ms.to_vec(), total_ms: total_ms.to_vec() }
    }

    #[test]
    fn the_fastest_complete_product_is_the_divisor() {
        let mut rows = vec![
            row(Kind::Ours, "simd", 512, &[2.0, 3.0]),
            row(Kind::Baseline, "torch E E'", 512, &[4.0]),
            row(Kind::Baseline, "numpy E E' (gemm)", 512, &[1.0]),
            row(Kind::Baseline, "numkong upper half of E E'", 512, &[0.5]),
            row(Kind::Peer, "torch sort", 512, &[20.0]),
        ];
        rows[3].row.complete_product = false;
        compare(&mut rows);
        assert_eq!(rows[0].row.product.as_deref(), Some("numpy E E' (gemm)"));
        assert_eq!(rows[0].row.ratio_to_product, Some(2.0));
        assert_eq!(rows[4].row.ratio_to_product, Some(20.0));
        assert_eq!(rows[4].row.times_fastest_ours, Some(10.0));
        assert_eq!(rows[1].row.ratio_to_product, None);
    }
}
