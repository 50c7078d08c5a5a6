//! What the kernels are run on: rows, keys and thresholds, random and at the edges.

use crate::isa::Element;
use fastrand::Rng;
use triplet_core::real::Key;

/// Seed of every test here.
pub(crate) const SEED: u64 = 0x0074_7269_706c_6574;

/// Random numbers of a test; different streams are independent.
pub(crate) fn rng(stream: u64) -> Rng {
    Rng::with_seed(SEED.wrapping_add(stream.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

/// Components of rows: between -1 and 1, some zero, some subnormal.
pub(crate) fn components<T: Element>(rng: &mut Rng, count: usize) -> Vec<T> {
    let component = |_| match rng.u32(..16) {
        0 => T::ZERO,
        1 => T::from_key(Key::from_row(rng.u32(..100))),
        _ => T::from_f64(rng.f64() * 2.0 - 1.0),
    };
    (0..count).map(component).collect()
}

/// Original rows, all different, in random order.
pub(crate) fn ids<T: Element>(rng: &mut Rng, count: usize) -> Vec<T::Key> {
    // The largest row that a batch can have is among them.
    let mut rows: Vec<u32> =
        (0..count as u32).map(|row| if row == 0 { i32::MAX as u32 - 2 } else { row }).collect();
    rng.shuffle(&mut rows);
    rows.into_iter().map(Key::from_row).collect()
}

/// How the distance keys of a case are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum KeyPattern {
    AllMasked,
    AllZero,
    AllEqual,
    FirstOnly,
    LastOnly,
    TwoValues,
    EightValues,
    EightValuesMostlyMasked,
    Spread,
    SpreadSomeMasked,
    Consecutive,
    Outlier,
    FarCluster,
    Edges,
}

impl KeyPattern {
    pub(crate) const ALL: [Self; 14] = [
        Self::AllMasked,
        Self::AllZero,
        Self::AllEqual,
        Self::FirstOnly,
        Self::LastOnly,
        Self::TwoValues,
        Self::EightValues,
        Self::EightValuesMostlyMasked,
        Self::Spread,
        Self::SpreadSomeMasked,
        Self::Consecutive,
        Self::Outlier,
        Self::FarCluster,
        Self::Edges,
    ];

    /// Keys of finite distances, and masked ones.
    pub(crate) fn keys<T: Element>(self, rng: &mut Rng, count: usize) -> Vec<T::Key> {
        let key = |value: f64| T::from_f64(value).key();
        let masked = <T::Key as Key>::MASKED;
        let last = count.wrapping_sub(1);
        let one = |at: usize, place: usize| if at == place { key(1.5) } else { masked };
        let draw = |at: usize| match self {
            Self::AllMasked => masked,
            Self::AllZero => Key::ZERO,
            Self::AllEqual => key(0.7),
            Self::FirstOnly => one(at, 0),
            Self::LastOnly => one(at, last),
            Self::TwoValues => key(if rng.bool() { 0.3 } else { 0.7 }),
            Self::EightValuesMostlyMasked if rng.u32(..16) > 0 => masked,
            Self::EightValues | Self::EightValuesMostlyMasked => key(0.5 + f64::from(rng.u32(..8))),
            Self::SpreadSomeMasked if rng.u32(..4) == 0 => masked,
            Self::Spread | Self::SpreadSomeMasked => key(rng.f64() * 4.0),
            // Neighbours in the last place: what a rounded subtraction confuses.
            Self::Consecutive => key(1.0).wrapping_add(Key::from_row(rng.u32(..64))),
            // One far away, so that all others fall into few buckets.
            Self::Outlier => key(if at == count / 2 { 1e30 } else { rng.f64() * 1e-3 }),
            // One in eight so far away that the number of their bucket overflows.
            Self::FarCluster if at % 8 == 7 => key(T::MAX_FINITE * (0.25 + rng.f64() / 8.0)),
            Self::FarCluster => key(rng.f64() * 1e-9),
            Self::Edges => edge(rng),
        };
        (0..count).map(draw).collect()
    }
}

/// Keys at the ends of the range of finite distances and in the subnormal range, and masked ones.
fn edge<K: Key>(rng: &mut Rng) -> K {
    let end = K::END;
    let choices = [
        K::ZERO,
        K::ZERO.next(),
        Key::from_row(1000 + rng.u32(..4)),
        end.previous(),
        end.previous().previous(),
        K::MASKED,
    ];
    choices[rng.usize(..choices.len())]
}

/// How the thresholds of a case are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum ThresholdPattern {
    Zero,
    Unreachable,
    NoSlot,
    AtAKey,
    JustAboveAKey,
    /// Of the lower seven eighths.
    JustAboveANearKey,
    Mixed,
}

impl ThresholdPattern {
    pub(crate) const ALL: [Self; 7] = [
        Self::Zero,
        Self::Unreachable,
        Self::NoSlot,
        Self::AtAKey,
        Self::JustAboveAKey,
        Self::JustAboveANearKey,
        Self::Mixed,
    ];

    /// Thresholds for candidates with these keys.
    pub(crate) fn thresholds<K: Key>(self, rng: &mut Rng, keys: &[K], count: usize) -> Vec<K> {
        let mut finite: Vec<K> = keys.iter().copied().filter(|&key| key < K::END).collect();
        if finite.is_empty() {
            finite.push(K::ZERO);
        }
        finite.sort_unstable();
        let near = |rng: &mut Rng| finite[rng.usize(..finite.len())];
        let draw = |_| match self {
            Self::Zero => K::ZERO,
            Self::Unreachable => K::END,
            Self::NoSlot => K::UNREACHABLE,
            Self::AtAKey => near(rng),
            Self::JustAboveAKey => near(rng).next(),
            Self::JustAboveANearKey => finite[rng.usize(..(finite.len() * 7).div_ceil(8))].next(),
            Self::Mixed => match rng.u32(..8) {
                0 => K::ZERO,
                1 => K::END,
                2 => K::UNREACHABLE,
                3 => K::END.previous(),
                4 => near(rng).max(K::ZERO.next()).previous(),
                5 => near(rng).next(),
                _ => near(rng),
            },
        };
        (0..count).map(draw).collect()
    }
}
