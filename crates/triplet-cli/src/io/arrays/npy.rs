//! One array in NumPy's format.

use super::{Array, Data, Kind, elements::decode, elements_of, shape_text};
use crate::io::{limits::Budget, source::shorten};
use anyhow::{Result, anyhow, bail, ensure};
use ndarray::{ArrayD, IxDyn, ShapeBuilder};
use ndarray_npy::npy::header::{Header, ReadHeaderError};
use py_literal::Value;

/// Longer headers belong to structured types. NumPy itself stops at 10,000 characters.
const LONGEST_HEADER: usize = 1 << 16;
/// Deeper nesting than that of a dictionary with a tuple.
const DEEPEST: usize = 4;

/// What a header says.
pub(super) struct Promise {
    pub(super) kind: Kind,
    pub(super) big_endian: bool,
    pub(super) fortran: bool,
    pub(super) shape: Vec<usize>,
    count: usize,
    /// Where the data begins.
    pub(super) start: usize,
}

/// Length of the whole file according to its header, if that can be read.
pub(crate) fn promised(bytes: &[u8]) -> Option<u64> {
    let promise = promise(bytes).ok()?;
    let size = (promise.count as u64).checked_mul(promise.kind.size()? as u64)?;
    size.checked_add(promise.start as u64)
}

/// Reads an array from the bytes of a whole file.
pub(crate) fn read(bytes: &[u8], budget: &Budget) -> Result<Array> {
    let promise = promise(bytes)?;
    let Promise { kind, big_endian, fortran, shape, count, start } = promise;
    let data = &bytes[start..];
    let Some(size) = kind.size().and_then(|size| size.checked_mul(count)) else {
        bail!("has shape {}, more bytes than there can be", shape_text(&shape))
    };
    ensure!(
        data.len() >= size,
        "is truncated: its header promises {size} bytes of data, shape {}, and {} follow",
        shape_text(&shape),
        data.len()
    );
    ensure!(data.len() == size, "has bytes after its data, whose shape is {}", shape_text(&shape));
    // Rows lie apart in a column-major file; a label file has one column either way.
    let row = if fortran { 1 } else { count / shape.first().copied().unwrap_or(1).max(1) };
    let data = decode(kind, big_endian, data, count, row, budget)?;
    let data = if fortran && shape.len() > 1 {
        budget.take(size as u64)?;
        match data {
            Data::F32(x) => Data::F32(row_major(&shape, x)?),
            Data::F64(x) => Data::F64(row_major(&shape, x)?),
            Data::I64(x) => Data::I64(row_major(&shape, x)?),
            Data::Text(x) => Data::Text(row_major(&shape, x)?),
        }
    } else {
        data
    };
    Ok(Array { shape, data, kind })
}

fn row_major<T: Clone>(shape: &[usize], column_major: Vec<T>) -> Result<Vec<T>> {
    let array = ArrayD::from_shape_vec(IxDyn(shape).f(), column_major)?;
    Ok(array.iter().cloned().collect())
}

pub(super) fn promise(bytes: &[u8]) -> Result<Promise> {
    let broken = |what: &str| anyhow!("not a readable npy file: {what}");
    let (version, length) = match bytes {
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1, 0, a, b, ..] => {
            (1, usize::from(u16::from_le_bytes([*a, *b])))
        }
        [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, 0, a, b, c, d, ..] => {
            (2, u32::from_le_bytes([*a, *b, *c, *d]) as usize)
        }
        [0x93, b'N', b'U', b'M', b'P', b'Y', major, minor, ..] if !matches!((major, minor), (1..=3, 0)) => {
            return Err(broken(&format!("its version is {major}.{minor}")));
        }
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => return Err(broken("it ends within its header")),
        _ => return Err(broken("it does not start as one does")),
    };
    ensure!(
        length <= LONGEST_HEADER,
        "not a readable npy file: its header is {length} bytes long where one of numbers has some 120"
    );
    let start = if version == 1 { 10 } else { 12 } + length;
    ensure!(bytes.len() >= start, "not a readable npy file: it ends within its header (truncated)");
    let mut depth = 0_usize;
    for byte in &bytes[..start] {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        ensure!(depth <= DEEPEST, "not a readable npy file: its header is no description of an array");
    }
    let header = Header::from_reader(&mut &bytes[..start]).map_err(|error| {
        let text = match error {
            ReadHeaderError::Io(error) => error.to_string(),
            ReadHeaderError::Parse(error) => error.to_string(),
        };
        // A parser's message draws the place on lines of its own.
        broken(&shorten(text.lines().next().unwrap_or_default(), 120))
    })?;
    let count = elements_of(&header.shape)?;
    let (kind, big_endian) = kind(&header.type_descriptor)?;
    Ok(Promise { kind, big_endian, fortran: header.layout.is_fortran(), shape: header.shape, count, start })
}

