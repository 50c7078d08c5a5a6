//! Digests of answers, recorded in `testdata/digests`.
//!
//! The comparison of engines sees a fault in one of them; a fault that all of them share, in
//! what they take from `triplet-core`, changes no comparison, but it changes these digests.

use crate::{
    Sample, compare, golden,
    inputs::{clusters, unit_rows},
    sample,
};
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeMap, fmt::Write as _, fs, io, path::PathBuf};
use triplet_api::Error;
use triplet_api::{
    Backend, BackendOptions, Evaluation, Inputs, Loss, LossSpec, Reduction, Weights, Workspace,
};
use triplet_core::{Batch, Distance, NO_ROW, Objective, Real, Rule};

/// The seed whose first [`BATCHES`] batches are recorded.
pub const SEED: u64 = 1;
/// How many batches are recorded.
pub const BATCHES: u64 = 2000;

/// The files of `testdata/digests`, without their extension.
pub const FILES: [&str; 3] = ["cross_check", "golden", "large"];

/// The element types that answers are computed in.
pub const ELEMENTS: [&str; 2] = ["f32", "f64"];

/// The digests of the answers in each of [`ELEMENTS`].
pub type Pair = [u64; 2];

/// A batch and what is asked about it.
#[derive(Debug, Clone)]
pub struct Case {
    /// Name in the file of digests.
    pub name: String,
    /// The batch.
    pub sample: Sample,
    /// The loss.
    pub asked: LossSpec,
    /// Weights of the rows.
    pub weights: Option<Vec<f64>>,
}

impl Case {
    /// A numbered batch of the cross-check.
    #[must_use]
    pub fn cross_check(seed: u64, number: u64) -> Self {
        let sample = sample(seed, number);
        let weights = compare::weights(number, sample.labels.len());
        Self { name: number.to_string(), asked: compare::numbered_spec(number), weights, sample }
    }

    /// The golden files' batches.
    ///
    /// # Errors
    /// A folder or file that cannot be read or parsed.
    pub fn golden() -> io::Result<Vec<Self>> {
        let case = |golden: golden::Golden| Self {
            sample: golden.sample(),
            asked: golden.asked(),
            weights: None,
            name: golden.name,
        };
        Ok(golden::all()?.into_iter().map(case).collect())
    }

    /// Batches beyond the sizes of the cross-check: many small classes, some large ones, tight
    /// clusters; each with every rule and distance.
    #[must_use]
    pub fn large() -> Vec<Self> {
        let inputs = [
            ("2050 x 33, 2 a class", 33, unit_rows(2050, 33, 2, 7)),
            ("1020 x 128, 102 a class", 128, unit_rows(1020, 128, 102, 7)),
            ("1536 x 20, 512 a class", 20, unit_rows(1536, 20, 512, 7)),
            ("1200 x 64, 8 a class, clusters", 64, clusters(1200, 64, 8, 0.05, 7)),
        ];
        let mut cases = Vec::new();
        for (shape, width, (embeddings, labels)) in inputs {
            for (distance, rule) in Distance::ALL.into_iter().flat_map(|d| Rule::ALL.map(|r| (d, r))) {
                let name = format!("{shape}, {}, {}", distance.name(), rule.name());
                let sample = Sample {
                    name: name.clone(),
                    embeddings: embeddings.clone(),
                    width,
                    labels: labels.clone(),
                };
                let asked = LossSpec {
                    objective: Objective { distance, rule, margin: 0.2 },
                    reduction: Reduction::Mean,
                    require_positives: false,
                };
                cases.push(Self { name, sample, asked, weights: None });
            }
        }
        cases
    }

    /// All cases of one of [`FILES`].
    ///
    /// # Errors
    /// As [`Case::golden`].
    pub fn of_file(file: &str) -> io::Result<Vec<Self>> {
        match file {
            "cross_check" => Ok((0..BATCHES).map(|number| Self::cross_check(SEED, number)).collect()),
            "golden" => Self::golden(),
            "large" => Ok(Self::large()),
            _ => Err(io::Error::other(format!("no digests are recorded for {file}"))),
        }
    }
}

/// A workspace for each element type.
pub struct Digester {
    single: Workspace<f32>,
    double: Workspace<f64>,
}

impl Digester {
    /// Around a backend.
    ///
    /// # Errors
    /// As [`BackendOptions::engine`].
    pub fn new(options: BackendOptions) -> Result<Self, Error> {
        Ok(Self { single: Workspace::new(options)?, double: Workspace::new(options)? })
    }

    /// On the calling thread, on the fastest instruction set of this CPU.
    ///
    /// # Errors
    /// As [`Digester::new`].
    pub fn simd() -> Result<Self, Error> {
        Self::new(BackendOptions { backend: Backend::Simd, isa: None, threads: None })
    }

    /// The digests of the answers to a case.
    pub fn digests(&mut self, case: &Case) -> Pair {
        let wide: Vec<f64> = case.sample.embeddings.iter().map(|&x| f64::from(x)).collect();
        let weights = case.weights.as_deref().map_or(Weights::None, Weights::PerSample);
        let inputs = Inputs { weights, upstream: None };
        let Case { sample, asked, .. } = case;
        let single = Batch::new(&sample.embeddings, sample.width, &sample.labels)
            .map_err(Error::from)
            .and_then(|batch| Ok(digest(&asked.evaluate_with(&batch, inputs, &mut self.single)?)));
        let double = Batch::new(&wide, sample.width, &sample.labels)
            .map_err(Error::from)
            .and_then(|batch| Ok(digest(&asked.evaluate_with(&batch, inputs, &mut self.double)?)));
        [single, double].map(|digest| digest.unwrap_or(REFUSED))
    }
}

