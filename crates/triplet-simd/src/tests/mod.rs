//! Kernels against scalar models, on every instruction set that can run here.
//!
//! One file tests one kernel. It states what the kernel computes in plain loops, its *model*, and runs both on
//! a table of cases: the sizes around a vector, a tile and a panel, masked and equal keys, thresholds that
//! nothing reaches, the first and the last candidate. Kernel and model must agree in every bit. A [`Suite`] is
//! generic over the element type and runs its kernel through [`Element::dispatch`], as the engine does;
//! [`on_every_isa`] runs it with both element types on each of [`Isa::ALL`], so that a new instruction set is
//! tested without a line here. The parts of the bucket search that only it can see are tested in its own folder.

mod aligned;
mod block;
mod block_search;
mod buckets;
mod chain;
mod chosen_by;
pub(crate) mod data;
mod dispatch;
mod distances;
pub(crate) mod guarded;
mod lanes;
mod mask;
mod narrow;
mod nearest;
mod pack;
mod projection;
mod search_model;
mod tile;

pub(crate) use data::{KeyPattern, ThresholdPattern, rng};

use crate::Error;
use crate::{
    cpu::isa::{Element, Isa, Selected},
    lanes::{Kernel, Lanes},
};
use core::marker::PhantomData;
use std::{
    io::Write,
    panic::{self, AssertUnwindSafe},
    sync::Once,
    thread,
};
use triplet_core::Real;

/// The tests of one kernel, for any element type and instruction set.
pub(crate) trait Suite {
    /// The kernel's name, for messages.
    const KERNEL: &'static str;
    /// Compares the kernel with its model in every case.
    fn run<T: Element>(on: Subject<T>);
}

/// Runs a suite with both element types on every instruction set that this CPU has.
pub(crate) fn on_every_isa<S: Suite>() {
    for isa in Isa::ALL {
        match Selected::new(isa) {
            Ok(selected) => {
                S::run::<f32>(Subject::new(S::KERNEL, selected));
                S::run::<f64>(Subject::new(S::KERNEL, selected));
            }
            Err(Error::IsaMissing { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    print_skipped();
}

/// Names the instruction sets that were not tested, once, past the capture of the test harness.
fn print_skipped() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for isa in Isa::ALL.into_iter().filter(|isa| !isa.is_available()) {
            let _ =
                writeln!(std::io::stderr(), "kernels not tested on {}, which cannot run here", isa.name());
        }
    });
}

/// The kernel under test, with an element type on an instruction set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<T> {
    kernel: &'static str,
    selected: Selected,
    /// The shape of the lanes.
    pub(crate) shape: Shape,
    element: PhantomData<T>,
}

impl<T: Element> Subject<T> {
    fn new(kernel: &'static str, selected: Selected) -> Self {
        Self { kernel, selected, shape: T::dispatch(selected, Shapes), element: PhantomData }
    }

    /// Runs a kernel as the engine does.
    pub(crate) fn run<K: Kernel<T>>(&self, kernel: K) -> K::Output {
        T::dispatch(self.selected, kernel)
    }

    /// Whether a kernel panics instead of running.
    pub(crate) fn refuses<K: Kernel<T>>(&self, kernel: K) -> bool {
        panic::catch_unwind(AssertUnwindSafe(|| self.run(kernel))).is_err()
    }

    /// The instruction set, for layouts that are built for it.
    pub(crate) fn selected(&self) -> Selected {
        self.selected
    }

    /// Describes the case at work: printed if the test panics before the result is dropped.
    pub(crate) fn case<D: Fn() -> String>(&self, describe: D) -> Case<D> {
        Case { kernel: self.kernel, isa: self.selected.isa(), element: T::NAME, describe }
    }
}

/// The case at work; see [`Subject::case`].
pub(crate) struct Case<D: Fn() -> String> {
    kernel: &'static str,
    isa: Isa,
    element: &'static str,
    describe: D,
}

impl<D: Fn() -> String> Drop for Case<D> {
    fn drop(&mut self) {
        if thread::panicking() {
            let Self { kernel, isa, element, describe } = self;
            eprintln!("in {kernel}, {} {element}, seed {:#x}: {}", isa.name(), data::SEED, describe());
        }
    }
}

/// The constants of a lane type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Lanes in a vector.
    pub(crate) len: usize,
    /// Vector registers.
    pub(crate) registers: usize,
    /// Rows of the register tile.
    pub(crate) tile_rows: usize,
    /// Columns of the register tile.
    pub(crate) tile_columns: usize,
    /// Rows of a panel.
    pub(crate) panel: usize,
}

/// Returns the [`Shape`] of the lanes it runs on.
pub(crate) struct Shapes;

impl<T: Real> Kernel<T> for Shapes {
    type Output = Shape;
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, _: L) -> Shape {
        Shape {
            len: L::LEN,
            registers: L::REGISTERS,
            tile_rows: L::TILE_ROWS,
            tile_columns: L::TILE_VECTORS * L::LEN,
            panel: L::PANEL,
        }
    }
}

/// All cases of a table, or under Miri, which is some thousand times slower, one in `every`.
pub(crate) fn sampled<I: Iterator>(cases: I, every: usize) -> impl Iterator<Item = I::Item> {
    cases.step_by(if cfg!(miri) { every } else { 1 })
}
