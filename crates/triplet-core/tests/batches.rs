//! Edges of what a batch may contain.

use half::{bf16, f16};
use ndarray::{arr1, arr2};
use triplet_core::{Batch, Error, batch::norm_limit, distance::inner};

#[test]
fn labels_too_many_are_refused_as_are_too_few() {
    for labels in [&[][..], &[0], &[0; 3], &[0; 4]] {
        let error = Batch::new(&[0.0_f32; 4], 2, labels).unwrap_err();
        assert_eq!(error, Error::LengthMismatch { labels: labels.len(), rows: 2, width: 2 });
    }
    assert!(Batch::new(&[0.0_f32; 4], 2, &[0; 2]).is_ok());
}

/// A row whose squared norm is below a quarter of the largest float, but whose chain of
/// roundings goes above it: one large component, then squares of a little more than half a unit
/// in the last place of the sum, each of which is rounded up to a whole one.
#[test]
fn a_row_whose_distances_overflow_by_rounding_alone_is_refused() {
    let quarter = f64::from(f32::MAX) / 4.0;
    let small = (f64::exp2(50.5) * (1.0 + 1e-6)) as f32;
    let large = (f64::exp2(63.0) * (1.0 - 1.5 * f64::exp2(-15.0)).sqrt()) as f32;
    let mut row = vec![small; 1025];
    row[0] = large;
    let exact: f64 = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    assert!(exact < quarter * (1.0 - 1e-5), "{exact:e}");
    let norm = inner(&row, &row);
    assert!(f64::from(norm) > quarter, "{norm:e}");
    // What the distance to the opposite row would be.
    assert_eq!((norm + norm) + (norm + norm), f32::INFINITY);

    let opposite = row.iter().map(|x| -x);
    let rows: Vec<f32> = row.iter().copied().chain(opposite).collect();
    let error = Batch::new(&rows, 1025, &[0, 1]).unwrap_err();
    assert!(matches!(error, Error::NormOverflow { row: 0, .. }), "{error}");
}

#[test]
fn a_row_index_has_31_bits_of_which_one_pattern_stands_for_no_row() {
    assert_eq!(Batch::<f32>::MAX_ROWS, (1 << 31) - 2);
}

#[test]
fn the_limit_of_squared_norms_is_the_one_of_the_definition() {
    let limit = |width: f64, epsilon: f64, most: f64| most / 4.0 * (1.0 - 4.0 * width * epsilon);
    for width in [1, 3, 128, 4096] {
        let w = width as f64;
        assert_eq!(norm_limit::<f32>(width), limit(w, f64::exp2(-23.0), f64::from(f32::MAX)));
        assert_eq!(norm_limit::<f64>(width), limit(w, f64::exp2(-52.0), f64::MAX));
    }
    // Never less than an eighth, however wide.
    assert_eq!(norm_limit::<f32>(usize::MAX), f64::from(f32::MAX) / 8.0);
}

#[test]
fn layouts_other_than_row_major_are_copied_right() {
    let x = arr2(&[[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    let y = arr1(&[0, 0, 1]);
    let batch = Batch::from_views(x.t(), y.view()).unwrap();
    assert_eq!(batch.embeddings(), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
}

#[test]
fn half_precision_is_widened_exactly() {
    let x = [f16::from_f32(0.1), f16::MIN_POSITIVE_SUBNORMAL];
    let batch = Batch::from_f16(&x, 1, &[0, 0]).unwrap();
    assert_eq!(batch.embeddings(), [x[0].to_f32(), x[1].to_f32()]);
    let error = Batch::from_bf16(&[bf16::INFINITY], 1, &[0]).unwrap_err();
    assert!(matches!(error, Error::NonFinite { row: 0, column: 0, .. }));
}

#[test]
fn the_largest_magnitude_is_that_of_all_components() {
    assert_eq!(Batch::new(&[1.0_f32, -3.0, 0.0, 2.0], 2, &[0, 0]).unwrap().largest(), 3.0);
    assert_eq!(Batch::new(&[0.0_f32; 0], 2, &[]).unwrap().largest(), 0.0);
    // So large that every row's norm is added up.
    assert_eq!(Batch::new(&[0.0, -6e153, 1.0], 1, &[0; 3]).unwrap().largest(), 6e153);
}

/// No component is large alone: four squares of 0.4 of the limit are more than it, two are not.
#[test]
fn a_row_is_refused_for_the_sum_of_its_squares() {
    let component = (0.4 * norm_limit::<f32>(4)).sqrt() as f32;
    let error = Batch::new(&[component; 4], 4, &[0]).unwrap_err();
    assert!(matches!(error, Error::NormOverflow { row: 0, .. }), "{error}");
    assert!(Batch::new(&[component, 0.0, -component, 0.0], 4, &[0]).is_ok());
}

/// With `u = 2^-53` the limit of two components is `2^1022 (1 - u)(1 - 16 u)`, rounded `2^1022 (1 - 17 u)`.
/// The squares are, rounded, `2^1022 (1 - 18 u)` and `2^1022 u`.
#[test]
fn a_squared_norm_of_the_limit_itself_is_accepted() {
    let u = f64::exp2(-53.0);
    let small = f64::exp2(511.0) * u.sqrt();
    let row = |units: f64| [f64::exp2(511.0) * (1.0 - units * u), small];
    let [x, y] = row(9.0);
    assert_eq!(x * x + y * y, norm_limit::<f64>(2));
    assert!(Batch::new(&row(9.0), 2, &[0]).is_ok());
    assert!(Batch::new(&row(8.0), 2, &[0]).is_err());
}
