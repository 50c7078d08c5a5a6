//! Many workers on one core: one at a time, in the order that they would have side by side.
//!
//! A worker runs until its next [`Executor::turn`]; then the worker whose clock is behind all others goes on. So
//! each takes the pieces that it would take if all ran side by side, and finds what others would have
//! left for it by then.

use super::{recording::Recording, schedule::Clocks};
use std::{
    mem::take,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Instant,
};
use triplet_simd::Executor;

/// The executor, and its record.
#[derive(Clone)]
pub(crate) struct Emulator(Arc<Shared>);

struct Shared {
    workers: usize,
    state: Mutex<State>,
    /// One for each worker that waits.
    called: Vec<Condvar>,
}

struct State {
    clocks: Clocks,
    /// The worker that runs.
    current: usize,
    /// When it took its piece.
    since: Option<Instant>,
    /// The pieces of the job, in the order in which they were taken.
    pieces: Vec<u64>,
    /// When the caller's own work began: at the start of the call, or after the last job.
    serial_since: Instant,
    recording: Recording,
}

impl Emulator {
    /// With so many workers.
    pub(crate) fn new(workers: usize) -> Self {
        let state = State {
            clocks: Clocks::new(workers),
            current: 0,
            since: None,
            pieces: Vec::new(),
            serial_since: Instant::now(),
            recording: Recording::default(),
        };
        let called = (0..workers).map(|_| Condvar::new()).collect();
        Self(Arc::new(Shared { workers, state: Mutex::new(state), called }))
    }

    /// Records a call.
    pub(crate) fn record<E>(&self, call: impl FnOnce() -> Result<(), E>) -> Result<Recording, E> {
        self.lock().serial_since = Instant::now();
        let result = call();
        let mut state = self.lock();
        state.end_serial();
        let recording = take(&mut state.recording);
        result.map(|()| recording)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it is the worker's turn.
    fn wait(&self, mut state: MutexGuard<'_, State>, worker: usize) {
        while state.current != worker {
            state = self.0.called[worker].wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.since = Some(Instant::now());
    }

    /// Lets the worker go on whose clock is behind.
    fn call_next(&self, state: &mut State) {
        if let Some(next) = state.clocks.next() {
            state.current = next;
            self.0.called[next].notify_one();
        }
    }

    /// The worker has nothing left.
    fn leave(&self, worker: usize) {
        let mut state = self.lock();
        state.end_piece(worker);
        state.clocks.end(worker);
        self.call_next(&mut state);
    }
}

impl State {
    fn end_piece(&mut self, worker: usize) {
        if let Some(since) = self.since.take() {
            let time = since.elapsed().as_nanos() as u64;
            self.clocks.advance(worker, time);
            self.pieces.push(time);
        }
    }

    fn end_serial(&mut self) {
        self.recording.serial.push(self.serial_since.elapsed().as_nanos() as u64);
    }
}

impl Executor for Emulator {
    fn threads(&self) -> usize {
        self.0.workers
    }

    fn run(&self, job: &(dyn Fn(usize) + Sync)) {
        let mut state = self.lock();
        state.end_serial();
        (state.clocks, state.current) = (Clocks::new(self.0.workers), 0);
        drop(state);
        thread::scope(|scope| {
            for worker in 1..self.0.workers {
                scope.spawn(move || {
                    let mut state = self.lock();
                    while state.current != worker {
                        state = self.0.called[worker].wait(state).unwrap_or_else(PoisonError::into_inner);
                    }
                    drop(state);
                    job(worker);
                    self.leave(worker);
                });
            }
            job(0);
            self.leave(0);
        });
        let mut state = self.lock();
        let pieces = take(&mut state.pieces);
        state.recording.jobs.push(pieces);
        state.serial_since = Instant::now();
    }

    fn turn(&self, worker: usize) {
        let mut state = self.lock();
        if state.since.is_some() {
            state.end_piece(worker);
            self.call_next(&mut state);
        }
        self.wait(state, worker);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    /// Each worker takes pieces until there are no more; which worker took each.
    fn taken(emulator: &Emulator, pieces: usize) -> Vec<usize> {
        let (next, taken) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        emulator.run(&|worker| {
            loop {
                emulator.turn(worker);
                if next.fetch_add(1, Relaxed) >= pieces {
                    return;
                }
                taken.lock().unwrap().push(worker);
                // The first piece is as long as many others.
                let (start, long) = (Instant::now(), taken.lock().unwrap().len() == 1);
                while start.elapsed().as_micros() < if long { 200_000 } else { 100 } {}
            }
        });
        taken.into_inner().unwrap()
    }

    #[test]
    fn workers_take_the_pieces_they_would_take_side_by_side() {
        let emulator = Emulator::new(3);
        let mut workers = Vec::new();
        let recording = emulator
            .record(|| {
                workers = taken(&emulator, 9);
                Ok::<(), ()>(())
            })
            .unwrap();
        // While worker 0 is at its first piece, the others take all that is left.
        assert_eq!(workers[..3], [0, 1, 2]);
        assert!(workers[1..].iter().all(|&worker| worker > 0), "{workers:?}");
        // Nine pieces, and the attempt of each worker to take one more; before and after them the caller.
        assert_eq!((recording.jobs.len(), recording.jobs[0].len(), recording.serial.len()), (1, 12, 2));
        assert!(recording.jobs[0][0] >= 200_000_000 && recording.jobs[0][9] < 200_000_000);
    }
}
