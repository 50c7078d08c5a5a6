//! The rows as one HTML page that needs nothing else: table and charts.

use super::{
    roofline::Peaks,
    row::{Kind, Row},
    table,
};
use crate::{commands::info::cpu_name, io, palette::COLORS};
use anyhow::Result;
use kuva::{backend::svg::SvgBackend, prelude::*};
use std::{collections::BTreeMap, fmt::Write, path::Path};

const STYLE: &str = "\
body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:2em auto;padding:0 1em;color:#222}\
table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}\
th,td{padding:.2em .7em;border-bottom:1px solid #ddd;text-align:right}\
th:nth-child(3),td:nth-child(3),th:nth-child(4),td:nth-child(4){text-align:left}\
tr.floor{background:#f4f4f4}tr.peer{background:#fff6e5}\
main{display:grid;grid-template-columns:repeat(auto-fit,minmax(460px,1fr));gap:0 2em}\
figure{margin:1em 0}h2{font-size:17px;margin:.5em 0}figcaption{color:#555}svg{max-width:100%;height:auto}";

/// Lines by name: points by B, or by threads.
type Lines = BTreeMap<String, Vec<(f64, f64)>>;

/// Writes the page.
pub(super) fn write(path: &Path, rows: &[Row], peaks: &Peaks, libraries: &[String]) -> Result<()> {
    let page = page(rows, peaks, libraries);
    io::write_whole(path, |out| Ok(out.write_all(page.as_bytes())?))
}

fn page(rows: &[Row], peaks: &Peaks, libraries: &[String]) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>triplet bench</title><style>{STYLE}</style>\
         <h1>triplet bench</h1><p>{}: loss, mined triplets and gradient of a batch, in milliseconds; \
         the least of several rounds in which everything ran in turn.</p>",
        escaped(&cpu_name())
    );
    page.push_str("<main>");
    for (title, caption, svg) in charts(rows) {
        // Writing to a string cannot fail.
        let _ = write!(
            page,
            "<figure><h2>{}</h2>{svg}<figcaption>{}</figcaption></figure>",
            escaped(&title),
            escaped(caption)
        );
    }
    page.push_str("</main><h2>All figures</h2><table><thead><tr>");
    for name in table::HEADER {
        let _ = write!(page, "<th>{}</th>", escaped(name));
    }
    page.push_str("</tr></thead><tbody>");
    for row in rows {
        let kind = match row.kind {
            Kind::Ours => "ours",
            Kind::Floor => "floor",
            Kind::Peer => "peer",
        };
        let _ = write!(page, "<tr class=\"{kind}\">");
        for cell in table::cells(row) {
            let _ = write!(page, "<td>{}</td>", escaped(&cell));
        }
        page.push_str("</tr>");
    }
    page.push_str("</tbody></table>");
    for note in table::notes(rows, peaks, libraries) {
        let _ = write!(page, "<p>{}</p>", escaped(&note));
    }
    page.push_str("</html>\n");
    page
}

