//! What Linux says of the machine and of this process.

/// A number of kilobytes that a file under /proc lists by name; `None` on other systems.
pub(crate) fn kib(file: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.trim().trim_end_matches("kB").trim().parse().ok()
}
