//! How a search is cut up: groups of slabs of anchors, and the steps over them.

use super::{class_index::ClassIndex, request::Request};
use crate::{Error, Result};
use core::ops::Range;
use triplet_core::{Real, shares::UNIT};

/// Rows of a slab at most: with more, the steps of a search only take longer.
const MOST_ROWS: usize = 64 * 1024 / UNIT * UNIT;
/// Bytes of an engine that do not grow with rows.
const FIXED: u64 = 48 << 20;

/// What is searched in which order.
///
/// ```
/// use triplet_dataset::{InMemory, Job, Request, Side};
/// let (values, labels) = (vec![0.5_f32; 200_000], vec![0; 200_000]);
/// let labels: Vec<i64> = (0..).zip(labels).map(|(row, _): (i64, i64)| row / 2).collect();
/// let rows = InMemory::new(&values, 1);
/// let job = Job::new(Request::of(Side { rows: &rows, labels: &labels }))?;
/// // Each pair of rows once.
/// assert_eq!((job.plan().slab(), job.plan().pairs()), (65_520, 200_000 * 200_001 / 2));
/// # Ok::<(), triplet_dataset::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    slab: usize,
    /// Slabs of anchors, group by group: those of a group are in memory together.
    groups: Vec<Vec<Range<usize>>>,
    steps: Vec<Step>,
    /// Pairs before each step, and in all.
    pairs: Vec<u64>,
    bytes: u64,
}

/// One call of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) group: usize,
    /// The slab of the group whose anchors are searched for.
    pub(crate) first: usize,
    pub(crate) among: Among,
}

/// What a slab is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Among {
    /// A slab of the group, or itself: both are searched for at once.
    Slab(usize),
    /// Rows of no slab of the group.
    Rows { start: usize, end: usize },
}

/// Bytes a row.
struct Costs {
    /// Of an anchor as long as its slab is not complete.
    kept: u64,
    /// Of a row of one of the two slabs at work.
    worked: u64,
}

impl Costs {
    fn of<T: Real>(request: &Request<'_, T>, slots: u64) -> Self {
        let (number, width, keep) =
            (size_of::<T>() as u64, request.anchors.rows.width() as u64, request.keep as u64);
        // Positive, its row, and what is kept for it.
        let slot = 2 * number + 4 + keep * (number + 4);
        let kept = slots * slot + 16 + number;
        // Read, read ahead, brought to unit length, packed, in words.
        let copies = if request.distance.needs_unit_rows() { 4 } else { 3 };
        let several = if keep > 1 { 24 + 4 * keep * number } else { 0 };
        let worked = width * (copies * number + 2) + slots * (slot + 8 * number + several) + 96;
        Self { kept, worked }
    }
}

impl Plan {
    pub(super) fn new<T: Real>(request: &Request<'_, T>, classes: &ClassIndex) -> Result<Self> {
        let part = request.part_rows();
        let rows = part.len();
        let slots = if request.conditions.rule.one_per_anchor() {
            1
        } else {
            classes.largest().saturating_sub(usize::from(request.is_square())).max(1)
        };
        let Costs { kept, worked } = Costs::of(request, slots as u64);
        let needed = FIXED + 2 * UNIT as u64 * (worked + kept);
        let Some(rest) = request.memory.checked_sub(FIXED).filter(|_| request.memory >= needed) else {
            return Err(Error::Memory { given: request.memory, needed });
        };
        // Half for the slabs at work, so that the rest keeps what is found for many.
        let slab = ((rest / 2 / (2 * worked)) as usize).clamp(UNIT, MOST_ROWS);
        let slab = slab.min(rows.max(1).next_multiple_of(UNIT)) / UNIT * UNIT;
        let group = ((rest - 2 * slab as u64 * worked) / kept) as usize / slab * slab;
        let group = group.max(slab);
        let groups = cut(part, group).map(|rows| cut(rows, slab).collect()).collect::<Vec<Vec<_>>>();
        let bytes = FIXED + 2 * slab as u64 * worked + group.min(rows) as u64 * kept;
        let mut plan = Self { slab, groups, steps: Vec::new(), pairs: vec![0], bytes };
        plan.list_steps(request);
        Ok(plan)
    }

