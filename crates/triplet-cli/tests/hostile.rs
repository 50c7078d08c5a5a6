//! Inputs that promise too much, never end, or are something else: a short message, soon;
//! and pipes, which work wherever a file does.
#![cfg(unix)]

mod support;

use arrow_array::{ArrayRef, Float32Array, Int64Array, RecordBatch};
use ndarray::{Array1, arr1, arr2};
use ndarray_npy::NpzWriter;
use parquet::arrow::ArrowWriter;
use safetensors::{Dtype, tensor::TensorView};
use std::{collections::HashMap, fs::File, io::Write, sync::Arc};
use support::Bench;

/// Longer messages hide what is wrong.
const LONGEST: usize = 700;

fn refused(bench: &Bench, line: &str, fragments: &[&str]) {
    let run = bench.shell(line);
    assert_eq!(run.code, Some(2), "{line}: {run:?}");
    assert_eq!(run.stderr.lines().count(), 1, "{line}: {run:?}");
    assert!(run.stderr.len() < LONGEST, "{line}: {} bytes", run.stderr.len());
    assert!(!run.stderr.contains("IxDyn") && !run.stderr.contains("Some("), "{line}: {run:?}");
    for fragment in fragments {
        assert!(run.stderr.contains(fragment), "{line}: {fragment:?} is not in {}", run.stderr);
    }
}

/// An npy header of version 2, whose length has four bytes.
fn header(text: &str) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x02\x00".to_vec();
    bytes.extend((text.len() as u32 + 1).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.push(b'\n');
    bytes
}

