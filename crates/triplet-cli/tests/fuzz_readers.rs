//! Good files of every format with bytes flipped, put in, taken out and cut off, read in this
//! process. `cargo xtask fuzz-readers` runs it for minutes.
//!
//! What must hold of every damaged file:
//!
//! - reading neither panics nor aborts, and an error is one line of some hundred characters;
//! - reading it again says the same;
//! - formats with checksums over all of their data (npz, gz) give the good file's table or an
//!   error;
//! - a text table has as many rows, columns and classes as a second reader, the `csv` crate,
//!   finds in the damaged text;
//! - binary formats have no checksum over everything, and a flip may turn one value into
//!   another: rows and features are the good file's, or there is an error. An npy header with
//!   another shape must promise as many bytes as there are.

use arrow_array::{ArrayRef, Float32Array, Int64Array, RecordBatch, StringArray};
use ndarray::{Array2, arr1};
use ndarray_npy::{NpzWriter, WriteNpyExt, npy::header::Header};
use parquet::arrow::ArrowWriter;
use safetensors::{Dtype, tensor::TensorView};
use std::{
    collections::{HashMap, HashSet},
    env, fs,
    io::{Cursor, Write},
    panic,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use triplet_cli::{Description, describe};

const ROWS: usize = 24;
const FEATURES: usize = 3;
/// Longer messages hide what is wrong.
const LONGEST: usize = 700;

fn value(row: usize, column: usize) -> f32 {
    (row * 7 + column * 3) as f32 % 11.0 + 0.25
}

/// Names and bytes of good files.
fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let numbers = |row: usize| (0..FEATURES).map(|column| value(row, column).to_string()).collect::<Vec<_>>();
    let words = ["cat", "dog", "ant"];
    let table = |separator: &str| -> String {
        let header = format!("a{separator}b{separator}c{separator}label\n");
        let rows = (0..ROWS).map(|row| format!("{}{separator}{}\n", numbers(row).join(separator), row % 3));
        header + &rows.collect::<String>()
    };
    let quoted: String =
        (0..ROWS).map(|row| format!("{},\"{}\"\n", numbers(row).join(","), words[row % 3])).collect();
    let jsonl: String = (0..ROWS)
        .map(|row| format!("{{\"x\": [{}], \"label\": \"{}\"}}\n", numbers(row).join(", "), words[row % 3]))
        .collect();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(table(",").as_bytes()).unwrap();

    let features = Array2::from_shape_fn((ROWS, FEATURES), |(row, column)| value(row, column));
    let labels: Vec<i64> = (0..ROWS as i64).map(|row| row % 3).collect();
    let joined = Array2::from_shape_fn((ROWS, FEATURES + 1), |(row, column)| {
        if column < FEATURES { value(row, column) } else { (row % 3) as f32 }
    });
    let mut npy = Vec::new();
    joined.write_npy(&mut npy).unwrap();
    let mut npz = NpzWriter::new_compressed(Cursor::new(Vec::new()));
    npz.add_array("embeddings", &features).unwrap();
    npz.add_array("labels", &arr1(&labels)).unwrap();
    let bytes: Vec<u8> = features.iter().flat_map(|x| x.to_le_bytes()).collect();
    let classes: Vec<u8> = labels.iter().flat_map(|y| y.to_le_bytes()).collect();
    let tensors = HashMap::from([
        ("x", TensorView::new(Dtype::F32, vec![ROWS, FEATURES], &bytes).unwrap()),
        ("y", TensorView::new(Dtype::I64, vec![ROWS], &classes).unwrap()),
    ]);

    let mut columns: Vec<(String, ArrayRef)> = (0..FEATURES)
        .map(|column| {
            let values: Float32Array = (0..ROWS).map(|row| Some(value(row, column))).collect();
            (format!("p{column}"), Arc::new(values) as ArrayRef)
        })
        .collect();
    let names: StringArray = (0..ROWS).map(|row| Some(words[row % 3])).collect();
    columns.push(("id".into(), Arc::new(Int64Array::from((0..ROWS as i64).collect::<Vec<_>>()))));
    columns.push(("label".into(), Arc::new(names)));
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut parquet = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut parquet, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let mut feather = arrow_ipc::writer::FileWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    feather.write(&batch).unwrap();
    let mut stream = arrow_ipc::writer::StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    stream.write(&batch).unwrap();
    vec![
        ("t.csv", table(",").into_bytes()),
        ("semicolons.csv", table(";").into_bytes()),
        ("spaces.txt", table("  ").into_bytes()),
        ("quoted.csv", quoted.into_bytes()),
        ("t.csv.gz", gz.finish().unwrap()),
        ("t.jsonl", jsonl.into_bytes()),
        ("t.npy", npy),
        ("t.npz", npz.finish().unwrap().into_inner()),
        ("t.safetensors", safetensors::serialize(tensors, None).unwrap()),
        ("t.parquet", parquet),
        ("t.feather", feather.into_inner().unwrap()),
        ("t.arrows", stream.into_inner().unwrap()),
    ]
}

