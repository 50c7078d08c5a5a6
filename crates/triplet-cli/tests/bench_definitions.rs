//! `triplet bench` with definitions: which are run, and that their answers are checked first.

mod support;

use support::Bench;

/// Two quick benchmarks of losses that flags alone cannot ask for.
const MINE: &str = r#"
[shared]
width = 5
rows-per-class = 4
seed = 3
rule = "hard"
distance = "l2"
margin = 0.5
reduction = "sum"
element = "f64"
gradient = false
engines = ["simd"]

[[benchmark]]
name = "first"
rows = 24

[[benchmark]]
name = "second"
rows = 40
gradient = true
engines = ["simd", "par", "scalar", "gram"]
"#;

/// The digests that `--check` prints for benchmarks without one, by name.
fn found(bench: &Bench, file: &str) -> Vec<(String, String)> {
    let run = bench.run(&format!("bench --definitions {file} --check --json"));
    assert_eq!(run.code, Some(0), "{run:?}");
    let json = run.json();
    let lines = json.as_array().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    lines.iter().map(|line| (text(&line["name"]), text(&line["digest"]))).collect()
}

#[test]
fn a_file_of_definitions_is_measured_with_its_own_engines() {
    let bench = Bench::new();
    bench.write("mine.toml", MINE);
    let run = bench
        .run("bench --definitions mine.toml --threads 2 --reps 1 --json --save run.json --report r.html");
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(
        run.stderr.contains("1/2 24 x 5, 4 rows a class, hard, l2, margin 0.5, reduction sum, f64"),
        "{run:?}"
    );
    let json = run.json();
    let rows = json["rows"].as_array().unwrap();
    let names: Vec<(&str, &str)> = rows
        .iter()
        .map(|row| (row["definition"].as_str().unwrap(), row["backend"].as_str().unwrap()))
        .collect();
    let second = "mine/second";
    let expected =
        [("mine/first", "simd"), (second, "scalar"), (second, "gram"), (second, "simd"), (second, "par")];
    assert_eq!(names, expected);
    let (loss_only, whole) = (&rows[0], &rows[3]);
    assert!(
        loss_only["fwd_ms_min"].as_f64().is_some() && loss_only["fwd_bwd_ms_min"].is_null(),
        "{loss_only}"
    );
    assert_eq!(loss_only["differences"], "hard, l2, margin 0.5, reduction sum, f64, loss only");
    assert!(whole["fwd_bwd_ms_min"].as_f64().is_some(), "{whole}");
    assert_eq!(whole["differences"], "hard, l2, margin 0.5, reduction sum, f64");
    assert_eq!(rows[2]["agrees"], true, "gram is held to the loss that was asked for");
    assert!(json["fastest_here"][0].as_str().unwrap().contains("4 rows a class, hard, l2"), "{json}");
    let same = bench.run("bench compare run.json run.json");
    assert!(same.stdout.contains("hard, l2") && same.code == Some(0), "{same:?}");
    let flags =
        bench.run("bench --definitions mine.toml --filter second --backends par --threads 1 --reps 1 --json");
    assert_eq!(
        flags.json()["rows"].as_array().unwrap().len(),
        1,
        "--backends replaces the definition's: {flags:?}"
    );
}

#[test]
fn a_wrong_digest_ends_the_run_before_anything_is_timed() {
    let bench = Bench::new();
    bench.write("mine.toml", MINE);
    let digests = found(&bench, "mine.toml");
    let with = |first: &str, second: &str| {
        let text = MINE.replace("rows = 24", &format!("rows = 24\ndigest = \"{first}\""));
        text.replace("rows = 40", &format!("rows = 40\ndigest = \"{second}\""))
    };
    let (first, second) = (&digests[0].1, &digests[1].1);
    assert_ne!(first, second);
    bench.write("right.toml", with(first, second));
    let right = bench.run("bench --definitions right.toml --check");
    assert_eq!(right.code, Some(0), "{right:?}");
    assert_eq!(right.stdout.matches("right  ").count(), 2, "{right:?}");
    assert!(right.stdout.contains("scalar, simd portable"), "{right:?}");
    assert!(right.stdout.contains("par portable on 2 threads"), "{right:?}");

    bench.write("wrong.toml", with(first, first));
    let wrong = bench.run("bench --definitions wrong.toml --threads 1 --reps 1 --quiet --save run.json");
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    let message = format!("has the digest {second}, expected {first}");
    assert!(
        wrong.stderr.starts_with("error: wrong/second: the answer of scalar")
            && wrong.stderr.contains(&message),
        "{wrong:?}"
    );
    assert!(!bench.files().contains(&"run.json".to_owned()), "nothing is saved");
    let check = bench.run("bench --definitions wrong.toml --check");
    assert_eq!(check.code, Some(2), "{check:?}");
    assert!(
        check.stdout.contains("right  wrong/first") && check.stdout.contains("WRONG  wrong/second"),
        "{check:?}"
    );
    assert!(
        check.stderr.contains("wrong answer(s): wrong/second") && check.stderr.contains(&message),
        "{check:?}"
    );
}

