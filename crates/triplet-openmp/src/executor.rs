//! Jobs on the threads of an OpenMP runtime, or on rayon's where there is none to use.

use crate::{Host, session::Session};
use std::{
    sync::{Mutex, PoisonError},
    thread::{self, ThreadId},
};
use triplet_par::{Pool, Rayon, Result};
use triplet_simd::Executor;

/// Runs jobs on the threads of a [`Host`].
///
/// ```
/// use triplet_openmp::{Host, OpenMp};
/// use triplet_par::{Parallel, Pool};
/// use triplet_simd::Selected;
///
/// if let Some(host) = Host::load("libgomp.so.1") {
///     let mut executor = OpenMp::new(host, Some(2))?;
///     assert_eq!((executor.max_threads(), executor.backend()), (2, "openmp"));
///     let engine = Parallel::<f32, _>::new(Selected::best()?, executor);
/// }
/// # Ok::<(), triplet_par::Error>(())
/// ```
pub struct OpenMp {
    host: Host,
    most: usize,
    active: usize,
    on_host: bool,
    /// Started where the host cannot be used for the first time.
    rayon: Option<Rayon>,
    session: Session,
    caller: Mutex<Option<ThreadId>>,
}

impl OpenMp {
    /// On at most so many threads, by default one a core, of an OpenMP runtime. Starts none yet.
    ///
    /// # Errors
    /// As [`Rayon::check`].
    pub fn new(host: Host, threads: Option<usize>) -> Result<Self> {
        let cores = || thread::available_parallelism().map_or(1, usize::from);
        let threads = threads.unwrap_or_else(cores);
        Rayon::check(threads)?;
        let most = Rayon::started_threads(threads);
        let (session, caller) = (Session::default(), Mutex::new(None));
        Ok(Self { host, most, active: most, on_host: true, rayon: None, session, caller })
    }

    /// Threads that a call from this thread would use.
    #[must_use]
    pub fn usable_threads(&self) -> usize {
        self.host.threads().map_or(self.most, |threads| self.most.min(threads))
    }
}

impl Pool for OpenMp {
    fn max_threads(&self) -> usize {
        self.most
    }

    fn set_active(&mut self, threads: usize) {
        let wanted = threads.clamp(1, self.most);
        self.on_host = false;
        if let Some(threads) = self.host.threads() {
            (self.on_host, self.active) = (true, wanted.min(threads));
        } else if wanted == 1 {
            self.active = 1;
        } else {
            if self.rayon.is_none() {
                self.rayon = Rayon::with_threads(self.most).ok();
            }
            // Where the system starts no threads, the calling one computes the same.
            self.active = self.rayon.as_mut().map_or(1, |rayon| {
                rayon.set_active(wanted);
                rayon.threads()
            });
        }
    }

    fn backend(&self) -> &'static str {
        if self.on_host { "openmp" } else { "par" }
    }
}

impl Executor for OpenMp {
    fn threads(&self) -> usize {
        self.active
    }

    fn run(&self, job: &(dyn Fn(usize) + Sync)) {
        if self.active == 1 {
            return job(0);
        }
        match &self.rayon {
            Some(rayon) if !self.on_host => rayon.run(job),
            _ => match self.caller() {
                Some(caller) if caller == thread::current().id() => self.session.run(self.active, job),
                // Another thread has the session of this executor.
                Some(_) => (0..self.active).for_each(job),
                None => self.in_region(&mut || self.session.run(self.active, job)),
            },
        }
    }

    fn keep_awake(&self, body: &mut dyn FnMut()) {
        match &self.rayon {
            _ if self.active == 1 => body(),
            Some(rayon) if !self.on_host => rayon.keep_awake(body),
            _ => self.in_region(body),
        }
    }
}

impl OpenMp {
    /// Calls `body` in a parallel region, whose other threads work for the session.
    fn in_region(&self, body: &mut dyn FnMut()) {
        let mut caller = self.caller.lock().unwrap_or_else(PoisonError::into_inner);
        if caller.is_some() {
            drop(caller);
            return body();
        }
        *caller = Some(thread::current().id());
        drop(caller);
        let _free = OnDrop(|| *self.caller.lock().unwrap_or_else(PoisonError::into_inner) = None);
        self.session.begin();
        let mut first = || {
            // Also if the body panics: the region waits for the other threads.
            let _end = OnDrop(|| self.session.end());
            body();
        };
        self.host.run(&mut first, &|| self.session.work());
    }

    /// The thread that the session works for.
    fn caller(&self) -> Option<ThreadId> {
        *self.caller.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Calls a function when it goes out of scope.
struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
