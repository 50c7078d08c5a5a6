//! Standard output and standard error, which may be closed early, as by `| head`.

use std::{
    fmt::Display,
    io::{self, Write},
    process,
};

/// Prints a line to standard output; leaves quietly if nobody reads any more.
pub(crate) fn line(text: impl Display) {
    let mut out = io::stdout().lock();
    if let Err(error) = writeln!(out, "{text}").and_then(|()| out.flush()) {
        if error.kind() == io::ErrorKind::BrokenPipe {
            process::exit(0);
        }
        note(format_args!("error: cannot write to standard output: {error}"));
        process::exit(2);
    }
}

/// Prints a line to standard error. Work goes on whether anybody reads it or not.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
