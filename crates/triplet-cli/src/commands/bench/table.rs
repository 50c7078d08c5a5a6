//! The rows for people and for programs: table, JSON, csv.

use super::{
    roofline::Peaks,
    row::{Kind, Row},
};
use crate::{commands::info::cpu_name, io, output};
use anyhow::Result;
use comfy_table::{Table, presets};
use serde_json::{Value, json};
use std::path::Path;

/// What the columns of table and report are called.
pub(super) const HEADER: [&str; 12] = [
    "B x D",
    "classes",
    "what",
    "isa",
    "threads",
    "loss ms",
    "+ gradient ms",
    "median",
    "x ours",
    "/ product",
    "of peak",
    "peak MB",
];

/// The cells of a row.
pub(super) fn cells(row: &Row) -> [String; 12] {
    let number = |value: Option<f64>, digits: usize| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
    };
    let mut what = row.backend.clone();
    if row.agrees == Some(false) {
        what.push_str(" (another loss!)");
    }
    let both = match &row.left_out {
        Some(reason) => format!("left out: {reason}"),
        None => number(row.fwd_bwd_ms_min, 3),
    };
    [
        format!("{} x {}", row.b, row.d),
        row.classes.to_string(),
        what,
        row.isa.clone(),
        row.threads.to_string(),
        number(row.fwd_ms_min, 3),
        both,
        number(row.fwd_bwd_ms_median, 3),
        number(row.times_ours, 2),
        number(row.ratio_to_product, 2),
        row.share_of_roofline.map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", 100.0 * share)),
        number(row.peak_rss_mb, 0),
    ]
}

/// Prints the table.
pub(super) fn print(rows: &[Row], peaks: &Peaks, libraries: &[String]) {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(HEADER);
    for row in rows {
        table.add_row(cells(row));
    }
    output::line(table);
    for note in notes(rows, peaks, libraries) {
        output::line(note);
    }
}

/// What the columns mean, and what was compared with.
pub(super) fn notes(rows: &[Row], peaks: &Peaks, libraries: &[String]) -> Vec<String> {
    let mut notes = Vec::new();
    if rows.iter().any(|row| row.kind != Kind::Ours) {
        notes.push(format!("compared with: {}", libraries.join(", ")));
        notes.push("/ product: over the time of E E' by torch, or else NumPy, in the same rounds".to_owned());
    }
    for ((isa, threads), peak) in peaks {
        notes.push(format!(
            "of peak: {isa} on {threads} thread(s) does {:.1} G multiply-adds/s; half of B x B x D at that rate is 100 %",
            peak / 1e9
        ));
    }
    notes
}

/// One line of JSON.
pub(super) fn json(rows: &[Row], peaks: &Peaks, libraries: &[String]) -> Value {
    let peaks: Vec<Value> = peaks
        .iter()
        .map(|((isa, threads), peak)| json!({ "isa": isa, "threads": threads, "multiply_adds_per_second": peak }))
        .collect();
    let threads = rows.iter().map(|row| row.threads).max();
    json!({ "cpu": cpu_name(), "threads": threads, "peaks": peaks, "libraries": libraries, "rows": rows })
}

/// A csv file with the JSON's names as header.
pub(super) fn write_csv(path: &Path, rows: &[Row]) -> Result<()> {
    io::write_whole(path, |out| {
        let mut writer = csv::Writer::from_writer(out);
        rows.iter().try_for_each(|row| writer.serialize(row))?;
        Ok(writer.flush()?)
    })
}
