//! The files that a command writes are one set: after kills and full disks, the earlier set,
//! the new one, or one that a reader can tell is neither.
#![cfg(target_os = "linux")]

mod support;

use ndarray::{Array2, arr1, arr2};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};
use support::Bench;

/// Files by name.
type Files = BTreeMap<String, Vec<u8>>;

fn files(folder: &Path) -> Files {
    let read = |entry: fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap_or_default())
    };
    fs::read_dir(folder).into_iter().flatten().map(|entry| read(entry.unwrap())).collect()
}

/// What a reader of a folder can tell from its report.
fn is_whole(files: &Files) -> bool {
    let Some(report) = files.get("report.json") else { return false };
    let report: Value = serde_json::from_slice(report).expect("a report is whole or not there");
    let digests = report["sha256"].as_object().unwrap();
    assert_eq!(digests.len(), 9, "{report}");
    digests.iter().all(|(name, digest)| {
        let actual = files.get(name).map(Sha256::digest);
        actual.is_some_and(|actual| hex(&actual) == digest.as_str().unwrap())
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Without the report, whose times differ from run to run.
fn without_report(files: &Files) -> Files {
    files.iter().filter(|(name, _)| *name != "report.json").map(|(n, b)| (n.clone(), b.clone())).collect()
}

fn is_temporary(name: &str) -> bool {
    name.starts_with(".triplet-")
}

const QUICK: &str = "train --epochs 1 --hidden 8 --threads 1 --quiet --json";

fn start(bench: &Bench, arguments: &str) -> Child {
    let mut command = bench.command(arguments);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn signal(child: &Child, name: &str) {
    let kill = format!("kill -{name} {}", child.id());
    // The process may have ended.
    let _ = Command::new("sh").args(["-c", &kill]).stderr(Stdio::null()).status();
}

/// Trains into one folder over and over, each time with another seed, and kills it at a random
/// moment: `signals` are sent one after the other.
fn kill_at_random(kills: usize, signals: &[&str], seed: u64) {
    let bench = Bench::new();
    let mut sets = Vec::new();
    for number in 0..2 {
        let started = Instant::now();
        let run = bench.run(&format!("{QUICK} --seed {number} --out reference"));
        assert_eq!(run.code, Some(0), "{run:?}");
        sets.push((without_report(&files(&bench.path("reference"))), started.elapsed()));
    }
    let longest = sets[1].1;
    let mut mixed = files(&bench.path("reference"));
    assert!(is_whole(&mixed));
    mixed.insert("labels.npy".to_owned(), sets[0].0["embeddings.npy"].clone());
    assert!(!is_whole(&mixed), "the digests must show a foreign file");
    bench.run(&format!("{QUICK} --seed 0 --out out"));
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut whole, mut torn, mut ended) = (0, 0, 0);
    let mut interrupted: Vec<Files> = Vec::new();
    for number in 0..kills {
        let mut child = start(&bench, &format!("{QUICK} --seed {} --out out", number % 2));
        // Half of them towards the end, where files are written and exchanged.
        let (from, to) = if number % 4 < 2 { (0.0, 1.1) } else { (0.6, 1.1) };
        sleep(longest.mul_f64(from + random.f64() * (to - from)));
        for name in signals {
            signal(&child, name);
        }
        let status = child.wait().unwrap();
        ended += usize::from(status.success());
        let found = files(&bench.path("out"));
        if is_whole(&found) {
            whole += 1;
            let found: Files =
                without_report(&found).into_iter().filter(|(name, _)| !is_temporary(name)).collect();
            // An interrupted training is a set of its own, which the digests cover; one that is killed before it listens to
            // signals leaves that of the one before.
            if status.code().is_some_and(|code| code != 0) {
                interrupted.push(found);
            } else {
                assert!(
                    sets.iter().any(|(set, _)| *set == found) || interrupted.contains(&found),
                    "kill {number} of seed {seed}: a mixed set passes for a whole one"
                );
            }
        } else {
            torn += 1;
        }
        if signals != ["KILL"] {
            assert!(!found.keys().any(|name| is_temporary(name)), "temporary files after {signals:?}");
        }
    }
    println!("{signals:?}, seed {seed}: {kills} runs, {ended} ended before; {whole} whole sets, {torn} torn");
    // The exchange takes a few milliseconds of each run; under load some of these grow long.
    assert!(whole * 10 >= kills * 7, "{torn} of {kills} sets were torn: the exchange is not short");
    let run = bench.run(&format!("{QUICK} --seed 0 --out out"));
    assert_eq!(run.code, Some(0), "{run:?}");
    let found = files(&bench.path("out"));
    assert!(is_whole(&found) && without_report(&found) == sets[0].0, "temporary files of killed runs stay");
}

#[test]
fn a_set_survives_sigkill() {
    kill_at_random(support::kills(40), &["KILL"], 11);
}

#[test]
fn a_set_survives_sigterm_and_a_second_sigint() {
    kill_at_random(support::kills(20), &["TERM"], 12);
    kill_at_random(support::kills(20), &["INT", "INT"], 13);
}

#[test]
fn sigterm_ends_training_as_sigint_does() {
    for (name, status) in [("TERM", 143), ("INT", 130)] {
        let bench = Bench::new();
        let mut child = start(&bench, "train --epochs 100000 --out out --quiet");
        sleep(Duration::from_millis(700));
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(status));
        let found = files(&bench.path("out"));
        assert!(is_whole(&found), "{:?}", found.keys());
        let report: Value = serde_json::from_slice(&found["report.json"]).unwrap();
        assert_eq!(report["interrupted"], true);
    }
}

#[test]
fn a_killed_loss_leaves_the_old_files_the_new_ones_or_a_gap() {
    let bench = Bench::new();
    let rows = |scale: f32| Array2::from_shape_fn((600, 32), |(r, c)| scale * ((r * 7 + c * 3) % 19) as f32);
    bench.npy("a.npy", &rows(1.0));
    bench.npy("b.npy", &rows(2.0));
    bench.npy("y.npy", &ndarray::Array1::from_iter((0..600_i64).map(|row| row % 60)));
    let arguments = |name: &str, out: &str| {
        format!(
            "loss --embeddings {name}.npy --labels y.npy --reduction none --threads 1 --gradient {out}g.npy \
             --triplets {out}t.npy --losses {out}l.npy"
        )
    };
    let names = ["g.npy", "t.npy", "l.npy"];
    let read = |prefix: &str| names.map(|name| fs::read(bench.path(&format!("{prefix}{name}"))).ok());
    let mut time = Duration::ZERO;
    let sets = ["a", "b"].map(|name| {
        let started = Instant::now();
        assert_eq!(bench.run(&arguments(name, "")).code, Some(0));
        time = started.elapsed();
        read("")
    });
    assert_ne!(sets[0], sets[1]);
    let mut random = fastrand::Rng::with_seed(14);
    let mut gaps = 0;
    for number in 0..80 {
        let name = ["a", "b"][number % 2];
        for (file, bytes) in names.iter().zip(&sets[1 - number % 2]) {
            bench.write(&format!("o-{file}"), bytes.as_ref().unwrap());
        }
        let mut child = start(&bench, &arguments(name, "o-"));
        sleep(time.mul_f64(random.f64() * 1.1));
        child.kill().unwrap();
        child.wait().unwrap();
        let found = read("o-");
        let gap = found.iter().any(Option::is_none);
        gaps += usize::from(gap);
        assert!(gap || sets.contains(&found), "kill {number}: a mixed set without a gap");
    }
    println!("80 runs of loss killed: {gaps} with a gap");
}

/// A disk of some kilobytes; `None` where none can be mounted.
struct Disk(std::path::PathBuf);

impl Disk {
    fn mount(folder: &Path, kib: usize) -> Option<Self> {
        fs::create_dir_all(folder).unwrap();
        let size = format!("size={kib}k");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then(|| Self(folder.to_owned()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_changes_nothing_whichever_file_it_stops() {
    let bench = Bench::new();
    let rows: Vec<String> =
        (0..48).map(|i| format!("{},{},{}", i % 5, f64::from(i * 7 % 11) / 9.0, i % 3)).collect();
    bench.write("mine.csv", format!("a,b,label\n{}\n", rows.join("\n")));
    let train = |seed: u64, out: &str| format!("{QUICK} --data mine.csv --seed {seed} --out {out}");
    assert_eq!(bench.run(&train(0, "first")).code, Some(0));
    let old = files(&bench.path("first"));
    let used: usize = old.values().map(|bytes| bytes.len().div_ceil(4096) * 4).sum();
    let mut stopped = BTreeMap::new();
    // From no room at all to room for a second set beside the first.
    for spare in (0..=used + 48).step_by(8) {
        let Some(disk) = Disk::mount(&bench.path("disk"), used + spare) else {
            println!("not covered: no file system can be mounted here");
            return;
        };
        for (name, bytes) in &old {
            fs::write(disk.0.join(name), bytes).unwrap();
        }
        let run = bench.run(&train(1, "disk"));
        let found = files(&disk.0);
        if run.code == Some(0) {
            assert!(is_whole(&found) && without_report(&found) != without_report(&old));
            *stopped.entry("none".to_owned()).or_insert(0) += 1;
            continue;
        }
        assert_eq!(run.code, Some(2), "{run:?}");
        assert!(run.stderr.lines().count() == 1 && run.stderr.contains("No space left"), "{run:?}");
        assert_eq!(found, old, "with {spare} kB to spare");
        let name = run.stderr.split(['/', ':']).nth(2).unwrap_or_default().to_owned();
        *stopped.entry(name).or_insert(0) += 1;
    }
    println!("stopped by a full disk: {stopped:?}");
    assert!(stopped.len() >= 6 && stopped.contains_key("none"), "{stopped:?}");
}

fn loss_inputs() -> Bench {
    let bench = Bench::new();
    bench.npy("x.npy", &arr2(&[[0.0_f32, 1.0], [1.0, 0.5], [1.5, 2.0], [3.0, -1.0]]));
    bench.npy("y.npy", &arr1(&[0_i64, 0, 1, 2]));
    bench
}

const LOSS: &str = "loss --embeddings x.npy --labels y.npy";

#[test]
fn outputs_that_would_destroy_one_another_or_an_input_are_refused() {
    let bench = loss_inputs();
    symlink("x.npy", bench.path("link.npy")).unwrap();
    fs::hard_link(bench.path("y.npy"), bench.path("hard.npy")).unwrap();
    fs::create_dir(bench.path("folder")).unwrap();
    bench.write("locked.npy", "mine");
    fs::set_permissions(bench.path("locked.npy"), fs::Permissions::from_mode(0o444)).unwrap();
    bench.write("table.csv", "a,b,label\n1,2,0\n2,3,1\n");
    fs::copy(bench.path("x.npy"), bench.path("folder/embeddings.npy")).unwrap();
    let before = files(&bench.path(""));
    let refused = [
        (format!("{LOSS} --gradient g.npy --triplets ./g.npy"), "--gradient and --triplets are both ./g.npy"),
        (format!("{LOSS} --gradient x.npy"), "--gradient would replace x.npy, which is read as --embeddings"),
        (format!("{LOSS} --gradient link.npy"), "which is read as --embeddings"),
        (format!("{LOSS} --triplets hard.npy"), "which is read as --labels"),
        (format!("{LOSS} --gradient locked.npy"), "read-only"),
        (format!("{LOSS} --gradient folder"), "it is a folder"),
        ("train --data folder/embeddings.npy --labels y.npy --out folder".to_owned(), "read as --data"),
        ("bench --csv t.csv --report t.csv".to_owned(), "--csv and --report are both t.csv"),
    ];
    for (arguments, message) in refused {
        let run = bench.run(&arguments);
        assert_eq!(run.code, Some(2), "{arguments}: {run:?}");
        assert!(run.stderr.contains(message) && run.stderr.lines().count() == 1, "{arguments}: {run:?}");
        assert_eq!(files(&bench.path("")), before, "{arguments}");
    }
}

#[test]
fn modes_and_links_are_as_the_user_left_them() {
    let bench = loss_inputs();
    fs::create_dir(bench.path("kept")).unwrap();
    symlink("kept/g.npy", bench.path("g.npy")).unwrap(); // leads to nothing yet
    bench.write("t.npy", "old");
    fs::set_permissions(bench.path("t.npy"), fs::Permissions::from_mode(0o600)).unwrap();
    let mut command = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_triplet");
    let script = format!("umask 027; exec {program} {LOSS} --gradient g.npy --triplets t.npy");
    assert!(command.args(["-c", &script]).current_dir(bench.path("")).status().unwrap().success());
    let mode = |name: &str| fs::metadata(bench.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("kept/g.npy"), 0o640, "a new file follows the umask");
    assert_eq!(mode("t.npy"), 0o600, "a file that was there keeps its mode");
    assert!(fs::symlink_metadata(bench.path("g.npy")).unwrap().is_symlink());
    symlink("loop-b", bench.path("loop-a")).unwrap();
    symlink("loop-a", bench.path("loop-b")).unwrap();
    let run = bench.run(&format!("{LOSS} --gradient loop-a"));
    assert!(run.code == Some(2) && run.stderr.contains("links"), "{run:?}");
}

#[test]
fn nobody_need_read_what_is_said_on_the_way() {
    let bench = loss_inputs();
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    // Progress and what was read go to standard error; the work is done all the same.
    let mut command = bench.command("train --epochs 1 --out out");
    assert_eq!(command.stderr(full()).output().unwrap().status.code(), Some(0));
    assert!(is_whole(&files(&bench.path("out"))));
    let status = bench.command(LOSS).stderr(full()).output().unwrap().status;
    assert_eq!(status.code(), Some(0));
    let output = bench.command(LOSS).stdout(full()).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.code() == Some(2) && message.contains("cannot write to standard output"),
        "{message}"
    );
}

#[test]
fn one_folder_written_in_two_ways_is_locked_once() {
    let bench = Bench::new();
    bench.npy("x.npy", &arr2(&[[0.0_f32], [1.0], [1.5], [3.0]]));
    bench.npy("y.npy", &arr1(&[0_i64, 0, 1, 2]));
    fs::create_dir(bench.path("a")).unwrap();
    for (gradient, triplets) in
        [("a/g.npy", "./a/t.npy"), ("g.npy", "a/../t.npy"), ("a/../a/g.npy", "a/t.npy")]
    {
        let run = bench.run(&format!(
            "loss --embeddings x.npy --labels y.npy --gradient {gradient} --triplets {triplets}"
        ));
        assert_eq!(run.code, Some(0), "{run:?}");
        assert!(bench.path(gradient).exists() && bench.path(triplets).exists());
        assert!(!run.stderr.contains("locked"), "the command waited for itself: {run:?}");
    }
}

#[test]
fn two_hundred_processes_write_into_one_folder_at_once() {
    let bench = loss_inputs();
    let start_one = |number: usize| {
        let mut command =
            bench.command(&format!("{LOSS} --threads {} --gradient {number}.npy", number % 5 + 1));
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let processes: Vec<Child> = (0..200).map(start_one).collect();
    for (number, process) in processes.into_iter().enumerate() {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{number}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let files = files(&bench.path("."));
    let first = &files["0.npy"];
    assert!((0..200).all(|number| &files[&format!("{number}.npy")] == first), "other bits");
    assert!(!files.keys().any(|name| is_temporary(name)), "{:?}", files.keys());
}