/// Title, caption and SVG of each chart that the rows have something for.
fn charts(rows: &[Row]) -> Vec<(String, &'static str, String)> {
    let mut charts = Vec::new();
    let mut names: Vec<String> = rows.iter().map(Row::label).collect();
    names.sort();
    names.dedup();
    let mut others: Vec<(usize, u64, usize)> =
        rows.iter().map(|row| (row.d, per_class(row), row.threads_given)).collect();
    others.sort_unstable();
    others.dedup();
    for &(width, per_class_, threads) in &others {
        let some: Vec<&Row> = rows
            .iter()
            .filter(|row| (row.d, per_class(row), row.threads_given) == (width, per_class_, threads))
            .collect();
        let what = format!("D = {width}, {per_class_} rows a class, {threads} thread(s)");
        let by_rows = |value: fn(&Row) -> Option<f64>| lines(&some, |row| row.b as f64, value);
        let values: [(&str, &'static str, bool, Lines); 4] = [
            (
                "ms a batch",
                "Time over the batch size; floors compute inner products only.",
                true,
                by_rows(Row::ms),
            ),
            (
                "times E E'",
                "Loss, triplets and gradient over the time of one matrix product.",
                false,
                by_rows(|row| row.ratio_to_product),
            ),
            (
                "% of peak",
                "Half of B x B x D multiply-adds at the measured peak, over the time.",
                false,
                by_rows(|row| row.share_of_roofline.map(|share| 100.0 * share)),
            ),
            ("MB", "Peak memory of a process that does nothing else.", true, by_rows(|row| row.peak_rss_mb)),
        ];
        for (unit, caption, log, lines) in values {
            if let Some(svg) = chart(&lines, &names, "batch size B", unit, (true, log)) {
                charts.push((format!("{unit}: {what}"), caption, svg));
            }
        }
    }
    let mut shapes: Vec<(usize, usize, u64)> =
        rows.iter().map(|row| (row.b, row.d, per_class(row))).collect();
    shapes.sort_unstable();
    shapes.dedup();
    for (batch, width, per_class_) in shapes {
        let some: Vec<&Row> = rows
            .iter()
            .filter(|row| {
                row.kind == Kind::Ours && (row.b, row.d, per_class(row)) == (batch, width, per_class_)
            })
            .collect();
        let mut lines = lines(&some, |row| row.threads_given as f64, Row::ms);
        for points in lines.values_mut() {
            let first = points[0].0 * points[0].1;
            points.iter_mut().for_each(|(_, ms)| *ms = first / *ms);
        }
        if let Some(svg) = chart(&lines, &names, "threads", "times one thread", (false, false)) {
            let title = format!("Scaling: {batch} x {width}, {per_class_} rows a class");
            charts.push((title, "Speed over the number of threads, the fewest taken as proportional.", svg));
        }
    }
    charts
}

fn per_class(row: &Row) -> u64 {
    row.per_class.round() as u64
}

/// Points of each name, ascending.
fn lines(rows: &[&Row], x: impl Fn(&Row) -> f64, y: impl Fn(&Row) -> Option<f64>) -> Lines {
    let mut lines = Lines::new();
    for row in rows {
        if let Some(value) = y(row).filter(|value| *value > 0.0) {
            lines.entry(row.label()).or_default().push((x(row), value));
        }
    }
    for points in lines.values_mut() {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    lines
}

/// A chart, if some line has two points at least.
fn chart(lines: &Lines, names: &[String], x: &str, y: &str, (log_x, log_y): (bool, bool)) -> Option<String> {
    if !lines.values().any(|points| points.len() > 1) {
        return None;
    }
    let plots: Vec<Plot> = lines
        .iter()
        .map(|(name, points)| {
            // One colour a name on the whole page.
            let place = names.iter().position(|other| other == name).unwrap_or(0);
            let line = LinePlot::new().with_data(points.clone()).with_color(COLORS[place % COLORS.len()]);
            line.with_legend(name.clone()).into()
        })
        .collect();
    let mut layout = Layout::auto_from_plots(&plots).with_x_label(x).with_y_label(y);
    if log_x {
        layout = layout.with_log_x();
    }
    if log_y {
        layout = layout.with_log_y();
    }
    Some(scalable(&SvgBackend::new().render_scene(&render_multiple(plots, layout))))
}

/// Lets a picture shrink with its column, instead of being cut off.
fn scalable(svg: &str) -> String {
    let number = |name: &str| {
        let rest = svg.split_once(&format!(" {name}=\""))?.1;
        rest.split_once('"').map(|(number, _)| number)
    };
    match (number("width"), number("height"), svg.contains("viewBox")) {
        (Some(width), Some(height), false) => {
            svg.replacen("<svg ", &format!("<svg viewBox=\"0 0 {width} {height}\" "), 1)
        }
        _ => svg.to_owned(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
