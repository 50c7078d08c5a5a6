//! Arithmetic: rounded as the scalar operation, in every lane.

use crate::{
    cpu::isa::Element,
    lanes::{Kernel, Lanes},
    tests::{Subject, Suite, data::components, on_every_isa, rng, sampled},
};
use triplet_core::{Real, real::Key};

#[derive(Debug, Clone, Copy)]
enum Op {
    Fma,
    Add,
    Sub,
    Mul,
    Max0,
}

impl Op {
    const ALL: [Self; 5] = [Self::Fma, Self::Add, Self::Sub, Self::Mul, Self::Max0];

    fn model<T: Real>(self, [a, b, c]: [T; 3]) -> T {
        match self {
            Self::Fma => a.fma(b, c),
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Max0 if a > T::ZERO => a,
            Self::Max0 => T::ZERO,
        }
    }
}

/// One operation on whole vectors of operands.
struct Apply<'a, T> {
    op: Op,
    operands: [&'a [T]; 3],
    out: &'a mut [T],
}

impl<T: Real> Kernel<T> for Apply<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        for at in (0..self.out.len()).step_by(L::LEN) {
            let [a, b, c] = self.operands.map(|operand| lanes.load(&operand[at..]));
            let value = match self.op {
                Op::Fma => lanes.fma(a, b, c),
                Op::Add => lanes.add(a, b),
                Op::Sub => lanes.sub(a, b),
                Op::Mul => lanes.mul(a, b),
                Op::Max0 => lanes.max0(a),
            };
            lanes.store(&mut self.out[at..], value);
        }
    }
}

/// Zeros, subnormals, units, the largest, infinities, NaN, and random values between.
fn edges<T: Element>() -> Vec<T> {
    let tiny = T::from_key(T::Key::ZERO.next());
    let most = T::from_f64(T::MAX_FINITE);
    let one_and_a_bit = T::from_f64(1.0 + T::EPSILON);
    // The reciprocal of the largest is subnormal.
    let mut values = vec![
        T::ZERO,
        tiny,
        T::ONE / most,
        T::from_f64(0.5),
        T::ONE,
        one_and_a_bit,
        most,
        T::from_key(Key::END),
    ];
    values.extend(components::<T>(&mut rng(1), 4));
    values.extend(values.clone().into_iter().map(|value| -value));
    values.push(T::from_key(Key::MASKED));
    values
}

struct Floats;

impl Suite for Floats {
    const KERNEL: &'static str = "lanes, floats";
    fn run<T: Element>(on: Subject<T>) {
        let edges = edges::<T>();
        let count = edges.len();
        // Every combination of three operands, up to whole vectors.
        let triple =
            |at: usize| [edges[at % count], edges[at / count % count], edges[at / count.pow(2) % count]];
        let len = if cfg!(miri) { 512 } else { count.pow(3).next_multiple_of(16) };
        let triples: Vec<[T; 3]> = sampled(0..len * 31, 31).take(len).map(triple).collect();
        let operands: [Vec<T>; 3] =
            core::array::from_fn(|n| triples.iter().map(|triple| triple[n]).collect());
        for op in Op::ALL {
            let _case = on.case(|| format!("{op:?}"));
            let mut out = vec![T::ONE; len];
            on.run(Apply { op, operands: [&operands[0], &operands[1], &operands[2]], out: &mut out });
            for (&triple, &found) in triples.iter().zip(&out) {
                // Chains are finite; where a multiply-add is emulated, infinite operands are not.
                if matches!(op, Op::Fma) && triple.iter().any(|value| !value.is_finite()) {
                    continue;
                }
                let expected = op.model(triple);
                let both_nan =
                    found.partial_cmp(&found).is_none() && expected.partial_cmp(&expected).is_none();
                assert!(found.key() == expected.key() || both_nan, "{triple:?}: {found:e}, not {expected:e}");
            }
        }
    }
}

#[test]
fn floats_round_as_scalars_do() {
    on_every_isa::<Floats>();
}
