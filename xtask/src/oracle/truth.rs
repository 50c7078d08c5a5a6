//! What a batch's distances, loss and gradient are in real numbers, given its triplets, and how far from that
//! rounded arithmetic may be.

use super::exact::Exact;
use triplet_core::Distance;

/// A value in real numbers, and a proved bound on the error of the computed one.
#[derive(Debug, Clone)]
pub(super) struct Bounded {
    pub(super) exact: Exact,
    pub(super) error: f64,
}

/// The rows of a batch as their distances see them.
pub(super) struct Rows {
    distance: Distance,
    pub(super) width: usize,
    /// Half the distance from 1 to the next number of the element type, and its smallest number.
    unit: f64,
    tiny: f64,
    /// Rows, or for angular distances unit rows.
    exact: Vec<Exact>,
    /// The same, rounded, for bounds.
    near: Vec<f64>,
    /// For angular distances: 1 / norm, and whether the row is projected.
    norms: Vec<(Exact, bool)>,
}

/// Squared norms below this count as this.
const NORM_FLOOR: f64 = 1e-12;

impl Rows {
    pub(super) fn new(rows: &[f32], width: usize, distance: Distance, (unit, tiny): (f64, f64)) -> Self {
        let mut exact: Vec<_> = rows.iter().map(|&x| Exact::new(f64::from(x))).collect();
        let mut norms = Vec::new();
        if distance == Distance::Angular {
            for row in exact.chunks_mut(width) {
                let squared = inner(row, row);
                let floor = Exact::new(NORM_FLOOR);
                let projected = squared >= floor;
                let norm = squared.max(floor).sqrt();
                row.iter_mut().for_each(|x| *x = x.over(&norm));
                norms.push((Exact::new(1.0).over(&norm), projected));
            }
        }
        let near = exact.iter().map(Exact::to_f64).collect();
        Self { distance, width, unit, tiny, exact, near, norms }
    }

    pub(super) fn row(&self, r: usize) -> &[Exact] {
        &self.exact[r * self.width..][..self.width]
    }

    fn near(&self, r: usize) -> &[f64] {
        &self.near[r * self.width..][..self.width]
    }

    /// Higham's gamma, of the element type.
    fn gamma(&self, roundings: usize) -> f64 {
        gamma(roundings, self.unit)
    }

    /// How far, relatively, components of a computed unit row may be off: the norm's chain and three operations
    /// in f64, and the last rounding.
    fn unit_row_error(&self) -> f64 {
        if self.distance == Distance::Angular { self.unit + gamma(self.width + 6, F64_UNIT) } else { 0.0 }
    }

    /// The distance of two rows.
    pub(super) fn distance(&self, i: usize, j: usize) -> Bounded {
        let (x, y) = (self.near(i), self.near(j));
        let products: f64 = x.iter().zip(y).map(|(x, y)| (x * y).abs()).sum();
        let lost = 4.0 * (self.width + 2) as f64 * self.tiny;
        if self.distance == Distance::Angular {
            let exact = (&Exact::new(1.0) - &inner(self.row(i), self.row(j))).max0();
            // Two unit rows that are off, their chain, and 1 - g.
            let rows = self.unit_row_error();
            let error = (2.0 * rows + rows * rows + self.gamma(self.width)) * (1.0 + rows).powi(2) * products;
            return Bounded { error: error + self.unit * (exact.to_f64() + error) + lost, exact };
        }
        let squared = self
            .row(i)
            .iter()
            .zip(self.row(j))
            .fold(Exact::default(), |sum, (x, y)| &sum + &(&(x - y) * &(x - y)));
        let size = products * 2.0 + x.iter().chain(y).map(|x| x * x).sum::<f64>();
        let error = self.gamma(self.width + 2) * size + lost;
        if self.distance == Distance::SquaredL2 {
            return Bounded { exact: squared, error };
        }
        // |sqrt a - sqrt b| is at most sqrt |a - b|, and |a - b| / sqrt b.
        let exact = squared.sqrt();
        let root = exact.to_f64();
        let error = error.sqrt().min(if root > 0.0 { error / root } else { f64::INFINITY });
        Bounded { error: error + self.unit * (root + error), exact }
    }

