//! `triplet bench`: what it prints and writes, and what it refuses.

mod support;

use support::Bench;

const SMALL: &str =
    "bench --batch 24,40 --dim 5 --per-class 4 --backends scalar,gram,simd,par --threads 1,2 --reps 1";

#[test]
fn a_grid_gives_a_row_for_each_combination() {
    let bench = Bench::new();
    let run = bench.run(&format!("{SMALL} --json --csv table.csv --report page.html --save run.json"));
    assert_eq!(run.code, Some(0), "{run:?}");
    let json = run.json();
    let rows = json["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2 * 4 * 2);
    for row in rows {
        for key in ["fwd_ms_min", "fwd_bwd_ms_min", "fwd_bwd_ms_median", "times_fastest_ours", "loss"] {
            assert!(row[key].as_f64().is_some_and(|value| value > 0.0), "{key} of {row}");
        }
        assert!(row["share_of_fma_peak"].as_f64().is_some_and(|share| share > 0.0), "{row}");
        assert_eq!(row["product_ms_min"], serde_json::Value::Null, "no Python was given");
        assert_eq!(row["spread"], "4 rows a class");
        if cfg!(target_os = "linux") {
            assert!(row["peak_rss_mb"].as_f64().is_some_and(|mb| mb > 0.5), "{row}");
        }
        let agrees = if row["backend"] == "gram" { true.into() } else { serde_json::Value::Null };
        assert_eq!(row["agrees"], agrees, "gram is held to ours but for rounding");
    }
    assert!(json["peaks"].as_array().is_some_and(|peaks| !peaks.is_empty()));
    assert!(json["fastest_here"][0].as_str().unwrap().contains("rows: "), "{json}");
    assert!(json["command"].as_str().unwrap().starts_with("triplet bench --batch 24,40 --dim 5"));

    let mut csv = csv::Reader::from_path(bench.path("table.csv")).unwrap();
    let header = csv.headers().unwrap().clone();
    for name in ["fwd_bwd_ms_min", "share_of_fma_peak", "ratio_to_product", "product"] {
        assert!(header.iter().any(|it| it == name), "{name} in {header:?}");
    }
    assert_eq!(csv.records().map(Result::unwrap).count(), rows.len());

    let saved: serde_json::Value = serde_json::from_str(&bench.read("run.json")).unwrap();
    assert_eq!(saved["entries"].as_array().unwrap().len(), rows.len());
    assert_eq!(saved["entries"][0]["total_ms"].as_array().unwrap().len(), 1, "one round");
    for key in ["cpu", "version", "date", "command", "system", "environment", "cores"] {
        assert!(!saved[key].is_null(), "{key}");
    }
}

#[test]
fn progress_names_what_runs_and_can_be_turned_off() {
    let bench = Bench::new();
    let run = bench.run("bench --batch 24 --dim 5 --reps 1 --threads 1");
    assert!(run.stderr.contains("1/1 24 x 5, 8 rows a class, 1 thread"), "{run:?}");
    let run = bench.run("bench --batch 24 --dim 5 --reps 1 --threads 1 --quiet");
    assert_eq!(run.stderr, "", "{run:?}");
    let last = run.stdout.lines().last().unwrap();
    assert!(last.starts_with("fastest here, D = 5, 8 rows a class: 24 rows: "), "{last}");
}

#[test]
fn our_slow_backends_are_left_out_by_name() {
    // The reference takes some 180 times as long as simd here, and the limit lies in the middle.
    let bench = Bench::new();
    let run = bench.run("bench --batch 1024 --backends scalar,simd --limit 0.15 --reps 1 --json");
    assert_eq!(run.code, Some(0), "{run:?}");
    let json = run.json();
    let scalar = &json["rows"][0];
    assert_eq!(scalar["backend"], "scalar");
    let reason = scalar["left_out"].as_str().unwrap();
    assert!(reason.contains("told from") && reason.contains("--limit is 0.15 s"), "foreseen: {reason}");
    assert_eq!(scalar["fwd_bwd_ms_min"], serde_json::Value::Null);
    assert!(json["rows"][1]["fwd_bwd_ms_min"].as_f64().is_some(), "{json}");
    // The older name of the limit.
    let run = bench.run("bench --batch 24 --dim 5 --reps 1 --peer-seconds 5 --json");
    assert_eq!(run.code, Some(0), "{run:?}");
}

/// A stand-in for a Python with libraries: answers every question alike.
#[cfg(unix)]
fn stand_in(bench: &Bench, hello: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let script = format!(
        r#"#!/bin/sh
cat <<'END' | tr -d '\n'; echo
{hello}
END
while read -r line; do
  case "$line" in
    load*) echo '{{}}' ;;
    *tfa*) echo '{{"left_out": "needs about 18 GB"}}' ;;
    *sort*) echo '{{"ms": [4.0, 2.0], "value": 123.0}}' ;;
    *gemm*) echo '{{"ms": [25.0], "value": null}}' ;;
    *half*) echo '{{"ms": [10.0], "value": null}}' ;;
    *sum*) echo '{{"ms": [9.0, 4.0], "parts": [[1, 5, 2, 1], [1, 0, 2, 1]], "value": 1.0}}' ;;
    *triplet-loss*) echo '{{"ms": [5.0], "parts": [[1, 1, 2, 1]], "value": 1.0, "expected": 1.0}}' ;;
    *dense*) echo '{{"ms": [10.0], "parts": [[1, 6, 2, 1]], "value": 2.0, "expected": 1.0}}' ;;
    *) echo "{{\"ms\": [50.0], \"value\": null, \"kept\": \"$OPENBLAS_CORETYPE\"}}" ;;
  esac
