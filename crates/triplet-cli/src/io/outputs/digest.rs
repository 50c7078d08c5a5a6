//! The SHA-256 of what is written, taken on the way.

use sha2::{Digest, Sha256};
use std::{
    fmt::Write as _,
    io::{self, Write},
};

/// Hands bytes on, and hashes them if asked to.
pub(super) struct Hashing<W> {
    inner: W,
    hasher: Option<Sha256>,
}

impl<W: Write> Hashing<W> {
    pub(super) fn new(inner: W, wanted: bool) -> Self {
        Self { inner, hasher: wanted.then(Sha256::new) }
    }

    /// The digest in hexadecimal, as `sha256sum` prints it.
    pub(super) fn finish(self) -> Option<String> {
        let digest = self.hasher?.finalize();
        let mut text = String::with_capacity(64);
        for byte in digest {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Some(text)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&bytes[..written]);
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_all_bytes_in_order() {
        let mut out = Hashing::new(Vec::new(), true);
        out.write_all(b"a").unwrap();
        out.write_all(b"bc").unwrap();
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(out.finish().unwrap(), expected, "FIPS 180-2, appendix B.1");
        assert!(Hashing::new(Vec::new(), false).finish().is_none());
    }
}
