//! How the page looks: on a wide screen, on a phone, in the dark, on paper.

use crate::palette::{DARK, ON_DARK, ON_WHITE};
use std::fmt::Write;

const STYLE: &str = "\
body{font:15px/1.5 system-ui,sans-serif;max-width:1180px;margin:1.5em auto;padding:0 16px;\
color:var(--ink);background:var(--ground)}\
h1{font-size:24px;margin:.2em 0}h2{font-size:19px;margin:1.6em 0 .4em}h3{font-size:15px;margin:0 0 .3em}\
p{margin:.4em 0}code{font-size:13px;overflow-wrap:anywhere}.quiet,figcaption{color:var(--soft)}\
.advice{border-left:4px solid var(--c0);padding:.2em 0 .2em .8em;margin:1em 0}\
main{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(480px,100%),1fr));gap:1.2em 2em}\
figure{margin:0;min-width:0}figcaption{font-size:13px}svg{display:block;width:100%;max-width:580px;height:auto}\
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:6px}\
table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums;width:100%}\
th,td{padding:.25em .6em;border-bottom:1px solid var(--line);text-align:right;vertical-align:top}\
thead th{vertical-align:bottom}th.text,td.text{text-align:left}td:first-child{white-space:nowrap}\
tr.baseline{background:var(--shade)}tr.peer{background:var(--warm)}li{margin:.3em 0;overflow-wrap:anywhere}ul{padding-left:1.2em}\
svg text{fill:var(--ink);font:13px system-ui,sans-serif}svg .tick{font-size:12px;fill:var(--soft)}svg .title{fill:var(--soft)}\
svg .value{fill:var(--soft)}svg .halo{paint-order:stroke;stroke:var(--ground);stroke-width:4px}\
.grid{stroke:var(--line);fill:none}.axis{stroke:var(--soft);fill:none}\
.line{stroke:currentColor;fill:none;stroke-width:2}.whisker{stroke:currentColor;fill:none;stroke-width:1.3}\
.leader{stroke:currentColor;fill:none;stroke-width:1;opacity:.5}.guide{stroke:var(--soft);fill:none;stroke-dasharray:6 4;stroke-width:1.5}\
.guide-name{color:var(--soft)}svg circle,svg g>path:not([class]),svg .fill{fill:currentColor}\
svg .hollow{fill:var(--ground);stroke:currentColor;stroke-width:2}";

/// The page's style sheet.
pub(super) fn sheet() -> String {
    let light = colors("#1d2126", "#5b626b", "#d8dce1", "#ffffff", ["#f1f3f6", "#fff5e2"], &ON_WHITE);
    let dark = colors("#e8eaed", "#a5acb5", "#3a4048", DARK, ["#1e2229", "#2b2417"], &ON_DARK);
    let mut sheet = format!(":root{{color-scheme:light dark;{light}}}{STYLE}");
    for place in 0..ON_WHITE.len() {
        // Writing to a string cannot fail.
        let _ = write!(sheet, ".c{place}{{color:var(--c{place})}}");
    }
    let _ = write!(sheet, "@media(prefers-color-scheme:dark){{:root{{{dark}}}}}");
    let _ = write!(
        sheet,
        "@media print{{@page{{size:A4 landscape;margin:12mm}}:root{{color-scheme:light;{light}}}body{{max-width:none;margin:0;\
         padding:0;font-size:11px}}main{{grid-template-columns:1fr 1fr}}figure,tr,.advice{{break-inside:avoid}}h2,h3{{break-after:avoid}}\
         .scroll{{overflow:visible;border:0}}table{{font-size:9px}}th,td{{padding:.15em .4em}}\
         tr,svg{{print-color-adjust:exact;-webkit-print-color-adjust:exact}}}}"
    );
    sheet
}

fn colors(
    ink: &str,
    soft: &str,
    line: &str,
    ground: &str,
    [shade, warm]: [&str; 2],
    lines: &[&str],
) -> String {
    let mut text =
        format!("--ink:{ink};--soft:{soft};--line:{line};--ground:{ground};--shade:{shade};--warm:{warm};");
    for (place, color) in lines.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(text, "--c{place}:{color};");
    }
    text
}
