//! Element types that array files name, and their bytes.

use crate::io::limits::Budget;
use anyhow::{Result, bail};
use half::{bf16, f16};
use safetensors::Dtype;

/// Elements, in the narrowest of four types that holds them exactly.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Data {
    /// f32, or halves widened.
    F32(Vec<f32>),
    /// f64.
    F64(Vec<f64>),
    /// Any integer; bool as 0 and 1.
    I64(Vec<i64>),
    /// Text of fixed width.
    Text(Vec<String>),
}

/// An element type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    F16,
    Bf16,
    F32,
    F64,
    Bool,
    Int {
        bytes: usize,
        signed: bool,
    },
    /// Characters of four bytes each.
    Unicode(usize),
    /// Bytes, read as UTF-8.
    Bytes(usize),
}

impl Kind {
    /// The type of a NumPy descriptor such as `f4`, without its byte order.
    pub(super) fn from_numpy(code: &str) -> Option<Self> {
        let width = |code: &str| code[1..].parse().ok();
        Some(match code {
            "f2" => Self::F16,
            "f4" => Self::F32,
            "f8" => Self::F64,
            "b1" => Self::Bool,
            "i1" | "i2" | "i4" | "i8" => Self::Int { bytes: width(code)?, signed: true },
            "u1" | "u2" | "u4" | "u8" => Self::Int { bytes: width(code)?, signed: false },
            _ if code.starts_with('U') => Self::Unicode(width(code)?),
            _ if code.starts_with('S') => Self::Bytes(width(code)?),
            _ => return None,
        })
    }

    /// The type of a safetensors entry.
    pub(super) const fn from_safetensors(dtype: Dtype) -> Option<Self> {
        const fn int(bytes: usize, signed: bool) -> Kind {
            Kind::Int { bytes, signed }
        }
        Some(match dtype {
            Dtype::F16 => Self::F16,
            Dtype::BF16 => Self::Bf16,
            Dtype::F32 => Self::F32,
            Dtype::F64 => Self::F64,
            Dtype::BOOL => Self::Bool,
            Dtype::I8 => int(1, true),
            Dtype::I16 => int(2, true),
            Dtype::I32 => int(4, true),
            Dtype::I64 => int(8, true),
            Dtype::U8 => int(1, false),
            Dtype::U16 => int(2, false),
            Dtype::U32 => int(4, false),
            Dtype::U64 => int(8, false),
            _ => return None,
        })
    }

    /// Bytes of an element; `None` if there is no such number.
    pub(super) const fn size(self) -> Option<usize> {
        Some(match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
            Self::Bool => 1,
            Self::Int { bytes, .. } | Self::Bytes(bytes) => bytes,
            Self::Unicode(characters) => return characters.checked_mul(4),
        })
    }

    /// What the type is called in messages.
    pub(crate) fn name(self) -> String {
        match self {
            Self::F16 => "f16".into(),
            Self::Bf16 => "bf16".into(),
            Self::F32 => "f32".into(),
            Self::F64 => "f64".into(),
            Self::Bool => "bool".into(),
            Self::Int { bytes, signed } => format!("{}{}", if signed { "i" } else { "u" }, 8 * bytes),
            Self::Unicode(_) | Self::Bytes(_) => "text".into(),
        }
    }

    /// The magnitude from which on floats of this type no longer hold every integer.
    pub(crate) const fn exact_below(self) -> Option<f64> {
        Some(match self {
            Self::F16 => 2048.0,
            Self::Bf16 => 256.0,
            Self::F32 => 16_777_216.0,
            Self::F64 => 9_007_199_254_740_992.0,
            _ => return None,
        })
    }

    const fn is_text(self) -> bool {
        matches!(self, Self::Unicode(_) | Self::Bytes(_))
    }
}

/// The elements in `bytes`, which are `count` of them; `row` elements make a row.
pub(super) fn decode(
    kind: Kind,
    big_endian: bool,
    bytes: &[u8],
    count: usize,
    row: usize,
    budget: &Budget,
) -> Result<Data> {
    let Some(size) = kind.size() else { bail!("has elements larger than memory") };
    let each = if kind.is_text() { size_of::<String>() + size } else { size.max(4) };
    budget.take_elements(count, each)?;
    if kind.is_text() {
        // Text of width 0 has no bytes to cut into elements.
        let texts =
            (0..count).map(|i| text(kind, big_endian, &bytes[i * size..(i + 1) * size], i / row.max(1)));
        return Ok(Data::Text(texts.collect::<Result<_>>()?));
    }
    let elements = bytes.chunks_exact(size).map(|chunk| {
        let mut wide = [0; 8];
        wide[..size].copy_from_slice(chunk);
        if big_endian {
            wide[..size].reverse();
        }
        u64::from_le_bytes(wide)
    });
    Ok(match kind {
        Kind::F16 => Data::F32(elements.map(|bits| f16::from_bits(bits as u16).to_f32()).collect()),
        Kind::Bf16 => Data::F32(elements.map(|bits| bf16::from_bits(bits as u16).to_f32()).collect()),
        Kind::F32 => Data::F32(elements.map(|bits| f32::from_bits(bits as u32)).collect()),
        Kind::F64 => Data::F64(elements.map(f64::from_bits).collect()),
        Kind::Bool => Data::I64(elements.map(|bits| i64::from(bits != 0)).collect()),
        Kind::Int { bytes, signed: true } => {
            let unused = 64 - 8 * bytes as u32;
            Data::I64(elements.map(|bits| (bits << unused).cast_signed() >> unused).collect())
        }
        _ => {
            let signed = |(index, bits)| match i64::try_from(bits) {
                Ok(value) => Ok(value),
                Err(_) => bail!(
                    "row {} holds {bits}: integers must be below 2^63 (9223372036854775808)",
                    index / row.max(1)
                ),
            };
            Data::I64(elements.enumerate().map(signed).collect::<Result<_>>()?)
        }
    })
}

/// One element of text, without the zeros that fill it up.
fn text(kind: Kind, big_endian: bool, bytes: &[u8], row: usize) -> Result<String> {
    let whole = if matches!(kind, Kind::Unicode(_)) {
        let code = |chunk: &[u8]| {
            let chunk = [chunk[0], chunk[1], chunk[2], chunk[3]];
            char::from_u32(if big_endian { u32::from_be_bytes(chunk) } else { u32::from_le_bytes(chunk) })
        };
        bytes.chunks_exact(4).map(code).collect::<Option<String>>()
    } else {
        str::from_utf8(bytes).ok().map(str::to_owned)
    };
    match whole {
        Some(text) => Ok(text.trim_end_matches('\0').to_owned()),
        None => bail!("row {row} is no valid text"),
    }
}
