//! What all triplets together put on each pair of rows.
//!
//! The gradient of a batch is a sum over pairs of rows `(r, m)`: the coefficient
//! `c_rm` times the derivative of their distance. It is symmetric; positive pairs
//! pull (+), negative pairs push (-). Only pairs that some triplet with a slope
//! uses have one.
//!
//! `c_rm = (s_r w_r + s_m w_m) / d`, f64, rounded once: `s_r` adds up the slopes of
//! the triplets of anchor `r` that use the pair, `w` are the anchors' weights, and
//! `1 / d` is there for L2 only.

use crate::{
    Distance, Problem, Real,
    choices::{self, Choices},
    pull::Pull,
    tally::{NegativePair, RowSpace, Sums, TABLE_FROM, Whose},
};

/// One term of a gradient row: `c_rm` and its `m`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry<T> {
    /// The other row, `m`, by original index.
    pub row: u32,
    /// The coefficient, rounded once.
    pub coefficient: T,
}

/// The coefficients of a window of rows, row by row.
#[derive(Debug, Clone, Copy)]
pub struct Coefficients<'a, T: Real> {
    pull: Pull<'a, T>,
    choices: Choices<'a>,
    /// Whether every coefficient is a count: no weights, no distances, slopes 0 or 1.
    counts: bool,
}

/// Keys of the searched distances from a row to all rows, by position, for when they were
/// not kept.
pub type RowDistances<'a, T> = Option<&'a [<T as Real>::Key]>;

impl<'a, T: Real> Coefficients<'a, T> {
    /// From the judged triplets, and the choices of the rows that will be asked for.
    #[must_use]
    pub fn new(pull: Pull<'a, T>, choices: Choices<'a>) -> Self {
        let Pull { problem, factors, .. } = pull;
        let counts = factors.weights.is_none()
            && !problem.rule().one_per_anchor()
            && problem.distance() != Distance::L2;
        Self { pull, choices, counts }
    }

    /// The problem these belong to.
    #[must_use]
    pub fn problem(&self) -> &'a Problem<'a, T> {
        self.pull.problem
    }

    /// What every component is multiplied by at the end.
    #[must_use]
    pub fn scale(&self) -> T {
        self.pull.factors.scale
    }

    /// Appends the coefficients of an original row of the window to `entries`:
    /// ascending `m`, none of them zero.
    pub fn row(
        &self,
        row: u32,
        distances: RowDistances<'_, T>,
        space: &mut RowSpace,
        entries: &mut Vec<Entry<T>>,
    ) {
        let problem = self.problem();
        let position = problem.classes().positions()[row as usize] as usize;
        let many = problem.slots(position).len().saturating_add(self.choices.len(row)) >= TABLE_FROM;
        if self.counts && many {
            return self.row_of_counts(row, position, space.many_sums(problem.batch_size()), entries);
        }
        if self.counts {
            return self.row_of_counts(row, position, space.few_sums(), entries);
        }
        space.begin(problem.batch_size(), many);
        let own = position..position + 1;
        if many {
            choices::visit(self.pull, own, |_, slot, chosen| space.count(Whose::Own, chosen, slot));
            self.choices.of(self.pull, row, |anchor, slot| space.count(Whose::Other, anchor, slot));
            space.collect();
        } else {
            choices::visit(self.pull, own, |_, slot, chosen| space.note(Whose::Own, chosen, slot));
            self.choices.of(self.pull, row, |anchor, slot| space.note(Whose::Other, anchor, slot));
            space.sort();
        }
        self.merge(row, position, distances, space, entries);
    }

    /// Every coefficient is a whole number: positives count up, negatives down.
    fn row_of_counts(&self, row: u32, position: usize, mut sums: impl Sums, entries: &mut Vec<Entry<T>>) {
        let (problem, mined) = (self.problem(), self.pull.mined);
        let classes = problem.classes();
        choices::visit(self.pull, position..position + 1, |_, _, chosen| sums.add(chosen, -1));
        self.choices.of(self.pull, row, |anchor, _| sums.add(anchor, -1));
        let span = classes.span(position);
        let own = position - span.start;
        // The flags of the class: a row of whole words an anchor.
        let flags = &mined.active[problem.words(span.start).start..problem.words(span.end - 1).end];
        let words = flags.len() / span.len();
        let flag = |anchor: usize, rank: usize| (flags[anchor * words + rank / 64] >> (rank % 64) & 1) as i32;
        for (other, &member) in classes.order()[span].iter().enumerate() {
            let count = match other.cmp(&own) {
                core::cmp::Ordering::Less => flag(own, other) + flag(other, own - 1),
                core::cmp::Ordering::Equal => 0,
                core::cmp::Ordering::Greater => flag(own, other - 1) + flag(other, own),
            };
            if count != 0 {
                sums.add(member, count);
            }
        }
        sums.drain(|row, count| {
            if count != 0 {
                entries.push(Entry { row, coefficient: T::from_f64(f64::from(count)) });
            }
        });
    }

