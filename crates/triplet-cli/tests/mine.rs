//! `triplet mine`: what is written, parts put together, jobs that are stopped, and what is refused.

mod support;

use fastrand::Rng;
use ndarray::{Array1, Array2, arr1, arr2};
use ndarray_npy::read_npy;
use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};
use support::Bench;

const SEED: u64 = 3;

/// Rows in 60 classes, in an order of their own.
fn bench(rows: usize, width: usize) -> Bench {
    let bench = Bench::new();
    let mut rng = Rng::with_seed(SEED);
    let x = Array2::from_shape_fn((rows, width), |_| rng.f32());
    let mut labels: Vec<i64> = (0..rows as i64).map(|row| row % 60).collect();
    rng.shuffle(&mut labels);
    bench.npy("x.npy", &x);
    bench.npy("y.npy", &Array1::from(labels));
    bench
}

#[test]
fn triplets_are_those_of_the_definition() {
    let bench = Bench::new();
    bench.npy("x.npy", &arr2(&[[0.0_f32], [1.0], [1.5], [3.0]]));
    bench.npy("y.npy", &arr1(&[0_i64, 0, 1, 2]));
    let run =
        bench.run("mine --embeddings x.npy --labels y.npy --distance l2 --negatives 2 --out t.npy --json");
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(run.json()["triplets"]["triplets"], 3, "{run:?}");
    let found: Array2<i64> = read_npy(bench.path("t.npy")).unwrap();
    assert_eq!(found, arr2(&[[0, 1, 2], [0, 1, 3], [1, 0, 3]]));
    assert_eq!(bench.files(), ["t.npy", "x.npy", "y.npy"], "nothing of the work is left");
    // As `triplet loss` lists them, the farthest where none is farther than the positive.
    bench.npy("z.npy", &arr1(&[0_i64, 1, 2, 0]));
    let flags = "--embeddings x.npy --labels z.npy --distance l2";
    assert_eq!(bench.run(&format!("mine {flags} --out t.npy")).code, Some(0));
    assert_eq!(bench.run(&format!("loss {flags} --triplets l.npy")).code, Some(0));
    let [mined, listed] =
        ["t.npy", "l.npy"].map(|name| read_npy::<_, Array2<i64>>(bench.path(name)).unwrap());
    assert_eq!(mined, listed);
}

#[test]
fn whole_sets_are_mined_as_batches_are() {
    let bench = bench(600, 20);
    for rule in ["semi-hard", "semi-hard-literal", "hard"] {
        for distance in ["squared-l2", "l2", "angular"] {
            let flags = format!("--embeddings x.npy --labels y.npy --rule {rule} --distance {distance}");
            let run = bench.run(&format!("mine {flags} --memory 51M --margin 0.2 --out t.npy --quiet"));
            // --margin is the rule's own of semi-hard-literal; the others take none here.
            let run = if rule == "semi-hard-literal" {
                run
            } else {
                bench.run(&format!("mine {flags} --out t.npy --quiet"))
            };
            assert_eq!(run.code, Some(0), "{run:?}");
            let loss = bench.run(&format!("loss {flags} --margin 0.2 --triplets l.npy"));
            assert_eq!(loss.code, Some(0), "{loss:?}");
            let of = |name| read_npy::<_, Array2<i64>>(bench.path(name)).unwrap();
            assert_eq!(of("t.npy"), of("l.npy"), "{rule}, {distance}");
        }
    }
}

