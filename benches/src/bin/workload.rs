//! A program that depends on the library alone, to be built under any compiler profile, timed, and run
//! under callgrind: `cargo xtask profiles`.
//!
//! ```text
//! workload ISA RULE DISTANCE ROWS PER_CLASS gradient|loss CALLS
//! ```
//!
//! prints the seconds of each call, then a digest of the answer's bits and what ran.

use std::{env, error::Error, process::ExitCode, time::Instant};
use triplet_benches::{Prepared, counted};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let Some((calls, words)) = arguments.split_last() else {
        return Err("workload ISA RULE DISTANCE ROWS PER_CLASS gradient|loss CALLS".into());
    };
    let calls: usize = calls.parse()?;
    let mut call = Prepared::new(&words.join(" "))?;
    let mut digest = call.digest();
    for _ in 0..calls {
        let start = Instant::now();
        digest = counted(&mut call)?;
        println!("{:e}", start.elapsed().as_secs_f64());
    }
    println!("{digest:016x} {}", call.workspace().executed());
    Ok(())
}
