//! Whether this process was forked from one that may have used its threads.

use std::fs;

/// The kernel's `PF_FORKNOEXEC`: forked, and no program was started since.
const FORKED_WITHOUT_EXEC: u64 = 0x40;

/// Whether memory of this process may be that of a parent whose threads do not exist here. Also true where the
/// system does not tell.
pub(crate) fn is_forked() -> bool {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    flags(&stat).is_none_or(|flags| flags & FORKED_WITHOUT_EXEC != 0)
}

/// The flags in the text of `/proc/PID/stat`. The name, in brackets, may contain anything.
fn flags(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_ascii_whitespace().nth(6)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_come_after_the_name_whatever_it_is() {
        let stat = "2751 (a) b (c)) S 1 2751 2751 0 -1 4194368 100 0";
        assert_eq!(flags(stat), Some(4_194_368));
        assert_eq!((flags(""), flags("1 (a) S 1"), flags("1 (a) S 1 1 1 0 -1 x")), (None, None, None));
    }

    #[test]
    fn a_program_that_was_started_is_not_forked() {
        assert!(!is_forked());
    }
}
