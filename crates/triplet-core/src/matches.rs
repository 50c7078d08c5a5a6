//! Anchors against other candidates: which candidates bear an anchor's label, and which are the anchor itself.

use crate::{Classes, Identity};
use core::ops::Range;

/// For each anchor, the candidates of its label, as positions in the candidates' class order, and those that are the
/// anchor itself.
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
/// assert_eq!((matches.span(0), matches.own(0)), (0..3, &[2][..]));
/// assert!(matches.positives(0, &classes).eq([0, 3]));
/// assert_eq!((matches.positive_count(0), matches.negative_count(0)), (2, 1));
/// assert!(matches.span(1).is_empty());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Matches {
    /// Of each anchor.
    spans: Vec<(u32, u32)>,
    /// The candidates that are an anchor itself, anchor by anchor.
    own: Vec<u32>,
    /// First of them, of each anchor, and the end.
    own_starts: Vec<u32>,
    /// How many of an anchor's bear its label.
    own_of_label: Vec<u32>,
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
        let Self { spans, own, own_starts, own_of_label, candidates: count, pairs, keys } = self;
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
        match identity {
            Identity::Disjoint => {}
            Identity::OwnRow => pairs.extend((0..anchors.len() as u32).map(|row| (row, row))),
            Identity::Ids { anchors, candidates } => {
                if candidates.is_sorted_by(|a, b| a < b) {
                    // As those of a data set or of a memory bank: each anchor is looked up.
                    let found = (0..).zip(anchors).filter_map(|(anchor, id)| {
                        candidates.binary_search(id).ok().map(|row| (anchor, row as u32))
                    });
                    pairs.extend(found);
                } else {
                    // There may be many more candidates: these are looked up.
                    keys.clear();
                    keys.extend(anchors.iter().copied().zip(0..));
                    keys.sort_unstable();
                    for (id, row) in candidates.iter().zip(0..) {
                        let first = keys.partition_point(|(other, _)| other < id);
                        let same = keys[first..].iter().take_while(|(other, _)| other == id);
                        pairs.extend(same.map(|&(_, anchor)| (anchor, row)));
                    }
                    pairs.sort_unstable();
                }
            }
        }
        own.clear();
        own.extend(pairs.iter().map(|&(_, row)| row));
        own_starts.clear();
        own_of_label.clear();
        let mut next = 0;
        for (anchor, &label) in (0..).zip(anchors) {
            own_starts.push(next as u32);
            let first = next;
            next += pairs[next..].iter().take_while(|&&(of, _)| of == anchor).count();
            let of_label = own[first..next].iter().filter(|&&row| candidates[row as usize] == label);
            own_of_label.push(of_label.count() as u32);
        }
        own_starts.push(next as u32);
    }

    /// Lists instead, for each anchor, the candidates among `rows` that are none of its negatives, ascending; there are
    /// no positives. `excluded(anchor)` gives those of all candidates, of which `rows` are at hand.
    pub fn rebuild_excluding<'e>(
        &mut self,
        anchors: usize,
        rows: Range<u32>,
        excluded: impl Fn(usize) -> &'e [u32],
    ) {
        let Self { spans, own, own_starts, own_of_label, candidates, .. } = self;
        *candidates = rows.end - rows.start;
        spans.clear();
        spans.resize(anchors, (0, 0));
        own_of_label.clear();
        own_of_label.resize(anchors, 0);
        own.clear();
        own_starts.clear();
        for anchor in 0..anchors {
            own_starts.push(own.len() as u32);
            let listed = excluded(anchor);
            let first = listed.partition_point(|&row| row < rows.start);
            let here = listed[first..].iter().take_while(|&&row| row < rows.end);
            own.extend(here.map(|&row| row - rows.start));
        }
        own_starts.push(own.len() as u32);
    }

    /// The candidates of an anchor's label, as positions in their class order.
    #[inline]
    #[must_use]
    pub fn span(&self, anchor: usize) -> Range<usize> {
        let (start, end) = self.spans[anchor];
        start as usize..end as usize
    }

    /// The candidates of an anchor's label, ascending, given their classes.
    #[inline]
    #[must_use]
    pub fn of_label<'c>(&self, anchor: usize, classes: &'c Classes) -> &'c [u32] {
        &classes.order()[self.span(anchor)]
    }

    /// The candidates that are the anchor itself, of whatever label, ascending.
    #[inline]
    #[must_use]
    pub fn own(&self, anchor: usize) -> &[u32] {
        &self.own[self.own_starts[anchor] as usize..self.own_starts[anchor + 1] as usize]
    }

    /// The positives of an anchor, ascending.
    pub fn positives<'c>(&'c self, anchor: usize, classes: &'c Classes) -> impl Iterator<Item = u32> + 'c {
        let own = self.own(anchor);
        let of_label = self.of_label(anchor, classes).iter().copied();
        of_label.filter(move |row| own.binary_search(row).is_err())
    }

    /// Whether a candidate is a negative of an anchor: of another label, and not the anchor itself.
    #[inline]
    #[must_use]
    pub fn is_negative(&self, anchor: usize, candidate: u32, classes: &Classes) -> bool {
        let position = classes.positions()[candidate as usize] as usize;
        !self.span(anchor).contains(&position) && self.own(anchor).binary_search(&candidate).is_err()
    }

    /// How many positives an anchor has.
    #[must_use]
    pub fn positive_count(&self, anchor: usize) -> usize {
        self.span(anchor).len() - self.own_of_label[anchor] as usize
    }

    /// How many negatives: of other labels, and not the anchor itself.
    #[must_use]
    pub fn negative_count(&self, anchor: usize) -> usize {
        let others = self.own(anchor).len() - self.own_of_label[anchor] as usize;
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
            let places: Vec<i64> = (0..columns as i64).collect();
            let mut classes = Classes::default();
            classes.rebuild(&others);
            let mut matches = Matches::default();
            for identity in [
                Identity::Disjoint,
                Identity::Ids { anchors: &ids, candidates: &other_ids },
                Identity::Ids { anchors: &ids, candidates: &places },
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
                    let positives = kind(|label, same| label && !same);
                    let found: Vec<u32> = matches.positives(anchor, &classes).collect();
                    assert_eq!(found, positives, "{identity:?}");
                    assert_eq!(matches.positive_count(anchor), positives.len());
                    let negatives = kind(|label, same| !label && !same);
                    assert_eq!(matches.negative_count(anchor), negatives.len());
                    let found = (0..columns as u32).filter(|&k| matches.is_negative(anchor, k, &classes));
                    assert_eq!(found.collect::<Vec<_>>(), negatives, "{identity:?}");
                    assert_eq!(matches.own(anchor), kind(|_, same| same));
                }
            }
        }
    }
}
