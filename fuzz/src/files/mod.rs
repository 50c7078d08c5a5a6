//! File readers.

mod damage;
mod forms;
mod reading;
mod round_trip;
mod second_reader;
mod seeds;
mod table;

pub(crate) use seeds::{array_seeds, column_seeds, json_seeds, text_seeds};

use arbitrary::{Arbitrary, Unstructured};
use damage::Edit;
use forms::Form;
use reading::{file, read, read_table};
use table::Table;

/// A table written in a format is read as it is; damaged, it is refused or keeps its shape.
pub(crate) fn tables(bytes: &[u8]) {
    let Ok((table, form, edits)) = <(Table, Form, Vec<Edit>)>::arbitrary_take_rest(Unstructured::new(bytes))
    else {
        return;
    };
    let Some(mut files) = form.write(&table) else { return };
    let good = read_table(&table, &files).unwrap_or_else(|error| panic!("{form:?}: {error}: {table:?}"));
    let difference = table.difference(&good);
    assert!(difference.is_none(), "{form:?}: {}: {table:?}", difference.unwrap_or_default());
    for edit in edits.iter().take(4) {
        edit.apply(&mut files[0].1);
    }
    let damaged = read_table(&table, &files);
    if let Err(problem) = damage::evaluate_terms(&good, &files[0], &damaged) {
        panic!("{form:?} after {edits:?}: {problem}: {table:?}");
    }
}

/// A file of a name, whose format its bytes tell.
fn raw(name: &str, bytes: &[u8]) {
    let path = file(name, bytes);
    if let Ok(contents) = read(&["--data", &path]) {
        if let Err(problem) = second_reader::agrees(name, &contents, bytes) {
            panic!("{problem}");
        }
        round_trip::check(&contents, bytes);
    }
    round_trip::beside_others(&path);
}

/// Text tables with any separator, also compressed.
pub(crate) fn text(bytes: &[u8]) {
    raw("t.csv", bytes);
}

/// JSON lines.
pub(crate) fn json(bytes: &[u8]) {
    raw("t.jsonl", bytes);
}

/// npy, npz and safetensors.
pub(crate) fn arrays(bytes: &[u8]) {
    raw("arrays", bytes);
}

/// Parquet, and Arrow's files and streams.
pub(crate) fn columns(bytes: &[u8]) {
    raw("columns", bytes);
}
