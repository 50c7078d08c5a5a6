//! States of mining jobs that were stopped: what is no state of the request is refused; a job goes on from the others to its
//! end, and from its own to the records of a job that was not stopped.

use arbitrary::{Arbitrary, Unstructured};
use triplet_core::{Scalar, nearest::Conditions};
use triplet_dataset::{Control, InMemory, Job, Record, Request, Side};

#[derive(Debug, Arbitrary)]
struct Stopped {
    rows: u16,
    /// Of the values and labels.
    seed: u64,
    keep: u8,
    stop: u8,
    /// Places of the state, and what they are combined with.
    changes: Vec<(u16, u8)>,
    /// Bytes that the state is cut to.
    cut: Option<u16>,
}

const MOST_ROWS: i64 = 600;

pub(crate) fn run(bytes: &[u8]) {
    let Ok(input) = Stopped::arbitrary_take_rest(Unstructured::new(bytes)) else { return };
    let mut rng = fastrand::Rng::with_seed(input.seed);
    let mut labels: Vec<i64> = (0..i64::from(input.rows) % MOST_ROWS).map(|row| row / 3).collect();
    rng.shuffle(&mut labels);
    let values: Vec<f32> = labels.iter().map(|_| rng.u8(..).into()).collect();
    let rows = InMemory::new(&values[..], 1);
    let request = Request {
        keep: 1 + usize::from(input.keep % 3),
        conditions: Conditions::default(),
        // Several groups of slabs.
        memory: (48 << 20) + 60_000,
        threads: 1,
        ..Request::of(Side { rows: &rows, labels: &labels })
    };
    let Ok(mut job) = Job::new(request) else { return };
    let stop = usize::from(input.stop) % job.plan().step_count().max(1);
    let (mut before, mut state, mut steps) = (Vec::new(), Vec::new(), 0);
    let mut sink = |found: &[Record<f32>]| {
        before.extend_from_slice(found);
        Ok(())
    };
    let ended = job.run_watched(&mut Scalar, &mut sink, &mut |job, _| {
        steps += 1;
        if steps <= stop {
            return Ok(Control::GoOn);
        }
        state.clear();
        job.save(&mut state).unwrap();
        Ok(Control::Stop)
    });
    if ended.is_ok() {
        return;
    }
    let mut changed = state.clone();
    for &(place, with) in &input.changes {
        if let Some(place) = usize::from(place).checked_rem(changed.len()) {
            changed[place] ^= with;
        }
    }
    changed.truncate(input.cut.map_or(usize::MAX, usize::from));
    let Ok(mut again) = Job::new(request) else { return };
    let loaded = again.load(&mut &changed[..]);
    let mut after = Vec::new();
    if loaded.is_ok() {
        let done = again.run(&mut Scalar, &mut |found| {
            after.extend_from_slice(found);
            Ok(())
        });
        assert!(done.is_ok(), "{done:?}");
    }
    if changed == state {
        assert!(loaded.is_ok(), "{loaded:?}");
        let mut whole = Vec::new();
        let all = Job::new(request).and_then(|mut job| {
            job.run(&mut Scalar, &mut |found| {
                whole.extend_from_slice(found);
                Ok(())
            })
        });
        assert!(all.is_ok(), "{all:?}");
        before.extend(after);
        assert!(before == whole, "the records of a job that was stopped are others");
    }
}

/// Sets of hundreds of rows.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut rng = fastrand::Rng::with_seed(9);
    (0..16).map(|_| (0..rng.usize(300..1500)).map(|_| rng.u8(..)).collect()).collect()
}
