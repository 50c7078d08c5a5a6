//! The plain driver: `drive seeds` writes every target's first inputs to `corpus/`; `drive TARGET
//! SECONDS SEED` runs mutations of its corpus, and stops at the first that fails.

use std::{
    env, fs,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};
use triplet_fuzz::{Driver, TARGETS, corpus, regressions, target};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["seeds"] => seeds(),
        [name, seconds, seed] => {
            let number = |text: &str| text.parse().expect("a number of seconds, and a seed");
            return drive(name, number(seconds), number(seed));
        }
        _ => panic!("give `seeds`, or TARGET SECONDS SEED"),
    }
    ExitCode::SUCCESS
}

fn folder(kind: &str, target: &str) -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(kind).join(target);
    fs::create_dir_all(&folder).expect("a folder that can be made");
    folder
}

fn seeds() {
    for target in TARGETS {
        let folder = folder("corpus", target.name);
        for (number, bytes) in (target.seeds)().into_iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:02}")), bytes).expect("room for a seed");
        }
    }
}

fn drive(name: &str, seconds: u64, seed: u64) -> ExitCode {
    let target = target(name);
    let kept = [corpus(name), regressions(name)].concat();
    let mut driver = Driver::new(target, kept.into_iter().map(|case| case.bytes).collect(), seed);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut count = 0_u64;
    while Instant::now() < end {
        if let Err(failure) = driver.step() {
            let path = folder("artifacts", name).join(format!("plain-{seed}-{count}"));
            fs::write(&path, &failure.bytes).expect("room for the input");
            eprintln!("{name}, seed {seed}, input {count}: {}\nkept as {}", failure.message, path.display());
            return ExitCode::FAILURE;
        }
        count += 1;
    }
    println!("{name}, seed {seed}: {count} inputs in {seconds} s");
    ExitCode::SUCCESS
}
