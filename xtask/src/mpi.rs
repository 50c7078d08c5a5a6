//! `cargo xtask mpi`: ranks that are processes of an MPI job.

use crate::cargo::{cargo, target};
use anyhow::{Context, Result, ensure};
use std::{
    fs,
    path::{self, Path},
    process::{Command, Stdio},
};

/// The numbers of processes that are tried.
const RANKS: [usize; 3] = [1, 2, 3];
/// What is to be installed, on Debian.
pub(crate) const PACKAGES: &str = "openmpi-bin libopenmpi-dev libclang-dev";

/// What the workspace is compiled with then.
pub(crate) const FEATURES: &str = "triplet-cli/mpi,triplet-testkit/mpi";

/// Whether this machine has what it needs.
pub(crate) fn is_there() -> bool {
    ["mpirun", "mpicc"].iter().all(|program| {
        let asked =
            Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    })
}

/// The cross-check of ranks, and the program: outputs are those of one process, byte for byte.
pub(crate) fn run() -> Result<()> {
    ensure!(is_there(), "there is no mpirun or no mpicc: on Debian, apt-get install {PACKAGES}");
    build()?;
    // The program is started in another folder.
    let built = path::absolute(target())?.join("debug");
    for ranks in RANKS {
        let mut check = mpirun(ranks);
        let status = check.arg(built.join("examples/mpi")).status().context("starting mpirun")?;
        ensure!(status.success(), "the cross-check on {ranks} ranks failed ({status})");
    }
    program(&built.join("triplet"))
}

/// The outputs of `triplet loss --mpi`, and its errors.
fn program(triplet: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    let (mut rows, mut labels) = (String::new(), String::new());
    for row in 0..300_usize {
        let values: Vec<String> = (0..6).map(|k| format!("{}", (row * 7919 + k * 104_729) % 1009)).collect();
        rows.push_str(&(values.join(",") + "\n"));
        labels.push_str(&format!("{}\n", row * row % 37));
    }
    fs::write(at("e.csv"), &rows)?;
    fs::write(at("y.csv"), &labels)?;
    for (rank, part) in [0..10, 10..11, 11..300].into_iter().enumerate() {
        let lines =
            |text: &str| text.lines().skip(part.start).take(part.len()).collect::<Vec<_>>().join("\n");
        fs::write(at(&format!("e{rank}.csv")), lines(&rows))?;
        fs::write(at(&format!("y{rank}.csv")), lines(&labels))?;
    }
    let loss = |command: &mut Command, files: [&str; 2], out: &str| -> Result<()> {
        let command = command.args(["--embeddings", files[0], "--labels", files[1], "--distance", "l2"]);
        let (gradient, triplets) = (format!("g.{out}.npy"), format!("t.{out}.npy"));
        let command = command.args(["--gradient", &gradient, "--triplets", &triplets]);
        let done = command.current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        ensure!(done.success(), "triplet loss failed ({done})");
        Ok(())
    };
    loss(Command::new(triplet).arg("loss"), ["e.csv", "y.csv"], "one")?;
    let runs = RANKS
        .map(|ranks| (ranks, ["e.csv", "y.csv"]))
        .into_iter()
        .chain([(3, ["e{rank}.csv", "y{rank}.csv"])]);
    for (ranks, files) in runs {
        loss(mpirun(ranks).arg(triplet).args(["loss", "--mpi"]), files, "ranks")?;
        for output in ["g", "t"] {
            let [one, several] = ["one", "ranks"].map(|of| fs::read(at(&format!("{output}.{of}.npy"))));
            ensure!(
                one? == several?,
                "the output {output} of {ranks} ranks differs from that of one process"
            );
        }
    }
    mined(triplet, folder.path())?;
    let refused = mpirun(2)
        .arg(triplet)
        .args(["loss", "--mpi", "--embeddings", "e{rank}.csv", "--labels", "none{rank}.csv"])
        .current_dir(folder.path())
        .output()?;
    let said = String::from_utf8_lossy(&refused.stderr);
    ensure!(
        !refused.status.success() && said.contains("none1.csv"),
        "a missing file was not refused: {said}"
    );
    println!("triplet loss and mine --mpi on {RANKS:?} ranks: the outputs of one process, byte for byte");
    Ok(())
}

/// The triplets of `triplet mine --mpi`, in both formats.
fn mined(triplet: &Path, folder: &Path) -> Result<()> {
    let mine = |command: &mut Command, out: &str| -> Result<(Vec<u8>, serde_json::Value)> {
        let command =
            command.args(["--embeddings", "e.csv", "--labels", "y.csv", "--negatives", "2", "--quiet"]);
        let command = command.args(["--out", out, "--summary", "summary", "--json"]).current_dir(folder);
        let done = command.stderr(Stdio::inherit()).output()?;
        ensure!(done.status.success(), "triplet mine failed ({})", done.status);
        let mut summary: serde_json::Value = serde_json::from_slice(&done.stdout)?;
        // Of how the work is cut up and how long it took alone.
        for key in ["out", "seconds", "pairs", "pairs_screened", "memory"] {
            let had = summary.as_object_mut().and_then(|summary| summary.remove(key));
            ensure!(had.is_some(), "the summary has no {key}");
        }
        Ok((fs::read(folder.join(out))?, summary))
    };
    for format in ["npy", "parquet"] {
        let one = mine(Command::new(triplet).arg("mine"), &format!("one.{format}"))?;
        for ranks in RANKS {
            let out = format!("ranks.{format}");
            let several = mine(mpirun(ranks).arg(triplet).args(["mine", "--mpi"]), &out)?;
            ensure!(
                one.0 == several.0,
                "what {ranks} ranks mine differs from what one process does, as {format}"
            );
            ensure!(one.1 == several.1, "the summary of {ranks} ranks differs: {} and {}", one.1, several.1);
            ensure!(!folder.join(out + ".mine").exists(), "{ranks} ranks left their folder");
        }
    }
    Ok(())
}

/// On cores that are fewer than the ranks too, and where continuous integration runs as root.
fn mpirun(ranks: usize) -> Command {
    let mut command = Command::new("mpirun");
    command.args(["--oversubscribe", "-n", &ranks.to_string()]);
    command.envs([("OMPI_ALLOW_RUN_AS_ROOT", "1"), ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")]);
    // Waiting ranks give their core to others.
    command.args(["--mca", "mpi_yield_when_idle", "1"]);
    command
}

/// Of the whole workspace, so that its dependencies are those that tests have compiled.
fn build() -> Result<()> {
    let status = cargo()
        .args(["build", "--quiet", "--workspace", "--bin", "triplet", "--example", "mpi"])
        .args(["--features", FEATURES])
        .status()?;
    ensure!(status.success(), "building with MPI failed ({status})");
    Ok(())
}
