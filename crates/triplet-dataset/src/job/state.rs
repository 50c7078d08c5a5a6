//! What is kept of a job that is not done: what was found for the anchors whose slabs are not complete.

use super::Job;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use triplet_core::{NO_ROW, Real, ScreenedPairs};

/// What a state starts with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    next: usize,
    records: u64,
    pairs: u64,
    undecided: u64,
    /// Of the slabs that follow: how many.
    slabs: usize,
}

impl<T: Real> Job<'_, T> {
    /// Writes the state after a step.
    ///
    /// # Errors
    /// What the writer says.
    pub fn save(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let ScreenedPairs { pairs, undecided } = self.screened;
        let slabs = self.slabs.len();
        let head = Head { next: self.next, records: self.records, pairs, undecided, slabs };
        let head = serde_json::to_string(&head)?;
        writeln!(out, "{head}")?;
        let mut bytes = Vec::new();
        for slab in &self.slabs {
            let nearest = &slab.nearest;
            for rows in [&nearest.rows, &nearest.farthest_rows] {
                for rows in rows.chunks(1 << 16) {
                    bytes.clear();
                    bytes.extend(rows.iter().flat_map(|row| row.to_le_bytes()));
                    out.write_all(&bytes)?;
                }
            }
            for values in [&nearest.values, &nearest.farthest_values] {
                for values in values.chunks(1 << 16) {
                    bytes.clear();
                    T::write_le(values, &mut bytes);
                    out.write_all(&bytes)?;
                }
            }
        }
        Ok(())
    }

    /// Goes on from a state, of the same request.
    ///
    /// # Errors
    /// [`Error::Resume`] for what is no state of this request.
    pub fn load(&mut self, from: &mut dyn Read) -> Result<()> {
        let broken = |what: &str| Error::Resume(format!("its state {what}"));
        let mut line = Vec::new();
        loop {
            let mut byte = [0];
            from.read_exact(&mut byte).map_err(|_| broken("ends within its head"))?;
            match byte[0] {
                b'\n' => break,
                byte if line.len() < 1000 => line.push(byte),
                _ => return Err(broken("has no head")),
            }
        }
        let head: Head = serde_json::from_slice(&line).map_err(|_| broken("has no head"))?;
        let Some(&step) = self.plan.steps().get(head.next) else {
            (self.next, self.records) = (self.plan.steps().len(), head.records);
            self.screened = ScreenedPairs { pairs: head.pairs, undecided: head.undecided };
            self.slabs.clear();
            return if head.slabs == 0 { Ok(()) } else { Err(broken("has more steps than there are")) };
        };
        self.slabs.clear();
        if head.slabs > 0 {
            self.begin_group(step)?;
        }
        if self.slabs.len() != head.slabs {
            return Err(broken("is of another number of slabs"));
        }
        let rows_in_all = self.request.candidates().labels.len() as u32;
        for slab in &mut self.slabs {
            let nearest = &mut slab.nearest;
            let mut bytes = Vec::new();
            let mut take = |len: usize| -> Result<Vec<u8>> {
                bytes.resize(len, 0);
                from.read_exact(&mut bytes).map_err(|_| broken("is cut off"))?;
                Ok(core::mem::take(&mut bytes))
            };
            for rows in [&mut nearest.rows, &mut nearest.farthest_rows] {
                let bytes = take(4 * rows.len())?;
                for (row, &bytes) in rows.iter_mut().zip(bytes.as_chunks().0) {
                    *row = u32::from_le_bytes(bytes);
                }
                if rows.iter().any(|&row| row != NO_ROW && row >= rows_in_all) {
                    return Err(broken("names rows that do not exist"));
                }
            }
            for values in [&mut nearest.values, &mut nearest.farthest_values] {
                let (bytes, len) = (take(size_of::<T>() * values.len())?, values.len());
                values.clear();
                T::read_le(&bytes, values);
                if values.len() != len || values.iter().any(|value| !(*value >= T::ZERO && value.is_finite()))
                {
                    return Err(broken("has distances that are none"));
                }
            }
        }
        (self.next, self.records) = (head.next, head.records);
        self.screened = ScreenedPairs { pairs: head.pairs, undecided: head.undecided };
        Ok(())
    }
}
