//! Labels: classes for the engine, and the names that people gave them.

use super::{
    missing::{is_missing, is_missing_among_numbers},
    source::shorten,
    tables::is_word,
};
use anyhow::{Result, bail};
use std::{borrow::Cow, collections::HashMap, io::Write};

/// Characters of a label. Every row of labels.npy takes as many as the longest has.
const LONGEST: usize = 1000;

/// A label a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Labels {
    /// What the engine compares: the integers themselves, or numbers from 0 of the names.
    pub(crate) classes: Vec<i64>,
    /// Names of the classes 0, 1, ...; empty where labels are integers.
    names: Vec<String>,
}

impl Labels {
    /// Labels that are integers.
    pub(crate) fn integers(classes: Vec<i64>) -> Self {
        Self { classes, names: Vec::new() }
    }

    /// Labels that are text, numbered as they appear. `place` says where a row stands.
    pub(crate) fn texts<'a>(
        texts: impl Iterator<Item = Cow<'a, str>>,
        place: impl Fn(usize) -> String,
    ) -> Result<Self> {
        let mut known: HashMap<String, i64> = HashMap::new();
        let (mut classes, mut names) = (Vec::new(), Vec::<String>::new());
        let mut perhaps_missing: Vec<(usize, i64)> = Vec::new();
        for (row, text) in texts.enumerate() {
            if let Some(&class) = known.get(text.as_ref()) {
                classes.push(class);
                continue;
            }
            match text.as_ref() {
                text if text.trim().is_empty() => bail!("{}: the label is empty", place(row)),
                text if is_missing(text) => {
                    bail!(
                        "{}: the label is {text}, which stands for a missing value: leave the row out, or write \
                         another word if it is a class",
                        place(row)
                    )
                }
                text if text.chars().nth(LONGEST).is_some() => {
                    bail!(
                        "{}: the label {:?} has more than {LONGEST} characters: is it text of another column?",
                        place(row),
                        shorten(text, 40)
                    )
                }
                text if has_note(text) => {
                    bail!(
                        "{}: the label {:?} has a comment after its number: write the number alone",
                        place(row),
                        shorten(text, 40)
                    )
                }
                text if text.contains(['\n', '\r', '\0']) => {
                    bail!(
                        "{}: the label {:?} has a line break or a zero byte in it",
                        place(row),
                        shorten(text, 40)
                    )
                }
                _ => {}
            }
            let class = names.len() as i64;
            if is_missing_among_numbers(&text) {
                perhaps_missing.push((row, class));
            }
            names.push(text.clone().into_owned());
            known.insert(text.into_owned(), class);
            classes.push(class);
        }
        // `?` is a class among words, and a missing value among numbers, dates or bools.
        let is_value = |name: &String| !is_word(name) || is_missing_among_numbers(name);
        if perhaps_missing.len() < names.len()
            && names.iter().all(is_value)
            && let Some((row, class)) = perhaps_missing.first()
        {
            bail!(
                "{}: the label is {:?} among labels that are no words, which stands for a missing value: leave the row \
                 out, or write another word if it is a class",
                place(*row),
                names[*class as usize]
            );
        }
        Ok(Self { classes, names })
    }

    /// Labels that are true and false.
    pub(crate) fn bools(values: impl Iterator<Item = bool>) -> Self {
        Self { classes: values.map(i64::from).collect(), names: vec!["false".into(), "true".into()] }
    }

    /// Labels that are floats: integers, of a magnitude below which floats hold them all.
    pub(crate) fn floats(
        values: impl Iterator<Item = f64>,
        exact_below: f64,
        dtype: &str,
        place: impl Fn(usize) -> String,
    ) -> Result<Self> {
        let class = |(row, value): (usize, f64)| {
            if value.is_nan() {
                bail!("the label of {} is NaN, a missing value", place(row));
            }
            if value.fract() != 0.0 || value.is_infinite() {
                bail!("the label of {} is {value}: labels must be integers or text", place(row));
            }
            if value.abs() >= exact_below {
                bail!(
                    "the label of {} is {value}: {dtype} does not hold every integer from {exact_below} on, so that \
                     classes may have merged; store labels as integers or text",
                    place(row)
                );
            }
            Ok(value as i64)
        };
        Ok(Self::integers(values.enumerate().map(class).collect::<Result<_>>()?))
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.classes.len()
    }

    /// What a class is called.
    pub(crate) fn name(&self, class: i64) -> Cow<'_, str> {
        let name = usize::try_from(class).ok().and_then(|class| self.names.get(class));
        name.map_or_else(|| Cow::Owned(class.to_string()), |name| Cow::Borrowed(name.as_str()))
    }

    /// The classes of other labels, numbered as these are: equal text has one number, and text that is not here
    /// another.
    pub(crate) fn numbers_of(&self, others: &Self) -> Vec<i64> {
        if self.names.is_empty() {
            return others.classes.clone();
        }
        let mut known: HashMap<&str, i64> = self.names.iter().map(String::as_str).zip(0..).collect();
        let mut numbers = Vec::with_capacity(others.names.len());
        for name in &others.names {
            let next = known.len() as i64;
            numbers.push(*known.entry(name).or_insert(next));
        }
        others
            .classes
            .iter()
            .map(|&class| usize::try_from(class).map_or(class, |class| numbers[class]))
            .collect()
    }

    /// Whether labels have names other than their numbers.
    pub(crate) fn are_text(&self) -> bool {
        !self.names.is_empty()
    }

    /// The labels of some rows, by number.
    pub(crate) fn take(&self, rows: &[usize]) -> Self {
        Self { classes: rows.iter().map(|&row| self.classes[row]).collect(), names: self.names.clone() }
    }

    /// Classes and how many rows each has, in the order of their numbers.
    pub(crate) fn counts(&self) -> Vec<(i64, usize)> {
        let mut sorted = self.classes.clone();
        sorted.sort_unstable();
        sorted.chunk_by(|a, b| a == b).map(|rows| (rows[0], rows.len())).collect()
    }

    /// Writes an npy array `[rows]`: int64, or text of fixed width where labels are text,
    /// which NumPy reads without pickle.
    pub(crate) fn write_npy(&self, out: &mut dyn Write) -> Result<()> {
        let names: Vec<Vec<char>> = self.names.iter().map(|name| name.chars().collect()).collect();
        let width = names.iter().map(Vec::len).max().unwrap_or(0).max(1);
        let dtype = if self.are_text() { format!("<U{width}") } else { "<i8".to_owned() };
        let mut header =
            format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({},), }}", self.classes.len());
        // NumPy aligns the data to 64 bytes: magic, version and length take ten, the line end one.
        let padding = (64 - (header.len() + 11) % 64) % 64;
        header.push_str(&" ".repeat(padding));
        header.push('\n');
        out.write_all(b"\x93NUMPY\x01\x00")?;
        out.write_all(&u16::try_from(header.len())?.to_le_bytes())?;
        out.write_all(header.as_bytes())?;
        for &class in &self.classes {
            if !self.are_text() {
                out.write_all(&class.to_le_bytes())?;
                continue;
            }
            let name = &names[usize::try_from(class)?];
            for place in 0..width {
                out.write_all(&name.get(place).map_or(0, |&c| u32::from(c)).to_le_bytes())?;
            }
        }
        Ok(())
    }
}

