//! Anchors with given thresholds against a portion of the candidates: the rectangle of [`crate::against`], resumed from what
//! earlier portions left. Or such anchors with each other.

mod mutual;

use crate::{
    against::{self, Compared},
    cpu::{
        float_mode::with_default_mode,
        isa::{Element, Selected},
    },
    executor::{Executor, run_tasks},
    gram::{block::PackedRows, layout::Layout},
    mining::{MiningBuffers, begin, begin_screening, count_screened},
    scratch::Scratch,
    screening::Workers,
};
use triplet_core::{
    Classes, Matches, NO_ROW, Real,
    nearest::{Excluded, Mutual, Nearest, NearestTask, Portion},
    real::Key,
};

/// What a search keeps from portion to portion.
#[derive(Debug, Default)]
pub(crate) struct NearestBuffers {
    /// Of the portion.
    classes: Classes,
    matches: Matches,
}

impl NearestBuffers {
    /// Finds which candidates of a portion are none of an anchor's negatives.
    pub(crate) fn rebuild<T: Real>(&mut self, task: &NearestTask<'_, T>, portion: &Portion<'_, T>) {
        let (anchors, candidates) = (task.anchors(), portion.points);
        let identity = triplet_core::Identity::Disjoint;
        self.classes.rebuild(candidates.labels());
        match task.excluded() {
            Excluded::Label => {
                self.matches.rebuild(anchors.labels(), candidates.labels(), &self.classes, identity);
            }
            listed @ Excluded::Rows { .. } => {
                let rows = portion.first_row..portion.first_row + candidates.len() as u32;
                self.matches.rebuild_excluding(anchors.len(), rows, |anchor| listed.of(anchor));
            }
        }
    }
}

/// Who searches what: packed anchors and candidates, whose row numbers are those of the whole set.
#[derive(Clone, Copy)]
pub(crate) struct NearestContext<'a, T: Element> {
    pub(crate) executor: &'a dyn Executor,
    pub(crate) selected: Selected,
    pub(crate) task: &'a NearestTask<'a, T>,
    pub(crate) anchors: PackedRows<'a, T>,
    pub(crate) candidates: PackedRows<'a, T>,
    /// Where the candidates are the anchors: which pairs of them.
    pub(crate) mutual: Option<Mutual>,
}

/// Improves what was found.
pub(crate) fn run<T: Element>(
    context: NearestContext<'_, T>,
    scratches: &mut [Scratch<T>],
    buffers: &mut MiningBuffers<T>,
    nearest: &NearestBuffers,
    found: &mut Nearest<T>,
) {
    let NearestContext { executor, selected, task, anchors, candidates, mutual } = context;
    begin(anchors.layout, scratches, buffers);
    resume(context, scratches, buffers, found);
    let screening = buffers.screening();
    let MiningBuffers { thresholds, bests, screen, screened, .. } = buffers;
    let mut workers = Workers { executor, selected, scratches: &mut *scratches };
    let words = with_default_mode(|| {
        let others = mutual.is_none().then_some(candidates);
        screen.prepare(screening, &mut workers, (anchors, &thresholds[..]), others)
    });
    let counted = words.is_some().then_some(screened);
    begin_screening(scratches, counted.is_some());
    let NearestBuffers { classes, matches } = nearest;
    let far = task.farthest();
    let compared = Compared { executor, selected, matches, classes, far, anchors, candidates };
    match mutual {
        Some(mutual) => {
            // A multiple of every panel's height.
            let split = mutual.split().map(|split| split / anchors.layout.panel);
            mutual::run(compared, split, words, scratches, thresholds, bests);
        }
        None => against::search(compared, words, scratches, thresholds, bests),
    }
    count_screened(scratches, counted);
    leave(context, scratches, buffers, found);
}

