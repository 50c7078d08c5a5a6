//! The conventional way: the whole Gram matrix, then a scan of every row of it.

use ndarray::{ArrayView2, ArrayViewMut2, linalg::general_mat_mul};
use triplet_core::{
    Engine, Error, ExecutionInfo, GradientInputs, Problem, Result, Triplets, reference,
    retrieval::{RetrievalTask, Score},
};
use triplet_simd::{Element, Fused, Inline, Selected};

/// What it runs on.
pub(crate) const EXECUTION: ExecutionInfo =
    ExecutionInfo { backend: "gram", isa: "matrixmultiply", threads: 1 };

/// Materialises `E E'` with `ndarray` and `matrixmultiply`: `B x B` memory.
///
/// Its inner products are summed in blocks, so they differ from the chain's by a
/// few units in the last place: `|g - exact| <= gamma_D sum |x_k y_k|` holds for
/// any order of summation (Higham 2002, 3.5). Selections may differ where two
/// distances are closer than that. Gradient and retrieval are the fused engine's.
///
/// ```
/// use triplet_api::{Batch, Gram, Loss, TripletSemiHardLoss, Workspace};
/// let batch = Batch::new(&[0.0_f32, 1.0, 1.5, 3.0], 1, &[0, 0, 1, 2])?;
/// let gram = Gram::new(triplet_simd::Selected::best()?);
/// let mut workspace = Workspace::with_engine(Box::new(gram));
/// let result = TripletSemiHardLoss::default().evaluate(&batch, &mut workspace)?;
/// assert_eq!(result.executed().backend, "gram");
/// assert_eq!(result.statistics().triplets, 2);
/// # Ok::<(), triplet_api::Error>(())
/// ```
pub struct Gram<T: Element> {
    gram: Vec<T>,
    fused: Fused<T>,
}

impl<T: Element> Gram<T> {
    /// An engine without memory yet; the instruction set is that of gradient and retrieval.
    #[must_use]
    pub fn new(selected: Selected) -> Self {
        Self { gram: Vec::new(), fused: Fused::new(EXECUTION.backend, selected, Inline) }
    }
}

impl<T: Element> Engine<T> for Gram<T> {
    fn mine(&mut self, problem: &Problem<'_, T>, out: &mut Triplets<T>) -> Result<()> {
        if !problem.is_square() {
            return Err(Error::NotSquare { backend: EXECUTION.backend });
        }
        let points = problem.candidates();
        let (size, width) = (points.len(), points.width());
        self.gram.resize(size * size, T::ZERO);
        let view = ArrayView2::from_shape((size, width), points.rows());
        let result = ArrayViewMut2::from_shape((size, size), &mut self.gram);
        if let (Ok(rows), Ok(mut gram)) = (view, result) {
            general_mat_mul(T::ONE, &rows, &rows.t(), T::ZERO, &mut gram);
        }
        let product = |i: usize, k: usize| self.gram[i * size + k];
        let chosen = reference::mine(problem, |i| {
            let i = i as usize;
            let value = |k| problem.distance().ranking_value(product(i, k), product(i, i), product(k, k));
            (0..size).map(value).collect()
        });
        reference::record(problem, &chosen, out);
        Ok(())
    }

    fn gradient(&mut self, inputs: GradientInputs<'_, T>, out: &mut [T]) -> Result<()> {
        self.fused.gradient(inputs, out)
    }

    fn retrieve(&mut self, task: &RetrievalTask<'_, T>, scores: &mut [Score]) {
        self.fused.retrieve(task, scores);
    }

    fn bytes_needed(&self, problem: &Problem<'_, T>, with_gradient: bool) -> usize {
        let size = problem.candidates().len();
        let gram = size.saturating_mul(size).saturating_mul(size_of::<T>());
        gram.saturating_add(self.fused.bytes_needed(problem, with_gradient))
    }

    fn release(&mut self) {
        self.gram = Vec::new();
        self.fused.release();
    }

    fn limit_listed_choices(&mut self, most: usize) {
        self.fused.limit_listed_choices(most);
    }

    fn allow_copies(&mut self, allowed: bool) {
        self.fused.allow_copies(allowed);
    }

    fn executed(&self) -> ExecutionInfo {
        EXECUTION
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use triplet_core::{Batch, Distance, Identity, Objective, ProblemBuffers, Rule};

    const OBJECTIVE: Objective = Objective { distance: Distance::L2, rule: Rule::SemiHard, margin: 1.0 };

    #[test]
    fn fewer_choices_listed_at_a_time_take_less_memory() {
        let labels: Vec<i64> = (0..100).map(|row| row % 20).collect();
        let batch = Batch::new(&[0.0_f32; 100], 1, &labels).unwrap();
        let mut buffers = ProblemBuffers::default();
        let problem = Problem::new(&batch, OBJECTIVE, &mut buffers).unwrap();
        let mut gram = Gram::<f32>::new(Selected::best().unwrap());
        let all = gram.bytes_needed(&problem, true);
        gram.limit_listed_choices(100);
        // 2 bytes each of 100 * 4 triplets, or of 100.
        assert_eq!(all - gram.bytes_needed(&problem, true), 2 * (400 - 100));
    }

    #[test]
    fn anchors_against_other_candidates_are_refused() {
        let batch = Batch::new(&[0.0_f32, 1.0], 1, &[7, 8]).unwrap();
        let mut buffers = ProblemBuffers::default();
        let sides = [&batch, &batch];
        let problem = Problem::against(sides, Identity::Disjoint, OBJECTIVE, &mut buffers).unwrap();
        let mut gram = Gram::<f32>::new(Selected::best().unwrap());
        let refused = gram.mine(&problem, &mut Triplets::default());
        assert_eq!(refused, Err(Error::NotSquare { backend: "gram" }));
    }
}
