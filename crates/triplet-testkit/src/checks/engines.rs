//! All engines in one element type, and their answers against the reference's.

use super::{Check, Difference};
use crate::{
    Answer, Contender, Cut, NearestCase, Rectangle, compare::answer_in, contenders, digests::Case,
    engines::contenders_of_ranks, mining, ranks::bank_answer,
};
use triplet_api::{Element, Error, Real, Workspace};

type Named<T> = Vec<(String, Workspace<T>)>;
type Found<T> = Result<Answer<<T as Real>::Key>, Error>;

/// Workspaces that are asked one batch after another, of whatever shape.
pub struct Engines<T: Element> {
    reference: Workspace<T>,
    others: Named<T>,
    /// They take turns as ranks.
    ranks: Named<T>,
    /// They take turns in data sets.
    sets: Vec<Contender<T>>,
}

impl<T: Element> Engines<T> {
    /// Around every engine of this CPU.
    ///
    /// # Errors
    /// An instruction set that fails its known answers.
    pub fn new() -> Result<Self, Error> {
        let named = |all: Vec<Contender<T>>| all.into_iter().map(Contender::workspace).collect();
        let mut others = contenders::<T>()?;
        others.remove(0);
        Ok(Self {
            reference: Workspace::with_engine(Box::new(triplet_core::Scalar)),
            others: named(others),
            ranks: named(contenders_of_ranks()?),
            sets: contenders_of_ranks()?,
        })
    }

