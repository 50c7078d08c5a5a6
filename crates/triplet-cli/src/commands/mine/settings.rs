//! What a job was asked, as text: a state goes on under the same text alone.

use super::{
    MineArgs,
    inputs::{OfKind, Set},
};
use crate::interrupt;
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use triplet_core::Real;
use triplet_core::nearest::Conditions;
use triplet_dataset::{Error, Request, Rows, check_rows};

/// Reads all rows once, refusing what no batch may contain, and gives their digest.
fn digest_of_rows<T: Real>(rows: &dyn Rows<T>) -> Result<String> {
    let (mut digest, mut bytes) = (Sha256::new(), Vec::new());
    check_rows(rows, &mut |values: &[T]| {
        bytes.clear();
        T::write_le(values, &mut bytes);
        digest.update(&bytes);
        interrupt::asked().is_none()
    })?;
    Ok(hexadecimal(digest))
}

fn digest_of_labels(labels: &[i64]) -> String {
    let mut digest = Sha256::new();
    labels.iter().for_each(|label| digest.update(label.to_le_bytes()));
    hexadecimal(digest)
}

fn hexadecimal(digest: Sha256) -> String {
    digest.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The settings that a state depends on; the part is the last line.
pub(super) fn text<T: OfKind>(
    args: &MineArgs,
    conditions: Conditions,
    request: &Request<'_, T>,
    sets: (&Set, Option<&Set>),
) -> Result<String> {
    let mut text = format!("triplet mine, version 1, {}\n", T::NAME);
    let sides = [("rows", Some(sets.0), request.candidates()), ("anchors", sets.1, request.anchors)];
    for (what, set, side) in sides {
        let Some(set) = set else { continue };
        let digest = digest_of_rows(side.rows).or_else(|error| match error.downcast_ref() {
            Some(Error::Stopped) => Err(error),
            _ => Err(error).with_context(|| set.shown().to_owned()),
        })?;
        let labels = digest_of_labels(side.labels);
        let (count, width) = (side.rows.len(), side.rows.width());
        writeln!(text, "{what} {count} x {width}, sha256 {digest}, labels {labels}")?;
    }
    let Conditions { rule, margin, absolute_margin, relative_margin, max_score, min_score } = conditions;
    writeln!(
        text,
        "{} {} margin {margin:?} absolute {absolute_margin:?} relative {relative_margin:?} max {max_score:?} min {min_score:?}",
        rule.name(),
        request.distance.name()
    )?;
    writeln!(text, "negatives {}", args.negatives)?;
    Ok(text)
}

/// The same with what cuts the work up.
pub(super) fn with_plan(text: &str, memory: u64, (part, parts): (usize, usize)) -> String {
    format!("{text}memory {memory}\npart {part} of {parts}\n")
}
