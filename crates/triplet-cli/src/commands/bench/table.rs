//! The rows for people and for programs: tables, JSON, csv.

use super::{
    record::Run,
    row::{Kind, Row},
    step::StepRow,
};
use crate::output;
use anyhow::Result;
use comfy_table::{Table, presets};
use serde::Serialize;
use std::io::Write;

/// What the columns of table and report are called, in two lines where they are long.
pub(super) const HEADER: [&str; 12] = [
    "B x D",
    "classes",
    "what",
    "kernels",
    "threads",
    "loss\nms",
    "loss+gradient\nms",
    "median\nms",
    "times\nfastest ours",
    "ratio to\nproduct",
    "share of\nFMA peak",
    "peak\nMB",
];

/// The same of training steps.
pub(super) const STEP_HEADER: [&str; 12] = [
    "B x D",
    "classes",
    "loss",
    "threads",
    "forward\nms",
    "loss\nms",
    "backward\nms",
    "optimiser\nms",
    "step\nms",
    "median\nms",
    "the loss\nadds ms",
    "times\nours",
];

pub(super) fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

/// A part as percent, with a decimal where that is small.
fn percent(part: Option<f64>) -> String {
    let percent = part.map(|part| 100.0 * part);
    let digits = if percent.is_some_and(|percent| percent < 9.95) { 1 } else { 0 };
    percent.map_or_else(|| "-".to_owned(), |percent| format!("{percent:.digits$} %"))
}

/// The cells of a row.
pub(super) fn cells(row: &Row) -> [String; 12] {
    let mut input = format!("{} x {}", row.b, row.d);
    if !row.differences.is_empty() {
        input = format!("{input}\n{}", row.differences);
    }
    let mut what = row.backend.clone();
    if row.agrees == Some(false) {
        what.push_str(" (another loss!)");
    }
    let both = match &row.left_out {
        Some(_) => "left out".to_owned(),
        None if row.kind == Kind::Ours => number(row.fwd_bwd_ms_min, 3),
        None => number(row.ms(), 3),
    };
    [
        input,
        row.classes.to_string(),
        what,
        row.isa.clone(),
        row.threads.to_string(),
        number(row.fwd_ms_min.filter(|_| row.kind == Kind::Ours), 3),
        both,
        number(row.median_ms(), 3),
        number(row.times_fastest_ours, 2),
        number(row.ratio_to_product, 2),
        percent(row.share_of_fma_peak),
        number(row.peak_rss_mb, 0),
    ]
}

/// The cells of a row of steps.
pub(super) fn step_cells(row: &StepRow) -> [String; 12] {
    let mut name = row.loss_name.clone();
    if row.agrees == Some(false) {
        name.push_str(" (another loss!)");
    }
    let least = match &row.left_out {
        Some(_) => "left out".to_owned(),
        None => number(row.step_ms_min, 3),
    };
    [
        format!("{} x {}", row.b, row.d),
        row.classes.to_string(),
        name,
        row.threads.to_string(),
        number(row.forward_ms, 3),
        number(row.loss_ms, 3),
        number(row.backward_ms, 3),
        number(row.optimiser_ms, 3),
        least,
        number(row.step_ms_median, 3),
        number(row.loss_adds_ms, 3),
        number(row.times_ours, 2),
    ]
}

/// Prints the tables, what their columns mean, and what is fastest.
pub(super) fn print(run: &Run, notes: &[String], advice: &[String]) {
    if !run.entries.is_empty() {
        print_one(&HEADER, run.entries.iter().map(|it| cells(&it.row)));
    }
    if !run.steps.is_empty() {
        print_one(&STEP_HEADER, run.steps.iter().map(|it| step_cells(&it.row)));
    }
    for line in notes.iter().chain(advice) {
        output::line(line);
    }
}

fn print_one<const N: usize>(header: &[&str; N], rows: impl Iterator<Item = [String; N]>) {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(header);
    table.add_rows(rows);
    output::line(table);
}

/// Writes the rows, of steps if there are any, as csv with the JSON's names as header.
pub(super) fn write_csv(out: &mut dyn Write, run: &Run) -> Result<()> {
    if run.steps.is_empty() {
        write_rows(out, run.entries.iter().map(|it| &it.row))
    } else {
        write_rows(out, run.steps.iter().map(|it| &it.row))
    }
}

fn write_rows<'a, R: Serialize + 'a>(
    out: &mut dyn Write,
    mut rows: impl Iterator<Item = &'a R>,
) -> Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    rows.try_for_each(|row| writer.serialize(row))?;
    Ok(writer.flush()?)
}
