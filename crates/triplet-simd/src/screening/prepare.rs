//! A batch in words, or anchors and candidates.

use super::{
    Screening,
    block::{BLOCK_WORDS, Compute, Search, Step, WordPanel},
    bound::{Bound, Scale, may_be_fine},
    quantise,
    rows::{Frame, WordRows, Workers},
    words::{PANEL, SelectedWords, WordKernel, Words},
};
use crate::{
    cpu::isa::{Element, Selected},
    gram::{block::PackedRows, layout::Layout},
    memory::reserve_exact,
};
use triplet_core::Problem;

/// No instruction set has less for [`Words::LEAST_ROWS`].
const LEAST_ROWS_OF_ALL: usize = 2048;
/// Anchors from which on they are screened against other candidates: with fewer, words take longer to make than they
/// save (measured).
const LEAST_ANCHORS: usize = 192;
/// Candidates that are other rows from which on they are screened: their windows serve anchors of one side alone (measured).
const LEAST_OTHERS: usize = 4096;
/// Candidates from which on words may be those of several distances: with fewer, more anchors look for their farthest
/// (measured).
const LEAST_FINE: usize = 16_384;
/// Components from which on batches are screened: with fewer, products are not what takes the time.
const LEAST_WIDTH: usize = 64;
/// Components up to which they are: the bound grows with the width, and distances come closer.
const MOST_WIDTH: usize = 2048;
/// What the largest factor is multiplied by for candidates that are kept, so that others like them fit too.
const ROOM: f64 = 0.95;
/// By how much more than the factor in use a factor is worth making all words anew.
const WORTH: f64 = 1.5;

/// Rows in words, kept from call to call.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    /// The rows of a square batch, or anchors.
    own: WordRows,
    /// The errors of their distances.
    errors: Vec<f64>,
    /// Candidates that are other rows, and how they were made.
    others: WordRows,
    kept: Frame,
}

/// Rows that can be screened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screened<'a> {
    words: SelectedWords,
    rows: Side<'a>,
    columns: Side<'a>,
    errors: &'a [f64],
    scale: Scale,
    /// Of each word of a window for columns: [`Words::ROWS`], or none where columns are no anchors.
    pub(super) copies: usize,
    /// Numbers in a panel.
    panel: usize,
    /// Whether every block is tried.
    pub(super) always: bool,
    /// Undecided pairs of a block above which it is computed without screening.
    pub(super) most_undecided: usize,
}

/// Panels in words, and what each row adds to its distances.
#[derive(Debug, Clone, Copy)]
struct Side<'a> {
    panels: &'a [u32],
    constants: &'a [u32],
}

/// Whether so many anchors and candidates are screened, which are the same rows if `square`.
fn may_be_screened(
    screening: Screening,
    ([anchors, candidates], square): ([usize; 2], bool),
    width: usize,
) -> bool {
    match screening {
        Screening::Off => false,
        Screening::Auto => {
            let least = if square { LEAST_ROWS_OF_ALL } else { LEAST_OTHERS };
            anchors >= LEAST_ANCHORS && candidates >= least && (LEAST_WIDTH..=MOST_WIDTH).contains(&width)
        }
        Screening::Always => true,
    }
}

/// The words that anchors and so many candidates are screened with, if they are.
fn words_for(
    screening: Screening,
    selected: Selected,
    anchors: &Layout,
    (candidates, square): (usize, bool),
) -> Option<SelectedWords> {
    let large = (0..anchors.panels).filter(|&panel| anchors.is_large(panel)).count();
    // Words are laid out for this height; f64 has another, of which nothing is screened.
    let possible = may_be_screened(screening, ([anchors.rows, candidates], square), anchors.width);
    if !possible || anchors.panel != PANEL || 2 * large > anchors.panels {
        return None;
    }
    let words = SelectedWords::of(selected)?;
    let enough = screening == Screening::Always || candidates >= words.dispatch(Limits).least_rows;
    enough.then_some(words)
}

/// Gives what was measured of an instruction set.
struct Limits;

/// See [`Words`].
struct Measured {
    rows: usize,
    least_rows: usize,
    most_undecided: usize,
}

impl WordKernel for Limits {
    type Output = Measured;
    #[inline(always)]
    fn run<W: Words>(self, _: W) -> Measured {
        const { assert!(W::LEAST_ROWS >= LEAST_ROWS_OF_ALL) };
        Measured { rows: W::ROWS, least_rows: W::LEAST_ROWS, most_undecided: W::MOST_UNDECIDED }
    }
}

