//! `--check`: the answers of every backend against the recorded digests. `--list`: the benchmarks.

use super::{args::BenchArgs, plan, selection::Selection};
use crate::{options::BackendArgs, output};
use anyhow::{Result, bail};
use serde_json::{Value, json};
use triplet_api::{Backend, Isa};
use triplet_benchmarks::{Benchmark, Digest};

/// Multiply-adds of all distances up to which the scalar reference checks too: 1024 x 128.
const SCALAR_WORK: usize = 1 << 27;
/// Whether a backend is checked unless flags say otherwise: all that are exact.
fn is_checked(backend: Backend) -> bool {
    match backend {
        // One of the others; of this program, `par`.
        Backend::Auto | Backend::OpenMp => false,
        Backend::Scalar | Backend::Gram | Backend::Simd | Backend::Par => backend.is_exact(),
    }
}

/// Prints the benchmarks.
pub(super) fn list(selection: &Selection, as_json: bool) {
    let line = |it: &Benchmark| {
        let digest = it.digest.map(|digest| digest.to_string());
        json!({ "name": it.name, "input": it.to_string(), "seed": it.seed, "engines": it.engines, "digest": digest })
    };
    if as_json {
        output::line(Value::from(selection.benchmarks.iter().map(line).collect::<Vec<_>>()));
        return;
    }
    let longest = selection.benchmarks.iter().map(|it| it.name.len()).max().unwrap_or(0);
    for it in &selection.benchmarks {
        output::line(format_args!("{:longest$}  {it}", it.name));
    }
}

/// Compares answers with digests.
pub(super) fn check(args: &BenchArgs, selection: &Selection) -> Result<()> {
    let contenders = contenders(args)?;
    let (mut wrong, mut lines) = (Vec::new(), Vec::new());
    for benchmark in &selection.benchmarks {
        plan::check_size(benchmark.shape, benchmark.element, false)?;
        let (mut found, mut ran, mut differ): (Option<Digest>, Vec<String>, Vec<String>) = Default::default();
        for contender in &contenders {
            let options = contender.options()?;
            let shape = benchmark.shape;
            if options.backend == Backend::Scalar && shape.rows * shape.rows * shape.width > SCALAR_WORK {
                continue;
            }
            let name = name(contender);
            let digest = benchmark.answer(options)?;
            let expected = benchmark.digest.unwrap_or(*found.get_or_insert(digest));
            if digest != expected {
                let error = Benchmark { digest: Some(expected), ..benchmark.clone() }.verify(digest, &name);
                differ.extend(error.err().map(|error| error.to_string()));
            }
            ran.push(name);
        }
        if args.json {
            lines.push(json!({
                "name": benchmark.name, "digest": benchmark.digest.or(found).map(|it| it.to_string()),
                "recorded": benchmark.digest.is_some(), "engines": ran, "wrong": differ,
            }));
        } else {
            print(benchmark, found, &ran, &differ);
        }
        wrong.extend(differ);
    }
    if args.json {
        output::line(Value::from(lines));
    }
    match &wrong[..] {
        [] => Ok(()),
        [first, ..] => bail!("{} wrong answer(s): {first}", wrong.len()),
    }
}

/// The flags' backends and instruction sets; all that are exact, on all that this CPU has.
fn contenders(args: &BenchArgs) -> Result<Vec<BackendArgs>> {
    let backends = if args.backends.is_empty() {
        let checked = Backend::ALL.into_iter().filter(|&backend| is_checked(backend));
        checked.map(|backend| backend.name().to_owned()).collect()
    } else {
        args.backends.clone()
    };
    let mut inexact = Backend::ALL.into_iter().filter(|backend| !backend.is_exact()).map(Backend::name);
    if let Some(name) = inexact.find(|name| backends.iter().any(|backend| backend == name)) {
        bail!("--check compares bits, and those of {name} may differ: leave it out");
    }
    let isas = if args.isa.is_empty() {
        let missing: Vec<&str> =
            Isa::ALL.into_iter().filter(|it| !it.is_available()).map(Isa::name).collect();
        if !missing.is_empty() {
            output::note(format_args!("not on this CPU, and not checked: {}", missing.join(", ")));
        }
        Isa::available().map(|isa| isa.name().to_owned()).collect()
    } else {
        args.isa.clone()
    };
    // One thread would make par the same as simd.
    let threads = if args.threads.is_empty() { vec![2] } else { args.threads.clone() };
    let mut all = Vec::new();
    for contender in plan::contenders(&backends, &isas, &threads)? {
        let alone = contender.backend != Backend::Par.name();
        let counts = if alone { &threads[..1] } else { &threads[..] };
        all.extend(counts.iter().map(|&n| BackendArgs { threads: Some(n), ..contender.clone() }));
    }
    Ok(all)
}

fn name(contender: &BackendArgs) -> String {
    let mut name = contender.backend.clone();
    if let Some(isa) = &contender.isa {
        name = format!("{name} {isa}");
    }
    match contender.threads {
        Some(threads) if contender.backend == Backend::Par.name() => format!("{name} on {threads} threads"),
        _ => name,
    }
}

fn print(benchmark: &Benchmark, found: Option<Digest>, ran: &[String], differ: &[String]) {
    let name = &benchmark.name;
    for error in differ {
        output::line(format_args!("WRONG  {error}"));
    }
    if !differ.is_empty() {
        return;
    }
    match (benchmark.digest, found) {
        (Some(_), _) => output::line(format_args!("right  {name}: {}", ran.join(", "))),
        (None, Some(found)) => output::line(format_args!("new    {name}: digest = \"{found}\"")),
        (None, None) => output::line(format_args!("-      {name}: no engine ran")),
    }
}
