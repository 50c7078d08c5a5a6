//! What the commands answer: formats, keys, files, help.

mod support;

use ndarray::{Array2, arr0, arr1, arr2};
use ndarray_npy::{NpzWriter, read_npy};
use safetensors::{Dtype, tensor::TensorView};
use std::{collections::HashMap, fs::File};
use support::Bench;
use triplet_api::{Backend, Distance, Reduction, Rule};

const X: [[f32; 2]; 4] = [[0.1, 1.0], [1.0, 0.5], [1.5, 2.0], [3.0, -1.25]];
const Y: [i64; 4] = [0, 0, 1, 2];

#[test]
fn every_format_and_type_gives_the_same_bits() {
    let bench = Bench::new();
    bench.npy("x.npy", &arr2(&X));
    bench.npy("y.npy", &arr1(&Y));
    // A column-major array, with big-endian and unsigned labels in a column.
    bench.npy("x-columns.npy", &arr2(&X).reversed_axes().as_standard_layout().to_owned().reversed_axes());
    bench.npy("y-column.npy", &arr2(&[[0_u16], [0], [1], [2]]));
    bench.npy("y-float.npy", &arr1(&Y.map(|y| y as f32)));
    let mut npz = NpzWriter::new_compressed(File::create(bench.path("b.npz")).unwrap());
    npz.add_array("e", &arr2(&X)).unwrap();
    npz.add_array("labels", &arr1(&Y.map(|y| y as i8))).unwrap();
    npz.finish().unwrap();
    let rows = X.map(|[a, b]| format!("{a},{b}\n")).concat();
    bench.write("x.csv", format!("first,second\n{rows}"));
    bench.write("y.csv", "0\n0\n1\n2\n");
    let bytes: Vec<u8> = X.as_flattened().iter().flat_map(|x| x.to_le_bytes()).collect();
    let labels: Vec<u8> = Y.iter().flat_map(|y| y.to_le_bytes()).collect();
    let tensors = HashMap::from([
        ("embeddings", TensorView::new(Dtype::F32, vec![4, 2], &bytes).unwrap()),
        ("labels", TensorView::new(Dtype::I64, vec![4], &labels).unwrap()),
    ]);
    bench.write("b.safetensors", safetensors::serialize(tensors, None).unwrap());
    let reference = bench.run("loss --margin 5 --embeddings x.npy --labels y.npy --json").json();
    assert!(reference["loss"].as_f64().unwrap() > 0.0, "{reference}");
    for inputs in [
        "--embeddings x-columns.npy --labels y-column.npy",
        "--embeddings b.npz:e --labels b.npz",
        "--embeddings x.csv --labels y.csv",
        "--embeddings b.safetensors --labels b.safetensors:labels",
        "--embeddings x.npy --labels y-float.npy",
    ] {
        let run = bench.run(&format!("loss --margin 5 {inputs} --json"));
        assert_eq!(run.json()["loss_bits"], reference["loss_bits"], "{inputs}: {run:?}");
    }
    // f64 is computed in f64, halves in f32.
    bench.npy("x64.npy", &arr2(&X).mapv(f64::from));
    let double = bench.run("loss --margin 5 --embeddings x64.npy --labels y.npy --json").json();
    assert_eq!(double["loss_bits"].as_str().unwrap().len(), 18);
    assert!((double["loss"].as_f64().unwrap() - reference["loss"].as_f64().unwrap()).abs() < 1e-6);
    let halves: Vec<u8> =
        X.as_flattened().iter().flat_map(|&x| half::bf16::from_f32(x).to_le_bytes()).collect();
    let tensor = HashMap::from([("x", TensorView::new(Dtype::BF16, vec![4, 2], &halves).unwrap())]);
    bench.write("h.safetensors", safetensors::serialize(tensor, None).unwrap());
    let run = bench.run("loss --embeddings h.safetensors --labels y.npy --json");
    assert_eq!(run.json()["loss_bits"].as_str().unwrap().len(), 10, "{run:?}");
}

