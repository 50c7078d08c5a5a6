//! The loss curve and the embedding, as SVG and PNG.

use super::projection::Plane;
use crate::{
    io::{Labels, OutputSet, shorten},
    palette::COLORS,
    pictures::write,
};
use anyhow::Result;
use kuva::prelude::*;
use std::{path::Path, sync::Arc};

/// Characters of a class name in a legend.
const LONGEST_NAME: usize = 40;

/// Width and height of the plot of an embedding.
const SIDE: f64 = 560.0;

/// What one batch gave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) loss: f64,
    pub(crate) violating: f64,
}

/// Loss (left axis) and fraction of violating triplets (right axis) over the batches.
pub(crate) fn loss_curve(outputs: &mut OutputSet, folder: &Path, steps: &[Step]) -> Result<()> {
    let points = |value: fn(&Step) -> f64| -> Vec<(f64, f64)> {
        let smooth = smoothed(&steps.iter().map(value).collect::<Vec<_>>());
        smooth.into_iter().enumerate().map(|(batch, y)| (batch as f64 + 1.0, y)).collect()
    };
    let line = |data, color: &str, legend: &str| -> Vec<Plot> {
        vec![LinePlot::new().with_data(data).with_color(color).with_legend(legend).into()]
    };
    let loss = line(points(|step| step.loss), COLORS[0], "loss");
    let violating =
        line(points(|step| 100.0 * step.violating), COLORS[1], "triplets that violate the margin");
    // A loss falls by factors; one that reaches zero has no logarithm.
    let positive = points(|step| step.loss).iter().all(|&(_, loss)| loss > 0.0);
    let layout = Layout::auto_from_plots(&loss);
    let layout = if positive { layout.with_log_y() } else { layout };
    let layout = layout
        .with_y2_auto(&violating)
        .with_title("Training (running mean over 15 batches)")
        .with_x_label("batch")
        .with_y_tick_format(TickFormat::Custom(Arc::new(short)))
        .with_y_label(if positive { "loss (logarithmic)" } else { "loss" })
        .with_y2_label("violating triplets (%)");
    write(outputs, folder, "loss-curve", &render_twin_y(loss, violating, layout))
}

/// Rows on their two principal components, coloured by label, on axes of one scale that reach to
/// `extent` on all sides.
pub(crate) fn embedding(
    outputs: &mut OutputSet,
    folder: &Path,
    name: &str,
    title: &str,
    plane: &Plane,
    extent: f64,
    labels: &Labels,
) -> Result<()> {
    let classes: Vec<i64> = labels.counts().into_iter().map(|(class, _)| class).collect();
    let plots: Vec<Plot> = classes
        .iter()
        .zip(COLORS.iter().cycle())
        .map(|(class, color)| {
            let points = plane.points.iter().zip(&labels.classes).filter(|(_, label)| *label == class);
            let plot = ScatterPlot::new()
                .with_data(points.map(|(&point, _)| point))
                .with_color(*color)
                .with_size(3.5);
            // A legend of more classes than colours would say nothing.
            if classes.len() <= COLORS.len() {
                plot.with_legend(shorten(&labels.name(*class), LONGEST_NAME)).into()
            } else {
                plot.into()
            }
        })
        .collect();
    let layout = Layout::auto_from_plots(&plots)
        .with_title(title)
        .with_subtitle("a projection: rows far apart here are far apart, rows close here may not be close")
        .with_x_label(component("first", plane.shares[0]))
        .with_y_label(component("second", plane.shares[1]))
        .with_width(SIDE)
        .with_height(SIDE)
        .with_x_axis_min(-extent)
        .with_x_axis_max(extent)
        .with_y_axis_min(-extent)
        .with_y_axis_max(extent)
        .with_equal_aspect();
    write(outputs, folder, name, &render_multiple(plots, layout))
}

fn component(which: &str, share: f64) -> String {
    format!("{which} principal component ({:.0} % of the variance)", 100.0 * share)
}

/// A number of three digits at most, without an exponent.
fn short(value: f64) -> String {
    format!("{value:.2e}").parse::<f64>().unwrap_or(value).to_string()
}

/// A running mean over the last 15 values.
fn smoothed(values: &[f64]) -> Vec<f64> {
    let window = |end: usize| &values[(end + 1).saturating_sub(15)..=end];
    (0..values.len()).map(|end| window(end).iter().sum::<f64>() / window(end).len() as f64).collect()
}