impl Screen {
    /// Bytes for a problem, if it is screened.
    pub(crate) fn bytes<T: Element>(
        screening: Screening,
        selected: Selected,
        problem: &Problem<'_, T>,
    ) -> usize {
        let (anchors, candidates, width) =
            (problem.anchors().len(), problem.candidates().len(), problem.anchors().width());
        // Before a layout is made for it.
        if !may_be_screened(screening, ([anchors, candidates], problem.is_square()), width) {
            return 0;
        }
        let mut layout = Layout::default();
        layout.rebuild(problem, selected);
        if words_for(screening, selected, &layout, (candidates, problem.is_square())).is_none() {
            return 0;
        }
        let others = if problem.is_square() { 0 } else { candidates.div_ceil(PANEL) };
        let centres = width.saturating_mul(2 * size_of::<f64>());
        [layout.panels, others]
            .map(|panels| WordRows::bytes(panels, width))
            .into_iter()
            .fold(centres, usize::saturating_add)
    }

    /// Turns packed rows into words, those of the anchors with these thresholds and of other candidates if there are
    /// any; none where that does not help. Of candidates, those panels are kept that have not changed.
    pub(crate) fn prepare<'s, T: Element>(
        &'s mut self,
        screening: Screening,
        workers: &mut Workers<'_, impl Send>,
        (source, thresholds): (PackedRows<'_, T>, &[T::Key]),
        candidates: Option<PackedRows<'_, T>>,
    ) -> Option<Screened<'s>> {
        let (layout, distance) = (source.layout, source.distance);
        let all = candidates.map_or(layout.rows, |candidates| candidates.layout.rows);
        let words = words_for(screening, workers.selected, layout, (all, candidates.is_none()))?;
        let Self { own, errors, others, kept } = self;
        let width = layout.width;
        let enough_for_fine = screening == Screening::Always || all >= LEAST_FINE;
        own.resize(source);
        own.forget();
        let mut fresh = Frame { distance, ..Frame::default() };
        let frame = if let Some(candidates) = candidates {
            if !others.resize(candidates) || kept.centre.len() != width || kept.distance != distance {
                others.forget();
                *kept = fresh;
                quantise::centre(&candidates.packed.panels, width, &mut kept.centre);
            }
            own.measure(workers, source, &kept.centre);
            others.measure(workers, candidates, &kept.centre);
            let fine = enough_for_fine && may_be_fine::<T>(thresholds, others.centred(), distance);
            let most = own.most().and(others.most()).factor(width, fine)?;
            if !(kept.factor..WORTH * kept.factor).contains(&most) {
                // All are made anew, by the centre that they were measured with.
                others.forget();
                kept.factor = ROOM * most;
            }
            others.quantise(workers, candidates, kept);
            &*kept
        } else {
            quantise::centre(&source.packed.panels, width, &mut fresh.centre);
            own.measure(workers, source, &fresh.centre);
            let fine = enough_for_fine && may_be_fine::<T>(thresholds, own.centred(), distance);
            fresh.factor = own.most().factor(width, fine)?;
            &fresh
        };
        own.quantise(workers, source, frame);
        let others = candidates.map(|_| &*others);
        let most = others.map_or(own.most(), |others| own.most().and(others.most()));
        let bound = Bound::new::<T>(most, width, frame.factor, distance)?;
        let own = &*own;
        reserve_exact(errors, own.sums.len());
        errors.resize(own.sums.len(), 0.0);
        let largest = own.errors::<T, _>(workers, bound, errors);
        let scale = bound.scale(largest)?;
        let side = |rows: &'s WordRows| Side { panels: &rows.panels, constants: &rows.constants };
        let (rows, columns) = (side(own), side(others.unwrap_or(own)));
        let always = screening == Screening::Always;
        let most_undecided = if always { BLOCK_WORDS } else { words.dispatch(Limits).most_undecided };
        let panel = WordRows::panel_len(width);
        let copies = if others.is_some() { 0 } else { words.dispatch(Limits).rows };
        Some(Screened { words, rows, columns, errors, scale, copies, panel, always, most_undecided })
    }
}

impl<'a> Screened<'a> {
    /// A panel of anchors.
    #[inline(always)]
    pub(super) fn panel(&self, panel: usize) -> WordPanel<'a> {
        self.of_side(self.rows, panel)
    }

    #[inline(always)]
    fn of_side(&self, side: Side<'a>, panel: usize) -> WordPanel<'a> {
        WordPanel {
            rows: &side.panels[panel * self.panel..][..self.panel],
            constants: &side.constants[panel * PANEL..][..PANEL],
        }
    }

    /// The errors of a panel of anchors.
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
            columns: self.of_side(self.columns, column),
            words,
        });
        self.words.dispatch(Step { compute, search })
    }
}
