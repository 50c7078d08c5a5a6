//! Products and losses that are not ours: what they would take, and first calls.

use super::super::{
    args::BenchArgs,
    progress::Progress,
    rivals::{Able, Rivals, Timing},
    row::Kind,
    shape::{Shape, input},
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

/// The product that needs no Python.
pub(super) fn matrix_multiply(shape: Shape) -> Entry {
    let bytes = 4 * (shape.rows as u128).pow(2);
    let fits = bytes < u128::from(proc::available_memory());
    let size = if fits { shape.rows } else { 0 };
    let runner = Runner::MatrixMultiply(Array2::zeros((size, size)));
    let mut entry = Entry::new(Kind::Baseline, "matrixmultiply E E'", runner);
    entry.kernels = Some("the crate matrixmultiply".to_owned());
    entry.complete_product = true;
    entry.left_out = (!fits).then(|| format!("needs about {} GB", bytes >> 30));
    // Some ten multiply-adds a nanosecond; it only decides how many rounds there are.
    entry.first = Some((shape.rows as f64).powi(2) * shape.width as f64 / 1e7);
    entry
}

/// What runs in Python, tried to see which are able.
pub(super) fn prepare(
    args: &BenchArgs,
    shape: Shape,
    group: &mut Group<'_>,
    data: (&[f32], &[i64]),
    entries: &mut Vec<Entry>,
    progress: &Progress,
) -> Result<()> {
    for (index, rivals) in group.rivals.iter_mut().enumerate() {
        for (able, first) in probe(args, shape, rivals, data, progress)? {
            let mut entry = Entry::new(able.kind, &able.name, Runner::Rival(index));
            entry.kernels = able.kernels;
            entry.complete_product = able.complete;
            entry.distance = able.distance.map(|distance| distance.parse()).transpose()?;
            entry.first = first.least();
            entry.loss = first.value;
            entry.left_out = first.left_out;
            entries.push(entry);
        }
    }
    Ok(())
}

/// Tries everything that a Python has: on fewer rows first, then twice on the input itself, where
/// the first call compiles and reserves memory. Answers the second call's time, or why there is none.
pub(in super::super) fn probe(
    args: &BenchArgs,
    shape: Shape,
    rivals: &mut Rivals,
    data: (&[f32], &[i64]),
    progress: &Progress,
) -> Result<Vec<(Able, Timing)>> {
    let able = rivals.able.clone();
    let mut left_out: Vec<Option<String>> = vec![None; able.len()];
    let mut forecasts: Vec<Forecast> = able.iter().map(|_| Forecast::default()).collect();
    for rows in sizes(shape.rows) {
        let fewer = shape.with_rows(rows);
        let (embeddings, labels) = input(fewer, args.seed);
        load(rivals, fewer, (&embeddings, &labels))?;
        for (index, it) in able.iter().enumerate() {
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
    for (it, left_out) in able.into_iter().zip(left_out) {
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
