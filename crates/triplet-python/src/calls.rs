//! Calls that run without the interpreter, and the end of the interpreter.
//!
//! A thread that computed without the interpreter asks for it back. If the interpreter is
//! ending by then, Python ends the thread in the middle of frames of Rust, which aborts the
//! process (up to 3.13), or never answers. Daemon threads come to that. So the calls of other
//! threads are waited for just before the interpreter ends, and calls that begin after that
//! keep it until they are done.

use pyo3::prelude::*;
use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How long a wait may last before signals are looked at.
const LOOK: Duration = Duration::from_millis(50);

/// The calls of all threads.
#[derive(Default)]
pub(crate) struct Calls {
    state: Mutex<State>,
    idle: Condvar,
}

#[derive(Default)]
struct State {
    /// Calls that run without the interpreter.
    running: usize,
    closed: bool,
}

impl Calls {
    /// Runs `work` without the interpreter, or with it where it is about to end.
    pub(crate) fn detached<R: Send>(&self, py: Python<'_>, work: impl FnOnce() -> R + Send) -> R {
        let Some(running) = self.begin() else { return work() };
        let answer = py.detach(work);
        drop(running);
        answer
    }

    /// Waits for the calls that run; later ones keep the interpreter.
    ///
    /// # Errors
    /// What a signal raises meanwhile, such as `KeyboardInterrupt`.
    pub(crate) fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.state().closed = true;
        loop {
            let still_running = py.detach(|| {
                let state = self.state();
                let waited = self.idle.wait_timeout_while(state, LOOK, |state| state.running > 0);
                waited.unwrap_or_else(PoisonError::into_inner).0.running > 0
            });
            py.check_signals()?;
            if !still_running {
                return Ok(());
            }
        }
    }

    /// Counts one more call, unless the interpreter is about to end.
    fn begin(&self) -> Option<Running<'_>> {
        let mut state = self.state();
        if state.closed {
            return None;
        }
        state.running += 1;
        Some(Running(self))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Two plain values, whole whatever panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One call that runs, also while a panic goes by.
struct Running<'a>(&'a Calls);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.state().running -= 1;
        self.0.idle.notify_all();
    }
}
