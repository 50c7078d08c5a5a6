//! `triplet bench`: what it prints and writes, and what it refuses.

mod support;

use support::Bench;

const SMALL: &str =
    "bench --batch 24,40 --dim 5 --per-class 4 --backends scalar,gram,simd,par --threads 1,2 --reps 1";

#[test]
fn a_grid_gives_a_row_for_each_combination() {
    let bench = Bench::new();
    let run = bench.run(&format!("{SMALL} --json --csv table.csv --report page.html"));
    assert_eq!(run.code, Some(0), "{run:?}");
    let json = run.json();
    let rows = json["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2 * 4 * 2);
    for row in rows {
        for key in ["fwd_ms_min", "fwd_bwd_ms_min", "fwd_bwd_ms_median", "times_ours", "loss"] {
            assert!(row[key].as_f64().is_some_and(|value| value > 0.0), "{key} of {row}");
        }
        assert_eq!(row["product_ms_min"], serde_json::Value::Null, "no Python was given");
    }
    let shares = rows.iter().filter(|row| row["share_of_roofline"].as_f64().is_some());
    assert_eq!(shares.count(), 2 * 2 * 2, "simd and par have a roof");
    assert!(json["peaks"].as_array().is_some_and(|peaks| !peaks.is_empty()));

    let mut csv = csv::Reader::from_path(bench.path("table.csv")).unwrap();
    let header = csv.headers().unwrap().clone();
    assert!(header.iter().any(|name| name == "fwd_bwd_ms_min"), "{header:?}");
    assert_eq!(csv.records().map(Result::unwrap).count(), rows.len());

    let page = std::fs::read_to_string(bench.path("page.html")).unwrap();
    assert!(page.contains("<svg") && page.ends_with("</html>\n"));
    assert_eq!(page.matches("<svg").count(), page.matches("viewBox=").count(), "pictures that cannot shrink");
    let foreign = page.replace("http://www.w3.org/2000/svg", "");
    for outside in ["http:", "https:", "<script", "<link", "@import"] {
        assert!(!foreign.contains(outside), "the page refers to {outside}");
    }
}

/// A stand-in for a Python with libraries: answers every question alike.
#[cfg(unix)]
#[test]
fn rivals_are_rows_of_the_same_table() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    let script = r#"#!/bin/sh
cat <<'END' | tr -d '\n'; echo
{"library": "made up 1.0", "rivals": [
{"name": "torch E E'", "kind": "floor", "distance": null},
{"name": "torch sort", "kind": "peer", "distance": "squared-l2"},
{"name": "tfa", "kind": "peer", "distance": "squared-l2"}]}
END
while read -r line; do
  case "$line" in
    load*) echo '{}' ;;
    *tfa*) echo '{"left_out": "needs about 18 GB"}' ;;
    *sort*) echo '{"ms": [4.0, 2.0], "value": 123.0}' ;;
    *) echo '{"ms": [0.5], "value": null}' ;;
  esac
done
"#;
    bench.write("python", script);
    std::fs::set_permissions(bench.path("python"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let python = bench.path("python");
    let run = bench.run(&format!(
        "bench --batch 24 --dim 5 --backends simd --reps 1 --json --peers --python {}",
        python.display()
    ));
    assert_eq!(run.code, Some(0), "{run:?}");
    let json = run.json();
    let row = |name: &str| {
        let rows = json["rows"].as_array().unwrap();
        rows.iter().find(|row| row["backend"] == name).unwrap_or_else(|| panic!("{name} in {json}")).clone()
    };
    assert_eq!(row("torch E E'")["kind"], "floor");
    assert_eq!(row("simd")["product_ms_min"], 0.5);
    assert_eq!(row("torch sort")["fwd_bwd_ms_min"], 2.0);
    assert_eq!(row("torch sort")["agrees"], false, "its loss is not ours");
    assert_eq!(row("tfa")["left_out"], "needs about 18 GB");
    assert!(json["libraries"].to_string().contains("made up 1.0"));
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
        ("bench --peer-seconds nan", "--peer-seconds is NaN"),
        ("bench --csv no/such/folder.csv", "cannot write no/such/folder.csv"),
        ("bench --report no/such/folder.html", "cannot write no/such/folder.html"),
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
