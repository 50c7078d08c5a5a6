//! Anchors against other candidates: where the candidates of an anchor's label are, and which are the anchor itself.

use crate::{Classes, Identity};
use core::ops::Range;

/// For each anchor, the candidates of its label and those that are the anchor itself, as positions in the
/// candidates' class order.
///
/// ```
/// use triplet_core::{Classes, Identity, Matches};
/// let candidates = [7, 3, 7, 7];
/// let mut classes = Classes::default();
/// classes.rebuild(&candidates); // rows 0, 2, 3, 1
///
/// // Anchor 0 is candidate 2; anchor 1 has a label that no candidate has.
/// let identity = Identity::Ids { anchors: &[12, 99], candidates: &[10, 11, 12, 13] };
/// let mut matches = Matches::default();
/// matches.rebuild(&[7, 5], &candidates, &classes, identity);
/// assert_eq!((matches.span(0), matches.own(0)), (0..3, &[1][..]));
/// assert!(matches.positives(0).eq([0, 2]));
/// assert_eq!((matches.positive_count(0), matches.negative_count(0)), (2, 1));
/// assert!(matches.span(1).is_empty());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Matches {
    /// Of each anchor.
    spans: Vec<(u32, u32)>,
    /// Anchor and position of each candidate that is an anchor itself, in order.
    own: Vec<u32>,
    /// First of them, of each anchor, and the end.
    own_starts: Vec<u32>,
    candidates: u32,
    /// Memory of a call.
    pairs: Vec<(u32, u32)>,
    keys: Vec<(i64, u32)>,
}

impl Matches {
    /// Finds them for the labels of anchors and candidates, and the classes of the latter.
    pub fn rebuild(
        &mut self,
        anchors: &[i64],
        candidates: &[i64],
        classes: &Classes,
        identity: Identity<'_>,
    ) {
        let Self { spans, own, own_starts, candidates: count, pairs, keys } = self;
        *count = candidates.len() as u32;
        // Classes by label.
        keys.clear();
        let first_rows = (0..classes.count()).map(|class| classes.order()[classes.members(class).start]);
        keys.extend(first_rows.map(|row| candidates[row as usize]).zip(0..));
        keys.sort_unstable();
        spans.clear();
        spans.extend(anchors.iter().map(|&label| {
            keys.binary_search_by_key(&label, |&(label, _)| label).map_or((0, 0), |found| {
                let members = classes.members(keys[found].1 as usize);
                (members.start as u32, members.end as u32)
            })
        }));
        pairs.clear();
        let positions = classes.positions();
        match identity {
            Identity::Disjoint => {}
            Identity::OwnRow => pairs.extend((0..).zip(positions.iter().copied()).take(anchors.len())),
            Identity::Ids { anchors, candidates } => {
                // There may be many more candidates: these are looked up.
                keys.clear();
                keys.extend(anchors.iter().copied().zip(0..));
                keys.sort_unstable();
                for (id, &position) in candidates.iter().zip(positions) {
                    let first = keys.partition_point(|(other, _)| other < id);
                    let same = keys[first..].iter().take_while(|(other, _)| other == id);
                    pairs.extend(same.map(|&(_, anchor)| (anchor, position)));
                }
                pairs.sort_unstable();
            }
        }
        own.clear();
        own.extend(pairs.iter().map(|&(_, position)| position));
        own_starts.clear();
        let mut next = 0;
        for anchor in 0..anchors.len() as u32 {
            own_starts.push(next as u32);
            next += pairs[next..].iter().take_while(|&&(of, _)| of == anchor).count();
        }
        own_starts.push(next as u32);
    }

    /// The positions of the candidates of an anchor's label.
    #[inline]
    #[must_use]
    pub fn span(&self, anchor: usize) -> Range<usize> {
        let (start, end) = self.spans[anchor];
        start as usize..end as usize
    }

    /// The positions of the candidates that are the anchor itself, of whatever label, ascending.
    #[inline]
    #[must_use]
    pub fn own(&self, anchor: usize) -> &[u32] {
        &self.own[self.own_starts[anchor] as usize..self.own_starts[anchor + 1] as usize]
    }

    /// The positions of an anchor's positives, ascending, and so in order of their original rows.
    pub fn positives(&self, anchor: usize) -> impl Iterator<Item = usize> + '_ {
        let own = self.own(anchor);
        self.span(anchor).filter(move |&position| own.binary_search(&(position as u32)).is_err())
    }

    /// Candidates that are the anchor itself and bear its label.
    fn own_of_label(&self, anchor: usize) -> usize {
        let span = self.span(anchor);
        self.own(anchor).iter().filter(|&&position| span.contains(&(position as usize))).count()
    }

    /// How many positives an anchor has.
    #[must_use]
    pub fn positive_count(&self, anchor: usize) -> usize {
        self.span(anchor).len() - self.own_of_label(anchor)
    }

    /// How many negatives: of other labels, and not the anchor itself.
    #[must_use]
    pub fn negative_count(&self, anchor: usize) -> usize {
        let others = self.own(anchor).len() - self.own_of_label(anchor);
        self.candidates as usize - self.span(anchor).len() - others
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random.
    fn numbers(seed: u64, count: usize, below: u64) -> Vec<i64> {
        let mut state = seed;
        let next = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) % below) as i64 - 2
        };
        (0..count).map(next).collect()
    }

    #[test]
    fn matches_are_those_of_every_pair() {
        for (seed, rows, columns) in [(1, 0, 5), (2, 5, 0), (3, 9, 31), (4, 40, 7), (5, 17, 17)] {
            let (labels, others) = (numbers(seed, rows, 6), numbers(seed + 10, columns, 6));
            // Ids repeat on both sides.
            let (ids, other_ids) = (numbers(seed + 20, rows, 20), numbers(seed + 30, columns, 20));
            let mut classes = Classes::default();
            classes.rebuild(&others);
            let mut matches = Matches::default();
            for identity in [
                Identity::Disjoint,
                Identity::Ids { anchors: &ids, candidates: &other_ids },
                Identity::OwnRow,
            ] {
                if identity == Identity::OwnRow && rows != columns {
                    continue;
                }
                matches.rebuild(&labels, &others, &classes, identity);
                for (anchor, &label) in labels.iter().enumerate() {
                    let kind = |wanted: fn(bool, bool) -> bool| -> Vec<u32> {
                        let all = 0..columns as u32;
                        let same = |k: u32| identity.is_same(anchor as u32, k);
                        all.filter(|&k| wanted(label == others[k as usize], same(k))).collect()
                    };
                    let rows_of = |positions: Vec<usize>| -> Vec<u32> {
                        positions.into_iter().map(|position| classes.order()[position]).collect()
                    };
                    let positives = kind(|label, same| label && !same);
                    assert_eq!(rows_of(matches.positives(anchor).collect()), positives, "{identity:?}");
                    assert_eq!(matches.positive_count(anchor), positives.len());
                    assert_eq!(matches.negative_count(anchor), kind(|label, same| !label && !same).len());
                    let mut own = rows_of(matches.own(anchor).iter().map(|&p| p as usize).collect());
                    own.sort_unstable();
                    assert_eq!(own, kind(|_, same| same));
                }
            }
        }
    }
}
