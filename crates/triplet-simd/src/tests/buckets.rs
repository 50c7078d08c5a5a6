//! The search for anchors with many thresholds, as a whole; its parts: `search/buckets/tests.rs`.

use super::{
    KeyPattern, Subject, Suite, ThresholdPattern, data, on_every_isa, rng, sampled, search_model::AnchorModel,
};
use crate::{
    cpu::isa::Element,
    lanes::{Kernel, Lanes},
    search::buckets::{Anchor, Buckets},
};
use triplet_core::{Real, real::Key};

struct Search<'a, T: Element> {
    buckets: &'a mut Buckets<T>,
    keys: &'a [T::Key],
    ids: &'a [T::Key],
    anchor: &'a mut Anchor<T>,
}

impl<T: Element> Kernel<T> for Search<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        self.buckets.search(lanes, self.keys, self.ids, self.anchor);
    }
}

/// Candidates a call, thresholds, and how keys and thresholds are drawn.
#[derive(Debug, Clone, Copy)]
struct Setup {
    candidates: usize,
    thresholds: usize,
    keys: KeyPattern,
    pattern: ThresholdPattern,
}

/// The state that a worker keeps from anchor to anchor.
#[derive(Default)]
struct Worker<T: Element> {
    buckets: Buckets<T>,
    anchor: Anchor<T>,
}

/// Searches three runs of candidates, and compares after each.
fn check<T: Element>(on: &Subject<T>, worker: &mut Worker<T>, case: Setup, stream: u64) {
    let _case = on.case(|| format!("{case:?}"));
    let rng = &mut rng(stream);
    let runs: Vec<Vec<T::Key>> = (0..3).map(|_| case.keys.keys::<T>(rng, case.candidates)).collect();
    let thresholds = case.pattern.thresholds(rng, &runs[0], case.thresholds);
    let mut model = AnchorModel::<T::Key>::new(thresholds.clone());
    let Worker { buckets, anchor } = worker;
    // The thresholds' bits stand in for the distances of positives.
    anchor.positives = thresholds.iter().map(|&threshold| T::from_key(threshold)).collect();
    anchor.set_thresholds(Real::key);
    for keys in &runs {
        let ids = data::ids::<T>(rng, keys.len());
        on.run(Search { buckets, keys, ids: &ids, anchor });
        for (&key, &id) in keys.iter().zip(&ids) {
            model.push(key, id.to_row());
        }
        let nearest: Vec<_> = anchor
            .nearest
            .iter()
            .map(|&found| (found != T::NO_CANDIDATE).then(|| T::unpack_candidate(found)))
            .collect();
        for ((found, expected), threshold) in nearest.iter().zip(&model.nearest).zip(&thresholds) {
            assert_eq!(found, expected, "nearest for the threshold {threshold:?}");
        }
        assert_eq!(nearest.len(), thresholds.len());
        let (key, row) = anchor.far;
        assert_eq!((key != Key::MASKED).then(|| (key, row.to_row())), model.far, "farthest");
    }
}

struct ManyThresholds;

impl Suite for ManyThresholds {
    const KERNEL: &'static str = "search, buckets";
    fn run<T: Element>(on: Subject<T>) {
        let (len, panel, worker) = (on.shape.len, on.shape.panel, &mut Worker::default());
        // Every pattern of keys with every pattern of thresholds.
        let patterns =
            KeyPattern::ALL.into_iter().flat_map(|keys| ThresholdPattern::ALL.map(|pattern| (keys, pattern)));
        for (number, (keys, pattern)) in sampled(patterns.enumerate(), 3) {
            for candidates in [panel, 4 * panel, if cfg!(miri) { 0 } else { 40 * panel }] {
                let thresholds = [64, 65, 100, 17][number % 4];
                check(&on, worker, Setup { candidates, thresholds, keys, pattern }, number as u64);
            }
        }
        // Every size, around vectors, windows and the fewest buckets, with ties and all kinds of thresholds.
        let candidates = [0, len, 2 * len, 3 * len, 32, 48, panel * 3, 128, 160, 256, 1024];
        let thresholds = [0, 1, 2, 15, 16, 17, 63, 64, 65];
        let shapes =
            candidates.into_iter().flat_map(|count| thresholds.map(|thresholds| (count, thresholds)));
        for (number, (candidates, thresholds)) in sampled(shapes.enumerate(), 11) {
            let keys = KeyPattern::ALL[6 + number % 7];
            let pattern = ThresholdPattern::Mixed;
            check(&on, worker, Setup { candidates, thresholds, keys, pattern }, 1000 + number as u64);
        }
    }
}

#[test]
fn an_anchor_of_many_thresholds_keeps_the_nearest_above_each_and_the_farthest() {
    on_every_isa::<ManyThresholds>();
}
