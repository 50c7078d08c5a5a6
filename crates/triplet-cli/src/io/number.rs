//! Arrays of any number type that a file may hold.

use anyhow::{Result, bail};
use half::{bf16, f16};
use ndarray::ArrayD;
use ndarray_npy::{ReadDataError, ReadableElement};
use py_literal::Value;
use std::io::{self, Read};

/// An array, in the narrowest of three types that holds its elements exactly.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Numbers {
    /// f32, or halves widened.
    Single(ArrayD<f32>),
    /// f64.
    Double(ArrayD<f64>),
    /// Any integer.
    Integer(ArrayD<i64>),
}

impl Numbers {
    /// The shape.
    pub(crate) fn shape(&self) -> &[usize] {
        match self {
            Self::Single(x) => x.shape(),
            Self::Double(x) => x.shape(),
            Self::Integer(x) => x.shape(),
        }
    }
}

/// The element types that files name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    F16,
    Bf16,
    F32,
    F64,
    Int { bytes: usize, signed: bool },
}

impl Kind {
    /// The type of a NumPy descriptor such as `<f4`, without its byte order.
    fn from_numpy(code: &str) -> Option<Self> {
        Some(match code {
            "f2" => Self::F16,
            "f4" => Self::F32,
            "f8" => Self::F64,
            "i1" | "i2" | "i4" | "i8" => Self::Int { bytes: code[1..].parse().ok()?, signed: true },
            "u1" | "u2" | "u4" | "u8" => Self::Int { bytes: code[1..].parse().ok()?, signed: false },
            _ => return None,
        })
    }

    /// The type of a safetensors entry.
    pub(crate) fn from_safetensors(dtype: safetensors::Dtype) -> Result<Self> {
        use safetensors::Dtype;
        let int = |bytes, signed| Self::Int { bytes, signed };
        Ok(match dtype {
            Dtype::F16 => Self::F16,
            Dtype::BF16 => Self::Bf16,
            Dtype::F32 => Self::F32,
            Dtype::F64 => Self::F64,
            Dtype::I8 => int(1, true),
            Dtype::I16 => int(2, true),
            Dtype::I32 => int(4, true),
            Dtype::I64 => int(8, true),
            Dtype::U8 => int(1, false),
            Dtype::U16 => int(2, false),
            Dtype::U32 => int(4, false),
            Dtype::U64 => int(8, false),
            other => bail!("has dtype {other:?}: expected numbers"),
        })
    }

    fn size(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
            Self::Int { bytes, .. } => bytes,
        }
    }
}

/// One of the three types of [`Numbers`].
pub(crate) trait Target: Copy {
    /// The value of an element's bits; `None` if its kind belongs to another type.
    fn decode(kind: Kind, bits: u64) -> Option<Self>;
}

impl Target for f32 {
    fn decode(kind: Kind, bits: u64) -> Option<Self> {
        match kind {
            Kind::F16 => Some(f16::from_bits(bits as u16).to_f32()),
            Kind::Bf16 => Some(bf16::from_bits(bits as u16).to_f32()),
            Kind::F32 => Some(f32::from_bits(bits as u32)),
            Kind::F64 | Kind::Int { .. } => None,
        }
    }
}

impl Target for f64 {
    fn decode(kind: Kind, bits: u64) -> Option<Self> {
        (kind == Kind::F64).then(|| f64::from_bits(bits))
    }
}

impl Target for i64 {
    fn decode(kind: Kind, bits: u64) -> Option<Self> {
        match kind {
            Kind::Int { bytes, signed: true } => {
                let unused = 64 - 8 * bytes as u32;
                Some((bits << unused).cast_signed() >> unused)
            }
            Kind::Int { .. } => i64::try_from(bits).ok(),
            _ => None,
        }
    }
}

/// The elements in little-endian bytes; `None` if they belong to another type.
pub(crate) fn decode<T: Target>(kind: Kind, bytes: &[u8]) -> Option<Vec<T>> {
    // An empty array has a type too.
    T::decode(kind, 0)?;
    let bits = |chunk: &[u8]| {
        let mut wide = [0; 8];
        wide[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(wide)
    };
    bytes.chunks_exact(kind.size()).map(|chunk| T::decode(kind, bits(chunk))).collect()
}

/// An element for the npy reader, which knows fewer types and trusts the header: a
/// file that promises more than it holds must not make us allocate it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell<T>(pub(crate) T);

impl<T: Target> ReadableElement for Cell<T> {
    fn read_to_end_exact_vec<R: Read>(
        reader: R,
        descriptor: &Value,
        len: usize,
    ) -> Result<Vec<Self>, ReadDataError> {
        let wrong = || ReadDataError::WrongDescriptor(descriptor.clone());
        let Value::String(code) = descriptor else { return Err(wrong()) };
        let (order, code) = code.split_at_checked(1).ok_or_else(wrong)?;
        let kind = Kind::from_numpy(code).ok_or_else(wrong)?;
        T::decode(kind, 0).ok_or_else(wrong)?;
        let size = len.checked_mul(kind.size()).ok_or(ReadDataError::MissingData)?;
        let mut bytes = Vec::new();
        reader.take(size as u64 + 1).read_to_end(&mut bytes)?;
        match bytes.len() {
            n if n < size => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            n if n > size => return Err(ReadDataError::ExtraBytes(n - size)),
            _ => {}
        }
        match order {
            ">" => bytes.chunks_exact_mut(kind.size()).for_each(<[u8]>::reverse),
            "<" | "|" | "=" => {}
            _ => return Err(wrong()),
        }
        let values = decode(kind, &bytes);
        let values = values.ok_or_else(|| ReadDataError::ParseData("an integer does not fit i64".into()))?;
        Ok(values.into_iter().map(Cell).collect())
    }
}
