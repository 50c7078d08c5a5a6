//! A smaller batch that still fails.

use crate::{Sample, digests::Case};

/// Leaves out rows, then columns, as long as the case still fails, then its weights, and gives labels small names.
///
/// The usual search of delta debugging (Zeller and Hildebrandt, 2002): halves first, then ever smaller pieces, until no single row or
/// column can go, or `may_go_on` says no.
pub fn shrink(case: &Case, fails: &mut dyn FnMut(&Case) -> bool, may_go_on: &dyn Fn() -> bool) -> Case {
    let mut best = case.clone();
    loop {
        let before = (best.sample.labels.len(), best.sample.width);
        pieces(&mut best, |case| case.sample.labels.len(), without_rows, fails, may_go_on);
        pieces(&mut best, |case| case.sample.width, without_columns, fails, may_go_on);
        if before == (best.sample.labels.len(), best.sample.width) || !may_go_on() {
            break;
        }
    }
    let renamed = Case { sample: with_small_labels(&best.sample), ..best.clone() };
    let unweighted = Case { weights: None, ..renamed.clone() };
    let unweighted_too = Case { weights: None, ..best.clone() };
    if let Some(simpler) = [unweighted, renamed, unweighted_too].into_iter().find(|case| fails(case)) {
        best = simpler;
    }
    let Sample { labels, width, .. } = &best.sample;
    best.sample.name = format!("{} of {}", shape(labels.len(), *width), case.sample.name);
    best
}

fn shape(rows: usize, width: usize) -> String {
    format!("{rows} rows x {width}")
}

/// Leaves out pieces of what `count` counts.
fn pieces(
    best: &mut Case,
    count: impl Fn(&Case) -> usize,
    without: impl Fn(&Case, usize, usize) -> Case,
    fails: &mut dyn FnMut(&Case) -> bool,
    may_go_on: &dyn Fn() -> bool,
) {
    let mut piece = count(best) / 2;
    while piece > 0 {
        let mut first = 0;
        while first < count(best) && may_go_on() {
            let end = count(best).min(first + piece);
            let smaller = without(best, first, end);
            if count(&smaller) > 0 && fails(&smaller) {
                *best = smaller;
            } else {
                first = end;
            }
        }
        piece /= 2;
    }
}

fn without_rows(case: &Case, first: usize, end: usize) -> Case {
    let mut case = case.clone();
    let width = case.sample.width;
    case.sample.embeddings.drain(first * width..end * width);
    case.sample.labels.drain(first..end);
    if let Some(weights) = &mut case.weights {
        weights.drain(first..end);
    }
    case
}

fn without_columns(case: &Case, first: usize, end: usize) -> Case {
    let mut case = case.clone();
    let rows = case.sample.embeddings.chunks_exact(case.sample.width);
    case.sample.embeddings = rows.flat_map(|row| [&row[..first], &row[end..]].concat()).collect();
    case.sample.width -= end - first;
    case
}

/// Labels 0, 1, ... in order of appearance.
fn with_small_labels(sample: &Sample) -> Sample {
    let mut seen: Vec<i64> = Vec::new();
    let mut small = |label: i64| {
        let known = seen.iter().position(|&other| other == label);
        known.unwrap_or_else(|| {
            seen.push(label);
            seen.len() - 1
        }) as i64
    };
    let labels = sample.labels.iter().map(|&label| small(label)).collect();
    Sample { labels, ..sample.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_what_the_failure_needs() {
        let mut case = Case::cross_check(1, 10);
        let (width, rows) = (case.sample.width, case.sample.labels.len());
        assert!(rows > 8 && width > 3, "{}", case.sample.name);
        case.weights = Some(vec![1.0; rows]);
        for row in [3, rows - 1] {
            case.sample.embeddings[row * width + 2] = 77.0;
        }
        // Two rows that have a component of 77.
        let marked = |case: &Case| case.sample.embeddings.iter().filter(|&&x| x == 77.0).count();
        let found = shrink(&case, &mut |case| marked(case) == 2, &|| true);
        assert_eq!(found.sample.embeddings, [77.0, 77.0]);
        assert_eq!((found.sample.width, found.weights), (1, None));
        assert_eq!(found.sample.labels[0], 0);
    }

    #[test]
    fn it_ends_when_it_may_not_go_on() {
        let case = Case::cross_check(1, 10);
        let found = shrink(&case, &mut |_| true, &|| false);
        assert_eq!(found.sample.embeddings, case.sample.embeddings);
    }
}
