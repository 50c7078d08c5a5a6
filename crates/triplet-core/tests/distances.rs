//! Edges of distances: zero distance, rows shorter than the norm floor.

use triplet_core::{
    Distance, Real,
    distance::{Scaling, normalise},
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
