//! The cross-check of ranks that are processes of an MPI job: `cargo xtask mpi` runs it.
//!
//! Each rank computes random batches with all others, on an engine that others need not have, and all of each batch alone
//! with the scalar reference: no bit may differ.

use std::process::ExitCode;
use triplet_api::{
    Element, Error, Workspace,
    ranks::{Exchange, Mpi},
};
use triplet_core::Scalar;
use triplet_testkit::{
    Cut, Sample, batches,
    compare::{numbered_spec, weights},
    engines::contenders_of_ranks,
};

const SEED: u64 = 21;
const BATCHES: u64 = 60;

/// The reference, and the engines that take turns.
struct Engines<T: Element> {
    reference: Workspace<T>,
    all: Vec<(String, Workspace<T>)>,
}

impl<T: Element> Engines<T> {
    fn new() -> Result<Self, Error> {
        let all = contenders_of_ranks::<T>()?.into_iter().map(triplet_testkit::Contender::workspace);
        Ok(Self { reference: Workspace::with_engine(Box::new(Scalar)), all: all.collect() })
    }

    /// What differs from the reference, in words.
    fn difference(
        &mut self,
        sample: &Sample,
        number: u64,
        exchange: &mut Mpi,
    ) -> Result<Option<String>, Error> {
        let (rank, count) = (exchange.rank(), self.all.len());
        let cut = Cut::among(sample, exchange.ranks(), number);
        let (asked, weights) = (numbered_spec(number * 5 + 3), weights(number, sample.labels.len()));
        let (name, engine) = &mut self.all[(number as usize + 5 * rank) % count];
        let found = cut.answer_of_rank(sample, asked, weights.as_deref(), (exchange, engine))?;
        let reference = (rank, &mut self.reference);
        let expected = cut.expected_of_rank(sample, asked, weights.as_deref(), reference)?;
        let difference = expected.difference(&found);
        Ok(difference.map(|difference| format!("{name} on {}, asked {asked:?}: {difference}", sample.name)))
    }
}

fn check(exchange: &mut Mpi) -> Result<Option<String>, Error> {
    let (mut single, mut double) = (Engines::<f32>::new()?, Engines::<f64>::new()?);
    for number in 0..BATCHES {
        let sample = batches::sample(SEED, number);
        let found = single.difference(&sample, number, exchange)?;
        let wide = double.difference(&sample, number, exchange)?;
        if found.is_some() || wide.is_some() {
            return Ok(found.or(wide));
        }
    }
    Ok(None)
}

fn main() -> ExitCode {
    let mut exchange = match Mpi::start() {
        Ok(exchange) => exchange,
        Err(error) => {
            eprintln!("{}", error.reason);
            return ExitCode::FAILURE;
        }
    };
    let (rank, ranks) = (exchange.rank(), exchange.ranks());
    match check(&mut exchange) {
        Ok(None) => {
            println!(
                "rank {rank} of {ranks}: {BATCHES} batches in f32 and f64, seed {SEED}: zero differing bits"
            );
            ExitCode::SUCCESS
        }
        Ok(Some(difference)) => {
            eprintln!("rank {rank} of {ranks}: {difference}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("rank {rank} of {ranks}: {error}");
            ExitCode::FAILURE
        }
    }
}
