//! What Linux says of the machine and of this process, and how to start another one.

use std::{ffi::OsString, fs, process::Command, sync::OnceLock};

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
    let text = fs::read_to_string(file).ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.trim().trim_end_matches("kB").trim().parse().ok()
}

/// Where the system does not say what memory is free.
const UNKNOWN_MEMORY: u64 = 16 << 30;

/// Bytes that the machine, the control group and the limit on addresses leave.
pub(crate) fn available_memory() -> u64 {
    let bytes = |file: &str, name: &str| kib(file, name).map(|kib| kib * 1024);
    let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let machine = bytes("/proc/meminfo", "MemAvailable:");
    let group = [
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ]
    .into_iter()
    .find_map(|(most, used)| Some(number(most)?.saturating_sub(number(used)?)));
    let addresses = fs::read_to_string("/proc/self/limits").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("Max address space"))?;
        let most: u64 = line.split_whitespace().nth(3)?.parse().ok()?;
        let left = most.saturating_sub(bytes("/proc/self/status", "VmSize:")?);
        // A buffer that moves needs its addresses twice for a moment.
        Some(left / 4 * 3)
    });
    [machine, group, addresses].into_iter().flatten().min().unwrap_or(UNKNOWN_MEMORY)
}
