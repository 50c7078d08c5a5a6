//! Rows that may have the wrong label: those nearer to many rows of other classes than to any of their own.
//!
//! Of the anchors whose nearest positives are farthest, the nearest rows of other labels are searched, exactly; what is
//! told is how many of them are nearer than the nearest positive.

use super::inputs::OfKind;
use anyhow::Result;
use std::collections::BinaryHeap;
use triplet_api::{BackendOptions, Element};
use triplet_core::Rule;
use triplet_core::nearest::Conditions;
use triplet_dataset::{InMemory, Job, Record, Request, Side};

/// Anchors that are looked at.
const ANCHORS: usize = 960;
/// Rows of other labels that are looked for.
const OTHERS: usize = 64;
/// As many of them nearer than the nearest positive make an anchor suspect.
const MANY: u32 = 8;

/// An anchor and its nearest positive.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Lonely {
    near: f64,
    anchor: u32,
    positive: u32,
}

impl Eq for Lonely {}

impl PartialOrd for Lonely {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Lonely {
    /// The nearest first out of a heap.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.near.total_cmp(&self.near).then(self.anchor.cmp(&other.anchor))
    }
}

/// Collects the anchors to look at, from records in order of anchor.
#[derive(Debug, Default)]
pub(super) struct Lonelies {
    heap: BinaryHeap<Lonely>,
    last: Option<Lonely>,
}

impl Lonelies {
    pub(super) fn add(&mut self, record: &Record<f64>) {
        let now = Lonely { near: record.near, anchor: record.anchor, positive: record.positive };
        match &mut self.last {
            Some(last) if last.anchor == now.anchor => {
                if now.near < last.near {
                    *last = now;
                }
            }
            last => {
                let done = last.replace(now);
                self.push(done);
            }
        }
    }

    fn push(&mut self, lonely: Option<Lonely>) {
        self.heap.extend(lonely);
        if self.heap.len() > ANCHORS {
            self.heap.pop();
        }
    }
}

/// An anchor that may have the wrong label.
#[derive(Debug, Clone, Copy)]
pub(super) struct Suspect {
    pub(super) anchor: u32,
    pub(super) positive: u32,
    pub(super) near: f64,
    /// The nearest row of another label, and its distance.
    pub(super) other: u32,
    pub(super) far: f64,
    /// How many rows of other labels are nearer than the positive, of the nearest 64.
    pub(super) nearer: u32,
}

/// Looks at the anchors that were collected; the most suspect first.
pub(super) fn search<T: OfKind + Element>(
    request: &Request<'_, T>,
    options: BackendOptions,
    mut lonelies: Lonelies,
) -> Result<Vec<Suspect>> {
    let last = lonelies.last.take();
    lonelies.push(last);
    let mut lonely = lonelies.heap.into_vec();
    lonely.sort_unstable_by_key(|lonely| lonely.anchor);
    let width = request.anchors.rows.width();
    let mut rows = vec![T::ZERO; lonely.len() * width];
    for (lonely, row) in lonely.iter().zip(rows.chunks_exact_mut(width)) {
        request.anchors.rows.read(lonely.anchor as usize, row)?;
    }
    let labels: Vec<i64> =
        lonely.iter().map(|lonely| request.anchors.labels[lonely.anchor as usize]).collect();
    let rows = InMemory::new(&rows[..], width);
    let own = Request {
        anchors: Side { rows: &rows, labels: &labels },
        candidates: Some(request.candidates()),
        conditions: Conditions { rule: Rule::Hard, ..Conditions::default() },
        keep: OTHERS,
        part: (1, 1),
        ..*request
    };
    let mut found: Vec<Option<Suspect>> = vec![None; lonely.len()];
    Job::new(own)?.run(&mut *options.engine::<T>()?, &mut |records| {
        for record in records {
            let Lonely { near, anchor, positive } = lonely[record.anchor as usize];
            let far = record.far.to_f64();
            if far < near {
                let suspect = found[record.anchor as usize].get_or_insert(Suspect {
                    anchor,
                    positive,
                    near,
                    other: record.negative,
                    far,
                    nearer: 0,
                });
                suspect.nearer += 1;
            }
        }
        Ok(())
    })?;
    let mut suspects: Vec<Suspect> =
        found.into_iter().flatten().filter(|found| found.nearer >= MANY).collect();
    suspects.sort_by(|a, b| b.nearer.cmp(&a.nearer).then((b.near - b.far).total_cmp(&(a.near - a.far))));
    Ok(suspects)
}
