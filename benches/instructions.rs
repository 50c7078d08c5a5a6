//! Instructions of the calls of [`COUNTED`], counted by gungraun under callgrind: `cargo xtask instructions`
//! runs this and compares with `instructions.json`.
//!
//! As a test, without valgrind and gungraun's runner, each call is made once more than it is prepared with: the
//! second answer, which is the counted one, must have the bits of the first.

#![allow(missing_docs, reason = "gungraun's macros define public items")]

use gungraun::{
    Callgrind, EntryPoint, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};
use std::env;
use triplet_benches::{COUNTED, COUNTED_FUNCTION, Prepared, counted};

fn prepare(words: &str) -> Box<Prepared> {
    Box::new(Prepared::new(words).unwrap_or_else(|error| panic!("{words}: {error}")))
}

// The number in gungraun's identifier `call_N` is the place in [`COUNTED`].
#[library_benchmark]
#[benches::call(iter = COUNTED, setup = prepare)]
fn instructions(mut call: Box<Prepared>) -> Box<Prepared> {
    let expected = call.digest();
    assert_eq!(counted(&mut call).ok(), Some(expected), "the second call has other bits");
    call
}

library_benchmark_group!(name = calls, benchmarks = instructions);

/// Instructions alone: no caches are simulated.
fn config() -> LibraryBenchmarkConfig {
    let mut callgrind = Callgrind::with_args(["--cache-sim=no"]);
    callgrind.entry_point(EntryPoint::Custom(COUNTED_FUNCTION.to_owned()));
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(callgrind);
    config
}

fn main() {
    // Defines a `main` within this one, that starts the runner, or is the program that the runner starts.
    main!(config = config(), library_benchmark_groups = calls);

    if env::args().any(|argument| argument == "--bench" || argument == "--gungraun-run") {
        main();
    } else {
        once();
    }
}

/// `cargo test` runs this.
fn once() {
    for words in COUNTED {
        let isa = words.split(' ').next().and_then(|name| name.parse::<triplet_api::Isa>().ok());
        if isa.is_some_and(|isa| !isa.is_available()) {
            println!("NOT covered: this CPU cannot run {words}");
            continue;
        }
        let mut call = prepare(words);
        assert_eq!(counted(&mut call).ok(), Some(call.digest()), "{words}: the second call has other bits");
    }
}
