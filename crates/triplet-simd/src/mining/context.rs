//! What every stage of mining is given.

use crate::{
    cpu::isa::{Element, Selected},
    executor::Executor,
    gram::block::PackedRows,
};
use triplet_core::Problem;

/// One pass over a packed batch.
#[derive(Clone, Copy)]
pub(crate) struct StageContext<'a, T: Element> {
    /// Runs the pieces.
    pub(crate) executor: &'a dyn Executor,
    /// The instruction set.
    pub(crate) selected: Selected,
    /// What is mined.
    pub(crate) problem: &'a Problem<'a, T>,
    /// Its panels and layout.
    pub(crate) source: PackedRows<'a, T>,
}
