//! Threads as an axis.

use super::super::{
    super::row::Row,
    chart::{Chart, Line, Point},
    ticks::Axis,
};
use super::{Figure, distinct};

/// Speed over the number of threads, if several were measured.
pub(super) fn scaling(rows: &[&Row], what: &str) -> Option<Figure> {
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
