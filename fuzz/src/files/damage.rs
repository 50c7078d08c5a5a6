//! Damaged files: what may become of them.
//!
//! - Formats with checksums over all of their data (npz, gz) give the good file's table or an
//!   error.
//! - Text has as many rows, columns and classes as a second reader finds in the damaged text.
//! - Binary formats have no checksum over everything, and a flip may turn one value into another:
//!   rows and features are the good file's, or there is an error. An npy header with another shape
//!   must promise as many bytes as there are.

use super::second_reader::{self, dropped};
use arbitrary::Arbitrary;
use ndarray_npy::npy::header::Header;
use triplet_cli::Contents;

/// One change of some bytes; places are taken modulo their number.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub(crate) enum Edit {
    Flip { at: u16, bit: u8 },
    Set { at: u16, byte: u8 },
    Insert { at: u16, byte: u8 },
    Remove { at: u16 },
    Sign { at: u16, sign: u8 },
    Truncate { at: u16 },
}

/// Bytes that mean something in text.
const SIGNS: &[u8] = b"0.,;-\"#\n\t eE:{}[]\xff\0";

impl Edit {
    pub(crate) fn apply(self, bytes: &mut Vec<u8>) {
        let Some(last) = bytes.len().checked_sub(1) else { return };
        let place = |at: u16| usize::from(at) % (last + 1);
        match self {
            Self::Flip { at, bit } => bytes[place(at)] ^= 1 << (bit % 8),
            Self::Set { at, byte } => bytes[place(at)] = byte,
            Self::Insert { at, byte } => bytes.insert(place(at), byte),
            Self::Remove { at } => drop(bytes.remove(place(at))),
            Self::Sign { at, sign } => bytes[place(at)] = SIGNS[usize::from(sign) % SIGNS.len()],
            Self::Truncate { at } => bytes.truncate(place(at)),
        }
    }
}

/// What is wrong with how a damaged file was read, if something is.
pub(crate) fn evaluate_terms(
    good: &Contents,
    (name, bytes): &(&str, Vec<u8>),
    read: &Result<Contents, String>,
) -> Result<(), String> {
    let Ok(read) = read else { return Ok(()) };
    let shape = |contents: &Contents| (contents.rows, contents.features);
    let changed = || format!("{:?} became {:?}", shape(good), shape(read));
    match *name {
        "t.csv.gz" | "t.jsonl.gz" | "t.npz"
            if (shape(read), &read.classes) != (shape(good), &good.classes) =>
        {
            Err(format!("a table that differs, in spite of checksums: {}", changed()))
        }
        "t.npy" => {
            let header =
                Header::from_reader(&mut &bytes[..]).map_err(|e| format!("a header that is none: {e}"))?;
            if header.shape == [read.rows, read.features] { Ok(()) } else { Err(changed()) }
        }
        "t.csv" | "t.tsv" | "t.jsonl" => second_reader::agrees(name, read, bytes),
        // A flip may turn a name into that of an id or back: such a column is dropped, and said.
        _ if (read.rows, read.features + dropped(&read.line))
            != (good.rows, good.features + dropped(&good.line)) =>
        {
            Err(changed())
        }
        _ => Ok(()),
    }
}
