//! One strip for each of a few things, as SVG: a mark on a logarithmic axis, or a stacked bar.

use super::{chart::marker, escaped, ticks::Axis};
use crate::palette::ON_WHITE;
use std::fmt::Write;

const WIDTH: f64 = 470.0;
const LEFT: f64 = 10.0;
const RIGHT: f64 = 24.0;
/// A name above its strip.
const NAME: f64 = 16.0;
const STRIP: f64 = 36.0;
const BELOW: f64 = 48.0;

/// Strips over one axis.
pub(super) struct Strips {
    pub(super) axis: Axis,
    pub(super) strips: Vec<Strip>,
    /// Names of a bar's parts, if the strips are bars.
    pub(super) parts: Vec<&'static str>,
}

/// A strip.
pub(super) struct Strip {
    pub(super) name: String,
    /// Follows the name.
    pub(super) value: String,
    pub(super) mark: Mark,
}

/// What a strip shows.
pub(super) enum Mark {
    /// A value with a whisker, in a style.
    Value { style: usize, value: f64, whisker: Option<f64> },
    /// Parts of a bar that starts at 0.
    Bar(Vec<f64>),
}

impl Strips {
    /// The picture; `title` is its name for screen readers.
    pub(super) fn svg(&self, title: &str) -> String {
        let legend = if self.parts.is_empty() { 0.0 } else { 26.0 };
        let bottom = legend + STRIP * self.strips.len() as f64 + 6.0;
        let width = WIDTH - LEFT - RIGHT;
        let at = |value: f64| LEFT + self.axis.scale.place(value) * width;
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{}\" xmlns=\"http://www.w3.org/2000/svg\">",
            bottom + BELOW,
            escaped(title)
        );
        // Writing to a string cannot fail.
        for (value, text) in &self.axis.ticks {
            let x = at(*value);
            let _ = write!(svg, "<path class=\"grid\" d=\"M{x:.1} {legend}V{bottom}\"/>");
            let _ = write!(
                svg,
                "<text class=\"tick\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{text}</text>",
                bottom + 17.0
            );
        }
        let _ = write!(svg, "<path class=\"axis\" d=\"M{LEFT} {bottom}h{width}\"/>");
        let _ = write!(
            svg,
            "<text class=\"title\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            LEFT + width / 2.0,
            bottom + 38.0,
            escaped(&self.axis.title)
        );
        let mut x = LEFT;
        for (index, part) in self.parts.iter().enumerate() {
            let _ = write!(svg, "<path class=\"c{index} fill\" d=\"M{x} 4h12v12h-12z\"/>");
            let _ = write!(svg, "<text class=\"name\" x=\"{}\" y=\"15\">{part}</text>", x + 17.0);
            x += 40.0 + 7.9 * part.len() as f64;
        }
        for (index, strip) in self.strips.iter().enumerate() {
            let top = legend + STRIP * index as f64;
            let _ = write!(
                svg,
                "<text class=\"name halo\" x=\"{}\" y=\"{:.1}\">{} <tspan class=\"value\">{}</tspan></text>",
                LEFT + 2.0,
                top + 13.0,
                escaped(&strip.name),
                escaped(&strip.value)
            );
            strip.mark.draw(&mut svg, at, top + NAME);
        }
        svg.push_str("</svg>");
        svg
    }
}

impl Mark {
    fn draw(&self, svg: &mut String, at: impl Fn(f64) -> f64, top: f64) {
        match self {
            Self::Value { style, value, whisker } => {
                let (x, y) = (at(*value), top + 9.0);
                let _ = write!(svg, "<g class=\"c{}\">", style % ON_WHITE.len());
                if let Some(whisker) = whisker {
                    let end = at(*whisker);
                    let _ = write!(svg, "<path class=\"whisker\" d=\"M{x:.1} {y:.1}H{end:.1}m0 -4v8\"/>");
                }
                let _ = write!(svg, "{}</g>", marker(*style, x, y));
            }
            Self::Bar(parts) => {
                let mut start = 0.0;
                for (index, part) in parts.iter().enumerate() {
                    let (x, width) = (at(start), at(start + part) - at(start));
                    let _ = write!(
                        svg,
                        "<path class=\"c{index} fill\" d=\"M{x:.1} {top:.1}h{width:.1}v14h-{width:.1}z\"/>"
                    );
                    start += part;
                }
            }
        }
    }
}
