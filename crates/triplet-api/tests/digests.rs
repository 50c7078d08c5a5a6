//! A part of the recorded digests, for every backend that is exact: `cargo xtask digests`
//! compares them all.

use triplet_api::{Backend, BackendOptions, Isa};
use triplet_testkit::digests::{BATCHES, Case, Digester, Recorded, SEED};

/// The scalar reference, every instruction set of this CPU on the calling thread, two threads.
fn digesters() -> Vec<(String, Digester)> {
    let missing: Vec<_> = Isa::ALL.into_iter().filter(|isa| !isa.is_available()).collect();
    println!("this CPU cannot run: {missing:?}");
    let simd = Isa::available().map(|isa| (Backend::Simd, Some(isa), None));
    let ways = [(Backend::Scalar, None, None), (Backend::Par, None, Some(2))].into_iter().chain(simd);
    ways.map(|(backend, isa, threads)| {
        let options = BackendOptions { backend, isa, threads };
        (format!("{options:?}"), Digester::new(options).unwrap())
    })
    .collect()
}

#[track_caller]
fn check(file: &str, cases: &[Case], total: usize) {
    let recorded = Recorded::read(file).unwrap();
    assert_eq!(recorded.len(), total, "{file}: cargo xtask digests --record after adding a case");
    for (name, mut digester) in digesters() {
        for case in cases {
            let found = digester.digests(case);
            recorded.check(case, found).unwrap_or_else(|difference| panic!("{name}: {difference}"));
        }
    }
}

#[test]
fn batches_of_the_cross_check() {
    let cases: Vec<_> = (0..60).map(|number| Case::cross_check(SEED, number)).collect();
    check("cross_check", &cases, BATCHES as usize);
}

#[test]
fn golden_batches() {
    let cases = Case::golden().unwrap();
    check("golden", &cases, cases.len());
}

#[test]
fn large_batches() {
    let recorded = Recorded::read("large").unwrap();
    let cases = Case::large();
    assert_eq!(recorded.len(), cases.len());
    let mut digester = Digester::simd().unwrap();
    for case in &cases {
        let found = digester.digests(case);
        recorded.check(case, found).unwrap_or_else(|difference| panic!("{difference}"));
    }
}
