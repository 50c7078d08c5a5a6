//! A batch in words.

use super::{
    Screening,
    block::{BLOCK_WORDS, Compute, Search, Step, WordPanel},
    bound::{Bound, Most, RowSums, Scale},
    quantise::{self, Measure, Quantise},
    words::{PANEL, SelectedWords, WordKernel, Words},
};
use crate::{
    cpu::isa::{Element, Selected},
    executor::run_tasks,
    gram::{aligned::Aligned, layout::Layout},
    memory::reserve_exact,
    mining::StageContext,
};
use triplet_core::Problem;

/// No instruction set has less for [`Words::LEAST_ROWS`].
const LEAST_ROWS_OF_ALL: usize = 2048;
/// Components from which on batches are screened: with fewer, products are not what takes the time.
const LEAST_WIDTH: usize = 64;
/// Components up to which they are: the bound grows with the width, and distances come closer.
const MOST_WIDTH: usize = 2048;

/// The panels of a batch in words, kept from call to call.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    panels: Aligned<u32>,
    constants: Aligned<u32>,
    errors: Vec<f64>,
    rows: Vec<RowSums>,
    /// Of each panel.
    mosts: Vec<Most>,
    centre: Vec<f64>,
}

/// A batch that can be screened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screened<'a> {
    words: SelectedWords,
    panels: &'a [u32],
    constants: &'a [u32],
    errors: &'a [f64],
    scale: Scale,
    /// Numbers in a panel.
    panel: usize,
    /// Whether every block is tried.
    pub(super) always: bool,
    /// Undecided pairs of a block above which it is computed without screening.
    pub(super) most_undecided: usize,
}

/// Whether batches of this size are screened.
fn may_be_screened(screening: Screening, rows: usize, width: usize) -> bool {
    match screening {
        Screening::Off => false,
        Screening::Auto => rows >= LEAST_ROWS_OF_ALL && (LEAST_WIDTH..=MOST_WIDTH).contains(&width),
        Screening::Always => true,
    }
}

/// The words that a batch is screened with, if it is.
fn words_for(screening: Screening, selected: Selected, layout: &Layout) -> Option<SelectedWords> {
    let large = (0..layout.panels).filter(|&panel| layout.is_large(panel)).count();
    // Words are laid out for this height; f64 has another, of which nothing is screened.
    let possible = may_be_screened(screening, layout.rows, layout.width) && layout.panel == PANEL;
    if !possible || 2 * large > layout.panels {
        return None;
    }
    let words = SelectedWords::of(selected)?;
    let enough = screening == Screening::Always || layout.rows >= words.dispatch(Limits).least_rows;
    enough.then_some(words)
}

/// Gives what was measured of an instruction set.
struct Limits;

/// See [`Words`].
struct Measured {
    least_rows: usize,
    most_undecided: usize,
}

impl WordKernel for Limits {
    type Output = Measured;
    #[inline(always)]
    fn run<W: Words>(self, _: W) -> Measured {
        const { assert!(W::LEAST_ROWS >= LEAST_ROWS_OF_ALL) };
        Measured { least_rows: W::LEAST_ROWS, most_undecided: W::MOST_UNDECIDED }
    }
}

impl Screen {
    /// Bytes for a batch, if it is screened.
    pub(crate) fn bytes<T: Element>(
        screening: Screening,
        selected: Selected,
        problem: &Problem<'_, T>,
    ) -> usize {
        let points = problem.candidates();
        // Before a layout is made for it.
        if !problem.is_square() || !may_be_screened(screening, points.len(), points.width()) {
            return 0;
        }
        let mut layout = Layout::default();
        layout.rebuild(problem, selected);
        if words_for(screening, selected, &layout).is_none() {
            return 0;
        }
        let row = layout.width.div_ceil(2) * size_of::<u32>() + size_of::<(u32, f64, RowSums)>();
        // Padding, and the start on a cache line.
        let rows = layout.panels * PANEL + PANEL;
        rows.saturating_mul(row).saturating_add(layout.width.saturating_mul(size_of::<f64>()))
    }

