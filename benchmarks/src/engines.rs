//! The engines that benchmarks are measured with, and the Python package that runs those not ours.

use std::{fs, io, path::Path};

/// What an engine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A backend of ours.
    Ours,
    /// A matrix product `E E'`, or half of one.
    Baseline,
    /// Another triplet loss.
    Peer,
}

/// An engine that a definition may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Engine {
    /// Its name in definitions, tables and saved runs.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
}

const fn ours(name: &'static str) -> Engine {
    Engine { name, kind: Kind::Ours }
}

const fn baseline(name: &'static str) -> Engine {
    Engine { name, kind: Kind::Baseline }
}

const fn peer(name: &'static str) -> Engine {
    Engine { name, kind: Kind::Peer }
}

/// Every engine. Tests hold the names to those of the backends and of the Python package.
pub const ALL: [Engine; 17] = [
    ours("scalar"),
    ours("gram"),
    ours("simd"),
    ours("par"),
    baseline("matrixmultiply E E'"),
    baseline("torch E E'"),
    baseline("numpy E E' (gemm)"),
    baseline("numpy E E' (syrk)"),
    baseline("numkong upper half of E E'"),
    peer("torch sort"),
    peer("torch dense"),
    peer("torch loop"),
    peer("torch compiled"),
    peer("triplet-loss in torch"),
    peer("pytorch-metric-learning"),
    peer("sentence-transformers"),
    peer("tfa"),
];

/// The engine of a name.
#[must_use]
pub fn find(name: &str) -> Option<Engine> {
    ALL.into_iter().find(|engine| engine.name == name)
}

/// All names.
#[must_use]
pub fn names() -> Vec<&'static str> {
    ALL.iter().map(|engine| engine.name).collect()
}

/// Name of the Python package.
pub const PACKAGE: &str = "triplet_bench";

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../engines/triplet_bench/", $name)))),*]
    };
}

/// Names and texts of the files of the Python package.
pub const FILES: [(&str, &str); 10] = files![
    "__init__.py",
    "__main__.py",
    "baselines.py",
    "kernels.py",
    "losses.py",
    "peers.py",
    "protocol.py",
    "registry.py",
    "step.py",
    "tfa.py",
];

/// Writes the Python package into a folder, as `folder/triplet_bench`.
///
/// # Errors
/// What the system refuses.
pub fn write(folder: &Path) -> io::Result<()> {
    let package = folder.join(PACKAGE);
    fs::create_dir(&package)?;
    FILES.iter().try_for_each(|(name, text)| fs::write(package.join(name), text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use triplet_api::Backend;

    #[test]
    fn every_file_of_the_package_is_compiled_in() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("engines").join(PACKAGE);
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
        names.retain(|name| name.ends_with(".py"));
        names.sort();
        assert_eq!(names, FILES.map(|(name, _)| name));
    }

    #[test]
    fn names_are_those_of_the_backends_and_of_the_package() {
        let of = |kind| ALL.into_iter().filter(move |engine| engine.kind == kind).map(|engine| engine.name);
        // In a program without PyTorch these are others of them.
        let another = |backend: &Backend| matches!(backend, Backend::Auto | Backend::OpenMp);
        let engines = Backend::ALL.into_iter().filter(|backend| !another(backend)).map(Backend::name);
        assert!(of(Kind::Ours).eq(engines));
        let text = FILES.map(|(_, text)| text).concat();
        for name in of(Kind::Baseline).chain(of(Kind::Peer)) {
            // The one product that needs no Python.
            assert!(
                name.starts_with("matrixmultiply") || text.contains(&format!("\"{name}\"")),
                "{name} is in no file of the package"
            );
        }
    }
}