fn kind(descriptor: &Value) -> Result<(Kind, bool)> {
    let shown = shorten(&descriptor.to_string(), 60);
    let Value::String(text) = descriptor else {
        bail!("has dtype {shown} (a structured array): expected a plain array of numbers or text")
    };
    let order = text.chars().next().filter(|order| "<>|=".contains(*order));
    let known = order.and_then(|order| Some((Kind::from_numpy(&text[1..])?, order == '>')));
    let Some(known) = known else {
        let hint = match text.trim_start_matches(['<', '>', '|', '=']).chars().next() {
            Some('O') => " (a pickled object array): save it with .astype(str) for text, or .astype(float)",
            Some('M' | 'm') => " (dates): save it with .astype(str)",
            Some('c') => " (complex numbers): save its real part",
            _ => ": expected a plain array of numbers or text",
        };
        bail!("has dtype {shown}{hint}")
    };
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16 + 1).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.push(b'\n');
        bytes.extend(data);
        bytes
    }

    fn error(bytes: &[u8]) -> String {
        read(bytes, &Budget::new(Some(1 << 20))).unwrap_err().to_string()
    }

    #[test]
    fn text_and_bool_are_read() {
        let header = "{'descr': '<U2', 'fortran_order': False, 'shape': (2,), }";
        let data: Vec<u8> = ['a', 'ß', 'c', '\0'].iter().flat_map(|&c| (c as u32).to_le_bytes()).collect();
        let array = read(&file(header, &data), &Budget::new(None)).unwrap();
        assert_eq!(array.data, Data::Text(vec!["aß".into(), "c".into()]));
        let header = "{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }";
        let array = read(&file(header, &[1, 0, 1]), &Budget::new(None)).unwrap();
        assert_eq!(array.data, Data::I64(vec![1, 0, 1]));
    }

    #[test]
    fn headers_that_ask_for_too_much_get_short_messages() {
        let dimensions = "1, ".repeat(3000);
        let many = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({dimensions}), }}");
        let nested = format!("{}1{}", "(".repeat(5000), ")".repeat(5000));
        let huge = "{'descr': '<U4611686018427387904', 'fortran_order': False, 'shape': (4,), }";
        let wide = "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 9223372036854775807, 9), }";
        for (header, fragment) in [
            (many.as_str(), "3000 dimensions"),
            (nested.as_str(), "no description"),
            (huge, "more bytes"),
            (wide, "more elements"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (9, 9), }", "promises 324 bytes"),
            ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (9,), }", "structured"),
        ] {
            let error = error(&file(header, &[]));
            assert!(error.contains(fragment) && error.len() < 300, "{error}");
        }
        let huge = "{'descr': '<f8', 'fortran_order': False, 'shape': (200000,), }";
        assert!(error(&file(huge, &vec![0; 1_600_000])).contains("--max-memory"));
    }

    #[test]
    fn integers_from_two_to_the_63_are_named() {
        let header = "{'descr': '<u8', 'fortran_order': False, 'shape': (2,), }";
        let data = [5_u64.to_le_bytes(), (1_u64 << 63).to_le_bytes()].concat();
        let error = error(&file(header, &data));
        assert!(error.contains("row 1") && error.contains("2^63"), "{error}");
    }
}