#[test]
fn built_in_definitions_are_listed_filtered_and_checked() {
    let bench = Bench::new();
    let list = bench.run("bench --list");
    assert_eq!(list.code, Some(0), "{list:?}");
    assert!(
        list.stdout.contains("sizes/1024x128") && list.stdout.contains("1024 x 128, 8 rows a class\n"),
        "{list:?}"
    );
    let listed = bench.run("bench --list --filter edges/ties,rules/hard-256 --json").json();
    let names: Vec<&str> = listed.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["edges/ties", "edges/ties-hard", "rules/hard-256"]);
    let check = bench.run("bench --check --filter edges/");
    assert_eq!(check.code, Some(0), "{check:?}");
    let lines: Vec<&str> = check.stdout.lines().collect();
    assert!(lines.len() >= 10 && lines.iter().all(|line| line.starts_with("right  edges/")), "{check:?}");
}

#[test]
fn flags_that_describe_a_definition_s_input_have_its_name() {
    let bench = Bench::new();
    let run = bench.run("bench --batch 64,65 --threads 1 --backends simd --reps 1 --quiet --json");
    let json = run.json();
    assert_eq!(json["rows"][0]["definition"], "sizes/64x128", "and its digest was checked");
    assert_eq!(json["rows"][1]["definition"], serde_json::Value::Null);
    let seed = bench.run("bench --batch 64 --seed 2 --threads 1 --backends simd --reps 1 --quiet --json");
    assert_eq!(seed.json()["rows"][0]["definition"], serde_json::Value::Null, "other rows");
    assert_eq!(seed.json()["seed"], 2);
}

#[test]
fn a_run_is_saved_into_a_folder_by_date_and_cpu() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("record")).unwrap();
    let run = bench.run("bench --batch 24 --dim 5 --threads 1 --reps 1 --quiet --save record");
    assert_eq!(run.code, Some(0), "{run:?}");
    let files: Vec<String> = std::fs::read_dir(bench.path("record"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let [file] = &files[..] else { panic!("{files:?}") };
    assert!(file.starts_with("20") && file.ends_with(".json"), "{file}");
    assert_eq!(bench.run(&format!("bench compare record/{file} record/{file}")).code, Some(0));
}

#[test]
fn what_is_no_definition_is_refused_by_file_and_key() {
    let bench = Bench::new();
    bench.write("mine.toml", MINE);
    bench.write("unknown.toml", MINE.replace("seed = 3", "sed = 3"));
    bench.write("missing.toml", MINE.replace("seed = 3\n", ""));
    bench.write("engine.toml", MINE.replace("\"scalar\"", "\"skalar\""));
    bench.write("zero.toml", MINE.replace("rows = 24", "rows = 0"));
    bench.write("large.toml", MINE.replace("rows = 24", "rows = 4000000000"));
    let cases = [
        ("--definitions unknown.toml", "unknown.toml, line 5 (sed = 3): unknown field `sed`"),
        ("--definitions missing.toml", "missing.toml, benchmark 1 (\"first\"): seed: is neither here nor in"),
        (
            "--definitions engine.toml",
            "engine.toml, benchmark 2 (\"second\"): engines: unknown engine \"skalar\"",
        ),
        ("--definitions zero.toml", "zero.toml, benchmark 1 (\"first\"): rows: is 0"),
        ("--definitions large.toml", "give at most"),
        ("--definitions no.toml", "cannot read no.toml"),
        ("--definitions mine.toml --filter third", "--filter is third: no benchmark's name contains it"),
        ("--filter no-such-name", "they are classes/"),
        ("--check --filter edges/pairs --backends gram", "leave it out"),
        ("--step --python no-such-python --definitions mine.toml", "mine/first is another loss"),
    ];
    for (arguments, fragment) in cases {
        let run = bench.run(&format!("bench {arguments}"));
        assert_eq!(run.code, Some(2), "{arguments}: {run:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{arguments}: {}", run.stderr);
        assert!(run.stderr.starts_with("error: ") && run.stderr.contains(fragment), "{arguments}: {run:?}");
    }
    for arguments in ["--filter edges/ --batch 24", "--check --seed 2", "--definitions mine.toml --classes 2"]
    {
        let run = bench.run(&format!("bench {arguments}"));
        assert!(run.code == Some(2) && run.stderr.contains("cannot be used with"), "{arguments}: {run:?}");
    }
}
