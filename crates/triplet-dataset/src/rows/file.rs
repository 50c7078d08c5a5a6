//! Rows in a file, read where they are wanted.
//!
//! By reads at a place, not through a map of the file's pages: a file that becomes shorter meanwhile is an error
//! then, where a map would end the process. The page cache serves both alike.

use super::{FileState, Rows};
use std::{fs::File, io};

/// The type of a file's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// Half precision, widened to f32.
    F16,
    /// Single precision.
    F32,
    /// Double precision.
    F64,
}

impl Element {
    /// Bytes of a number.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::F16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

/// Rows after each other in a file, such as the data of an npy file.
///
/// ```
/// use triplet_dataset::{Element, FileRows, Rows};
/// let path = std::env::temp_dir().join(format!("triplet-rows-{}", std::process::id()));
/// std::fs::write(&path, [1.0_f32, 2.0, 3.0].map(f32::to_le_bytes).concat()).unwrap();
/// let rows = FileRows::open(std::fs::File::open(&path).unwrap(), 4, (2, 1), Element::F32, false).unwrap();
/// let mut both = [0.0_f32; 2];
/// rows.read(0, &mut both).unwrap();
/// assert_eq!(both, [2.0, 3.0]);
/// # std::fs::remove_file(path).unwrap();
/// ```
#[derive(Debug)]
pub struct FileRows {
    file: File,
    start: u64,
    rows: usize,
    width: usize,
    element: Element,
    big_endian: bool,
    /// When it was opened.
    state: FileState,
}

/// Bytes that are converted at a time.
const PIECE: usize = 1 << 18;

impl FileRows {
    /// Rows and width of a file's data, which starts at a byte.
    ///
    /// # Errors
    /// What the system says; a file that is shorter than its rows.
    pub fn open(
        file: File,
        start: u64,
        (rows, width): (usize, usize),
        element: Element,
        big_endian: bool,
    ) -> io::Result<Self> {
        let state = FileState::of(&file)?;
        let bytes =
            (rows as u64).checked_mul(width as u64).and_then(|n| n.checked_mul(element.size() as u64));
        let end = bytes.and_then(|bytes| bytes.checked_add(start));
        if end.is_none_or(|end| end > state.len()) {
            let text = format!("{rows} rows of {width} do not fit in its {} bytes", state.len());
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
        }
        Ok(Self { file, start, rows, width, element, big_endian, state })
    }

    /// The type of its numbers.
    #[must_use]
    pub fn element(&self) -> Element {
        self.element
    }

    /// Whether the file has another length or was changed since it was opened.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        FileState::of(&self.file).map_or(true, |now| now != self.state)
    }

    /// Gives the bytes of some rows, a piece of whole numbers at a time.
    fn pieces(&self, first: usize, count: usize, mut take: impl FnMut(usize, &[u8])) -> io::Result<()> {
        let size = self.element.size();
        if first
            .checked_mul(self.width)
            .and_then(|n| n.checked_add(count))
            .is_none_or(|n| n > self.rows * self.width)
        {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut place = self.start + (first * self.width * size) as u64;
        let (mut done, mut buffer) = (0, vec![0; PIECE.min(count * size)]);
        while done < count {
            let some = (count - done).min(PIECE / size);
            let bytes = &mut buffer[..some * size];
            read_at(&self.file, place, bytes)?;
            if self.big_endian {
                bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
            }
            take(done, bytes);
            done += some;
            place += bytes.len() as u64;
        }
        Ok(())
    }
}

#[cfg(unix)]
fn read_at(file: &File, place: u64, bytes: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, place)
}

#[cfg(windows)]
fn read_at(file: &File, mut place: u64, mut bytes: &mut [u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, place)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                bytes = &mut bytes[read..];
                place += read as u64;
            }
        }
    }
    Ok(())
}

impl Rows<f32> for FileRows {
    fn len(&self) -> usize {
        self.rows
    }

    fn width(&self) -> usize {
        self.width
    }

    fn read(&self, first: usize, out: &mut [f32]) -> io::Result<()> {
        self.pieces(first, out.len(), |done, bytes| {
            let out = &mut out[done..];
            match self.element {
                Element::F16 => convert(bytes, out, |b| half::f16::from_le_bytes(b).to_f32()),
                Element::F32 => convert(bytes, out, f32::from_le_bytes),
                Element::F64 => convert(bytes, out, |b| f64::from_le_bytes(b) as f32),
            }
        })
    }
}

impl Rows<f64> for FileRows {
    fn len(&self) -> usize {
        self.rows
    }

    fn width(&self) -> usize {
        self.width
    }

    fn read(&self, first: usize, out: &mut [f64]) -> io::Result<()> {
        self.pieces(first, out.len(), |done, bytes| {
            let out = &mut out[done..];
            match self.element {
                Element::F16 => convert(bytes, out, |b| half::f16::from_le_bytes(b).to_f64()),
                Element::F32 => convert(bytes, out, |b| f64::from(f32::from_le_bytes(b))),
                Element::F64 => convert(bytes, out, f64::from_le_bytes),
            }
        })
    }
}

fn convert<T, const N: usize>(bytes: &[u8], out: &mut [T], value: impl Fn([u8; N]) -> T) {
    for (out, &bytes) in out.iter_mut().zip(bytes.as_chunks::<N>().0) {
        *out = value(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn numbers_of_every_kind_are_read() {
        let mut file = tempfile::tempfile().unwrap();
        let halves = [0.5, -2.0, 3.0, 4.0].map(half::f16::from_f64);
        file.write_all(&halves.map(half::f16::to_be_bytes).concat()).unwrap();
        let rows = FileRows::open(file, 2, (3, 1), Element::F16, true).unwrap();
        let mut out = [0.0_f32; 2];
        rows.read(1, &mut out).unwrap();
        assert_eq!(out, [3.0, 4.0]);
        assert!(Rows::<f32>::read(&rows, 2, &mut [0.0; 2]).is_err(), "past the end");
    }

    #[test]
    fn a_file_that_is_too_short_or_changes_is_told() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[0; 16]).unwrap();
        assert!(FileRows::open(file.try_clone().unwrap(), 4, (2, 2), Element::F32, false).is_err());
        let huge = FileRows::open(file.try_clone().unwrap(), 0, (usize::MAX, 2), Element::F32, false);
        assert!(huge.is_err());
        let rows = FileRows::open(file.try_clone().unwrap(), 0, (2, 2), Element::F32, false).unwrap();
        assert!(!rows.has_changed());
        file.set_len(8).unwrap();
        assert!(rows.has_changed() && Rows::<f32>::read(&rows, 1, &mut [0.0; 2]).is_err());
    }
}
