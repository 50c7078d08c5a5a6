//! What runs is the fastest path that the CPU has, by what the system says of the CPU.

use triplet_api::{
    Backend, BackendOptions, Batch, Error, Isa, Loss, SimdError, TripletSemiHardLoss, Workspace,
};
use triplet_simd::Selected;

/// What Linux calls the line of a CPU's flags, on the architectures that have one.
const LINE: &str = if cfg!(target_arch = "aarch64") { "Features" } else { "flags" };

/// The instruction sets by a source of its own: the flags that Linux lists.
fn flags() -> Option<Vec<String>> {
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with(LINE))?;
    Some(line.split_once(':')?.1.split_whitespace().map(str::to_owned).collect())
}

/// The flags that an instruction set needs; `None` where no CPU of this architecture has it.
fn needs(isa: Isa) -> Option<&'static [&'static str]> {
    let (architecture, flags): (_, &[_]) = match isa {
        Isa::Portable => return Some(&[]),
        Isa::Avx2 => ("x86_64", &["avx2", "fma"]),
        Isa::Avx512 => ("x86_64", &["avx512f"]),
        Isa::Neon => ("aarch64", &["asimd"]),
    };
    (architecture == std::env::consts::ARCH).then_some(flags)
}

#[test]
fn the_fastest_path_of_this_cpu_runs() {
    let Some(flags) = flags() else {
        println!("NOT covered: this system does not list its CPU's instruction sets");
        return;
    };
    let has = |name: &str| flags.iter().any(|flag| flag == name);
    let runs = |isa: &Isa| needs(*isa).is_some_and(|flags| flags.iter().all(|flag| has(flag)));
    let expected = Isa::ALL.into_iter().rfind(runs).expect("portable needs nothing");
    println!("this CPU should run {}", expected.name());
    let (x, labels) = (vec![0.5_f32; 40 * 8], (0..40).map(|row| row / 4).collect::<Vec<_>>());
    let batch = Batch::new(&x, 8, &labels).unwrap();
    for backend in [Backend::Auto, Backend::Simd, Backend::Par] {
        let mut workspace = Workspace::new(BackendOptions { backend, ..BackendOptions::default() }).unwrap();
        let executed = TripletSemiHardLoss::default().evaluate(&batch, &mut workspace).unwrap().executed();
        assert_eq!(executed.isa, expected.name(), "{backend:?} took another path: {executed}");
    }
}

/// Every backend with lanes refuses an instruction set that the CPU lacks, and names those it has.
#[test]
fn an_instruction_set_that_is_missing_is_refused_by_name() {
    let (there, missing): (Vec<_>, Vec<_>) = Isa::ALL.into_iter().partition(|isa| isa.is_available());
    if missing.is_empty() {
        println!("NOT covered: this CPU runs every instruction set that there are kernels for");
    }
    let available = there.iter().map(|isa| isa.name()).collect::<Vec<_>>().join(", ");
    for isa in missing {
        let refused = SimdError::IsaMissing { isa: isa.name(), available: available.clone() };
        assert_eq!(Selected::new(isa), Err(refused.clone()));
        let error = Error::Simd(refused);
        for backend in [Backend::Auto, Backend::Simd, Backend::Par] {
            let options = BackendOptions { backend, isa: Some(isa), threads: Some(2) };
            assert_eq!(Workspace::<f32>::new(options).err(), Some(error.clone()), "{backend:?}");
            assert_eq!(options.resolve(), Err(error.clone()), "{backend:?}");
        }
    }
    for isa in there {
        let options = BackendOptions { backend: Backend::Simd, isa: Some(isa), threads: None };
        assert_eq!(Workspace::<f32>::new(options).unwrap().executed().isa, isa.name());
    }
}

#[test]
fn auto_is_the_calling_thread_alone_when_there_is_one_thread() {
    let runs = |threads| {
        let options = BackendOptions { backend: Backend::Auto, isa: None, threads: Some(threads) };
        let executed = options.resolve().unwrap();
        (executed.backend, executed.threads)
    };
    assert_eq!([runs(1), runs(2)], [("simd", 1), ("par", 2)]);
}

#[test]
fn only_the_gram_backend_has_bits_of_its_own() {
    let exact = Backend::ALL.into_iter().filter(|backend| backend.is_exact());
    assert!(exact.eq(Backend::ALL.into_iter().filter(|&backend| backend != Backend::Gram)));
}
