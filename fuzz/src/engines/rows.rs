//! Labelled embeddings from few bytes: values and labels are drawn from small palettes, so that
//! equal rows, tied distances and colliding labels are the rule.

use super::numbers::Number;
use arbitrary::{Arbitrary, Result, Unstructured};
use triplet_api::{Batch, Element, Error};

/// Rows, and the palettes that they are drawn from.
#[derive(Debug, Clone, Arbitrary)]
pub(crate) struct Rows {
    shape: Shape,
    values: Drawn<Number>,
    labels: Drawn<Label>,
    mistake: Mistake,
}

/// A palette and which of it comes where.
#[derive(Debug, Clone, Arbitrary)]
struct Drawn<T> {
    palette: Vec<T>,
    order: Order,
}

#[derive(Debug, Clone, Arbitrary)]
enum Order {
    /// Bytes, over and over.
    Listed(Vec<u8>),
    /// At random.
    Random(u8),
    /// In turn.
    Turns,
    /// In runs of one length.
    Runs(u8),
}

/// Labels that hashes, casts to 32 bits and signs may confuse.
#[derive(Debug, Clone, Copy, Arbitrary)]
enum Label {
    Small(i8),
    High(i8),
    Any(i64),
    Least,
    Most,
}

/// `B` and `D`.
#[derive(Debug, Clone, Copy)]
struct Shape {
    rows: usize,
    width: usize,
}

/// Lengths that do not fit together.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mistake {
    None,
    LabelMore,
    LabelLess,
    ValueMore,
    NoWidth,
}

/// Sizes about the edges of panels, tiles, blocks and of the switch to sorted candidates.
const EDGES: [usize; 24] =
    [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 96, 97, 130, 150];
const WIDE: [usize; 8] = [192, 193, 255, 256, 257, 288, 513, 1030];
const MANY: [usize; 4] = [97, 130, 150, 193];

/// Products of one batch: more are slow.
const MOST_PRODUCTS: usize = 100_000;

impl<'a> Arbitrary<'a> for Shape {
    fn arbitrary(input: &mut Unstructured<'a>) -> Result<Self> {
        let (rows, width) = (u8::arbitrary(input)?, u8::arbitrary(input)?);
        let sized = |code: u8, large: &[usize]| match usize::from(code) {
            code @ 0..24 => code,
            code @ 24..240 => EDGES[code % EDGES.len()],
            code => large[code % large.len()],
        };
        let rows = sized(rows, &MANY);
        let width = sized(width, &WIDE).clamp(1, (MOST_PRODUCTS / (rows * rows).max(1)).max(1));
        Ok(Self { rows, width })
    }
}

impl<'a> Arbitrary<'a> for Mistake {
    fn arbitrary(input: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u8::arbitrary(input)? {
            250 => Self::LabelMore,
            251 => Self::LabelLess,
            252 => Self::ValueMore,
            253 => Self::NoWidth,
            _ => Self::None,
        })
    }
}

impl Label {
    fn value(self) -> i64 {
        match self {
            Self::Small(value) => value.into(),
            Self::High(value) => i64::from(value) << 32,
            Self::Any(value) => value,
            Self::Least => i64::MIN,
            Self::Most => i64::MAX,
        }
    }
}

impl<T: Copy> Drawn<T> {
    /// The `count` first; those of `default` where the palette is empty.
    fn take(&self, count: usize, default: impl Fn(usize) -> T) -> Vec<T> {
        if self.palette.is_empty() {
            return (0..count).map(default).collect();
        }
        let mut rng = fastrand::Rng::with_seed(match self.order {
            Order::Random(seed) => seed.into(),
            _ => 0,
        });
        let mut index = |at: usize| match &self.order {
            Order::Listed(list) if !list.is_empty() => usize::from(list[at % list.len()]),
            Order::Random(_) => rng.usize(..),
            Order::Runs(length) => at / (usize::from(*length) + 1),
            Order::Listed(_) | Order::Turns => at,
        };
        (0..count).map(|at| self.palette[index(at) % self.palette.len()]).collect()
    }
}

/// Rows in an element type.
pub(crate) struct Owned<T> {
    embeddings: Vec<T>,
    labels: Vec<i64>,
    width: usize,
}

impl Rows {
    pub(crate) fn count(&self) -> usize {
        self.shape.rows
    }

    pub(crate) fn owned<T: Element>(&self) -> Owned<T> {
        let Shape { rows, width } = self.shape;
        let more = usize::from(self.mistake == Mistake::ValueMore);
        let numbers = self.values.take(rows * width + more, |at| Number::Integer((at % 251) as i8));
        let labels = match self.mistake {
            Mistake::LabelMore => rows + 1,
            Mistake::LabelLess => rows.saturating_sub(1),
            _ => rows,
        };
        Owned {
            embeddings: numbers.into_iter().map(|number| T::from_f64(number.value())).collect(),
            labels: self
                .labels
                .take(labels, |row| Label::Small((row / 4) as i8))
                .into_iter()
                .map(Label::value)
                .collect(),
            width: if self.mistake == Mistake::NoWidth { 0 } else { width },
        }
    }
}

impl<T: Element> Owned<T> {
    pub(crate) fn batch(&self) -> std::result::Result<Batch<'_, T>, Error> {
        Ok(Batch::new(&self.embeddings, self.width, &self.labels)?)
    }
}
