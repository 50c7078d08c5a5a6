//! What was read, written in another format and read again is equal.

use super::{
    forms::{FORMS, Form},
    reading::{file, read, read_table},
    table::{Labels, Table},
};
use triplet_cli::Contents;

/// Checks what was read of some bytes: through the product's own files, and through one format
/// that the number of bytes chooses.
pub(crate) fn check(contents: &Contents, bytes: &[u8]) {
    let table = Table::of(contents);
    assert_eq!(table.values.len(), table.rows * table.features);
    assert_eq!(contents.classes.iter().sum::<usize>(), table.rows);
    own_files(contents, &table);
    let form = FORMS[bytes.len() % FORMS.len()];
    if let Some(files) = form.write(&table) {
        let read = read_table(&table, &files).unwrap_or_else(|error| panic!("{form:?}: {error}: {table:?}"));
        let difference = table.difference(&read);
        assert!(difference.is_none(), "{form:?}: {}", difference.unwrap_or_default());
    }
}

/// Features as npy, and labels as the program writes them.
fn own_files(contents: &Contents, table: &Table) {
    let npy = Form::Npy { column_major: false };
    let Some(mut files) = npy.write(table) else { return };
    files[1].1.clone_from(&contents.labels_npy);
    let again = read_table(table, &files).unwrap_or_else(|error| panic!("own files: {error}: {table:?}"));
    let difference = table.difference(&again);
    assert!(difference.is_none(), "own files: {}", difference.unwrap_or_default());
    let integers = matches!(table.labels, Labels::Integers(_));
    assert_eq!(again.named, !integers, "labels changed their kind");
    assert_eq!(again.double, contents.double, "features changed their type");
}

/// Reads a file as the labels and as the weights of three rows: an error, or three of them or one.
pub(crate) fn beside_others(path: &str) {
    let three = Table {
        rows: 3,
        features: 2,
        double: false,
        values: vec![0.5, 1.0, 2.5, -1.0, 0.0, 7.0],
        labels: Labels::Integers(vec![1, 2, 1]),
    };
    let files = Form::Npy { column_major: false }.write(&three).expect("three rows");
    let (data, labels) = (file("three.npy", &files[0].1), file("three-labels.npy", &files[1].1));
    if let Ok(read) = read(&["--data", &data, "--labels", path]) {
        assert_eq!((read.rows, read.labels.len()), (3, 3));
    }
    if let Ok(read) = read(&["--data", &data, "--labels", &labels, "--weights", path]) {
        assert_eq!(read.labels, ["1", "2", "1"]);
        assert!(read.weights.is_some());
    }
}
