//! Panics of the libraries that read damaged files, as errors.

use anyhow::{Result, bail};
use std::{
    cell::Cell,
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

thread_local! {
    /// Whether this thread is reading, so that a panic is not printed.
    static READING: Cell<bool> = const { Cell::new(false) };
}

static SILENCED: Once = Once::new();

/// Reads a file; a panic, which a damaged file may cause, is an error that says so.
pub(super) fn contained<T>(format: &str, read: impl FnOnce() -> Result<T>) -> Result<T> {
    SILENCED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !READING.get() {
                previous(info);
            }
        }));
    });
    READING.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(read));
    READING.set(false);
    match result {
        Ok(result) => result,
        Err(_) => bail!("not a readable {format} file: it is damaged"),
    }
}
