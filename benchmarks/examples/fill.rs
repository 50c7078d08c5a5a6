use triplet_api::*;
fn main() {
    let only = std::env::args().nth(1).unwrap_or_default();
    for b in triplet_benchmarks::built_in().unwrap() {
        if !b.name.contains(&only) { continue; }
        let t = std::time::Instant::now();
        let small = b.shape.rows * b.shape.rows * b.shape.width <= 1 << 27;
        let digest = b.answer(BackendOptions { backend: Backend::Simd, isa: None, threads: Some(1) }).unwrap();
        eprintln!("{} {:?}", b.name, t.elapsed());
        let mut all = vec![("par2".to_owned(), BackendOptions { backend: Backend::Par, isa: None, threads: Some(2) })];
        for isa in Isa::available() { all.push((isa.name().to_owned(), BackendOptions { backend: Backend::Simd, isa: Some(isa), threads: Some(1) })); }
        if small { all.push(("scalar".to_owned(), BackendOptions { backend: Backend::Scalar, isa: None, threads: None })); }
        for (n, o) in all { assert_eq!(b.answer(o).unwrap(), digest, "{} {n}", b.name); }
        println!("{} {digest}{}", b.name, if small { " scalar" } else { "" });
    }
}
