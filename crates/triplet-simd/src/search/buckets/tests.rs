//! The parts of the bucket search, that it alone can see, each against plain loops.

use super::{
    Buckets, WINDOW,
    bucket_map::BucketMap,
    ends::{Ends, extremes, row_of, smallest},
    sorted::{Lookup, Sorted},
};
use crate::{
    cpu::isa::Element,
    lanes::{Kernel, Lanes},
    tests::{KeyPattern, Subject, Suite, data, on_every_isa, rng, sampled},
};
use triplet_core::{real::Key, rule::nearer};

/// The nearest of some candidates, in plain words.
fn nearest_of<K: Key>(candidates: impl Iterator<Item = (K, K)>) -> Option<(K, K)> {
    candidates.reduce(|best, candidate| if nearer(candidate, best) { candidate } else { best })
}

/// The least, the most and the rows that have them, by the kernels.
struct Extremes<'a, T: Element> {
    keys: &'a [T::Key],
    ids: &'a [T::Key],
    threshold: T::Key,
}

impl<T: Element> Kernel<T> for Extremes<'_, T> {
    type Output = (T::Key, T::Key, T::Key, T::Candidate);
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) -> Self::Output {
        let Self { keys, ids, threshold } = self;
        let (least, most) = extremes(lanes, keys);
        (least, most, row_of(lanes, keys, ids, threshold), smallest(lanes, keys, ids, threshold))
    }
}

struct EndsOfTheRange;

impl Suite for EndsOfTheRange {
    const KERNEL: &'static str = "buckets, ends";
    fn run<T: Element>(on: Subject<T>) {
        let len = on.shape.len;
        let counts = [len, 2 * len, 3 * len, 48];
        let cases = KeyPattern::ALL.into_iter().flat_map(|pattern| counts.map(|count| (pattern, count)));
        for (number, (pattern, count)) in sampled(cases.enumerate(), 3) {
            let rng = &mut rng(number as u64);
            let (keys, ids) = (pattern.keys::<T>(rng, count), data::ids::<T>(rng, count));
            let present: Vec<(T::Key, T::Key)> = keys
                .iter()
                .copied()
                .zip(ids.iter().copied())
                .filter(|&(key, _)| key != Key::MASKED)
                .collect();
            let least = present.iter().map(|&(key, _)| key).min().unwrap_or(Key::MASKED);
            let most = present.iter().map(|&(key, _)| key).max().unwrap_or(Key::MASKED);
            for &(threshold, _) in &present {
                let _case = on.case(|| format!("{count} keys, {pattern:?}, threshold {threshold:?}"));
                let found = on.run(Extremes { keys: &keys, ids: &ids, threshold });
                assert_eq!((found.0, found.1), (least, most));
                let with_key = nearest_of(present.iter().copied().filter(|&(key, _)| key == threshold));
                assert_eq!(Some(found.2), with_key.map(|(_, id)| id));
                let nearest = nearest_of(present.iter().copied().filter(|&(key, _)| key >= threshold));
                assert_eq!(Some(T::unpack_candidate(found.3)), nearest.map(|(key, id)| (key, id.to_row())));
            }
            let _case = on.case(|| format!("{count} keys, {pattern:?}"));
            let found = on.run(Extremes { keys: &keys, ids: &ids, threshold: Key::ZERO });
            assert_eq!((found.0, found.1), (least, most));
        }
        let (first, top) = (T::pack_candidate(Key::from_row(5), 1), T::pack_candidate(Key::from_row(9), 2));
        let ends = Ends::<T> { least: Key::from_row(5), first, high: Key::from_row(9), top };
        let beside = [(0, Some(first)), (5, Some(first)), (6, None), (9, None), (10, Some(T::NO_CANDIDATE))];
        for (threshold, expected) in beside {
            assert_eq!(
                ends.beside(Key::from_row(threshold)),
                expected,
                "a threshold of {threshold} beside 5 to 9"
            );
        }
    }
}

