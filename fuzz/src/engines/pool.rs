//! The engines of one input: the scalar reference first, then every instruction set of this CPU,
//! on the calling thread and at times on several, with the memory that the input allows.
//!
//! Engines are made for each input, so that an input fails alone as it failed among others. Only
//! thread pools are kept.

use arbitrary::Arbitrary;
use std::sync::OnceLock;
use triplet_api::{Element, Isa, MemoryLimits, Workspace};
use triplet_core::{Engine, Scalar};
use triplet_par::Rayon;
use triplet_simd::{Fused, Inline, Selected};

/// What engines may use.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub(crate) struct Settings {
    threads: u8,
    memory: Memory,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Memory {
    Usual,
    Nothing,
    Little { distances: u8, choices: u8 },
}

const THREADS: [usize; 4] = [1, 2, 3, 7];

/// The pool of an input, if it asks for one: every fourth does, for waking threads takes longer than
/// a small batch.
fn pool(threads: u8) -> Option<Rayon> {
    static POOLS: [OnceLock<Rayon>; THREADS.len()] = [const { OnceLock::new() }; THREADS.len()];
    let index = usize::from(threads) / 4 % THREADS.len();
    let make = || Rayon::with_threads(THREADS[index]).expect("threads start");
    threads.is_multiple_of(4).then(|| POOLS[index].get_or_init(make).clone())
}

impl Settings {
    fn limits(self) -> MemoryLimits {
        match self.memory {
            Memory::Usual => MemoryLimits::default(),
            Memory::Nothing => MemoryLimits { distances: 0, choices: 1, ..Default::default() },
            Memory::Little { distances, choices } => MemoryLimits {
                distances: distances.into(),
                choices: usize::from(choices).max(1),
                ..Default::default()
            },
        }
    }

    /// Names and workspaces.
    pub(crate) fn engines<T: Element>(self) -> Vec<(String, Workspace<T>)> {
        let mut all: Vec<(String, Workspace<T>)> = Vec::new();
        let mut add = |name: &str, isa: &str, engine: Box<dyn Engine<T>>, limits| {
            all.push((format!("{name} {isa}"), Workspace::with_engine(engine).with_limits(limits)));
        };
        let scalar = || Box::new(Scalar);
        add("scalar", "reference", scalar(), MemoryLimits::default());
        add("scalar", "as the input allows", scalar(), self.limits());
        for isa in Isa::available() {
            let selected = Selected::new(isa).expect("an instruction set that is there");
            add("simd", isa.name(), Box::new(Fused::new("simd", selected, Inline)), self.limits());
            if let Some(pool) = pool(self.threads) {
                add("par", isa.name(), Box::new(Fused::new("par", selected, pool)), self.limits());
            }
        }
        all
    }
}
