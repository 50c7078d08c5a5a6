//! Workspaces for callers that may come from several threads at once.

use crate::{BackendOptions, Result, Workspace};
use std::sync::{Mutex, MutexGuard, PoisonError};
use triplet_simd::Element;

/// Idle workspaces: one for every call that ever ran at the same time.
///
/// No lock is held while an engine runs. An engine waits for rayon's threads, and while it waits
/// its own thread may start another call, which needs a workspace too.
///
/// ```
/// use triplet_api::{BackendOptions, Workspaces};
/// let shared = Workspaces::<f32>::new(BackendOptions::default())?;
/// let backend = shared.with(|workspace| workspace.executed().backend)?;
/// assert!(["simd", "par"].contains(&backend));
/// # Ok::<(), triplet_api::Error>(())
/// ```
pub struct Workspaces<T: Element> {
    options: BackendOptions,
    idle: Mutex<Vec<Workspace<T>>>,
}

impl<T: Element> Workspaces<T> {
    /// With one workspace, made at once.
    ///
    /// # Errors
    /// As [`BackendOptions::engine`].
    pub fn new(options: BackendOptions) -> Result<Self> {
        Ok(Self { options, idle: Mutex::new(vec![Workspace::new(options)?]) })
    }

    /// With none yet.
    #[must_use]
    pub fn empty(options: BackendOptions) -> Self {
        Self { options, idle: Mutex::default() }
    }

    /// Calls `work` with a workspace that no other call uses. If it panics, that workspace
    /// is dropped.
    ///
    /// # Errors
    /// As [`BackendOptions::engine`], where one more is needed.
    pub fn with<R>(&self, work: impl FnOnce(&mut Workspace<T>) -> R) -> Result<R> {
        // A statement of its own, so that the lock is free again before the engine runs.
        let waiting = self.idle().pop();
        let mut workspace = match waiting {
            Some(workspace) => workspace,
            None => Workspace::new(self.options)?,
        };
        let answer = work(&mut workspace);
        self.idle().push(workspace);
        Ok(answer)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Workspace<T>>> {
        // A list of workspaces is whole whatever panicked meanwhile.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_within_a_call_gets_its_own_workspace_and_both_are_kept() {
        let shared = Workspaces::<f32>::empty(BackendOptions::default());
        shared.with(|_| shared.with(|_| ()).unwrap()).unwrap();
        assert_eq!(shared.idle().len(), 2);
        shared.with(|_| assert_eq!(shared.idle().len(), 1)).unwrap();
    }
}
