//! Two dimensions to draw: the principal components.

use ndarray::{Array1, Array2, ArrayView2, Axis};

/// Turns that bring the power iteration to the pixel.
const TURNS: usize = 300;

/// Rows projected on their two principal components.
pub(crate) struct Plane {
    /// A point a row.
    pub(crate) points: Vec<(f64, f64)>,
    /// Each component's share of the variance of all.
    pub(crate) shares: [f64; 2],
}

impl Plane {
    /// The largest coordinate, without its sign.
    pub(crate) fn extent(&self) -> f64 {
        self.points.iter().fold(0.0, |most, &(x, y)| most.max(x.abs()).max(y.abs()))
    }
}

/// The principal plane, by power iteration in f64.
pub(crate) fn principal_plane(rows: ArrayView2<'_, f32>) -> Plane {
    let mut x: Array2<f64> = rows.mapv(f64::from);
    if let Some(mean) = x.mean_axis(Axis(0)) {
        x -= &mean;
    }
    let mut covariance = x.t().dot(&x);
    let total: f64 = covariance.diag().sum();
    let mut shares = [0.0; 2];
    let mut components = Vec::new();
    for share in &mut shares {
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
        *share = if total > 0.0 { size / total } else { 0.0 };
        components.push(x.dot(&v));
    }
    Plane { points: components[0].iter().copied().zip(components[1].iter().copied()).collect(), shares }
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
        assert!((spread(plane.points.iter().map(|p| p.0).collect()) - 5.0).abs() < 1e-6);
        assert!((spread(plane.points.iter().map(|p| p.1).collect()) - 1.5).abs() < 1e-6);
        assert!((plane.extent() - 5.0).abs() < 1e-6);
        // Sums of squares: 4 times 25, and 4 times 2.25.
        assert!(
            (plane.shares[0] - 100.0 / 109.0).abs() < 1e-9 && (plane.shares[1] - 9.0 / 109.0).abs() < 1e-9
        );
    }
}
