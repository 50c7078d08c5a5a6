//! Training steps as bars.

use super::super::{
    super::{step::MeasuredStep, table::number},
    strips::{Mark, Strip, Strips},
    ticks::Axis,
};
use super::Figure;

/// A bar for each training step.
pub(super) fn steps(steps: &[MeasuredStep]) -> Vec<Figure> {
    let mut groups: Vec<(usize, usize, &str, usize)> = Vec::new();
    for row in steps.iter().map(|step| &step.row) {
        let group = (row.b, row.d, row.spread.as_str(), row.threads);
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    let figure = |(b, d, spread, threads): (usize, usize, &str, usize)| {
        let of_group = steps
            .iter()
            .map(|step| &step.row)
            .filter(|row| (row.b, row.d, row.spread.as_str(), row.threads) == (b, d, spread, threads));
        let strips: Vec<Strip> = of_group
            .filter_map(|row| {
                let parts = [row.forward_ms?, row.loss_ms?, row.backward_ms?, row.optimiser_ms?];
                let value = format!("{} ms", number(row.step_ms_min, 2));
                Some(Strip { name: row.loss_name.clone(), value, mark: Mark::Bar(parts.to_vec()) })
            })
            .collect();
        let longest = strips.iter().map(|strip| match &strip.mark {
            Mark::Bar(parts) => parts.iter().sum(),
            Mark::Value { value, .. } => *value,
        });
        let axis = Axis::from_zero("ms", longest.collect::<Vec<f64>>().into_iter());
        let parts = vec!["forward", "loss", "backward", "optimiser"];
        let title = format!("Training step: B = {b}, D = {d}, {spread}, {threads} thread(s)");
        let caption = "The fastest step of all rounds, and its parts.".to_owned();
        let svg = Strips { axis, strips, parts }.svg(&title);
        Figure { title, caption, svg }
    };
    groups.into_iter().map(figure).collect()
}
