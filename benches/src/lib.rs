//! One call of the library, made ready outside of what is counted or timed: for the program `workload` and
//! for `instructions.rs`, which gungraun counts.
//!
//! A call is said in words, `ISA RULE DISTANCE ROWS PER_CLASS gradient|loss`, e.g.
//! `avx2 semi-hard squared-l2 64 8 gradient`.

use std::{
    error::Error,
    hash::{DefaultHasher, Hasher},
};
use triplet_api::{
    Backend, BackendOptions, Batch, Isa, Loss, LossSpec, Objective, Reduction, Weights, Workspace,
};

/// The calls whose instructions are recorded: each rule, each distance, the gradient on and off, from 64 x 128
/// to 2048 x 128. AVX2 and portable, because callgrind knows no AVX-512.
pub const COUNTED: [&str; 15] = [
    "avx2 semi-hard squared-l2 64 8 gradient",
    "avx2 semi-hard squared-l2 64 8 loss",
    "avx2 semi-hard-literal l2 256 8 gradient",
    "avx2 semi-hard squared-l2 512 8 gradient",
    "avx2 semi-hard l2 512 8 gradient",
    "avx2 hard angular 512 8 gradient",
    "avx2 hard-soft l2 512 8 gradient",
    "avx2 semi-hard squared-l2 510 102 gradient",
    "avx2 semi-hard angular 1024 8 gradient",
    "avx2 hard squared-l2 1024 8 loss",
    "avx2 semi-hard squared-l2 2048 8 gradient",
    "avx2 semi-hard squared-l2 2048 8 loss",
    "portable semi-hard squared-l2 64 8 gradient",
    "portable semi-hard l2 128 8 gradient",
    "portable hard angular 256 8 loss",
];

/// Callgrind's pattern of [`counted`]: it collects while that function runs.
pub const COUNTED_FUNCTION: &str = "*triplet_benches::counted*";

/// Embedding width of every batch.
const WIDTH: usize = 128;
/// Seed of every batch.
const SEED: u64 = 7;

/// A call with its batch, and a workspace that a first call has allocated.
pub struct Prepared {
    spec: LossSpec,
    with_gradient: bool,
    batch: Batch<'static, f32>,
    workspace: Workspace<f32>,
    /// Digest of the bits of the first call's loss and gradient.
    first: u64,
}

impl Prepared {
    /// Makes a call ready. Its batch is kept to the end of the process.
    ///
    /// # Errors
    ///
    /// If the words are no call, or this CPU has not the instruction set.
    pub fn new(words: &str) -> Result<Self, Box<dyn Error>> {
        let words: Vec<&str> = words.split(' ').collect();
        let [isa, rule, distance, rows, per_class, part] = words[..] else {
            return Err("a call is ISA RULE DISTANCE ROWS PER_CLASS gradient|loss".into());
        };
        let (rows, per_class): (usize, usize) = (rows.parse()?, per_class.parse()?);
        let with_gradient = match part {
            "gradient" => true,
            "loss" => false,
            _ => return Err("say gradient or loss".into()),
        };
        let objective = Objective { distance: distance.parse()?, rule: rule.parse()?, margin: 1.0 };
        let spec = LossSpec { objective, reduction: Reduction::Mean, require_positives: false };
        let mut random = fastrand::Rng::with_seed(SEED);
        let embeddings: Vec<f32> = (0..rows * WIDTH).map(|_| 2.0 * random.f32() - 1.0).collect();
        let mut labels: Vec<i64> = (0..rows).map(|row| (row / per_class.max(1)) as i64).collect();
        random.shuffle(&mut labels);
        let batch = Batch::new(embeddings.leak(), WIDTH, labels.leak())?;
        let isa = if isa == "best" { None } else { Some(isa.parse::<Isa>()?) };
        let options = BackendOptions { backend: Backend::Simd, isa, threads: Some(1) };
        let mut workspace = Workspace::new(options)?;
        // The first call allocates; it is not counted.
        let first = measured(spec, with_gradient, &batch, &mut workspace)?;
        Ok(Self { spec, with_gradient, batch, workspace, first })
    }

    /// The digest of the first call's bits.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.first
    }

    /// The workspace, which says what ran.
    #[must_use]
    pub fn workspace(&self) -> &Workspace<f32> {
        &self.workspace
    }
}

/// The function whose instructions, with all that it calls, callgrind counts: one call, and a digest of the
/// bits of its loss and gradient.
///
/// # Errors
///
/// Those of the library; none where the first call had none.
#[inline(never)]
pub fn counted(call: &mut Prepared) -> triplet_api::Result<u64> {
    measured(call.spec, call.with_gradient, &call.batch, &mut call.workspace)
}

fn measured(
    spec: LossSpec,
    with_gradient: bool,
    batch: &Batch<'_, f32>,
    workspace: &mut Workspace<f32>,
) -> triplet_api::Result<u64> {
    let answer = if with_gradient {
        spec.evaluate(batch, workspace)?
    } else {
        spec.forward(batch, Weights::None, workspace)?
    };
    let gradient = answer.gradient().iter();
    let folded = gradient.fold(0_u64, |sum, x| sum.rotate_left(5) ^ u64::from(x.to_bits()));
    let mut hasher = DefaultHasher::new();
    hasher.write_u32(answer.loss().to_bits());
    hasher.write_u64(folded);
    Ok(hasher.finish())
}
