//! Products and losses that are not ours: forecasts from fewer rows, and first calls.

use super::super::{
    args::BenchArgs,
    progress::Progress,
    rivals::{Rival, Rivals, Timing},
    row::Kind,
    selection::Selection,
};
use super::{
    Group,
    entry::{Entry, Runner},
    forecast::{Forecast, sizes, too_long},
};
use crate::proc;
use anyhow::Result;
use ndarray::Array2;
use std::io::Write;
use triplet_api::Element;
use triplet_benchmarks::{Benchmark, Shape, input};

/// The name of the product that needs no Python.
pub(super) const MATRIX_MULTIPLY: &str = "matrixmultiply E E'";

/// That product.
pub(super) fn matrix_multiply<T: Element>(shape: Shape) -> Entry<T> {
    let bytes = size_of::<T>() as u128 * (shape.rows as u128).pow(2);
    let fits = bytes < u128::from(proc::available_memory());
    let size = if fits { shape.rows } else { 0 };
    let runner = Runner::MatrixMultiply(Array2::from_elem((size, size), T::ZERO));
    let mut entry = Entry::new(Kind::Baseline, MATRIX_MULTIPLY, runner);
    entry.kernels = Some("the crate matrixmultiply".to_owned());
    entry.complete_product = true;
    entry.left_out = (!fits).then(|| format!("needs about {} GB", bytes >> 30));
    // Some ten multiply-adds a nanosecond; it only decides how many rounds there are.
    entry.first = Some((shape.rows as f64).powi(2) * shape.width as f64 / 1e7);
    entry
}

/// An entry for each engine in Python, after first calls.
pub(super) fn prepare<T: Element>(
    args: &BenchArgs,
    benchmark: &Benchmark,
    group: &mut Group,
    data: (&[f32], &[i64]),
    entries: &mut Vec<Entry<T>>,
    progress: &Progress,
) -> Result<()> {
    for (index, rivals) in group.rivals.iter_mut().enumerate() {
        let takes = |rival: &Rival| Selection::takes(group.by_name, benchmark, &rival.name);
        let chosen: Vec<Rival> = rivals.available.iter().filter(|it| takes(it)).cloned().collect();
        for (rival, first) in probe(args, benchmark, rivals, chosen, data, progress)? {
            let mut entry = Entry::new(rival.kind, &rival.name, Runner::Rival(index));
            entry.kernels = rival.kernels;
            entry.complete_product = rival.complete;
            entry.distance = rival.distance.map(|distance| distance.parse()).transpose()?;
            entry.first = first.least();
            entry.loss = first.value;
            entry.left_out = first.left_out;
            entries.push(entry);
        }
    }
    Ok(())
}

/// Calls each of the chosen engines: on fewer rows first, then twice on the input itself, where the
/// first call compiles and reserves memory. Returns the second call's time, or why there is none.
pub(in super::super) fn probe(
    args: &BenchArgs,
    benchmark: &Benchmark,
    rivals: &mut Rivals,
    chosen: Vec<Rival>,
    data: (&[f32], &[i64]),
    progress: &Progress,
) -> Result<Vec<(Rival, Timing)>> {
    if chosen.is_empty() {
        return Ok(Vec::new());
    }
    let shape = benchmark.shape;
    let mut left_out: Vec<Option<String>> = vec![None; chosen.len()];
    let mut forecasts: Vec<Forecast> = chosen.iter().map(|_| Forecast::default()).collect();
    for rows in sizes(shape.rows) {
        let fewer = shape.with_rows(rows);
        let (embeddings, labels) = input(fewer, benchmark.seed);
        load(rivals, fewer, (&embeddings, &labels))?;
        for (index, it) in chosen.iter().enumerate() {
            if it.compiles || left_out[index].is_some() {
                continue;
            }
            progress.preparing(&it.name, &format!("first looks, {rows} rows"));
            let timing = twice(rivals, &it.name)?;
            left_out[index] = match timing.least() {
                Some(ms) => forecasts[index].add(rows, ms, shape.rows, args.limit),
                None => timing.left_out,
            };
        }
    }
    load(rivals, shape, data)?;
    let mut timings = Vec::new();
    for (it, left_out) in chosen.into_iter().zip(left_out) {
        progress.preparing(&it.name, "first call");
        let mut timing = match left_out {
            Some(reason) => Timing { left_out: Some(reason), ..Timing::default() },
            None => twice(rivals, &it.name)?,
        };
        if let Some(reason) = timing.least().and_then(|ms| too_long(ms, args.limit)) {
            timing.left_out = Some(reason);
        }
        timings.push((it, timing));
    }
    Ok(timings)
}

/// Two calls; the second one's time, and the first one's findings.
fn twice(rivals: &mut Rivals, name: &str) -> Result<Timing> {
    let first = rivals.time(name, 1)?;
    if first.left_out.is_some() {
        return Ok(first);
    }
    let second = rivals.time(name, 1)?;
    Ok(Timing { expected: first.expected, value: first.value, ..second })
}

/// Hands a batch over, through a file.
pub(in super::super) fn load(
    rivals: &mut Rivals,
    shape: Shape,
    (embeddings, labels): (&[f32], &[i64]),
) -> Result<()> {
    let mut file = tempfile::NamedTempFile::new()?;
    let bytes = embeddings.iter().flat_map(|x| x.to_le_bytes());
    let bytes: Vec<u8> = bytes.chain(labels.iter().flat_map(|y| y.to_le_bytes())).collect();
    file.write_all(&bytes)?;
    file.flush()?;
    rivals.load(file.path(), shape)
}
