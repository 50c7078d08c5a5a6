//! Which negatives a pair of an anchor and a positive may have: a rule, margins, and bounds of the score.

use crate::{Distance, Error, Real, Result, Rule, real::Key};

/// What a negative has to be, given the positive.
///
/// The *score* of a pair is its cosine similarity with [`Distance::Angular`], and else its distance negated, so that scores
/// rise where distances fall. The margins are those of sentence-transformers' `mine_hard_negatives`: with `p` the score of the
/// positive, a negative of score `s` needs `s <= p - absolute_margin` and `s <= p - |p| relative_margin`.
///
/// ```
/// use triplet_core::{Distance, Real, Rule, nearest::Conditions};
/// let conditions = Conditions { rule: Rule::Hard, relative_margin: Some(0.5), ..Conditions::default() };
/// conditions.check(Distance::Angular)?;
/// // A positive of similarity 0.75: negatives up to 0.375, at distances from 0.625 on.
/// let threshold = conditions.threshold(0.25_f32, Distance::Angular);
/// assert_eq!(f32::from_key(threshold), 0.625);
/// assert_eq!(Conditions::default().threshold(1.0_f32, Distance::L2), 1.0_f32.to_bits() + 1);
/// # Ok::<(), triplet_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conditions {
    /// Which positives and negatives there are: of [`Rule::SemiHard`] each positive, and negatives beyond it; of the hard rules the
    /// farthest positive, and any negative.
    pub rule: Rule,
    /// The margin of [`Rule::SemiHardLiteral`], by distance.
    pub margin: f64,
    /// By how much the score of a negative is below that of the positive at least.
    pub absolute_margin: Option<f64>,
    /// The same, as a part of the positive's score.
    pub relative_margin: Option<f64>,
    /// The largest score of a negative.
    pub max_score: Option<f64>,
    /// The smallest score of a negative.
    pub min_score: Option<f64>,
}

impl Default for Conditions {
    /// Semi-hard, without further bounds.
    fn default() -> Self {
        Self {
            rule: Rule::SemiHard,
            margin: 1.0,
            absolute_margin: None,
            relative_margin: None,
            max_score: None,
            min_score: None,
        }
    }
}

/// The score of a pair at this distance; see [`Conditions`].
#[must_use]
pub fn score(distance: f64, of: Distance) -> f64 {
    of.best_score() - distance
}

impl Conditions {
    /// Whether any negative that the rule admits will do.
    #[must_use]
    pub fn are_the_rule(&self) -> bool {
        let Self { absolute_margin, relative_margin, max_score, min_score, .. } = *self;
        [absolute_margin, relative_margin, max_score, min_score].iter().all(Option::is_none)
    }

    /// Checks the numbers.
    ///
    /// # Errors
    /// [`Error::Condition`] for one that is not finite, a margin below 0, or bounds that no score is within.
    pub fn check(&self, distance: Distance) -> Result<()> {
        let Self { absolute_margin, relative_margin, max_score, min_score, .. } = *self;
        let refuse = |name, value, problem| Err(Error::Condition { name, value, problem });
        for (name, value) in [
            ("margin", Some(self.margin)),
            ("absolute_margin", absolute_margin),
            ("relative_margin", relative_margin),
            ("max_score", max_score),
            ("min_score", min_score),
        ] {
            match value {
                Some(value) if !value.is_finite() => return refuse(name, value, "it must be finite"),
                Some(value) if value < 0.0 && name.starts_with(['a', 'r']) => {
                    return refuse(name, value, "a margin is 0 or more");
                }
                _ => {}
            }
        }
        match (max_score, min_score) {
            (Some(most), Some(least)) if least > most => {
                refuse("min_score", least, "it is above max_score: no score is within both")
            }
            (_, Some(least)) if least > distance.best_score() => refuse(
                "min_score",
                least,
                "no score is as large: that of two equal rows is 1 with angular, else 0",
            ),
            _ => Ok(()),
        }
    }

    /// The smallest key that a negative may have, given the ranking value of the positive.
    #[must_use]
    pub fn threshold<T: Real>(&self, positive: T, distance: Distance) -> T::Key {
        let of_rule = self.rule.threshold(positive, distance, T::from_f64(self.margin));
        let (near, best) = (distance.of_ranking_value(positive).to_f64(), distance.best_score());
        let bounds = [
            self.absolute_margin.map(|margin| near + margin),
            self.relative_margin.map(|margin| near + (best - near).abs() * margin),
            self.max_score.map(|score| best - score),
        ];
        bounds.into_iter().flatten().map(|bound| first_key::<T>(bound, distance)).fold(of_rule, T::Key::max)
    }

