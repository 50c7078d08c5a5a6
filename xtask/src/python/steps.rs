//! What is run in an environment: checks, tests, examples.

use super::{
    environment::{Environment, done, target},
    package,
};
use anyhow::{Context, Result, anyhow, ensure};
use std::{
    collections::VecDeque,
    io::Write,
    process::{Command, Stdio},
    sync::Mutex,
    thread,
    time::Instant,
};

/// Some test files, or an example, in a process of its own.
pub(super) struct Step {
    files: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

const fn step(files: &'static [&'static str]) -> Step {
    Step { files, environment: &[] }
}

const fn with(files: &'static [&'static str], environment: &'static [(&'static str, &'static str)]) -> Step {
    Step { files, environment }
}

const TENSORFLOW: &[(&str, &str)] = &[("KERAS_BACKEND", "tensorflow")];
const TORCH: &[(&str, &str)] = &[("KERAS_BACKEND", "torch")];
const JAX: &[(&str, &str)] = &[("KERAS_BACKEND", "jax")];
/// TensorFlow's Keras is then the package `tf_keras`.
const KERAS_2: &[(&str, &str)] = &[("TF_USE_LEGACY_KERAS", "1")];
/// The engines of `triplet bench` that run in Python, from the package's folder.
const RIVALS: &str = "../../benchmarks/engines/triplet_bench";
const MIGRATION: &str = "TRIPLET_TEST_MIGRATION";

/// What every framework is held to. A process for each: some libraries cannot share one.
pub(super) const TESTS: &[Step] = &[
    step(&["test_evaluate.py", "test_labels.py", "test_process.py", "test_samplers.py", "test_plot.py"]),
    step(&["test_numerics_page.py", "test_bad_input.py"]),
    step(&["test_torch_autograd.py", "test_torch_batched.py", "test_torch_transforms.py", "test_metrics.py"]),
    step(&[
        "test_torch_modules.py",
        "test_torch_margins.py",
        "test_torch_settings.py",
        "test_bad_input_torch.py",
    ]),
    step(&["test_torch_value_and_gradient.py", "test_torch_threads.py"]),
    step(&["test_against.py", "test_torch_memory.py", "test_torch_cached_step.py"]),
    step(&["test_torch_ranks.py"]),
    step(&["test_hard_negatives.py"]),
    step(&["test_samplers_lightning.py", "test_bench.py"]),
    step(&[
        "test_jax.py",
        "test_jax_margin.py",
        "test_jax_against.py",
        "test_bad_input_jax.py",
        "test_metric_learning.py",
    ]),
    with(&["test_keras.py", "test_keras_margin.py", "test_keras_rows.py", "test_golden.py"], TENSORFLOW),
    with(&["test_tensorflow.py", "test_tfa.py", "test_tfa_models.py"], TENSORFLOW),
    with(&["test_keras.py", "test_keras_margin.py", "test_keras_rows.py", "test_golden.py"], TORCH),
    with(&["test_keras.py", "test_keras_margin.py", "test_keras_rows.py", "test_golden.py"], JAX),
    with(&["test_keras2.py", "test_tfa.py", "test_tfa_models.py"], KERAS_2),
    with(&["test_keras_against.py"], TENSORFLOW),
    with(&["test_keras_against.py", "test_bad_input_keras.py"], TORCH),
    with(&["test_keras_against.py"], JAX),
    with(&["test_migration.py"], &[(MIGRATION, "torch")]),
    with(&["test_migration.py"], &[(MIGRATION, "tensorflow")]),
    with(&["test_readme.py"], TENSORFLOW),
    step(&["--doctest-modules", "--pyargs", "triplet_loss"]),
];

/// Programs that train and measure what they trained.
pub(super) const EXAMPLES: &[Step] = &[
    step(&["numpy_digits.py"]),
    step(&["torch_digits.py"]),
    step(&["memory_digits.py"]),
    step(&["ranks_digits.py"]),
    step(&["jax_digits.py"]),
    step(&["jax_ranks.py"]),
    with(&["keras_digits.py"], TENSORFLOW),
    with(&["keras_digits.py"], TORCH),
    with(&["keras_digits.py"], JAX),
];

