//! A program that depends on the library alone, to be built under any compiler profile and run
//! under callgrind: `cargo xtask profiles` and `cargo xtask instructions`.
//!
//! ```text
//! workload ISA RULE DISTANCE ROWS PER_CLASS gradient|loss CALLS
//! ```
//!
//! prints the seconds of each call, then a digest of the answer's bits and what ran.

use std::{
    env,
    error::Error,
    hash::{DefaultHasher, Hasher},
    process::ExitCode,
    time::Instant,
};
use triplet_api::{
    Backend, BackendOptions, Batch, Isa, Loss, LossSpec, Objective, Reduction, Weights, Workspace,
};

/// Embedding width of every batch.
const WIDTH: usize = 128;
/// Seed of every batch.
const SEED: u64 = 7;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let [isa, rule, distance, rows, per_class, part, calls] = arguments else {
        return Err("workload ISA RULE DISTANCE ROWS PER_CLASS gradient|loss CALLS".into());
    };
    let (rows, per_class, calls): (usize, usize, usize) = (rows.parse()?, per_class.parse()?, calls.parse()?);
    let with_gradient = match part.as_str() {
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
    let batch = Batch::new(&embeddings, WIDTH, &labels)?;
    let isa = if isa == "best" { None } else { Some(isa.parse::<Isa>()?) };
    let mut workspace = Workspace::new(BackendOptions { backend: Backend::Simd, isa, threads: Some(1) })?;
    // The first call allocates; it is not counted.
    let mut digest = measured(spec, with_gradient, &batch, &mut workspace)?;
    for _ in 0..calls {
        let start = Instant::now();
        digest = counted(spec, with_gradient, &batch, &mut workspace)?;
        println!("{:e}", start.elapsed().as_secs_f64());
    }
    println!("{digest:016x} {}", workspace.executed());
    Ok(())
}

/// The function whose instructions, with all that it calls, callgrind counts.
#[inline(never)]
fn counted(
    spec: LossSpec,
    with_gradient: bool,
    batch: &Batch<'_, f32>,
    workspace: &mut Workspace<f32>,
) -> triplet_api::Result<u64> {
    measured(spec, with_gradient, batch, workspace)
}

/// One call, and a digest of the bits of its loss and gradient.
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
