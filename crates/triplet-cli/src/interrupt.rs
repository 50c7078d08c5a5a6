//! SIGINT and SIGTERM: when a command stops, and what a signal must not cut short.

use std::sync::{
    Mutex, MutexGuard, Once, PoisonError,
    atomic::{AtomicBool, AtomicU8, Ordering},
};

/// Whether the first signal only asks; the second, or any where this is false, ends the process.
static GRACEFUL: AtomicBool = AtomicBool::new(false);
/// The exit status that a signal asked for; 0 for none yet.
static ASKED: AtomicU8 = AtomicU8::new(0);
/// Held while outputs take their places.
static EXCHANGE: Mutex<()> = Mutex::new(());
static INSTALLED: Once = Once::new();

/// Listens from now on, once a process. Until [`stop_gracefully`], a signal removes
/// what is half-written and ends the process with 128 plus its number.
pub(crate) fn listen() {
    INSTALLED.call_once(|| {
        if let Err(error) = install() {
            crate::output::note(format_args!(
                "note: signals end the program at once, temporary files may stay ({error})"
            ));
        }
    });
}

/// From now on the first signal is told by [`asked`], for a command that stops by itself.
pub(crate) fn stop_gracefully() {
    GRACEFUL.store(true, Ordering::Relaxed);
}

/// The exit status after a signal; `None` without one.
pub(crate) fn asked() -> Option<u8> {
    match ASKED.load(Ordering::Relaxed) {
        0 => None,
        status => Some(status),
    }
}

/// Signals that end the process wait while the guard lives.
pub(crate) fn hold() -> MutexGuard<'static, ()> {
    EXCHANGE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a signal does; runs on a thread of its own, not in a signal handler.
fn received(status: u8) {
    let again = ASKED.swap(status, Ordering::Relaxed) != 0;
    if again || !GRACEFUL.load(Ordering::Relaxed) {
        let _complete = hold();
        crate::io::remove_temporaries();
        std::process::exit(status.into());
    }
}

#[cfg(unix)]
fn install() -> std::io::Result<()> {
    use signal_hook::{
        consts::{SIGINT, SIGTERM},
        iterator::Signals,
    };
    // SIGHUP keeps its meaning: under nohup it is ignored.
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            received(u8::try_from(128 + signal).unwrap_or(u8::MAX));
        }
    })?;
    Ok(())
}

#[cfg(not(unix))]
fn install() -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(|| received(130))
}
