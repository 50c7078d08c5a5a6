//! Anchors with thresholds against a batch that comes in portions.

use crate::Sample;
use fastrand::Rng;
use triplet_core::{
    Batch, Comparison, Distance, Engine, Identity, NO_ROW, Points, Real, Result, Rule,
    nearest::{Excluded, Mutual, Nearest, NearestTask, Portion},
    points::PointsBuffers,
    real::Key,
};

/// What is asked of the nearest negatives of a batch, by number.
#[derive(Debug, Clone)]
pub struct NearestCase {
    /// What it is, for messages and counts.
    pub kind: String,
    distance: Distance,
    keep: usize,
    /// Whether candidates end at the largest threshold.
    limited: bool,
    farthest: bool,
    /// Rows left out instead of those of the anchor's label.
    listed: bool,
    /// Where the candidates are cut.
    cuts: Vec<usize>,
    /// Every so many rows is an anchor.
    step: usize,
    /// Rows of the slabs that are compared with each other, where all rows are anchors and candidates.
    slab: Option<usize>,
}

/// What was found: candidates and keys of every place, and the farthest of the anchors that need it.
pub type NearestAnswer<K> = (Vec<(u32, K)>, Vec<(u32, K)>);

impl NearestCase {
    /// The one that goes with a number.
    #[must_use]
    pub fn numbered(sample: &Sample, number: u64) -> Self {
        let mut rng = Rng::with_seed(number ^ 0x6e65_6172);
        let rows = sample.labels.len();
        let keep = [1, 1, 2, 7, 60][rng.usize(..5)];
        let mut cuts: Vec<usize> = (0..rng.usize(0..4)).map(|_| rng.usize(0..=rows)).collect();
        cuts.extend([0, rows]);
        cuts.sort_unstable();
        let (limited, listed) = (rng.usize(0..4) == 0, rng.usize(0..4) == 0);
        let slab = (!listed && rng.bool()).then(|| 48 * rng.usize(1..4));
        let distance = Distance::ALL[rng.usize(..Distance::ALL.len())];
        let kind = format!(
            "{keep} kept{}{}",
            if limited { ", up to a limit" } else { "" },
            match slab {
                Some(_) => ", slab by slab",
                None if listed => ", rows listed",
                None => "",
            }
        );
        Self {
            kind,
            distance,
            keep,
            limited,
            farthest: keep == 1 && !limited && rng.bool(),
            listed,
            cuts,
            step: if slab.is_some() { 1 } else { rng.usize(1..4) },
            slab,
        }
    }

    /// The answer of one engine, in an element type.
    ///
    /// # Errors
    /// Whatever the engine refuses.
    pub fn answer<T: Real>(
        &self,
        sample: &Sample,
        engine: &mut dyn Engine<T>,
    ) -> Result<NearestAnswer<T::Key>> {
        let width = sample.width;
        let all = sample.rows::<T>();
        let chosen: Vec<usize> = (0..sample.labels.len()).step_by(self.step).collect();
        let rows: Vec<T> =
            chosen.iter().flat_map(|&row| &all[row * width..(row + 1) * width]).copied().collect();
        let labels: Vec<i64> = chosen.iter().map(|&row| sample.labels[row]).collect();
        let whole = Batch::new(&all, width, &sample.labels)?;
        let anchors = Batch::new(&rows, width, &labels)?;
        let [mut left, mut right] = [PointsBuffers::default(), PointsBuffers::default()];
        let points = Points::new(&anchors, self.distance, &mut left);
        let others = Points::new(&whole, self.distance, &mut right);
        let comparison = Comparison::between(points, others, Identity::Disjoint, self.distance);
        // The thresholds of semi-hard negatives, of some positives of each anchor.
        let (mut starts, mut thresholds) = (vec![0], Vec::new());
        let (mut excluded_starts, mut excluded) = (vec![0], Vec::new());
        for (anchor, &row) in chosen.iter().enumerate() {
            let positives = (0..sample.labels.len()).filter(|&other| {
                other != row && sample.labels[other] == sample.labels[row] && (other + row) % 3 != 0
            });
            thresholds.extend(positives.take(9).map(|positive| {
                let value = comparison.ranking_value(anchor as u32, positive as u32);
                if positive % 7 == 0 {
                    Key::ZERO
                } else {
                    Rule::SemiHard.threshold(value, self.distance, T::ZERO)
                }
            }));
            starts.push(thresholds.len());
            excluded.extend(
                (0..sample.labels.len() as u32).filter(|other| (other + row as u32).is_multiple_of(5)),
            );
            excluded_starts.push(excluded.len());
        }
        let limit = thresholds.iter().copied().max().unwrap_or(T::Key::ZERO);
        let mut task = NearestTask::new(points, self.distance, &starts, &thresholds)?
            .keeping(self.keep)
            .with_farthest(self.farthest);
        if self.limited {
            task = task.within(limit);
        }
        if self.listed {
            task = task.excluding(Excluded::Rows { starts: &excluded_starts, rows: &excluded });
        }
        let mut found = Nearest::default();
        found.reset(&task);
        if let Some(slab) = self.slab {
            self.mutually(sample, &all, slab, &task, engine, &mut found)?;
        }
        for cut in self.cuts.windows(2).filter(|_| self.slab.is_none()) {
            let labels = &sample.labels[cut[0]..cut[1]];
            let batch = Batch::new(&all[cut[0] * width..cut[1] * width], width, labels)?;
            let mut buffers = PointsBuffers::default();
            let points = Points::new(&batch, self.distance, &mut buffers);
            engine.search_nearest(&task, &Portion { points, first_row: cut[0] as u32 }, &mut found)?;
        }
        let nearest = found.rows.iter().zip(&found.values).map(|(&row, value)| (row, value.key())).collect();
        let mut farthest = Vec::new();
        if self.farthest {
            for anchor in 0..chosen.len() {
                let unreached = (starts[anchor]..starts[anchor + 1])
                    .any(|threshold| found.of(threshold).next().is_none());
                let (row, value) = found.farthest(anchor).unwrap_or((NO_ROW, T::ZERO));
                farthest.push(if unreached { (row, value.key()) } else { (NO_ROW, T::Key::ZERO) });
            }
        }
        Ok((nearest, farthest))
    }

