//! Labels at the ends of lines, moved apart where they would overlap.

/// Height of a line of text.
pub(super) const LINE: f64 = 15.0;
/// Width of a character, generously.
const CHARACTER: f64 = 7.9;
/// Characters from which on a label takes two lines.
const LONG: usize = 16;

/// A label: its lines of text, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Label {
    pub(super) lines: Vec<String>,
    /// The middle, from above.
    pub(super) y: f64,
}

impl Label {
    /// A text that would stand at `y`.
    pub(super) fn new(text: &str, y: f64) -> Self {
        Self { lines: split(text), y }
    }

    pub(super) fn height(&self) -> f64 {
        LINE * self.lines.len() as f64
    }

    pub(super) fn width(&self) -> f64 {
        let longest = self.lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
        CHARACTER * longest as f64
    }
}

/// A long text in two lines, cut at the space nearest to its middle.
fn split(text: &str) -> Vec<String> {
    let middle = text.len() / 2;
    let spaces = text.match_indices(' ').map(|(place, _)| place);
    match spaces.min_by_key(|place| place.abs_diff(middle)) {
        Some(place) if text.chars().count() > LONG => {
            vec![text[..place].to_owned(), text[place + 1..].to_owned()]
        }
        _ => vec![text.to_owned()],
    }
}

/// Moves labels apart, between `top` and `bottom`, as little as it takes from above.
pub(super) fn spread(labels: &mut [Label], top: f64, bottom: f64) {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by(|a, b| labels[*a].y.total_cmp(&labels[*b].y));
    let mut free = top;
    for &index in &order {
        let half = labels[index].height() / 2.0;
        labels[index].y = labels[index].y.max(free + half);
        free = labels[index].y + half;
    }
    let mut free = bottom;
    for &index in order.iter().rev() {
        let half = labels[index].height() / 2.0;
        labels[index].y = labels[index].y.min(free - half);
        free = labels[index].y - half;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_do_not_overlap_and_stay_inside() {
        let mut labels: Vec<Label> = [50.0, 51.0, 52.0, 199.0, 199.0, 3.0]
            .into_iter()
            .map(|y| Label::new("a name that is rather long", y))
            .collect();
        spread(&mut labels, 0.0, 200.0);
        labels.sort_by(|a, b| a.y.total_cmp(&b.y));
        for pair in labels.windows(2) {
            assert!(pair[1].y - pair[0].y >= 30.0 - 1e-9, "{pair:?}");
        }
        assert!(labels[0].y >= 15.0 && labels[5].y <= 185.0, "{labels:?}");
    }

    #[test]
    fn long_names_take_two_lines() {
        assert_eq!(split("par avx512"), ["par avx512"]);
        assert_eq!(split("numkong upper half of E E'"), ["numkong upper", "half of E E'"]);
        assert_eq!(split("pytorch-metric-learning"), ["pytorch-metric-learning"]);
    }
}
