//! One stage at a time, on one thread: `cargo bench --bench stages`.
//!
//! `pack` lays rows out, `tile` turns them into distances (the least that mining takes),
//! `mine` is both and the search, `gradient` comes after it, `whole` is everything.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use triplet_api::{Backend, BackendOptions, Batch, Isa, Loss, TripletSemiHardLoss, Workspace};
use triplet_core::{Engine, GradientInputs, GradientScale, Problem, ProblemBuffers, Triplets};
use triplet_simd::{Fused, Inline, Selected, stage_bench::StageBench};
use triplet_testkit::inputs::unit_rows;

const SHAPES: [(usize, usize, usize); 4] = [(128, 128, 8), (1024, 128, 8), (1024, 512, 8), (1020, 128, 102)];

fn stages(criterion: &mut Criterion) {
    for (rows, width, per_class) in SHAPES {
        let (embeddings, labels) = unit_rows(rows, width, per_class, 42);
        let Ok(batch) = Batch::new(&embeddings, width, &labels) else { continue };
        let loss = TripletSemiHardLoss::default();
        let mut buffers = ProblemBuffers::default();
        let Ok(problem) = Problem::new(&batch, loss.spec().objective, &mut buffers) else { continue };
        let mut group = criterion.benchmark_group(format!("{rows} x {width}, {per_class} rows a class"));
        group.sample_size(20);
        group.throughput(Throughput::Elements((rows * rows / 2 * width) as u64));
        for isa in Isa::available() {
            let Ok(selected) = Selected::new(isa) else { continue };
            let mut bench = StageBench::new(selected);
            group.bench_function(BenchmarkId::new("pack", isa.name()), |bencher| {
                bencher.iter(|| bench.pack(&problem));
            });
            group.bench_function(BenchmarkId::new("tile", isa.name()), |bencher| {
                bencher.iter(|| black_box(bench.tiles(&problem)));
            });
            let mut engine = Fused::new("simd", selected, Inline);
            let mut triplets = Triplets::default();
            group.bench_function(BenchmarkId::new("mine", isa.name()), |bencher| {
                bencher.iter(|| engine.mine(&problem, &mut triplets));
            });
            let mut out = vec![0.0; rows * width];
            let scale = GradientScale::new(problem.distance(), problem.normalizer(), 1.0, None);
            group.bench_function(BenchmarkId::new("gradient", isa.name()), |bencher| {
                let inputs = GradientInputs { problem: &problem, triplets: &triplets, scale };
                bencher.iter(|| engine.gradient(inputs, &mut out));
            });
            let options = BackendOptions { backend: Backend::Simd, isa: Some(isa), threads: Some(1) };
            let Ok(mut workspace) = Workspace::new(options) else { continue };
            group.bench_function(BenchmarkId::new("whole", isa.name()), |bencher| {
                bencher.iter(|| loss.evaluate(&batch, &mut workspace).map(|e| e.loss()));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, stages);
criterion_main!(benches);
