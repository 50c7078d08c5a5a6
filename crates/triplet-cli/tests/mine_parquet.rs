//! `triplet mine` on Parquet with a column of arrays, which is read some rows at a time: what a table in memory gives.

mod support;

use arrow_array::{
    ArrayRef, Int64Array, ListArray, RecordBatch, StringArray,
    builder::{Float32Builder, Float64Builder, ListBuilder},
};
use fastrand::Rng;
use ndarray::{Array1, Array2};
use parquet::{arrow::ArrowWriter, file::properties::WriterProperties};
use std::{fs, fs::File, sync::Arc};
use support::Bench;

const SEED: u64 = 21;
const ROWS: usize = 3000;
const WIDTH: usize = 6;

/// In row groups of 1000.
fn write(bench: &Bench, name: &str, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(1000)).build();
    let file = File::create(bench.path(name)).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// A column of arrays, of which a row may be cut, missing, or have no number at a place.
fn singles(rows: &Array2<f32>, change: impl Fn(usize) -> Option<Vec<Option<f32>>>) -> ArrayRef {
    let mut builder = ListBuilder::new(Float32Builder::new());
    for (index, row) in rows.outer_iter().enumerate() {
        match change(index) {
            Some(row) if row.is_empty() => builder.append_null(),
            Some(row) => builder.append_value(row),
            None => builder.append_value(row.iter().copied().map(Some)),
        }
    }
    let lists: ListArray = builder.finish();
    Arc::new(lists)
}

fn doubles(rows: &Array2<f32>) -> ArrayRef {
    let mut builder = ListBuilder::new(Float64Builder::new());
    rows.outer_iter().for_each(|row| builder.append_value(row.iter().map(|&value| Some(value.into()))));
    Arc::new(builder.finish())
}

fn inputs(bench: &Bench) -> (Array2<f32>, Vec<i64>) {
    let mut rng = Rng::with_seed(SEED);
    println!("seed {SEED}");
    let rows = Array2::from_shape_fn((ROWS, WIDTH), |_| rng.f32());
    let labels: Vec<i64> = (0..ROWS as i64).map(|row| row * row % 701).collect();
    bench.npy("x.npy", &rows);
    bench.npy("x64.npy", &rows.mapv(f64::from));
    bench.npy("y.npy", &Array1::from(labels.clone()));
    (rows, labels)
}

#[test]
fn arrays_of_parquet_give_the_bytes_of_npy() {
    let bench = Bench::new();
    let (rows, labels) = inputs(&bench);
    let plain = || singles(&rows, |_| None);
    let numbers = || -> ArrayRef { Arc::new(Int64Array::from(labels.clone())) };
    let texts = labels.iter().map(|label| format!("class {label}"));
    let texts = || -> ArrayRef { Arc::new(StringArray::from_iter_values(texts.clone())) };
    write(&bench, "own.parquet", vec![("emb", plain()), ("label", numbers())]);
    write(&bench, "text.parquet", vec![("text", texts()), ("emb", plain()), ("label", texts())]);
    write(&bench, "alone.pq", vec![("emb", plain())]);
    write(
        &bench,
        "two.parquet",
        vec![("other", doubles(&rows)), ("embedding", plain()), ("label", numbers())],
    );
    write(&bench, "f64.parquet", vec![("emb", doubles(&rows)), ("label", numbers())]);
    for (table, array) in [
        ("own.parquet", "x.npy"),
        ("text.parquet", "x.npy"),
        ("alone.pq --labels y.npy", "x.npy"),
        ("two.parquet", "x.npy"),
        ("f64.parquet", "x64.npy"),
    ] {
        let expected = bench.run(&format!("mine --embeddings {array} --labels y.npy --out a.npy --quiet"));
        assert_eq!(expected.code, Some(0), "{expected:?}");
        let run = bench.run(&format!("mine --embeddings {table} --out t.npy"));
        assert_eq!(run.code, Some(0), "{table}: {run:?}");
        assert!(run.stderr.contains("3000 rows x 6 features"), "{table}: {run:?}");
        let [mined, expected] = ["t.npy", "a.npy"].map(|name| fs::read(bench.path(name)).unwrap());
        assert!(mined == expected, "{table}");
    }
    let mut files = bench.files();
    files.retain(|name| !name.ends_with(".parquet") && !name.ends_with(".npy"));
    assert_eq!(files, ["alone.pq"], "the rows are in no file with a name");
}

#[test]
fn what_is_wrong_is_said_as_of_a_table_in_memory() {
    let bench = Bench::new();
    let (rows, labels) = inputs(&bench);
    let labels = || -> ArrayRef { Arc::new(Int64Array::from(labels.clone())) };
    let changed =
        |row: usize, to: Vec<Option<f32>>| singles(&rows, move |index| (index == row).then(|| to.clone()));
    let mut hole = vec![Some(1.0); WIDTH];
    hole[2] = None;
    let mut nan = vec![Some(1.0); WIDTH];
    nan[4] = Some(f32::NAN);
    for (name, column, says) in [
        ("null", changed(2100, Vec::new()), "row 2100 of column \"emb\" is missing"),
        ("hole", changed(1700, hole), "row 1700 of column \"emb\" is missing"),
        ("short", changed(1500, vec![Some(1.0); 5]), "has 5 numbers in row 1500 and 6 before"),
        ("nan", changed(2500, nan), "embeddings[2500, 4] is NaN"),
    ] {
        let table = format!("{name}.parquet");
        write(&bench, &table, vec![("emb", column), ("label", labels())]);
        let mine = bench.run(&format!("mine --embeddings {table} --out t.npy"));
        let loss = bench.run(&format!("loss --embeddings {table}"));
        for run in [&mine, &loss] {
            assert!(run.code == Some(2) && run.stderr.contains(says), "{name}: {run:?}");
        }
        assert!(!bench.files().iter().any(|file| file.starts_with("t.npy")), "{:?}", bench.files());
    }
    // Cut off, and arrays that are not the embeddings.
    let bytes = fs::read(bench.path("nan.parquet")).unwrap();
    bench.write("cut.parquet", &bytes[..bytes.len() / 2]);
    let short = changed(1500, vec![Some(1.0); 5]);
    write(
        &bench,
        "spare.parquet",
        vec![("other", short), ("emb", singles(&rows, |_| None)), ("label", labels())],
    );
    for (flags, says) in [
        ("cut.parquet", "not a readable Parquet file"),
        ("spare.parquet --label-column nobody", "nobody"),
        ("null.parquet --drop emb", "no column left for features"),
    ] {
        let run = bench.run(&format!("mine --embeddings {flags} --out t.npy"));
        assert!(run.code == Some(2) && run.stderr.contains(says), "{flags}: {run:?}");
    }
    let run = bench.run("mine --embeddings spare.parquet --drop other --out t.npy --quiet");
    assert_eq!(run.code, Some(0), "{run:?}");
}