#[test]
fn json_has_its_keys_and_the_files_their_shapes() {
    let bench = Bench::new();
    bench.npy("x.npy", &arr2(&X));
    bench.npy("y.npy", &arr1(&Y));
    let run = bench.run(
        "loss --embeddings x.npy --labels y.npy --distance l2 --threads 2 --backend par --reduction none \
         --gradient g.npy --triplets t.npy --losses l.npy --json",
    );
    let json = run.json();
    for key in
        ["loss", "loss_bits", "positive_pairs", "violating", "fallbacks", "backend", "isa", "threads", "ms"]
    {
        assert!(!json[key].is_null(), "{key} in {json}");
    }
    let bits = u32::from_str_radix(&json["loss_bits"].as_str().unwrap()[2..], 16).unwrap();
    assert_eq!(f64::from(f32::from_bits(bits)) as f32, json["loss"].as_f64().unwrap() as f32);
    assert_eq!(json["positive_pairs"], 2);
    let gradient: Array2<f32> = read_npy(bench.path("g.npy")).unwrap();
    assert_eq!(gradient.dim(), (4, 2));
    let triplets: Array2<i64> = read_npy(bench.path("t.npy")).unwrap();
    assert_eq!(triplets.column(0).to_vec(), [0, 1]);
    assert_eq!(triplets.column(1).to_vec(), [1, 0]);
    let losses: ndarray::Array1<f32> = read_npy(bench.path("l.npy")).unwrap();
    assert_eq!(losses.len(), 4);
    assert_eq!(json["losses"].as_array().unwrap().len(), 4);
}

#[test]
fn a_loss_in_little_memory_is_the_same_but_for_the_triplets() {
    let bench = Bench::new();
    bench.npy("x.npy", &Array2::from_shape_fn((500, 3), |(row, k)| ((row * 31 + k * 7) % 97) as f32 / 97.0));
    bench.npy("y.npy", &ndarray::Array1::from_shape_fn(500, |row| (row % 2) as i64));
    let line = "loss --embeddings x.npy --labels y.npy --threads 1 --json";
    let whole = bench.run(&format!("{line} --gradient whole.npy")).json();
    // 124,500 triplets take half a megabyte, or a quarter of one in two bytes each.
    let parts = bench.run(&format!("{line} --gradient parts.npy --memory 1M")).json();
    assert_eq!(whole["loss_bits"], parts["loss_bits"]);
    let gradient = |name| read_npy::<_, Array2<f32>>(bench.path(name)).unwrap();
    assert_eq!(gradient("whole.npy"), gradient("parts.npy"));
    let refused = bench.shell(&format!("triplet {line} --triplets t.npy --memory 1M"));
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("1.00 MB that it may take"), "{refused:?}");
    assert!(!bench.files().contains(&"t.npy".to_owned()));
}

#[test]
fn weights_may_be_scalar_a_row_or_a_column() {
    let bench = Bench::new();
    bench.npy("x.npy", &arr2(&X));
    bench.npy("y.npy", &arr1(&Y));
    bench.npy("two.npy", &arr0(2.0_f64));
    bench.npy("twos.npy", &arr1(&[2.0_f32; 4]));
    bench.npy("column.npy", &arr2(&[[2_i32]; 4]));
    let loss = |weights: &str| {
        let run = bench.run(&format!("loss --margin 5 --embeddings x.npy --labels y.npy {weights} --json"));
        run.json()["loss"].as_f64().unwrap()
    };
    let plain = loss("");
    for file in ["two.npy", "twos.npy", "column.npy"] {
        assert_eq!(loss(&format!("--weights {file}")), 2.0 * plain, "{file}");
    }
}

