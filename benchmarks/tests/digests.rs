//! The recorded digests of small benchmarks, against every exact backend on every instruction set of
//! this CPU.

use triplet_api::{Backend, BackendOptions, Isa};
use triplet_benchmarks::{Benchmark, built_in};

/// Multiply-adds of all distances of the largest batch here: 512 x 128.
const MAX_WORK: usize = 1 << 25;
/// Thread counts of `par`.
const THREADS: [usize; 3] = [1, 2, 3];

fn backends() -> Vec<(String, BackendOptions)> {
    let options = |backend, isa, threads| BackendOptions { backend, isa, threads };
    let mut all = vec![("scalar".to_owned(), options(Backend::Scalar, None, None))];
    for isa in Isa::ALL {
        if !isa.is_available() {
            println!("{} is not on this CPU: NOT covered", isa.name());
            continue;
        }
        all.push((format!("simd {}", isa.name()), options(Backend::Simd, Some(isa), None)));
        for threads in THREADS {
            let name = format!("par {} on {threads} threads", isa.name());
            all.push((name, options(Backend::Par, Some(isa), Some(threads))));
        }
    }
    all
}

#[test]
fn every_backend_gives_the_recorded_answers() {
    let small = |it: &Benchmark| it.shape.rows * it.shape.rows * it.shape.width <= MAX_WORK;
    let benchmarks: Vec<Benchmark> = built_in().unwrap().into_iter().filter(small).collect();
    assert!(benchmarks.len() >= 20, "{} small benchmarks", benchmarks.len());
    for (engine, options) in backends() {
        for benchmark in &benchmarks {
            let digest = benchmark.answer(options).unwrap();
            if let Err(error) = benchmark.verify(digest, &engine) {
                panic!("{error}");
            }
        }
    }
}

#[test]
fn digests_cover_loss_rows_and_gradient() {
    let all = built_in().unwrap();
    let benchmark = all.iter().find(|it| it.name == "edges/remainders").unwrap();
    let digest = |benchmark: &Benchmark| benchmark.answer(BackendOptions::default()).unwrap();
    let first = digest(benchmark);
    // The same triplets with another loss, another gradient, other rows; and no gradient.
    let mut others = vec![benchmark.clone(); 4];
    others[0].spec.objective.margin = 0.875;
    others[1].spec.reduction = triplet_api::Reduction::Sum;
    others[2].seed += 1;
    others[3].gradient = false;
    for other in others {
        assert_ne!(digest(&other), first, "{other}, seed {}", other.seed);
    }
}