    /// The largest key that a negative may have.
    #[must_use]
    pub fn limit<T: Real>(&self, distance: Distance) -> T::Key {
        let least = self.min_score.map(|least| distance.best_score() - least);
        least.map_or(T::Key::END.previous(), |bound| last_key::<T>(bound, distance))
    }
}

/// The largest key whose distance is at most `bound`, which is 0 or more; see [`first_key`].
#[must_use]
pub fn last_key<T: Real>(bound: f64, distance: Distance) -> T::Key {
    // The first key of a distance above the bound has the one before it.
    let beyond = first_key_where::<T>(bound, distance, |distance| distance > bound);
    if beyond == T::Key::ZERO { beyond } else { beyond.previous() }
}

/// The smallest key whose distance is at least `bound`.
///
/// ```
/// use triplet_core::{Distance, Real, nearest::{first_key, last_key}};
/// assert_eq!(f32::from_key(first_key::<f32>(2.0, Distance::L2)), 4.0); // L2 is ranked by its square
/// assert!(last_key::<f32>(2.0, Distance::L2) >= 4.0_f32.key()); // whose root is 2, rounded
/// ```
#[must_use]
pub fn first_key<T: Real>(bound: f64, distance: Distance) -> T::Key {
    first_key_where::<T>(bound, distance, |distance| distance >= bound)
}

/// The smallest key of a distance that is beyond something near `bound`.
fn first_key_where<T: Real>(bound: f64, distance: Distance, beyond: impl Fn(f64) -> bool) -> T::Key {
    let is_beyond = |key: T::Key| beyond(distance.of_ranking_value(T::from_key(key)).to_f64());
    let guess = distance.near_ranking_value(T::from_f64(bound.max(0.0)));
    let mut key = if guess <= T::from_f64(T::MAX_FINITE) { guess.key() } else { T::Key::END };
    // The guess is a few units off at most.
    while key > T::Key::ZERO && is_beyond(key.previous()) {
        key = key.previous();
    }
    while key < T::Key::END && !is_beyond(key) {
        key = key.next();
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn thresholds_and_limits_are_where_the_conditions_change(
            near in 0f32..3.0, absolute in 0f64..0.5, relative in 0f64..0.9, most in -1f64..1.0, width in 0f64..0.7,
        ) {
            for distance in Distance::ALL {
                let (most, best) = if distance == Distance::Angular { (most, 1.0) } else { (most - 1.0, 0.0) };
                let conditions = Conditions {
                    rule: Rule::Hard,
                    absolute_margin: Some(absolute),
                    relative_margin: Some(relative),
                    max_score: Some(most),
                    min_score: Some(most - width),
                    ..Conditions::default()
                };
                conditions.check(distance).unwrap();
                let of = |key: u32| f64::from(distance.of_ranking_value(f32::from_bits(key)));
                let positive = f64::from(distance.of_ranking_value(near));
                let admits = |far: f64| {
                    far >= positive + absolute
                        && far >= positive + (best - positive).abs() * relative
                        && far >= best - most
                };
                let threshold = conditions.threshold(near, distance);
                prop_assert!(admits(of(threshold)), "{distance:?}");
                prop_assert!(threshold == 0 || !admits(of(threshold - 1)), "{distance:?}");
                let limit = conditions.limit::<f32>(distance);
                let bound = best - (most - width);
                prop_assert!(of(limit) <= bound && of(limit + 1) > bound, "{distance:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_met_is_refused() {
        for (conditions, says) in [
            (Conditions { absolute_margin: Some(-0.1), ..Conditions::default() }, "absolute_margin is -0.1"),
            (Conditions { relative_margin: Some(f64::NAN), ..Conditions::default() }, "finite"),
            (
                Conditions { min_score: Some(0.5), max_score: Some(0.2), ..Conditions::default() },
                "within both",
            ),
            (Conditions { min_score: Some(1.5), ..Conditions::default() }, "equal rows"),
        ] {
            let error = conditions.check(Distance::Angular).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
        assert!(Conditions::default().are_the_rule());
    }
}
