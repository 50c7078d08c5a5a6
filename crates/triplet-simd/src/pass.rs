//! What every stage of one call is given.

use crate::{
    block::Source,
    executor::Executor,
    isa::{Element, Selected},
};
use triplet_core::Problem;

/// One pass over a packed batch: who runs it, on which instructions, over what.
#[derive(Clone, Copy)]
pub(crate) struct Pass<'a, T: Element> {
    /// Runs the pieces.
    pub(crate) executor: &'a dyn Executor,
    /// The instruction set.
    pub(crate) selected: Selected,
    /// The batch and the question.
    pub(crate) problem: &'a Problem<'a, T>,
    /// Its panels and layout.
    pub(crate) source: Source<'a, T>,
}
