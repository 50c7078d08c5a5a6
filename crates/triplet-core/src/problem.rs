//! What is mined: anchors against candidates, and an objective.

use crate::{
    Batch, Classes, Distance, Error, NO_ROW, Real, Result, Rule,
    comparison::{Comparison, Identity},
    matches::Matches,
    points::{Points, PointsBuffers},
    slots::{SlotStart, Slots, list_starts},
};

/// The distance, the rule and the margin of a loss; see the example of [the crate](crate).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Objective {
    /// The distance between rows.
    pub distance: Distance,
    /// The rule by which triplets are mined, and their terms computed.
    pub rule: Rule,
    /// The margin of the hinge, in units of the distance.
    pub margin: f64,
}

impl Objective {
    /// The margin, rounded to the element type.
    fn margin<T: Real>(&self) -> Result<T> {
        let rounded = T::from_f64(self.margin);
        if self.margin.is_finite() && rounded.is_finite() {
            Ok(rounded)
        } else {
            Err(Error::Margin { value: self.margin })
        }
    }
}

/// Memory behind a [`Problem`], kept by the caller so that later calls allocate nothing; see the
/// example of [the crate](crate).
#[derive(Debug, Clone, Default)]
pub struct ProblemBuffers<T: Real> {
    classes: Classes,
    anchors: PointsBuffers<T>,
    candidates: PointsBuffers<T>,
    matches: Matches,
    starts: Vec<SlotStart>,
}

/// Anchors × candidates × objective: all that an engine needs to mine triplets.
///
/// The square batch, rows compared with each other, has its anchors in class order: an anchor's
/// *position* is its place in [`Classes::order`]. Anchors against other candidates stay in their
/// own order. The example of [the crate](crate) makes the first; that of
/// [`crate::reference::gradient_to_candidates`], the second.
#[derive(Debug, Clone, Copy)]
pub struct Problem<'a, T: Real> {
    comparison: Comparison<'a, T>,
    classes: &'a Classes,
    /// Of anchors against other candidates.
    matches: Option<&'a Matches>,
    slots: Slots<'a>,
    rule: Rule,
    margin: T,
}

impl<'a, T: Real> Problem<'a, T> {
    /// The rows of a batch against each other.
    ///
    /// # Errors
    /// A margin that is not finite in the element type.
    pub fn new(
        batch: &'a Batch<'_, T>,
        objective: Objective,
        buffers: &'a mut ProblemBuffers<T>,
    ) -> Result<Self> {
        let Objective { distance, rule, .. } = objective;
        let margin = objective.margin()?;
        let ProblemBuffers { classes, anchors, .. } = buffers;
        classes.rebuild(batch.labels());
        let classes: &'a Classes = classes;
        let points = Points::new(batch, distance, anchors);
        let slots = if rule.one_per_anchor() {
            Slots::PerAnchor { anchors: points.len() }
        } else {
            Slots::PerPair(classes)
        };
        let comparison = Comparison::within(points, Identity::OwnRow, distance);
        Ok(Self { comparison, classes, matches: None, slots, rule, margin })
    }

    /// The rows of a batch against other candidates.
    ///
    /// The scalar reference and the fused engines mine it; other engines may refuse it with [`Error::NotSquare`].
    ///
    /// # Errors
    /// A margin that is not finite in the element type; sides of different widths; ids that are not
    /// one a row; [`Identity::OwnRow`] with sides of different lengths.
    pub fn against(
        [anchors, candidates]: [&'a Batch<'_, T>; 2],
        identity: Identity<'a>,
        objective: Objective,
        buffers: &'a mut ProblemBuffers<T>,
    ) -> Result<Self> {
        let Objective { distance, rule, .. } = objective;
        let margin = objective.margin()?;
        check_sides(anchors, candidates, identity)?;
        let ProblemBuffers { classes, anchors: left, candidates: right, matches, starts } = buffers;
        classes.rebuild(candidates.labels());
        let classes: &'a Classes = classes;
        matches.rebuild(anchors.labels(), candidates.labels(), classes, identity);
        let matches: &'a Matches = matches;
        let points = [Points::new(anchors, distance, left), Points::new(candidates, distance, right)];
        let comparison = Comparison::between(points[0], points[1], identity, distance);
        let slots = if rule.one_per_anchor() {
            Slots::PerAnchor { anchors: anchors.rows() }
        } else {
            list_starts((0..anchors.rows()).map(|anchor| matches.positive_count(anchor)), starts);
            Slots::Listed(starts)
        };
        Ok(Self { comparison, classes, matches: Some(matches), slots, rule, margin })
    }