/// Stands for the answer to a batch that is refused. Not for why: messages may be reworded.
const REFUSED: u64 = 0;

/// The first 64 bits of SHA-256 over an answer: every float as the little-endian bits of its
/// f64 (exact for f32), rows as little-endian `u32`, [`NO_ROW`] for none. Triplets by ascending
/// anchor, then positive, so that the order in which an engine stores them is not part of it.
///
/// # Panics
/// If the triplets were not kept.
#[must_use]
pub fn digest<T: Real>(answer: &Evaluation<'_, T>) -> u64 {
    let mut hash = Sha256::new();
    let float = |hash: &mut Sha256, value: T| hash.update(value.to_f64().to_bits().to_le_bytes());
    float(&mut hash, answer.loss());
    for list in [answer.losses().unwrap_or_default(), answer.gradient()] {
        hash.update((list.len() as u64).to_le_bytes());
        list.iter().for_each(|&value| float(&mut hash, value));
    }
    for triplet in answer.triplets().expect("digests are of calls without a budget") {
        for row in [Some(triplet.anchor), triplet.positive, triplet.negative] {
            hash.update(row.unwrap_or(NO_ROW).to_le_bytes());
        }
        float(&mut hash, triplet.positive_distance);
        float(&mut hash, triplet.negative_distance);
    }
    let counts = answer.statistics();
    for count in [
        counts.positive_pairs,
        counts.triplets,
        counts.violating,
        counts.fallbacks,
        counts.anchors_without_negatives,
    ] {
        hash.update(count.to_le_bytes());
    }
    first_64_bits(hash)
}

fn first_64_bits(hash: Sha256) -> u64 {
    hash.finalize().iter().take(8).fold(0, |digest, &byte| digest << 8 | u64::from(byte))
}

/// One digest over those of many cases, in order.
#[derive(Debug, Default)]
pub struct Total(Sha256);

impl Total {
    /// Adds a case's.
    pub fn add(&mut self, pair: Pair) {
        pair.iter().for_each(|digest| self.0.update(digest.to_be_bytes()));
    }

    /// The digest of all that were added.
    #[must_use]
    pub fn finish(self) -> u64 {
        first_64_bits(self.0)
    }
}

/// The digests recorded in one file.
#[derive(Debug)]
pub struct Recorded {
    file: String,
    digests: BTreeMap<String, Pair>,
}

fn path(file: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/digests"))
        .join(file)
        .with_extension("txt")
}

impl Recorded {
    /// Reads one of [`FILES`]: a line a case, the digest in f32, the digest in f64, and the name.
    ///
    /// # Errors
    /// A file that cannot be read, a line of another form.
    pub fn read(file: &str) -> io::Result<Self> {
        let mut digests = BTreeMap::new();
        for line in fs::read_to_string(path(file))?.lines() {
            let (pair, name) = parse(line).ok_or_else(|| io::Error::other(format!("{file}: {line:?}")))?;
            digests.insert(name.to_owned(), pair);
        }
        Ok(Self { file: file.to_owned(), digests })
    }

    /// Number of cases.
    #[must_use]
    pub fn len(&self) -> usize {
        self.digests.len()
    }

    /// Whether nothing is recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }

    /// Compares a case's digests with the recorded ones.
    ///
    /// # Errors
    /// What differs, in words.
    pub fn check(&self, case: &Case, found: Pair) -> Result<(), String> {
        let of_element = |(element, found)| self.check_one(&case.name, element, found);
        let mut checks = ELEMENTS.into_iter().zip(found).map(of_element);
        let failed = checks.find_map(Result::err);
        failed.map_or(Ok(()), |error| Err(format!("{error} ({}, asked {:?})", case.sample.name, case.asked)))
    }

    /// Compares a case's digest in one of [`ELEMENTS`] with the recorded one.
    ///
    /// # Errors
    /// What differs, in words.
    pub fn check_one(&self, name: &str, element: &str, found: u64) -> Result<(), String> {
        let file = &self.file;
        let pair = self.digests.get(name).zip(ELEMENTS.iter().position(|&known| known == element));
        match pair.map(|(pair, at)| pair[at]) {
            None => Err(format!("{file}: no digest is recorded for {name} in {element}")),
            Some(recorded) if recorded == found => Ok(()),
            Some(recorded) => Err(format!(
                "{file}: the answer to {name} in {element} has the digest {found:016x}, \
                 recorded is {recorded:016x}"
            )),
        }
    }

    /// Writes one of [`FILES`] anew; the number of lines that changed.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(file: &str, pairs: &[(String, Pair)]) -> io::Result<usize> {
        let before = Self::read(file).map(|recorded| recorded.digests).unwrap_or_default();
        let changed = pairs.iter().filter(|(name, pair)| before.get(name) != Some(pair)).count();
        let mut text = String::new();
        for (name, [single, double]) in pairs {
            writeln!(text, "{single:016x} {double:016x} {name}").map_err(io::Error::other)?;
        }
        fs::write(path(file), text)?;
        Ok(changed)
    }
}

fn parse(line: &str) -> Option<(Pair, &str)> {
    let (single, rest) = line.split_once(' ')?;
    let (double, name) = rest.split_once(' ')?;
    let number = |digits| u64::from_str_radix(digits, 16).ok();
    Some(([number(single)?, number(double)?], name))
}