#[test]
fn the_ends_of_the_range_and_their_rows_are_found() {
    on_every_isa::<EndsOfTheRange>();
}

/// The buckets of keys, by the vector operations.
struct Slices<'a, T: Element>(BucketMap<T>, &'a [T::Key], &'a mut [T::Key]);

impl<T: Element> Kernel<T> for Slices<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        self.0.all_buckets(lanes, self.1, self.2);
    }
}

/// Ranges of keys to map: ordinary, of neighbours, subnormal, all distances, and next to the largest.
fn ranges<K: Key>(key: impl Fn(f64) -> K) -> [(K, K); 8] {
    let row = K::from_row;
    [
        (key(0.25), key(0.75)),
        (K::ZERO, key(2.0)),
        (key(1.0), key(1.0).next()),
        (key(1.0), key(1.0).wrapping_add(row(40))),
        (K::ZERO, row(1)),
        (row(3), row(1000)),
        (K::ZERO, K::END.previous()),
        (K::END.wrapping_sub(row(9)), K::END.previous()),
    ]
}

struct Cuts;

impl Suite for Cuts {
    const KERNEL: &'static str = "buckets, map";
    fn run<T: Element>(on: Subject<T>) {
        let key = |value: f64| T::from_f64(value).key();
        assert!(BucketMap::<T>::new(key(1.0), key(1.0), 64).is_none(), "an empty range");
        assert!(BucketMap::<T>::new(key(2.0), key(1.0), 64).is_none(), "a reversed range");
        for ((low, high), candidates) in
            ranges(key).into_iter().flat_map(|range| [16, 32, 48, 1000].map(|count| (range, count)))
        {
            let _case = on.case(|| format!("{low:?} to {high:?} for {candidates} candidates"));
            let map = BucketMap::<T>::new(low, high, candidates).expect("a range");
            let rng = &mut rng(candidates as u64);
            let mut keys: Vec<T::Key> = [KeyPattern::Spread, KeyPattern::Edges, KeyPattern::Consecutive]
                .into_iter()
                .flat_map(|pattern| pattern.keys::<T>(rng, 32))
                .collect();
            for near in [low, high] {
                keys.extend(
                    (0..8).map(|step| near.wrapping_add(Key::from_row(step)).min(T::Key::END.previous())),
                );
            }
            keys.sort_unstable();
            let mut buckets = vec![T::Key::MASKED; keys.len()];
            on.run(Slices(map, &keys, &mut buckets));
            let buckets: Vec<usize> = buckets.iter().map(|bucket| bucket.to_row() as usize).collect();
            for (&key, &bucket) in keys.iter().zip(&buckets) {
                let masked = key == Key::MASKED;
                // The number of the bucket, as the distance is turned into it one rounding at a time.
                let above = (T::from_key(key) - map.base).max0() * map.scale + T::from_f64(1.0 / T::EPSILON);
                let number = above.key().wrapping_sub(T::from_f64(1.0 / T::EPSILON).key());
                let expected =
                    if masked { Key::ZERO } else { number.min(Key::from_row(map.count as u32 - 1)) };
                assert_eq!(bucket, expected.to_row() as usize, "{key:?}");
                assert_eq!(bucket, map.bucket(key), "{key:?}, alone");
            }
            // Masked keys, which are sorted last, have bucket 0; the others ascend with their keys.
            let finite = keys.partition_point(|&key| key < Key::END);
            assert!(buckets[..finite].is_sorted(), "{buckets:?}");
        }
    }
}

#[test]
fn bucket_numbers_ascend_with_their_keys_and_are_the_same_alone_and_in_vectors() {
    on_every_isa::<Cuts>();
}

/// Sorts candidates by bucket, and looks up the nearest for each threshold.
struct SortAndLookUp<'a, T: Element> {
    buckets: &'a mut Buckets<T>,
    map: BucketMap<T>,
    keys: &'a [T::Key],
    ids: &'a [T::Key],
    thresholds: &'a [T::Key],
}

