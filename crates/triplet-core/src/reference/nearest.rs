//! The nearest negatives beyond a threshold: every candidate, filtered and sorted.

use crate::{
    Real,
    distance::inner,
    nearest::{Excluded, Nearest, NearestTask},
};

/// Improves what was found by some candidates, given as rows of the whole set, with their labels; of them only those that
/// an anchor `looks_at(anchor, candidate)`.
pub(super) fn search<T: Real>(
    task: &NearestTask<'_, T>,
    candidates: &[(u32, &[T])],
    labels: &[i64],
    looks_at: impl Fn(usize, usize) -> bool,
    found: &mut Nearest<T>,
) {
    let anchors = task.anchors();
    let squares: Vec<T> = candidates.iter().map(|(_, y)| inner(y, y)).collect();
    for anchor in 0..anchors.len() {
        let x = anchors.row(anchor as u32);
        let square = inner(x, x);
        let mut negatives: Vec<(u32, T)> = Vec::new();
        for (index, &(row, y)) in candidates.iter().enumerate().filter(|&(index, _)| looks_at(anchor, index))
        {
            let is_negative = match task.excluded() {
                Excluded::Label => labels[index] != anchors.label(anchor as u32),
                listed @ Excluded::Rows { .. } => !listed.of(anchor).contains(&row),
            };
            if is_negative {
                negatives.push((row, task.distance().ranking_value(inner(x, y), square, squares[index])));
            }
        }
        for threshold in task.starts()[anchor]..task.starts()[anchor + 1] {
            let least = T::from_key(task.thresholds()[threshold]);
            let reaches = |&(_, value): &(u32, T)| value >= least && value <= T::from_key(task.limit());
            let mut all: Vec<(u32, T)> = found.of(threshold).collect();
            all.extend(negatives.iter().copied().filter(reaches));
            // Values are finite.
            all.sort_by(|a, b| {
                a.1.partial_cmp(&b.1).unwrap_or(core::cmp::Ordering::Equal).then(a.0.cmp(&b.0))
            });
            found.set(threshold, all.into_iter());
        }
        if task.farthest() {
            let all = found.farthest(anchor).into_iter().chain(negatives);
            let is_farther = |a: (u32, T), b: (u32, T)| a.1 > b.1 || (a.1 == b.1 && a.0 < b.0);
            let farthest = all.reduce(|best, other| if is_farther(other, best) { other } else { best });
            if let Some((row, value)) = farthest {
                (found.farthest_rows[anchor], found.farthest_values[anchor]) = (row, value);
            }
        }
    }
}
