//! A batch whose rows several ranks hold, simulated by threads.

use crate::{Answer, Sample, compare::answer};
use core::ops::Range;
use triplet_api::{
    Batch, Element, Error, Inputs, Loss, LossSpec, MemoryBank, Real, Workspace,
    ranks::{Exchange, Kind, Local, Ranks, Shard},
};

/// How a numbered batch is cut into ranks.
#[derive(Debug, Clone)]
pub struct Cut {
    /// What it is, for messages and counts.
    pub kind: &'static str,
    /// Where the rows of each rank start, and the end.
    starts: Vec<usize>,
}

impl Cut {
    /// The one that goes with a number; the kinds come round.
    #[must_use]
    pub fn numbered(sample: &Sample, number: u64) -> Self {
        let rows = sample.labels.len();
        let (kind, shares): (_, &[usize]) = match number % 6 {
            0 => ("two", &[1, 1]),
            1 => ("four", &[1, 1, 1, 1]),
            2 => ("uneven", &[5, 1, 2]),
            3 => ("some without rows", &[0, 3, 0, 1]),
            4 => ("one with all rows", &[0, 1]),
            _ => ("one", &[1]),
        };
        let all: usize = shares.iter().sum();
        let mut given = 0;
        let ends = shares.iter().map(|share| {
            given += share;
            rows * given / all
        });
        Self { kind, starts: core::iter::once(0).chain(ends).collect() }
    }

    /// Into so many ranks, unevenly: one that goes with a number.
    #[must_use]
    pub fn among(sample: &Sample, ranks: usize, number: u64) -> Self {
        let rows = sample.labels.len();
        // Some have none; the last has what is left.
        let shares = (0..ranks as u64).map(|rank| (number + 3 * rank) as usize % 4);
        let all = shares.clone().sum::<usize>().max(1);
        let mut given = 0;
        let mut starts: Vec<usize> = shares
            .map(|share| {
                let start = rows * given / all;
                given += share;
                start
            })
            .collect();
        starts.push(rows);
        Self { kind: "among a job's processes", starts }
    }

    /// What one rank gets: its gradient has its own rows, and zeros elsewhere.
    ///
    /// # Errors
    /// Whatever the loss refuses.
    pub fn answer_of_rank<T: Element>(
        &self,
        sample: &Sample,
        asked: LossSpec,
        weights: Option<&[f64]>,
        (exchange, workspace): (&mut dyn Exchange, &mut Workspace<T>),
    ) -> Result<Answer<<T as Real>::Key>, Error> {
        let rows = sample.rows::<T>();
        let mut ranks = Ranks::default();
        let shard = shard(&rows, sample, weights, self.rows(exchange.rank()));
        let gathered = ranks.gather(&asked, shard, exchange)?;
        gathered.evaluate(&asked, exchange, workspace).map(|evaluation| answer(&evaluation))
    }

    /// The same of one process: what a rank's answer is compared with.
    ///
    /// # Errors
    /// Whatever the loss refuses.
    pub fn expected_of_rank<T: Element>(
        &self,
        sample: &Sample,
        asked: LossSpec,
        weights: Option<&[f64]>,
        (rank, workspace): (usize, &mut Workspace<T>),
    ) -> Result<Answer<<T as Real>::Key>, Error> {
        let mut expected = crate::compare::answer_in(sample, asked, weights, workspace)?;
        let own = self.rows(rank).start * sample.width..self.rows(rank).end * sample.width;
        let zero = T::ZERO.key();
        expected.gradient[..own.start].fill(zero);
        expected.gradient[own.end..].fill(zero);
        Ok(expected)
    }

    /// How many ranks there are.
    #[must_use]
    pub fn ranks(&self) -> usize {
        self.starts.len() - 1
    }

    fn rows(&self, rank: usize) -> Range<usize> {
        self.starts[rank]..self.starts[rank + 1]
    }

    /// Calls `work` once a rank, on threads that exchange; `engines` has one for each.
    fn run<T: Element, A: Send>(
        &self,
        engines: Vec<&mut Workspace<T>>,
        work: impl Fn(usize, &mut Local, &mut Workspace<T>) -> Result<A, Error> + Sync,
    ) -> Result<Vec<A>, Error> {
        assert_eq!(engines.len(), self.ranks(), "an engine a rank");
        std::thread::scope(|scope| {
            let ranks = Local::group(self.ranks()).into_iter().zip(engines).enumerate();
            let threads: Vec<_> = ranks
                .map(|(rank, (mut exchange, workspace))| {
                    let work = &work;
                    scope.spawn(move || work(rank, &mut exchange, workspace))
                })
                .collect();
            let joined = threads.into_iter().map(|thread| thread.join().expect("a rank panicked"));
            // All of them, before the first error.
            joined.collect::<Vec<_>>().into_iter().collect()
        })
    }

