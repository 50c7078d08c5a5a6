//! Of a list of times: the least, quantiles, and how sure a ratio of medians is.

/// Resamples of the bootstrap.
const RESAMPLES: usize = 2000;

/// The smallest of some times.
pub(super) fn minimum(times: &[f64]) -> Option<f64> {
    times.iter().copied().reduce(f64::min)
}

/// The middle one of some times, or the mean of the middle two.
pub(super) fn median(times: &[f64]) -> Option<f64> {
    quantile(times, 0.5)
}

/// A quantile, from 0 to 1, with straight lines between the sorted times.
pub(super) fn quantile(times: &[f64], part: f64) -> Option<f64> {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = part * sorted.len().checked_sub(1)? as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Some(low + (high - low) * place.fract())
}

/// The interval that holds `confidence` of the ratios `median(b) / median(a)` when rounds of both
/// are drawn again with replacement. `None` if one is empty.
pub(super) fn ratio_interval(a: &[f64], b: &[f64], confidence: f64) -> Option<(f64, f64)> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let mut rng = fastrand::Rng::with_seed(1);
    let mut again = |times: &[f64], drawn: &mut Vec<f64>| {
        drawn.clear();
        drawn.extend((0..times.len()).map(|_| times[rng.usize(..times.len())]));
        let upper = drawn.len() / 2;
        let (below, middle, _) = drawn.select_nth_unstable_by(upper, f64::total_cmp);
        let middle = *middle;
        if times.len() % 2 == 1 {
            return middle;
        }
        f64::midpoint(middle, below.iter().copied().fold(f64::MIN, f64::max))
    };
    let mut drawn = Vec::new();
    let ratios: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let of_a = again(a, &mut drawn);
            again(b, &mut drawn) / of_a
        })
        .collect();
    let tail = (1.0 - confidence) / 2.0;
    Some((quantile(&ratios, tail)?, quantile(&ratios, 1.0 - tail)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(quantile(&[0.0, 10.0], 0.9), Some(9.0));
        assert_eq!(minimum(&[2.0, 1.0]), Some(1.0));
    }

    #[test]
    fn the_interval_holds_the_ratio_and_narrows_with_rounds() {
        let noisy = |rounds: usize, scale: f64, seed: u64| -> Vec<f64> {
            let mut rng = fastrand::Rng::with_seed(seed);
            (0..rounds).map(|_| scale * (1.0 + 0.2 * rng.f64())).collect()
        };
        let (low, high) = ratio_interval(&noisy(50, 1.0, 2), &noisy(50, 1.5, 3), 0.99).unwrap();
        assert!(low < 1.5 && 1.5 < high && low > 1.3 && high < 1.7, "{low} {high}");
        let (few_low, few_high) = ratio_interval(&noisy(5, 1.0, 2), &noisy(5, 1.5, 3), 0.99).unwrap();
        assert!(few_high - few_low > high - low, "{few_low} {few_high}");
        assert_eq!(ratio_interval(&[2.0], &[3.0], 0.99), Some((1.5, 1.5)));
        assert_eq!(ratio_interval(&[2.0; 4], &[3.0; 6], 0.99), Some((1.5, 1.5)));
        assert_eq!(ratio_interval(&[], &[3.0], 0.99), None);
    }
}
