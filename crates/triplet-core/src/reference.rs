//! The scalar backend: the search in the fewest words, for others to be held to.

use crate::{
    Coefficients, Engine, Executed, Mined, NO_ROW, Problem, Real,
    distance::inner,
    gradient,
    rule::{farther, nearer},
};

/// The scalar reference: one row's distances at a time, no SIMD, no threads.
#[derive(Debug, Clone, Default)]
pub struct Scalar<T: Real> {
    norms: Vec<T>,
    distances: Vec<T>,
}

impl<T: Real> Engine<T> for Scalar<T> {
    fn mine(&mut self, problem: &Problem<'_, T>, out: &mut Mined<T>) {
        out.resize(problem);
        let rows = || 0..problem.batch_size() as u32;
        self.norms.clear();
        self.norms.extend(rows().map(|i| inner(problem.row(i), problem.row(i))));
        for position in 0..problem.batch_size() {
            let i = problem.classes().order()[position];
            self.distances.clear();
            self.distances.extend(rows().map(|k| {
                let g = inner(problem.row(i), problem.row(k));
                problem.distance().searched(g, self.norms[i as usize], self.norms[k as usize])
            }));
            mine_anchor(problem, position, &self.distances, out);
        }
    }

    fn gradient(&mut self, coefficients: &Coefficients<'_, T>, scale: T, out: &mut [T]) {
        gradient::reference(coefficients, scale, out);
    }

    fn executed(&self) -> Executed {
        Executed { backend: "scalar", isa: "none", threads: 1 }
    }
}

/// Fills the slots of one anchor from its searched distances `[B]`, in original order.
///
/// Shared with backends that materialise distances in another way.
pub fn mine_anchor<T: Real>(problem: &Problem<'_, T>, position: usize, distances: &[T], out: &mut Mined<T>) {
    let classes = problem.classes();
    let (order, span) = (classes.order(), classes.span(position));
    let distance = |p: usize| distances[order[p] as usize];
    let positives = span.clone().filter(|&p| p != position);
    let slots = problem.slots(position);
    if problem.rule().one_per_anchor() {
        // The farthest positive; distance 0 if there is none.
        let farthest = positives
            .map(|p| (distance(p).key(), order[p]))
            .reduce(|best, candidate| if farther(candidate, best) { candidate } else { best });
        let (key, row) = farthest.unwrap_or((T::ZERO.key(), NO_ROW));
        out.positives[slots.start] = row;
        out.positive_distances[slots.start] = T::from_key(key);
    } else {
        for (slot, p) in slots.clone().zip(positives) {
            out.positive_distances[slot] = distance(p);
        }
    }
    for slot in slots {
        let positive = out.positive_distances[slot];
        let floor = problem.floor(positive);
        let negatives =
            || (0..order.len()).filter(|p| !span.contains(p)).map(|p| (distance(p).key(), order[p]));
        let chosen = negatives()
            .filter(|&(key, _)| key >= floor)
            .reduce(|best, candidate| if nearer(candidate, best) { candidate } else { best })
            .or_else(|| {
                negatives().reduce(|best, candidate| if farther(candidate, best) { candidate } else { best })
            });
        let (row, negative) = match chosen {
            Some((key, row)) => (row, T::from_key(key)),
            None => problem.without_negative(positive),
        };
        out.negatives[slot] = row;
        out.negative_distances[slot] = negative;
    }
}
