//! The page around charts and tables.

use super::super::{record::Run, row::Kind, table};
use super::{charts::figures, escaped, style::sheet};
use std::fmt::Write;

/// Columns of text; the others are numbers.
const TEXT: [&str; 3] = ["what", "kernels", "loss"];

/// The whole page.
pub(in crate::commands::bench) fn page(run: &Run, notes: &[String], advice: &[String]) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>triplet bench, {}</title><style>{}</style></head><body><h1>triplet bench</h1><p>{}</p><p><code>{}</code></p>",
        escaped(&run.date),
        sheet(),
        escaped(&run.title()),
        escaped(&run.command)
    );
    for line in advice {
        // Writing to a string cannot fail, here and below.
        let _ = write!(page, "<p class=\"advice\">{}</p>", escaped(line));
    }
    let figures = figures(run);
    if !figures.is_empty() {
        page.push_str("<h2>Charts</h2><main>");
        for figure in figures {
            let _ = write!(
                page,
                "<figure><h3>{}</h3>{}<figcaption>{}</figcaption></figure>",
                escaped(&figure.title),
                figure.svg,
                escaped(&figure.caption)
            );
        }
        page.push_str("</main>");
    }
    if !run.entries.is_empty() {
        page.push_str("<h2>All figures</h2>");
        let rows = run.entries.iter().map(|it| (it.row.kind, table::cells(&it.row)));
        push_table(&mut page, &table::HEADER, rows);
    }
    if !run.steps.is_empty() {
        page.push_str("<h2>Training steps</h2>");
        let rows = run.steps.iter().map(|it| (Kind::Step, table::step_cells(&it.row)));
        push_table(&mut page, &table::STEP_HEADER, rows);
    }
    page.push_str("<h2>How it was measured</h2><ul>");
    for note in notes {
        let _ = write!(page, "<li>{}</li>", escaped(note));
    }
    page.push_str("</ul></body></html>\n");
    page
}

/// A table in a box of its own, which scrolls where it is too wide.
fn push_table<const N: usize>(
    page: &mut String,
    header: &[&str; N],
    rows: impl Iterator<Item = (Kind, [String; N])>,
) {
    let class = |column: usize| if TEXT.contains(&header[column]) { " class=\"text\"" } else { "" };
    page.push_str("<div class=\"scroll\"><table><thead><tr>");
    for (column, name) in header.iter().enumerate() {
        let _ = write!(page, "<th scope=\"col\"{}>{}</th>", class(column), escaped(name).replace('\n', " "));
    }
    page.push_str("</tr></thead><tbody>");
    for (kind, cells) in rows {
        let _ = write!(page, "<tr class=\"{}\">", kind.name());
        for (column, cell) in cells.iter().enumerate() {
            let _ = write!(page, "<td{}>{}</td>", class(column), escaped(cell));
        }
        page.push_str("</tr>");
    }
    page.push_str("</tbody></table></div>");
}