    /// The answer of every rank, each on an engine of its own. Their gradients are put together from the rows that each
    /// has.
    ///
    /// # Errors
    /// Whatever the loss refuses.
    pub fn answers<T: Element>(
        &self,
        sample: &Sample,
        asked: LossSpec,
        weights: Option<&[f64]>,
        engines: Vec<&mut Workspace<T>>,
    ) -> Result<Vec<Answer<<T as Real>::Key>>, Error> {
        let mut answers = self.run(engines, |rank, exchange, workspace| {
            assert_eq!(exchange.rank(), rank);
            self.answer_of_rank(sample, asked, weights, (exchange, workspace))
        })?;
        self.join_gradients(&mut answers, sample.width);
        Ok(answers)
    }

    fn join_gradients<K: Clone>(&self, answers: &mut [Answer<K>], width: usize) {
        let own = |rank: usize| self.rows(rank).start * width..self.rows(rank).end * width;
        let parts = answers.iter().enumerate().flat_map(|(rank, answer)| answer.gradient[own(rank)].to_vec());
        let gradient: Vec<K> = parts.collect();
        answers.iter_mut().for_each(|answer| answer.gradient.clone_from(&gradient));
    }

    /// The answers of every rank at each step of a memory bank: the sample's rows come a few at a time.
    ///
    /// # Errors
    /// Whatever the loss refuses.
    pub fn bank_answers<T: Element>(
        &self,
        sample: &Sample,
        asked: LossSpec,
        engines: Vec<&mut Workspace<T>>,
    ) -> Result<Vec<Vec<Answer<<T as Real>::Key>>>, Error> {
        let rows = sample.rows::<T>();
        let mut by_rank = self.run(engines, |rank, exchange, workspace| {
            let mut ranks = Ranks::default();
            let mut bank = MemoryBank::new(sample.width, bank_size(sample))?;
            bank_steps(sample)
                .map(|step| {
                    let count = step.len();
                    let [start, end] = [rank, rank + 1].map(|at| step.start + count * at / exchange.ranks());
                    let gathered = ranks.gather(&asked, shard(&rows, sample, None, start..end), exchange)?;
                    bank.push(gathered.batch())?;
                    let known = bank.batch()?;
                    let candidates = bank.candidates(&known);
                    let own = gathered.own();
                    let evaluation =
                        gathered.evaluate_against(&asked, candidates, true, exchange, workspace)?;
                    let mut found = answer(&evaluation);
                    let values = own.start * sample.width..own.end * sample.width;
                    found.gradient = found.gradient[values].to_vec();
                    Ok(found)
                })
                .collect::<Result<Vec<_>, Error>>()
        })?;
        for step in 0..bank_steps(sample).count() {
            let gradient: Vec<_> =
                by_rank.iter().flat_map(|answers| answers[step].gradient.clone()).collect();
            by_rank.iter_mut().for_each(|answers| answers[step].gradient.clone_from(&gradient));
        }
        Ok(by_rank)
    }
}

/// The answer at each step of a memory bank, of one process: what [`Cut::bank_answers`] is compared with.
///
/// # Errors
/// Whatever the loss refuses.
pub fn bank_answer<T: Element>(
    sample: &Sample,
    asked: LossSpec,
    workspace: &mut Workspace<T>,
) -> Result<Vec<Answer<<T as Real>::Key>>, Error> {
    let rows = sample.rows::<T>();
    let mut bank = MemoryBank::new(sample.width, bank_size(sample))?;
    bank_steps(sample)
        .map(|step| {
            let values = &rows[step.start * sample.width..step.end * sample.width];
            let batch = Batch::new(values, sample.width, &sample.labels[step])?;
            bank.push(&batch)?;
            let known = bank.batch()?;
            let candidates = bank.candidates(&known);
            let evaluation = asked.evaluate_against(&batch, candidates, Inputs::default(), workspace)?;
            Ok(answer(&evaluation))
        })
        .collect()
}

/// Rows of a bank: it overflows at about half of the sample.
fn bank_size(sample: &Sample) -> usize {
    sample.labels.len().div_ceil(2).max(1)
}

/// The rows that come at each step, up to a fifth.
fn bank_steps(sample: &Sample) -> impl Iterator<Item = Range<usize>> + '_ {
    let rows = sample.labels.len();
    let step = rows.div_ceil(5).max(1);
    (0..rows).step_by(step).map(move |first| first..rows.min(first + step))
}

fn shard<'a, T>(
    rows: &'a [T],
    sample: &'a Sample,
    weights: Option<&'a [f64]>,
    own: Range<usize>,
) -> Shard<'a, T> {
    Shard {
        embeddings: &rows[own.start * sample.width..own.end * sample.width],
        width: if own.is_empty() { 0 } else { sample.width },
        labels: &sample.labels[own.clone()],
        weights: weights.map(|weights| &weights[own]),
        kind: Kind::Batch,
        digest: 0,
        gradient: true,
        marks: None,
    }
}
