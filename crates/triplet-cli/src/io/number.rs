//! Numbers of any type that a file may hold.

use anyhow::{Result, bail};
use half::{bf16, f16};
use ndarray_npy::{ReadDataError, ReadableElement};
use py_literal::Value;
use std::io::{self, Read};

/// One number, in the widest type that holds its kind exactly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    /// f32, or a half widened.
    Single(f32),
    /// f64.
    Double(f64),
    /// Any integer.
    Integer(i128),
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

    /// The numbers in little-endian bytes.
    pub(crate) fn decode(self, bytes: &[u8]) -> Vec<Number> {
        bytes.chunks_exact(self.size()).map(|chunk| self.one(chunk)).collect()
    }

    fn one(self, little_endian: &[u8]) -> Number {
        let mut wide = [0; 8];
        wide[..little_endian.len()].copy_from_slice(little_endian);
        let bits = u64::from_le_bytes(wide);
        match self {
            Self::F16 => Number::Single(f16::from_bits(bits as u16).to_f32()),
            Self::Bf16 => Number::Single(bf16::from_bits(bits as u16).to_f32()),
            Self::F32 => Number::Single(f32::from_bits(bits as u32)),
            Self::F64 => Number::Double(f64::from_bits(bits)),
            Self::Int { bytes, signed: true } => {
                let unused = 64 - 8 * bytes as u32;
                Number::Integer(i128::from((bits << unused).cast_signed() >> unused))
            }
            Self::Int { .. } => Number::Integer(i128::from(bits)),
        }
    }
}

impl ReadableElement for Number {
    fn read_to_end_exact_vec<R: Read>(
        reader: R,
        descriptor: &Value,
        len: usize,
    ) -> Result<Vec<Self>, ReadDataError> {
        let wrong = || ReadDataError::WrongDescriptor(descriptor.clone());
        let Value::String(code) = descriptor else { return Err(wrong()) };
        let (order, code) = code.split_at_checked(1).ok_or_else(wrong)?;
        let kind = Kind::from_numpy(code).ok_or_else(wrong)?;
        let size = len.checked_mul(kind.size()).ok_or(ReadDataError::MissingData)?;
        // Read what is there, and only then compare: the header may promise anything.
        let mut bytes = Vec::new();
        let mut reader = reader.take(size as u64 + 1);
        reader.read_to_end(&mut bytes)?;
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
        Ok(kind.decode(&bytes))
    }
}