/// Damages bytes in one to four places.
fn damage(bytes: &[u8], rng: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..rng.usize(1..=4) {
        let at = rng.usize(0..bytes.len().max(1));
        if bytes.is_empty() {
            break;
        }
        match rng.u8(0..8) {
            0..4 => bytes[at] ^= 1 << rng.u8(0..8),
            4 => bytes[at] = rng.u8(..),
            5 => bytes.insert(at, rng.u8(..)),
            6 => drop(bytes.remove(at)),
            _ if rng.u8(0..4) == 0 => bytes.truncate(at),
            _ => bytes[at] = *b"0.,;-\"#\n\t eE:{}[]\xff\0".get(rng.usize(0..20)).unwrap_or(&b'9'),
        }
    }
    bytes
}

/// What is wrong with how a damaged file was read.
fn judge(
    name: &str,
    good: &Description,
    bytes: &[u8],
    read: &Result<Description, String>,
) -> Result<(), String> {
    let read = match read {
        Ok(read) => read,
        Err(message) if message.len() > LONGEST => {
            return Err(format!("a message of {} bytes", message.len()));
        }
        Err(message) if message.contains("IxDyn") => return Err(format!("debug output: {message}")),
        Err(_) => return Ok(()),
    };
    let shape = |d: &Description| (d.rows, d.features);
    match name {
        "t.csv.gz" | "t.npz" if (shape(read), &read.classes) != (shape(good), &good.classes) => {
            Err("a table that differs, in spite of checksums".into())
        }
        "t.npy" => {
            let header =
                Header::from_reader(&mut &bytes[..]).map_err(|e| format!("a header that is none: {e}"))?;
            if header.shape != [read.rows, read.features + 1] {
                return Err(format!("shape {:?} became {:?}", header.shape, shape(read)));
            }
            Ok(())
        }
        "t.csv" | "semicolons.csv" | "quoted.csv" => by_a_second_reader(read, bytes),
        // Cut at the end of a line, text is whole; lines are counted by themselves.
        "spaces.txt" | "t.jsonl" => {
            let is_row = |line: &&[u8]| !line.trim_ascii().is_empty() && !line.trim_ascii().starts_with(b"#");
            let ends: &[u8] = if name == "t.jsonl" { b"\n" } else { b"\n\r" };
            let lines = bytes.split(|byte| ends.contains(byte)).filter(is_row).count();
            let header = usize::from(read.line.contains("; header"));
            // A quoted line break joins lines.
            if lines != read.rows + header && !bytes.contains(&b'"') || lines < read.rows + header {
                return Err(format!("{lines} lines became {} rows: {}", read.rows, read.line));
            }
            if name == "t.jsonl" && lines != read.rows {
                return Err(format!("{lines} lines became {} rows", read.rows));
            }
            Ok(())
        }
        // A flip may turn a name into that of an id or back: such a column is dropped, and said.
        _ if (read.rows, read.features + dropped(&read.line))
            != (good.rows, good.features + dropped(&good.line)) =>
        {
            Err(format!("{:?} became {:?}", shape(good), shape(read)))
        }
        _ => Ok(()),
    }
}

/// Columns that a line says are not used.
fn dropped(line: &str) -> usize {
    line.split("; dropped ").nth(1).map_or(0, |rest| rest.matches(" (").count())
}

