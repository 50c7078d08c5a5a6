//! Numbers that differ in a file and no longer do in f32.

/// The share of a column's range that rounding to f32 may take away.
const LOST: f64 = 1e-4;

/// Two rows whose values differ by more than a ten thousandth of the column's range and become
/// one f32, with those values: where numbers are far from 0 and close to each other, or tiny.
pub(crate) fn merged<I: Iterator<Item = f64>>(values: impl Fn() -> I) -> Option<[(usize, f64); 2]> {
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values().filter(|value| value.is_finite()) {
        (least, most) = (least.min(value), most.max(value));
    }
    let lost = (most - least) * LOST;
    // Half a unit in the last place of the largest value.
    let rounding = least.abs().max(most.abs()) * f64::from(f32::EPSILON) / 2.0;
    if lost <= 0.0 || 2.0 * rounding.max(f64::from(f32::MIN_POSITIVE)) <= lost {
        return None;
    }
    let mut sorted: Vec<(usize, f64)> = values().enumerate().filter(|(_, value)| value.is_finite()).collect();
    sorted.sort_by(|a, b| a.1.total_cmp(&b.1));
    let groups = sorted.chunk_by(|a, b| a.1 as f32 == b.1 as f32);
    let mut pairs = groups.filter_map(|group| Some([*group.first()?, *group.last()?]));
    pairs.find(|[low, high]| high.1 - low.1 > lost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_merge_where_rounding_takes_much_of_their_range() {
        let merged = |values: &[f64]| merged(|| values.iter().copied()).map(|pair| pair.map(|(row, _)| row));
        assert_eq!(merged(&[1.7e9, 1.7e9 + 1.0, 1.7e9 + 2.0]), Some([0, 2]));
        assert_eq!(merged(&[1e-50, 2e-50]), Some([0, 1]));
        assert_eq!(merged(&[5.0, 5.0]), None);
        assert_eq!(merged(&[0.1 + 0.2, 0.3, 1.0]), None);
        assert_eq!(merged(&[1.7e9, 0.0, 1.7e9 + 1.0]), None);
        assert_eq!(merged(&[f64::NAN, f64::INFINITY]), None);
        assert_eq!(merged(&[]), None);
    }
}
