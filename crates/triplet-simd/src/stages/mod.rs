//! The passes over a batch, in order. Each is cut into pieces that write to places
//! of their own, so that any number of workers gives the same result.
//!
//! `pack` → `thresholds` → `triangle` → `collect` mine the triplets of classes of usual
//! size, `large` those of large ones; `gradient` turns coefficients into rows. `retrieve` ranks
//! neighbours instead, after `pack`.

pub(crate) mod collect;
pub(crate) mod gradient;
pub(crate) mod large;
pub(crate) mod pack;
pub(crate) mod retrieve;
pub(crate) mod thresholds;
pub(crate) mod triangle;
