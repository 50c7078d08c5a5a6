//! Every mistake: exit code 2, one line that names it, nothing written.

mod support;

use ndarray::{Array1, Array2, Array3, arr1, arr2};
use support::Bench;

/// A folder with good inputs and bad ones.
fn bench() -> Bench {
    let bench = Bench::new();
    let x = arr2(&[[0.0_f32, 1.0], [1.0, 0.5], [1.5, 2.0], [3.0, -1.0]]);
    bench.npy("x.npy", &x);
    bench.npy("y.npy", &arr1(&[0_i64, 0, 1, 2]));
    let with = |value: f32| {
        let mut x = x.clone();
        x[[2, 1]] = value;
        x
    };
    bench.npy("nan.npy", &with(f32::NAN));
    bench.npy("inf.npy", &with(f32::NEG_INFINITY));
    bench.npy("big.npy", &with(1e20));
    bench.npy("flat.npy", &arr1(&[0.0_f32; 4]));
    bench.npy("cube.npy", &Array3::<f32>::zeros((4, 2, 2)));
    bench.npy("narrow.npy", &Array2::<f32>::zeros((4, 0)));
    bench.npy("short.npy", &arr1(&[0_i64, 0, 1]));
    bench.npy("half.npy", &arr1(&[0.0_f64, 0.5, 1.0, 2.0]));
    bench.npy("w3.npy", &arr1(&[1.0_f32; 3]));
    bench.npy("wneg.npy", &arr1(&[1.0_f32, 1.0, -2.0, 1.0]));
    bench.npy("wnan.npy", &arr1(&[1.0_f32, f32::NAN, 1.0, 1.0]));
    bench.write("text.npy", "this is no array");
    let whole = std::fs::read(bench.path("x.npy")).unwrap();
    bench.write("cut.npy", &whole[..whole.len() - 5]);
    bench.write("cut-header.npy", &whole[..20]);
    bench.write("huge.npy", header("'<f4'", "(4000000000000, 1000000)"));
    bench.write("vast.npy", header("'<f4'", "(40000, 128)"));
    bench.write("object.npy", header("'|O'", "(4, 2)"));
    bench.write("ragged.csv", "1,2\n3,4\n5\n7,8\n");
    bench.write("words.csv", "1,2\n3,four\n5,6\n7,8\n");
    bench.write("bad.safetensors", "{}");
    bench.write("x.parquet", "PAR1");
    bench
}

