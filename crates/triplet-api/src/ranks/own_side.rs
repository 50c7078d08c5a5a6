//! One rank's anchors against candidates that every rank has.

use super::Gathered;
use crate::{Candidates, Error, Result};
use core::ops::Range;
use triplet_core::{Batch, Identity, Objective, ProblemBuffers, Triplets};
use triplet_simd::Element;

/// This rank's anchors against candidates that every rank has.
pub(super) struct OwnSide<'a, T: Element> {
    pub(super) anchors: Result<Batch<'a, T>>,
    pub(super) candidates: Candidates<'a, T>,
    pub(super) objective: Objective,
    pub(super) buffers: ProblemBuffers<T>,
    pub(super) triplets: Triplets<T>,
}

impl<'a, T: Element> OwnSide<'a, T> {
    pub(super) fn new(
        gathered: &'a Gathered<'_, T>,
        candidates: Candidates<'a, T>,
        objective: Objective,
    ) -> Self {
        let (own, all) = (gathered.own(), gathered.batch());
        let values = own.start * all.width()..own.end * all.width();
        let labels = &all.labels()[own.clone()];
        let anchors = Batch::new(&all.embeddings()[values], all.width(), labels).map_err(Error::from);
        let identity = own_ids(candidates.identity, own);
        Self {
            anchors,
            candidates: Candidates { identity, ..candidates },
            objective,
            buffers: ProblemBuffers::default(),
            triplets: Triplets::default(),
        }
    }
}

/// The ids of one rank's rows among those of all.
fn own_ids(identity: Identity<'_>, own: Range<usize>) -> Identity<'_> {
    match identity {
        Identity::Ids { anchors, candidates } => {
            Identity::Ids { anchors: anchors.get(own).unwrap_or(&[]), candidates }
        }
        identity => identity,
    }
}

/// Of the labels and ids of candidates: ranks with different ones are told so.
pub(super) fn digest<T: Element>(candidates: &Candidates<'_, T>) -> [u64; 2] {
    let ids = match candidates.identity {
        Identity::Ids { candidates, .. } => candidates,
        Identity::OwnRow | Identity::Disjoint => &[],
    };
    let numbers = candidates.batch.labels().iter().chain(ids);
    // FNV-1a over whole numbers.
    let mix = |hash: u64, &number: &i64| (hash ^ number as u64).wrapping_mul(0x0100_0000_01b3);
    [candidates.batch.rows() as u64, numbers.fold(0xcbf2_9ce4_8422_2325, mix)]
}
