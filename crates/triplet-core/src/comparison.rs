//! Anchors against candidates: which rows are compared, by which distance, and which candidate
//! is the anchor itself.

use crate::{Distance, Real, distance::inner, points::Points};

/// Which candidate is the anchor itself. It is neither its positive nor its negative.
///
/// ```
/// use triplet_core::Identity;
/// assert!(Identity::OwnRow.is_same(3, 3));
/// assert!(!Identity::Disjoint.is_same(3, 3));
/// assert!(Identity::Ids { anchors: &[5], candidates: &[4, 5] }.is_same(0, 1));
/// ```
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
///
/// ```
/// use triplet_core::{Batch, Comparison, Distance, Identity, Points, points::PointsBuffers};
///
/// // Two queries against a gallery of three rows; row 2 of the gallery is query 0.
/// let queries = Batch::new(&[1.0_f32, 4.0], 1, &[7, 8])?;
/// let gallery = Batch::new(&[0.0_f32, 3.0, 1.0], 1, &[7, 8, 7])?;
/// let (mut left, mut right) = (PointsBuffers::default(), PointsBuffers::default());
/// let comparison = Comparison::between(
///     Points::new(&queries, Distance::L2, &mut left),
///     Points::new(&gallery, Distance::L2, &mut right),
///     Identity::Ids { anchors: &[10, 11], candidates: &[20, 21, 10] },
///     Distance::L2,
/// );
/// assert!(comparison.is_positive(0, 0)); // of the same label
/// assert!(!comparison.is_positive(0, 2)); // of the same id: the anchor itself
/// assert_eq!(comparison.ranking_value(1, 0), 16.0); // L2 is ranked by its square
/// # Ok::<(), triplet_core::Error>(())
/// ```
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

    /// The anchors: in retrieval, the queries.
    #[must_use]
    pub fn anchors(&self) -> Points<'a, T> {
        self.anchors
    }

    /// The candidates: in retrieval, the references.
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
