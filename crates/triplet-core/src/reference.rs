//! The scalar backend: the search in the fewest words, for others to be held to.

use crate::{
    Engine, Executed, Mined, NO_ROW, Problem, Real,
    choices::ChoiceSpace,
    distance::inner,
    gradient,
    mined::AnchorPart,
    pull::Pull,
    rule::{farther, nearer},
};

/// The scalar reference: one row's distances at a time, no SIMD, no threads.
#[derive(Debug, Clone, Default)]
pub struct Scalar<T: Real> {
    norms: Vec<T>,
    rows: RowMiner<T>,
}

impl<T: Real> Engine<T> for Scalar<T> {
    fn mine(&mut self, problem: &Problem<'_, T>, out: &mut Mined<T>) {
        out.resize(problem);
        let rows = || 0..problem.batch_size() as u32;
        self.norms.clear();
        self.norms.extend(rows().map(|i| inner(problem.row(i), problem.row(i))));
        let norms = &self.norms;
        self.rows.mine(problem, out, |i, distances| {
            distances.extend(rows().map(|k| {
                let g = inner(problem.row(i), problem.row(k));
                problem.distance().searched(g, norms[i as usize], norms[k as usize])
            }));
        });
    }

    fn gradient(&mut self, pull: Pull<'_, T>, space: &mut ChoiceSpace, out: &mut [T]) {
        gradient::reference(pull, space, out);
    }

    fn executed(&self) -> Executed {
        Executed { backend: "scalar", isa: "none", threads: 1 }
    }
}

/// Mines from whole rows of distances; shared with backends that come by them in
/// another way.
#[derive(Debug, Clone, Default)]
pub struct RowMiner<T> {
    distances: Vec<T>,
    positives: Vec<T>,
    negatives: Vec<T>,
}

impl<T: Real> RowMiner<T> {
    /// Fills `out`, given how to append the searched distances `[B]` of a row, in
    /// original order, to a list.
    pub fn mine(
        &mut self,
        problem: &Problem<'_, T>,
        out: &mut Mined<T>,
        mut distances: impl FnMut(u32, &mut Vec<T>),
    ) {
        let mut verdict = out.verdict;
        let positions = 0..problem.batch_size();
        for mut part in out.parts(problem, positions.map(|position| position..position + 1)) {
            let position = part.positions().start;
            self.distances.clear();
            distances(problem.classes().order()[position], &mut self.distances);
            let mut anchor = part.anchor(problem, position);
            self.anchor(problem, position, &mut anchor);
            if problem.keeps_distances() {
                anchor.positive_distances.copy_from_slice(&self.positives);
                anchor.negative_distances.copy_from_slice(&self.negatives);
            }
            verdict += anchor.judge_by(problem, &self.positives, &self.negatives);
        }
        out.verdict = verdict;
    }

    /// Finds the triplets of one anchor.
    fn anchor(&mut self, problem: &Problem<'_, T>, position: usize, out: &mut AnchorPart<'_, T>) {
        let classes = problem.classes();
        let (order, span) = (classes.order(), classes.span(position));
        let distance = |p: usize| self.distances[order[p] as usize];
        let positives = span.clone().filter(|&p| p != position);
        self.positives.clear();
        if problem.rule().one_per_anchor() {
            // The farthest positive; distance 0 if there is none.
            let farthest = positives
                .map(|p| (distance(p).key(), order[p]))
                .reduce(|best, candidate| if farther(candidate, best) { candidate } else { best });
            let (key, row) = farthest.unwrap_or((T::ZERO.key(), NO_ROW));
            out.positives[0] = row;
            self.positives.push(T::from_key(key));
        } else {
            self.positives.extend(positives.map(distance));
        }
        self.negatives.clear();
        for (slot, &positive) in self.positives.iter().enumerate() {
            let floor = problem.floor(positive);
            let negatives =
                || (0..order.len()).filter(|p| !span.contains(p)).map(|p| (distance(p).key(), order[p]));
            let chosen = negatives()
                .filter(|&(key, _)| key >= floor)
                .reduce(|best, candidate| if nearer(candidate, best) { candidate } else { best })
                .or_else(|| {
                    negatives()
                        .reduce(|best, candidate| if farther(candidate, best) { candidate } else { best })
                });
            let (row, negative) = match chosen {
                Some((key, row)) => (row, T::from_key(key)),
                None => problem.without_negative(positive),
            };
            out.negatives[slot] = row;
            self.negatives.push(negative);
        }
    }
}
