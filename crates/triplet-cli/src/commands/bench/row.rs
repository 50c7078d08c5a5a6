//! One line of the table: something measured on one input.

use serde::{Deserialize, Serialize};

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    /// A backend of ours.
    Ours,
    /// One matrix product, or less: what nobody who forms all inner products can beat.
    Floor,
    /// Another triplet loss.
    Peer,
}

/// A line of the table; the names are those of JSON and csv.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    pub(super) kind: Kind,
    pub(super) backend: String,
    pub(super) isa: String,
    /// Those that took part.
    pub(super) threads: usize,
    /// Those that there were.
    pub(super) threads_given: usize,
    pub(super) b: usize,
    pub(super) d: usize,
    pub(super) classes: usize,
    pub(super) per_class: f64,
    /// The loss alone; for floors, the product.
    pub(super) fwd_ms_min: Option<f64>,
    /// Loss, triplets and gradient.
    pub(super) fwd_bwd_ms_min: Option<f64>,
    pub(super) fwd_bwd_ms_median: Option<f64>,
    /// The product E E' of torch, or else NumPy, in the same rounds.
    pub(super) product_ms_min: Option<f64>,
    pub(super) fwd_ratio_to_product: Option<f64>,
    pub(super) ratio_to_product: Option<f64>,
    /// Half the multiply-adds of E E' at the peak of this instruction set and number of
    /// threads, over the time.
    pub(super) share_of_roofline: Option<f64>,
    /// Times the time of our fastest on the same input and number of threads.
    pub(super) times_ours: Option<f64>,
    pub(super) peak_rss_mb: Option<f64>,
    pub(super) base_rss_mb: Option<f64>,
    /// The loss, and for peers with our rule whether it is ours to 1e-4 of it.
    pub(super) loss: Option<f64>,
    pub(super) agrees: Option<bool>,
    /// Why there are no times.
    pub(super) left_out: Option<String>,
}

impl Row {
    /// What it is compared by: everything, or for floors the product.
    pub(super) fn ms(&self) -> Option<f64> {
        self.fwd_bwd_ms_min.or(self.fwd_ms_min)
    }

    /// A name for charts.
    pub(super) fn label(&self) -> String {
        if self.isa.is_empty() { self.backend.clone() } else { format!("{} {}", self.backend, self.isa) }
    }
}

/// Fills in what follows from the rows of one input and number of threads together.
pub(super) fn compare(rows: &mut [Row]) {
    let product = ["torch E E'", "numpy E E'"]
        .iter()
        .find_map(|name| rows.iter().find(|row| row.backend == *name).and_then(Row::ms));
    let least = |rows: &[Row], kind: Kind| {
        let times = rows.iter().filter(|row| row.kind == kind).filter_map(Row::ms);
        times.reduce(f64::min)
    };
    let ours = least(rows, Kind::Ours);
    for row in rows {
        row.times_ours = row.ms().zip(ours).map(|(ms, ours)| ms / ours);
        if row.kind == Kind::Ours {
            row.product_ms_min = product;
            row.fwd_ratio_to_product = row.fwd_ms_min.zip(product).map(|(ms, product)| ms / product);
            row.ratio_to_product = row.fwd_bwd_ms_min.zip(product).map(|(ms, product)| ms / product);
        }
    }
}

/// The smallest of some times.
pub(super) fn minimum(times: &[f64]) -> Option<f64> {
    times.iter().copied().reduce(f64::min)
}

/// The middle one of some times.
pub(super) fn median(times: &[f64]) -> Option<f64> {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        len if len % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}
