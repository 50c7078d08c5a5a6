//! A run as one HTML page that needs nothing else: charts, tables, and how it was measured.

mod chart;
mod charts;
mod labels;
mod page;
mod strips;
mod style;
mod ticks;

pub(super) use page::page;

/// Text for HTML and SVG, in attributes too.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
