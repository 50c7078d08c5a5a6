//! Two dimensions to draw: the principal components.

use ndarray::{Array1, Array2, ArrayView2, Axis};

/// Turns that bring the power iteration to the pixel.
const TURNS: usize = 300;

/// Rows projected on their two principal components, by power iteration in f64.
pub(crate) fn principal_plane(rows: ArrayView2<'_, f32>) -> Vec<(f64, f64)> {
    let mut x: Array2<f64> = rows.mapv(f64::from);
    if let Some(mean) = x.mean_axis(Axis(0)) {
        x -= &mean;
    }
    let mut covariance = x.t().dot(&x);
    let mut components = Vec::new();
    for _ in 0..2 {
        // Any start that is not orthogonal to the answer; a fixed one, to be the same again.
        let mut v: Array1<f64> = (0..x.ncols()).map(|i| 1.0 + 0.1 * (i as f64).sin()).collect();
        let mut size = 0.0;
        for _ in 0..TURNS {
            let next = covariance.dot(&v);
            size = next.dot(&next).sqrt();
            if size == 0.0 {
                break;
            }
            v = next / size;
        }
        let column = v.view().insert_axis(Axis(1));
        covariance = covariance - column.dot(&column.t()) * size;
        components.push(x.dot(&v));
    }
    components[0].iter().copied().zip(components[1].iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    #[test]
    fn the_longest_direction_comes_first() {
        let x = arr2(&[[0.0, 0.0, 1.0], [10.0, 0.0, 1.0], [0.0, 3.0, 1.0], [10.0, 3.0, 1.0]]);
        let plane = principal_plane(x.view());
        let spread = |values: Vec<f64>| values.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        assert!((spread(plane.iter().map(|p| p.0).collect()) - 5.0).abs() < 1e-6);
        assert!((spread(plane.iter().map(|p| p.1).collect()) - 1.5).abs() < 1e-6);
    }
}
