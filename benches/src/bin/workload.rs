//! A program that depends on the library alone, to be built under other compiler profiles:
//! `workload CASE CALLS` prints the seconds of each call and a digest of its answer.
//!
//! `cargo xtask profiles` builds and runs it; `workload` alone lists the cases.

use std::{
    env,
    error::Error,
    hash::{DefaultHasher, Hasher},
    hint::black_box,
    process::ExitCode,
    time::Instant,
};
use triplet_api::{
    Backend, BackendOptions, Batch, Distance, Isa, Loss, TripletHardLoss, TripletSemiHardLoss, Workspace,
};

/// One call: its loss and the bits of its gradient are what every profile must agree on.
struct Case {
    name: &'static str,
    rows: usize,
    per_class: usize,
    distance: Distance,
    hard: bool,
    isa: Option<Isa>,
}

/// Embedding width of every case.
const WIDTH: usize = 128;

/// Each kernel family once: both search directions, the sorted search of large classes, the
/// gradient with and without distances, the portable lanes, and a small batch.
const CASES: [Case; 6] = [
    case("small", 64, 8, Distance::SquaredL2, false, None),
    case("semi-hard", 512, 8, Distance::SquaredL2, false, None),
    case("l2", 512, 8, Distance::L2, false, None),
    case("hard-angular", 512, 8, Distance::Angular, true, None),
    case("large-classes", 510, 102, Distance::SquaredL2, false, None),
    case("portable", 128, 8, Distance::SquaredL2, false, Some(Isa::Portable)),
];

const fn case(
    name: &'static str,
    rows: usize,
    per_class: usize,
    distance: Distance,
    hard: bool,
    isa: Option<Isa>,
) -> Case {
    Case { name, rows, per_class, distance, hard, isa }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [name, calls] = &arguments[..] else {
        println!("{}", CASES.map(|case| case.name).join("\n"));
        return ExitCode::SUCCESS;
    };
    match run(name, calls) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(name: &str, calls: &str) -> Result<(), Box<dyn Error>> {
    let case = CASES.iter().find(|case| case.name == name).ok_or("unknown case")?;
    let calls: usize = calls.parse()?;
    let mut random = fastrand::Rng::with_seed(7);
    let embeddings: Vec<f32> = (0..case.rows * WIDTH).map(|_| 2.0 * random.f32() - 1.0).collect();
    let mut labels: Vec<i64> = (0..case.rows).map(|row| (row / case.per_class) as i64).collect();
    random.shuffle(&mut labels);
    let batch = Batch::new(&embeddings, WIDTH, &labels)?;
    let options = BackendOptions { backend: Backend::Simd, isa: case.isa, threads: Some(1) };
    let mut workspace = Workspace::new(options)?;
    // The first call allocates; it is not counted.
    let mut digest = call(case, &batch, &mut workspace)?;
    for _ in 0..calls {
        let start = Instant::now();
        digest = measured(case, &batch, &mut workspace)?;
        println!("{:e}", start.elapsed().as_secs_f64());
    }
    println!("{digest:016x} {}", workspace.executed());
    Ok(())
}

/// The function whose instructions callgrind counts.
#[inline(never)]
fn measured(
    case: &Case,
    batch: &Batch<'_, f32>,
    workspace: &mut Workspace<f32>,
) -> Result<u64, triplet_api::Error> {
    black_box(call(case, batch, workspace))
}

/// Loss, triplets and gradient; a digest of loss and gradient.
fn call(
    case: &Case,
    batch: &Batch<'_, f32>,
    workspace: &mut Workspace<f32>,
) -> Result<u64, triplet_api::Error> {
    let distance = case.distance;
    let answer = if case.hard {
        TripletHardLoss { distance, ..Default::default() }.evaluate(batch, workspace)?
    } else {
        TripletSemiHardLoss { distance, ..Default::default() }.evaluate(batch, workspace)?
    };
    Ok(digest(answer.loss(), answer.gradient()))
}

/// Over the bits.
fn digest(loss: f32, gradient: &[f32]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write_u32(loss.to_bits());
    let sum = gradient.iter().fold(0_u64, |sum, x| sum.rotate_left(5) ^ u64::from(x.to_bits()));
    hasher.write_u64(sum);
    hasher.finish()
}