    /// Merges the class's rows and the pairs of the tally; both ascend.
    fn merge(
        &self,
        row: u32,
        position: usize,
        distances: RowDistances<'_, T>,
        space: &RowSpace,
        entries: &mut Vec<Entry<T>>,
    ) {
        let mut add = |row: u32, value: f64| {
            let coefficient = T::from_f64(value);
            if coefficient != T::ZERO {
                entries.push(Entry { row, coefficient });
            }
        };
        let mut pushes = space.pairs.iter().peekable();
        let classes = self.problem().classes();
        let span = classes.span(position);
        for (other, &member) in span.clone().zip(&classes.order()[span]) {
            if other == position {
                continue;
            }
            while let Some(pair) = pushes.next_if(|pair| pair.row < member) {
                add(pair.row, -self.push(row, *pair, distances));
            }
            add(member, self.pull((row, position), (member, other), distances));
        }
        for pair in pushes {
            add(pair.row, -self.push(row, *pair, distances));
        }
    }

    #[inline]
    fn weight(&self, row: u32) -> f64 {
        self.pull.factors.weights.map_or(1.0, |weights| weights[row as usize])
    }

    /// The slope of a slot's term; `rank` counts from the anchor's first slot.
    #[inline]
    fn slope(&self, position: usize, rank: usize) -> f64 {
        let (problem, mined) = (self.problem(), self.pull.mined);
        if !mined.is_active(problem, position, rank) {
            return 0.0;
        }
        // All slopes but the soft margin's are 0 or 1.
        if !problem.rule().one_per_anchor() {
            return 1.0;
        }
        let reported = |searched: &[T]| problem.distance().reported(searched[position]);
        let (near, far) = (reported(&mined.positive_distances), reported(&mined.negative_distances));
        problem.rule().term(problem.margin(), near, far).slope
    }

    /// What a positive pair is pulled by: rows and positions.
    fn pull(&self, here: (u32, usize), there: (u32, usize), distances: RowDistances<'_, T>) -> f64 {
        let (problem, mined) = (self.problem(), self.pull.mined);
        let hardest = problem.rule().one_per_anchor();
        let span = problem.classes().span(here.1);
        // A hard rule's anchors pull at their farthest positive only.
        let side = |(row, anchor): (u32, usize), (other, positive): (u32, usize)| {
            if hardest {
                return if mined.positives[anchor] == other {
                    self.slope(anchor, 0) * self.weight(row)
                } else {
                    0.0
                };
            }
            let rank = positive - span.start - usize::from(positive > anchor);
            self.slope(anchor, rank) * self.weight(row)
        };
        let strength = side(here, there) + side(there, here);
        if problem.distance() != Distance::L2 {
            return strength;
        }
        let searched = if !problem.keeps_distances() {
            distances.map_or_else(|| problem.searched(here.0, there.0), |all| T::from_key(all[there.1]))
        } else if hardest {
            let anchor = if mined.positives[here.1] == there.0 { here.1 } else { there.1 };
            mined.positive_distances[anchor]
        } else {
            mined.positive_distances[problem.classes().pair_slot(here.1, there.1)]
        };
        strength * problem.distance().slope(searched)
    }

    /// What a negative pair is pushed by.
    fn push(&self, row: u32, pair: NegativePair, distances: RowDistances<'_, T>) -> f64 {
        let (problem, mined) = (self.problem(), self.pull.mined);
        // With one triplet an anchor, the slope is that triplet's.
        let slopes = |anchor: u32, times: u32| match times {
            0 => 0.0,
            _ if problem.rule().one_per_anchor() => {
                self.slope(problem.classes().positions()[anchor as usize] as usize, 0)
            }
            _ => f64::from(times),
        };
        // Both products are exact zeros where nobody chose.
        let strength =
            slopes(row, pair.own) * self.weight(row) + slopes(pair.row, pair.other) * self.weight(pair.row);
        if problem.distance() != Distance::L2 {
            return strength;
        }
        let searched = if problem.keeps_distances() {
            mined.negative_distances[pair.slot as usize]
        } else {
            let position = problem.classes().positions()[pair.row as usize] as usize;
            distances.map_or_else(|| problem.searched(row, pair.row), |all| T::from_key(all[position]))
        };
        strength * problem.distance().slope(searched)
    }
}
