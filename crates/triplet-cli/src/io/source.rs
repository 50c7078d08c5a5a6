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
use triplet_dataset::FileState;

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
        let input = open(&path)?;
        let length = input.state.map(|state| state.len());
        let source = read_from(input.reader, length, &path, &shown, array, budget);
        // A change explains an error too.
        if let (Some(file), Some(before)) = (input.file, input.state) {
            let now = FileState::of(&file).with_context(|| shown.clone())?;
            ensure!(
                now == before,
                "{shown}: was changed while it was read: read it again when it is written"
            );
        }
        source.with_context(|| shown.clone())
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

/// What is read.
struct Input {
    reader: Box<dyn Read>,
    /// A plain file, and how it was when it was opened.
    file: Option<File>,
    state: Option<FileState>,
}

fn open(path: &Path) -> Result<Input> {
    if path == Path::new("-") {
        return Ok(Input { reader: Box::new(io::stdin()), file: None, state: None });
    }
    let shown = || shorten(&path.display().to_string(), 200);
    let context = || format!("cannot open {}", shown());
    let file = File::open(path).with_context(context)?;
    let data = file.metadata().with_context(context)?;
    ensure!(!data.is_dir(), "cannot open {}: it is a folder", shown());
    if !data.is_file() {
        return Ok(Input { reader: Box::new(file), file: None, state: None });
    }
    let state = FileState::of(&file).with_context(context)?;
    let reader = file.try_clone().with_context(context)?;
    Ok(Input { reader: Box::new(reader), file: Some(file), state: Some(state) })
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn a_file_that_is_written_while_it_is_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        let row = "1.0,2.0\n";
        // As long as ten looks at the limit of memory, so that the writer comes in between.
        let text = row.repeat(10 * STEP / row.len());
        fs::write(&path, &text).unwrap();
        assert!(Source::read(&path, &Budget::new(None)).is_ok());
        let stop = std::sync::atomic::AtomicBool::new(false);
        let refused = std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    file.write_all(b"3").unwrap();
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
            });
            let tries = (0..100).map(|_| Source::read(&path, &Budget::new(None)));
            let refused = tries.filter_map(Result::err).next();
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            refused
        });
        let message =
            format!("{:#}", refused.expect("a hundred readings of a file that changes all the time"));
        assert!(message.contains("was changed while it was read"), "{message}");
    }
}
