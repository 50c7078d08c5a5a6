//! Which triplets there are: `docs/numerics.md`, "threshold of a triplet" and "selection".

use crate::{Problem, Real, Rule};

/// One triplet, with ranking values for distances (squared for L2); see the example of [`mine`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chosen<T> {
    /// The anchor.
    pub anchor: u32,
    /// Its positive; `None` for a hard rule's anchor without one.
    pub positive: Option<u32>,
    /// Its negative; `None` where the anchor has none.
    pub negative: Option<u32>,
    /// Ranking value of anchor and positive; 0 without one.
    pub near: T,
    /// Ranking value of anchor and negative; without one, [`Rule::missing_negative`].
    pub far: T,
}

/// All triplets by ascending anchor, then positive, given the ranking values `[N]` of an anchor
/// and every candidate.
///
/// ```
/// use triplet_core::{Batch, Distance, Objective, Problem, ProblemBuffers, Rule, reference};
/// let batch = Batch::new(&[0.0_f32, 1.0, 1.5, 3.0], 1, &[0, 0, 1, 2])?;
/// let objective = Objective { distance: Distance::SquaredL2, rule: Rule::SemiHard, margin: 2.0 };
/// let mut buffers = ProblemBuffers::default();
/// let problem = Problem::new(&batch, objective, &mut buffers)?;
/// let x = batch.embeddings();
/// let chosen = reference::mine(&problem, |i| x.iter().map(|y| (x[i as usize] - y).powi(2)).collect());
/// assert_eq!(chosen.len(), 2); // one for each ordered positive pair
/// let first = reference::Chosen { anchor: 0, positive: Some(1), negative: Some(2), near: 1.0, far: 2.25 };
/// assert_eq!(chosen[0], first);
/// # Ok::<(), triplet_core::Error>(())
/// ```
pub fn mine<T: Real>(problem: &Problem<'_, T>, ranking_values: impl FnMut(u32) -> Vec<T>) -> Vec<Chosen<T>> {
    mine_among(problem, ranking_values, |_, _| true)
}

/// As [`mine`], with only those negatives that `looks_at(anchor, negative)`.
pub(super) fn mine_among<T: Real>(
    problem: &Problem<'_, T>,
    mut ranking_values: impl FnMut(u32) -> Vec<T>,
    looks_at: impl Fn(u32, u32) -> bool,
) -> Vec<Chosen<T>> {
    let (anchors, candidates) = (problem.anchors(), problem.candidates());
    let same = |i, k| problem.comparison().identity().is_same(i, k);
    let mut triplets = Vec::new();
    for i in 0..anchors.len() as u32 {
        let d = ranking_values(i);
        let (mut positives, mut negatives) = (Vec::new(), Vec::new());
        for k in (0..candidates.len() as u32).filter(|&k| !same(i, k)) {
            if candidates.label(k) == anchors.label(i) {
                positives.push(k);
            } else if looks_at(i, k) {
                negatives.push(k);
            }
        }
        let wanted: Vec<Option<u32>> = match problem.rule() {
            Rule::SemiHard | Rule::SemiHardLiteral => positives.into_iter().map(Some).collect(),
            Rule::Hard | Rule::HardSoft => vec![farthest(&positives, &d)],
        };
        for positive in wanted {
            let near = positive.map_or(T::ZERO, |j| d[j as usize]);
            let preferred = negatives.iter().copied().filter(|&k| is_beyond(problem, near, d[k as usize]));
            let negative = nearest(preferred, &d).or_else(|| farthest(&negatives, &d));
            let stand_in = match problem.rule() {
                Rule::SemiHard | Rule::SemiHardLiteral => T::ZERO,
                Rule::Hard | Rule::HardSoft => near,
            };
            let far = negative.map_or(stand_in, |k| d[k as usize]);
            triplets.push(Chosen { anchor: i, positive, negative, near, far });
        }
    }
    triplets
}

/// Whether a negative is preferred to the farthest one.
fn is_beyond<T: Real>(problem: &Problem<'_, T>, near: T, far: T) -> bool {
    let distance = |value| problem.distance().of_ranking_value(value);
    match problem.rule() {
        Rule::SemiHard => far > near,
        Rule::SemiHardLiteral => distance(far) > distance(near) + problem.margin(),
        Rule::Hard | Rule::HardSoft => true,
    }
}

/// The row of the smallest value, the lowest of several; `rows` ascend.
fn nearest<T: Real>(rows: impl Iterator<Item = u32>, d: &[T]) -> Option<u32> {
    rows.reduce(|best, row| if d[row as usize] < d[best as usize] { row } else { best })
}

/// The row of the largest value, the lowest of several; `rows` ascend.
fn farthest<T: Real>(rows: &[u32], d: &[T]) -> Option<u32> {
    rows.iter().copied().reduce(|best, row| if d[row as usize] > d[best as usize] { row } else { best })
}
