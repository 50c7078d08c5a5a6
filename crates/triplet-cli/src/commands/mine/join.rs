//! `triplet mine --join`: the outputs of all parts as that of the whole.

use super::{
    MineArgs,
    output::{self, Distances, Format, SETTINGS},
};
use crate::{io::OutputSet, output as console};
use anyhow::{Context, Result, anyhow, bail, ensure};
use arrow_array::{
    Array, BooleanArray, Float32Array, Float64Array, PrimitiveArray, RecordBatch, UInt32Array,
    types::ArrowPrimitiveType,
};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::json;
use std::{
    fs::File,
    io::{BufReader, Read},
    path::{Path, PathBuf},
};
use triplet_dataset::Record;

pub(super) fn run(args: &MineArgs) -> Result<()> {
    let format = Format::of(&args.out)?;
    let kinds = args.join.iter().map(|path| Format::of(path)).collect::<Result<Vec<_>>>();
    let kinds = kinds.context("--join takes outputs of triplet mine")?;
    ensure!(kinds.iter().all(|kind| *kind == kinds[0]), "--join: the parts are npy files and Parquet files");
    let mut outputs = OutputSet::default();
    let rows = match (kinds[0], format) {
        (Format::Npy, Format::Npy) => npy(args, &mut outputs)?,
        (Format::Npy, Format::Parquet) => bail!("npy files have no distances: --out is an npy file too then"),
        (Format::Parquet, _) => parquet(args, format, &mut outputs)?,
    };
    outputs.commit()?;
    if args.json {
        console::line(json!({ "parts": args.join.len(), "triplets": rows }));
    } else {
        console::line(format_args!("{} parts, {rows} triplets: {}", args.join.len(), args.out.display()));
    }
    Ok(())
}

/// A part in Parquet.
struct Part {
    path: PathBuf,
    /// Which of how many.
    place: (usize, usize),
    /// The settings without the part.
    settings: String,
    rows: u64,
    double: bool,
}

fn reader(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    ParquetRecordBatchReaderBuilder::try_new(file)
        .map_err(|error| anyhow!("{}: not a readable Parquet file: {error}", path.display()))
}

fn look(path: &Path) -> Result<Part> {
    let reader = reader(path)?;
    let metadata = reader.metadata().file_metadata();
    let settings = metadata.key_value_metadata().into_iter().flatten().find(|pair| pair.key == SETTINGS);
    let settings = settings.and_then(|pair| pair.value.clone());
    let settings =
        settings.with_context(|| format!("{}: was not written by triplet mine", path.display()))?;
    let (whole, last) = settings.trim_end().rsplit_once('\n').unwrap_or_default();
    let numbers = last.strip_prefix("part ").and_then(|last| last.split_once(" of "));
    let place = numbers.and_then(|(part, parts)| Some((part.parse().ok()?, parts.parse().ok()?)));
    let place = place.with_context(|| format!("{}: does not say which part it is", path.display()))?;
    let double = reader
        .schema()
        .field_with_name("positive_distance")
        .map(|field| field.data_type() == &DataType::Float64);
    Ok(Part {
        path: path.to_owned(),
        place,
        settings: whole.to_owned(),
        rows: u64::try_from(metadata.num_rows()).unwrap_or(0),
        double: double.unwrap_or(false),
    })
}

fn parquet(args: &MineArgs, format: Format, outputs: &mut OutputSet) -> Result<u64> {
    let mut parts = args.join.iter().map(|path| look(path)).collect::<Result<Vec<_>>>()?;
    parts.sort_by_key(|part| part.place.0);
    let (first, count) = (&parts[0], parts[0].place.1);
    for part in &parts {
        let differs = part.settings.lines().zip(first.settings.lines()).find(|(a, b)| a != b);
        if let Some((a, b)) = differs {
            bail!("{} and {} are of other jobs: {a}, and {b}", part.path.display(), first.path.display());
        }
        ensure!(
            part.place.1 == count,
            "{} is one of {} parts, and {} one of {count}",
            part.path.display(),
            part.place.1,
            first.path.display()
        );
    }
    for place in 1..=count {
        match parts.iter().filter(|part| part.place.0 == place).count() {
            1 => {}
            0 => bail!("part {place} of {count} is missing"),
            _ => bail!("part {place} of {count} is given twice"),
        }
    }
    let settings = format!("{}\npart 1 of 1\n", first.settings);
    let rows = parts.iter().map(|part| part.rows).sum();
    let paths: Vec<PathBuf> = parts.iter().map(|part| part.path.clone()).collect();
    outputs.write(&args.out, |out| {
        if first.double {
            output::write(format, rows, &settings, records::<f64>(paths), out)
        } else {
            output::write(format, rows, &settings, records::<f32>(paths), out)
        }
    })?;
    Ok(rows)
}

