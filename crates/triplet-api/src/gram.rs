//! The conventional way: the whole Gram matrix, then a scan of every row of it.

use ndarray::{ArrayView2, ArrayViewMut2, linalg::general_mat_mul};
use triplet_core::{
    Engine, Executed, Mined, Problem, Result, choices::ChoiceSpace, pull::Pull, reference::RowMiner,
};
use triplet_simd::{Element, Fused};

/// An element type that `matrixmultiply` has a product for.
pub trait GramElement: Element + ndarray::LinalgScalar {}
impl GramElement for f32 {}
impl GramElement for f64 {}

/// Materialises `E E'` with `ndarray` and `matrixmultiply`: `B x B` memory.
///
/// Its inner products are summed in blocks, so they differ from the chain's by a
/// few units in the last place: `|g - exact| <= gamma_D sum |x_k y_k|` holds for
/// any order of summation (Higham 2002, 3.5). Selections may differ where two
/// distances are closer than that. The gradient is the exact backends'.
pub struct Gram<T: GramElement> {
    gram: Vec<T>,
    norms: Vec<T>,
    rows: RowMiner<T>,
    gradient: Fused<T>,
}

impl<T: GramElement> Gram<T> {
    /// An engine without memory yet.
    ///
    /// # Errors
    /// As [`Fused::best`].
    pub fn new() -> Result<Self> {
        let gradient = Fused::best()?;
        Ok(Self { gram: Vec::new(), norms: Vec::new(), rows: RowMiner::default(), gradient })
    }
}

impl<T: GramElement> Engine<T> for Gram<T> {
    fn mine(&mut self, problem: &Problem<'_, T>, out: &mut Mined<T>) {
        out.resize(problem);
        let (size, width) = (problem.batch_size(), problem.width());
        self.gram.resize(size * size, T::ZERO);
        if size == 0 {
            return;
        }
        let view = |shape| ArrayView2::from_shape(shape, problem.rows());
        let result = ArrayViewMut2::from_shape((size, size), &mut self.gram);
        let (Ok(rows), Ok(mut gram)) = (view((size, width)), result) else { return };
        general_mat_mul(T::ONE, &rows, &rows.t(), T::ZERO, &mut gram);
        self.norms.clear();
        self.norms.extend(gram.diag());
        let (products, norms) = (&self.gram, &self.norms);
        self.rows.mine(problem, out, |row, distances| {
            let own = norms[row as usize];
            let others = products[row as usize * size..][..size].iter().zip(norms);
            distances.extend(others.map(|(&g, &norm)| problem.distance().searched(g, own, norm)));
        });
    }

    fn gradient(&mut self, pull: Pull<'_, T>, space: &mut ChoiceSpace, out: &mut [T]) {
        self.gradient.gradient(pull, space, out);
    }

    fn needed(&self, problem: &Problem<'_, T>) -> usize {
        let size = problem.batch_size();
        size.saturating_mul(size).saturating_mul(size_of::<T>()).saturating_add(self.gradient.needed(problem))
    }

    fn executed(&self) -> Executed {
        Executed { backend: "gram", isa: "matrixmultiply", threads: 1 }
    }
}