/// An npy file of a header alone.
fn header(descriptor: &str, shape: &str) -> Vec<u8> {
    let mut text = format!("{{'descr': {descriptor}, 'fortran_order': False, 'shape': {shape}, }}");
    while (text.len() + 11) % 64 != 0 {
        text.push(' ');
    }
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

const CASES: &[(&str, &[&str])] = &[
    ("loss --embeddings nan.npy --labels y.npy", &["embeddings[2, 1] is NaN"]),
    ("loss --embeddings inf.npy --labels y.npy", &["embeddings[2, 1] is -inf"]),
    ("loss --embeddings big.npy --labels y.npy", &["row 2 has a squared norm of 1.000e40"]),
    (
        "loss --embeddings x.npy --labels short.npy",
        &["labels have shape [3]", "embeddings have shape [4, 2]"],
    ),
    ("loss --embeddings flat.npy --labels y.npy", &["shape [4]: expected two dimensions"]),
    ("loss --embeddings cube.npy --labels y.npy", &["shape [4, 2, 2]: expected two dimensions"]),
    ("loss --embeddings narrow.npy --labels y.npy", &["shape [4, 0]", "width must be at least 1"]),
    ("loss --embeddings x.npy --labels y.npy --weights w3.npy", &["sample_weight has shape [3]", "[4]"]),
    ("loss --embeddings x.npy --labels y.npy --weights wneg.npy", &["sample_weight[2] is -2"]),
    ("loss --embeddings x.npy --labels y.npy --weights wnan.npy", &["sample_weight[1] is NaN"]),
    ("loss --embeddings x.npy --labels y.npy --margin nan", &["margin is NaN"]),
    ("loss --embeddings x.npy --labels y.npy --margin inf", &["margin is inf"]),
    (
        "loss --embeddings x.npy --labels y.npy --distance cosine",
        &["unknown distance \"cosine\"", "squared-l2"],
    ),
    ("loss --embeddings x.npy --labels y.npy --rule easy", &["unknown rule \"easy\"", "semi-hard"]),
    ("loss --embeddings x.npy --labels y.npy --backend gpu", &["unknown backend \"gpu\"", "scalar"]),
    ("loss --embeddings x.npy --labels y.npy --isa sse9", &["unknown instruction set \"sse9\"", "avx2"]),
    ("loss --embeddings x.npy --labels y.npy --reduction avg", &["unknown reduction \"avg\"", "mean"]),
    ("loss --embeddings x.npy --labels y.npy --threads 0", &["threads is 0"]),
    ("loss --embeddings text.npy --labels y.npy", &["text.npy", "not a readable npy"]),
    ("loss --embeddings cut.npy --labels y.npy", &["cut.npy", "truncated"]),
    ("loss --embeddings cut-header.npy --labels y.npy", &["cut-header.npy"]),
    ("loss --embeddings huge.npy --labels y.npy", &["huge.npy"]),
    ("loss --embeddings vast.npy --labels y.npy", &["vast.npy", "truncated"]),
    ("loss --embeddings object.npy --labels y.npy", &["object.npy", "|O", "object array"]),
    ("loss --embeddings x.npy --labels half.npy", &["label of row 1 is 0.5", "integers"]),
    ("loss --embeddings x.npy --labels x.npy", &["labels have shape [4, 2]"]),
    ("loss --embeddings ragged.csv --labels y.npy", &["ragged.csv", "line 3 has 1 field"]),
    (
        "loss --embeddings words.csv --labels y.npy",
        &["words.csv", "line 2, field 2", "\"four\" is not a number"],
    ),
    ("loss --embeddings bad.safetensors --labels y.npy", &["bad.safetensors", "safetensors"]),
    ("loss --embeddings x.parquet --labels y.npy", &["x.parquet", "not a readable Parquet"]),
    ("loss --embeddings missing.npy --labels y.npy", &["missing.npy", "No such file"]),
    ("loss --embeddings x.npy --labels y.npy --gradient no/such/g.npy", &["cannot write no/such/g.npy"]),
    ("loss --embeddings x.npy --labels y.npy --losses l.npy", &["--reduction none"]),
    (
        "loss --embeddings x.npy --labels y.npy --memory 1k",
        &["of memory at least", "0.00 MB that it may take"],
    ),
    ("bench --batch 0", &["at least 1"]),
    ("bench --reps 0", &["--reps is 0"]),
    ("bench --backends gram,gpu", &["unknown backend \"gpu\""]),
    ("train --epochs 0", &["--epochs is 0"]),
    ("train --rows-per-class 1", &["--rows-per-class is 1"]),
    ("train --epochs 18446744073709551615", &["--epochs is 18446744073709551615", "at most"]),
    ("train --hidden 18446744073709551615", &["--hidden 18446744073709551615", "GB to spare"]),
    ("train --embedding-dim 99999999999", &["--embedding-dim 99999999999 need about 206400", "GB to spare"]),
    ("train --hidden 655360 --embedding-dim 655360", &["--hidden 655360", "6872.0 GB"]),
    ("train --hidden 400000000", &["--hidden 400000000", "GB to spare"]),
    ("train --threads 18446744073709551615", &["threads is 18446744073709551615", "at most"]),
    ("loss --embeddings x.npy --labels y.npy --threads 99999999", &["threads is 99999999", "at most"]),
    ("train --learning-rate nan", &["--learning-rate is NaN"]),
    ("train --held-out 1.5", &["--held-out is 1.5"]),
    ("train --threads 0", &["threads is 0"]),
    ("train --data missing.csv", &["missing.csv"]),
    ("train --data ragged.csv", &["line 3 has 1 field"]),
    ("train --data nan.npy --labels y.npy", &["features[2, 1] is NaN"]),
    ("train --out x.npy", &["cannot make the folder x.npy"]),
];

#[test]
fn every_mistake_is_named_on_one_line_and_leaves_nothing() {
    let bench = bench();
    let before = bench.files();
    for (arguments, fragments) in CASES {
        let outputs = if arguments.starts_with("loss") && !arguments.contains("--gradient") {
            format!("{arguments} --gradient out-g.npy --triplets out-t.npy")
        } else {
            (*arguments).to_owned()
        };
        let run = bench.run(&outputs);
        assert_eq!(run.code, Some(2), "{arguments}: {run:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{arguments}: {}", run.stderr);
        assert!(run.stderr.starts_with("error: "), "{arguments}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{arguments}");
        for fragment in *fragments {
            assert!(run.stderr.contains(fragment), "{arguments}: {:?} is not in {}", fragment, run.stderr);
        }
        assert_eq!(bench.files(), before, "{arguments} left a file");
    }
}

#[test]
fn an_instruction_set_the_cpu_lacks_is_refused() {
    let bench = bench();
    let missing = triplet_api::Isa::ALL.into_iter().filter(|isa| !isa.is_available());
    let mut checked = 0;
    for isa in missing {
        let run = bench.run(&format!("loss --embeddings x.npy --labels y.npy --isa {}", isa.name()));
        assert_eq!(run.code, Some(2), "{run:?}");
        assert!(run.stderr.contains("this CPU cannot run"), "{run:?}");
        checked += 1;
    }
    println!("{checked} instruction sets are missing here");
}

#[test]
fn usage_errors_exit_with_2_too() {
    let bench = Bench::new();
    for arguments in ["", "lose", "loss", "loss --margins 1", "bench --batch many"] {
        assert_eq!(bench.run(arguments).code, Some(2), "{arguments:?}");
    }
}

#[test]
fn degenerate_batches_are_results() {
    let bench = Bench::new();
    for rows in [0_usize, 1, 3] {
        bench.npy("x.npy", &Array2::<f32>::from_elem((rows, 3), 0.5));
        bench.npy("lonely.npy", &Array1::from_iter(0..rows as i64));
        bench.npy("one.npy", &Array1::<i64>::zeros(rows));
        for labels in ["lonely.npy", "one.npy"] {
            let run =
                bench.run(&format!("loss --embeddings x.npy --labels {labels} --gradient g.npy --json"));
            assert_eq!(run.code, Some(0), "{run:?}");
            let expected = if rows == 3 && labels == "one.npy" { 1.0 } else { 0.0 };
            assert_eq!(run.json()["loss"].as_f64(), Some(expected), "{rows} rows, {labels}");
        }
    }
}
