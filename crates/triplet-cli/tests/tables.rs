//! Tables as people have them: separators, headers, indices, labels of every kind.

mod support;

use arrow_array::{
    ArrayRef, DictionaryArray, FixedSizeListArray, Float32Array, Float64Array, Int64Array, RecordBatch,
    StringArray, UInt64Array, types::Int32Type,
};
use arrow_schema::{DataType, Field};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use ndarray::{Array1, Array2, arr1, arr2};
use ndarray_npy::NpzWriter;
use parquet::arrow::ArrowWriter;
use std::{
    fs::File,
    io::{Read, Write},
    sync::Arc,
};
use support::Bench;

/// What a run must give.
enum Gives {
    /// A loss.
    Loss(f64),
    /// A refusal with these words.
    Error(&'static [&'static str]),
}
use Gives::{Error, Loss};

/// Files of one case, the arguments of `loss`, and what comes out. Rows 0, 1, 4, 9 with
/// classes 0 1 0 1 have a loss of 1.5.
type Case = (&'static str, &'static [(&'static str, &'static str)], &'static str, Gives);

const X: (&str, &str) = ("x.csv", "0\n1\n4\n9\n");
const Y: (&str, &str) = ("y.csv", "0\n1\n0\n1\n");
const XY: &str = "--embeddings x.csv --labels y.csv";

const CASES: &[Case] = &[
    ("plain columns", &[X, Y], XY, Loss(1.5)),
    // Labels beyond what floats hold.
    ("2^24 with points", &[X, ("y.csv", "16777216.0\n16777217.0\n16777216.0\n16777217.0\n")], XY, Loss(1.5)),
    (
        "2^24 beside a column of floats",
        &[("t.csv", "a,label\n0.0,16777216\n1.0,16777217\n4.0,16777216\n9.0,16777217\n")],
        "--embeddings t.csv",
        Loss(1.5),
    ),
    (
        "2^53 with points",
        &[X, ("y.csv", "9007199254740992.0\n9007199254740993.0\n9007199254740992.0\n9007199254740993.0\n")],
        XY,
        Loss(1.5),
    ),
    (
        "savetxt's labels",
        &[X, ("y.txt", "0.0e+00\n1.000e+00\n0.000e+00\n1.000e+00\n")],
        "--embeddings x.csv --labels y.txt",
        Loss(1.5),
    ),
    ("2^63", &[X, ("y.csv", "1\n9223372036854775808\n1\n2\n")], XY, Error(&["y.csv", "line 2", "2^63"])),
    (
        "a label that is no integer",
        &[X, ("y.csv", "1\n0.5\n1\n0.5\n")],
        XY,
        Error(&["line 2", "0.5", "integers or text"]),
    ),
    ("a missing label", &[X, ("y.csv", "1\nnan\n1\n2\n")], XY, Error(&["line 2", "missing"])),
    ("one number in two spellings", &[X, ("y.csv", "01\n1\n01\n1\n")], XY, Error(&["\"01\"", "one way"])),
    ("labels with leading zeros", &[X, ("y.csv", "007\n010\n007\n010\n")], XY, Loss(1.5)),
    // Text, bool, dates.
    ("text", &[X, ("y.csv", "cat\ndog\ncat\ndog\n")], XY, Loss(1.5)),
    ("text with a header", &[X, ("y.csv", "label\ncat\ndog\ncat\ndog\n")], XY, Loss(1.5)),
    ("bool", &[X, ("y.csv", "True\nFalse\nTrue\nFalse\n")], XY, Loss(1.5)),
    ("dates", &[X, ("y.csv", "2024-01-01\n2024-01-02\n2024-01-01\n2024-01-02\n")], XY, Loss(1.5)),
    ("text among numbers", &[X, ("y.csv", "1\ncat\n1\ncat\n")], XY, Loss(1.5)),
    // First lines.
    (
        "first label is text",
        &[("x.csv", "0\n1\n"), ("y.csv", "cat\n1\n1\n")],
        XY,
        Error(&["y.csv", "cat", "--header=labels", "--no-header=labels"]),
    ),
    ("first label is text, of as many rows", &[X, ("y.csv", "cat\n1\ncat\n1\n")], XY, Loss(1.5)),
    (
        "first label is text, text below",
        &[X, ("y.csv", "species\ncat\ndog\ncat\ndog\n")],
        XY,
        Error(&["y.csv", "species", "--header=labels"]),
    ),
    (
        "the same, decided",
        &[X, ("y.csv", "species\ncat\ndog\ncat\ndog\n")],
        "--embeddings x.csv --labels y.csv --header=labels",
        Loss(1.5),
    ),
    (
        "pandas' numeric headers",
        &[("x.csv", "0\n0\n1\n4\n9\n"), ("y.csv", "0\n0\n1\n0\n1\n")],
        XY,
        Error(&["x.csv", "--header", "--no-header"]),
    ),
    (
        "the same, decided",
        &[("x.csv", "0\n0\n1\n4\n9\n"), ("y.csv", "0\n0\n1\n0\n1\n")],
        "--embeddings x.csv --labels y.csv --header",
        Loss(1.5),
    ),
    (
        "a numeric header over floats",
        &[("x.csv", "0,1,2\n0.0,0,0\n1.0,0,0\n4.0,0,0\n9.0,0,0\n"), Y],
        XY,
        Loss(1.5),
    ),
    (
        "a numeric header over integers",
        &[("x.csv", "0,1,2\n0,0,0\n1,0,0\n4,0,0\n9,0,0\n"), ("y.csv", "0\n0\n1\n0\n1\n")],
        XY,
        Loss(1.5),
    ),
    (
        "two columns under a numeric header",
        &[("x.csv", "0,1\n0,0\n1,0\n4,0\n9,0\n"), ("y.csv", "5\n6\n5\n6\n")],
        XY,
        Loss(1.5),
    ),
    (
        "rows that go on counting",
        &[("x.csv", "0,1,2\n3,4,5\n6,7,8\n9,10,11\n"), ("y.csv", "5\n6\n5\n6\n")],
        "--embeddings x.csv --labels y.csv",
        Loss(3.098_076),
    ),
    (
        "duplicate names",
        &[("t.csv", "a,a,label\n1,2,3\n")],
        "--embeddings t.csv",
        Error(&["t.csv", "both called \"a\""]),
    ),
    (
        "an empty name",
        &[("t.csv", "a,,label\n0,0,0\n1,0,1\n4,0,0\n9,0,1\n")],
        "--embeddings t.csv",
        Loss(1.5),
    ),
    // Columns that are no features.
    ("pandas' index", &[("x.csv", ",a\n0,0\n1,1\n2,4\n3,9\n"), Y], XY, Loss(1.5)),
    (
        "pandas' index, read and written again",
        &[("x.csv", "Unnamed: 0,a\n0,0\n1,1\n2,4\n3,9\n"), Y],
        XY,
        Loss(1.5),
    ),
    ("an index of labels", &[X, ("y.csv", ",label\n0,0\n1,1\n2,0\n3,1\n")], XY, Loss(1.5)),
    ("an id", &[("t.csv", "user_id,a,label\n7,0,0\n3,1,1\n9,4,0\n1,9,1\n")], "--embeddings t.csv", Loss(1.5)),
    (
        "an index of floats",
        &[("t.csv", ",a,label\n0.5,0,0\n1.5,1,1\n2.5,4,0\n3.5,9,1\n")],
        "--embeddings t.csv",
        Error(&["no name", "--drop 0", "--keep 0"]),
    ),
    (
        "weights beside features",
        &[("t.csv", "sample_weight,a,label\n5,0,0\n6,1,1\n7,4,0\n8,9,1\n")],
        "--embeddings t.csv",
        Loss(1.5),
    ),
    (
        "a named column that counts the rows",
        &[("t.csv", "n,a,label\n0,0,0\n1,1,1\n2,4,0\n3,9,1\n4,5,0\n5,5,0\n6,5,0\n7,5,0\n")],
        "--embeddings t.csv",
        Error(&["\"n\" counts the rows", "--drop n", "--keep n"]),
    ),
    (
        "--drop",
        &[(
            "t.csv",
            "when,a,b,label\n2024-01-01,0,7,0\n2024-01-02,1,8,1\n2024-01-03,4,2,0\n2024-01-04,9,1,1\n",
        )],
        "--embeddings t.csv --drop when,2",
        Loss(1.5),
    ),
    (
        "dates as features",
        &[("t.csv", "when,a,label\n2024-01-01,0,0\n2024-01-02,1,1\n")],
        "--embeddings t.csv",
        Error(&["\"when\" holds dates", "--drop when"]),
    ),
    (
        "text as features",
        &[("t.csv", "name,a,label\nann,0,0\nbob,1,1\n")],
        "--embeddings t.csv",
        Error(&["\"name\" holds text", "--drop name"]),
    ),
    (
        "an unknown column",
        &[("t.csv", "a,label\n0,0\n1,1\n")],
        "--embeddings t.csv --drop b",
        Error(&["no column \"b\"", "a, label"]),
    ),
    (
        "a row number without a name",
        &[("x.csv", "0,0.5\n1,1.5\n2,4.5\n3,9.5\n"), Y],
        XY,
        Error(&["x.csv", "column 0 counts the rows", "--drop 0", "--keep 0"]),
    ),
    (
        "the same, dropped",
        &[("x.csv", "0,0.5\n1,1.5\n2,4.5\n3,9.5\n"), Y],
        "--embeddings x.csv --labels y.csv --drop 0",
        Loss(1.5),
    ),
    (
        "bools as features",
        &[("t.csv", "a,b,label\n0,true,0\n1,true,1\n4,true,0\n9,true,1\n")],
        "--embeddings t.csv",
        Loss(1.5),
    ),
    (
        "an empty field",
        &[("t.csv", "a,b,label\n0,1,0\n1,,1\n")],
        "--embeddings t.csv",
        Error(&["line 3, field 2", "is empty"]),
    ),
    (
        "an integer that f32 does not hold",
        &[("t.csv", "a,label\n16777217,0\n1,1\n")],
        "--embeddings t.csv",
        Error(&["line 2, field 1", "16777217", "f32"]),
    ),
    // The label column.
    ("label first", &[("t.csv", "label,a\n0,0\n1,1\n0,4\n1,9\n")], "--embeddings t.csv", Loss(1.5)),
    (
        "label by its number",
        &[("t.csv", "0,0.5\n1,1.5\n0,4.5\n1,9.5\n")],
        "--embeddings t.csv --label-column 0",
        Loss(1.5),
    ),
    (
        "label by its number from the end",
        &[("t.csv", "0.5,0\n1.5,1\n4.5,0\n9.5,1\n")],
        "--embeddings t.csv --label-column -1",
        Loss(1.5),
    ),
    (
        "label by another name",
        &[("t.csv", "a,Species\n0,cat\n1,dog\n4,cat\n9,dog\n")],
        "--embeddings t.csv --label-column species",
        Loss(1.5),
    ),
    (
        "two labels",
        &[("t.csv", "a,class,target\n0,0,0\n1,1,0\n")],
        "--embeddings t.csv",
        Error(&["\"class\" and \"target\"", "--label-column class"]),
    ),
    (
        "two labels, one chosen",
        &[("t.csv", "a,class,target\n0,0,7\n1,1,8\n4,0,9\n9,1,5\n")],
        "--embeddings t.csv --label-column class",
        Loss(1.5),
    ),
    (
        "no label",
        &[("t.csv", "a,b\n0,0\n1,1\n")],
        "--embeddings t.csv",
        Error(&["no column is called label", "a, b", "--label-column"]),
    ),
    (
        "no label and no header",
        &[("t.csv", "0.5,7\n1.5,9\n")],
        "--embeddings t.csv",
        Error(&["t.csv", "--labels", "--label-column"]),
    ),
    ("coordinates", &[("t.csv", "x,y,label\n0,0,0\n1,0,1\n4,0,0\n9,0,1\n")], "--embeddings t.csv", Loss(1.5)),
    // Separators.
    ("semicolons", &[("t.csv", "a;b;label\n0;0;0\n1;0;1\n4;0;0\n9;0;1\n")], "--embeddings t.csv", Loss(1.5)),
    (
        "tabs",
        &[("t.tsv", "a\tlabel\n0\tred one\n1\tgreen one\n4\tred one\n9\tgreen one\n")],
        "--embeddings t.tsv",
        Loss(1.5),
    ),
    ("pipes", &[("t.txt", "a|label\n0|0\n1|1\n4|0\n9|1\n")], "--embeddings t.txt", Loss(1.5)),
    (
        "runs of spaces",
        &[("t.txt", "# a label\n  0.0   0\n  1.0   1\n\n  4.0   0\n  9.0   1\n")],
        "--embeddings t.txt",
        Loss(1.5),
    ),
    (
        "savetxt",
        &[("x.txt", "0.0 1\n1.0 1\n4.0 1\n9.0 1\n"), Y],
        "--embeddings x.txt --labels y.csv",
        Loss(1.5),
    ),
    (
        "another separator",
        &[("t.csv", "a:label\n0:0\n1:1\n4:0\n9:1\n")],
        "--embeddings t.csv --separator :",
        Loss(1.5),
    ),
    (
        "crlf and a byte order mark",
        &[("t.csv", "\u{feff}label,a\r\n0,0\r\n1,1\r\n0,4\r\n1,9\r\n")],
        "--embeddings t.csv",
        Loss(1.5),
    ),
    (
        "quotes",
        &[("t.csv", "\"label\",\"a\"\n\"x, y\",\"0\"\n\"z\",\"1\"\n\"x, y\",\"4\"\n\"z\",\"9\"\n")],
        "--embeddings t.csv",
        Loss(1.5),
    ),
    (
        "decimal commas",
        &[("t.csv", "a;label\n0,5;0\n1,5;1\n")],
        "--embeddings t.csv",
        Error(&["decimal commas", "0,5"]),
    ),
    (
        "decimal commas as pandas writes them",
        &[("t.csv", "a;species\n0,5;cat\n-1,25;dog\n")],
        "--embeddings t.csv --label-column species",
        Error(&["decimal commas", "0,5"]),
    ),
    (
        "decimal commas, with a separator",
        &[("t.csv", "a;species\n0,5;cat\n-1,25;dog\n")],
        "--embeddings t.csv --label-column species --separator ;",
        Error(&["\"a\"", "decimal commas"]),
    ),
    (
        "two separators",
        &[("t.csv", "a,b;c\nd,e;f\n")],
        "--embeddings t.csv",
        Error(&["--separator comma", "--separator semicolon"]),
    ),
    (
        "a wrong separator",
        &[("t.csv", "a;label\n0;0\n1\n")],
        "--embeddings t.csv",
        Error(&["line 3 has 1 field", "semicolon", "--separator"]),
    ),
    (
        "a quote left open",
        &[("t.csv", "a,label\n0,\"x\n1,y\n")],
        "--embeddings t.csv",
        Error(&["line 2", "quote"]),
    ),
    // JSON lines.
    (
        "objects",
        &[(
            "t.jsonl",
            "{\"a\": 0, \"label\": \"x\"}\n{\"label\": \"y\", \"a\": 1}\n{\"a\": 4.0, \"label\": \"x\"}\n{\"a\": 9, \"label\": \"y\"}\n",
        )],
        "--embeddings t.jsonl",
        Loss(1.5),
    ),
    (
        "objects with arrays",
        &[(
            "t.jsonl",
            "{\"embedding\": [0, 1], \"text\": \"q\", \"label\": 3}\n{\"embedding\": [1, 1], \"text\": \"r\", \"label\": 4}\n{\"embedding\": [4, 1], \"text\": \"s\", \"label\": 3}\n{\"embedding\": [9, 1], \"text\": \"t\", \"label\": 4}\n",
        )],
        "--embeddings t.jsonl",
        Loss(1.5),
    ),
    (
        "a missing field",
        &[("t.jsonl", "{\"a\": 0, \"label\": 1}\n{\"label\": 2}\n")],
        "--embeddings t.jsonl",
        Error(&["row 1", "\"a\"", "missing"]),
    ),
    (
        "a field beyond 2^63",
        &[("t.jsonl", "{\"a\": 0, \"label\": 9223372036854775808}\n")],
        "--embeddings t.jsonl",
        Error(&["line 1", "2^63"]),
    ),
    (
        "a JSON array",
        &[("t.json", "[{\"a\": 0, \"label\": 1}]\n")],
        "--embeddings t.json",
        Error(&["JSON array", "lines=True"]),
    ),
    (
        "word vectors",
        &[("t.txt", "cat 0.5 1\ndog 0.25 2\nant 0.5 3\n"), ("y.csv", "5\n6\n5\n")],
        "--embeddings t.txt --labels y.csv",
        Error(&["holds text", "--drop 0"]),
    ),
    (
        "word2vec",
        &[("t.txt", "3 2\ncat 0.5 1\ndog 0.25 2\nant 0.5 3\n"), ("y.csv", "5\n6\n5\n")],
        "--embeddings t.txt --labels y.csv",
        Error(&["word2vec", "tail -n +2"]),
    ),
];

#[test]
fn every_kind_of_text_gives_its_value_or_a_refusal() {
    for (name, files, arguments, gives) in CASES {
        let bench = Bench::new();
        for (file, text) in *files {
            bench.write(file, text);
        }
        check(&bench, name, arguments, gives);
    }
}

fn check(bench: &Bench, name: &str, arguments: &str, gives: &Gives) {
    let run = bench.run(&format!("loss --distance l2 {arguments} --json"));
    match gives {
        Loss(expected) => {
            assert_eq!(run.code, Some(0), "{name}: {run:?}");
            let loss = run.json()["loss"].as_f64().unwrap();
            assert!((loss - expected).abs() < 1e-6, "{name}: {loss} is not {expected}: {run:?}");
            assert!(run.stderr.starts_with("read "), "{name}: {run:?}");
        }
        Error(fragments) => {
            assert_eq!(run.code, Some(2), "{name}: {run:?}");
            assert_eq!(run.stderr.lines().count(), 1, "{name}: {run:?}");
            for fragment in *fragments {
                assert!(run.stderr.contains(fragment), "{name}: {fragment:?} is not in {}", run.stderr);
            }
        }
    }
}

#[test]
fn arrays_carry_labels_of_every_type() {
    let bench = Bench::new();
    let x = arr2(&[[0.0_f32], [1.0], [4.0], [9.0]]);
    bench.npy("x.npy", &x);
    bench.npy("bool.npy", &arr1(&[true, false, true, false]));
    bench.write("text.npy", npy("<U3", "(4,)", &utf32(&["cat", "dog", "cat", "dog"], 3)));
    bench.write("bytes.npy", npy("|S3", "(4,)", b"catdogcatdog"));
    bench.write("big.npy", npy("<u8", "(4,)", &[1, 1 << 63, 1, 2_u64].map(u64::to_le_bytes).concat()));
    bench.write("object.npy", npy("|O", "(4,)", b""));
    bench.npy("f32.npy", &arr1(&[1.0_f32, 2.0, 1.0, 2.0]));
    bench.npy("f32-edge.npy", &arr1(&[16_777_215.0_f32, 16_777_216.0, 1.0, 2.0]));
    bench.npy("f64.npy", &arr1(&[16_777_216.0_f64, 16_777_217.0, 16_777_216.0, 16_777_217.0]));
    bench.npy("f64-edge.npy", &arr1(&[0.0_f64, 9_007_199_254_740_992.0, 1.0, 2.0]));
    let half = |value: f32| half::f16::from_f32(value).to_le_bytes();
    bench.write("f16-edge.npy", npy("<f2", "(4,)", &[0.0, 2048.0, 1.0, 2.0].map(half).concat()));
    bench.write("f16.npy", npy("<f2", "(4,)", &[5.0, 2047.0, 5.0, 2047.0].map(half).concat()));
    let mut npz = NpzWriter::new_compressed(File::create(bench.path("b.npz")).unwrap());
    npz.add_array("embeddings", &x).unwrap();
    npz.add_array("labels", &Array1::from(vec![3_i16, 4, 3, 4])).unwrap();
    npz.finish().unwrap();
    for (labels, gives) in [
        ("bool.npy", Loss(1.5)),
        ("text.npy", Loss(1.5)),
        ("bytes.npy", Loss(1.5)),
        ("f32.npy", Loss(1.5)),
        ("f64.npy", Loss(1.5)),
        ("f16.npy", Loss(1.5)),
        ("b.npz", Loss(1.5)),
        ("big.npy", Error(&["row 1", "2^63"])),
        ("object.npy", Error(&["object array", "astype(str)"])),
        ("f32-edge.npy", Error(&["row 1", "16777216", "f32"])),
        ("f64-edge.npy", Error(&["row 1", "9007199254740992", "f64"])),
        ("f16-edge.npy", Error(&["row 1", "2048", "f16"])),
    ] {
        check(&bench, labels, &format!("--embeddings x.npy --labels {labels}"), &gives);
    }
    check(&bench, "an archive with both", "--embeddings b.npz", &Loss(1.5));
    for flag in ["--drop 0", "--label-column 0"] {
        let error = Error(&["--drop, --keep and --label-column are for columns"]);
        check(&bench, flag, &format!("--embeddings b.npz {flag}"), &error);
    }
    check(
        &bench,
        "a column for an array",
        "--embeddings x.npy --labels f32.npy --label-column 0",
        &Error(&["f32.npy", "--label-column"]),
    );
    check(&bench, "no labels at all", "--embeddings x.npy", &Error(&["x.npy", "--labels FILE"]));
}

/// An npy file with text and all.
fn npy(descriptor: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let text = format!("{{'descr': '{descriptor}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(data);
    bytes
}

fn utf32(texts: &[&str], width: usize) -> Vec<u8> {
    let codes =
        texts.iter().flat_map(|text| text.chars().map(u32::from).chain(std::iter::repeat(0)).take(width));
    codes.flat_map(u32::to_le_bytes).collect()
}

fn parquet(bench: &Bench, name: &str, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(bench.path(name)).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn parquet_has_columns_of_many_types() {
    let bench = Bench::new();
    let a = || Arc::new(Float64Array::from(vec![0.0, 1.0, 4.0, 9.0])) as ArrayRef;
    let text = || Arc::new(StringArray::from(vec!["cat", "dog", "cat", "dog"])) as ArrayRef;
    let category: DictionaryArray<Int32Type> = vec!["cat", "dog", "cat", "dog"].into_iter().collect();
    let lists = FixedSizeListArray::try_new(
        Arc::new(Field::new_list_field(DataType::Float32, true)),
        2,
        Arc::new(Float32Array::from(vec![0.0, 1.0, 1.0, 1.0, 4.0, 1.0, 9.0, 1.0])),
        None,
    )
    .unwrap();
    let ids = || Arc::new(Int64Array::from(vec![7, 3, 1, 9])) as ArrayRef;
    parquet(&bench, "text.parquet", vec![("a", a()), ("label", text())]);
    parquet(&bench, "category.parquet", vec![("label", Arc::new(category)), ("id", ids()), ("a", a())]);
    parquet(&bench, "lists.parquet", vec![("emb", Arc::new(lists)), ("note", text()), ("target", ids())]);
    parquet(&bench, "index.parquet", vec![("a", a()), ("label", text()), ("__index_level_0__", ids())]);
    let holes = Arc::new(Float64Array::from(vec![Some(0.0), None, Some(4.0), Some(9.0)])) as ArrayRef;
    parquet(&bench, "holes.parquet", vec![("a", holes), ("label", text())]);
    let large = Arc::new(UInt64Array::from(vec![1, 1 << 63, 1, 2])) as ArrayRef;
    parquet(&bench, "large.parquet", vec![("a", a()), ("label", large)]);
    let hashes = Arc::new(UInt64Array::from(vec![1, 1 << 63, 3, u64::MAX])) as ArrayRef;
    parquet(&bench, "hashes.parquet", vec![("key", hashes), ("a", a()), ("label", text())]);
    let big = Arc::new(Int64Array::from(vec![
        9_007_199_254_740_992,
        9_007_199_254_740_993,
        9_007_199_254_740_992,
        9_007_199_254_740_993,
    ]));
    parquet(&bench, "big.parquet", vec![("a", a()), ("label", big as ArrayRef)]);
    bench.write("y.csv", "0\n1\n0\n1\n");
    for (file, gives) in [
        ("text.parquet", Loss(1.5)),
        ("category.parquet", Loss(1.5)),
        ("index.parquet", Loss(1.5)),
        ("big.parquet", Loss(1.5)),
        ("lists.parquet", Loss(0.0)),
        ("lists.parquet --labels y.csv", Loss(1.5)),
        ("holes.parquet", Error(&["row 1", "\"a\"", "missing"])),
        ("large.parquet", Error(&["row 1", "2^63"])),
        ("hashes.parquet", Loss(1.5)),
    ] {
        check(&bench, file, &format!("--embeddings {file}"), &gives);
    }
    let run = bench.run("loss --embeddings text.parquet --json");
    assert_eq!(run.json()["loss_bits"].as_str().unwrap().len(), 18, "f64 is computed in f64: {run:?}");
}

#[test]
fn what_was_understood_is_said_once_a_file() {
    let bench = Bench::new();
    bench.write("mine.csv", "Unnamed: 0,label,p0,p1\n0,cat,1,2\n1,dog,3,4\n2,cat,5,6\n3,cat,7,8\n");
    bench.write("w.csv", "weight\n16777217\n1\n1\n1\n");
    let run = bench.run("loss --embeddings mine.csv --weights w.csv --json");
    let lines: Vec<&str> = run.stderr.lines().collect();
    assert_eq!(
        lines,
        [
            "read mine.csv: 4 rows x 2 features (f32), labels from column \"label\": 2 classes, smallest \"dog\" (1 row), \
             largest \"cat\" (3 rows); header; dropped \"Unnamed: 0\" (pandas index)",
            "read w.csv: 4 rows (f64); header",
        ]
    );
    let json = run.json();
    assert_eq!(json["input"][0]["classes"], 2, "{json}");
    assert_eq!(json["input"][0]["smallest_class"]["class"], "dog");
    assert_eq!(json["input"][0]["dropped"][0]["column"], "Unnamed: 0");
    assert_eq!(json["input"][1]["rows"], 4);
}

/// Rows of the digits: 64 pixels and the label, as text.
fn digits() -> Vec<Vec<String>> {
    let bytes = include_bytes!("../data/digits.csv.gz");
    let mut text = String::new();
    GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    text.lines().map(|line| line.split(',').map(Into::into).collect()).collect()
}

/// Lines of a table with the label first and a header, as Kaggle's digits have.
fn label_first(separator: &str) -> String {
    let mut lines =
        vec![format!("label{}", (0..64).map(|i| format!("{separator}pixel{i}")).collect::<String>())];
    lines.extend(digits().iter().map(|row| format!("{}{separator}{}", row[64], row[..64].join(separator))));
    lines.join("\n") + "\n"
}

const NAMES: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

#[test]
fn the_digits_train_alike_from_every_kind_of_table() {
    let bench = Bench::new();
    let rows = digits();
    let plain: String = rows.iter().map(|row| row.join(",") + "\n").collect();
    bench.write("plain.csv", &plain);
    bench.write("kaggle.csv", label_first(","));
    bench.write("semicolon.csv", label_first(";"));
    bench.write("tabs.tsv", label_first("\t"));
    bench.write("savetxt.txt", format!("# {}", label_first("  ")));
    let indexed: Vec<String> = label_first(",")
        .lines()
        .enumerate()
        .map(|(i, line)| if i == 0 { format!(",{line}\n") } else { format!("{},{line}\n", i - 1) })
        .collect();
    bench.write("pandas.csv", indexed.concat());
    let mut gz = GzEncoder::new(File::create(bench.path("digits.csv.gz")).unwrap(), Compression::fast());
    gz.write_all(label_first(",").as_bytes()).unwrap();
    gz.finish().unwrap();
    let jsonl: String = rows
        .iter()
        .map(|row| format!("{{\"embedding\": [{}], \"target\": {}}}\n", row[..64].join(","), row[64]))
        .collect();
    bench.write("digits.jsonl", jsonl);
    let number = |row: &Vec<String>, i: usize| row[i].parse::<f32>().unwrap();
    let name = |row: &Vec<String>| NAMES[row[64].parse::<usize>().unwrap()];
    let names: StringArray = rows.iter().map(|row| Some(name(row))).collect();
    let mut columns: Vec<(String, ArrayRef)> = vec![("Label".into(), Arc::new(names))];
    for i in 0..64 {
        let pixels: Float32Array = rows.iter().map(|row| Some(number(row, i))).collect();
        columns.push((format!("p{i}"), Arc::new(pixels)));
    }
    let batch = RecordBatch::try_from_iter(columns.clone()).unwrap();
    parquet(
        &bench,
        "digits.parquet",
        columns.iter().map(|(name, array)| (name.as_str(), array.clone())).collect(),
    );
    let mut feather = arrow_ipc::writer::FileWriter::try_new(
        File::create(bench.path("digits.feather")).unwrap(),
        &batch.schema(),
    )
    .unwrap();
    feather.write(&batch).unwrap();
    feather.finish().unwrap();
    let mut stream = arrow_ipc::writer::StreamWriter::try_new(
        File::create(bench.path("digits.arrows")).unwrap(),
        &batch.schema(),
    )
    .unwrap();
    stream.write(&batch).unwrap();
    stream.finish().unwrap();
    let array = Array2::from_shape_fn((rows.len(), 65), |(row, column)| number(&rows[row], column));
    bench.npy("digits.npy", &array);

    let train = |data: &str| {
        let run = bench.run(&format!("train {data} --epochs 1 --quiet --json --out out"));
        assert_eq!(run.code, Some(0), "{data}: {run:?}");
        assert_eq!(run.stderr, "", "{data}");
        run.json()
    };
    let reference = train("");
    for file in [
        "plain.csv",
        "kaggle.csv",
        "semicolon.csv",
        "tabs.tsv",
        "savetxt.txt",
        "pandas.csv",
        "digits.csv.gz",
        "digits.jsonl",
        "digits.npy",
        "digits.arrows",
        "digits.feather",
        "digits.parquet",
    ] {
        let json = train(&format!("--data {file}"));
        for key in ["recall_at_1", "map_at_r", "raw_recall_at_1", "untrained_map_at_r", "training_rows"] {
            assert_eq!(json[key], reference[key], "{key} of {file}");
        }
        assert_eq!(json["input"][0]["features"], 64, "{file}");
    }
    // The last run was the table whose labels are text: they live on.
    let labels = std::fs::read(bench.path("out/labels.npy")).unwrap();
    assert!(String::from_utf8_lossy(&labels[..100]).contains("'<U5'"), "width of the longest name");
    let picture = std::fs::read_to_string(bench.path("out/embedding-after.svg")).unwrap();
    assert!(picture.contains("seven"), "classes have their names in the legend");
    let run = bench.run("loss --embeddings out/embeddings.npy --labels out/labels.npy --json");
    assert_eq!(run.json()["input"][1]["classes"], 10, "{run:?}");
}

#[test]
fn a_table_without_names_asks_where_two_columns_may_be_the_label() {
    let bench = Bench::new();
    let rows = |first: fn(i32) -> String, last: fn(i32) -> String| -> String {
        (0..40).map(|i| format!("{},{}.5,{}\n", first(i), i * 7 % 11, last(i))).collect()
    };
    let digit = |i: i32| (i % 4).to_string();
    let pixel = |i: i32| format!("{}.25", i % 7);
    let word = |i: i32| ["cat", "dog"][i as usize % 2].to_owned();
    for (first, last, fragment) in [
        (digit as fn(i32) -> String, digit as fn(i32) -> String, "column 0 or column 2"),
        (digit, pixel, "column 0 or column 2"),
        (word, word, "column 0 or column 2"),
    ] {
        bench.write("t.csv", rows(first, last));
        let run = bench.run("train --data t.csv --epochs 1 --out o --quiet");
        assert_eq!(run.code, Some(2), "{run:?}");
        assert!(run.stderr.contains(fragment) && run.stderr.contains("--label-column 0"), "{run:?}");
    }
    for (first, last, source) in
        [(word as fn(i32) -> String, pixel as fn(i32) -> String, "column 0"), (pixel, digit, "column 2")]
    {
        bench.write("t.csv", rows(first, last));
        let run = bench.run("train --data t.csv --epochs 1 --out o --quiet --json");
        assert_eq!(run.code, Some(0), "{run:?}");
        assert!(run.json()["input"][0]["label_source"].to_string().contains(source), "{run:?}");
    }
}
