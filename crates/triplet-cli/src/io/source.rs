//! Where bytes come from: files, standard input, pipes; compressed or not.

use super::{
    arrays::npy,
    format::{self, Format},
    limits::Budget,
};
use anyhow::{Context, Result, ensure};
use flate2::read::MultiGzDecoder;
use std::{
    fs::{self, File},
    io::{self, Cursor, Read},
    path::{Path, PathBuf},
};

/// Bytes by which a format is recognised.
const HEAD: usize = 1 << 16;
/// Bytes between two looks at the limit of memory.
const STEP: usize = 1 << 20;

/// The bytes of one input, in memory.
#[derive(Debug)]
pub(crate) struct Source {
    /// The input as the command line named it.
    pub(crate) shown: String,
    /// What it is.
    pub(crate) format: Format,
    /// The array that `file.npz:name` asks for.
    pub(crate) array: Option<String>,
    /// Everything that it holds, decompressed.
    pub(crate) bytes: Vec<u8>,
}

impl Source {
    /// Reads a file, `-`, a pipe or a device to its end, or until memory runs out. What is
    /// no format that can be read is refused after its first bytes.
    pub(crate) fn read(spec: &Path, budget: &Budget) -> Result<Self> {
        let (path, array) = split(spec);
        let shown = shorten(&spec.display().to_string(), 200);
        let (reader, length) = open(&path)?;
        read_from(reader, length, &path, &shown, array, budget).with_context(|| shown.clone())
    }

    /// Gives the memory back that the bytes took.
    pub(crate) fn release(self, budget: &Budget) {
        budget.give(self.bytes.capacity() as u64);
    }
}

fn read_from(
    mut reader: Box<dyn Read>,
    length: Option<u64>,
    path: &Path,
    shown: &str,
    array: Option<String>,
    budget: &Budget,
) -> Result<Source> {
    let path = path.to_string_lossy();
    let path = path.as_ref();
    let mut length = length;
    let mut bytes = Vec::new();
    fill(&mut reader, &mut bytes, HEAD, budget)?;
    let mut name = path;
    if bytes.starts_with(b"\x1f\x8b") {
        let start = std::mem::take(&mut bytes);
        budget.give(start.capacity() as u64);
        reader = Box::new(MultiGzDecoder::new(Cursor::new(start).chain(reader)));
        length = None;
        let lower = path.to_ascii_lowercase();
        name = lower.strip_suffix(".gz").map_or(path, |inner| &path[..inner.len()]);
        fill(&mut reader, &mut bytes, HEAD, budget).context("not a readable gzip file")?;
    }
    let format = format::detect(name, shown, &bytes)?;
    // One byte more than an npy header promises tells that there are too many.
    let most = match format {
        Format::Npy => npy::promised(&bytes).map(|bytes| bytes.saturating_add(1)),
        _ => None,
    };
    if let Some(length) = length {
        let rest = length.min(most.unwrap_or(u64::MAX)).saturating_sub(bytes.len() as u64);
        budget.grow(&mut bytes, usize::try_from(rest).unwrap_or(usize::MAX))?;
    }
    let most = most.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
    fill(&mut reader, &mut bytes, most, budget)?;
    Ok(Source { shown: shown.to_owned(), format, array, bytes })
}

/// Reads until a buffer has `most` bytes or the input ends.
fn fill(reader: &mut dyn Read, bytes: &mut Vec<u8>, most: usize, budget: &Budget) -> Result<()> {
    while bytes.len() < most {
        let step = STEP.min(most - bytes.len());
        budget.grow(bytes, step.min(HEAD))?;
        let room = step.min(bytes.capacity() - bytes.len());
        let read = (&mut *reader).take(room as u64).read_to_end(bytes)?;
        if read < room {
            break;
        }
    }
    Ok(())
}

/// A reader, and the length of a plain file.
fn open(path: &Path) -> Result<(Box<dyn Read>, Option<u64>)> {
    if path == Path::new("-") {
        return Ok((Box::new(io::stdin()), None));
    }
    let shown = || shorten(&path.display().to_string(), 200);
    let context = || format!("cannot open {}", shown());
    let file = File::open(path).with_context(context)?;
    let data = file.metadata().with_context(context)?;
    ensure!(!data.is_dir(), "cannot open {}: it is a folder", shown());
    let length = data.is_file().then_some(data.len());
    Ok((Box::new(file), length))
}

/// Splits `file.npz:name`, unless a file of that whole name exists.
fn split(spec: &Path) -> (PathBuf, Option<String>) {
    // A name that is no UTF-8 is a file's, whole.
    if let Some(text) = spec.to_str()
        && fs::metadata(spec).is_err()
        && let Some((path, name)) = text.rsplit_once(':')
        && (path == "-"
            || [".npz", ".safetensors", ".npz.gz"].iter().any(|end| path.to_ascii_lowercase().ends_with(end))
            || fs::metadata(path).is_ok_and(|data| !data.is_dir()))
    {
        return (path.into(), Some(name.to_owned()));
    }
    (spec.to_owned(), None)
}

/// Text for a message: its start if it is long, without control characters.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    let clean = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut short: String = text.chars().take(most).map(clean).collect();
    if text.chars().nth(most).is_some() {
        short.push('…');
    }
    short
}
