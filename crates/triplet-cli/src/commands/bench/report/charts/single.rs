//! Times where only one batch size was measured.

use super::super::{
    super::row::Row,
    strips::{Mark, Strip, Strips},
    ticks::Axis,
};
use super::{Figure, QUANTITIES, name};

/// Times on one batch size, one strip each.
pub(super) fn one_batch(rows: &[&Row], names: &[String], what: &str) -> Option<Figure> {
    let several = names.iter().any(|name| name.ends_with(" thread") || name.ends_with(" threads"));
    let mut timed: Vec<(&&Row, f64)> = rows.iter().filter_map(|row| row.ms().map(|ms| (row, ms))).collect();
    timed.sort_by(|a, b| a.1.total_cmp(&b.1));
    timed.dedup_by(|a, b| name(a.0, several) == name(b.0, several));
    if timed.len() < 2 {
        return None;
    }
    let values = timed.iter().flat_map(|(row, ms)| [Some(*ms), row.median_ms()]).flatten();
    let axis = Axis::log("ms (log)", values.collect::<Vec<_>>().into_iter());
    let strip = |(row, ms): &(&&Row, f64)| {
        let name = name(row, several);
        let style = names.iter().position(|other| *other == name).unwrap_or(0);
        let mark = Mark::Value { style, value: *ms, whisker: row.median_ms() };
        Strip { name, value: format!("{ms:.3} ms"), mark }
    };
    let title = format!("Time: {what}");
    let svg = Strips { axis, strips: timed.iter().map(strip).collect(), parts: Vec::new() }.svg(&title);
    Some(Figure { title, caption: QUANTITIES[0].caption.to_owned(), svg })
}
