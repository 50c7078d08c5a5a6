//! Other readers than the product's: rows, columns and classes of text, values of npy.

use ndarray::ArrayD;
use ndarray_npy::ReadNpyExt;
use std::collections::HashSet;
use triplet_cli::Contents;

/// What is wrong with how a file was read.
pub(crate) fn agrees(name: &str, read: &Contents, bytes: &[u8]) -> Result<(), String> {
    if bytes.starts_with(b"\x1f\x8b") {
        return Ok(());
    }
    match name {
        "t.jsonl" => lines(read, bytes),
        "t.csv" | "t.tsv" => records(read, bytes),
        "arrays" if bytes.starts_with(b"\x93NUMPY") => values(read, bytes),
        _ => Ok(()),
    }
}

/// Values of an npy file of f64 or f32 by `ndarray-npy`; its last column is the label.
fn values(read: &Contents, bytes: &[u8]) -> Result<(), String> {
    let double = ArrayD::<f64>::read_npy(bytes).ok();
    let array = double.or_else(|| Some(ArrayD::<f32>::read_npy(bytes).ok()?.mapv(f64::from)));
    let Some(array) = array else { return Ok(()) };
    if array.shape() != [read.rows, read.features + 1] {
        return Err(format!("shape {:?} became {} x {}", array.shape(), read.rows, read.features));
    }
    let width = read.features + 1;
    let features = array.iter().enumerate().filter(|(at, _)| at % width != read.features);
    let same = |a: f64, b: f64| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
    match features.zip(&read.values).find(|((_, a), b)| !same(**a, **b)) {
        Some(((at, value), other)) => Err(format!("value {at}: {value:?} became {other:?}")),
        None => Ok(()),
    }
}

/// Columns that a line says are not used.
pub(crate) fn dropped(line: &str) -> usize {
    line.split("; dropped ").nth(1).map_or(0, |rest| rest.matches(" (").count())
}

/// JSON lines are counted by themselves.
fn lines(read: &Contents, bytes: &[u8]) -> Result<(), String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
    if lines == read.rows {
        Ok(())
    } else {
        Err(format!("{lines} lines became {} rows: {}", read.rows, read.line))
    }
}

/// Text by the `csv` crate, with the separator that the line names.
fn records(read: &Contents, bytes: &[u8]) -> Result<(), String> {
    // A line that states the separator is a record to the csv crate.
    if bytes.windows(4).any(|window| window.eq_ignore_ascii_case(b"sep=")) {
        return Ok(());
    }
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
    // Names may stand in a comment, which is no record.
    let header = read.line.contains("; header") && records.len() > read.rows;
    let mut names = if header { records.remove(0) } else { Vec::new() };
    let dropped = dropped(&read.line);
    let columns = records.first().map_or(names.len(), Vec::len);
    if header && names.len() + 1 == columns {
        // R gives no name to the first column, that of the row names.
        names.insert(0, "");
    }
    if records.len() != read.rows || columns != read.features + 1 + dropped {
        return Err(format!(
            "{} x {columns} became {} x {} and {dropped} dropped: {}",
            records.len(),
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
    let Some(label) = label.filter(|&label: &usize| label < columns) else { return Ok(()) };
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