    /// The names of those that are compared with the reference.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.others.iter().map(|(name, _)| name.as_str())
    }

    /// Pairs that were screened in the last call, and those of them that were not decided, of all engines.
    #[must_use]
    pub fn screened(&self) -> (u64, u64) {
        let each = self.others.iter().map(|(_, workspace)| workspace.screened());
        each.fold((0, 0), |sum, one| (sum.0 + one.pairs, sum.1 + one.undecided))
    }

    /// Asks a case one way; the number of comparisons.
    ///
    /// # Errors
    /// The first difference.
    pub fn check(&mut self, case: &Case, check: Check) -> Result<u64, Difference> {
        let Case { sample, asked, weights, .. } = case;
        let (asked, weights) = (*asked, weights.as_deref());
        match check {
            Check::Square => self.agree(|workspace| answer_in(sample, asked, weights, workspace)),
            Check::Rectangle(number) => {
                let rectangle = Rectangle::numbered(sample, number);
                self.agree(|workspace| rectangle.answer(sample, asked, weights, workspace))
            }
            Check::Ranks(number) => self.ranks_agree(case, number),
            Check::Bank(number) => self.banks_agree(case, number),
            Check::Mined(number) => self.sets_agree(case, number),
        }
        .map_err(|how| {
            let kind = core::any::type_name::<T>();
            Difference(format!("{how}, {check:?} of {} in {kind}, asked {asked:?}", sample.name))
        })
    }

    /// Compares every engine's answer with the reference's.
    fn agree(&mut self, mut ask: impl FnMut(&mut Workspace<T>) -> Found<T>) -> Result<u64, String> {
        let expected = ask(&mut self.reference);
        for (name, workspace) in &mut self.others {
            same(&expected, &ask(workspace))
                .map_err(|how| format!("the reference and {name} differ: {how}"))?;
        }
        Ok(self.others.len() as u64)
    }

    /// The next engines, and their names: those of one batch differ.
    fn take(&mut self, number: u64, count: usize) -> (String, Vec<&mut Workspace<T>>) {
        let all = self.ranks.len();
        let chosen = |index: usize| (index + all - number as usize * 3 % all) % all < count;
        let each = self.ranks.iter_mut().enumerate().filter(|(index, _)| chosen(*index));
        let (names, workspaces): (Vec<&str>, Vec<_>) =
            each.map(|(_, (name, workspace))| (name.as_str(), workspace)).unzip();
        (names.join("; "), workspaces)
    }

    /// Compares what every rank gets with the reference.
    fn ranks_agree(&mut self, case: &Case, number: u64) -> Result<u64, String> {
        let Case { sample, asked, weights, .. } = case;
        let cut = Cut::numbered(sample, number);
        let expected = answer_in(sample, *asked, weights.as_deref(), &mut self.reference);
        let (names, engines) = self.take(number, cut.ranks());
        let found = cut.answers(sample, *asked, weights.as_deref(), engines);
        let Some((expected, found)) =
            both(expected, found).map_err(|how| format!("ranks of {names}: {how}"))?
        else {
            return Ok(1);
        };
        for (rank, found) in found.iter().enumerate() {
            if let Some(how) = expected.difference(found) {
                return Err(format!("rank {rank} of {names}: {how}"));
            }
        }
        Ok(cut.ranks() as u64)
    }

    /// The same of a memory bank, step by step.
    fn banks_agree(&mut self, case: &Case, number: u64) -> Result<u64, String> {
        let Case { sample, asked, .. } = case;
        let cut = Cut::numbered(sample, number);
        let expected = bank_answer(sample, *asked, &mut self.reference);
        let (names, engines) = self.take(number, cut.ranks());
        let found = cut.bank_answers(sample, *asked, engines);
        let Some((expected, found)) =
            both(expected, found).map_err(|how| format!("banks of {names}: {how}"))?
        else {
            return Ok(1);
        };
        let mut compared = 0;
        for (rank, found) in found.iter().enumerate() {
            for (step, (expected, found)) in expected.iter().zip(found).enumerate() {
                if let Some(how) = expected.difference(found) {
                    return Err(format!("step {step}, rank {rank} of {names}: {how}"));
                }
                compared += 1;
            }
        }
        Ok(compared)
    }

    /// Compares what two engines mine of the batch as a data set with the statement of it, and what both find in portions.
    fn sets_agree(&mut self, case: &Case, number: u64) -> Result<u64, String> {
        let sample = &case.sample;
        let all = self.sets.len();
        let mut compared = 0;
        for next in 0..2 {
            let Contender { name, engine, .. } = &mut self.sets[(number as usize * 2 + next) % all];
            match mining::difference(sample, number, &mut **engine) {
                Ok(None) => {}
                Ok(Some(how)) => return Err(format!("{name} mines other triplets ({how})")),
                // Rows that overflow, or no room for them.
                Err(triplet_dataset::Error::Core(_) | triplet_dataset::Error::Memory { .. }) => continue,
                Err(error) => return Err(format!("{name}: {error}")),
            }
            let nearest = NearestCase::numbered(sample, number);
            if nearest.answer(sample, &mut **engine) != nearest.answer::<T>(sample, &mut triplet_core::Scalar)
            {
                return Err(format!("{name} finds other rows: {nearest:?}"));
            }
            compared += 1;
        }
        Ok(compared)
    }
}

/// Two answers, unless both are refusals: ranks refuse in the words of the one that has the row.
fn both<A, B>(expected: Result<A, Error>, found: Result<B, Error>) -> Result<Option<(A, B)>, String> {
    match (expected, found) {
        (Ok(expected), Ok(found)) => Ok(Some((expected, found))),
        (Err(_), Err(_)) => Ok(None),
        (a, b) => Err(format!("{:?} and {:?}", a.err(), b.err())),
    }
}

/// What differs between two answers, or two refusals, if anything does.
fn same<K: PartialEq + core::fmt::Debug>(
    expected: &Result<Answer<K>, Error>,
    found: &Result<Answer<K>, Error>,
) -> Result<(), String> {
    match (expected, found) {
        (Ok(a), Ok(b)) => a.difference(b).map_or(Ok(()), Err),
        (Err(a), Err(b)) if a == b => Ok(()),
        (a, b) => Err(format!("{:?} and {:?}", a.as_ref().err(), b.as_ref().err())),
    }
}
