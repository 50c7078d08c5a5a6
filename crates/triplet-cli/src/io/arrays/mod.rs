//! Arrays of numbers or text: npy, npz, safetensors.

mod elements;
pub(crate) mod npy;
mod npy_rows;
pub(crate) mod npz;
pub(crate) mod safetensors;

pub(crate) use elements::{Data, Kind};
pub(crate) use npy_rows::{npy_rows, npy_triplets};

use super::source::shorten;
use anyhow::{Result, bail};

/// An array, row-major.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Array {
    /// The shape.
    pub(crate) shape: Vec<usize>,
    /// Its elements.
    pub(crate) data: Data,
    /// The type that the file names.
    pub(crate) kind: Kind,
}

/// More dimensions than NumPy has.
const MOST_DIMENSIONS: usize = 64;

/// A shape in a message.
pub(crate) fn shape_text(shape: &[usize]) -> String {
    let shown: Vec<String> = shape.iter().take(6).map(ToString::to_string).collect();
    let more = if shape.len() > 6 { format!(", … {} dimensions", shape.len()) } else { String::new() };
    format!("[{}{more}]", shown.join(", "))
}

/// Elements of a shape; an error that fits on a line if there is no such number.
fn elements_of(shape: &[usize]) -> Result<usize> {
    if shape.len() > MOST_DIMENSIONS {
        bail!("has a shape of {} dimensions: two are expected", shape.len());
    }
    // The product of the others must be a number too where one of them is 0.
    let count = shape.iter().filter(|&&n| n > 0).try_fold(1_usize, |product, &n| product.checked_mul(n));
    match count {
        Some(_) if shape.contains(&0) => Ok(0),
        Some(count) => Ok(count),
        None => bail!("has shape {}, more elements than there can be", shape_text(shape)),
    }
}

/// What an array of a file of several is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Features,
    Labels,
    Weights,
}

impl Role {
    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Features => &["embeddings", "embedding", "features", "x", "data", "vectors"],
            Self::Labels => &["labels", "label", "y", "target", "targets", "class", "classes"],
            Self::Weights => &["weights", "weight", "sample_weight", "sample_weights"],
        }
    }

    /// Whether arrays of this name are for this.
    pub(crate) fn is_called(self, name: &str) -> bool {
        self.names().iter().any(|known| name.eq_ignore_ascii_case(known))
    }
}

/// The array to read: the one asked for, the only one, or the one whose name says that it
/// is for this. `None` if nothing says which.
fn choose(names: &[String], asked: Option<&str>, role: Role) -> Result<Option<String>> {
    let all = || {
        let shown: Vec<String> = names.iter().take(12).map(|name| shorten(name, 40)).collect();
        if names.len() > 12 {
            format!("{}, … {} in all", shown.join(", "), names.len())
        } else {
            shown.join(", ")
        }
    };
    if let Some(asked) = asked {
        if names.iter().any(|name| name == asked) {
            return Ok(Some(asked.to_owned()));
        }
        bail!("holds no array {:?}: it has {}", shorten(asked, 40), all());
    }
    if names.is_empty() {
        bail!("holds no arrays");
    }
    if let [only] = names {
        return Ok(Some(only.clone()));
    }
    let called: Vec<&String> = names.iter().filter(|name| role.is_called(name)).collect();
    let others = |name: &&String| {
        ![Role::Features, Role::Labels, Role::Weights].iter().any(|other| other.is_called(name))
    };
    match called.as_slice() {
        [name] => Ok(Some((*name).clone())),
        [] if role == Role::Features => {
            let rest: Vec<&String> = names.iter().filter(others).collect();
            match rest.as_slice() {
                [name] => Ok(Some((*name).clone())),
                _ => bail!("holds several arrays ({}): add \":name\" to choose one", all()),
            }
        }
        [] => Ok(None),
        [first, second, ..] => {
            bail!("holds both {first} and {second}: add \":name\" to choose one ({first} or {second})")
        }
    }
}
