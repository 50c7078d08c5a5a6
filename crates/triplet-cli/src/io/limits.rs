//! How much memory reading may take.

use crate::proc;
use anyhow::{Result, bail};
use std::cell::Cell;

/// Bytes by which a buffer grows at least.
const LEAST_GROWTH: usize = 1 << 16;

/// Bytes that may be held while reading, and those that are. Every buffer whose size a
/// file decides is entered here before it is reserved.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    used: Cell<u64>,
    /// Whether `--max-memory` set the limit.
    asked: bool,
}

impl Budget {
    /// The limit that `--max-memory` gives, or what the machine has free.
    pub(crate) fn new(max_memory: Option<u64>) -> Self {
        let limit = max_memory.unwrap_or_else(proc::available_memory);
        Self { limit, used: Cell::new(0), asked: max_memory.is_some() }
    }

    /// Enters bytes that are about to be reserved; an error if they are too many.
    pub(crate) fn take(&self, bytes: u64) -> Result<()> {
        let total = self.used.get().saturating_add(bytes);
        if total > self.limit {
            let whose = if self.asked { "--max-memory allows" } else { "this machine has free" };
            bail!(
                "reading needs {} of memory or more, {whose} {}: give a smaller file, or --max-memory SIZE",
                size(total),
                size(self.limit)
            );
        }
        self.used.set(total);
        Ok(())
    }

    /// Enters `count` elements of `bytes` each.
    pub(crate) fn take_elements(&self, count: usize, bytes: usize) -> Result<()> {
        self.take((count as u64).saturating_mul(bytes as u64))
    }

    /// Takes bytes off that are free again.
    pub(crate) fn give(&self, bytes: u64) {
        self.used.set(self.used.get().saturating_sub(bytes));
    }

    /// Makes room for `more` bytes in a buffer, entering what it grows by.
    pub(crate) fn grow(&self, buffer: &mut Vec<u8>, more: usize) -> Result<()> {
        let spare = buffer.capacity() - buffer.len();
        if spare >= more {
            return Ok(());
        }
        // By half of what is there, so that the bytes are moved a few times only; by no
        // more than is needed where that is too much.
        let growth = (buffer.capacity() / 2).max(LEAST_GROWTH).max(more - spare);
        let growth = if self.take(growth as u64).is_ok() {
            growth
        } else {
            self.take((more - spare) as u64)?;
            more - spare
        };
        if buffer.try_reserve_exact(spare + growth).is_err() {
            let total = self.used.get();
            bail!("reading needs {} of memory or more, which the system does not give", size(total));
        }
        Ok(())
    }
}

/// Reads a size such as `800M`, `4G`, `1.5GiB` or a number of bytes.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no size: give a number of bytes, or one with K, M, G or T");
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
    let number: f64 = trimmed[..digits].parse().map_err(|_| wrong())?;
    let factor = match trimmed[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return Err(wrong()),
    };
    Ok((number * factor) as u64)
}

/// Bytes for people.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        1_000_000_000..1_000_000_000_000_000 => format!("{:.1} GB", bytes as f64 / 1e9),
        _ => format!("{:.1e} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_numbers_with_a_unit() {
        let cases = [
            ("0", 0),
            ("12", 12),
            ("800M", 800_000_000),
            ("1.5 GiB", 3 << 29),
            ("2k", 2_000),
            ("4 gb", 4_000_000_000),
        ];
        for (text, bytes) in cases {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "G", "-1", "4 apples", "1e9x", "nan"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_beyond_the_limit_is_refused_before_it_is_reserved() {
        let budget = Budget::new(Some(100_000));
        let mut buffer = Vec::new();
        budget.grow(&mut buffer, 60_000).unwrap();
        budget.grow(&mut buffer, 90_000).unwrap();
        let error = budget.grow(&mut buffer, 100_001).unwrap_err().to_string();
        assert!(error.contains("--max-memory allows 100.0 kB"), "{error}");
        assert!(buffer.capacity() <= 100_000);
        assert!(budget.take(u64::MAX).is_err());
        assert!(budget.take_elements(usize::MAX, 8).is_err());
    }
}
