//! Every exact way to compute, on this CPU.

use triplet_api::{Gram, Isa};
use triplet_core::{Engine, Error, Scalar};
use triplet_par::Rayon;
use triplet_simd::{Element, Fused, Inline, Selected};

/// An engine and its name.
pub struct Contender<T: Element> {
    /// Backend, instruction set, threads.
    pub name: String,
    /// The engine.
    pub engine: Box<dyn Engine<T>>,
}

/// Thread counts that batches are cut for.
pub const THREADS: [usize; 4] = [1, 2, 3, 7];

/// The scalar reference first, then every instruction set of this CPU on the
/// calling thread and on each number of threads, whatever the size of the batch.
///
/// # Errors
/// An instruction set that fails its known answers.
pub fn contenders<T: Element>() -> Result<Vec<Contender<T>>, Error> {
    let scalar = Contender { name: "scalar".to_owned(), engine: Box::new(Scalar::default()) };
    let mut all = vec![scalar];
    for isa in Isa::available() {
        let selected = Selected::new(isa)?;
        let engine = Box::new(Fused::new("simd", selected, Inline));
        all.push(Contender { name: format!("simd {}", isa.name()), engine });
        for threads in THREADS {
            let executor = Rayon::with_threads(threads)?;
            let engine = Box::new(Fused::new("par", selected, executor));
            all.push(Contender { name: format!("par {} on {threads} threads", isa.name()), engine });
        }
    }
    Ok(all)
}

/// The Gram backend, which is compared by bounds instead of bits.
///
/// # Errors
/// As [`contenders`].
pub fn gram() -> Result<Contender<f32>, Error> {
    Ok(Contender { name: "gram".to_owned(), engine: Box::new(Gram::new()?) })
}

/// Instruction sets that this CPU cannot run, so that nobody thinks they were tested.
#[must_use]
pub fn not_covered() -> Vec<&'static str> {
    Isa::ALL.into_iter().filter(|isa| !isa.is_available()).map(Isa::name).collect()
}
