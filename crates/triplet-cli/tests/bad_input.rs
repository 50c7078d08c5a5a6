//! A table of bad input, a row a mistake: what is no file, files that are cut or promise too
//! much, and options that do not go together, for every command. Each is told within seconds,
//! by name, and leaves nothing behind.
#![cfg(target_os = "linux")]

mod support;

use arrow_array::{ArrayRef, Float32Array, Int64Array, RecordBatch};
use ndarray::{Array2, arr1, arr2};
use ndarray_npy::NpzWriter;
use parquet::arrow::ArrowWriter;
use std::{
    fs::{self, File},
    io::Write,
    os::unix::{fs::symlink, net::UnixListener},
    sync::Arc,
    time::{Duration, Instant},
};
use support::Bench;

/// Longer messages hide what is wrong.
const LONGEST: usize = 700;
/// More than any refusal takes.
const SOON: Duration = Duration::from_secs(20);

/// An npy file of a header and some zeros.
fn npy(version: u8, descriptor: &str, shape: &str, zeros: usize) -> Vec<u8> {
    let text = format!("{{'descr': {descriptor}, 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([version, 0]);
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.resize(bytes.len() + zeros, 0);
    bytes
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

/// A folder with good inputs and bad ones.
fn bench() -> Bench {
    let bench = Bench::new();
    let x = arr2(&[[0.0_f32, 1.0], [1.0, 0.5], [1.5, 2.0], [3.0, -1.0]]);
    bench.npy("x.npy", &x);
    bench.npy("x64.npy", &x.mapv(f64::from));
    bench.npy("wide.npy", &Array2::<f32>::zeros((4, 3)));
    bench.npy("y.npy", &arr1(&[0_i64, 0, 1, 2]));
    bench.npy("gap.npy", &arr1(&[0.0, f64::NAN, 1.0, 2.0]));
    let half = |name: &str| {
        let bytes = fs::read(bench.path(name)).unwrap();
        bench.write(&format!("cut-{name}"), &bytes[..bytes.len() / 2]);
        bytes
    };
    bench.write("more.npy", [half("x.npy"), b"123".to_vec()].concat());
    bench.write("rows.npy", npy(1, "'<f4'", "(1152921504606846976, 2)", 64));
    bench.write("labels.npy", npy(1, "'<i8'", "(1152921504606846976,)", 64));
    bench.write("triplets.npy", npy(1, "'<i8'", "(1152921504606846976, 3)", 24));
    bench.write("complex.npy", npy(1, "'<c8'", "(4, 2)", 64));
    bench.write("dates.npy", npy(1, "'<M8[ns]'", "(4, 2)", 64));
    bench.write("fields.npy", npy(1, "[('a', '<f4'), ('b', '<f4')]", "(4,)", 32));
    bench.write("version.npy", npy(9, "'<f4'", "(4, 2)", 32));
    bench.write("big.npy.gz", gz(&npy(1, "'<f4'", "(3750000, 2)", 30_000_000)));
    bench.write("big.csv.gz", gz(&b"1,2\n".repeat(7_500_000)));
    bench.write("t.csv.gz", gz(&b"a,label\n1,0\n2,1\n".repeat(500)));
    let mut sum = half("t.csv.gz");
    let end = sum.len() - 8;
    sum[end..].fill(0);
    bench.write("sum.csv.gz", sum);
    let mut npz = NpzWriter::new(File::create(bench.path("b.npz")).unwrap());
    npz.add_array("embeddings", &x).unwrap();
    npz.add_array("labels", &arr1(&[0_i64, 0, 1, 2])).unwrap();
    npz.finish().unwrap();
    half("b.npz");
    let columns: [(&str, ArrayRef); 2] = [
        ("a", Arc::new(Float32Array::from(vec![0.0, 1.0, 4.0, 9.0]))),
        ("label", Arc::new(Int64Array::from(vec![3_i64, 4, 3, 4]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = File::create(bench.path("t.parquet")).unwrap();
    let mut parquet = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    parquet.write(&batch).unwrap();
    parquet.close().unwrap();
    half("t.parquet");
    let file = File::create(bench.path("t.arrow")).unwrap();
    let mut arrow = arrow_ipc::writer::FileWriter::try_new(file, &batch.schema()).unwrap();
    arrow.write(&batch).unwrap();
    arrow.finish().unwrap();
    half("t.arrow");
    let head = br#"{"x":{"dtype":"F32","shape":[4,2],"data_offsets":[0,32]}}"#;
    let safetensors = [&(head.len() as u64).to_le_bytes()[..], head, &[0_u8; 8]].concat();
    bench.write("cut.safetensors", safetensors);
    bench.write("cut.jsonl", "{\"a\": 0, \"label\": 1}\n{\"a\": 1, \"lab");
    bench.write("t.csv", "a,b,label\n1,2,0\n2,3,1\n");
    bench.write("zero.csv", b"a,label\n1,0\n\0,1\n2,0\n");
    bench.write("quote.csv", "a,label\n\"1,0\n2,1\n");
    bench.write("far.csv", "a,label\n1,0\n1e400,1\n");
    bench.write("head.csv", "a,label\n");
    bench.write("text.csv", "label\ncat\ndog\nowl\ncat\n");
    bench.write("one.csv", "a,label\n1,0\n2,0\n3,0\n");
    bench.write("bad.toml", "[[benchmark]]\nname = 3\n");
    bench.write("null.json", "null");
    bench.write("deep.json", "[".repeat(200_000));
    fs::create_dir(bench.path("folder")).unwrap();
    fs::create_dir(bench.path("folder.npy")).unwrap();
    let links = [
        ("nothing.npy", "dangling.npy"),
        ("loop.npy", "loop.npy"),
        ("x.npy", "x"),
        ("/dev/full", "full.npy"),
    ];
    for (target, link) in links {
        symlink(target, bench.path(link)).unwrap();
    }
    drop(UnixListener::bind(bench.path("socket")).unwrap());
    assert_eq!(bench.shell("mkfifo pipe").code, Some(0));
    bench
}

/// A line of bash, in which `$X` are a batch and its labels, the status it ends with, and what
/// standard error has.
type Row = (&'static str, i32, &'static [&'static str]);

const ROWS: &[Row] = &[
    // What is no file, or none that can be opened.
    ("triplet loss --embeddings socket --labels y.npy", 2, &["cannot open socket: No such device"]),
    ("triplet loss --embeddings dangling.npy --labels y.npy", 2, &["cannot open dangling.npy: No such file"]),
    ("triplet loss --embeddings loop.npy --labels y.npy", 2, &["cannot open loop.npy: Too many levels"]),
    ("triplet loss --embeddings x.npy/in.npy --labels y.npy", 2, &["open x.npy/in.npy: Not a directory"]),
    ("triplet loss --embeddings x.npy --labels folder", 2, &["cannot open folder: it is a folder"]),
    ("triplet loss --embeddings x.npy --labels /dev/null", 2, &["/dev/null: is empty"]),
    ("triplet loss $X --weights /dev/zero", 2, &["/dev/zero: unknown format"]),
    (": > pipe & triplet loss --embeddings pipe --labels y.npy", 2, &["pipe: is empty"]),
    ("echo 1,2 > pipe & triplet loss --embeddings pipe --labels y.npy", 2, &["pipe: labels have shape [4]"]),
    ("head -c 20 x.npy > pipe & triplet loss --embeddings x.npy --labels pipe", 2, &["pipe: ", "truncated"]),
    ("triplet loss --embeddings - --labels y.npy <&-", 2, &["-: is empty"]),
    ("triplet loss --embeddings x --labels y.npy", 0, &["read x: 4 rows x 2 features"]),
    ("triplet mine --embeddings socket --labels y.npy --out t.npy", 2, &["cannot open socket"]),
    ("triplet mine --embeddings x.npy --labels loop.npy --out t.npy", 2, &["open loop.npy: Too many levels"]),
    ("triplet mine --embeddings folder --labels y.npy --out t.npy", 2, &["folder: it is a folder"]),
    ("triplet train --data socket --out o", 2, &["cannot open socket: No such device"]),
    ("triplet bench --definitions socket", 2, &["cannot read socket: No such device"]),
    ("triplet bench --definitions folder", 2, &["folder has no files *.toml"]),
    ("triplet bench compare socket null.json", 2, &["cannot read socket: No such device"]),
    ("triplet bench compare /dev/zero null.json", 2, &["/dev/zero is no run of triplet bench: over 256 MB"]),
    // Headers that promise what does not follow, and types without numbers.
    ("triplet loss --embeddings rows.npy --labels y.npy", 2, &["rows.npy: is truncated", "and 64 follow"]),
    ("triplet loss --embeddings x.npy --labels labels.npy", 2, &["labels.npy: is truncated", "64 follow"]),
    ("triplet loss --embeddings more.npy --labels y.npy", 2, &["more.npy: has bytes after its data"]),
    ("triplet loss --embeddings x.npy --labels gap.npy", 2, &["gap.npy: the label of row 1 is NaN"]),
    ("triplet loss --embeddings complex.npy --labels y.npy", 2, &["complex.npy", "'<c8'", "its real part"]),
    ("triplet loss --embeddings dates.npy --labels y.npy", 2, &["dates.npy", "'<M8[ns]'", ".astype(str)"]),
    ("triplet loss --embeddings fields.npy --labels y.npy", 2, &["fields.npy", "structured array"]),
    ("triplet loss --embeddings version.npy --labels y.npy", 2, &["version.npy", "its version is 9.0"]),
    ("triplet mine --embeddings rows.npy --labels y.npy --out t.npy", 2, &["rows.npy: is truncated"]),
    ("triplet mine --embeddings x.npy --labels labels.npy --out t.npy", 2, &["labels.npy: is truncated"]),
    ("triplet mine --embeddings more.npy --labels y.npy --out t.npy", 2, &["more.npy", "bytes after"]),
    ("triplet mine --join triplets.npy --out t.npy", 2, &["triplets.npy: is truncated"]),
    // Files that are cut, damaged, or unpack to more than is allowed.
    ("triplet loss --embeddings cut-t.csv.gz", 2, &["cut-t.csv.gz: not a readable gzip file"]),
    ("triplet loss --embeddings sum.csv.gz", 2, &["sum.csv.gz: not a readable gzip file", "checksum"]),
    ("triplet loss --embeddings cut-b.npz", 2, &["cut-b.npz: not a readable npz"]),
    ("triplet loss --embeddings cut-t.parquet", 2, &["cut-t.parquet: not a readable"]),
    ("triplet loss --embeddings cut-t.arrow", 2, &["cut-t.arrow: not a readable Arrow file"]),
    ("triplet loss --embeddings cut.safetensors --labels y.npy", 2, &["cut.safetensors: not a readable"]),
    ("triplet loss --embeddings cut.jsonl", 2, &["cut.jsonl: line 2: not a JSON object"]),
    ("triplet loss --embeddings big.npy.gz --labels y.npy --max-memory 20M", 2, &["big.npy.gz", "20.0 MB"]),
    ("triplet loss --embeddings x.npy --labels big.csv.gz --max-memory 20M", 2, &["big.csv.gz", "20.0 MB"]),
    ("triplet mine --embeddings big.csv.gz --max-memory 20M --out t.npy", 2, &["big.csv.gz", "20.0 MB"]),
    ("triplet train --data big.csv.gz --max-memory 20M --out o", 2, &["big.csv.gz", "20.0 MB"]),
    ("triplet train --data cut-t.parquet --out o", 2, &["cut-t.parquet: not a readable"]),
    ("triplet mine --join cut-t.parquet --out t2.parquet", 2, &["cut-t.parquet: not a readable"]),
    // Text, and columns that are not there.
    ("triplet loss --embeddings zero.csv", 2, &["zero.csv: is no text", "iconv"]),
    ("triplet loss --embeddings quote.csv", 2, &["quote.csv: line 2: a quote is opened there"]),
    ("triplet loss --embeddings far.csv", 2, &["far.csv: embeddings[1, 0] is inf"]),
    ("triplet loss --embeddings head.csv", 2, &["head.csv: holds no rows"]),
    ("triplet loss $X --weights text.csv", 2, &["text.csv: line 2", "\"cat\""]),
    ("triplet loss --embeddings t.parquet --label-column nope", 2, &["no column \"nope\": it has a, label"]),
    ("triplet loss --embeddings t.csv --drop nope", 2, &["t.csv: --drop", "it has a, b, label"]),
    ("triplet loss --embeddings b.npz:nope --labels y.npy", 2, &["no array \"nope\"", "embeddings, labels"]),
    ("triplet train --data one.csv --out o", 2, &["the data has 1 class"]),
    ("triplet bench --definitions bad.toml", 2, &["bad.toml, line 2 (name = 3): invalid type"]),
    ("triplet bench --definitions x.npy", 2, &["cannot read x.npy", "UTF-8"]),
    ("triplet bench compare null.json deep.json", 2, &["null.json is no run", "triplet bench --save wrote"]),
    ("triplet bench compare deep.json null.json", 2, &["deep.json is no run", "recursion limit"]),
    // Inputs and options that do not go together.
    ("triplet mine $X --anchors wide.npy --anchor-labels y.npy --out t.npy", 2, &["have width 3"]),
    ("triplet mine $X --anchors x64.npy --anchor-labels y.npy --out t.npy", 2, &["one is f64"]),
    ("triplet mine $X --anchors x.npy --anchor-labels text.csv --out t.npy", 2, &["not both text"]),
    ("triplet mine $X --anchors x.npy --out t.npy", 2, &["the anchors: x.npy"]),
    ("triplet mine $X --anchor-labels y.npy --out t.npy", 2, &["--anchors <FILE>"]),
    ("triplet mine $X --checkpoint=-1 --out t.npy", 2, &["--checkpoint -1"]),
    ("triplet mine $X --max-score nan --out t.npy", 2, &["max_score is NaN"]),
    ("triplet mine $X --min-score 2 --max-score 1 --out t.npy", 2, &["above max_score"]),
    ("triplet mine $X --part 0/3 --out t.npy", 2, &["\"0/3\" is no part"]),
    ("triplet mine $X --memory lots --out t.npy", 2, &["\"lots\" is no size"]),
    ("triplet mine $X", 2, &["--out <FILE>"]),
    ("triplet mine --join t.parquet --out t2.parquet", 2, &["t.parquet: was not written by triplet mine"]),
    ("triplet mine --join triplets.npy --out t2.parquet", 2, &["npy files have no distances"]),
    ("triplet mine --join triplets.npy --embeddings x.npy --out t.npy", 2, &["cannot be used with"]),
    ("triplet train --data t.csv --held-out nan --out o", 2, &["--held-out is NaN: give a fraction"]),
    ("triplet train --data t.csv --classes-per-batch 0 --out o", 2, &["is 0: give at least 2"]),
    ("triplet bench --limit=-1", 2, &["--limit is -1: give a positive number"]),
    ("triplet bench --peers", 2, &["--python <PYTHON>"]),
    ("triplet info --all", 2, &["unexpected argument '--all'"]),
    // Outputs.
    ("triplet loss $X --gradient full.npy", 2, &["write full.npy", "No space left"]),
    ("triplet loss $X --gradient x.npy/g.npy", 2, &["write x.npy/g.npy: Not a directory"]),
    ("triplet loss $X --triplets x", 2, &["--triplets would replace x"]),
    ("triplet mine $X --out folder.npy", 2, &["folder.npy: it is a folder"]),
    ("triplet mine $X --out y.npy", 2, &["would replace y.npy", "--labels"]),
    ("triplet mine $X --out loop.npy", 2, &["loop.npy: it goes through", "links"]),
    ("triplet mine $X --out t.npy --work x.npy", 2, &["x.npy: File exists"]),
    ("triplet bench --csv folder", 2, &["cannot write folder: it is a folder"]),
    ("triplet info --json > /dev/full", 2, &["cannot write to standard output: No space left"]),
];

#[test]
fn bad_input_is_told_by_name_soon_and_leaves_nothing() {
    let bench = bench();
    let before = bench.files();
    let mut failures = Vec::new();
    for &(line, code, fragments) in ROWS {
        let start = Instant::now();
        let run = bench.shell(&format!("X='--embeddings x.npy --labels y.npy'; {line}"));
        let errors = run.stderr.lines().filter(|line| line.starts_with("error: ")).count();
        let told = errors == usize::from(code != 0) && !run.stderr.contains("panicked");
        let whole = fragments.iter().all(|fragment| run.stderr.contains(fragment));
        let bounded = run.stderr.len() < LONGEST && start.elapsed() < SOON;
        let after = bench.files();
        if run.code != Some(code) || !told || !whole || !bounded || after != before {
            failures.push(format!("{line}\n  {:?}, {run:?}\n  left {after:?}", start.elapsed()));
        }
    }
    assert!(failures.is_empty(), "{} of {} rows:\n{}", failures.len(), ROWS.len(), failures.join("\n"));
    println!("{} rows", ROWS.len());
}
