//! The program `triplet`; see the library of the same package.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_default();
    let itself = std::env::current_exe().map_or(name, Into::into);
    ExitCode::from(triplet_cli::main(&[itself], arguments))
}
