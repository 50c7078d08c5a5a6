//! What separates the fields of a text table, and which texts are no tables.

use super::cell::{Cell, kind, trim};
use crate::io::source::shorten;
use anyhow::{Result, bail};

const CANDIDATES: [u8; 5] = [b',', b';', b'\t', b'|', b' '];

/// Lines that are looked at.
pub(super) const SAMPLE: usize = 60;

/// The name of a separator in messages.
pub(super) fn name(separator: u8) -> String {
    match separator {
        b',' => "comma".into(),
        b';' => "semicolon".into(),
        b'\t' => "tab".into(),
        b' ' => "space".into(),
        b'|' => "pipe".into(),
        other => format!("{:?}", char::from(other)),
    }
}

/// The fields of a line; quotes protect separators. A space stands for any run of spaces
/// and tabs.
pub(super) fn fields(line: &str, separator: u8) -> Vec<&str> {
    let (mut all, mut start, mut quoted) = (Vec::new(), 0, false);
    let is_separator = |byte: u8| byte == separator || separator == b' ' && byte == b'\t';
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            b'"' if quoted || line[start..at].trim().is_empty() => quoted = !quoted,
            _ if is_separator(byte) && !quoted => {
                all.push(&line[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    all.push(&line[start..]);
    if separator == b' ' {
        all.retain(|field| !field.is_empty());
    }
    all
}

/// One way to cut the sample.
struct Cut {
    separator: u8,
    columns: usize,
    /// Fields below the first line, and how many of them are numbers.
    cells: usize,
    numbers: usize,
    /// Columns of numbers alone below the first line.
    number_columns: usize,
}

/// The separator that cuts every line of a sample into as many fields. `tabs` says that the
/// file's name promises tabs.
pub(super) fn find(lines: &[&str], tabs: bool) -> Result<u8> {
    refuse_other_formats(lines)?;
    if tabs && lines.iter().any(|line| line.contains('\t')) {
        return Ok(b'\t');
    }
    let mut cuts: Vec<Cut> = CANDIDATES.into_iter().filter_map(|separator| cut(lines, separator)).collect();
    // A run of spaces and tabs that is one tab each time is a tab.
    let tabs = cuts.iter().find(|cut| cut.separator == b'\t').map(|cut| cut.columns);
    cuts.retain(|cut| cut.separator != b' ' || Some(cut.columns) != tabs);
    if let Some(example) = decimal_comma(lines, &cuts) {
        bail!(
            "numbers have decimal commas ({:?}): write them with points (pandas: read_csv(path, sep=\";\", \
             decimal=\",\").to_csv(\"x.csv\", index=False))",
            shorten(&example, 40)
        );
    }
    match cuts.as_slice() {
        [] => Ok(most_frequent(lines)),
        [cut] if cut.separator == b' ' => spaces_or_words(cut, lines),
        [cut] => Ok(cut.separator),
        _ => best(&cuts),
    }
}

/// The separator that cuts the first line into one field less than every other, none of them
/// a number: names without one for the row names.
pub(super) fn one_name_less(lines: &[&str], asked: Option<u8>) -> Option<u8> {
    let (first, below) = lines.split_first()?;
    let is_so = |&separator: &u8| {
        let names = fields(first, separator);
        let is_name = |name: &&str| kind(trim(name)) == Cell::Text;
        let ends = |row: &Vec<&str>| row.last().is_some_and(|last| !trim(last).is_empty());
        let rows: Vec<Vec<&str>> = below.iter().map(|line| fields(line, separator)).collect();
        names.len() > 1
            && rows.len() > 1
            && names.iter().all(is_name)
            && rows.iter().all(|row| row.len() == names.len() + 1)
            // A separator at the end of every row is none.
            && rows.iter().any(ends)
            && rows.iter().flatten().any(|field| kind(trim(field)).is_numeric())
    };
    asked.map_or_else(|| CANDIDATES.into_iter().find(is_so), |separator| Some(separator).filter(is_so))
}

fn cut(lines: &[&str], separator: u8) -> Option<Cut> {
    let rows: Vec<Vec<&str>> = lines.iter().map(|line| fields(line, separator)).collect();
    let columns = rows.first()?.len();
    if columns < 2 || rows.iter().any(|row| row.len() != columns) {
        return None;
    }
    let below = if rows.len() > 1 { &rows[1..] } else { &rows[..] };
    let is_number = |field: &&str| kind(trim(field)).is_numeric();
    let number_columns = (0..columns).filter(|&c| below.iter().all(|row| is_number(&row[c]))).count();
    let numbers = below.iter().flatten().filter(|field| is_number(field)).count();
    Some(Cut { separator, columns, cells: columns * below.len(), numbers, number_columns })
}

/// Of several cuts, the one with the largest share of numbers.
fn best(cuts: &[Cut]) -> Result<u8> {
    let share = |cut: &Cut| cut.numbers as f64 / cut.cells as f64;
    let most = cuts.iter().map(share).fold(0.0, f64::max);
    let leading: Vec<&Cut> = cuts.iter().filter(|cut| share(cut) == most).collect();
    match leading.as_slice() {
        [cut] => Ok(cut.separator),
        // Text alone: words hold spaces more often than spaces separate words.
        [cut, space] if space.separator == b' ' && most == 0.0 => Ok(cut.separator),
        [first, second, ..] => bail!(
            "its lines have {} fields separated by {} or {} separated by {}: give --separator {} or --separator {}",
            first.columns,
            name(first.separator),
            second.columns,
            name(second.separator),
            name(first.separator),
            name(second.separator)
        ),
        [] => Ok(b','),
    }
}

/// Whether spaces separate fields, or words of one field.
fn spaces_or_words(cut: &Cut, lines: &[&str]) -> Result<u8> {
    if cut.number_columns == 0 {
        return Ok(b',');
    }
    if cut.numbers == cut.cells || cut.columns > 2 {
        return Ok(b' ');
    }
    bail!(
        "line {:?} is one field with a space in it or two fields: give --separator comma for one, --separator space for two",
        shorten(lines.last().copied().unwrap_or_default(), 40)
    )
}

/// No separator cuts all lines alike: the one that the first line has most of, so that the
/// line that differs is named.
fn most_frequent(lines: &[&str]) -> u8 {
    let first = lines.first().copied().unwrap_or_default();
    let count = |separator: u8| {
        let cells = fields(first, separator);
        // Words are no fields.
        if separator == b' ' && !cells.iter().any(|field| kind(field).is_numeric()) { 1 } else { cells.len() }
    };
    let frequent = CANDIDATES.into_iter().rev().max_by_key(|&separator| count(separator));
    frequent.filter(|&separator| count(separator) > 1).unwrap_or(b',')
}

/// Whether a field is a number with a decimal comma.
pub(super) fn has_decimal_comma(field: &str) -> bool {
    field.split_once(',').is_some_and(|(whole, fraction)| {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
        digits(whole.trim_start_matches(['-', '+'])) && digits(fraction)
    })
}

/// A number with a decimal comma in a column of nothing but such numbers and integers, where
/// something else separates.
fn decimal_comma(lines: &[&str], cuts: &[Cut]) -> Option<String> {
    let below = if lines.len() > 1 { &lines[1..] } else { lines };
    cuts.iter().filter(|cut| cut.separator != b',').find_map(|cut| {
        let rows: Vec<Vec<&str>> = below.iter().map(|line| fields(line, cut.separator)).collect();
        (0..cut.columns).find_map(|column| {
            let cells = || rows.iter().map(|row| trim(row[column]));
            let all = cells().all(|cell| has_decimal_comma(cell) || kind(cell) == Cell::Integer);
            cells().find(|cell| all && has_decimal_comma(cell)).map(str::to_owned)
        })
    })
}

/// Texts that people mistake for tables.
fn refuse_other_formats(lines: &[&str]) -> Result<()> {
    let Some(first) = lines.first() else { return Ok(()) };
    let first_lower = first.trim_start().to_ascii_lowercase();
    if first_lower.starts_with("<!doctype")
        || first_lower.starts_with("<html")
        || first_lower.starts_with("<?xml")
    {
        bail!("is a web page or XML, no table: download the file itself");
    }
    if first.starts_with("version https://git-lfs") {
        bail!("is a pointer of Git LFS, not the file: run git lfs pull");
    }
    if first_lower.starts_with("@relation") {
        bail!("is an ARFF file: save it as csv (scipy.io.arff.loadarff, then pandas to_csv)");
    }
    if first_lower.starts_with('[') || first_lower.starts_with('{') {
        bail!("is JSON, no text table: write one object a line and name it *.jsonl");
    }
    let is_pair = |field: &str| {
        field
            .split_once(':')
            .is_some_and(|(index, value)| index.parse::<u32>().is_ok() && value.parse::<f64>().is_ok())
    };
    let cells = fields(first, b' ');
    if cells.len() > 1 && cells[1..].iter().all(|field| is_pair(field)) {
        bail!(
            "is sparse text of libsvm (index:value): save it as arrays with Python \
             (sklearn.datasets.load_svmlight_file, then numpy.save of x.toarray())"
        );
    }
    if let ([rows, width], Some(second)) = (cells.as_slice(), lines.get(1))
        && let (Ok(_), Ok(width)) = (rows.parse::<u64>(), width.parse::<usize>())
        && width > 1
        && fields(second, b' ').len() == width + 1
        && kind(fields(second, b' ')[0]) == Cell::Text
    {
        bail!(
            "is word2vec text: line 1 counts {rows} words of {width} numbers; remove it (tail -n +2) and give \
             --drop 0 for the words, --labels FILE for their classes"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_separator_is_what_cuts_every_line_alike() {
        for (text, expected) in [
            ("1,2\n3,4", b','),
            ("a;b\n1;2", b';'),
            ("a\tb\n1\t2.5", b'\t'),
            ("1|2\n3|4", b'|'),
            ("1 2\n3 4", b' '),
            ("  1.0   2\n 3 4 ", b' '),
            ("1, 2\n3, 4", b','),
            ("a b,c d\n1,2", b','),
            ("2024-01-01 10:00,5\n2024-01-02 10:00,6", b','),
            ("\"Smith, J\";1\n\"Poe, E\";2", b';'),
            ("red panda\ngiant panda", b','),
            ("red panda\ncat", b','),
            ("label p0 p1\ncat 1 2\ndog 3 4", b' '),
            ("7", b','),
            ("1,2\n3,4\n5\n7,8", b','),
            ("1;2\n3;4\n5\n7;8", b';'),
        ] {
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(find(&lines, false).unwrap(), expected, "{text:?}");
        }
        assert_eq!(find(&["a\tb c", "d\te f"], true).unwrap(), b'\t');
        assert_eq!(find(&["7", "8"], true).unwrap(), b',');
    }

    #[test]
    fn what_is_undecided_or_no_table_is_named() {
        for (text, fragments) in [
            ("1,5;2,5\n3,5;4,5", ["decimal commas", "decimal="]),
            ("x;y\n1,5;2\n3;4,25", ["decimal commas", "\"1,5\""]),
            ("a,b;c\nd,e;f", ["--separator comma", "--separator semicolon"]),
            ("class 1\nclass 2", ["--separator comma", "--separator space"]),
            ("2 3\ncat 1 2 3\ndog 4 5 6", ["word2vec", "--drop 0"]),
            ("1 1:0.5 7:2\n0 2:1", ["libsvm", "load_svmlight_file"]),
            ("<!DOCTYPE html>\n<p>", ["web page", "download"]),
            ("[{\"a\": 1}]", ["JSON", "jsonl"]),
        ] {
            let lines: Vec<&str> = text.lines().collect();
            let error = find(&lines, false).unwrap_err().to_string();
            assert!(fragments.iter().all(|fragment| error.contains(fragment)), "{text:?}: {error}");
        }
    }
}
