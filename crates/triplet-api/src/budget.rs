//! How a call keeps within the bytes that it may take.

use crate::{Error, MemoryLimits, Result};
use triplet_core::{Engine, Problem, Real, Triplets};

/// Of all choices, those that are listed at least where triplets are kept: each window of them goes through all
/// triplets.
const LISTED_SHARE: usize = 8;
/// Bytes of a choice in the list, at most.
const CHOICE_BYTES: usize = 4;

/// How a call works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// With all triplets in memory.
    Kept,
    /// In parts, within so many bytes of the engine's.
    Parts {
        /// The bytes.
        bytes: usize,
    },
}

/// Chooses the way of a call, which takes so many bytes besides the triplets and the engine's; and the bytes it
/// needs in all. Tells triplets and engine what they may keep.
pub(crate) fn choose<T: Real>(
    limits: MemoryLimits,
    problem: &Problem<'_, T>,
    (engine, triplets): (&mut dyn Engine<T>, &mut Triplets<T>),
    with_gradient: bool,
    besides: usize,
) -> Result<(Way, usize)> {
    let gains = engine.gains_from_distances(problem, with_gradient);
    engine.limit_listed_choices(limits.choices);
    triplets.keep_distances_up_to(if gains { limits.distances } else { 0 });
    let all = |engine: &dyn Engine<T>, triplets: &Triplets<T>| {
        let looked_up = with_gradient
            && problem.distance().needs_pair_distance()
            && !problem.rule().one_per_anchor()
            && triplets.would_keep_distances(problem);
        // A choice is then listed with its slot.
        let slots = if looked_up { problem.slots().count().min(limits.choices / 2) } else { 0 };
        let parts = [
            besides,
            triplets.bytes_needed(problem),
            engine.bytes_needed(problem, with_gradient),
            slots.saturating_mul(2 * CHOICE_BYTES),
        ];
        parts.into_iter().fold(0, usize::saturating_add)
    };
    engine.allow_copies(true);
    let mut needed = all(engine, triplets);
    if needed <= limits.bytes {
        return Ok((Way::Kept, needed));
    }
    engine.allow_copies(false);
    needed = all(engine, triplets);
    if needed <= limits.bytes {
        return Ok((Way::Kept, needed));
    }
    triplets.keep_distances_up_to(0);
    needed = all(engine, triplets);
    if needed <= limits.bytes {
        return Ok((Way::Kept, needed));
    }
    // Fewer choices at a time.
    let least_choices = problem.slots().count() / LISTED_SHARE + 1;
    engine.limit_listed_choices(0);
    let without = all(engine, triplets);
    let choices = (limits.bytes.saturating_sub(without) / CHOICE_BYTES).min(limits.choices);
    engine.limit_listed_choices(choices);
    if with_gradient && without <= limits.bytes && choices >= least_choices.min(limits.choices) {
        return Ok((Way::Kept, limits.bytes));
    }
    if with_gradient {
        let list = least_choices.min(limits.choices).saturating_mul(CHOICE_BYTES);
        needed = needed.min(without.saturating_add(list));
    }
    if !limits.keep_triplets
        && let Some(least) = engine.least_bytes_in_parts(problem, with_gradient)
    {
        let least = least.saturating_add(besides);
        if least <= limits.bytes {
            return Ok((Way::Parts { bytes: limits.bytes - besides }, limits.bytes));
        }
        needed = needed.min(least);
    }
    Err(Error::MemoryBudget { needed, allowed: limits.bytes })
}

/// What the memory of a call depends on: rows, width, triplets, the largest class; the way; the distance and
/// the rule.
type Shape = [usize; 6];

/// That of a call.
pub(crate) fn shape<T: Real>(problem: &Problem<'_, T>, way: Way, with_gradient: bool) -> Shape {
    let points = problem.candidates();
    let choices = [
        way == Way::Kept,
        with_gradient,
        problem.distance().needs_pair_distance(),
        problem.distance().needs_unit_rows(),
        problem.rule().one_per_anchor(),
        problem.is_square(),
    ];
    let choices = choices.into_iter().fold(0, |bits, choice| 2 * bits + usize::from(choice));
    let classes = problem.classes();
    [points.len(), points.width(), problem.slots().count(), classes.largest(), classes.count(), choices]
}

/// What a workspace with a budget holds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Held {
    bytes: usize,
    shape: Shape,
}

impl Held {
    /// Whether the problem's own buffers are of a batch of another shape `[rows, width]`.
    pub(crate) fn is_of_another_batch(&self, limits: MemoryLimits, [rows, width]: [usize; 2]) -> bool {
        limits.bytes != usize::MAX && self.shape[..2] != [rows, width]
    }

    /// Whether memory must be given back before a call that needs so many bytes; what is held from then on.
    pub(crate) fn gives_back(&mut self, limits: MemoryLimits, shape: Shape, needed: usize) -> bool {
        if limits.bytes == usize::MAX || (self.shape == shape && self.bytes >= needed) {
            return false;
        }
        self.shape = shape;
        // A buffer that grows may be there twice, and grow to twice its size.
        let both = self.bytes.saturating_mul(2).saturating_add(needed);
        let fits = both <= limits.bytes;
        self.bytes = if fits { self.bytes + needed } else { needed };
        !fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_other_shapes_is_given_back_where_it_does_not_fit_beside() {
        let mut held = Held::default();
        let limits = MemoryLimits { bytes: 100, ..Default::default() };
        // The first call holds nothing; the same shape that needs as much never gives back.
        assert!(!held.gives_back(limits, [1; 6], 20));
        assert!(!held.gives_back(limits, [1; 6], 20));
        assert!(!held.gives_back(limits, [2; 6], 60));
        assert_eq!(held.bytes, 80);
        assert!(held.gives_back(limits, [1; 6], 20));
        assert_eq!(held.bytes, 20);
        assert!(held.gives_back(limits, [2; 6], 61));
        // Without a limit nothing is reckoned.
        assert!(!Held::default().gives_back(MemoryLimits::default(), [1; 6], 20));
    }
}
