//! Histograms of the distances that were mined.

use super::summary::Histograms;
use crate::{io::OutputSet, palette::COLORS, pictures::write};
use anyhow::Result;
use kuva::prelude::*;
use std::path::Path;

/// Distances of positives, and of the negatives mined for them.
pub(super) fn distances(outputs: &mut OutputSet, folder: &Path, histograms: &Histograms) -> Result<()> {
    let [least, most] = histograms.range;
    let width = (most - least) / histograms.near.len() as f64;
    let steps = |counts: &[u64]| -> Vec<(f64, f64)> {
        let all: u64 = counts.iter().sum::<u64>().max(1);
        let bins = counts.iter().enumerate();
        bins.flat_map(|(bin, &count)| {
            let (from, share) = (least + width * bin as f64, 100.0 * count as f64 / all as f64);
            [(from, share), (from + width, share)]
        })
        .collect()
    };
    let plots: Vec<Plot> =
        [("positives", &histograms.near, COLORS[0]), ("negatives", &histograms.far, COLORS[1])]
            .into_iter()
            .map(|(name, counts, color)| {
                LinePlot::new().with_data(steps(counts)).with_color(color).with_legend(name).into()
            })
            .collect();
    let layout = Layout::auto_from_plots(&plots)
        .with_title("Mined triplets")
        .with_x_label("distance from the anchor")
        .with_y_label("share of the pairs (%)");
    write(outputs, folder, "distances", &render_multiple(plots, layout))
}
