//! Lines over an axis, as SVG: markers, whiskers, and names at the lines' ends.

use super::{
    escaped,
    labels::{LINE, Label, spread},
    ticks::Axis,
};
use crate::palette::ON_WHITE;
use std::fmt::Write;

const WIDTH: f64 = 470.0;
const LEFT: f64 = 64.0;
const TOP: f64 = 14.0;
/// Below the plot: texts of the axis and its title.
const BELOW: f64 = 48.0;
const LEAST_HEIGHT: f64 = 240.0;

/// A chart.
#[derive(Debug, Clone)]
pub(super) struct Chart {
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) lines: Vec<Line>,
    /// Dashed: a name and its two ends.
    pub(super) guide: Option<(String, [(f64, f64); 2])>,
}

/// A line of a chart.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) name: String,
    /// The place of its colour and mark.
    pub(super) style: usize,
    pub(super) points: Vec<Point>,
}

/// A value, and how far its whisker reaches.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) whisker: Option<f64>,
    /// Shown when pointed at.
    pub(super) title: String,
}

impl Chart {
    /// The picture; `title` is its name for screen readers.
    pub(super) fn svg(&self, title: &str) -> String {
        let names =
            self.lines.iter().map(|line| line.name.as_str()).chain(self.guide.iter().map(|it| it.0.as_str()));
        let mut labels: Vec<Label> = names.map(|name| Label::new(name, 0.0)).collect();
        let heights: f64 = labels.iter().map(Label::height).sum();
        let plot = Plot {
            width: WIDTH - LEFT - 20.0 - labels.iter().map(Label::width).fold(0.0, f64::max),
            height: heights.max(LEAST_HEIGHT),
            chart: self,
        };
        let ends: Vec<(f64, f64)> = self
            .lines
            .iter()
            .map(|line| line.points.last().map_or((0.0, 0.0), |point| plot.at(point.x, point.y)))
            .chain(self.guide.iter().map(|(_, ends)| plot.at(ends[1].0, ends[1].1)))
            .collect();
        for (label, end) in labels.iter_mut().zip(&ends) {
            label.y = end.1;
        }
        spread(&mut labels, TOP - LINE / 2.0, TOP + plot.height + LINE / 2.0);
        let height = TOP + plot.height + BELOW;
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\" xmlns=\"http://www.w3.org/2000/svg\">",
            escaped(title)
        );
        plot.axes(&mut svg);
        if let Some((_, [from, to])) = &self.guide {
            let ((x1, y1), (x2, y2)) = (plot.at(from.0, from.1), plot.at(to.0, to.1));
            put(&mut svg, &format!("<path class=\"guide\" d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\"/>"));
        }
        for line in &self.lines {
            plot.line(&mut svg, line);
        }
        for (place, (label, end)) in labels.iter().zip(&ends).enumerate() {
            plot.label(&mut svg, self.lines.get(place), label, *end);
        }
        svg.push_str("</svg>");
        svg
    }
}

/// The area that values are drawn in.
struct Plot<'a> {
    width: f64,
    height: f64,
    chart: &'a Chart,
}

impl Plot<'_> {
    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let (x, y) = (self.chart.x.scale.place(x), self.chart.y.scale.place(y));
        (LEFT + x * self.width, TOP + (1.0 - y) * self.height)
    }

    fn axes(&self, svg: &mut String) {
        let (right, bottom) = (LEFT + self.width, TOP + self.height);
        for (value, text) in &self.chart.y.ticks {
            let y = TOP + (1.0 - self.chart.y.scale.place(*value)) * self.height;
            put(svg, &format!("<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right:.1}\"/>"));
            put(
                svg,
                &format!(
                    "<text class=\"tick\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
                    LEFT - 6.0,
                    y + 4.0
                ),
            );
        }
        put(svg, &format!("<path class=\"axis\" d=\"M{LEFT} {TOP}V{bottom}H{right:.1}\"/>"));
        for (value, text) in &self.chart.x.ticks {
            let x = LEFT + self.chart.x.scale.place(*value) * self.width;
            put(svg, &format!("<path class=\"axis\" d=\"M{x:.1} {bottom}v5\"/>"));
            put(
                svg,
                &format!(
                    "<text class=\"tick\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{text}</text>",
                    bottom + 19.0
                ),
            );
        }
        let (middle, below) = (LEFT + self.width / 2.0, bottom + 40.0);
        let (x, y) = (escaped(&self.chart.x.title), escaped(&self.chart.y.title));
        put(
            svg,
            &format!(
                "<text class=\"title\" x=\"{middle:.1}\" y=\"{below}\" text-anchor=\"middle\">{x}</text>"
            ),
        );
        let up = TOP + self.height / 2.0;
        put(
            svg,
            &format!(
                "<text class=\"title\" transform=\"translate(15 {up:.1}) rotate(-90)\" text-anchor=\"middle\">{y}</text>"
            ),
        );
    }

    fn line(&self, svg: &mut String, line: &Line) {
        let place = |point: &Point| self.at(point.x, point.y);
        let color = line.style % ON_WHITE.len();
        put(svg, &format!("<g class=\"c{color}\">"));
        let path: Vec<String> =
            line.points.iter().map(place).map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
        put(svg, &format!("<path class=\"line\" d=\"M{}\"/>", path.join("L")));
        for point in &line.points {
            let (x, y) = place(point);
            if let Some(whisker) = point.whisker {
                let end = self.at(point.x, whisker).1;
                put(svg, &format!("<path class=\"whisker\" d=\"M{x:.1} {y:.1}V{end:.1}m-4 0h8\"/>"));
            }
            put(svg, &format!("<g><title>{}</title>{}</g>", escaped(&point.title), marker(line.style, x, y)));
        }
        svg.push_str("</g>");
    }

    /// The name of a line, or of the guide, with a thin line to the end it belongs to.
    fn label(&self, svg: &mut String, line: Option<&Line>, label: &Label, (x, y): (f64, f64)) {
        let right = LEFT + self.width;
        let class =
            line.map_or_else(|| "guide-name".to_owned(), |line| format!("c{}", line.style % ON_WHITE.len()));
        put(
            svg,
            &format!(
                "<path class=\"leader {class}\" d=\"M{:.1} {y:.1}L{:.1} {:.1}\"/>",
                x + 6.0,
                right + 12.0,
                label.y
            ),
        );
        let first = label.y - label.height() / 2.0 + 11.5;
        for (index, text) in label.lines.iter().enumerate() {
            let (x, y) = (right + 15.0, first + LINE * index as f64);
            put(svg, &format!("<text class=\"name\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escaped(text)));
        }
    }
}

/// A mark of one of six shapes.
pub(super) fn marker(style: usize, x: f64, y: f64) -> String {
    match style % 6 {
        0 => format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>"),
        1 => format!("<path d=\"M{:.1} {:.1}h7v7h-7z\"/>", x - 3.5, y - 3.5),
        2 => format!("<path d=\"M{x:.1} {:.1}l4.5 8h-9z\"/>", y - 5.0),
        3 => format!("<path d=\"M{x:.1} {:.1}l5 5l-5 5l-5-5z\"/>", y - 5.0),
        4 => format!("<path d=\"M{x:.1} {:.1}l4.5-8h-9z\"/>", y + 5.0),
        _ => format!("<circle class=\"hollow\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"/>"),
    }
}

/// Adds to a picture.
fn put(svg: &mut String, text: &str) {
    // Writing to a string cannot fail.
    let _ = svg.write_str(text);
}