#[test]
fn parts_put_together_are_the_bytes_of_the_whole() {
    let bench = bench(700, 8);
    let flags = "--embeddings x.npy --labels y.npy --negatives 3 --quiet";
    for extension in ["parquet", "npy"] {
        let run = bench.run(&format!("mine {flags} --out whole.{extension}"));
        assert_eq!(run.code, Some(0), "{run:?}");
        for part in [2, 1, 3] {
            let run =
                bench.run(&format!("mine {flags} --part {part}/3 --memory 51M --out p{part}.{extension}"));
            assert_eq!(run.code, Some(0), "{run:?}");
        }
        let parts = format!("p3.{extension} p1.{extension} p2.{extension}");
        let run = bench.run(&format!("mine --join {parts} --out joined.{extension}"));
        assert_eq!(run.code, Some(0), "{run:?}");
        let [whole, joined] =
            ["whole", "joined"].map(|name| fs::read(bench.path(&format!("{name}.{extension}"))).unwrap());
        assert!(whole == joined, "{extension}");
    }
    for (parts, says) in [
        ("p1.parquet p2.parquet", "part 3 of 3 is missing"),
        ("p1.parquet p2.parquet p2.parquet p3.parquet", "part 2 of 3 is given twice"),
        ("p1.parquet whole.parquet", "one of"),
        ("p1.npy whole.npy", "anchors in common"),
        ("p1.npy p2.parquet", "npy files and Parquet files"),
        ("x.npy", "int64 triplets"),
    ] {
        let run = bench.run(&format!(
            "mine --join {parts} --out bad.{}",
            if parts.ends_with("npy") { "npy" } else { "parquet" }
        ));
        assert!(run.code == Some(2) && run.stderr.contains(says), "{parts}: {run:?}");
    }
    assert!(!bench.files().iter().any(|name| name.starts_with("bad")), "{:?}", bench.files());
}

