//! What another rank sends, changed on its way: an error or an answer, and neither a panic nor a rank that waits.

use arbitrary::{Arbitrary, Unstructured};
use std::thread;
use triplet_api::{
    Loss, LossSpec, Result, TripletHardLoss, TripletSemiHardLoss, Workspace,
    ranks::{Exchange, ExchangeError, Local, Ranks, Shard, Stage},
};
use triplet_core::Distance;

#[derive(Debug, Arbitrary)]
struct Call {
    rows: u8,
    /// Of the values, labels and weights.
    seed: u64,
    cut: u8,
    distance: u8,
    hard: bool,
    soft: bool,
    weights: bool,
    changes: Vec<Change>,
}

/// A byte of an exchange, and what it is combined with.
#[derive(Debug, Clone, Copy, Arbitrary)]
struct Change {
    exchange: u8,
    place: u16,
    with: u8,
}

const MOST_ROWS: u8 = 48;

/// Two ranks, of which the first gets changed bytes.
pub(crate) fn run(bytes: &[u8]) {
    let Ok(call) = Call::arbitrary_take_rest(Unstructured::new(bytes)) else { return };
    let mut rng = fastrand::Rng::with_seed(call.seed);
    let labels: Vec<i64> = (0..call.rows % MOST_ROWS).map(|_| rng.i64(0..5)).collect();
    let rows: Vec<f32> = (0..2 * labels.len()).map(|_| f32::from(rng.u8(..)) / 16.0).collect();
    let weights: Vec<f64> = labels.iter().map(|_| f64::from(rng.u8(..4))).collect();
    let cut = usize::from(call.cut) % (labels.len() + 1);
    let distance = Distance::ALL[usize::from(call.distance) % 3];
    let spec = if call.hard {
        TripletHardLoss { distance, soft: call.soft, ..Default::default() }.spec()
    } else {
        TripletSemiHardLoss { distance, ..Default::default() }.spec()
    };
    let shard = |own: core::ops::Range<usize>| Shard {
        weights: call.weights.then_some(&weights[own.clone()]),
        ..Shard::new(&rows[2 * own.start..2 * own.end], 2, &labels[own])
    };
    let mut group = Local::group(2).into_iter();
    let (Some(first), Some(second)) = (group.next(), group.next()) else { return };
    let (own, others) = (shard(0..cut), shard(cut..labels.len()));
    let found = thread::scope(|scope| {
        let second = scope.spawn(move || answer(spec, others, second));
        let changed = Changed { inner: first, changes: &call.changes, exchange: 0 };
        // Dropped by the call, so that the other does not wait for one that has an error.
        let first = answer(spec, own, changed);
        [first, second.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))]
    });
    if call.changes.iter().all(|change| change.with == 0) {
        let Some(alone) = Local::group(1).pop() else { return };
        match (answer(spec, shard(0..labels.len()), alone), found) {
            (Ok((loss, gradient)), [Ok(first), Ok(second)]) => {
                assert_eq!((first.0, second.0), (loss, loss));
                // Each has its own rows, and zeros elsewhere.
                assert_eq!([&first.1[..2 * cut], &second.1[2 * cut..]].concat(), gradient);
            }
            (Err(_), [Err(_), Err(_)]) => {}
            other => panic!("one process and two ranks: {other:?}"),
        }
    }
}

/// The bits of the loss and of the gradient.
fn answer(spec: LossSpec, shard: Shard<'_, f32>, mut exchange: impl Exchange) -> Result<(u32, Vec<u32>)> {
    let (mut ranks, mut workspace) = (Ranks::default(), Workspace::default());
    let gathered = ranks.gather(&spec, shard, &mut exchange)?;
    let evaluation = gathered.evaluate(&spec, &mut exchange, &mut workspace)?;
    let gradient = evaluation.gradient().iter().map(|value| value.to_bits()).collect();
    Ok((evaluation.loss().to_bits(), gradient))
}

struct Changed<'a> {
    inner: Local,
    changes: &'a [Change],
    exchange: u8,
}

impl Changed<'_> {
    /// Changes bytes of the other rank.
    fn change(&mut self, bytes: &mut [u8]) {
        for change in self.changes.iter().filter(|change| change.exchange % 5 == self.exchange) {
            if let Some(byte) = usize::from(change.place).checked_rem(bytes.len()) {
                bytes[byte] ^= change.with;
            }
        }
        self.exchange += 1;
    }
}

impl Exchange for Changed<'_> {
    fn rank(&self) -> usize {
        self.inner.rank()
    }

    fn ranks(&self) -> usize {
        self.inner.ranks()
    }

    fn all_gather(
        &mut self,
        stage: Stage,
        own: &[u8],
        lengths: &[usize],
        all: &mut [u8],
    ) -> core::result::Result<(), ExchangeError> {
        self.inner.all_gather(stage, own, lengths, all)?;
        self.change(&mut all[lengths[0]..]);
        Ok(())
    }

    fn all_to_all(
        &mut self,
        stage: Stage,
        parts: (&[u8], &[usize]),
        received: (&mut [u8], &[usize]),
    ) -> core::result::Result<(), ExchangeError> {
        let (bytes, lengths) = received;
        self.inner.all_to_all(stage, parts, (&mut *bytes, lengths))?;
        self.change(&mut bytes[lengths[0]..]);
        Ok(())
    }
}

/// Two classes on two ranks, unchanged and changed in each exchange.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut rng = fastrand::Rng::with_seed(7);
    (0..24).map(|_| (0..rng.usize(60..400)).map(|_| rng.u8(..)).collect()).collect()
}
