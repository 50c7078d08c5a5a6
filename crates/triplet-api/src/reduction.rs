//! How the losses of the rows become the loss of the batch.

use crate::{Error, Result};

triplet_core::named_enum! {
    /// How the losses `l_i` of the anchors are put together.
    ///
    /// `l_i = w_i (B / N) sum_j max(t_ij, 0)`, so that their mean is TFA's loss
    /// whatever the class sizes (`N` positive pairs; for a hard rule `N` is `B`).
    ///
    /// ```
    /// use triplet_api::{Batch, Distance, Loss, Reduction, TripletSemiHardLoss, Workspace};
    /// let batch = Batch::new(&[0.0_f32, 1.0, 1.5, 3.0], 1, &[0, 0, 1, 2])?;
    /// let loss = |name: &str| {
    ///     let reduction: Reduction = name.parse()?;
    ///     let loss = TripletSemiHardLoss { distance: Distance::L2, reduction, ..Default::default() };
    ///     loss.evaluate(&batch, &mut Workspace::default()).map(|result| result.loss())
    /// };
    /// assert_eq!((loss("mean")?, loss("sum")?), (0.25, 1.0));
    /// assert_eq!(Reduction::Sum.name(), "sum");
    /// # Ok::<(), triplet_api::Error>(())
    /// ```
    #[derive(Default)]
    pub enum Reduction: "reduction" {
        /// The sum of `l` over `B`: Keras's `sum_over_batch_size`, and TFA's scalar.
        #[default]
        Mean = "mean" | "auto" | "sum_over_batch_size",
        /// `l`, shape `[B]`.
        None = "none",
        /// The sum of `l`.
        Sum = "sum",
    }
}

impl Reduction {
    /// Whether there is a loss a row, `[B]`, and with it an upstream gradient a row, instead of one
    /// loss of the batch.
    ///
    /// ```
    /// use triplet_api::Reduction;
    /// assert!(Reduction::None.keeps_rows() && !Reduction::Mean.keeps_rows());
    /// ```
    #[must_use]
    pub const fn keeps_rows(self) -> bool {
        match self {
            Self::None => true,
            Self::Mean | Self::Sum => false,
        }
    }
}

/// Factors on the losses of the rows: finite and not negative.
///
/// ```
/// use triplet_api::{Error, Weights};
/// let weights = [2.0, 1.0, 0.0];
/// assert_eq!(Weights::from_shape(&weights, &[3, 1], 3)?, Weights::PerSample(&weights));
/// assert!(Weights::from_shape(&weights, &[3], 4).is_err());
/// assert_eq!(Weights::Scalar(-1.0).check(3), Err(Error::Weight { row: 0, value: -1.0 }));
/// # Ok::<(), triplet_api::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Weights<'a> {
    /// All 1.
    #[default]
    None,
    /// One factor for the whole batch.
    Scalar(f64),
    /// One factor a row.
    PerSample(&'a [f64]),
}

impl<'a> Weights<'a> {
    /// From values of any of the shapes that Keras takes: `[]`, `[B]`, `[B, 1]`.
    ///
    /// # Errors
    /// [`Error::WeightShape`].
    pub fn from_shape(values: &'a [f64], shape: &[usize], rows: usize) -> Result<Self> {
        match (shape, values) {
            ([], &[value]) => Ok(Self::Scalar(value)),
            (&[n] | &[n, 1], values) if n == rows && values.len() == n => Ok(Self::PerSample(values)),
            _ => Err(Error::WeightShape { shape: shape.to_vec(), rows }),
        }
    }

    /// Checks length and values.
    ///
    /// # Errors
    /// [`Error::WeightShape`], [`Error::Weight`].
    pub fn check(self, rows: usize) -> Result<()> {
        let values = match &self {
            Self::None => &[][..],
            Self::Scalar(value) => core::slice::from_ref(value),
            Self::PerSample(values) if values.len() == rows => values,
            Self::PerSample(values) => return Err(Error::WeightShape { shape: vec![values.len()], rows }),
        };
        match values.iter().position(|w| !w.is_finite() || *w < 0.0) {
            Some(row) => Err(Error::Weight { row, value: values[row] }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_keras_names_are_known() {
        for reduction in Reduction::ALL {
            assert_eq!(reduction.name().parse(), Ok(reduction));
        }
        assert_eq!("sum_over_batch_size".parse(), Ok(Reduction::Mean));
        assert!("average".parse::<Reduction>().is_err());
    }

    #[test]
    fn weights_of_a_wrong_shape_or_value_are_refused_by_name() {
        let error = Weights::from_shape(&[1.0; 3], &[3], 4).unwrap_err();
        assert_eq!(error, Error::WeightShape { shape: vec![3], rows: 4 });
        // Fewer values than the shape says, and a shape that no weights have.
        for (values, shape) in [(3, &[4][..]), (4, &[2, 2]), (4, &[4, 4]), (2, &[])] {
            let error = Weights::from_shape(&[1.0; 4][..values], shape, 4).unwrap_err();
            assert_eq!(error, Error::WeightShape { shape: shape.to_vec(), rows: 4 });
        }
        assert_eq!(Weights::from_shape(&[2.0], &[], 4), Ok(Weights::Scalar(2.0)));
        let error = Weights::PerSample(&[1.0, -0.5]).check(2).unwrap_err();
        assert_eq!(error, Error::Weight { row: 1, value: -0.5 });
        assert!(Weights::Scalar(f64::NAN).check(2).is_err());
        assert_eq!(Weights::from_shape(&[2.0, 1.0], &[2, 1], 2), Ok(Weights::PerSample(&[2.0, 1.0])));
    }
}