done
"#
    );
    bench.write("python", script);
    let python = bench.path("python");
    std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
    python.display().to_string()
}

#[cfg(unix)]
#[test]
fn rivals_are_rows_of_the_same_table() {
    let bench = Bench::new();
    let python = stand_in(
        &bench,
        r#"{"libraries": ["made up 1.0"], "rivals": [
{"name": "torch E E'", "kind": "baseline", "complete": true, "kernels": "MKL", "distance": null},
{"name": "numpy gemm", "kind": "baseline", "complete": true, "kernels": "OpenBLAS Zen", "distance": null},
{"name": "upper half", "kind": "baseline", "distance": null},
{"name": "torch sort", "kind": "peer", "distance": "squared-l2"},
{"name": "tfa", "kind": "peer", "distance": "squared-l2"}]}"#,
    );
    let arguments = format!("bench --batch 24 --dim 5 --backends simd --reps 1 --peers --python {python}");
    let run = bench.run(&format!("{arguments} --json"));
    assert_eq!(run.code, Some(0), "{run:?}");
    let json = run.json();
    let row = |name: &str| {
        let rows = json["rows"].as_array().unwrap();
        rows.iter().find(|row| row["backend"] == name).unwrap_or_else(|| panic!("{name} in {json}")).clone()
    };
    assert_eq!(row("torch E E'")["kind"], "baseline");
    assert_eq!(row("torch sort")["fwd_bwd_ms_min"], 2.0);
    assert_eq!(row("torch sort")["agrees"], false, "its loss is not ours");
    assert_eq!(row("tfa")["left_out"], "needs about 18 GB");
    assert!(json["libraries"].to_string().contains("made up 1.0"));
    // The fastest product that writes everything: 24 x 5 by matrixmultiply takes some microseconds.
    let ours = row("simd");
    assert_eq!(ours["product"], "matrixmultiply E E'");
    let text = bench.run(&arguments).stdout;
    assert!(text.contains("fastest product: matrixmultiply E E'"), "{text}");
    assert!(text.contains("numpy gemm (OpenBLAS Zen)") && text.contains("torch E E' (MKL)"), "{text}");
    assert!(text.contains("left out: tfa at 24 x 5"), "{text}");
    assert!(text.contains("another loss!"), "{text}");
}

#[cfg(unix)]
#[test]
fn steps_are_a_table_of_their_own() {
    let bench = Bench::new();
    let python = stand_in(
        &bench,
        r#"{"libraries": ["made up 1.0"], "rivals": [
{"name": "no loss (a sum)", "kind": "step"},
{"name": "triplet-loss in torch", "kind": "step", "distance": "squared-l2"},
{"name": "torch dense", "kind": "step", "distance": "squared-l2"}]}"#,
    );
    let run = bench.run(&format!(
        "bench --step --batch 24 --dim 5 --reps 3 --python {python} --json --csv s.csv --save s.json --report s.html"
    ));
    assert_eq!(run.code, Some(0), "{run:?}");
    let json = run.json();
    assert_eq!(json["rows"].as_array().unwrap().len(), 0);
    let steps = json["steps"].as_array().unwrap();
    assert_eq!(steps[0]["step_ms_median"], 4.0, "the faster of two calls");
    assert_eq!(steps[0]["loss_ms"], 0.0, "and its parts");
    assert_eq!(steps[0]["loss_adds_ms"], serde_json::Value::Null);
    assert_eq!(steps[1]["loss_adds_ms"], 1.0);
    assert_eq!(steps[2]["loss_adds_ms"], 6.0);
    assert_eq!(steps[2]["times_ours"], 2.0);
    assert_eq!((&steps[1]["agrees"], &steps[2]["agrees"]), (&true.into(), &false.into()));
    assert!(bench.read("s.csv").starts_with("loss_name,"));
    assert!(bench.read("s.html").contains("Training step"));
    let same = bench.run("bench compare s.json s.json");
    assert!(same.stdout.contains("torch dense"), "{same:?}");
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let bench = Bench::new();
    let cases = [
        ("bench --batch 18446744073709551615", "--batch is 18446744073709551615"),
        ("bench --dim 18446744073709551615", "GB"),
        ("bench --batch 2000000000 --dim 100000", "GB"),
        ("bench --batch 4000000 --backends gram --dim 2", "GB"),
        ("bench --reps 18446744073709551615", "--reps is"),
        ("bench --threads 99999999", "threads is 99999999"),
        ("bench --classes 0", "at least 1"),
        ("bench --batch 0", "at least 1"),
        ("bench --limit nan", "--limit is NaN"),
        ("bench --limit 0", "--limit is 0"),
        ("bench --csv no/such/folder.csv", "cannot write no/such/folder.csv"),
        ("bench --report no/such/folder.html", "cannot write no/such/folder.html"),
        ("bench --save no/such/folder.json", "cannot write no/such/folder.json"),
        ("bench --save same --csv same", "--csv and --save are both same"),
        ("bench --isa sse9 --backends simd", "unknown instruction set"),
        ("bench --batch 8 --python no-such-python", "cannot run no-such-python"),
        ("bench-child --batch 18446744073709551615 --dim 1 --classes 1 --seed 1", "--batch is"),
        ("bench-child --batch 0 --dim 1 --classes 1 --seed 1", "at least 1"),
    ];
    for (arguments, fragment) in cases {
        let run = bench.run(arguments);
        assert_eq!(run.code, Some(2), "{arguments}: {run:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{arguments}: {}", run.stderr);
        assert!(run.stderr.starts_with("error: ") && run.stderr.contains(fragment), "{arguments}: {run:?}");
        assert!(bench.files().is_empty(), "{arguments} left a file");
    }
}