/// Next to the last releases of what people come from.
pub(super) const LEGACY: &[Step] = &[
    with(&["test_migration.py"], &[(MIGRATION, "tensorflow")]),
    step(&["test_tfa.py", "test_evaluate.py", "test_labels.py"]),
    step(&["test_keras2.py", "test_tfa_models.py", "test_metric_learning.py", "test_golden.py"]),
];

/// With NumPy alone.
pub(super) const PLAIN: &[Step] =
    &[step(&["test_evaluate.py", "test_labels.py", "test_process.py", "test_samplers.py", "test_tfa.py"])];

impl Step {
    /// As tests.
    pub(super) fn test(&self, environment: &Environment) -> Run {
        let mut python = self.command(environment);
        python.args(["-m", "pytest", "--quiet"]).args(self.files);
        // Not the package's folder: what is tested is what was installed.
        python.current_dir(package().join("tests"));
        Run { name: self.name(), command: python }
    }

    /// As a program, whose pictures go to a folder of its own.
    pub(super) fn example(&self, environment: &Environment) -> Run {
        let mut python = self.command(environment);
        let with = self.environment.iter().map(|(_, value)| format!("-{value}")).collect::<String>();
        let name = self.files[0].trim_end_matches(".py").to_owned() + &with;
        python.args(self.files).arg(target().join("runs").join(name));
        python.current_dir(package().join("examples"));
        Run { name: self.name(), command: python }
    }

    fn name(&self) -> String {
        let shown: Vec<_> = self.environment.iter().map(|(key, value)| format!("{key}={value} ")).collect();
        shown.concat() + &self.files.join(" ")
    }

    fn command(&self, environment: &Environment) -> Command {
        let mut command = environment.program("python");
        command.envs(self.environment.iter().copied());
        command.envs([("TF_CPP_MIN_LOG_LEVEL", "3"), ("MPLBACKEND", "agg"), ("HF_HUB_OFFLINE", "1")]);
        command
    }
}

/// A process to run.
pub(super) struct Run {
    name: String,
    command: Command,
}

/// Processes at a time: much of what each takes is one thread that loads a framework.
const AT_A_TIME: usize = 2;

/// Runs all, and prints what each printed when it has ended. After a failure no other is started.
pub(super) fn all(runs: impl IntoIterator<Item = Run>) -> Result<()> {
    let runs = Mutex::new(runs.into_iter().collect::<VecDeque<_>>());
    let next = || runs.lock().ok().and_then(|mut runs| runs.pop_front());
    let worker = || -> Result<()> {
        while let Some(run) = next() {
            one(run).inspect_err(|_| runs.lock().into_iter().for_each(|mut runs| runs.clear()))?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(worker)).collect();
        // Both are waited for.
        let results: Vec<_> = workers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        results.into_iter().try_for_each(|result| result.map_err(|_| anyhow!("running Python panicked"))?)
    })
}

fn one(Run { name, mut command }: Run) -> Result<()> {
    let start = Instant::now();
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("starting Python for {name}"))?;
    let mut out = std::io::stderr().lock();
    writeln!(out, "== python: {name}: {:.0} s", start.elapsed().as_secs_f64())?;
    out.write_all(&output.stdout)?;
    out.write_all(&output.stderr)?;
    ensure!(output.status.success(), "{name} ended with {}", output.status);
    Ok(())
}

/// Format, lints, types; and that the native module is what its stub says.
pub(super) fn check(environment: &Environment) -> Result<()> {
    eprintln!("== python: format, lints, types, stubs");
    let run = |program: &str, arguments: &[&str]| {
        done(environment.program(program).args(arguments).current_dir(package()))
    };
    run("ruff", &["format", "--quiet", "--check", ".", RIVALS])?;
    run("ruff", &["check", "--quiet", ".", RIVALS])?;
    run("mypy", &["--no-error-summary"])?;
    run("python", &["-m", "mypy.stubtest", "triplet_loss._native", "--concise"])
}
