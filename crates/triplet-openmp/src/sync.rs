//! What threads hand jobs over with: the standard library's, or loom's where its model is run (`cargo xtask loom`).

#[cfg(all(test, loom))]
pub(crate) use loom::{
    hint,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicUsize},
    },
    thread,
};
#[cfg(not(all(test, loom)))]
pub(crate) use std::{
    hint,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicUsize},
    },
    thread,
};
