//! One row of the gradient: a chain a component, cut into segments, and scaled.

use super::{Subject, Suite, data::components, on_every_isa, rng, sampled};
use crate::{
    cpu::isa::Element,
    gradient::chain::{Chain, Others, Segment},
    lanes::{Kernel, Lanes},
};
use triplet_core::{Batch, Distance, Objective, Problem, ProblemBuffers, Real, Rule, distance::GradientStep};

struct Run<'a, T: Real> {
    problem: &'a Problem<'a, T>,
    row: u32,
    part: Segment<'a, T>,
    out: &'a mut [T],
}

impl<T: Real> Kernel<T> for Run<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        let (step, own) = (self.problem.distance().gradient_step(), self.problem.anchors().row(self.row));
        Chain { lanes, step, own, others: Others::all(self.problem.candidates()) }.run(self.part, self.out);
    }
}

/// One term of a row.
#[derive(Clone, Copy)]
struct Entry<T> {
    row: u32,
    coefficient: T,
}

/// The chain of every component over all entries so far; `None` for the scale until the last segment.
fn model<T: Real>(problem: &Problem<'_, T>, row: u32, entries: &[Entry<T>], scale: Option<T>) -> Vec<T> {
    let own = problem.candidates().row(row);
    let angular = problem.distance().gradient_step() == GradientStep::UnitRow;
    let mut out = vec![T::ZERO; own.len()];
    for (c, sum) in out.iter_mut().enumerate() {
        for entry in entries.iter().filter(|entry| entry.coefficient != T::ZERO) {
            let other = problem.candidates().row(entry.row)[c];
            *sum = entry.coefficient.fma(if angular { other } else { own[c] - other }, *sum);
        }
    }
    let Some(scale) = scale else { return out };
    for sum in &mut out {
        *sum = if angular { -*sum * scale } else { *sum * scale };
    }
    out
}

const ROWS: usize = 6;

/// Rows of a batch: some random, one of zeros and one that is shorter than the norm which is not divided by.
fn rows<T: Element>(width: usize) -> Vec<T> {
    let mut values = components::<T>(&mut rng(width as u64), ROWS * width);
    values[4 * width..5 * width].fill(T::ZERO);
    values[5 * width..].fill(T::from_f64(1e-9));
    values
}

struct Chains;

impl Suite for Chains {
    const KERNEL: &'static str = "gradient, chain";
    fn run<T: Element>(on: Subject<T>) {
        let len = on.shape.len;
        // Less than a vector, and around as many vectors as are summed in one pass and in two.
        let mut widths: Vec<_> =
            (1..=9).flat_map(|vectors| [vectors * len - 1, vectors * len, vectors * len + 1]).collect();
        widths.extend([13 * len + 1, 16 * len, 16 * len + 3]);
        widths.retain(|&width| width > 0);
        widths.push(1);
        let counts = [0, 1, 2, 7];
        let cases = widths.into_iter().flat_map(|width| counts.map(|count| (width, count)));
        for (number, (width, count)) in sampled(cases.enumerate(), 5) {
            let values = rows::<T>(width);
            let batch = Batch::new(&values, width, &[0; ROWS]).expect("finite");
            for distance in Distance::ALL {
                let objective = Objective { distance, rule: Rule::SemiHard, margin: 1.0 };
                let mut space = ProblemBuffers::default();
                let problem = &Problem::new(&batch, objective, &mut space).expect("a finite margin");
                let rng = &mut rng(1000 + number as u64);
                for row in 0..ROWS as u32 {
                    let coefficients = components::<T>(rng, count);
                    let entry = |(at, coefficient)| Entry { row: (row + at) % ROWS as u32, coefficient };
                    let entries: Vec<Entry<T>> = (1..).zip(coefficients).map(entry).collect();
                    // In one segment, in two that may be empty, and one entry a segment.
                    let cuts = [vec![], vec![0], vec![count], vec![count / 2], (1..count).collect()];
                    for cuts in cuts {
                        check(&on, problem, row, &entries, &cuts);
                    }
                }
            }
        }
    }
}

/// Runs the segments between the cuts, and compares after each.
fn check<T: Element>(
    on: &Subject<T>,
    problem: &Problem<'_, T>,
    row: u32,
    entries: &[Entry<T>],
    cuts: &[usize],
) {
    let (width, distance) = (problem.anchors().width(), problem.distance());
    let _case = on.case(|| {
        format!("{distance:?}, width {width}, row {row}, {} entries map before {cuts:?}", entries.len())
    });
    // Left from another row: the first segment must not go on from it.
    let mut out = vec![T::from_f64(3.0); width];
    let (rows, coefficients): (Vec<u32>, Vec<T>) =
        entries.iter().map(|entry| (entry.row, entry.coefficient)).unzip();
    let ends = cuts.iter().copied().chain([entries.len()]);
    let mut start = 0;
    for (segment, end) in ends.enumerate() {
        let scale = (segment == cuts.len()).then(|| T::from_f64(0.3));
        let (rows, coefficients) = (&rows[start..end], &coefficients[start..end]);
        let part = Segment { rows, coefficients, resume: segment > 0, scale };
        on.run(Run { problem, row, part, out: &mut out });
        start = end;
        let expected = model(problem, row, &entries[..end], scale);
        for (c, (found, expected)) in out.iter().zip(&expected).enumerate() {
            assert_eq!(found.key(), expected.key(), "component {c}: {found:e}, not {expected:e}");
        }
    }
}

#[test]
fn gradient_rows_are_one_chain_a_component_wherever_it_is_cut() {
    on_every_isa::<Chains>();
}

struct NoCoefficient;

impl Suite for NoCoefficient {
    const KERNEL: &'static str = "gradient, chain, no coefficient";
    fn run<T: Element>(on: Subject<T>) {
        // Its cube is too small for any number but zero, its square is not.
        let tiny = T::from_f64(T::MAX_FINITE.powf(-0.5));
        for width in [1, on.shape.len, 8 * on.shape.len + 1] {
            let values: Vec<T> = [T::ZERO, tiny, T::ONE].into_iter().flat_map(|x| vec![x; width]).collect();
            let batch = Batch::new(&values, width, &[0; 3]).expect("finite");
            let objective = Objective { distance: Distance::L2, rule: Rule::SemiHard, margin: 1.0 };
            let mut space = ProblemBuffers::default();
            let problem = &Problem::new(&batch, objective, &mut space).expect("a finite margin");
            // The first term rounds to negative zero, which adding a zero would make positive.
            let entries = [(1, tiny * tiny), (2, T::ZERO)];
            let entries = entries.map(|(row, coefficient)| Entry { row, coefficient });
            check(&on, problem, 0, &entries, &[]);
        }
    }
}

/// Not even a zero is added.
#[test]
fn a_term_without_coefficient_adds_nothing() {
    on_every_isa::<NoCoefficient>();
}