#[test]
fn tables_with_labels_that_are_text_and_a_summary() {
    let bench = Bench::new();
    let mut rng = Rng::with_seed(SEED);
    let mut text = String::from("a,b,species\n");
    for row in 0..300 {
        let (class, spread) = (row % 3, 0.2 * rng.f64());
        // One row of each hundred has the label of another class.
        let label = ["cat", "dog", "owl"][if row % 100 == 7 { (class + 1) % 3 } else { class }];
        text.push_str(&format!("{},{},{label}\n", class as f64 + spread, rng.f64()));
    }
    bench.write("t.csv", text);
    let run = bench.run(
        "mine --embeddings t.csv --label-column species --distance l2 --negatives 2 --out t.parquet --summary report",
    );
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(
        run.stdout.contains("perhaps mislabelled: row") && run.stdout.contains("hardest class"),
        "{run:?}"
    );
    assert!(run.stderr.contains("300 rows x 2 features"), "{run:?}");
    let summary: serde_json::Value = serde_json::from_str(&bench.read("report/summary.json")).unwrap();
    let rows: Vec<u64> = summary["possible_mislabels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["row"].as_u64().unwrap())
        .collect();
    for wrong in [7, 107, 207] {
        assert!(rows.contains(&wrong), "{rows:?}");
    }
    assert!(rows.len() < 20, "{rows:?}");
    assert_eq!(summary["histograms"]["positives"].as_array().unwrap().len(), 60);
    let classes = summary["classes"].as_array().unwrap();
    assert!(classes.iter().any(|class| class["label"] == "owl"), "{classes:?}");
    let triplets = fs::read(bench.path("t.parquet")).unwrap();
    assert!(triplets.starts_with(b"PAR1") && triplets.ends_with(b"PAR1"));
    #[cfg(feature = "train")]
    assert!(fs::read(bench.path("report/distances.png")).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn anchors_of_a_file_of_their_own() {
    let bench = Bench::new();
    bench.npy("x.npy", &arr2(&[[0.0_f32], [1.0], [1.5], [3.0]]));
    bench.write("y.csv", "label\na\nb\nb\nc\n");
    bench.npy("q.npy", &arr2(&[[0.9_f32], [9.0]]));
    // Labels in another order, and one that no row has.
    bench.write("qy.csv", "label\nb\nd\n");
    let run = bench.run(
        "mine --embeddings x.npy --labels y.csv --anchors q.npy --anchor-labels qy.csv --distance l2 --out t.npy",
    );
    assert_eq!(run.code, Some(0), "{run:?}");
    let found: Array2<i64> = read_npy(bench.path("t.npy")).unwrap();
    assert_eq!(found, arr2(&[[0, 1, 0], [0, 2, 0]]));
}

#[test]
fn a_job_killed_at_any_moment_goes_on_to_the_same_bytes() {
    let bench = bench(2500, 24);
    let flags = "mine --embeddings x.npy --labels y.npy --negatives 2 --threads 1 --memory 51M --checkpoint 0 --quiet";
    let whole = bench.run(&format!("{flags} --out whole.parquet"));
    assert_eq!(whole.code, Some(0), "{whole:?}");
    let whole = fs::read(bench.path("whole.parquet")).unwrap();
    let mut rng = Rng::with_seed(SEED);
    let (mut kills, mut complete) = (0, 0);
    while kills < support::kills(25) {
        let mut child = bench.command(&format!("{flags} --out t.parquet --resume")).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(rng.u64(1000..250_000)));
        let ended = child.try_wait().unwrap();
        if ended.is_none() {
            child.kill().unwrap();
            kills += 1;
        }
        child.wait().unwrap();
        let there = bench.path("t.parquet").exists();
        assert!(there || ended.is_none(), "{ended:?}");
        if there {
            assert!(fs::read(bench.path("t.parquet")).unwrap() == whole, "after {kills} kills");
            complete += 1;
            // A job that was killed between its output and the end of its folder.
            let _ = fs::remove_dir_all(bench.path("t.parquet.mine"));
            fs::remove_file(bench.path("t.parquet")).unwrap();
        }
    }
    let last = bench.run(&format!("{flags} --out t.parquet --resume"));
    assert_eq!(last.code, Some(0), "{last:?}");
    assert!(fs::read(bench.path("t.parquet")).unwrap() == whole);
    let left: Vec<String> = bench.files();
    assert_eq!(left, ["t.parquet", "whole.parquet", "x.npy", "y.npy"]);
    println!("seed {SEED}: {kills} kills, {complete} complete in between");
}

#[test]
fn what_changed_or_is_stopped_is_told() {
    let bench = bench(2500, 24);
    let flags =
        "mine --embeddings x.npy --labels y.npy --threads 1 --memory 51M --checkpoint 0 --quiet --out t.npy";
    // Stopped by a signal that asks.
    let mut child = bench.command(flags).stderr(Stdio::piped()).spawn().unwrap();
    let work = bench.path("t.npy.mine");
    while child.try_wait().unwrap().is_none() && !work.join("state").exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    let stopped = child.wait_with_output().unwrap();
    if stopped.status.code() != Some(0) {
        let stderr = String::from_utf8_lossy(&stopped.stderr);
        assert!(stopped.status.code() == Some(143) && stderr.contains("--resume goes on"), "{stopped:?}");
        let again = bench.run(flags);
        assert!(again.code == Some(2) && again.stderr.contains("--resume goes on"), "{again:?}");
        let other = bench.run(&format!("{flags} --resume --rule hard"));
        assert!(other.code == Some(2) && other.stderr.contains("other settings"), "{other:?}");
        let mut bytes = fs::read(bench.path("x.npy")).unwrap();
        let good = bytes.clone();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        bench.write("x.npy", &bytes);
        let changed = bench.run(&format!("{flags} --resume"));
        assert!(
            changed.code == Some(2) && changed.stderr.contains("other settings or inputs"),
            "{changed:?}"
        );
        assert!(!bench.path("t.npy").exists());
        bench.write("x.npy", &good);
        assert_eq!(bench.run(&format!("{flags} --resume")).code, Some(0));
    }
    assert!(!work.exists() && bench.path("t.npy").exists());
    // A disk that is full, of which a limit to the length of files has the effect.
    let full = bench
        .shell(&format!("trap '' XFSZ; (ulimit -f 40; triplet {} )", flags.replace("t.npy", "full.npy")));
    assert!(full.code == Some(2) && full.stderr.contains("full.npy.mine"), "{full:?}");
    assert!(!bench.path("full.npy").exists());
    let after = bench.run(&format!("{} --resume", flags.replace("t.npy", "full.npy")));
    assert_eq!(after.code, Some(0), "{after:?}");
    let [full, whole] = ["full.npy", "t.npy"].map(|name| fs::read(bench.path(name)).unwrap());
    assert!(full == whole);
}

#[test]
fn mistakes_are_told_before_anything_is_searched() {
    let bench = bench(300, 4);
    let mut x: Array2<f32> = read_npy(bench.path("x.npy")).unwrap();
    x[[217, 2]] = f32::NAN;
    bench.npy("nan.npy", &x);
    bench.npy("short.npy", &arr1(&[1_i64, 2]));
    bench.npy("flat.npy", &arr1(&[1.0_f32, 2.0]));
    let one: Vec<i64> = vec![1; 300];
    bench.npy("one.npy", &Array1::from(one));
    let mut cut = fs::read(bench.path("x.npy")).unwrap();
    cut.truncate(cut.len() - 3);
    bench.write("cut.npy", cut);
    for (flags, says) in [
        ("--embeddings nan.npy --labels y.npy --out t.npy", "nan.npy: embeddings[217, 2] is NaN"),
        ("--embeddings x.npy --labels short.npy --out t.npy", "300 rows"),
        ("--embeddings x.npy --out t.npy", "labels"),
        ("--embeddings flat.npy --labels short.npy --out t.npy", "two dimensions"),
        ("--embeddings cut.npy --labels y.npy --out t.npy", "is truncated"),
        ("--embeddings none.npy --labels y.npy --out t.npy", "none.npy"),
        ("--embeddings x.npy --labels y.npy --out t.csv", ".parquet or .npy"),
        ("--embeddings x.npy --labels y.npy --out x.npy", "would replace"),
        ("--embeddings x.npy --labels y.npy --negatives 0 --out t.npy", "at least"),
        ("--embeddings x.npy --labels y.npy --part 4/3 --out t.npy", "no part"),
        ("--embeddings x.npy --labels y.npy --memory 1M --out t.npy", "too few"),
        ("--embeddings x.npy --labels y.npy --min-score 2 --distance angular --out t.npy", "min_score is 2"),
        ("--embeddings x.npy --labels y.npy --relative-margin=-1 --out t.npy", "relative_margin is -1"),
        ("--embeddings x.npy --labels y.npy --backend gram --out t.npy", "gram"),
        ("--labels y.npy --out t.npy", "--embeddings"),
    ] {
        let run = bench.run(&format!("mine {flags}"));
        assert!(run.code == Some(2) && run.stderr.contains(says), "{flags}: {run:?}");
        assert!(!bench.files().iter().any(|name| name == "t.npy"), "{flags}");
    }
    // One class has no negatives: no triplets, and no error.
    let _ = fs::remove_dir_all(bench.path("t.npy.mine"));
    let run = bench.run("mine --embeddings x.npy --labels one.npy --rule hard --out t.npy");
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(read_npy::<_, Array2<i64>>(bench.path("t.npy")).unwrap().nrows(), 0);
}

#[test]
fn files_that_are_not_a_jobs_are_left_alone() {
    let bench = bench(200, 4);
    fs::create_dir(bench.path("mine")).unwrap();
    let run = |arguments: &str| bench.run(&format!("mine --embeddings x.npy --labels y.npy {arguments}"));
    for name in ["records", "notes.txt"] {
        fs::write(bench.path("mine").join(name), "precious").unwrap();
        let refused = run("--out t.npy --work mine");
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains("not those of a job"), "{refused:?}");
        assert_eq!(fs::read_to_string(bench.path("mine").join(name)).unwrap(), "precious");
        fs::remove_file(bench.path("mine").join(name)).unwrap();
    }
    // Settings that a full disk cut off are no job to go on with, and stand in no job's way.
    fs::write(bench.path("mine").join("settings"), "t").unwrap();
    let begun = run("--out t.npy --work mine");
    assert_eq!(begun.code, Some(0), "{begun:?}");
    // A user's file of that name is.
    fs::create_dir_all(bench.path("mine")).unwrap();
    fs::write(bench.path("mine").join("settings"), "colour = blue").unwrap();
    let refused = run("--out u.npy --work mine --resume");
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert_eq!(fs::read_to_string(bench.path("mine").join("settings")).unwrap(), "colour = blue");
}

#[test]
fn a_summary_without_a_place_is_refused_before_anything_is_searched() {
    let bench = bench(200, 4);
    fs::write(bench.path("file"), "").unwrap();
    let run = bench.run("mine --embeddings x.npy --labels y.npy --out t.npy --summary file/s");
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stderr.contains("--summary") && !bench.path("t.npy").exists(), "{run:?}");
    assert!(!bench.path("t.npy.mine").exists());
}
