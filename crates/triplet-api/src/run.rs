//! One call, from batch to loss to gradient.

use crate::{
    Candidates, Error, Evaluation, Inputs, LossSpec, Reduction, Result, Weights,
    budget::{self, Way},
    overflow::{check_gradient, surely_finite},
    workspace::Kept,
};
use triplet_core::{
    AnchorTerms, Batch, Engine, GradientInputs, GradientScale, Problem, ProblemBuffers, Triplets,
};
use triplet_simd::{Element, float_mode};

/// Where the gradient goes.
pub(crate) enum Gradient<'a, T> {
    /// It is not computed.
    Skip,
    /// To the workspace.
    Workspace,
    /// To the caller, `[B, D]`.
    Into(&'a mut [T]),
}

/// Input to validated batch to mined triplets to loss to gradient.
pub(crate) fn run<'a, T: Element>(
    spec: LossSpec,
    (batch, candidates): (&'a Batch<'_, T>, Option<Candidates<'a, T>>),
    inputs: Inputs<'_>,
    workspace: (&mut dyn Engine<T>, &'a mut Kept<T>),
    wanted: Gradient<'a, T>,
) -> Result<Evaluation<'a, T>> {
    float_mode::with_default_mode(|| {
        run_in_default_mode(spec, (batch, candidates), inputs, workspace, wanted)
    })
}

fn run_in_default_mode<'a, T: Element>(
    spec: LossSpec,
    (batch, candidates): (&'a Batch<'_, T>, Option<Candidates<'a, T>>),
    inputs: Inputs<'_>,
    workspace: (&mut dyn Engine<T>, &'a mut Kept<T>),
    wanted: Gradient<'a, T>,
) -> Result<Evaluation<'a, T>> {
    let rows = batch.rows();
    inputs.weights.check(rows)?;
    check_upstream(spec.reduction, inputs.upstream, rows)?;
    let with_gradient = !matches!(wanted, Gradient::Skip);
    let besides = bytes_besides(spec, (batch, candidates), matches!(wanted, Gradient::Workspace));
    let (engine, kept) = workspace;
    let Kept {
        limits,
        problem: buffers,
        triplets,
        terms,
        factors,
        losses,
        gradient: kept,
        to_candidates,
        granted,
        held,
    } = kept;
    if besides > limits.bytes {
        return Err(Error::MemoryBudget { needed: besides, allowed: limits.bytes });
    }
    granted.ask_within(limits.bytes, besides)?;
    if held.is_of_another_batch(*limits, [rows, batch.width()]) {
        *buffers = ProblemBuffers::default();
    }
    let problem = match candidates {
        None => Problem::new(batch, spec.objective, buffers)?,
        Some(Candidates { batch: others, identity, .. }) => {
            Problem::against([batch, others], identity, spec.objective, buffers)?
        }
    };
    if spec.require_positives && problem.positive_pairs() == 0 {
        return Err(Error::NoPositivePairs { rows });
    }
    let expected = batch.embeddings().len();
    let (way, needed) = budget::choose(*limits, &problem, (engine, triplets), with_gradient, besides)?;
    let shape = budget::shape(&problem, way, with_gradient);
    if held.gives_back(*limits, shape, needed) {
        engine.release();
        *triplets = Triplets::with_most_distances(triplets.most_distances());
        (*terms, *factors, *losses, *kept, *to_candidates) = Default::default();
    }
    // Within a limit, what the problem has taken is not there any more.
    let taken = if limits.bytes == usize::MAX { 0 } else { besides };
    granted.ask_within(limits.bytes, needed - taken)?;
    let gradient = match wanted {
        Gradient::Skip => &mut [],
        Gradient::Workspace => {
            // What the engine overwrites needs no clearing.
            kept.resize(expected, T::ZERO);
            &mut kept[..]
        }
        Gradient::Into(out) if out.len() == expected => out,
        Gradient::Into(out) => return Err(Error::GradientLength { len: out.len(), expected }),
    };
    let mut scale = None;
    if with_gradient {
        let upstream = fold_weights(spec.reduction, inputs, rows, factors);
        let weights = (!factors.is_empty()).then_some(factors.as_slice());
        let normalizer = match spec.reduction {
            Reduction::Mean => problem.normalizer(),
            // Without anchors there are no triplets either.
            Reduction::Sum | Reduction::None => problem.normalizer() / rows.max(1) as f64,
        };
        scale = Some(GradientScale::new(problem.distance(), normalizer, upstream, weights));
    }
    match (way, scale) {
        (Way::Kept, None) => engine.mine(&problem, triplets)?,
        (Way::Kept, Some(scale)) => engine.mine_and_gradient(&problem, triplets, scale, gradient)?,
        (Way::Parts { bytes }, scale) => {
            let wanted = scale.map(|scale| (scale, &mut *gradient));
            engine.run_in_parts(&problem, bytes, triplets, wanted)?;
        }
    }
    to_candidates.clear();
    let side = candidates.filter(|candidates| candidates.gradient && with_gradient);
    if let (Some(side), Some(scale)) = (side, scale) {
        to_candidates.resize(side.batch.embeddings().len(), T::ZERO);
        engine
            .gradient_to_candidates(GradientInputs { problem: &problem, triplets, scale }, to_candidates)?;
    }
    terms.rebuild(&problem, triplets);
    let executed = engine.executed();
    let loss = reduce(spec.reduction, inputs.weights, terms, problem.normalizer(), losses)?;
    let others = candidates.map_or(T::ZERO, |candidates| candidates.batch.largest());
    let largest = if others > batch.largest() { others } else { batch.largest() };
    if scale.is_some_and(|scale| !surely_finite(&problem, largest, scale.scale, inputs)) {
        check_gradient(gradient, batch.width())?;
        check_gradient(to_candidates, batch.width())?;
    }
    Ok(Evaluation {
        reduction: spec.reduction,
        loss,
        losses,
        gradient,
        to_candidates,
        statistics: terms.statistics,
        executed,
        problem,
        mined: triplets,
        allowed: limits.bytes,
    })
}

