//! The fused engine on the threads of the OpenMP runtime that PyTorch runs on.
//!
//! After a parallel operation, threads of an OpenMP runtime wait for the next one without sleeping, for some
//! milliseconds. Threads of another pool would share the cores with them. [`OpenMp`] gives the jobs of
//! a call to the waiting threads themselves; [`Host`] is the runtime that it looks up in the process.
//!
//! A call runs on rayon's threads instead inside of a parallel region and in a child of the process; in a
//! process that was forked no runtime is found. Its threads do not exist there, and libgomp would wait for
//! them for ever.
#![deny(unsafe_code)]

mod executor;
#[cfg_attr(not(target_os = "linux"), path = "host_absent.rs")]
mod host;
#[cfg(target_os = "linux")]
mod process;
mod session;
mod sync;

pub use executor::OpenMp;
pub use host::Host;

/// The code in README.md, compiled and run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
