//! What runs is the fastest path that the CPU has, by what the system says of the CPU.

use triplet_api::{Backend, BackendOptions, Batch, Isa, Loss, TripletSemiHardLoss, Workspace};

/// The instruction sets by a source of its own: the flags that Linux lists.
fn flags() -> Option<Vec<String>> {
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("flags"))?;
    Some(line.split_once(':')?.1.split_whitespace().map(str::to_owned).collect())
}

#[test]
fn the_fastest_path_of_this_cpu_runs() {
    let Some(flags) = flags() else {
        println!("NOT covered: this system does not list its CPU's instruction sets");
        return;
    };
    let has = |name: &str| flags.iter().any(|flag| flag == name);
    let expected = match () {
        () if has("avx512f") => Isa::Avx512,
        () if has("avx2") && has("fma") => Isa::Avx2,
        () => Isa::Portable,
    };
    println!("this CPU should run {}", expected.name());
    let (x, labels) = (vec![0.5_f32; 40 * 8], (0..40).map(|row| row / 4).collect::<Vec<_>>());
    let batch = Batch::new(&x, 8, &labels).unwrap();
    for backend in [Backend::Auto, Backend::Simd, Backend::Par] {
        let mut workspace = Workspace::new(BackendOptions { backend, ..BackendOptions::default() }).unwrap();
        let executed = TripletSemiHardLoss::default().evaluate(&batch, &mut workspace).unwrap().executed();
        assert_eq!(executed.isa, expected.name(), "{backend:?} took another path: {executed}");
    }
}
