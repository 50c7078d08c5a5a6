//! The distances of the positives of some anchors, which set their thresholds.
//!
//! The rows of a class may be anywhere in the file. Those that some anchors need are read in order of row, neighbours
//! together, each once.

use super::{
    class_index::ClassIndex,
    request::{Request, read},
};
use crate::{Error, Result};
use core::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use triplet_core::{Batch, Comparison, Identity, Points, Real, points::PointsBuffers, rule::farther};

/// Anchors whose positives are read together.
const ANCHORS: usize = 2048;
/// Rows between two that are wanted, up to which they are read too.
const GAP: usize = 4;

/// The positives of some anchors: of each all, ascending, or the farthest.
pub(super) struct Positives<T> {
    /// Where those of each anchor start, and the end.
    pub(super) starts: Vec<usize>,
    /// The ranking value of each.
    pub(super) values: Vec<T>,
    /// The row of each, where an anchor has one of several.
    chosen: Vec<u32>,
}

impl<T: Real> Positives<T> {
    /// Finds those of some anchors, by all threads of the request.
    pub(super) fn find(
        request: &Request<'_, T>,
        classes: &ClassIndex,
        anchors: Range<usize>,
    ) -> Result<Self> {
        let pieces: Vec<Range<usize>> =
            anchors.clone().step_by(ANCHORS).map(|first| first..anchors.end.min(first + ANCHORS)).collect();
        let next = AtomicUsize::new(0);
        let threads = request.threads.clamp(1, pieces.len().max(1));
        let worker = || -> Result<Vec<(usize, Self)>> {
            let mut found = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(rows) = pieces.get(index) else { return Ok(found) };
                found.push((index, Self::of_piece(request, classes, rows.clone())?));
            }
        };
        let mut found = std::thread::scope(|scope| -> Result<Vec<(usize, Self)>> {
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
            let mut all = Vec::new();
            for thread in threads {
                all.extend(thread.join().unwrap_or(Err(Error::Stopped))?);
            }
            Ok(all)
        })?;
        found.sort_unstable_by_key(|&(index, _)| index);
        let mut whole = Self { starts: vec![0], values: Vec::new(), chosen: Vec::new() };
        for (_, piece) in found {
            let first = whole.values.len();
            whole.starts.extend(piece.starts[1..].iter().map(|start| first + start));
            whole.values.extend(piece.values);
            whole.chosen.extend(piece.chosen);
        }
        Ok(whole)
    }

    fn of_piece(request: &Request<'_, T>, classes: &ClassIndex, anchors: Range<usize>) -> Result<Self> {
        let mut wanted: Vec<u32> =
            anchors.clone().flat_map(|anchor| classes.members(request, anchor)).copied().collect();
        wanted.sort_unstable();
        wanted.dedup();
        let (mut own_rows, mut rows) = (Vec::new(), Vec::new());
        gather(request.candidates().rows, &wanted, &mut rows)?;
        let numbers: Vec<u32> = anchors.clone().map(|row| row as u32).collect();
        gather(request.anchors.rows, &numbers, &mut own_rows)?;
        let width = request.anchors.rows.width();
        let (left_labels, right_labels) = (vec![0; numbers.len()], vec![0; wanted.len()]);
        let left = Batch::new(&own_rows, width, &left_labels)
            .map_err(|error| Error::of_whole_set(error, |row| anchors.start + row))?;
        let right = Batch::new(&rows, width, &right_labels)
            .map_err(|error| Error::of_whole_set(error, |row| wanted[row] as usize))?;
        let (mut a, mut b) = (PointsBuffers::default(), PointsBuffers::default());
        let distance = request.distance;
        let comparison = Comparison::between(
            Points::new(&left, distance, &mut a),
            Points::new(&right, distance, &mut b),
            Identity::Disjoint,
            distance,
        );
        let one = request.conditions.rule.one_per_anchor();
        let mut found = Self { starts: vec![0], values: Vec::new(), chosen: Vec::new() };
        for (index, anchor) in anchors.enumerate() {
            let mut best: Option<(T, u32)> = None;
            for row in classes.positives(request, anchor) {
                let place = wanted.binary_search(&row).unwrap_or(0);
                let value = comparison.ranking_value(index as u32, place as u32);
                if !one {
                    found.values.push(value);
                } else if best.is_none_or(|(most, of)| farther((value.key(), row), (most.key(), of))) {
                    best = Some((value, row));
                }
            }
            if let Some((value, row)) = best {
                found.values.push(value);
                found.chosen.push(row);
            }
            found.starts.push(found.values.len());
        }
        Ok(found)
    }

    /// The row that an anchor has of several, given its slot.
    pub(super) fn chosen(&self, slot: usize) -> Option<u32> {
        self.chosen.get(slot).copied()
    }
}

/// Reads some rows, ascending, one after the other.
fn gather<T: Real>(source: &dyn crate::Rows<T>, wanted: &[u32], out: &mut Vec<T>) -> Result<()> {
    let width = source.width();
    out.clear();
    out.reserve(wanted.len() * width);
    let mut run = Vec::new();
    for rows in wanted.chunk_by(|a, b| (b - a) as usize <= GAP) {
        let (first, end) = (rows[0] as usize, rows[rows.len() - 1] as usize + 1);
        run.resize((end - first) * width, T::ZERO);
        read(source, first..end, &mut run)?;
        for &row in rows {
            out.extend_from_slice(&run[(row as usize - first) * width..][..width]);
        }
    }
    Ok(())
}
