//! Which charts a run has something for.

use super::super::{
    record::Run,
    row::{Kind, Row},
    step::MeasuredStep,
    table::number,
};
use super::{
    chart::{Chart, Line, Point},
    strips::{Mark, Strip, Strips},
    ticks::Axis,
};

/// A picture with what stands above and below it.
pub(super) struct Figure {
    pub(super) title: String,
    pub(super) caption: String,
    pub(super) svg: String,
}

/// What is drawn of a row.
struct Quantity {
    title: &'static str,
    axis: &'static str,
    caption: &'static str,
    log: bool,
    wanted: fn(&Row) -> bool,
    value: fn(&Row) -> Option<f64>,
    whisker: fn(&Row) -> Option<f64>,
    /// A dashed line at this value, by this name.
    guide: Option<(f64, &'static str)>,
}

const QUANTITIES: [Quantity; 4] = [
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

/// All figures of a run, in order.
pub(super) fn figures(run: &Run) -> Vec<Figure> {
    let rows: Vec<&Row> = run.entries.iter().map(|it| &it.row).collect();
    let mut figures = Vec::new();
    let mut groups: Vec<(usize, &str)> = rows.iter().map(|row| (row.d, row.spread.as_str())).collect();
    groups.sort_unstable();
    groups.dedup();
    let names = names(&rows);
    for (width, spread) in groups {
        let some: Vec<&Row> =
            rows.iter().copied().filter(|row| row.d == width && row.spread == spread).collect();
        let what = format!("D = {width}, {spread}");
        let batches = distinct(some.iter().map(|row| row.b));
        if batches.len() > 1 {
            figures.extend(QUANTITIES.iter().filter_map(|quantity| by_batch(quantity, &some, &names, &what)));
        } else {
            figures.extend(one_batch(&some, &names, &format!("B = {}, {what}", batches[0])));
        }
        figures.extend(scaling(&some, &what));
    }
    figures.extend(steps(&run.steps));
    figures
}

fn distinct(numbers: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut numbers: Vec<usize> = numbers.collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// A row's name on the page: with its threads where several numbers were measured.
fn name(row: &Row, several: bool) -> String {
    match (several, row.threads) {
        (false, _) => row.label(),
        (true, 1) => format!("{}, 1 thread", row.label()),
        (true, threads) => format!("{}, {threads} threads", row.label()),
    }
}

fn several_threads(rows: &[&Row]) -> bool {
    distinct(rows.iter().map(|row| row.threads_given)).len() > 1
}

/// Every name on the page, ours first; its place is its style.
fn names(rows: &[&Row]) -> Vec<String> {
    let several = several_threads(rows);
    let mut names: Vec<String> = Vec::new();
    for kind in [Kind::Ours, Kind::Baseline, Kind::Peer] {
        for row in rows.iter().filter(|row| row.kind == kind) {
            let name = name(row, several);
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

/// A quantity over the batch size, if some name has two points at least.
fn by_batch(quantity: &Quantity, rows: &[&Row], names: &[String], what: &str) -> Option<Figure> {
    let several = names.iter().any(|name| name.ends_with("thread") || name.ends_with("threads"));
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

/// Times on one batch size, one strip each.
fn one_batch(rows: &[&Row], names: &[String], what: &str) -> Option<Figure> {
    let several = names.iter().any(|name| name.ends_with("thread") || name.ends_with("threads"));
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

/// Speed over the number of threads, if several were measured.
fn scaling(rows: &[&Row], what: &str) -> Option<Figure> {
    let rows: Vec<&&Row> = rows.iter().filter(|row| row.backend == "par" && row.ms().is_some()).collect();
    let threads = distinct(rows.iter().map(|row| row.threads_given));
    if threads.len() < 2 {
        return None;
    }
    let several_isas = rows.iter().any(|row| row.isa != rows[0].isa);
    let mut lines: Vec<Line> = Vec::new();
    for row in &rows {
        let rows_word = format!("{} rows", row.b);
        let name = if several_isas { format!("{}, {rows_word}", row.isa) } else { rows_word };
        let style = lines.len();
        let line = match lines.iter_mut().position(|line| line.name == name) {
            Some(place) => &mut lines[place],
            None => {
                lines.push(Line { name: name.clone(), style, points: Vec::new() });
                &mut lines[style]
            }
        };
        let (x, y) = (row.threads_given as f64, row.ms().unwrap_or(f64::NAN));
        line.points.push(Point { x, y, whisker: None, title: name });
    }
    for line in &mut lines {
        line.points.sort_by(|a, b| a.x.total_cmp(&b.x));
        let first = line.points[0].x * line.points[0].y;
        for point in &mut line.points {
            point.y = first / point.y;
            point.title = format!("{} on {} thread(s): {:.2} times", point.title, point.x, point.y);
        }
    }
    let most = *threads.last()? as f64;
    let values = lines.iter().flat_map(|line| &line.points).map(|point| point.y).chain([most]);
    let y = Axis::from_zero("times one thread", values);
    let x = Axis::of_numbers("threads", &threads, false, 0.05);
    let title = format!("Scaling: {what}");
    let guide = Some(("ideal".to_owned(), [(0.0, 0.0), (most, most)]));
    let caption = if threads[0] == 1 {
        "Time of the backend par on one thread over its time on several: loss, mined triplets and gradient."
            .to_owned()
    } else {
        format!("As times one thread, taking {} threads, the fewest measured, as ideal.", threads[0])
    };
    let svg = Chart { x, y, lines, guide }.svg(&title);
    Some(Figure { title, caption, svg })
}

/// A bar for each training step.
fn steps(steps: &[MeasuredStep]) -> Vec<Figure> {
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
                let value = format!("{} ms", number(row.step_ms_median, 2));
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
        let caption =
            "Parts: medians of the rounds. The figure beside a name is the median of the whole step."
                .to_owned();
        let svg = Strips { axis, strips, parts }.svg(&title);
        Figure { title, caption, svg }
    };
    groups.into_iter().map(figure).collect()
}
