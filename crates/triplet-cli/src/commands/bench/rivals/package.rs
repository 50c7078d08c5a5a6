//! The Python package `triplet_bench`, carried in the program and written out to be run.

use anyhow::Result;
use std::fs;

macro_rules! files {
    ($($name:literal),*) => { [$(($name, include_str!(concat!("triplet_bench/", $name)))),*] };
}

const FILES: [(&str, &str); 10] = files![
    "__init__.py",
    "__main__.py",
    "baselines.py",
    "kernels.py",
    "losses.py",
    "peers.py",
    "protocol.py",
    "registry.py",
    "step.py",
    "tfa.py"
];

/// The package in a folder that goes away with this.
pub(super) struct Package {
    folder: tempfile::TempDir,
}

impl Package {
    pub(super) fn write() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("triplet-bench-").tempdir()?;
        let package = folder.path().join("triplet_bench");
        fs::create_dir(&package)?;
        for (name, text) in FILES {
            fs::write(package.join(name), text)?;
        }
        Ok(Self { folder })
    }

    /// A program for `python -c` that runs the package with the arguments that follow.
    pub(super) fn bootstrap(&self) -> String {
        // JSON's strings are Python's.
        let folder = serde_json::Value::from(self.folder.path().to_string_lossy());
        format!(
            "import runpy, sys; sys.dont_write_bytecode = True; sys.path.insert(0, {folder}); \
             runpy.run_module(\"triplet_bench\", run_name=\"__main__\")"
        )
    }
}
