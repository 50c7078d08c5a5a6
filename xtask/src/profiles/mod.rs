//! `cargo xtask profiles`: is the library as fast under a caller's compiler profile as under the
//! best one?

mod build;
mod call;

use anyhow::{Result, ensure};
use build::Profile;
pub(crate) use build::root;
use std::{fs, path::PathBuf, process::Command};

/// How much more than the best profile another may take.
const ALLOWED: f64 = 1.15;
/// Calls of each timed process.
const CALLS: u32 = 15;

/// Which profiles: every combination of the three lists. The best profile (fat, 1, 3) is always
/// built. Each takes a build of its own, up to a minute, in a temporary folder.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Values of `lto`.
    #[arg(long, value_delimiter = ',', default_value = "off,false,thin,fat")]
    lto: Vec<String>,
    /// Values of `codegen-units`.
    #[arg(long, value_delimiter = ',', default_value = "1,16,256")]
    codegen_units: Vec<u32>,
    /// Values of `opt-level`; other than 2 and 3 are reported, but not judged.
    #[arg(long, value_delimiter = ',', default_value = "2,3")]
    opt_level: Vec<String>,
    /// Also a debug build of a crate that has its dependencies optimised; reported, but not judged.
    #[arg(long)]
    debug: bool,
    /// Rounds of times, the profiles in turn; the least and the median of each call are reported.
    /// None with 0.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Judge by time even where valgrind can count instructions: for an idle machine.
    #[arg(long)]
    by_time: bool,
}

/// Every kernel: both directions of the search, the sorted search of large classes, the gradient
/// of each distance, and the portable lanes. AVX2, because callgrind knows no
/// AVX-512.
const MEASURED: [&str; 6] = [
    "avx2 semi-hard squared-l2 64 8 gradient",
    "avx2 semi-hard squared-l2 512 8 gradient",
    "avx2 semi-hard l2 512 8 gradient",
    "avx2 hard angular 512 8 gradient",
    "avx2 semi-hard squared-l2 510 102 gradient",
    "portable semi-hard squared-l2 128 8 gradient",
];

/// A profile's program, and what each call took.
struct Built {
    profile: Profile,
    program: PathBuf,
    instructions: Vec<u64>,
    seconds: Vec<Vec<f64>>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let counts = valgrind();
    let mut all: Vec<Built> = Vec::new();
    for profile in profiles(args) {
        eprintln!("building: {profile}");
        let program = profile.build(folder.path())?;
        let mut instructions = Vec::new();
        if counts.is_some() {
            for call in &MEASURED {
                instructions.push(call::instructions(call, &program)?);
            }
        }
        eprintln!("  instructions: {instructions:?}");
        all.push(Built { profile, program, instructions, seconds: vec![Vec::new(); MEASURED.len()] });
    }
    times(&mut all, args.rounds)?;
    fs::remove_dir_all(folder.path())?;
    let counted = counts.is_some();
    ensure!(counted || args.rounds > 0, "valgrind is not here: let it take times (--rounds)");
    let mut slow = 0;
    for (index, call) in MEASURED.iter().enumerate() {
        println!("{call}");
        let best = &all[0];
        let least = |built: &Built| built.seconds[index].iter().copied().reduce(f64::min);
        for built in &all {
            let by_count =
                counted.then(|| built.instructions[index] as f64 / best.instructions[index] as f64);
            let by_time = least(built).zip(least(best)).map(|(here, best)| here / best);
            let judged = if args.by_time { by_time } else { by_count.or(by_time) };
            let over = judged.is_some_and(|ratio| ratio > ALLOWED);
            let limited = judges(&built.profile);
            slow += usize::from(over && limited);
            let mark = match (over, limited) {
                (false, _) => "",
                (true, true) => "  <- too slow",
                (true, false) => "  (reported only)",
            };
            println!("  {}{}{mark}", built.profile, columns(built, index, by_count, by_time));
        }
    }
    ensure!(slow == 0, "{slow} times a profile takes more than {ALLOWED} times what the best takes");
    println!("every judged profile is within {ALLOWED} of the best, with the same bits");
    Ok(())
}

/// Whether the limit holds under a profile: not where the compiler optimises for size, or a debug build.
fn judges(profile: &Profile) -> bool {
    matches!(profile, Profile::Release { opt_level, .. } if matches!(opt_level.as_str(), "2" | "3"))
}

/// Whether valgrind can be run, and which it is.
pub(crate) fn valgrind() -> Option<String> {
    let output = Command::new("valgrind").arg("--version").output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The best first.
fn profiles(args: &Args) -> Vec<Profile> {
    let mut all = vec![Profile::best()];
    for lto in &args.lto {
        for &codegen_units in &args.codegen_units {
            for opt_level in &args.opt_level {
                let (lto, opt_level) = (lto.clone(), opt_level.clone());
                let profile = Profile::Release { lto, codegen_units, opt_level };
                if !all.contains(&profile) {
                    all.push(profile);
                }
            }
        }
    }
    all.extend(args.debug.then_some(Profile::Debug));
    all
}

/// Runs every call of every profile in turn, and compares the bits.
fn times(all: &mut [Built], rounds: usize) -> Result<()> {
    let mut digests = vec![None; MEASURED.len()];
    // One round at least: the bits are compared whether times are wanted or not.
    for round in 0..rounds.max(1) {
        for built in all.iter_mut() {
            for (index, call) in MEASURED.iter().enumerate() {
                let answer = call::time(call, &built.program, if rounds == 0 { 1 } else { CALLS })?;
                let expected = digests[index].get_or_insert_with(|| answer.digest.clone());
                ensure!(*expected == answer.digest, "{call}: other bits with {}", built.profile);
                if round < rounds {
                    built.seconds[index].push(answer.seconds);
                }
            }
        }
    }
    Ok(())
}

fn columns(built: &Built, index: usize, by_count: Option<f64>, by_time: Option<f64>) -> String {
    let mut text = String::new();
    if let Some(ratio) = by_count {
        text += &format!("  {:12} instructions, {ratio:.3} times the best's", built.instructions[index]);
    }
    if let Some(ratio) = by_time {
        let mut seconds = built.seconds[index].clone();
        seconds.sort_by(f64::total_cmp);
        let milliseconds = |seconds: Option<&f64>| seconds.map_or(f64::NAN, |s| s * 1e3);
        let (least, median) = (milliseconds(seconds.first()), milliseconds(seconds.get(seconds.len() / 2)));
        text += &format!("  {least:.3} ms ({median:.3}), {ratio:.2} times");
    }
    text
}
