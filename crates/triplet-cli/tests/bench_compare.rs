//! `triplet bench compare`: runs that `--save` wrote, against one another.

mod support;

use serde_json::{Value, json};
use support::Bench;

/// A run, with the times of its rows multiplied.
fn saved(bench: &Bench) -> Value {
    let run =
        bench.run("bench --batch 24,40 --dim 5 --threads 1 --backends simd --reps 8 --quiet --save run.json");
    assert_eq!(run.code, Some(0), "{run:?}");
    serde_json::from_str(&bench.read("run.json")).unwrap()
}

fn scaled(run: &Value, entry: usize, factor: f64) -> Value {
    let mut run = run.clone();
    for list in ["loss_ms", "total_ms"] {
        for ms in run["entries"][entry][list].as_array_mut().unwrap() {
            *ms = (ms.as_f64().unwrap() * factor).into();
        }
    }
    run
}

/// Rounds without noise: verdicts are then those of the ratio alone.
fn quiet(mut run: Value) -> Value {
    for entry in run["entries"].as_array_mut().unwrap() {
        entry["total_ms"] = json!(vec![2.0; 8]);
    }
    run
}

#[test]
fn ratios_verdicts_and_what_differs() {
    let bench = Bench::new();
    let first = quiet(saved(&bench));
    let mut second = scaled(&scaled(&first, 0, 0.5), 1, 1.01);
    second["cpu"] = "another CPU".into();
    second["seed"] = 9.into();
    second["environment"] = json!({ "OPENBLAS_CORETYPE": "of no CPU" });
    let mut third = scaled(&first, 0, 3.0);
    third["entries"].as_array_mut().unwrap().remove(1);
    for (name, run) in [("a.json", &first), ("b.json", &second), ("c.json", &third)] {
        bench.write(name, run.to_string());
    }
    let run = bench.run("bench compare a.json b.json c.json --json");
    assert_eq!(run.code, Some(0), "{run:?}");
    let json = run.json();
    let found: Vec<(u64, f64, &str)> = json["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            (
                line["file"].as_u64().unwrap(),
                line["ratio"].as_f64().unwrap(),
                line["verdict"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(found, [(1, 0.5, "faster"), (2, 3.0, "slower"), (1, 1.01, "no-difference")]);
    let notes = json["notes"].to_string();
    for part in [
        "file 1: other CPUs",
        "another CPU",
        "seeds 1 and 9",
        "OPENBLAS_CORETYPE",
        "file 2: only in the first: simd",
        "at 40 x 5",
    ] {
        assert!(notes.contains(part), "{part} in {notes}");
    }
    let text = bench.run("bench compare a.json b.json");
    for part in ["first: a.json: triplet ", "triplet bench --batch 24,40", "0.500 to 0.500", "faster"] {
        assert!(text.stdout.contains(part), "{part}: {text:?}");
    }
    let few =
        bench.run("bench --batch 24 --dim 5 --threads 1 --backends simd --reps 3 --quiet --save few.json");
    assert_eq!(few.code, Some(0));
    assert!(bench.run("bench compare a.json few.json").stdout.contains("too few rounds"));
}

#[test]
fn help_teaches() {
    let help = Bench::new().run("bench compare --help").stdout;
    for part in ["--save before.json", "99 % interval", "2 %", "Fewer than 5 rounds"] {
        assert!(help.contains(part), "{part}: {help}");
    }
}

#[test]
fn files_that_are_no_runs_are_refused() {
    let bench = Bench::new();
    let run = saved(&bench);
    let mut newer = run.clone();
    newer["schema"] = 7.into();
    newer["version"] = "9.9.9".into();
    let mut short = run.clone();
    short.as_object_mut().unwrap().remove("seed");
    let mut negative = run.clone();
    negative["entries"][1]["total_ms"][2] = (-3.5).into();
    let mut empty = run.clone();
    empty["entries"] = json!([]);
    bench.write("newer.json", newer.to_string());
    bench.write("short.json", short.to_string());
    bench.write("negative.json", negative.to_string());
    bench.write("empty.json", empty.to_string());
    bench.write("text.json", "B,D\n1,2\n");
    bench.write("bytes.json", b"\x93NUMPY\x01\x00\xff\xfe".as_slice());
    bench.write("other.json", "{\"rows\": []}");
    let cases = [
        ("run.json newer.json", "newer.json has schema 7, this program reads 1 to 2"),
        ("run.json newer.json", "the triplet that wrote it (9.9.9)"),
        ("run.json short.json", "short.json is no run of triplet bench: missing field `seed`"),
        ("negative.json run.json", "negative.json has -3.5 ms in entries[1].total_ms[2]"),
        ("run.json empty.json", "nothing to compare: no row of run.json is in another file"),
        ("run.json text.json", "text.json is no run of triplet bench"),
        ("run.json bytes.json", "bytes.json is no run of triplet bench"),
        ("run.json other.json", "its field format is not"),
        ("run.json missing.json", "cannot read missing.json"),
        ("run.json .", "cannot read ."),
    ];
    for (files, fragment) in cases {
        let run = bench.run(&format!("bench compare {files}"));
        assert_eq!(run.code, Some(2), "{files}: {run:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{files}: {}", run.stderr);
        assert!(run.stderr.starts_with("error: ") && run.stderr.contains(fragment), "{fragment}: {run:?}");
        assert!(run.stderr.len() < 400, "{}", run.stderr);
    }
    let alone = bench.run("bench compare run.json");
    assert_eq!(alone.code, Some(2), "one file is nothing to compare");
}
