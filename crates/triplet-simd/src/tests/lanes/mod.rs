//! Each operation of [`Lanes`](crate::lanes::Lanes) against the same on scalars, at the edges of its operands.
//! Neighbouring lanes hold different operands, so that a result from the wrong lane shows.

mod floats;
mod keys;
mod memory;