/// Whether a number and a comment were read as one label.
fn has_note(text: &str) -> bool {
    text.split_once('#').is_some_and(|(before, _)| {
        before.ends_with(char::is_whitespace) && before.trim().parse::<f64>().is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::{
        arrays::{Data, npy},
        limits::Budget,
    };

    fn texts(texts: &[&str]) -> Result<Labels> {
        Labels::texts(texts.iter().map(|&text| Cow::Borrowed(text)), |row| format!("row {row}"))
    }

    #[test]
    fn classes_have_names() {
        let labels = texts(&["cat", "dog", "cat", "1"]).unwrap();
        assert_eq!(labels.classes, [0, 1, 0, 2]);
        assert_eq!((labels.name(1), labels.name(2), labels.name(9)), ("dog".into(), "1".into(), "9".into()));
        assert_eq!(labels.take(&[3, 1]).name(labels.take(&[3, 1]).classes[0]), "1");
        assert_eq!(labels.counts(), [(0, 2), (1, 1), (2, 1)]);
        for (wrong, fragment) in [("", "empty"), ("NaN", "missing"), ("a\nb", "line break")] {
            let error = texts(&["cat", wrong]).unwrap_err().to_string();
            assert!(error.contains("row 1") && error.contains(fragment), "{error}");
        }
    }

    #[test]
    fn floats_are_labels_while_they_hold_every_integer() {
        let read = |value: f64, limit: f64| {
            Labels::floats([0.0, value].into_iter(), limit, "f32", |r| format!("row {r}"))
        };
        assert_eq!(read(16_777_215.0, 16_777_216.0).unwrap().classes, [0, 16_777_215]);
        for value in [16_777_216.0, -16_777_216.0, 0.5, f64::NAN, f64::INFINITY] {
            let error = read(value, 16_777_216.0).unwrap_err().to_string();
            assert!(error.contains("row 1"), "{error}");
        }
    }

    #[test]
    fn labels_come_back_from_npy() {
        for labels in
            [texts(&["cat", "Eichhörnchen", "cat"]).unwrap(), Labels::integers(vec![i64::MIN, 7, i64::MAX])]
        {
            let mut bytes = Vec::new();
            labels.write_npy(&mut bytes).unwrap();
            let array = npy::read(&bytes, &Budget::new(None)).unwrap();
            assert_eq!(array.shape, [3]);
            match array.data {
                Data::Text(names) => assert_eq!(names, ["cat", "Eichhörnchen", "cat"]),
                Data::I64(classes) => assert_eq!(classes, labels.classes),
                other => panic!("{other:?}"),
            }
        }
    }
}
