//! Forward and backward of every backend: `cargo bench --bench losses`.
//!
//! Inputs are named `B x D, P rows a class`; rows are unit vectors.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use triplet_api::{Backend, BackendOptions, Batch, Isa, Loss, TripletSemiHardLoss, Weights, Workspace};
use triplet_testkit::inputs::unit_rows;

const SHAPES: [(usize, usize, usize); 4] = [(64, 128, 8), (256, 128, 8), (1024, 128, 8), (1024, 512, 8)];

fn contenders() -> Vec<(String, BackendOptions)> {
    let options = |backend, isa| BackendOptions { backend, isa, threads: None };
    let mut all = vec![
        ("gram".to_owned(), options(Backend::Gram, None)),
        ("par".to_owned(), options(Backend::Par, None)),
    ];
    all.extend(
        Isa::available().map(|isa| (format!("simd {}", isa.name()), options(Backend::Simd, Some(isa)))),
    );
    all
}

fn losses(criterion: &mut Criterion) {
    let loss = TripletSemiHardLoss::default();
    for (rows, width, per_class) in SHAPES {
        let (embeddings, labels) = unit_rows(rows, width, per_class, 42);
        let Ok(batch) = Batch::new(&embeddings, width, &labels) else { continue };
        let mut group = criterion.benchmark_group(format!("{rows} x {width}, {per_class} rows a class"));
        group.sample_size(20);
        for (name, options) in contenders() {
            let Ok(mut workspace) = Workspace::new(options) else { continue };
            group.bench_function(BenchmarkId::new("loss", &name), |bencher| {
                bencher.iter(|| loss.forward(&batch, Weights::None, &mut workspace).map(|e| e.loss()));
            });
            group.bench_function(BenchmarkId::new("loss and gradient", &name), |bencher| {
                bencher.iter(|| loss.evaluate(&batch, &mut workspace).map(|e| e.loss()));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, losses);
criterion_main!(benches);
