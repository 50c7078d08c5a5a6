//! Choosing a backend: every engine on every instruction set of this CPU, on one batch.
//!
//! `cargo run --release -p triplet-api --example backends`
//!
//! The exact engines (all but `gram`, whose last bits may differ) give the same bits, so the choice is
//! one of speed alone. The times are minima over a few calls; `triplet bench` measures properly.

use std::time::{Duration, Instant};
use triplet_api::{Backend, BackendOptions, Batch, Isa, Loss, Result, TripletSemiHardLoss, Workspace};

const ROWS: usize = 320;
const WIDTH: usize = 64;
const ROWS_PER_CLASS: usize = 8;
const SEED: u64 = 1;

/// The bits of loss and gradient, hashed (FNV-1a).
fn digest(loss: f32, gradient: &[f32]) -> u64 {
    let bytes = [loss].into_iter().chain(gradient.iter().copied()).flat_map(f32::to_le_bytes);
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Evaluates the batch a few times: the digest, and the shortest time.
fn measure(batch: &Batch<'_>, options: BackendOptions) -> Result<(u64, Duration, String)> {
    let mut workspace = Workspace::new(options)?;
    let mut shortest = Duration::MAX;
    let mut bits = 0;
    for _ in 0..3 {
        let start = Instant::now();
        let result = TripletSemiHardLoss::default().evaluate(batch, &mut workspace)?;
        shortest = shortest.min(start.elapsed());
        bits = digest(result.loss(), result.gradient());
    }
    Ok((bits, shortest, workspace.executed().to_string()))
}

fn main() -> Result<()> {
    let mut rng = fastrand::Rng::with_seed(SEED);
    let embeddings: Vec<f32> = (0..ROWS * WIDTH).map(|_| rng.f32() - 0.5).collect();
    let labels: Vec<i64> = (0..ROWS).map(|row| (row / ROWS_PER_CLASS) as i64).collect();
    let batch = Batch::new(&embeddings, WIDTH, &labels)?;

    // By default the fastest instruction set, on one thread a core; both can be fixed.
    let of = |backend, isa, threads| BackendOptions { backend, isa, threads };
    let mut all = vec![of(Backend::Scalar, None, None), of(Backend::Gram, None, None)];
    for isa in Isa::available() {
        all.push(of(Backend::Simd, Some(isa), None));
        all.push(of(Backend::Par, Some(isa), Some(2)));
    }
    let (reference, _, _) = measure(&batch, all[0])?;
    for options in all {
        let (bits, time, ran_on) = measure(&batch, options)?;
        println!("{ran_on:<36} {bits:016x}  {time:>10.1?}");
        assert!(!options.backend.is_exact() || bits == reference, "{ran_on}: other bits than scalar");
    }
    let chosen = Workspace::<f32>::default().executed();
    println!("the default here: {chosen}");
    Ok(())
}

#[test]
fn runs() {
    main().unwrap();
}
