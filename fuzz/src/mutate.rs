//! A plain driver: seeded mutations of a corpus, for machines without libFuzzer and for tests.

use crate::Target;
use fastrand::Rng;
use std::{any::Any, panic};

/// Runs mutated inputs of a target.
pub struct Driver {
    target: Target,
    corpus: Vec<Vec<u8>>,
    rng: Rng,
}

/// An input that failed.
#[derive(Debug)]
pub struct Failure {
    /// The input.
    pub bytes: Vec<u8>,
    /// The panic's message.
    pub message: String,
}

/// Longer inputs take longer and show no more.
const LONGEST: usize = 1 << 14;

impl Driver {
    /// A driver whose inputs are determined by corpus and seed.
    #[must_use]
    pub fn new(target: Target, mut corpus: Vec<Vec<u8>>, seed: u64) -> Self {
        corpus.extend((target.seeds)());
        Self { target, corpus, rng: Rng::with_seed(seed) }
    }

    /// Runs the next input.
    ///
    /// # Errors
    /// The target panicked.
    pub fn step(&mut self) -> Result<(), Failure> {
        let start = self.rng.usize(..self.corpus.len());
        let mut bytes = self.corpus[start].clone();
        for _ in 0..self.rng.usize(1..=4) {
            self.mutate(&mut bytes);
        }
        bytes.truncate(LONGEST);
        check(self.target, &bytes)
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        let rng = &mut self.rng;
        let at = rng.usize(0..=bytes.len());
        if at == bytes.len() {
            // At the end, as elsewhere, something may follow.
            bytes.extend((0..rng.usize(1..=8)).map(|_| rng.u8(..)));
            return;
        }
        match rng.u8(0..10) {
            0..4 => bytes[at] ^= 1 << rng.u8(0..8),
            4 => bytes[at] = rng.u8(..),
            5 => bytes.insert(at, rng.u8(..)),
            6 => drop(bytes.remove(at)),
            7 => bytes[at] = *rng.choice(b"0.,;-\"#\n\t eE:{}[]\xff\0\x01").unwrap_or(&0),
            8 if rng.u8(0..4) == 0 => bytes.truncate(at),
            _ => {
                // A piece of another input in place of one.
                let other = &self.corpus[rng.usize(..self.corpus.len())];
                let from = rng.usize(0..=other.len());
                let piece = &other[from..(from + rng.usize(1..=16)).min(other.len())];
                let end = (at + rng.usize(0..=16)).min(bytes.len());
                bytes.splice(at..end, piece.iter().copied());
            }
        }
    }
}

/// Runs one input of a target, with its panic as an error.
///
/// # Errors
/// The target panicked.
pub fn check(target: Target, bytes: &[u8]) -> Result<(), Failure> {
    panic::catch_unwind(|| (target.run)(bytes))
        .map_err(|panic| Failure { bytes: bytes.to_vec(), message: message(&*panic) })
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned())).unwrap_or_default()
}
