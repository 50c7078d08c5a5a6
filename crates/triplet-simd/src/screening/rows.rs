//! The rows of one side in words, kept from call to call.

use super::{
    bound::{Bound, Most, RowSums},
    errors::{Constants, Errors},
    quantise::{Measure, Quantise},
    words::PANEL,
};
use crate::{
    cpu::isa::{Element, Selected},
    executor::{Executor, run_tasks},
    gram::{aligned::Aligned, block::PackedRows},
    memory::reserve_exact,
};
use triplet_core::Distance;

/// Who makes words of packed rows.
pub(crate) struct Workers<'a, S> {
    pub(crate) executor: &'a dyn Executor,
    pub(crate) selected: Selected,
    pub(crate) scratches: &'a mut [S],
}

/// How rows become words.
#[derive(Debug, Clone, Default)]
pub(super) struct Frame {
    /// What is subtracted.
    pub(super) centre: Vec<f64>,
    /// What rows are then multiplied by.
    pub(super) factor: f64,
    pub(super) distance: Distance,
}

/// The panels of one side in words.
#[derive(Debug, Default)]
pub(super) struct WordRows {
    pub(super) panels: Aligned<u32>,
    /// What each row adds to its distances.
    pub(super) constants: Aligned<u32>,
    pub(super) sums: Vec<RowSums>,
    /// The largest of each panel.
    mosts: Vec<Most>,
    /// The version of each packed panel that words were made of.
    versions: Vec<u64>,
    width: usize,
}

impl WordRows {
    /// Bytes for so many panels.
    pub(super) fn bytes(panels: usize, width: usize) -> usize {
        let row = width.div_ceil(2) * size_of::<u32>() + size_of::<(u32, f64, RowSums)>();
        // Padding, and the start on a cache line.
        (panels * PANEL + PANEL).saturating_mul(row)
    }

    /// Numbers of a panel of some width.
    pub(super) fn panel_len(width: usize) -> usize {
        width.div_ceil(2) * PANEL
    }

    /// Makes room for the words of packed rows; whether some of its panels are in words already.
    pub(super) fn resize<T: Element>(&mut self, source: PackedRows<'_, T>) -> bool {
        let layout = source.layout;
        let (panels, width) = (layout.panels, layout.width);
        if (self.versions.len(), self.width) != (panels, width) {
            self.forget();
            self.width = width;
            self.panels.resize(panels * Self::panel_len(width));
            self.constants.resize(panels * PANEL);
            // Not by doubling: what is needed is reckoned with.
            reserve_exact(&mut self.sums, panels * PANEL);
            self.sums.resize(panels * PANEL, RowSums::default());
            self.mosts.clear();
            self.mosts.resize(panels, Most::default());
            self.versions.resize(panels, 0);
        }
        self.versions.iter().zip(&source.packed.versions).any(|(made, now)| made == now)
    }

    /// Takes all panels for changed.
    pub(super) fn forget(&mut self) {
        self.versions.fill(0);
    }

    /// Measures the panels that are not in words.
    pub(super) fn measure<T: Element, S: Send>(
        &mut self,
        workers: &mut Workers<'_, S>,
        source: PackedRows<'_, T>,
        centre: &[f64],
    ) {
        let Workers { executor, selected, scratches } = workers;
        let layout = source.layout;
        let packed = source.packed.panels.chunks_exact(layout.packed_panel());
        let versions = self.versions.iter().zip(&source.packed.versions);
        let panels = packed.zip(self.sums.chunks_exact_mut(PANEL).zip(&mut self.mosts)).zip(versions);
        let pieces = panels.enumerate().filter(|(_, (_, (made, now)))| made != now);
        run_tasks(*executor, scratches, pieces, |_, (index, ((panel, (sums, most)), _))| {
            T::dispatch(*selected, Measure { panel, centre, sums });
            *most = Most::of(&sums[..layout.positions(index).len()]);
        });
    }

    /// Makes words of the panels that are not.
    pub(super) fn quantise<T: Element, S: Send>(
        &mut self,
        workers: &mut Workers<'_, S>,
        source: PackedRows<'_, T>,
        frame: &Frame,
    ) {
        let Workers { executor, selected, scratches } = workers;
        let layout = source.layout;
        let Frame { centre, factor, distance } = frame;
        let packed = source.packed.panels.chunks_exact(layout.packed_panel());
        let packed = packed.zip(source.packed.norms.chunks_exact(PANEL));
        let made = self.panels.chunks_exact_mut(Self::panel_len(layout.width));
        let made = made.zip(self.constants.chunks_exact_mut(PANEL)).zip(self.sums.chunks_exact_mut(PANEL));
        let versions = self.versions.iter_mut().zip(&source.packed.versions);
        let panels = packed.zip(made).zip(&mut self.mosts).zip(versions).enumerate();
        let pieces = panels.filter(|(_, (_, (made, now)))| made != now);
        run_tasks(*executor, scratches, pieces, |_, (index, (((packed, made), most), versions))| {
            let ((panel, norms), ((words, own), sums)) = (packed, made);
            T::dispatch(*selected, Quantise { panel, centre, factor: *factor, sums, words });
            let rows = layout.positions(index).len();
            let (constants, padding) = own.split_at_mut(rows);
            padding.fill(0);
            let (rows, factor, distance) = (&sums[..rows], *factor, *distance);
            let excess = T::dispatch(*selected, Constants { rows, norms, factor, distance, constants });
            *most = Most::of(rows).with_excess(excess);
            *versions.0 = *versions.1;
        });
    }

    /// Writes the errors of all rows, a panel each; the largest.
    pub(super) fn errors<T: Element, S: Send>(
        &self,
        workers: &mut Workers<'_, S>,
        bound: Bound,
        errors: &mut [f64],
    ) -> f64 {
        let Workers { executor, selected, scratches } = workers;
        let mut largest = vec![0.0; self.mosts.len()];
        let pieces = self.sums.chunks_exact(PANEL).zip(errors.chunks_exact_mut(PANEL)).zip(&mut largest);
        run_tasks(*executor, scratches, pieces, |_, ((rows, errors), largest)| {
            *largest = T::dispatch(*selected, Errors { bound, rows, errors });
        });
        largest.into_iter().fold(0.0, f64::max)
    }

    /// The mean of the squared distances from the centre, about: of a row a panel.
    pub(super) fn centred(&self) -> f64 {
        let some = self.sums.iter().step_by(PANEL);
        let count = some.len().max(1) as f64;
        some.map(|row| row.centred).sum::<f64>() / count
    }

    /// The largest sums of all rows.
    pub(super) fn most(&self) -> Most {
        Most::of_all(&self.mosts)
    }
}