    /// Turns a packed batch into words; none where that does not help.
    pub(crate) fn prepare<T: Element>(
        &mut self,
        screening: Screening,
        context: StageContext<'_, T>,
        scratches: &mut [impl Send],
    ) -> Option<Screened<'_>> {
        let StageContext { executor, selected, source, .. } = context;
        let layout = source.layout;
        let words = words_for(screening, selected, layout)?;
        let Self { panels, constants, errors, rows, mosts, centre } = self;
        let (width, packed) = (layout.width, &source.packed.panels[..]);
        let panel = width.div_ceil(2) * PANEL;
        let all = layout.panels * PANEL;
        panels.resize(layout.panels * panel);
        constants.resize(all);
        // Not by doubling: what is needed is reckoned with.
        reserve_exact(errors, all);
        reserve_exact(rows, all);
        errors.resize(all, 0.0);
        rows.resize(all, RowSums::default());
        mosts.clear();
        mosts.resize(layout.panels, Most::default());
        quantise::centre(packed, width, centre);
        let centre = &centre[..];
        // Without the padding of the last panel.
        let whole = |index: usize| ..layout.positions(index).len();
        let pieces = packed.chunks_exact(PANEL * width).zip(rows.chunks_exact_mut(PANEL));
        let pieces = pieces.zip(&mut *mosts).enumerate();
        run_tasks(executor, scratches, pieces, |_, (index, ((panel, sums), most))| {
            T::dispatch(selected, Measure { panel, centre, sums });
            *most = Most::of(&sums[whole(index)]);
        });
        let factor = Most::of_all(mosts).factor(width)?;
        let pieces = packed.chunks_exact(PANEL * width).zip(rows.chunks_exact_mut(PANEL));
        let pieces = pieces.zip(&mut *mosts).zip(panels.chunks_exact_mut(panel)).enumerate();
        run_tasks(executor, scratches, pieces, |_, (index, (((panel, sums), most), words))| {
            T::dispatch(selected, Quantise { panel, centre, factor, sums, words });
            *most = Most::of(&sums[whole(index)]);
        });
        let bound = Bound::new::<T>(Most::of_all(mosts), width, factor, source.distance)?;
        let pieces = rows.chunks_exact(PANEL).zip(source.packed.norms.chunks_exact(PANEL)).zip(&mut *mosts);
        let pieces = pieces.zip(errors.chunks_exact_mut(PANEL).zip(constants.chunks_exact_mut(PANEL)));
        run_tasks(executor, scratches, pieces.enumerate(), |_, (index, (((sums, norms), most), own))| {
            *most = bound.apply(&sums[whole(index)], norms, own.0, own.1);
        });
        let (scale, offset) = bound.scale(Most::of_all(mosts))?;
        constants.iter_mut().for_each(|constant| *constant = constant.wrapping_add(offset));
        let always = screening == Screening::Always;
        let most_undecided = if always { BLOCK_WORDS } else { words.dispatch(Limits).most_undecided };
        Some(Screened { words, panels, constants, errors, scale, panel, always, most_undecided })
    }
}

impl<'a> Screened<'a> {
    #[inline(always)]
    pub(super) fn panel(&self, panel: usize) -> WordPanel<'a> {
        WordPanel {
            rows: &self.panels[panel * self.panel..][..self.panel],
            constants: &self.constants[panel * PANEL..][..PANEL],
        }
    }

    /// The errors of a panel's rows.
    #[inline(always)]
    pub(super) fn errors(&self, panel: usize) -> &'a [f64] {
        &self.errors[panel * PANEL..][..PANEL]
    }

    #[inline(always)]
    pub(super) fn scale(&self) -> Scale {
        self.scale
    }

    /// Searches a block, computed before, while the words of another are computed; how many pairs are listed.
    pub(super) fn step(&self, next: Option<([usize; 2], &mut [u16])>, search: Option<Search<'_>>) -> usize {
        let compute = next.map(|([row, column], words)| Compute {
            rows: self.panel(row),
            columns: self.panel(column),
            words,
        });
        self.words.dispatch(Step { compute, search })
    }
}
