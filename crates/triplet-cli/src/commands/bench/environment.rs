//! Variables of the environment that change what products and threads do.

use std::{collections::BTreeMap, process::Command};

/// Beginnings of the names that are reported.
const REPORTED: [&str; 15] = [
    "ATEN_CPU",
    "BLIS_",
    "DNNL_",
    "GOMP_",
    "GOTO_",
    "KMP_",
    "MALLOC_",
    "MKL_",
    "NPY_DISABLE",
    "NVPL_",
    "OMP_",
    "ONEDNN_",
    "OPENBLAS_",
    "TORCH_",
    "TRIPLET_",
];

/// Tie a library to kernels that need not be its fastest, with what they do.
const RESTRICTING: [(&str, &str); 9] = [
    ("ATEN_CPU_CAPABILITY", "torch's own kernels"),
    ("BLIS_ARCH_TYPE", "the kernels of BLIS"),
    ("DNNL_MAX_CPU_ISA", "the kernels of oneDNN"),
    ("MKL_CBWR", "the kernels of MKL"),
    ("MKL_DEBUG_CPU_TYPE", "the kernels of MKL"),
    ("MKL_ENABLE_INSTRUCTIONS", "the kernels of MKL"),
    ("ONEDNN_MAX_CPU_ISA", "the kernels of oneDNN"),
    ("OPENBLAS_CORETYPE", "the kernels of OpenBLAS: slows the product where they are older than the CPU"),
    ("OPENBLAS_L2_SIZE", "the block sizes of OpenBLAS"),
];

/// Numbers of threads, all set to the one that is measured with.
const THREADS: [&str; 5] =
    ["BLIS_NUM_THREADS", "GOTO_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"];

/// How long idle threads stay awake: across the calls that are timed together, not while others are
/// timed. OpenBLAS 2^20 cycles, Intel's OpenMP 1 ms, GNU's 10,000 looks (0.1 to 0.5 ms).
const WAITING: [(&str, &str); 3] =
    [("OPENBLAS_THREAD_TIMEOUT", "20"), ("KMP_BLOCKTIME", "1"), ("GOMP_SPINCOUNT", "10000")];

/// The variables that matter, as they are set here.
pub(super) fn reported() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            let matters = REPORTED.iter().any(|start| name.starts_with(start));
            matters.then(|| (name, value.to_string_lossy().into_owned()))
        })
        .collect()
}

/// How a Python is started.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    pub(super) threads: usize,
    /// Leave the variables that tie a library to kernels as they are.
    pub(super) keep: bool,
    /// Leave waiting threads as users of a framework have them: for training steps.
    pub(super) usual_waiting: bool,
}

impl Start {
    /// Changes the environment of a command.
    pub(super) fn apply(self, command: &mut Command) {
        if !self.keep {
            for (name, _) in RESTRICTING {
                command.env_remove(name);
            }
        }
        for name in THREADS {
            command.env(name, self.threads.to_string());
        }
        if !self.usual_waiting {
            command.envs(WAITING);
        }
    }
}

/// What to say of the environment, given the variables that are set and whether a Python ran.
pub(super) fn notes(set: &BTreeMap<String, String>, python: bool, keep: bool, step: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if python {
        for (name, what) in RESTRICTING {
            let Some(value) = set.get(name) else { continue };
            notes.push(if keep {
                format!("environment: {name}={value} was kept; it ties {what}")
            } else {
                format!(
                    "environment: {name}={value} is set here, and was unset for Python; it ties {what} \
                     (--keep-environment keeps it)"
                )
            });
        }
        let waiting = WAITING.map(|(name, value)| format!("{name}={value}")).join(" ");
        notes.push(if step {
            "environment: Python was started with threads in *_NUM_THREADS only".to_owned()
        } else {
            format!(
                "environment: Python was started with *_NUM_THREADS as measured and {waiting}, so that idle threads \
                 do not slow whatever is timed next"
            )
        });
    }
    let ours = |name: &str| {
        THREADS.contains(&name)
            || WAITING.iter().any(|(other, _)| *other == name)
            || RESTRICTING.iter().any(|(other, _)| *other == name)
    };
    let others: Vec<String> = set
        .iter()
        .filter(|(name, _)| !(python && ours(name)))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    if !others.is_empty() {
        notes.push(format!("environment: {}", others.join(" ")));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(command: &Command, name: &str) -> Option<Option<String>> {
        let found = command.get_envs().find(|(key, _)| *key == name)?;
        Some(found.1.map(|value| value.to_string_lossy().into_owned()))
    }

    #[test]
    fn kernels_are_the_librarys_choice_unless_kept() {
        let start = Start { threads: 3, keep: false, usual_waiting: false };
        let mut command = Command::new("python");
        start.apply(&mut command);
        assert_eq!(of(&command, "OPENBLAS_CORETYPE"), Some(None), "removed");
        assert_eq!(of(&command, "OPENBLAS_L2_SIZE"), Some(None), "removed");
        assert_eq!(of(&command, "MKL_NUM_THREADS"), Some(Some("3".into())));
        assert_eq!(of(&command, "GOMP_SPINCOUNT"), Some(Some("10000".into())));

        let mut command = Command::new("python");
        Start { keep: true, usual_waiting: true, ..start }.apply(&mut command);
        assert_eq!(of(&command, "OPENBLAS_CORETYPE"), None, "as it was");
        assert_eq!(of(&command, "GOMP_SPINCOUNT"), None, "as it was");
    }

    #[test]
    fn what_is_set_is_said_once() {
        let set = BTreeMap::from([
            ("OPENBLAS_CORETYPE".to_owned(), "Haswell".to_owned()),
            ("OMP_DYNAMIC".to_owned(), "true".to_owned()),
        ]);
        let all = notes(&set, true, false, false).join("\n");
        assert_eq!(all.matches("OPENBLAS_CORETYPE=Haswell is set here, and was unset").count(), 1, "{all}");
        assert!(all.contains("slows the product") && all.contains("OMP_DYNAMIC=true"), "{all}");
        let kept = notes(&set, true, true, false).join("\n");
        assert!(kept.contains("OPENBLAS_CORETYPE=Haswell was kept"), "{kept}");
        let alone = notes(&set, false, false, false);
        assert_eq!(alone, ["environment: OMP_DYNAMIC=true OPENBLAS_CORETYPE=Haswell"]);
        assert!(notes(&BTreeMap::new(), false, false, false).is_empty());
    }
}