impl<T: Element> Kernel<T> for SortAndLookUp<'_, T> {
    type Output = Vec<Option<T::Candidate>>;
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) -> Self::Output {
        let Self { buckets, map, keys, ids, thresholds } = self;
        buckets.sort(lanes, map, keys, ids);
        let Buckets { starts, keys, ids, .. } = &*buckets;
        let sorted = Sorted { map, starts, keys, ids, end: starts[map.count] as usize };
        let look_up = |&threshold: &T::Key| {
            lanes.enter(Lookup { sorted, start: starts[map.bucket(threshold)] as usize, threshold })
        };
        thresholds.iter().map(look_up).collect()
    }
}

struct SortedCandidates;

impl Suite for SortedCandidates {
    const KERNEL: &'static str = "buckets, sorted";
    fn run<T: Element>(on: Subject<T>) {
        let counts = [on.shape.len, 16, 32, 48, 96, 480];
        let cases = KeyPattern::ALL.into_iter().flat_map(|pattern| counts.map(|count| (pattern, count)));
        let buckets = &mut Buckets::<T>::default();
        for (number, (pattern, count)) in sampled(cases.enumerate(), 7) {
            let _case = on.case(|| format!("{count} keys, {pattern:?}"));
            let rng = &mut rng(number as u64);
            let (keys, ids) = (pattern.keys::<T>(rng, count), data::ids::<T>(rng, count));
            let finite = || keys.iter().copied().filter(|&key| key < Key::END);
            let (Some(low), Some(high)) = (finite().min(), finite().max()) else { continue };
            // BucketMap to the middle of the range as well: candidates then lie below and above all buckets.
            let cuts = [
                (low, high),
                (T::Key::ZERO, high),
                (low.next(), high),
                (low, high.max(Key::from_row(1)).previous()),
            ];
            for map in cuts.into_iter().filter_map(|(low, high)| BucketMap::<T>::new(low, high, count)) {
                let thresholds: Vec<T::Key> = finite().flat_map(|key| [key, key.next()]).collect();
                let (keys, ids) = (&keys[..], &ids[..]);
                let found = on.run(SortAndLookUp { buckets, map, keys, ids, thresholds: &thresholds });
                // Each bucket holds its candidates and no others; a window of masked keys ends the list.
                let starts: Vec<usize> = buckets.starts.iter().map(|&start| start as usize).collect();
                assert_eq!((starts[0], starts[map.count]), (0, count));
                let mut sorted: Vec<_> =
                    buckets.keys.iter().copied().zip(buckets.ids.iter().copied()).collect();
                for bucket in 0..map.count {
                    let members = &sorted[starts[bucket]..starts[bucket + 1]];
                    assert!(
                        members.iter().all(|&(key, _)| map.bucket(key) == bucket),
                        "bucket {bucket}: {members:?}"
                    );
                }
                assert_eq!(sorted[count..], [(Key::MASKED, Key::SIGNED_MAX); WINDOW]);
                sorted.truncate(count);
                sorted.sort_unstable();
                let mut expected: Vec<_> = keys.iter().copied().zip(ids.iter().copied()).collect();
                expected.sort_unstable();
                assert_eq!(sorted, expected, "the candidates are not the ones that were sorted");
                for (&threshold, found) in thresholds.iter().zip(found) {
                    let above = |&(key, _): &(T::Key, _)| key >= threshold && key != Key::MASKED;
                    let nearest = nearest_of(expected.iter().copied().filter(above));
                    assert_eq!(
                        found.map(T::unpack_candidate),
                        nearest.map(|(key, id)| (key, id.to_row())),
                        "{threshold:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn candidates_are_sorted_by_bucket_and_the_nearest_above_a_threshold_is_looked_up() {
    on_every_isa::<SortedCandidates>();
}