#[test]
fn headers_that_promise_too_much_end_early() {
    let bench = Bench::new();
    bench.npy("y.npy", &arr1(&[0_i64, 0, 1, 1]));
    let shape =
        |shape: &str| header(&format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"));
    bench.write("dimensions.npy", shape(&format!("({})", "1, ".repeat(3_000_000))));
    bench.write("some-dimensions.npy", [shape(&format!("({})", "1, ".repeat(60))), vec![0; 4]].concat());
    bench.write("nested.npy", shape(&format!("{}1{}", "(".repeat(20_000), ")".repeat(20_000))));
    bench.write("overflow.npy", shape("(9223372036854775807, 9223372036854775807)"));
    bench.write("negative.npy", shape("(-1, 2)"));
    bench.write("large.safetensors", [&(1_u64 << 35).to_le_bytes()[..], b"{}"].concat());
    bench.write("garbage.parquet", b"PAR1\xff\xff\xff\x7fPAR1");
    bench.write("garbage.arrow", b"ARROW1\0\0\xff\xff\xff\x7f\xff\xff\xff\x7fARROW1");
    bench.write("fields.csv", ",".repeat(2_000_000));
    bench.write("name.csv", format!("{},label\n1,2\n", "n".repeat(1_000_000)));
    for (file, fragment) in [
        ("dimensions.npy", "header is 9"),
        ("some-dimensions.npy", "expected two dimensions"),
        ("nested.npy", "no description of an array"),
        ("overflow.npy", "more elements"),
        ("negative.npy", "not a readable npy"),
        ("large.safetensors", "promises 34359738368 bytes"),
        ("garbage.parquet", "Parquet"),
        ("garbage.arrow", "Arrow"),
        ("fields.csv", "fields: at most"),
        ("name.csv", "labels have shape"),
    ] {
        refused(&bench, &format!("triplet loss --embeddings {file} --labels y.npy"), &[fragment]);
    }
    refused(&bench, "triplet loss --embeddings 'dimensions.npy' --labels dimensions.npy", &["header is 9"]);
}

#[test]
fn what_unpacks_to_more_than_memory_stops() {
    let bench = Bench::new();
    bench.npy("y.npy", &arr1(&[0_i64, 0, 1, 1]));
    let mut npz = NpzWriter::new_compressed(File::create(bench.path("bomb.npz")).unwrap());
    npz.add_array("e", &Array1::<f32>::zeros(30_000_000)).unwrap();
    npz.finish().unwrap();
    assert!(std::fs::metadata(bench.path("bomb.npz")).unwrap().len() < 1_000_000);
    let gz = |name: &str, line: &[u8]| {
        let file = File::create(bench.path(name)).unwrap();
        let mut gz = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        for _ in 0..30_000_000 / line.len() {
            gz.write_all(line).unwrap();
        }
        gz.finish().unwrap();
    };
    gz("bomb.csv.gz", b"1,2\n3,4\n");
    for file in ["bomb.npz", "bomb.csv.gz"] {
        let line = format!("triplet loss --embeddings {file} --labels y.npy --max-memory 20M");
        refused(&bench, &line, &[file, "--max-memory allows 20.0 MB"]);
    }
    let run = bench.shell("triplet loss --embeddings bomb.npz --labels y.npy --max-memory lots");
    assert!(run.code == Some(2) && run.stderr.contains("is no size"), "{run:?}");
}

#[test]
fn what_never_ends_stops_at_the_limit() {
    let bench = Bench::new();
    bench.npy("y.npy", &arr1(&[0_i64, 0, 1, 1]));
    bench.npy("x.npy", &arr2(&[[0.0_f32], [1.0], [4.0], [9.0]]));
    bench.write("promise.npy", header("{'descr': '<f4', 'fortran_order': False, 'shape': (900000000, 9), }"));
    let text = r#"{"x":{"dtype":"F32","shape":[4000000000],"data_offsets":[0,16000000000]}}"#;
    bench.write("head.safetensors", [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat());
    let limit = "--labels y.npy --max-memory 20M";
    let allowed = "--max-memory allows";
    for (line, fragment) in [
        (format!("yes 1,2 | triplet loss --embeddings - {limit}"), allowed),
        (format!("cat head.safetensors /dev/zero | triplet loss --embeddings - {limit}"), allowed),
        (format!("cat promise.npy /dev/zero | triplet loss --embeddings - {limit}"), allowed),
        // Only as many bytes are read as the header promises.
        (format!("cat x.npy /dev/zero | triplet loss --embeddings - {limit}"), "bytes after its data"),
        (format!("triplet loss --embeddings /dev/zero {limit}"), "unknown format"),
        (format!("triplet loss --embeddings <(yes 1 | tr -d '\\n') {limit}"), allowed),
    ] {
        refused(&bench, &line, &[fragment]);
    }
    // The limit on addresses of a shell is what the machine has free.
    refused(
        &bench,
        "ulimit -v 2000000; yes 1,2 | triplet loss --embeddings - --labels y.npy --threads 1",
        &["reading needs"],
    );
}

#[test]
fn pipes_work_wherever_a_file_does() {
    let bench = Bench::new();
    let x = arr2(&[[0.0_f32], [1.0], [4.0], [9.0]]);
    let y = [3_i64, 4, 3, 4];
    bench.npy("f32.npy", &x);
    bench.npy("f64.npy", &x.mapv(f64::from));
    bench.npy("i8.npy", &x.mapv(|v| v as i8));
    bench.npy("u16.npy", &x.mapv(|v| v as u16));
    bench.npy("y.npy", &arr1(&y));
    let mut npz = NpzWriter::new_compressed(File::create(bench.path("b.npz")).unwrap());
    npz.add_array("embeddings", &x).unwrap();
    npz.add_array("labels", &arr1(&y)).unwrap();
    npz.finish().unwrap();
    let bytes: Vec<u8> = x.iter().flat_map(|value| value.to_le_bytes()).collect();
    let tensor = HashMap::from([("x", TensorView::new(Dtype::F32, vec![4, 1], &bytes).unwrap())]);
    bench.write("x.safetensors", safetensors::serialize(tensor, None).unwrap());
    bench.write("t.csv", "a,label\n0,3\n1,4\n4,3\n9,4\n");
    bench.write("t.jsonl", "{\"a\":0,\"y\":3}\n{\"a\":1,\"y\":4}\n{\"a\":4,\"y\":3}\n{\"a\":9,\"y\":4}\n");
    let columns: [(&str, ArrayRef); 2] = [
        ("a", Arc::new(Float32Array::from(vec![0.0, 1.0, 4.0, 9.0]))),
        ("label", Arc::new(Int64Array::from(y.to_vec()))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut parquet =
        ArrowWriter::try_new(File::create(bench.path("t.parquet")).unwrap(), batch.schema(), None).unwrap();
    parquet.write(&batch).unwrap();
    parquet.close().unwrap();
    let file = File::create(bench.path("t.arrow")).unwrap();
    let mut arrow = arrow_ipc::writer::FileWriter::try_new(file, &batch.schema()).unwrap();
    arrow.write(&batch).unwrap();
    arrow.finish().unwrap();
    for (file, labels) in [
        ("f32.npy", "--labels y.npy"),
        ("f64.npy", "--labels y.npy"),
        ("i8.npy", "--labels y.npy"),
        ("u16.npy", "--labels y.npy"),
        ("b.npz", ""),
        ("x.safetensors", "--labels y.npy"),
        ("t.csv", ""),
        ("t.jsonl", ""),
        ("t.parquet", ""),
        ("t.arrow", ""),
    ] {
        let loss = |embeddings: &str| {
            format!("triplet loss --distance l2 --json {labels} --embeddings {embeddings}")
        };
        for line in [
            loss(file),
            format!("{} < {file}", loss("-")),
            format!("cat {file} | {}", loss("-")),
            format!("cat {file} | {}", loss("/dev/stdin")),
            loss(&format!("<(cat {file})")),
            format!("rm -f pipe; mkfifo pipe; cat {file} > pipe & {}", loss("pipe")),
            format!("gzip -c {file} | {}", loss("-")),
        ] {
            let run = bench.shell(&line);
            assert_eq!(run.code, Some(0), "{line}: {run:?}");
            assert_eq!(run.json()["loss"], 1.5, "{line}: {run:?}");
        }
    }
    refused(
        &bench,
        "cat y.npy | triplet loss --embeddings - --labels /dev/stdin",
        &["standard input", "once"],
    );
}

#[test]
fn other_formats_are_named_with_what_to_do() {
    let bench = Bench::new();
    bench.npy("y.npy", &arr1(&[0_i64, 0, 1, 1]));
    let zip = |name: &str, entries: &[&str]| {
        let mut zip = zip::ZipWriter::new(File::create(bench.path(name)).unwrap());
        for entry in entries {
            zip.start_file(*entry, zip::write::SimpleFileOptions::default()).unwrap();
        }
        zip.finish().unwrap();
    };
    zip("model.pt", &["archive/data.pkl", "archive/byteorder"]);
    zip("model.npy", &["archive/data.pkl", "archive/byteorder"]);
    zip("sheet.xlsx", &["[Content_Types].xml", "xl/workbook.xml"]);
    zip("model.keras", &["metadata.json", "config.json", "model.weights.h5"]);
    zip("some.zip", &["readme.txt"]);
    bench.write("old.pth", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.");
    bench.write("x.h5", b"\x89HDF\r\n\x1a\n\0\0");
    bench.write("x.pkl", b"\x80\x04\x95");
    bench.write("x.mat", b"MATLAB 5.0 MAT-file\0");
    bench.write("x.npy.csv", b"\x93NUMPY\x01\0");
    bench.write("csv.npy", "1,2\n");
    bench.write("utf16.csv", b"\xff\xfe1\0,\x002\0\n\0");
    bench.write("latin1.csv", b"a,label\n1,caf\xe9\n");
    bench.write("lfs.csv", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
    bench.write("page.csv", "<!DOCTYPE html>\n<html>\n");
    bench.write("empty.npy", "");
    bench.write("empty.csv", "");
    for (file, fragments) in [
        ("model.pt", ["PyTorch", "torch.load"]),
        ("model.npy", ["PyTorch", "torch.load"]),
        ("old.pth", ["PyTorch", "torch.load"]),
        ("sheet.xlsx", ["Excel", "to_csv"]),
        ("model.keras", ["Keras model", "predict"]),
        ("some.zip", ["zip archive", "unpack"]),
        ("x.h5", ["HDF5", "numpy.save"]),
        ("x.pkl", ["pickle", "numpy.save"]),
        ("x.mat", ["MATLAB", "loadmat"]),
        ("x.npy.csv", ["an npy file", "*.npy"]),
        ("csv.npy", ["not a readable npy", "a text table"]),
        ("utf16.csv", ["UTF-16", "iconv"]),
        ("latin1.csv", ["line 2 is not UTF-8", "iconv"]),
        ("lfs.csv", ["Git LFS", "git lfs pull"]),
        ("page.csv", ["web page", "download"]),
        ("empty.npy", ["empty.npy", "empty"]),
        ("empty.csv", ["empty.csv", "is empty"]),
        (".", ["cannot open .", "folder"]),
    ] {
        refused(&bench, &format!("triplet loss --embeddings {file} --labels y.npy"), &fragments);
    }
}

#[test]
fn an_object_of_many_fields_is_read_soon() {
    let bench = Bench::new();
    let fields: Vec<String> = (0..120_000).map(|i| format!("\"f{i}\": [[], {{}}]")).collect();
    bench.write("wide.jsonl", format!("{{{}, \"f7\": 1}}\n", fields.join(", ")));
    let start = std::time::Instant::now();
    refused(&bench, "triplet loss --embeddings wide.jsonl", &["two fields are called \"f7\""]);
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    let line = "triplet loss --embeddings wide.jsonl --max-memory 1M";
    refused(&bench, line, &["--max-memory allows"]);
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_no_utf8_are_names() {
    let bench = Bench::new();
    refused(&bench, "triplet loss --embeddings $'\\xff.csv'", &["cannot open"]);
    let line = "printf 'a,label\\n0,3\\n1,4\\n4,3\\n9,4\\n' > $'\\xff.csv'; triplet loss --distance l2 --json \
                --embeddings $'\\xff.csv'";
    let run = bench.shell(line);
    assert_eq!(run.json()["loss"], 1.5, "{run:?}");
}

#[test]
fn arrays_of_three_dimensions_are_refused_in_one_line() {
    let bench = Bench::new();
    bench.npy("x.npy", &ndarray::Array3::<f32>::zeros((4, 2, 2)));
    bench.npy("y.npy", &arr1(&[0_i64, 0, 1, 1]));
    let run = bench.shell("triplet train --data x.npy --labels y.npy --epochs 1 --out o");
    assert!(run.code == Some(2) && run.stderr.contains("3 dimension(s)"), "{run:?}");
    assert!(!run.stderr.contains("ShapeError"), "{run:?}");
}