/// Where the thresholds of a panel's anchors are: of each the slot, the row of the panel, and the number in the task.
fn places<'a, T: Element>(
    task: &'a NearestTask<'_, T>,
    layout: &'a Layout,
    panel: usize,
) -> impl Iterator<Item = (usize, usize)> + 'a {
    let anchors = layout.positions(panel).enumerate();
    anchors.flat_map(move |(r, anchor)| {
        let thresholds = task.starts()[anchor]..task.starts()[anchor + 1];
        thresholds.enumerate().map(move |(slot, threshold)| (slot * layout.panel + r, threshold))
    })
}

/// Lays the thresholds out panel by panel, and starts from what was found.
fn resume<T: Element>(
    context: NearestContext<'_, T>,
    scratches: &mut [Scratch<T>],
    buffers: &mut MiningBuffers<T>,
    found: &Nearest<T>,
) {
    let NearestContext { executor, task, anchors, .. } = context;
    let layout = anchors.layout;
    let MiningBuffers { thresholds, bests, .. } = buffers;
    thresholds.resize(layout.threshold_len());
    bests.resize(layout);
    bests.keep(layout, task.keep());
    let bests = &*bests;
    let mut rest = &mut thresholds[..];
    let panels = (0..layout.panels).map(move |panel| {
        let thresholds = rest.split_off_mut(..layout.threshold_range(panel).len());
        (panel, thresholds.unwrap_or_default())
    });
    run_tasks(executor, scratches, panels, |_, (panel, thresholds)| {
        thresholds.fill(Key::UNREACHABLE);
        let limit = task.limit();
        for (place, threshold) in places(task, layout, panel) {
            let key = task.thresholds()[threshold];
            if key <= limit {
                thresholds[place] = key;
            }
        }
        let mut best = bests.panel(panel);
        best.reset(thresholds);
        let mut any = false;
        for (place, threshold) in places(task, layout, panel) {
            if thresholds[place] != Key::UNREACHABLE {
                let found = found.of(threshold).map(|(row, value)| (value.key(), row));
                best.resume(place, (thresholds[place], limit), found);
                any |= best.is_found(place);
            }
        }
        for (r, anchor) in layout.positions(panel).enumerate() {
            if let Some((row, value)) = found.farthest(anchor) {
                best.resume_farthest(r, (value.key(), row));
            }
        }
        // With bounds of earlier portions, blocks are worth screening from the first on.
        if any {
            best.seen = u32::MAX / 2;
        }
    });
}

/// Writes what is known now.
fn leave<T: Element>(
    context: NearestContext<'_, T>,
    scratches: &mut [Scratch<T>],
    buffers: &MiningBuffers<T>,
    found: &mut Nearest<T>,
) {
    let NearestContext { executor, task, anchors, .. } = context;
    let layout = anchors.layout;
    let MiningBuffers { thresholds, bests, .. } = buffers;
    let keep = found.keep();
    let mut parts = found.parts();
    let panels = (0..layout.panels).map(move |panel| {
        let anchors = layout.positions(panel);
        let len = task.starts()[anchors.end] - task.starts()[anchors.start];
        (panel, parts.next(len * keep, if task.farthest() { anchors.len() } else { 0 }))
    });
    run_tasks(executor, scratches, panels, |_, (panel, out)| {
        let thresholds = &thresholds[layout.threshold_range(panel)];
        let mut best = bests.panel(panel);
        let first = task.starts()[layout.positions(panel).start];
        for (place, threshold) in places(task, layout, panel) {
            let start = (threshold - first) * keep;
            let places = out.rows[start..start + keep].iter_mut().zip(&mut out.values[start..start + keep]);
            if thresholds[place] == Key::UNREACHABLE {
                continue;
            }
            for (found, (row, value)) in best.all_nearest(place, thresholds[place]).zip(places) {
                (*row, *value) = (found.1, T::from_key(found.0));
            }
        }
        for (r, (row, value)) in out.farthest_rows.iter_mut().zip(out.farthest_values).enumerate() {
            (*row, *value) = best.farthest(r).map_or((NO_ROW, T::ZERO), |(key, row)| (row, T::from_key(key)));
        }
    });
}
