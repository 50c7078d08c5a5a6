//! Rows to panels, panels to register tiles, tiles to the distance keys of a block.

pub(crate) mod aligned;
pub(crate) mod block;
pub(crate) mod layout;
pub(crate) mod narrow;
pub(crate) mod pack;
pub(crate) mod pack_batch;
pub(crate) mod tile;
pub(crate) mod transpose;
