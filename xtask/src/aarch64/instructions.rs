//! `cargo xtask aarch64 --instructions`: what a distance costs, in instructions.
//!
//! A plugin of QEMU counts every instruction of a run. The difference between runs of one and of
//! two calls is one call, with all memory in place. The counts are the same on every machine.

use super::{
    compiler::{self, Compiler},
    tools::{Emulator, done},
};
use anyhow::{Context, Result, ensure};
use std::{
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use triplet_api::{Backend, BackendOptions, Batch, Isa, Loss, TripletSemiHardLoss, Weights, Workspace};
use triplet_testkit::inputs::unit_rows;

const PLUGIN: &str = include_str!("plugin.c");
/// Rows and width of the batches; eight rows a class.
const SHAPES: [(usize, usize); 4] = [(64, 128), (256, 128), (1024, 128), (1024, 512)];
const PER_CLASS: usize = 8;
const SEED: u64 = 42;

/// One batch, and how often.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Repeat {
    #[arg(long)]
    isa: String,
    #[arg(long)]
    rows: usize,
    #[arg(long)]
    width: usize,
    #[arg(long)]
    calls: usize,
    /// With the gradient.
    #[arg(long)]
    gradient: bool,
}

/// Computes the loss of the batch on one thread.
pub(crate) fn repeat(args: &Repeat) -> Result<()> {
    let (embeddings, labels) = unit_rows(args.rows, args.width, PER_CLASS, SEED);
    let batch = Batch::new(&embeddings, args.width, &labels)?;
    let options =
        BackendOptions { backend: Backend::Simd, isa: Some(args.isa.parse::<Isa>()?), threads: Some(1) };
    let mut workspace = Workspace::new(options)?;
    let loss = TripletSemiHardLoss::default();
    for _ in 0..args.calls {
        let evaluation = if args.gradient {
            loss.evaluate(&batch, &mut workspace)?
        } else {
            loss.forward(&batch, Weights::default(), &mut workspace)?
        };
        println!("{}", evaluation.loss());
    }
    Ok(())
}

/// Prints the table.
pub(super) fn print(emulator: &Emulator, compiler: &Compiler) -> Result<()> {
    let plugin = build_plugin()?;
    // As it is shipped: inlining across crates is part of what is counted.
    let program = compiler.xtask(emulator, "release")?;
    let count = |args: &Repeat| -> Result<u64> {
        let [once, twice] =
            [1, 2].map(|calls| counted(emulator, &plugin, &program, &Repeat { calls, ..args.clone() }));
        twice?.checked_sub(once?).context("two calls took fewer instructions than one")
    };
    println!(
        "instructions a distance (one of B (B - 1) / 2 pairs), f32, one thread, {PER_CLASS} rows a class"
    );
    println!("{:>12} {:>10} {:>10} {:>10}  ", "shape", "isa", "mining", "+ gradient");
    for (rows, width) in SHAPES {
        for isa in [Isa::Portable, Isa::Neon] {
            let args = Repeat { isa: isa.name().to_owned(), rows, width, calls: 0, gradient: false };
            let mining = count(&args)?;
            let whole = count(&Repeat { gradient: true, ..args })?;
            let pairs = (rows * (rows - 1) / 2) as f64;
            let shape = format!("{rows} x {width}");
            let [mining, whole] = [mining, whole].map(|count| count as f64 / pairs);
            println!("{shape:>12} {:>10} {mining:>10.1} {whole:>10.1}", isa.name());
        }
    }
    println!("multiply-adds alone are D / 4 of them");
    Ok(())
}

/// Instructions of one run.
fn counted(emulator: &Emulator, plugin: &Path, program: &Path, args: &Repeat) -> Result<u64> {
    let mut command = emulator.with_options(&[OsStr::new("-plugin"), plugin.as_os_str()], program);
    command.args(["repeat", "--isa", &args.isa]);
    for (name, value) in [("--rows", args.rows), ("--width", args.width), ("--calls", args.calls)] {
        command.arg(name).arg(value.to_string());
    }
    command.args(args.gradient.then_some("--gradient"));
    let output = command.output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} ended with {}: {errors}", output.status);
    let count = errors.lines().find_map(|line| line.strip_prefix("instructions "));
    let count = count.with_context(|| format!("the plugin counted nothing: {errors}"))?;
    Ok(count.parse()?)
}

/// Compiles the plugin for this CPU, which the emulator runs on.
fn build_plugin() -> Result<PathBuf> {
    let folder = compiler::folder();
    fs::create_dir_all(&folder)?;
    let (source, library) = (folder.join("plugin.c"), folder.join("plugin.so"));
    fs::write(&source, PLUGIN)?;
    let arguments: [OsString; 4] = ["-O2".into(), "-shared".into(), "-fPIC".into(), source.into_os_string()];
    done(Command::new("cc").args(arguments).arg("-o").arg(&library)).context("compiling QEMU's plugin")?;
    Ok(library.canonicalize()?)
}
