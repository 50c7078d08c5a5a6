//! Whether a call would take too long, told from calls on fewer rows.

/// Fewest rows that a forecast starts from.
const SMALLEST: usize = 256;
/// Milliseconds from which on a call is large enough to conclude from.
const MIN_CONCLUSIVE: f64 = 100.0;

/// Numbers of rows to try before `rows`.
pub(super) fn sizes(rows: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(SMALLEST), |size| size.checked_mul(2)).take_while(move |size| *size < rows)
}

/// What the calls so far say.
///
/// The time grows at least with the square of the rows, and with their cube where the number of
/// classes is fixed and every positive costs a look at every row.
#[derive(Debug, Default)]
pub(super) struct Forecast {
    last: Option<(usize, f64)>,
}

impl Forecast {
    /// Adds the time of a call on `rows`; returns why one on `target` rows should not be made, if it is
    /// expected to take more than `limit` seconds.
    pub(super) fn add(&mut self, rows: usize, ms: f64, target: usize, limit: f64) -> Option<String> {
        let growth = |(fewer, before): (usize, f64)| {
            ((ms / before).ln() / (rows as f64 / fewer as f64).ln()).clamp(2.0, 3.0)
        };
        let exponent = self.last.map_or(2.0, growth);
        self.last = Some((rows, ms));
        let seconds = ms / 1e3 * (target as f64 / rows as f64).powf(exponent);
        let conclusive = ms > MIN_CONCLUSIVE || target <= 4 * rows;
        (conclusive && seconds > limit).then(|| {
            format!("about {} s a call, told from {rows} rows; --limit is {limit} s", rounded(seconds))
        })
    }
}

/// Why something that took too long is left out.
pub(super) fn too_long(ms: f64, limit: f64) -> Option<String> {
    (ms > limit * 1e3).then(|| format!("takes {} s a call; --limit is {limit} s", rounded(ms / 1e3)))
}

/// Seconds with as many digits as matter.
fn rounded(seconds: f64) -> String {
    if seconds < 10.0 { format!("{seconds:.2}") } else { format!("{seconds:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_double_up_to_the_batch() {
        assert_eq!(sizes(2048).collect::<Vec<_>>(), [256, 512, 1024]);
        assert_eq!(sizes(256).count(), 0);
        assert_eq!(sizes(usize::MAX).count(), 56);
    }

    #[test]
    fn a_cubic_cost_is_foreseen_early() {
        let mut forecast = Forecast::default();
        let cubic = |rows: usize| 500.0 * (rows as f64 / 1024.0).powi(3);
        let mut reason = None;
        for rows in sizes(8192) {
            reason = forecast.add(rows, cubic(rows), 8192, 20.0);
            if reason.is_some() {
                assert_eq!(rows, 1024, "0.5 s there, 256 s at 8192");
                break;
            }
        }
        assert_eq!(reason.as_deref(), Some("about 256 s a call, told from 1024 rows; --limit is 20 s"));
    }

    #[test]
    fn fixed_costs_of_small_calls_are_not_extrapolated() {
        let mut forecast = Forecast::default();
        for rows in sizes(65_536) {
            let ms = 2.0 + 1600.0 * (rows as f64 / 65_536.0).powi(2);
            assert_eq!(forecast.add(rows, ms, 65_536, 20.0), None, "{rows}");
        }
        assert!(too_long(20_001.0, 20.0).unwrap().contains("takes 20 s"));
        assert_eq!(too_long(19_999.0, 20.0), None);
    }
}
