//! The Python package: built, checked, and tested in environments of its own.

mod environment;
mod steps;

use anyhow::{Context, Result};
use environment::{Environment, Interpreter};
use std::path::PathBuf;
use steps::{EXAMPLES, LEGACY, PLAIN, TESTS};

/// The package's folder.
pub(crate) fn package() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/triplet-python"))
}

/// A Python, and the environment with every framework.
pub(crate) struct Ready {
    interpreter: Interpreter,
    main: Environment,
}

/// Makes the environment, or takes the one there is.
pub(crate) fn prepare() -> Result<Ready> {
    let interpreter = Interpreter::find()?;
    let main = Environment::ready("test", "test.txt", &interpreter)?;
    Ok(Ready { interpreter, main })
}

/// Everything about the package; with `all`, also the libraries that people come from, and
/// every other Python that is here.
pub(crate) fn run(ready: &Ready, all: bool) -> Result<()> {
    let Ready { interpreter, main } = ready;
    let wheel = main.wheel()?;
    main.install(&wheel)?;
    steps::check(main)?;
    let tests = TESTS.iter().map(|step| step.test(main));
    steps::all(tests.chain(EXAMPLES.iter().map(|step| step.example(main))))?;
    if !all {
        return Ok(());
    }
    let legacy = Environment::ready("legacy", "legacy.txt", interpreter)?;
    legacy.install(&wheel)?;
    steps::all(LEGACY.iter().map(|step| step.test(&legacy)))?;
    let others = interpreter.others();
    for other in &others {
        let name = format!("python{}.{}", other.version.0, other.version.1);
        let plain = Environment::ready(&name, "numpy.txt", other)?;
        plain.install(&wheel)?;
        steps::all(PLAIN.iter().map(|step| step.test(&plain))).with_context(|| format!("on {other}"))?;
    }
    let covered: Vec<_> = others.iter().map(ToString::to_string).collect();
    eprintln!(
        "== other Pythons covered: {}",
        if covered.is_empty() { "none".to_owned() } else { covered.join(", ") }
    );
    Ok(())
}