#[test]
fn bench_answers_in_json() {
    let run = Bench::new()
        .run("bench --batch 48 --dim 8 --per-class 4 --reps 2 --backends scalar,gram,simd,par --json");
    let json = run.json();
    let rows = json["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 4, "{json}");
    for key in [
        "backend",
        "isa",
        "b",
        "d",
        "per_class",
        "classes",
        "fwd_ms_min",
        "fwd_bwd_ms_min",
        "fwd_bwd_ms_median",
    ] {
        assert!(rows.iter().all(|row| !row[key].is_null()), "{key} in {json}");
    }
    assert_eq!(rows[2]["classes"], 12);
}

#[test]
fn training_is_reproducible_and_writes_whole_files() {
    let bench = Bench::new();
    let train = |flags: &str| {
        let run = bench.run(&format!("train --epochs 2 --quiet --json --seed 5 {flags}"));
        assert_eq!(run.code, Some(0), "{run:?}");
        run.json()
    };
    let first = train("--out a --backend simd --isa portable");
    let second = train("--out b --backend par --threads 3");
    assert_eq!(first["map_at_r"], second["map_at_r"]);
    let mut names: Vec<_> = std::fs::read_dir(bench.path("a"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = [
        "embedding-after.png",
        "embedding-after.svg",
        "embedding-before.png",
        "embedding-before.svg",
        "embeddings.npy",
        "labels.npy",
        "loss-curve.png",
        "loss-curve.svg",
        "report.json",
        "weights.safetensors",
    ];
    assert_eq!(names, expected);
    for name in ["embeddings.npy", "weights.safetensors", "loss-curve.svg"] {
        let read = |folder: &str| std::fs::read(bench.path(folder).join(name)).unwrap();
        assert_eq!(read("a"), read("b"), "{name}");
    }
}

#[test]
fn training_takes_ones_own_table() {
    let bench = Bench::new();
    let rows: Vec<String> =
        (0..60).map(|i| format!("{},{},{}", i % 3, (i * 7 % 11) as f32 / 9.0, i % 3)).collect();
    bench.write("mine.csv", format!("a,b,label\n{}\n", rows.join("\n")));
    let run = bench.run("train --data mine.csv --out out --epochs 3 --json --quiet");
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(run.json()["raw_recall_at_1"], 1.0);
}

#[test]
fn help_names_every_flag_and_info_every_instruction_set() {
    let bench = Bench::new();
    let help = bench.run("loss --help").stdout;
    for flag in [
        "--embeddings",
        "--labels",
        "--margin",
        "--distance",
        "--rule",
        "--weights",
        "--reduction",
        "--backend",
        "--isa",
        "--threads",
        "--gradient",
        "--triplets",
        "--json",
        "Examples:",
    ] {
        assert!(help.contains(flag), "{flag}");
    }
    for command in ["train", "bench"] {
        assert!(bench.run(&format!("{command} --help")).stdout.contains("Examples:"));
    }
    let info = bench.run("info --json").json();
    let benchmark = bench.run("bench --help").stdout;
    for isa in triplet_api::Isa::ALL {
        assert!(help.contains(isa.name()) && benchmark.contains(isa.name()), "{isa:?}");
        assert!(info["isas"][isa.name()].is_string(), "{info}");
    }
    assert!(bench.run("info").stdout.contains("chosen"));
    // Every name that an option takes is a word of the help.
    let words: Vec<&str> = help.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').collect();
    let names = Distance::ALL.map(Distance::name).into_iter().chain(Rule::ALL.map(Rule::name));
    let names = names.chain(Backend::ALL.map(Backend::name)).chain(Reduction::ALL.map(Reduction::name));
    for name in names {
        assert!(words.contains(&name), "{name} is not in the help of loss");
    }
}

#[test]
fn the_environment_sets_the_number_of_threads() {
    let bench = Bench::new();
    bench.npy("x.npy", &arr2(&X));
    bench.npy("y.npy", &arr1(&Y));
    let threads = |arguments: &str, variable: &str| {
        let output = bench.command(arguments).env("TRIPLET_NUM_THREADS", variable).output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap(),
        )
    };
    for (variable, expected) in [("1", "\"threads\":1"), ("3", "\"threads\":3")] {
        let (code, text) = threads("info --json", variable);
        assert!(code == Some(0) && text.contains(expected), "{variable}: {text}");
    }
    for command in ["info --json", "loss --embeddings x.npy --labels y.npy", "train", "bench"] {
        for variable in ["0", "-1", "two", "1.5"] {
            let (code, text) = threads(command, variable);
            assert!(code == Some(2) && text.contains("TRIPLET_NUM_THREADS is"), "{variable}: {text}");
        }
    }
    let rows = Array2::from_shape_fn((512, 64), |(row, column)| ((row * 31 + column * 17) % 23) as f32);
    bench.npy("many.npy", &rows);
    bench.npy("labels.npy", &ndarray::Array1::from_iter((0..512_i64).map(|row| row / 8)));
    let loss = "loss --backend par --embeddings many.npy --labels labels.npy --json";
    for (flags, variable, expected) in [("", "1", 1), ("", "2", 2), ("--threads 2", "1", 2)] {
        let (_, text) = threads(&format!("{loss} {flags}"), variable);
        assert!(text.contains(&format!("\"threads\":{expected}")), "{flags}, {variable}: {text}");
    }
}
