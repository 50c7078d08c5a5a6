//! A run as one HTML page that needs nothing else: charts, tables, and how it was measured.

mod chart;
mod charts;
mod labels;
mod page;
mod strips;
mod style;
mod ticks;

use super::record::Run;
use crate::io;
use anyhow::Result;
use std::path::Path;

/// Writes the page.
pub(super) fn write(path: &Path, run: &Run, notes: &[String], advice: &[String]) -> Result<()> {
    let page = page::page(run, notes, advice);
    io::write_whole(path, |out| Ok(out.write_all(page.as_bytes())?))
}

/// Text for HTML and SVG, in attributes too.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
