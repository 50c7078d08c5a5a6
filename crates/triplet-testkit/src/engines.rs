//! Every exact way to compute, on this CPU.

use crate::cramped::Cramped;
use triplet_api::{Error, Gram, Isa, MemoryLimits, Workspace};
use triplet_core::{Engine, Scalar};
use triplet_openmp::{Host, OpenMp};
use triplet_par::{Pool, Rayon};
use triplet_simd::{Element, Fused, Inline, Screening, Selected};

/// An engine and its name.
pub struct Contender<T: Element> {
    /// Backend, instruction set, threads.
    pub name: String,
    /// The engine.
    pub engine: Box<dyn Engine<T>>,
    /// What it may keep in memory.
    pub limits: MemoryLimits,
}

impl<T: Element> Contender<T> {
    /// Its name, and a workspace for it.
    #[must_use]
    pub fn workspace(self) -> (String, Workspace<T>) {
        (self.name, Workspace::with_engine(self.engine).with_limits(self.limits))
    }
}

/// Next to nothing: no distances, and a few choices at a time.
const LITTLE: MemoryLimits =
    MemoryLimits { distances: 0, choices: 50, bytes: usize::MAX, keep_triplets: false };

/// A number of bytes that batches of tests stay far below, so that it is the word of an engine that decides.
const BUDGET: MemoryLimits =
    MemoryLimits { bytes: 1 << 28, keep_triplets: false, distances: 1 << 27, choices: 1 << 26 };

/// Bytes beyond the least that parts take, for windows of a few rows.
const WINDOW: usize = 1 << 13;

/// The OpenMP runtime of the system, which stands in for PyTorch's.
pub const OPENMP: &str = "libgomp.so.1";

/// Instruction sets that pairs can be screened on: small batches too, by these engines.
const SCREENING: [Isa; 2] = [Isa::Avx2, Isa::Avx512];

/// Thread counts that batches are cut for.
pub const THREADS: [usize; 4] = [1, 2, 3, 7];

/// Threads of the best instruction set alone.
const MANY: usize = 16;

/// Those of [`contenders`] that keep triplets: ranks exchange them.
///
/// # Errors
/// As [`contenders`].
pub fn contenders_of_ranks<T: Element>() -> Result<Vec<Contender<T>>, Error> {
    let all = contenders::<T>()?.into_iter();
    Ok(all.filter(|contender| contender.limits.bytes == usize::MAX).collect())
}

/// The scalar reference first, then every instruction set of this CPU on the
/// calling thread and on each number of threads, whatever the size of the batch; and
/// some of them once more with little memory, in parts, and on threads of an OpenMP runtime where there is one.
///
/// # Errors
/// An instruction set that fails its known answers.
pub fn contenders<T: Element>() -> Result<Vec<Contender<T>>, Error> {
    let mut all = Vec::new();
    let mut add = |name: String, engine: Box<dyn Engine<T>>, limits: MemoryLimits| {
        all.push(Contender { name, engine, limits });
    };
    let most = MemoryLimits::default();
    add("scalar".to_owned(), Box::new(Scalar), most);
    for isa in Isa::available() {
        let selected = Selected::new(isa)?;
        let name = isa.name();
        add(format!("simd {name}"), Box::new(Fused::new("simd", selected, Inline)), most);
        for threads in THREADS {
            let engine = Fused::new("par", selected, Rayon::with_threads(threads)?);
            add(format!("par {name} on {threads} threads"), Box::new(engine), most);
        }
        let engine = Fused::new("par", selected, Rayon::with_threads(2)?);
        add(format!("par {name} with little memory"), Box::new(engine), LITTLE);
        if SCREENING.contains(&isa) {
            let mut engine = Fused::new("simd", selected, Inline);
            engine.set_screening(Screening::Always);
            add(format!("simd {name} with all screened"), Box::new(engine), most);
        }
    }
    let mut engine = Fused::new("par", Selected::best()?, Rayon::with_threads(3)?);
    engine.set_screening(Screening::Always);
    add(
        format!("par {} on 3 threads with all screened", Selected::best()?.isa().name()),
        Box::new(engine),
        most,
    );
    // Parts and other threads run the kernels of any instruction set in the same way.
    let selected = Selected::best()?;
    let name = selected.isa().name();
    let simd = Cramped::new(Fused::new("simd", selected, Inline), WINDOW);
    add(format!("simd {name} in windows"), Box::new(simd), BUDGET);
    let par = || Ok::<_, Error>(Fused::new("par", selected, Rayon::with_threads(2)?));
    add(format!("par {name} in windows"), Box::new(Cramped::new(par()?, WINDOW)), BUDGET);
    add(format!("par {name}, triplets noted"), Box::new(Cramped::new(par()?, usize::MAX / 8)), BUDGET);
    // More threads than most batches have parts.
    let many = Fused::new("par", selected, Rayon::with_threads(MANY)?);
    add(format!("par {name} on {MANY} threads"), Box::new(many), most);
    if let Some(host) = Host::load(OPENMP) {
        let mut executor = OpenMp::new(host, None)?;
        executor.set_active(executor.max_threads());
        add(format!("openmp {name}"), Box::new(Fused::new("openmp", selected, executor)), most);
    }
    add("scalar with little memory".to_owned(), Box::new(Scalar), LITTLE);
    Ok(all)
}

/// The Gram backend, which is compared by bounds instead of bits.
///
/// # Errors
/// As [`contenders`].
pub fn gram() -> Result<Contender<f32>, Error> {
    Ok(Contender {
        name: "gram".to_owned(),
        engine: Box::new(Gram::new(Selected::best()?)),
        limits: MemoryLimits::default(),
    })
}

/// Instruction sets that this CPU cannot run, and an OpenMP runtime that is not there, which tests print: they
/// were not covered.
#[must_use]
pub fn not_covered() -> Vec<&'static str> {
    let missing = Isa::ALL.into_iter().filter(|isa| !isa.is_available()).map(Isa::name);
    missing.chain(Host::load(OPENMP).is_none().then_some(OPENMP)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use triplet_api::Backend;

    #[test]
    fn every_exact_backend_and_instruction_set_is_compared() {
        let names: Vec<String> =
            contenders::<f32>().unwrap().into_iter().map(|contender| contender.name).collect();
        for backend in Backend::ALL.into_iter().filter(|backend| backend.is_exact()) {
            let of_backend = names.iter().filter(|name| name.split(' ').next() == Some(backend.name()));
            let expected = match backend {
                // One of the others.
                Backend::Auto => 0,
                Backend::Scalar => 2,
                Backend::Simd => {
                    let screening = SCREENING.iter().filter(|isa| isa.is_available()).count();
                    Isa::available().count() + screening + 1
                }
                Backend::Par => Isa::available().count() * (THREADS.len() + 1) + 4,
                Backend::OpenMp => usize::from(Host::load(OPENMP).is_some()),
                Backend::Gram => unreachable!("its bits may differ"),
            };
            assert_eq!(of_backend.count(), expected, "{} in {names:?}", backend.name());
        }
    }
}
