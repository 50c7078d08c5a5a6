//! Charts over the batch size.

use super::super::{
    super::{
        row::{Kind, Row},
        table::number,
    },
    chart::{Chart, Line, Point},
    ticks::Axis,
};
use super::{Figure, name};

/// What is drawn of a row.
pub(super) struct Quantity {
    title: &'static str,
    axis: &'static str,
    pub(super) caption: &'static str,
    log: bool,
    pub(super) wanted: fn(&Row) -> bool,
    value: fn(&Row) -> Option<f64>,
    whisker: fn(&Row) -> Option<f64>,
    /// A dashed line at this value, by this name.
    guide: Option<(f64, &'static str)>,
}

/// In the order of the page; the first is the time.
pub(super) const QUANTITIES: [Quantity; 4] = [
    Quantity {
        title: "Time",
        axis: "ms (log)",
        caption: "Marks: the least of all rounds; whiskers reach to the median. Ours and other losses: loss, mined triplets and \
                  gradient. E E': one matrix product.",
        log: true,
        wanted: |_| true,
        value: Row::ms,
        whisker: Row::median_ms,
        guide: None,
    },
    Quantity {
        title: "Against the fastest product",
        axis: "times the product's time",
        caption: "Loss, mined triplets and gradient over the fastest matrix product E E' found in the same rounds. Below the \
                  dashed line they take less time than that product.",
        log: false,
        wanted: |row| row.kind == Kind::Ours,
        value: |row| row.ratio_to_product,
        whisker: |_| None,
        guide: Some((1.0, "the product")),
    },
    Quantity {
        title: "Share of the FMA peak",
        axis: "% of the peak",
        caption: "The B x B x D / 2 multiply-adds that all distances need, at the measured peak, over the time. A full product \
                  does twice as many: 50 % is the most it can reach.",
        log: false,
        wanted: |row| row.kind == Kind::Ours || row.complete_product,
        value: |row| row.share_of_fma_peak.map(|share| 100.0 * share),
        whisker: |_| None,
        guide: None,
    },
    Quantity {
        title: "Peak memory",
        axis: "MB (log)",
        caption: "The most memory of a process that computes loss and gradient once and does nothing else.",
        log: true,
        wanted: |row| row.kind == Kind::Ours,
        value: |row| row.peak_rss_mb,
        whisker: |_| None,
        guide: None,
    },
];

/// A quantity over the batch size, if some name has two points at least.
pub(super) fn by_batch(quantity: &Quantity, rows: &[&Row], names: &[String], what: &str) -> Option<Figure> {
    let several = names.iter().any(|name| name.ends_with(" thread") || name.ends_with(" threads"));
    let mut lines: Vec<Line> = Vec::new();
    for (style, wanted) in names.iter().enumerate() {
        let of_name = rows.iter().filter(|row| (quantity.wanted)(row) && name(row, several) == *wanted);
        let mut points: Vec<Point> = Vec::new();
        for row in of_name {
            let Some(y) = (quantity.value)(row).filter(|value| *value > 0.0) else { continue };
            // simd on one thread is measured once for every number of threads given.
            if points.iter().any(|point| point.x == row.b as f64) {
                continue;
            }
            let title = format!("{wanted}, B = {}: {} {}", row.b, number(Some(y), 3), quantity.axis);
            points.push(Point { x: row.b as f64, y, whisker: (quantity.whisker)(row), title });
        }
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        if !points.is_empty() {
            lines.push(Line { name: wanted.clone(), style, points });
        }
    }
    if !lines.iter().any(|line| line.points.len() > 1) {
        return None;
    }
    let points = || lines.iter().flat_map(|line| &line.points);
    let batches: Vec<usize> = points().map(|point| point.x as usize).collect();
    let x = Axis::of_numbers("batch size B (log)", &batches, true, 0.09);
    let values: Vec<f64> = points()
        .flat_map(|point| [Some(point.y), point.whisker])
        .chain([quantity.guide.map(|(at, _)| at)])
        .flatten()
        .collect();
    let y = if quantity.log {
        Axis::log(quantity.axis, values.iter().copied())
    } else {
        Axis::from_zero(quantity.axis, values.iter().copied())
    };
    let ends = (batches.iter().min().copied()? as f64, batches.iter().max().copied()? as f64);
    let guide = quantity.guide.map(|(at, name)| (name.to_owned(), [(ends.0, at), (ends.1, at)]));
    let title = format!("{}: {what}", quantity.title);
    let svg = Chart { x, y, lines, guide }.svg(&title);
    Some(Figure { title, caption: quantity.caption.to_owned(), svg })
}
