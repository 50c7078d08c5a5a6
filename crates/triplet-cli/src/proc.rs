//! What Linux says of the machine and of this process, and how to start another one.

use std::{ffi::OsString, process::Command, sync::OnceLock};

/// The command that starts this program.
static ITSELF: OnceLock<Vec<OsString>> = OnceLock::new();

/// Remembers it; the first time counts.
pub(crate) fn remember(itself: &[OsString]) {
    ITSELF.get_or_init(|| itself.to_vec());
}

/// This program once more, without arguments yet.
pub(crate) fn again() -> Command {
    let itself = ITSELF.get().map_or(&[][..], Vec::as_slice);
    let (program, leading) =
        itself.split_first().map_or(("triplet".as_ref(), itself), |(p, l)| (p.as_os_str(), l));
    let mut command = Command::new(program);
    command.args(leading);
    command
}

/// A number of kilobytes that a file under /proc lists by name; `None` on other systems.
pub(crate) fn kib(file: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.trim().trim_end_matches("kB").trim().parse().ok()
}

/// Memory to spare; where the system does not say, 64 GB.
pub(crate) fn available_bytes() -> u128 {
    kib("/proc/meminfo", "MemAvailable:").map_or(64 << 30, |kib| u128::from(kib) * 1024)
}