/// Rows, columns and classes of text, by the `csv` crate with the separator that was said.
fn by_a_second_reader(read: &Description, bytes: &[u8]) -> Result<(), String> {
    let word = read.line.split("separated by ").nth(1).map(|rest| rest.split(';').next().unwrap_or_default());
    let separator = match word {
        None => b',',
        Some("semicolon") => b';',
        Some("tab") => b'\t',
        Some("pipe") => b'|',
        // Runs of spaces are not the csv crate's.
        Some(_) => return Ok(()),
    };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .delimiter(separator)
        .flexible(true)
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let records: Vec<csv::StringRecord> =
        reader.records().collect::<Result<_, _>>().map_err(|e| e.to_string())?;
    let mut records: Vec<Vec<&str>> = records
        .iter()
        .map(|record| record.iter().collect::<Vec<_>>())
        .filter(|record| record.iter().any(|field| !field.is_empty()))
        .collect();
    let header = read.line.contains("; header");
    let names = if header && !records.is_empty() { records.remove(0) } else { Vec::new() };
    let dropped = dropped(&read.line);
    let columns = records.first().map_or(names.len(), Vec::len);
    if records.len() != read.rows || columns != read.features + 1 + dropped {
        return Err(format!(
            "{} x {} became {} x {} and {dropped} dropped: {}",
            records.len(),
            columns,
            read.rows,
            read.features,
            read.line
        ));
    }
    if records.iter().any(|record| record.len() != columns) {
        return Err("rows of unequal length were read".into());
    }
    let label =
        read.line.split("column \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    let label =
        names.iter().position(|name| *name == label).or_else(|| label.strip_prefix("column ")?.parse().ok());
    let Some(label) = label else { return Ok(()) };
    // One number in two spellings is one class.
    let all_numbers = records.iter().all(|record| record[label].parse::<f64>().is_ok());
    let class = |text: &str| {
        let number =
            text.parse::<f64>().ok().filter(|_| all_numbers).map(|number| format!("{}", number + 0.0));
        number.unwrap_or_else(|| text.to_lowercase())
    };
    let classes: HashSet<String> = records.iter().map(|record| class(record[label])).collect();
    if classes.len() > read.classes.len() {
        return Err(format!("{} classes became {}: {}", classes.len(), read.classes.len(), read.line));
    }
    Ok(())
}

#[test]
fn damaged_files_are_refused_or_read_as_they_are() {
    let number =
        |name: &str, default: u64| env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (seconds, seed) = (number("TRIPLET_FUZZ_SECONDS", 1), number("TRIPLET_FUZZ_SEED", 0));
    let folder = tempfile::tempdir().unwrap();
    let read = |path: &Path| panic::catch_unwind(|| describe(path)).map_err(|_| "a panic".to_owned());
    let seeds: Vec<(&str, Vec<u8>, Description)> = seeds()
        .into_iter()
        .map(|(name, bytes)| {
            let path = folder.path().join(name);
            fs::write(&path, &bytes).unwrap();
            let good = describe(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!((good.rows, good.features, good.classes.len()), (ROWS, FEATURES, 3), "{name}");
            (name, bytes, good)
        })
        .collect();
    let mut rng = fastrand::Rng::with_seed(seed);
    let (mut files, mut accepted) = (0_u64, 0_u64);
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        for (name, bytes, good) in &seeds {
            let path = folder.path().join(name);
            let damaged = damage(bytes, &mut rng);
            fs::write(&path, &damaged).unwrap();
            let verdict = read(&path).and_then(|first| {
                accepted += u64::from(first.is_ok());
                if read(&path)? != first {
                    return Err("two readings differ".into());
                }
                judge(name, good, &damaged, &first)
            });
            if let Err(problem) = verdict {
                let kept = env::temp_dir().join(format!("triplet-fuzz-{seed}-{files}-{name}"));
                fs::write(&kept, &damaged).unwrap();
                panic!("seed {seed}, file {files}, {name}: {problem}; kept as {}", kept.display());
            }
            files += 1;
        }
    }
    println!("seed {seed}: {files} damaged files, {accepted} of them read, in {seconds} s");
    assert!(files > 0);
}