    /// Anchors and candidates, and the distance between them.
    #[must_use]
    pub fn comparison(&self) -> &Comparison<'a, T> {
        &self.comparison
    }

    /// The anchors, `[M, D]`.
    #[inline]
    #[must_use]
    pub fn anchors(&self) -> Points<'a, T> {
        self.comparison.anchors()
    }

    /// The candidates, `[N, D]`.
    #[inline]
    #[must_use]
    pub fn candidates(&self) -> Points<'a, T> {
        self.comparison.candidates()
    }

    /// Whether the rows of one batch are compared with each other.
    #[must_use]
    pub fn is_square(&self) -> bool {
        self.comparison.is_square()
    }

    /// The candidates grouped by label.
    #[must_use]
    pub fn classes(&self) -> &'a Classes {
        self.classes
    }

    /// Of anchors against other candidates: the candidates of each anchor's label, and those that are the anchor
    /// itself; `None` of a square batch.
    #[must_use]
    pub fn matches(&self) -> Option<&'a Matches> {
        self.matches
    }

    /// The distance in use.
    #[inline]
    #[must_use]
    pub fn distance(&self) -> Distance {
        self.comparison.distance()
    }

    /// The rule in use.
    #[inline]
    #[must_use]
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// The margin, rounded to the element type.
    #[must_use]
    pub fn margin(&self) -> T {
        self.margin
    }

    /// Where the triplets of each anchor are stored.
    #[inline]
    #[must_use]
    pub fn slots(&self) -> Slots<'a> {
        self.slots
    }

    /// The original row of the anchor at a position.
    #[inline]
    #[must_use]
    pub fn anchor_at(&self, position: usize) -> u32 {
        if self.is_square() { self.classes.order()[position] } else { position as u32 }
    }

    /// The position of an anchor, by original row.
    #[inline]
    #[must_use]
    pub fn position_of(&self, anchor: u32) -> usize {
        if self.is_square() { self.classes.positions()[anchor as usize] as usize } else { anchor as usize }
    }

    /// The candidate that is the `rank`-th positive of the anchor at a position, ascending.
    #[inline]
    #[must_use]
    pub fn positive(&self, position: usize, rank: usize) -> u32 {
        if let Some(matches) = self.matches {
            return matches.positives(position, self.classes).nth(rank).unwrap_or(NO_ROW);
        }
        let member = self.classes.span(position).start + rank;
        self.classes.order()[member + usize::from(member >= position)]
    }

    /// Ordered pairs of an anchor and a positive, `N`.
    #[must_use]
    pub fn positive_pairs(&self) -> u64 {
        let Some(matches) = self.matches else { return self.classes.positive_pairs() };
        (0..self.anchors().len()).map(|anchor| matches.positive_count(anchor) as u64).sum()
    }

    /// Anchors that have a positive but no negative.
    #[must_use]
    pub fn anchors_without_negatives(&self) -> u64 {
        let Some(matches) = self.matches else {
            // Only a batch of one class has such rows.
            let lonely = self.classes.count() == 1 && self.classes.rows() > 1;
            return if lonely { self.classes.rows() as u64 } else { 0 };
        };
        let has_none =
            |&anchor: &usize| matches.negative_count(anchor) == 0 && matches.positive_count(anchor) > 0;
        (0..self.anchors().len()).filter(has_none).count() as u64
    }

    /// What the sum over all triplets is divided by: `N`, or `M` with one triplet an anchor.
    #[must_use]
    pub fn normalizer(&self) -> f64 {
        self.slots.count() as f64
    }

    /// The smallest key that a negative may have for a triplet with this positive.
    #[inline]
    #[must_use]
    pub fn threshold(&self, positive: T) -> T::Key {
        self.rule.threshold(positive, self.distance(), self.margin)
    }

    /// What is written to a slot whose anchor has no negative, given the ranking value of its
    /// positive; see [`Rule::missing_negative`].
    #[inline]
    #[must_use]
    pub fn missing_negative(&self, positive: T) -> (u32, T) {
        (NO_ROW, self.rule.missing_negative(positive))
    }

    /// Bytes that [`Problem::new`] takes for so many rows.
    #[must_use]
    pub fn bytes_needed(rows: usize, width: usize, distance: Distance) -> usize {
        Points::<T>::bytes_needed(rows, width, distance).saturating_add(rows.saturating_mul(48))
    }
}

fn check_sides<T: Real>(
    anchors: &Batch<'_, T>,
    candidates: &Batch<'_, T>,
    identity: Identity<'_>,
) -> Result<()> {
    let (rows, columns) = (anchors.rows(), candidates.rows());
    if anchors.width() != candidates.width() {
        return Err(Error::WidthMismatch { anchors: anchors.width(), candidates: candidates.width() });
    }
    match identity {
        Identity::Disjoint => Ok(()),
        Identity::OwnRow if rows == columns => Ok(()),
        Identity::OwnRow => Err(Error::OwnRowMismatch { anchors: rows, candidates: columns }),
        Identity::Ids { anchors, .. } if anchors.len() != rows => {
            Err(Error::IdsLength { side: "anchors", ids: anchors.len(), rows })
        }
        Identity::Ids { candidates, .. } if candidates.len() != columns => {
            Err(Error::IdsLength { side: "candidates", ids: candidates.len(), rows: columns })
        }
        Identity::Ids { .. } => Ok(()),
    }
}