    /// Searches slabs of rows among themselves and with each other.
    fn mutually<T: Real>(
        &self,
        sample: &Sample,
        rows: &[T],
        slab: usize,
        whole: &NearestTask<'_, T>,
        engine: &mut dyn Engine<T>,
        found: &mut Nearest<T>,
    ) -> Result<()> {
        let (width, count) = (sample.width, sample.labels.len());
        let slabs: Vec<_> = (0..count).step_by(slab).map(|first| first..count.min(first + slab)).collect();
        for (index, first) in slabs.iter().enumerate() {
            for second in &slabs[index..] {
                let (parts, mutual) = if first == second {
                    (vec![first.clone()], Mutual::within(first.start as u32))
                } else {
                    let starts = [first.start as u32, second.start as u32];
                    (vec![first.clone(), second.clone()], Mutual::between(starts, first.len()))
                };
                let chosen: Vec<usize> = parts.into_iter().flatten().collect();
                let own: Vec<T> =
                    chosen.iter().flat_map(|&row| &rows[row * width..(row + 1) * width]).copied().collect();
                let labels: Vec<i64> = chosen.iter().map(|&row| sample.labels[row]).collect();
                let batch = Batch::new(&own, width, &labels)?;
                let mut buffers = PointsBuffers::default();
                let points = Points::new(&batch, self.distance, &mut buffers);
                let of = |row: usize| whole.starts()[row]..whole.starts()[row + 1];
                let places: Vec<usize> = chosen.iter().flat_map(|&row| of(row)).collect();
                let thresholds: Vec<T::Key> = places.iter().map(|&place| whole.thresholds()[place]).collect();
                let mut starts = vec![0];
                chosen.iter().for_each(|&row| starts.push(starts[starts.len() - 1] + of(row).len()));
                let task = NearestTask::new(points, self.distance, &starts, &thresholds)?
                    .keeping(self.keep)
                    .within(whole.limit())
                    .with_farthest(self.farthest);
                let mut part = Nearest::default();
                part.reset(&task);
                for (place, &of_whole) in places.iter().enumerate() {
                    part.set(place, found.of(of_whole).collect::<Vec<_>>().into_iter());
                }
                let farthest = if self.farthest { &chosen[..] } else { &[] };
                for (place, &row) in farthest.iter().enumerate() {
                    part.farthest_rows[place] = found.farthest_rows[row];
                    part.farthest_values[place] = found.farthest_values[row];
                }
                engine.search_nearest_mutual(&task, mutual, &mut part)?;
                for (place, &of_whole) in places.iter().enumerate() {
                    found.set(of_whole, part.of(place).collect::<Vec<_>>().into_iter());
                }
                for (place, &row) in farthest.iter().enumerate() {
                    found.farthest_rows[row] = part.farthest_rows[place];
                    found.farthest_values[row] = part.farthest_values[place];
                }
            }
        }
        Ok(())
    }
}