/// Bytes that a call takes besides triplets and engine: the problem, sums, factors and losses of the rows, and
/// the gradient where it is the workspace's.
fn bytes_besides<T: Element>(
    spec: LossSpec,
    (batch, candidates): (&Batch<'_, T>, Option<Candidates<'_, T>>),
    with_gradient: bool,
) -> usize {
    let side = |rows| Problem::<T>::bytes_needed(rows, batch.width(), spec.objective.distance);
    let of_problem =
        side(batch.rows()).saturating_add(candidates.map_or(0, |candidates| side(candidates.batch.rows())));
    let by_row = batch.rows() * (3 * size_of::<f64>() + size_of::<T>());
    let of_gradient = if with_gradient { size_of_val(batch.embeddings()) } else { 0 };
    let to_candidates = match candidates {
        Some(candidates) if candidates.gradient => size_of_val(candidates.batch.embeddings()),
        _ => 0,
    };
    of_problem.saturating_add(by_row).saturating_add(of_gradient).saturating_add(to_candidates)
}

/// The reduced loss; fills `losses` where rows are kept apart.
fn reduce<T: Element>(
    reduction: Reduction,
    weights: Weights<'_>,
    terms: &AnchorTerms,
    normalizer: f64,
    losses: &mut Vec<T>,
) -> Result<T> {
    losses.clear();
    let rows = terms.sums.len();
    let (scalar, per_row) = match weights {
        Weights::None => (1.0, None),
        Weights::Scalar(weight) => (weight, None),
        Weights::PerSample(weights) => (1.0, Some(weights)),
    };
    let total = terms.weighted_sum(per_row) * scalar;
    // No triplets: every sum is 0, whatever the normalizer.
    let (normalizer, rows_per_normalizer) =
        if normalizer == 0.0 { (1.0, 0.0) } else { (normalizer, rows as f64 / normalizer) };
    if reduction.keeps_rows() {
        let weight = |row: usize| per_row.map_or(scalar, |weights| weights[row]);
        losses.extend(
            terms
                .sums
                .iter()
                .enumerate()
                .map(|(row, sum)| T::from_f64(weight(row) * sum * rows_per_normalizer)),
        );
    }
    let value = match reduction {
        Reduction::Sum => total * rows_per_normalizer,
        Reduction::Mean | Reduction::None => total / normalizer,
    };
    let loss = T::from_f64(value);
    if loss.is_finite() && losses.iter().all(|l| l.is_finite()) {
        Ok(loss)
    } else {
        Err(Error::LossOverflow { value })
    }
}

/// Folds weights and upstream into one factor of the batch (returned) and one a
/// row (left empty if all are 1).
fn fold_weights(reduction: Reduction, inputs: Inputs<'_>, rows: usize, factors: &mut Vec<f64>) -> f64 {
    factors.clear();
    let mut scalar = 1.0;
    match inputs.weights {
        Weights::None => {}
        Weights::Scalar(weight) => scalar = weight,
        Weights::PerSample(weights) => factors.extend_from_slice(weights),
    }
    match inputs.upstream {
        None => {}
        Some(upstream) if reduction.keeps_rows() => {
            factors.resize(rows, 1.0);
            factors.iter_mut().zip(upstream).for_each(|(factor, up)| *factor *= up);
        }
        Some(upstream) => scalar *= upstream[0],
    }
    scalar
}

fn check_upstream(reduction: Reduction, upstream: Option<&[f64]>, rows: usize) -> Result<()> {
    let Some(upstream) = upstream else { return Ok(()) };
    let expected = if reduction.keeps_rows() { rows } else { 1 };
    if upstream.len() != expected {
        return Err(Error::UpstreamShape { len: upstream.len(), expected });
    }
    match upstream.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(Error::Upstream { index, value: upstream[index] }),
        None => Ok(()),
    }
}
