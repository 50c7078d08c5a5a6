//! Systems on which no OpenMP runtime is looked for.

/// An OpenMP runtime of this process: there is none on this system.
#[derive(Debug, Clone, Copy)]
pub enum Host {}

impl Host {
    /// The runtime that PyTorch runs on: none.
    #[must_use]
    pub fn of_torch() -> Option<Self> {
        None
    }

    /// A runtime by the file name of its library: none.
    #[must_use]
    pub fn load(_library: &str) -> Option<Self> {
        None
    }

    /// Threads that a call from here may use.
    #[must_use]
    pub fn threads(self) -> Option<usize> {
        match self {}
    }

    /// Opens a parallel region.
    pub fn run(self, _first: &mut dyn FnMut(), _others: &(dyn Fn() + Sync)) {
        match self {}
    }
}
