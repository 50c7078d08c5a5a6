//! Anchors against candidates: which rows are compared, by which distance, and which candidate
//! is the anchor itself.

use crate::{Distance, Real, distance::inner, points::Points};

/// Which candidate is the anchor itself. It is neither its positive nor its negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity<'a> {
    /// The candidate of the anchor's own index: anchors and candidates are the same rows.
    OwnRow,
    /// No candidate.
    Disjoint,
    /// Every candidate of the anchor's id; ids may repeat.
    Ids {
        /// One id an anchor.
        anchors: &'a [i64],
        /// One id a candidate.
        candidates: &'a [i64],
    },
}

impl Identity<'_> {
    /// Whether a candidate is the anchor itself.
    #[inline]
    #[must_use]
    pub fn is_same(&self, anchor: u32, candidate: u32) -> bool {
        match self {
            Self::OwnRow => anchor == candidate,
            Self::Disjoint => false,
            Self::Ids { anchors, candidates } => anchors[anchor as usize] == candidates[candidate as usize],
        }
    }
}

/// Anchors `[M, D]` against candidates `[N, D]`.
#[derive(Debug, Clone, Copy)]
pub struct Comparison<'a, T: Real> {
    anchors: Points<'a, T>,
    candidates: Points<'a, T>,
    identity: Identity<'a>,
    distance: Distance,
    square: bool,
}

impl<'a, T: Real> Comparison<'a, T> {
    /// Rows compared with each other. The identity is [`Identity::OwnRow`], or ids given twice.
    #[must_use]
    pub fn within(points: Points<'a, T>, identity: Identity<'a>, distance: Distance) -> Self {
        Self { anchors: points, candidates: points, identity, distance, square: true }
    }

    /// Rows compared with other rows.
    #[must_use]
    pub fn between(
        anchors: Points<'a, T>,
        candidates: Points<'a, T>,
        identity: Identity<'a>,
        distance: Distance,
    ) -> Self {
        Self { anchors, candidates, identity, distance, square: false }
    }

    /// The rows that search.
    #[must_use]
    pub fn anchors(&self) -> Points<'a, T> {
        self.anchors
    }

    /// The rows that are searched.
    #[must_use]
    pub fn candidates(&self) -> Points<'a, T> {
        self.candidates
    }

    /// Which candidate is the anchor itself.
    #[must_use]
    pub fn identity(&self) -> Identity<'a> {
        self.identity
    }

    /// The distance in use.
    #[must_use]
    pub fn distance(&self) -> Distance {
        self.distance
    }

    /// Whether anchors and candidates are the same rows.
    #[must_use]
    pub fn is_square(&self) -> bool {
        self.square
    }

    /// Whether a candidate is a positive of an anchor: of its label, and not the anchor itself.
    #[must_use]
    pub fn is_positive(&self, anchor: u32, candidate: u32) -> bool {
        self.anchors.label(anchor) == self.candidates.label(candidate)
            && !self.identity.is_same(anchor, candidate)
    }

    /// The ranking value of an anchor and a candidate, by the chain of every backend.
    #[must_use]
    pub fn ranking_value(&self, anchor: u32, candidate: u32) -> T {
        let (x, y) = (self.anchors.row(anchor), self.candidates.row(candidate));
        self.distance.ranking_value(inner(x, y), inner(x, x), inner(y, y))
    }
}
