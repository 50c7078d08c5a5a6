//! How well rows of one class find one another: recall@k, precision@1, MAP@R.
//!
//! Every query's neighbours are ranked by distance, equal distances by original row. The
//! definitions follow Musgrave, Belongie and Lim, *A Metric Learning Reality Check* (2020),
//! section 3.2, with `R` the number of rows of the query's class among those searched.
//! What a query may not find is neither ranked nor counted: itself, and rows of its own id.

use crate::{Problem, Real, distance::inner};
use std::collections::HashMap;

/// Rows and their labels.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a, T: Real> {
    /// The rows; margin and rule play no part.
    pub problem: &'a Problem<'a, T>,
    /// One label a row.
    pub labels: &'a [i64],
    /// One id a row, where rows have one; either both sides of a search have ids or neither.
    pub ids: Option<&'a [i64]>,
}

/// What is searched for whom.
#[derive(Debug)]
pub struct Search<'a, T: Real> {
    queries: Side<'a, T>,
    references: Option<Side<'a, T>>,
    depth: usize,
    relevant: Vec<u32>,
}

/// How one query fared.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Score {
    /// Rows of its class among those searched, `R`. Without any it is no query.
    pub relevant: u32,
    /// Rank of the first of them, from 1; 0 if it is deeper than was looked.
    pub first: u32,
    /// How many of them are among the first `R`.
    pub right: u32,
    /// Mean over the first `R` ranks of the precision there, where the row is right.
    pub average_precision: f64,
    /// The nearest row, of any class.
    pub nearest: Option<u32>,
}

impl<'a, T: Real> Search<'a, T> {
    /// Every query among the references; without any, among the other queries. Ranks are
    /// known up to `depth`, and up to `R`.
    #[must_use]
    pub fn new(queries: Side<'a, T>, references: Option<Side<'a, T>>, depth: usize) -> Self {
        let searched = references.unwrap_or(queries);
        let mut counts: HashMap<i64, u32> = HashMap::new();
        for &label in searched.labels {
            *counts.entry(label).or_default() += 1;
        }
        // Rows of a class that share an id, whatever the class.
        let mut excluded: HashMap<(i64, i64), u32> = HashMap::new();
        for (&label, &id) in searched.labels.iter().zip(searched.ids.unwrap_or_default()) {
            *excluded.entry((label, id)).or_default() += 1;
        }
        let itself = u32::from(references.is_none());
        let count = |(row, &label): (usize, &i64)| {
            // Within a batch, the rows of a row's id are itself and others.
            let own = queries.ids.map(|ids| excluded.get(&(label, ids[row])).copied().unwrap_or(0));
            counts.get(&label).copied().unwrap_or(0).saturating_sub(own.unwrap_or(itself))
        };
        let relevant = queries.labels.iter().enumerate().map(count).collect();
        Self { queries, references, depth, relevant }
    }

    /// The rows that ask.
    #[must_use]
    pub fn queries(&self) -> &'a Problem<'a, T> {
        self.queries.problem
    }

    /// The rows that are searched.
    #[must_use]
    pub fn references(&self) -> &'a Problem<'a, T> {
        self.references.unwrap_or(self.queries).problem
    }

    /// Whether the rows are searched for themselves: none finds itself.
    #[must_use]
    pub fn is_within(&self) -> bool {
        self.references.is_none()
    }

    /// Whether a query may not find a row: itself, or one of its own id.
    #[inline]
    #[must_use]
    pub fn excludes(&self, query: u32, row: u32) -> bool {
        let ids = self.queries.ids.zip(self.references.unwrap_or(self.queries).ids);
        let same_id = ids.is_some_and(|(asking, searched)| asking[query as usize] == searched[row as usize]);
        same_id || (self.is_within() && query == row)
    }

    /// How many neighbours of a query matter: none if nothing of its class is searched, and
    /// no more than there are.
    #[must_use]
    pub fn wanted(&self, query: u32) -> usize {
        match self.relevant[query as usize] as usize {
            0 => 0,
            relevant => relevant.max(self.depth).min(self.references().batch_size()),
        }
    }

    /// Scores a query by its neighbours, nearest first and without those that it
    /// [excludes](Search::excludes): at least [`Search::wanted`] of them where there are so many.
    pub fn score(&self, query: u32, ranked: impl Iterator<Item = u32>) -> Score {
        let label = self.queries.labels[query as usize];
        let labels = self.references.unwrap_or(self.queries).labels;
        let relevant = self.relevant[query as usize];
        let mut score = Score { relevant, ..Score::default() };
        let mut found = 0;
        for (rank, row) in (1..).zip(ranked.take(self.wanted(query))) {
            score.nearest = score.nearest.or(Some(row));
            if labels[row as usize] != label {
                continue;
            }
            found += 1;
            if score.first == 0 && rank as usize <= self.depth.max(relevant as usize) {
                score.first = rank;
            }
            if rank <= relevant {
                score.right = found;
                score.average_precision += f64::from(found) / f64::from(rank);
            }
        }
        if relevant > 0 {
            score.average_precision /= f64::from(relevant);
        }
        score
    }
}

/// The search in the fewest words, for engines to be held to; scores by original query.
pub fn reference<T: Real>(search: &Search<'_, T>, scores: &mut [Score]) {
    let (queries, references) = (search.queries(), search.references());
    let norm = |problem: &Problem<'_, T>, row| inner(problem.row(row), problem.row(row));
    let all = 0..references.batch_size() as u32;
    let norms: Vec<T> = all.clone().map(|row| norm(references, row)).collect();
    for (query, score) in (0..).zip(scores) {
        let own = norm(queries, query);
        let others = all.clone().filter(|&row| !search.excludes(query, row));
        let mut ranked: Vec<_> = others
            .map(|row| {
                let g = inner(queries.row(query), references.row(row));
                (queries.distance().searched(g, own, norms[row as usize]).key(), row)
            })
            .collect();
        // The order of `rule::nearer`.
        ranked.sort_unstable();
        *score = search.score(query, ranked.into_iter().map(|(_, row)| row));
    }
}
