//! Tables: features and a label a row, as they are compared and written.

use arbitrary::{Arbitrary, Result, Unstructured};
use triplet_cli::Contents;

/// Features and labels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    pub(crate) rows: usize,
    pub(crate) features: usize,
    /// Whether features are f64; if not, each is an f32 in f64.
    pub(crate) double: bool,
    /// Row-major.
    pub(crate) values: Vec<f64>,
    pub(crate) labels: Labels,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Labels {
    Integers(Vec<i64>),
    Names(Vec<String>),
}

impl Table {
    /// What was read.
    pub(crate) fn of(contents: &Contents) -> Self {
        let labels = if contents.named {
            Labels::Names(contents.labels.clone())
        } else {
            Labels::Integers(contents.labels.iter().map(|name| name.parse().expect("an integer")).collect())
        };
        let &Contents { rows, features, double, .. } = contents;
        Self { rows, features, double, values: contents.values.clone(), labels }
    }

    /// A feature as f32, for what holds no f64.
    pub(crate) fn single(&self, row: usize, feature: usize) -> f32 {
        self.values[row * self.features + feature] as f32
    }

    /// The column of a feature.
    pub(crate) fn column(&self, feature: usize) -> impl Iterator<Item = f64> {
        self.values.iter().copied().skip(feature).step_by(self.features)
    }

    /// Names of the features in formats that have names: `f0`, `f1`, ...
    pub(crate) fn names(&self) -> Vec<String> {
        (0..self.features).map(|feature| format!("f{feature}")).collect()
    }

    /// The name of each row's class.
    pub(crate) fn class_names(&self) -> Vec<String> {
        match &self.labels {
            Labels::Integers(labels) => labels.iter().map(ToString::to_string).collect(),
            Labels::Names(names) => names.clone(),
        }
    }

    /// What differs first between this table and what was read of it.
    pub(crate) fn difference(&self, read: &Contents) -> Option<String> {
        if (self.rows, self.features) != (read.rows, read.features) {
            return Some(format!(
                "{} x {} became {} x {}",
                self.rows, self.features, read.rows, read.features
            ));
        }
        let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
        if let Some(at) = self.values.iter().zip(&read.values).position(|pair| !same(pair)) {
            return Some(format!("value {at}: {:?} became {:?}", self.values[at], read.values[at]));
        }
        let names = self.class_names();
        let at = names.iter().zip(&read.labels).position(|(a, b)| a != b)?;
        Some(format!("label of row {at}: {:?} became {:?}", names[at], read.labels[at]))
    }
}

/// Words that need quotes, escapes or several bytes a character, and some that look like others.
const WORDS: [&str; 12] = [
    "cat",
    "dog",
    "Katze, groß",
    "a \"quoted\" word",
    "日本",
    "x;y",
    "tab\tin it",
    "e1",
    "0x10",
    "it's",
    "a#b",
    "😀",
];

impl<'a> Arbitrary<'a> for Table {
    fn arbitrary(input: &mut Unstructured<'a>) -> Result<Self> {
        let rows = input.int_in_range(1..=24)?;
        let features = input.int_in_range(1..=5)?;
        let double = bool::arbitrary(input)?;
        let values = (0..rows * features)
            .map(|_| {
                let value = match input.int_in_range(0..=7)? {
                    0..4 => f64::from(i16::arbitrary(input)?) / 64.0,
                    4 => f64::from(i8::arbitrary(input)?),
                    5 => f64::from(f32::from_bits(u32::arbitrary(input)?)),
                    6 => f64::from_bits(u64::arbitrary(input)?),
                    _ => *input.choose(&[0.0, -0.0, 1e-45, 1e30, 16_777_217.0, 0.1])?,
                };
                Ok(if double { value } else { f64::from(value as f32) })
            })
            .collect::<Result<Vec<f64>>>()?;
        let labels = if bool::arbitrary(input)? {
            let label = |input: &mut Unstructured<'a>| match input.int_in_range(0..=7)? {
                0 => i64::arbitrary(input),
                _ => input.int_in_range(-1..=3),
            };
            Labels::Integers((0..rows).map(|_| label(input)).collect::<Result<_>>()?)
        } else {
            Labels::Names((0..rows).map(|_| Ok(input.choose(&WORDS)?.to_string())).collect::<Result<_>>()?)
        };
        Ok(Self { rows, features, double, values, labels })
    }
}
