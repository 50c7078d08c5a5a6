//! Where values lie on an axis, and which of them are marked.

/// A scale from a value to a place between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    Linear { low: f64, high: f64 },
    Log { low: f64, high: f64 },
}

/// An axis: its title, its scale, and the marked values with their texts.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub(super) title: String,
    pub(super) scale: Scale,
    pub(super) ticks: Vec<(f64, String)>,
}

impl Scale {
    /// The place of a value: 0 at the low end, 1 at the high one.
    pub(super) fn place(self, value: f64) -> f64 {
        match self {
            Self::Linear { low, high } => (value - low) / (high - low),
            Self::Log { low, high } => (value / low).ln() / (high / low).ln(),
        }
    }
}

impl Axis {
    /// A linear axis from 0 to a round value that is not below any of `values`.
    pub(super) fn from_zero(title: &str, values: impl Iterator<Item = f64>) -> Self {
        let most = values.fold(0.0, f64::max).max(f64::MIN_POSITIVE);
        let step = round_up(most / 5.0);
        let count = (most / step * (1.0 - 1e-9)).ceil().max(1.0) as usize;
        let ticks = (0..=count).map(|place| place as f64 * step).map(|at| (at, text(at, step))).collect();
        Self { title: title.to_owned(), scale: Scale::Linear { low: 0.0, high: count as f64 * step }, ticks }
    }

    /// A logarithmic axis between round values that enclose all `values`.
    pub(super) fn log(title: &str, values: impl Iterator<Item = f64> + Clone) -> Self {
        let low = round_down(values.clone().fold(f64::INFINITY, f64::min));
        let mut high = round_up(values.fold(0.0, f64::max));
        if high <= low {
            high = round_up(low * 1.5);
        }
        let decades = (high / low).log10();
        let marked: &[f64] = if decades > 2.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let first = low.log10().floor() as i32;
        let last = high.log10().ceil() as i32;
        let values = (first..=last).flat_map(|power| marked.iter().map(move |m| m * 10_f64.powi(power)));
        let inside = values.filter(|value| *value >= low * (1.0 - 1e-9) && *value <= high * (1.0 + 1e-9));
        let ticks = inside.map(|at| (at, text(at, at))).collect();
        Self { title: title.to_owned(), scale: Scale::Log { low, high }, ticks }
    }

    /// An axis of whole numbers that marks those measured, as far as they are `apart` of its length.
    pub(super) fn of_numbers(title: &str, numbers: &[usize], log: bool, apart: f64) -> Self {
        let mut numbers = numbers.to_vec();
        numbers.sort_unstable();
        numbers.dedup();
        let (low, high) = (numbers[0] as f64, numbers[numbers.len() - 1] as f64);
        let scale = match (log, low < high) {
            (true, true) => {
                Scale::Log { low: low / (high / low).powf(0.04), high: high * (high / low).powf(0.04) }
            }
            (true, false) => Scale::Log { low: low / 2.0, high: high * 2.0 },
            (false, _) => Scale::Linear { low: 0.0, high: high * 1.06 },
        };
        let mut ticks: Vec<(f64, String)> = Vec::new();
        // From the largest down: the end of a line is what labels stand at.
        for number in numbers.iter().rev().map(|number| *number as f64) {
            if ticks.last().is_none_or(|(next, _)| scale.place(*next) - scale.place(number) >= apart) {
                ticks.push((number, format!("{number}")));
            }
        }
        ticks.reverse();
        Self { title: title.to_owned(), scale, ticks }
    }
}

/// The next of 1, 2, 5, 10, ... that is not below a value.
fn round_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let digits = [1.0, 2.0, 5.0, 10.0];
    digits
        .into_iter()
        .map(|digit| digit * power)
        .find(|round| *round >= value * (1.0 - 1e-9))
        .unwrap_or(value)
}

/// The last of 1, 2, 5, 10, ... that is not above a value.
fn round_down(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let digits = [5.0, 2.0, 1.0];
    digits
        .into_iter()
        .map(|digit| digit * power)
        .find(|round| *round <= value * (1.0 + 1e-9))
        .unwrap_or(value)
}

/// A value with the decimals that a step needs, never with an exponent.
fn text(value: f64, step: f64) -> String {
    let decimals = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, text)| text.as_str()).collect()
    }

    #[test]
    fn axes_enclose_their_values_and_write_them_plainly() {
        let axis = Axis::from_zero("", [0.31, 0.97].into_iter());
        assert_eq!(texts(&axis), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        let axis = Axis::from_zero("", std::iter::once(1234.0));
        assert_eq!(texts(&axis), ["0", "500", "1000", "1500"]);
        let axis = Axis::log("", [0.035, 0.9].into_iter());
        assert_eq!(texts(&axis), ["0.02", "0.05", "0.1", "0.2", "0.5", "1"]);
        let axis = Axis::log("", [0.035, 23_000.0].into_iter());
        assert_eq!(texts(&axis), ["0.1", "1", "10", "100", "1000", "10000"]);
        assert_eq!(axis.scale, Scale::Log { low: 0.02, high: 50_000.0 });
        let axis = Axis::log("", std::iter::once(1.0));
        assert_eq!(axis.scale, Scale::Log { low: 1.0, high: 2.0 });
        let axis = Axis::from_zero("", std::iter::empty());
        assert!(axis.scale.place(0.0) == 0.0);
    }

    #[test]
    fn threads_are_whole_numbers_that_were_measured() {
        let axis = Axis::of_numbers("threads", &[2, 1, 2, 4], false, 0.05);
        assert_eq!(texts(&axis), ["1", "2", "4"]);
        let axis = Axis::of_numbers("B", &[64, 65, 1024], true, 0.1);
        assert_eq!(texts(&axis), ["65", "1024"], "64 would stand on 65");
        assert_eq!(texts(&Axis::of_numbers("B", &[64], true, 0.1)), ["64"]);
    }

    #[test]
    fn places_run_from_0_to_1() {
        let scale = Scale::Log { low: 1.0, high: 100.0 };
        assert!((scale.place(10.0) - 0.5).abs() < 1e-12);
        assert_eq!(Scale::Linear { low: 0.0, high: 4.0 }.place(1.0), 0.25);
    }
}