    /// The gradient of one row, component by component, given what each pair with another row adds: the other row
    /// and the derivative of the sum of terms by their distance. `computed`: the distances as computed.
    pub(super) fn gradient(
        &self,
        r: usize,
        pairs: &[(usize, Derivative)],
        computed: impl Fn(usize, usize) -> f64,
        scale: f64,
    ) -> Vec<Bounded> {
        let mut sums = vec![Bounded { exact: Exact::default(), error: 0.0 }; self.width];
        let mut sizes = vec![0.0; self.width];
        for (m, derivative) in pairs {
            self.add(r, *m, derivative, &computed, (&mut sums, &mut sizes));
        }
        let roundings = self.gamma(pairs.len() + 5);
        for (sum, size) in sums.iter_mut().zip(&mut sizes) {
            *size *= scale.abs();
            sum.exact = &sum.exact * &Exact::new(scale);
            sum.error = sum.error * scale.abs() * (1.0 + roundings)
                + roundings * *size
                + 4.0 * (pairs.len() + 2) as f64 * self.tiny * (1.0 + scale.abs());
        }
        if self.distance == Distance::Angular { self.project(r, sums, &sizes) } else { sums }
    }

    /// What one pair adds to the sums of a row, and to those of its absolute values.
    fn add(
        &self,
        r: usize,
        m: usize,
        derivative: &Derivative,
        computed: impl Fn(usize, usize) -> f64,
        (sums, sizes): (&mut [Bounded], &mut [f64]),
    ) {
        let (mut factor, mut factor_error) = (derivative.value.clone(), derivative.error);
        if self.distance == Distance::L2 {
            let true_distance = self.distance(r, m);
            let inverse = Exact::new(1.0).over(&true_distance.exact);
            // The computed factor has 1/d of the computed distance, or 0 at 0.
            let used = computed(r, m);
            let used = if used > 0.0 { Exact::new(1.0).over(&Exact::new(used)) } else { Exact::default() };
            factor_error = factor_error * used.to_f64()
                + (&used - &inverse).to_f64().abs()
                    * derivative.value.to_f64().abs()
                    * (1.0 + 4.0 * self.unit);
            factor = &factor * &inverse;
        }
        let size = factor.to_f64().abs() + factor_error;
        for k in 0..self.width {
            let part = match self.distance {
                Distance::Angular => -self.row(m)[k].clone(),
                Distance::L2 | Distance::SquaredL2 => &self.row(r)[k] - &self.row(m)[k],
            };
            let length = part.to_f64().abs();
            sums[k].exact += &(&factor * &part);
            sums[k].error += factor_error * length + size * self.unit_row_error() * length;
            sizes[k] += size * length * (1.0 + self.unit_row_error());
        }
    }

    /// The gradient to a row whose unit row has this gradient: without its part along the row, over the norm.
    fn project(&self, r: usize, v: Vec<Bounded>, sizes: &[f64]) -> Vec<Bounded> {
        let (norm, projected) = &self.norms[r];
        let (u, near) = (self.row(r), self.near(r));
        let rows = self.unit_row_error();
        let dot = if *projected {
            v.iter().zip(u).fold(Exact::default(), |sum, (v, u)| &sum + &(&v.exact * u))
        } else {
            Exact::default()
        };
        let along: f64 =
            near.iter().zip(&v).zip(sizes).map(|((u, v), size)| u.abs() * (size + v.error)).sum();
        let off: f64 = near.iter().zip(&v).map(|(u, v)| u.abs() * v.error).sum();
        let dot_error = off + (self.gamma(self.width + 2) + 2.0 * rows) * along;
        let near_norm = norm.to_f64();
        v.into_iter()
            .enumerate()
            .map(|(k, v)| {
                let exact = &(&v.exact - &(&dot * &u[k])) * norm;
                let error = if *projected {
                    v.error
                        + near[k].abs() * (dot_error * (1.0 + rows) + 2.0 * rows * along)
                        + 2.0 * self.unit * (sizes[k] + near[k].abs() * along)
                } else {
                    v.error
                };
                let size = sizes[k] + near[k].abs() * along + error;
                let error = (error + 3.0 * (self.unit + rows) * size) * near_norm
                    + 8.0 * self.tiny * (1.0 + near_norm);
                Bounded { exact, error }
            })
            .collect()
    }
}

/// The derivative of the sum of terms by a distance, and how far the computed one may be off.
#[derive(Debug, Clone, Default)]
pub(super) struct Derivative {
    pub(super) value: Exact,
    pub(super) error: f64,
}

/// Half the distance from 1 to the next f64.
pub(super) const F64_UNIT: f64 = f64::EPSILON / 2.0;

/// What so many roundings add up to at most (Higham, *Accuracy and Stability*, 3.1).
pub(super) fn gamma(roundings: usize, unit: f64) -> f64 {
    let n = roundings as f64 * unit;
    n / (1.0 - n)
}

fn inner(x: &[Exact], y: &[Exact]) -> Exact {
    x.iter().zip(y).fold(Exact::default(), |sum, (x, y)| &sum + &(x * y))
}
