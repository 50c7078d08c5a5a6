//! Loss and gradient of triplets that are not kept, within a number of bytes.
//!
//! Every anchor is mined by the pass for large classes, whose triplets pass through a worker's buffers. The
//! gradient of a row needs its own triplets, the anchors that chose it, and the flags of its class. Where the
//! negatives of all triplets fit, in two bytes each for batches of few rows, they and the flags are noted, and
//! the gradient goes on as ever (`noted`). Where they do not, rows are taken a window at a time, in class order,
//! and all anchors are mined again for each window: what is listed are its choices and flags (`window`). A row's
//! own triplets are mined once more when its gradient is computed.

mod choices;
mod first;
mod flags;
mod memory;
mod noted;
mod passes;
mod source;
mod window;

pub(crate) use memory::{Plan, Shape};

use crate::{cpu::isa::Element, gradient::ChoiceBuffers, mining::StageContext, scratch::Scratch};
use core::sync::atomic::AtomicU32;
use triplet_core::{GradientScale, Triplets, terms::TripletCounts};

/// What parts keep from call to call, besides the scratch of each worker.
#[derive(Debug, Default)]
pub(crate) struct PartsBuffers {
    noted: noted::NotedBuffers,
    window: window::WindowBuffers,
    /// How often each row was chosen, by position.
    chosen: Vec<AtomicU32>,
}

/// Writes the sums of all anchors by position, and the counts; on request the gradient, in original row order.
pub(crate) fn run<T: Element>(
    context: StageContext<'_, T>,
    scratches: &mut [Scratch<T>],
    (buffers, choices): (&mut PartsBuffers, &mut ChoiceBuffers),
    plan: Plan,
    out: &mut Triplets<T>,
    gradient: Option<(GradientScale<'_, T>, &mut [T])>,
) {
    let layout = context.source.layout;
    for scratch in scratches.iter_mut() {
        scratch.counts = TripletCounts::default();
        passes::reserve(scratch, context.problem, layout, plan.gradient_rows(layout.tile_rows));
    }
    let (sums, counts) = (&mut out.sums[..], &mut out.counts);
    let PartsBuffers { noted, window, chosen } = buffers;
    match (plan, gradient) {
        (Plan::Noted { listed }, Some((scale, gradient))) => {
            noted::mine(context, scratches, noted, sums);
            add_up(scratches, counts);
            noted::gradient(context, scratches, noted, (choices, listed), scale, gradient);
        }
        (Plan::Windows { bytes }, Some((scale, gradient))) => {
            let first = window::first(context, scratches, window, (chosen, bytes), sums);
            // Before the same triplets are mined again.
            add_up(scratches, counts);
            window::gradient(context, scratches, window, (chosen, bytes), first, scale, gradient);
        }
        (_, None) | (Plan::Sums, _) => {
            passes::sums(context, scratches, sums);
            add_up(scratches, counts);
        }
    }
}

/// Adds what the workers counted.
fn add_up<T: Element>(scratches: &[Scratch<T>], counts: &mut TripletCounts) {
    scratches.iter().for_each(|scratch| *counts += scratch.counts);
}
