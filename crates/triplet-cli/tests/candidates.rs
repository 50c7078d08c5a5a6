//! `triplet loss --candidates`: labels, ids and gradients of both sides, and what is refused.

mod support;

use ndarray::{Array2, arr1, arr2};
use ndarray_npy::read_npy;
use support::Bench;

/// Anchors 0 and 1 against 0.5, 2 and 1: see the example of `Loss::evaluate_against`.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.npy("x.npy", &arr2(&[[0.0_f32], [1.0]]));
    bench.npy("c.npy", &arr2(&[[0.5_f32], [2.0], [1.0]]));
    bench.npy("y.npy", &arr1(&[7_i64, 8]));
    bench.npy("cy.npy", &arr1(&[7_i64, 8, 9]));
    bench
}

#[test]
fn candidates_give_loss_triplets_and_both_gradients() {
    let bench = bench();
    let run = bench.run(
        "loss --embeddings x.npy --labels y.npy --candidates c.npy --candidate-labels cy.npy --gradient g.npy \
         --candidate-gradient cg.npy --triplets t.npy --json",
    );
    assert_eq!(run.json()["loss"], 1.0, "{run:?}");
    let of = |name: &str| -> Vec<f32> {
        read_npy::<_, Array2<f32>>(bench.path(name)).unwrap().into_raw_vec_and_offset().0
    };
    assert_eq!((of("g.npy"), of("cg.npy")), (vec![0.5, -1.5], vec![1.0, 1.0, -1.0]));
    let triplets: Array2<i64> = read_npy(bench.path("t.npy")).unwrap();
    assert_eq!(triplets, arr2(&[[0, 0, 2], [1, 1, 0]]));
}

#[test]
fn labels_that_are_text_are_the_same_classes_in_both_files() {
    let bench = bench();
    bench.write("both.csv", "x,label\n0,cat\n1,dog\n");
    // The classes of the other file appear in another order.
    bench.write("others.csv", "x,label\n1,owl\n2,dog\n0.5,cat\n");
    let run = bench.run("loss --embeddings both.csv --candidates others.csv --json");
    assert_eq!(run.json()["loss"], 1.0, "{run:?}");
    assert_eq!(run.json()["positive_pairs"], 2);
}

#[test]
fn a_row_that_is_a_candidate_is_not_compared_with_itself() {
    let bench = bench();
    let batch = "--embeddings c.npy --labels cy2.npy --distance l2";
    bench.npy("cy2.npy", &arr1(&[7_i64, 7, 9]));
    bench.write("ids.csv", "id\na\nb\nc\n");
    let square = bench.run(&format!("loss {batch} --json")).json();
    let itself = format!("loss {batch} --candidates c.npy --candidate-labels cy2.npy --json");
    let own = bench.run(&format!("{itself} --ids ids.csv --candidate-ids ids.csv")).json();
    assert_eq!((&own["loss_bits"], &own["triplets"]), (&square["loss_bits"], &square["triplets"]));
    // Without ids every row is a positive of itself.
    assert_eq!(bench.run(&itself).json()["positive_pairs"], 5);
}

#[test]
fn mistakes_name_the_file_or_flag() {
    let bench = bench();
    bench.npy("wide.npy", &arr2(&[[0.5_f32, 1.0], [2.0, 1.0], [1.0, 1.0]]));
    bench.npy("double.npy", &arr2(&[[0.5_f64], [2.0], [1.0]]));
    bench.npy("bad.npy", &arr2(&[[0.5_f32], [f32::NAN], [1.0]]));
    bench.write("text.csv", "label\ncat\ndog\nowl\n");
    for (flags, message) in [
        ("--candidates c.npy", "no labels"),
        ("--candidates c.npy --candidate-labels y.npy", "the candidates"),
        ("--candidates wide.npy --candidate-labels cy.npy", "the candidates have width 2"),
        ("--candidates double.npy --candidate-labels cy.npy", "double.npy: the batch and the candidates"),
        ("--candidates bad.npy --candidate-labels cy.npy", "bad.npy"),
        ("--candidates c.npy --candidate-labels text.csv", "the labels of the batch are integers but"),
        ("--candidate-labels cy.npy", "--candidates"),
        ("--candidates c.npy --candidate-labels cy.npy --ids y.npy", "--candidate-ids"),
        ("--candidates c.npy --candidate-labels cy.npy --candidate-gradient g.npy", "--gradient"),
        (
            "--candidates c.npy --candidate-labels cy.npy --ids y.npy --candidate-ids y.npy",
            "2 ids for 3 rows",
        ),
        ("--candidates c.npy --candidate-labels cy.npy --backend gram", "gram"),
        ("--candidates missing.npy --candidate-labels cy.npy", "missing.npy"),
    ] {
        let run = bench.run(&format!("loss --embeddings x.npy --labels y.npy {flags}"));
        assert!(run.code != Some(0) && run.stderr.contains(message), "{flags}: {run:?}");
    }
}
