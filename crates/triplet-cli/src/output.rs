//! Standard output that may be closed early, as by `| head`.

use std::{
    fmt::Display,
    io::{self, Write},
    process,
};

/// Prints a line; leaves quietly if nobody reads any more.
pub(crate) fn line(text: impl Display) {
    let mut out = io::stdout().lock();
    if let Err(error) = writeln!(out, "{text}").and_then(|()| out.flush()) {
        process::exit(if error.kind() == io::ErrorKind::BrokenPipe { 0 } else { 2 });
    }
}
