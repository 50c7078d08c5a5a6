//! Screening against its proof, against plain loops, and against the reference.

mod block;
mod bound;
mod mined;

use super::{Screen, Screened, Screening, Workers, words::SelectedWords};
use crate::{
    cpu::isa::{Isa, Selected},
    executor::Inline,
    gram::{block::PackedRows, layout::Layout, pack::Packed, pack_batch},
};
use std::io::Write;
use triplet_core::{Batch, Distance, Objective, Problem, ProblemBuffers, Rule};

/// Instruction sets with words that this CPU has; the others are named, past the capture of the test harness.
fn selected() -> Vec<(Selected, SelectedWords)> {
    let mut found = Vec::new();
    for isa in [Isa::Avx2, Isa::Avx512] {
        let selected = Selected::new(isa).ok();
        match selected.and_then(|selected| Some((selected, SelectedWords::of(selected)?))) {
            Some(both) => found.push(both),
            None => drop(writeln!(
                std::io::stderr(),
                "screening not tested on {}, which cannot run here",
                isa.name()
            )),
        }
    }
    found
}

/// Calls `body` with a batch in words, whose words may be those of several distances if `fine`, if there is anything to
/// screen; whether there is.
fn with_words(
    selected: Selected,
    rows: &[f32],
    width: usize,
    (distance, fine): (Distance, bool),
    body: impl FnOnce(&Screened<'_>, PackedRows<'_, f32>),
) -> bool {
    // Classes of two: a threshold each.
    let labels: Vec<i64> = (0..rows.len() / width).map(|row| row as i64 / 2).collect();
    let batch = Batch::new(rows, width, &labels).unwrap();
    let objective = Objective { distance, rule: Rule::SemiHard, margin: 0.5 };
    let mut space = ProblemBuffers::default();
    let problem = Problem::new(&batch, objective, &mut space).unwrap();
    let (mut layout, mut packed, mut screen) = (Layout::default(), Packed::default(), Screen::default());
    layout.rebuild(&problem, selected);
    let order = (problem.anchors(), problem.classes().order());
    let source = pack_batch::run(&Inline, &mut [()], selected, order, distance, &layout, &mut packed);
    let mut workers = Workers { executor: &Inline, selected, scratches: &mut [()] };
    // One threshold, beyond all distances.
    let far = [f32::MAX.to_bits()];
    let thresholds = if fine { &far[..0] } else { &far };
    match screen.prepare(Screening::Always, &mut workers, (source, thresholds), None) {
        Some(words) => body(&words, source),
        None => return false,
    }
    true
}
