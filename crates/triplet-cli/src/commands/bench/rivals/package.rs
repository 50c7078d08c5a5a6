//! The Python package `triplet_bench`, carried in the program and written out to be run.

use anyhow::Result;
use triplet_benchmarks::engines;

/// The package in a folder that goes away with this.
pub(super) struct Package {
    folder: tempfile::TempDir,
}

impl Package {
    pub(super) fn write() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("triplet-bench-").tempdir()?;
        engines::write(folder.path())?;
        Ok(Self { folder })
    }

    /// A program for `python -c` that runs the package with the arguments that follow.
    pub(super) fn bootstrap(&self) -> String {
        // JSON's strings are Python's.
        let folder = serde_json::Value::from(self.folder.path().to_string_lossy());
        format!(
            "import runpy, sys; sys.dont_write_bytecode = True; sys.path.insert(0, {folder}); \
             runpy.run_module(\"{}\", run_name=\"__main__\")",
            engines::PACKAGE
        )
    }
}