    fn list_steps<T: Real>(&mut self, request: &Request<'_, T>) {
        let all = request.candidates().labels.len();
        for (group, slabs) in self.groups.iter().enumerate() {
            let own = match (request.is_square(), slabs.first(), slabs.last()) {
                (true, Some(first), Some(last)) => first.start..last.end,
                _ => 0..0,
            };
            for (first, anchors) in slabs.iter().enumerate() {
                let mutual = (first..slabs.len()).filter(|_| request.is_square()).map(Among::Slab);
                let others = cut(0..own.start, self.slab).chain(cut(own.end..all, self.slab));
                let others = others.map(|rows| Among::Rows { start: rows.start, end: rows.end });
                for among in mutual.chain(others) {
                    self.steps.push(Step { group, first, among });
                    let rows = anchors.len() as u64;
                    let pairs = match among {
                        Among::Slab(second) if second == first => rows * (rows + 1) / 2,
                        Among::Slab(second) => rows * slabs[second].len() as u64,
                        Among::Rows { start, end } => rows * (end - start) as u64,
                    };
                    self.pairs.push(self.pairs() + pairs);
                }
            }
        }
    }

    /// Rows of a slab.
    #[must_use]
    pub fn slab(&self) -> usize {
        self.slab
    }

    /// Calls of the engine.
    #[must_use]
    pub fn step_count(&self) -> usize {
        self.steps.len()
    }

    /// Pairs of rows whose distances are looked at.
    #[must_use]
    pub fn pairs(&self) -> u64 {
        self.pairs.last().copied().unwrap_or(0)
    }

    /// Bytes that it takes, about.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Rows that are read from where they are kept.
    #[must_use]
    pub fn rows_read(&self) -> u64 {
        let of_step = |step: &Step| match step.among {
            Among::Slab(second) => self.groups[step.group][second].len(),
            Among::Rows { start, end } => end - start,
        };
        self.steps.iter().map(|step| of_step(step) as u64).sum()
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    pub(super) fn pairs_before(&self, step: usize) -> u64 {
        self.pairs[step]
    }

    pub(super) fn slabs_of(&self, group: usize) -> &[Range<usize>] {
        &self.groups[group]
    }
}

/// Cuts rows into pieces of some length.
fn cut(rows: Range<usize>, len: usize) -> impl Iterator<Item = Range<usize>> {
    let end = rows.end;
    rows.step_by(len).map(move |start| start..end.min(start + len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{InMemory, Side};

    fn plan(rows: usize, memory: u64, part: (usize, usize), other: bool) -> Plan {
        let (values, labels) =
            (vec![0.0_f32; rows * 4], (0..rows as i64).map(|row| row / 3).collect::<Vec<_>>());
        let side_rows = InMemory::new(&values, 4);
        let side = Side { rows: &side_rows, labels: &labels };
        let candidates = other.then_some(side);
        let request = Request { memory, part, candidates, ..Request::of(side) };
        Plan::new(&request, &ClassIndex::new(&request)).unwrap()
    }

    /// How often an anchor and a candidate are looked at for the anchor.
    fn seen(plan: &Plan, anchor: usize, candidate: usize) -> usize {
        let of = |step: &&Step| {
            let slabs = &plan.groups[step.group];
            let first = &slabs[step.first];
            match step.among {
                Among::Slab(second) => {
                    let second = &slabs[second];
                    first.contains(&anchor) && second.contains(&candidate)
                        || second.contains(&anchor) && first.contains(&candidate)
                }
                Among::Rows { start, end } => first.contains(&anchor) && (start..end).contains(&candidate),
            }
        };
        plan.steps.iter().filter(of).count()
    }

    #[test]
    fn every_anchor_sees_every_row_once_whatever_the_memory_and_the_part() {
        let rows = 700;
        for (memory, parts, other) in [
            (1 << 30, 1, false),
            (FIXED + 200_000, 1, false),
            (FIXED + 50_000, 3, false),
            (FIXED + 90_000, 2, true),
        ] {
            for part in 1..=parts {
                let plan = plan(rows, memory, (part, parts), other);
                let own = rows * (part - 1) / parts..rows * part / parts;
                assert!(plan.bytes() <= memory, "{} of {memory}", plan.bytes());
                for anchor in (0..rows).step_by(23) {
                    for candidate in (0..rows).step_by(17) {
                        let expected = usize::from(own.contains(&anchor));
                        assert_eq!(
                            seen(&plan, anchor, candidate),
                            expected,
                            "{anchor}, {candidate}, {part} of {parts}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn little_memory_is_used_or_refused() {
        assert!(plan(700, FIXED + 50_000, (1, 1), false).groups.len() > 1);
        let (values, labels) = ([0.0_f32; 8], [0, 0, 1, 1]);
        let rows = InMemory::new(&values, 2);
        let request = Request { memory: 1 << 20, ..Request::of(Side { rows: &rows, labels: &labels }) };
        assert!(matches!(crate::Job::new(request), Err(Error::Memory { given: 1_048_576, .. })));
    }
}
