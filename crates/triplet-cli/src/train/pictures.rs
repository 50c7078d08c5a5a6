//! The loss curve and the embedding, as SVG and PNG.

use super::projection::principal_plane;
use crate::{io, palette::COLORS};
use anyhow::{Result, anyhow};
use kuva::{
    backend::{png::PngBackend, svg::SvgBackend},
    prelude::*,
    render::render::Scene,
};
use ndarray::ArrayView2;
use std::path::Path;

/// Pixels of a PNG for one of the SVG.
const SCALE: f32 = 2.0;

/// What one batch gave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) loss: f64,
    pub(crate) active: f64,
}

/// Loss (left axis) and active fraction (right axis) over the batches.
pub(crate) fn loss_curve(folder: &Path, steps: &[Step]) -> Result<()> {
    let points = |value: fn(&Step) -> f64| -> Vec<(f64, f64)> {
        let smooth = smoothed(&steps.iter().map(value).collect::<Vec<_>>());
        smooth.into_iter().enumerate().map(|(batch, y)| (batch as f64 + 1.0, y)).collect()
    };
    let line = |data, color: &str, legend: &str| -> Vec<Plot> {
        vec![LinePlot::new().with_data(data).with_color(color).with_legend(legend).into()]
    };
    let loss = line(points(|step| step.loss), COLORS[0], "loss");
    let active = line(points(|step| 100.0 * step.active), COLORS[1], "active triplets");
    let layout = Layout::auto_from_plots(&loss)
        .with_y2_auto(&active)
        .with_title("Training (running mean over 15 batches)")
        .with_x_label("batch")
        .with_y_label("loss")
        .with_y2_label("active triplets (%)");
    write(folder, "loss-curve", &render_twin_y(loss, active, layout))
}

/// Rows on their two principal components, coloured by label.
pub(crate) fn embedding(
    folder: &Path,
    name: &str,
    title: &str,
    rows: ArrayView2<'_, f32>,
    labels: &[i64],
) -> Result<()> {
    let plane = principal_plane(rows);
    let mut classes = labels.to_vec();
    classes.sort_unstable();
    classes.dedup();
    let plots: Vec<Plot> = classes
        .iter()
        .zip(COLORS.iter().cycle())
        .map(|(class, color)| {
            let points = plane.iter().zip(labels).filter(|(_, label)| *label == class);
            let plot = ScatterPlot::new()
                .with_data(points.map(|(&point, _)| point))
                .with_color(*color)
                .with_size(3.5);
            // A legend of more classes than colours would say nothing.
            if classes.len() <= COLORS.len() {
                plot.with_legend(class.to_string()).into()
            } else {
                plot.into()
            }
        })
        .collect();
    let layout = Layout::auto_from_plots(&plots)
        .with_title(title)
        .with_x_label("first principal component")
        .with_y_label("second principal component");
    write(folder, name, &render_multiple(plots, layout))
}

fn write(folder: &Path, name: &str, scene: &Scene) -> Result<()> {
    let svg = SvgBackend::new().render_scene(scene);
    io::write_whole(&folder.join(format!("{name}.svg")), |out| Ok(out.write_all(svg.as_bytes())?))?;
    let png = PngBackend::new()
        .with_scale(SCALE)
        .render_scene(scene)
        .map_err(|e| anyhow!("drawing {name}: {e}"))?;
    io::write_whole(&folder.join(format!("{name}.png")), |out| Ok(out.write_all(&png)?))
}

/// A running mean over the last 15 values.
fn smoothed(values: &[f64]) -> Vec<f64> {
    let window = |end: usize| &values[(end + 1).saturating_sub(15)..=end];
    (0..values.len()).map(|end| window(end).iter().sum::<f64>() / window(end).len() as f64).collect()
}
