//! The nearest rows of a query, kept while blocks of distances go by.

use crate::{
    cpu::isa::Element,
    inlined::zip,
    lanes::{Lanes, MAX_LEN},
};
use triplet_core::real::Key;

/// Candidates taken in between two cuts, besides the nearest that are kept.
pub(crate) const SLACK: usize = 256;

/// The best candidates of one query.
#[derive(Debug, Clone)]
pub(crate) struct Nearest<T: Element> {
    candidates: Vec<T::Candidate>,
    wanted: usize,
    /// No key above it can be among the nearest that are kept.
    cutoff: T::Key,
}

impl<T: Element> Default for Nearest<T> {
    fn default() -> Self {
        Self { candidates: Vec::new(), wanted: 0, cutoff: T::Key::ZERO }
    }
}

impl<T: Element> Nearest<T> {
    /// Starts a query of which the nearest `wanted` candidates are kept.
    pub(crate) fn start(&mut self, wanted: usize) {
        self.candidates.clear();
        self.candidates.reserve(2 * wanted + SLACK + MAX_LEN);
        self.wanted = wanted;
        self.cutoff = Key::SIGNED_MAX;
    }

    /// Offers keys and the rows they belong to: whole vectors, masked where they do not count.
    /// Rows that are excluded are not taken.
    #[inline(always)]
    pub(crate) fn push_block<L: Lanes<Real = T>>(
        &mut self,
        lanes: L,
        keys: &[T::Key],
        ids: &[T::Key],
        excluded: impl Fn(u32) -> bool,
    ) {
        if self.wanted == 0 {
            return;
        }
        let mut cutoff = lanes.splat_key(self.cutoff);
        for (keys, ids) in zip(keys.chunks_exact(L::LEN), ids.chunks_exact(L::LEN)) {
            let mut hits = lanes.bits(lanes.at_most(lanes.load_keys(keys), cutoff));
            if hits == 0 {
                continue;
            }
            while hits != 0 {
                let lane = hits.trailing_zeros() as usize;
                hits &= hits - 1;
                let row = ids[lane].to_row();
                if !excluded(row) {
                    self.candidates.push(T::pack_candidate(keys[lane], row));
                }
            }
            if self.candidates.len() >= 2 * self.wanted + SLACK {
                self.prune();
                cutoff = lanes.splat_key(self.cutoff);
            }
        }
    }

    /// Drops all but the nearest `wanted` candidates.
    fn prune(&mut self) {
        let (_, &mut last, _) = self.candidates.select_nth_unstable(self.wanted - 1);
        self.candidates.truncate(self.wanted);
        self.cutoff = T::unpack_candidate(last).0;
    }

    /// Their rows, nearest first.
    pub(crate) fn ranked(&mut self) -> impl Iterator<Item = u32> + '_ {
        if self.candidates.len() > self.wanted && self.wanted > 0 {
            self.prune();
        }
        self.candidates.sort_unstable();
        self.candidates.iter().map(|&candidate| T::unpack_candidate(candidate).1)
    }
}
