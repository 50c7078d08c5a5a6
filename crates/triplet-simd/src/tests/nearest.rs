//! The nearest candidates of a query in retrieval.

use super::{KeyPattern, Subject, Suite, data, on_every_isa, rng, sampled};
use crate::{
    cpu::isa::Element,
    lanes::{Kernel, Lanes},
    retrieval::nearest::{Nearest, SLACK},
};
use core::cmp::Ordering;
use triplet_core::{real::Key, rule::nearer};

struct Offer<'a, T: Element> {
    nearest: &'a mut Nearest<T>,
    keys: &'a [T::Key],
    ids: &'a [T::Key],
    excluded: &'a [u32],
}

impl<T: Element> Kernel<T> for Offer<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        self.nearest.push_block(lanes, self.keys, self.ids, |row| self.excluded.contains(&row));
    }
}

/// The rows of the `wanted` nearest: every candidate, sorted by [`nearer`].
fn model<K: Key>(keys: &[K], ids: &[K], wanted: usize, excluded: &[u32]) -> Vec<u32> {
    let all = keys.iter().zip(ids).filter(|&(&key, _)| key != K::MASKED);
    let mut all: Vec<(K, u32)> = all.map(|(&key, id)| (key, id.to_row())).collect();
    all.retain(|(_, row)| !excluded.contains(row));
    all.sort_unstable_by(|&a, &b| if nearer(a, b) { Ordering::Less } else { Ordering::Greater });
    all.truncate(wanted);
    all.into_iter().map(|(_, row)| row).collect()
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Order {
    Ascending,
    /// Among equal keys, each later one must displace an earlier one.
    Descending,
    Shuffled,
}

/// How many are wanted of how many, in which order their rows come, and which are excluded.
#[derive(Debug, Clone)]
struct Setup {
    wanted: usize,
    candidates: usize,
    keys: KeyPattern,
    order: Order,
    excluded: &'static str,
}

fn check<T: Element>(on: &Subject<T>, nearest: &mut Nearest<T>, case: &Setup, stream: u64) {
    let _case = on.case(|| format!("{case:?}"));
    let rng = &mut rng(stream);
    let keys = case.keys.keys::<T>(rng, case.candidates);
    let mut ids = data::ids::<T>(rng, keys.len());
    match case.order {
        Order::Ascending => ids.sort_unstable(),
        Order::Descending => ids.sort_unstable_by(|a, b| b.cmp(a)),
        Order::Shuffled => {}
    }
    let excluded: Vec<u32> = match case.excluded {
        "none" => vec![],
        "the nearest" => model(&keys, &ids, 2, &[]),
        "every third" => ids.iter().step_by(3).map(|id| id.to_row()).collect(),
        _ => ids.iter().map(|id| id.to_row()).collect(),
    };
    nearest.start(case.wanted);
    // In pieces, as blocks go by.
    let piece = (case.candidates / 3).next_multiple_of(on.shape.len).max(on.shape.len);
    for (keys, ids) in keys.chunks(piece).zip(ids.chunks(piece)) {
        on.run(Offer { nearest, keys, ids, excluded: &excluded });
    }
    let ranked: Vec<u32> = nearest.ranked().collect();
    assert_eq!(ranked, model(&keys, &ids, case.wanted, &excluded));
}

struct Retrieval;

impl Suite for Retrieval {
    const KERNEL: &'static str = "retrieval, nearest";
    fn run<T: Element>(on: Subject<T>) {
        let len = on.shape.len;
        let nearest = &mut Nearest::default();
        let orders = [Order::Ascending, Order::Descending, Order::Shuffled];
        let excluded = ["none", "the nearest", "every third", "all"];
        let patterns = KeyPattern::ALL.into_iter().flat_map(|keys| orders.map(|order| (keys, order)));
        let wanted = [0, 1, 2, 3, 17, 100, 300];
        let cases = patterns.flat_map(|pattern| wanted.map(|wanted| (pattern, wanted)));
        for (number, ((keys, order), wanted)) in sampled(cases.enumerate(), 61) {
            // None, one vector, as many as are wanted, and around one, two and three prunings.
            let pruned = (2 * wanted + SLACK).next_multiple_of(len);
            let counts =
                [0, len, wanted.next_multiple_of(len), pruned - len, pruned, pruned + len, 3 * pruned];
            for (at, candidates) in counts.into_iter().enumerate() {
                let excluded = excluded[(number + at) % excluded.len()];
                check(
                    &on,
                    nearest,
                    &Setup { wanted, candidates, keys, order, excluded },
                    (number * 7 + at) as u64,
                );
            }
        }
    }
}

#[test]
fn the_nearest_are_ranked_by_key_and_row_and_none_is_lost_at_the_cutoff() {
    on_every_isa::<Retrieval>();
}