/// The records of files, in order.
fn records<T: Stored>(paths: Vec<PathBuf>) -> impl Iterator<Item = Result<Record<T>>> {
    paths.into_iter().flat_map(|path| {
        let batches = reader(&path).and_then(|reader| Ok(reader.with_batch_size(1 << 16).build()?));
        let batches: Box<dyn Iterator<Item = Result<RecordBatch>>> = match batches {
            Ok(batches) => Box::new(batches.map(|batch| Ok(batch?))),
            Err(error) => Box::new(std::iter::once(Err(error))),
        };
        batches.flat_map(move |batch| {
            let of_batch = batch.and_then(|batch| of_batch::<T>(&batch));
            let named = of_batch.with_context(|| format!("{}: not a readable part", path.display()));
            match named {
                Ok(records) => records.into_iter().map(Ok).collect::<Vec<_>>(),
                Err(error) => vec![Err(error)],
            }
        })
    })
}

fn of_batch<T: Stored>(batch: &RecordBatch) -> Result<Vec<Record<T>>> {
    fn column<'b, A: Array + 'static>(batch: &'b RecordBatch, name: &str) -> Result<&'b A> {
        let column = batch.column_by_name(name).with_context(|| format!("has no column {name:?}"))?;
        ensure!(column.null_count() == 0, "column {name:?} has nulls");
        column.as_any().downcast_ref().with_context(|| format!("column {name:?} is of another type"))
    }
    let rows = |name| column::<UInt32Array>(batch, name);
    let [anchors, positives, negatives, ranks] =
        [rows("anchor")?, rows("positive")?, rows("negative")?, rows("rank")?];
    let near = column::<PrimitiveArray<T::Arrow>>(batch, "positive_distance")?;
    let far = column::<PrimitiveArray<T::Arrow>>(batch, "negative_distance")?;
    let reaches = column::<BooleanArray>(batch, "reaches")?;
    let record = |row: usize| Record {
        anchor: anchors.value(row),
        positive: positives.value(row),
        negative: negatives.value(row),
        rank: ranks.value(row),
        reaches: reaches.value(row),
        near: T::stored(near.value(row)),
        far: T::stored(far.value(row)),
    };
    Ok((0..batch.num_rows()).map(record).collect())
}

/// A type of distances as Arrow stores it.
trait Stored: Distances {
    type Arrow: ArrowPrimitiveType;
    fn stored(value: <Self::Arrow as ArrowPrimitiveType>::Native) -> Self;
}

impl Stored for f32 {
    type Arrow = <Float32Array as Primitive>::Of;
    fn stored(value: f32) -> Self {
        value
    }
}

impl Stored for f64 {
    type Arrow = <Float64Array as Primitive>::Of;
    fn stored(value: f64) -> Self {
        value
    }
}

/// What an array's elements are.
trait Primitive {
    type Of: ArrowPrimitiveType;
}

impl<A: ArrowPrimitiveType> Primitive for PrimitiveArray<A> {
    type Of = A;
}

/// A part in npy: its first and last anchor, where its data starts, and its rows.
struct NpyPart {
    path: PathBuf,
    anchors: Option<(i64, i64)>,
    start: u64,
    rows: u64,
}

fn npy(args: &MineArgs, outputs: &mut OutputSet) -> Result<u64> {
    let mut parts = args.join.iter().map(|path| look_at_npy(path)).collect::<Result<Vec<_>>>()?;
    parts.sort_by_key(|part| part.anchors);
    let filled: Vec<&NpyPart> = parts.iter().filter(|part| part.anchors.is_some()).collect();
    for pair in filled.windows(2) {
        let ends = pair[0].anchors.map(|(_, last)| last);
        ensure!(
            ends < pair[1].anchors.map(|(first, _)| first),
            "{} and {} have anchors in common: they are not parts of one job",
            pair[0].path.display(),
            pair[1].path.display()
        );
    }
    let rows = parts.iter().map(|part| part.rows).sum();
    outputs.write(&args.out, |out| {
        output::npy_header(rows, out)?;
        for part in &parts {
            let mut file = File::open(&part.path)?;
            std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(part.start))?;
            let copied = std::io::copy(&mut BufReader::new(file).take(24 * part.rows), out)?;
            ensure!(copied == 24 * part.rows, "{}: is truncated", part.path.display());
        }
        Ok(out.flush()?)
    })?;
    Ok(rows)
}

fn look_at_npy(path: &Path) -> Result<NpyPart> {
    let shown = path.display();
    let (start, rows) = crate::io::npy_triplets(path)?;
    let mut file = File::open(path).with_context(|| format!("cannot open {shown}"))?;
    let mut anchor = |row: u64| -> Result<i64> {
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(start + 24 * row))?;
        let mut bytes = [0; 8];
        file.read_exact(&mut bytes).with_context(|| format!("{shown}: is truncated"))?;
        Ok(i64::from_le_bytes(bytes))
    };
    let anchors = match rows.checked_sub(1) {
        None => None,
        Some(last) => Some((anchor(0)?, anchor(last)?)),
    };
    Ok(NpyPart { path: path.to_owned(), anchors, start, rows })
}
