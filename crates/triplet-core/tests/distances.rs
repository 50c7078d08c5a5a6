//! Edges of distances: zero distance, rows shorter than the norm floor.

use triplet_core::{
    Distance, Real,
    distance::{Scaling, normalise},
    real::Key,
};

#[test]
fn the_derivative_of_l2_is_zero_at_distance_zero_and_one_over_the_distance_elsewhere() {
    assert_eq!(Distance::L2.derivative(0.0_f32), 0.0);
    assert_eq!(Distance::L2.derivative(0.0_f64), 0.0);
    assert_eq!(Distance::L2.derivative(4.0_f32), 0.5);
    // The smallest distance of all is no zero.
    let least = f32::from_key(1);
    assert_eq!(Distance::L2.derivative(least), 1.0 / f64::from(least.sqrt()));
    for distance in [Distance::SquaredL2, Distance::Angular] {
        assert_eq!([distance.derivative(0.0_f32), distance.derivative(4.0_f32)], [1.0, 1.0], "{distance:?}");
    }
}

/// Ranking values from zero to the largest finite one: subnormal, tiny, ordinary, huge.
fn ranking_values<T: Real>() -> impl Iterator<Item = T> {
    let powers = (-1070..1020).step_by(13).map(|power| T::from_f64(1.7 * f64::exp2(f64::from(power))));
    let smallest = [0, 1, 2, 3, 100].map(|bits| T::from_key(T::Key::from_row(bits)));
    let all = smallest.into_iter().chain(powers).chain([T::ONE, T::from_f64(T::MAX_FINITE)]);
    all.filter(|value| value.is_finite())
}

/// What engines and thresholds take for granted of a distance.
fn laws<T: Real>(distance: Distance) {
    let of = |value: T| distance.of_ranking_value(value);
    let values: Vec<T> = ranking_values().filter(|&value| of(value).is_finite()).collect();
    assert_eq!(of(T::ZERO), T::ZERO);
    for &value in &values {
        let derivative = distance.derivative(value);
        assert!(derivative >= 0.0 && derivative.is_finite(), "{distance:?} at {value}: {derivative}");
        assert!(
            distance.needs_pair_distance() || derivative == distance.derivative(T::ONE),
            "{distance:?} at {value}: the derivative depends on the distance"
        );
        // A larger ranking value has no smaller distance.
        for &other in values.iter().filter(|&&other| other > value) {
            assert!(of(other) >= of(value), "{distance:?}: {value} and {other}");
        }
        let near = distance.near_ranking_value(of(value));
        let mut last = if near.is_finite() { near.key() } else { T::from_f64(T::MAX_FINITE).key() };
        let end = T::from_f64(T::MAX_FINITE).key();
        let above = |key: T::Key| of(T::from_key(key)) > of(value);
        let mut steps = 0;
        while last > T::Key::ZERO && above(last) {
            (last, steps) = (last.previous(), steps + 1);
            assert!(steps <= 8, "{distance:?}: the guess for {value} is too high");
        }
        while last < end && !above(last.next()) {
            (last, steps) = (last.next(), steps + 1);
            assert!(steps <= 8, "{distance:?}: the guess for {value} is too low");
        }
    }
}

#[test]
fn every_distance_ascends_with_its_ranking_value_and_is_nearly_undone() {
    for distance in Distance::ALL {
        laws::<f32>(distance);
        laws::<f64>(distance);
    }
}

#[test]
fn a_row_below_the_norm_floor_is_divided_by_the_floor_and_not_by_its_norm() {
    let mut unit = [9.0_f32; 2];
    // 1e-6 in place of the norm 5e-7; the reciprocal of the root of 1e-12 rounds to within 1e6.
    let scaling = normalise(&[3e-7, 4e-7], &mut unit);
    assert!(!scaling.own_norm);
    assert!((scaling.inverse_norm - 1e6).abs() <= 1e6 * f64::EPSILON, "{scaling:?}");
    assert_eq!(unit, [0.3, 0.4]);
    assert_eq!(normalise(&[0.0_f32; 2], &mut unit), Scaling { own_norm: false, ..scaling });
    assert_eq!(unit, [0.0; 2]);

    // 2^-19 = 1.9e-6 is above the floor, 2^-20 = 9.5e-7 below it.
    let above = f64::exp2(-19.0);
    for sign in [1.0, -1.0] {
        let scaling = normalise(&[0.0, sign * above], &mut [0.0; 2]);
        assert_eq!(scaling, Scaling { inverse_norm: 1.0 / above, own_norm: true });
        assert!(!normalise(&[0.0, sign * above / 2.0], &mut [0.0; 2]).own_norm);
    }
}

#[test]
fn distances_are_needed_by_those_whose_derivative_depends_on_them() {
    for distance in Distance::ALL {
        let depends = distance.derivative(1.0_f32) != distance.derivative(4.0_f32);
        assert_eq!(distance.needs_pair_distance(), depends, "{distance:?}");
    }
}

#[test]
fn what_is_cut_at_zero_is_no_negative_zero() {
    let bits = |x: f32| (x.max0().to_bits(), f64::from(x).max0().to_bits());
    assert_eq!([0.0, -0.0, -1.0].map(bits), [(0, 0); 3]);
    assert_eq!(bits(2.0), (2.0_f32.to_bits(), 2.0_f64.to_bits()));
}
