//! What is mined with screening, against the reference.

use super::selected;
use crate::{Fused, Inline, Screening, tests::rng};
use fastrand::Rng;
use triplet_core::{
    Batch, Distance, Engine, Identity, Objective, Problem, ProblemBuffers, Rule, Scalar, Triplets,
};

type Maker = fn(&mut Rng, usize, usize) -> f32;

/// Components, by the number of the row's class and of the component.
const KINDS: [(&str, Maker); 9] = [
    ("uniform", |rng, _, _| 2.0 * rng.f32() - 1.0),
    ("clusters", |rng, class, k| ((class * 31 + k * 17) % 23) as f32 + 0.3 * rng.f32()),
    ("tight clusters", |rng, class, k| ((class * 31 + k * 17) % 23) as f32 + 1e-4 * rng.f32()),
    ("collapsed classes", |_, class, k| ((class * 31 + k * 17) % 23) as f32),
    ("all equal", |_, _, _| 0.25),
    ("a lattice with many ties", |rng, _, _| rng.i32(-2..3) as f32),
    ("neighbours in f32", |rng, _, _| f32::from_bits(1.0_f32.to_bits() + rng.u32(..4))),
    ("two far groups", |rng, class, _| if class % 2 == 0 { rng.f32() } else { 50.0 + rng.f32() }),
    ("magnitudes", |rng, _, _| (2.0 * rng.f32() - 1.0) * 10.0_f32.powi(rng.i32(-6..2))),
];

fn mined(engine: &mut dyn Engine<f32>, problem: &Problem<'_, f32>) -> Triplets<f32> {
    let mut triplets = Triplets::default();
    engine.mine(problem, &mut triplets).unwrap();
    triplets
}

#[test]
fn screening_changes_no_bit_of_what_is_mined() {
    let mut screened = [0, 0];
    for (kind, (name, make)) in KINDS.into_iter().enumerate() {
        for (rows, width, size) in [(300, 5, 3), (341, 33, 2), (400, 1, 8), (290, 64, 5)] {
            let mut rng = rng((kind * 10_000 + rows) as u64);
            let mut labels: Vec<i64> = (0..rows).map(|row| (row / size) as i64).collect();
            rng.shuffle(&mut labels);
            let x: Vec<f32> =
                (0..rows * width).map(|i| make(&mut rng, labels[i / width] as usize, i % width)).collect();
            let batch = Batch::new(&x, width, &labels).unwrap();
            for (distance, rule) in [
                (Distance::SquaredL2, Rule::SemiHard),
                (Distance::Angular, Rule::SemiHard),
                (Distance::L2, Rule::SemiHardLiteral),
                (Distance::SquaredL2, Rule::Hard),
            ] {
                let objective = Objective { distance, rule, margin: 0.3 };
                let mut space = ProblemBuffers::default();
                let problem = Problem::new(&batch, objective, &mut space).unwrap();
                let expected = mined(&mut Scalar, &problem);
                for (selected, _) in selected() {
                    let mut engine = Fused::new("simd", selected, Inline);
                    engine.set_screening(Screening::Always);
                    // Again, with what the first call left behind.
                    for call in 0..2 {
                        let found = mined(&mut engine, &problem);
                        let case =
                            format!("{name}, {rows} x {width}, {objective:?}, {selected:?}, call {call}");
                        assert_eq!(found.negatives, expected.negatives, "{case}");
                        assert_eq!(found.positives, expected.positives, "{case}");
                        let bits = |t: &Triplets<f32>| -> Vec<u32> {
                            t.negative_distances.iter().map(|d| d.to_bits()).collect()
                        };
                        assert_eq!(bits(&found), bits(&expected), "{case}");
                    }
                    let pairs = engine.screened();
                    screened[0] += pairs.pairs;
                    screened[1] += pairs.undecided;
                }
            }
        }
    }
    let [pairs, undecided] = screened;
    // Some pairs were decided by their words, or nothing was tested. Many were not: at first every window is wide.
    assert!(selected().is_empty() || (pairs > 1_000_000 && undecided < pairs * 3 / 4), "{screened:?}");
}

/// Candidates that are kept from call to call while some of their rows change: by little, so that the words of the others
/// stay, and by so much that none does.
#[test]
fn screening_changes_no_bit_of_anchors_against_candidates() {
    let mut screened = [0, 0];
    for (kind, (name, make)) in KINDS.into_iter().enumerate() {
        let (anchors, width, size) = (130, 33, 5);
        let mut rng = rng(700 + kind as u64);
        for (distance, rule) in [
            (Distance::SquaredL2, Rule::SemiHard),
            (Distance::Angular, Rule::SemiHardLiteral),
            (Distance::L2, Rule::Hard),
        ] {
            let objective = Objective { distance, rule, margin: 0.3 };
            let labels: Vec<i64> = (0..500).map(|row| row % (500 / size)).collect();
            let mut x: Vec<f32> =
                (0..500 * width).map(|i| make(&mut rng, labels[i / width] as usize, i % width)).collect();
            let (ids, places): (Vec<i64>, Vec<i64>) =
                ((0..anchors).map(|row| 3 * row).collect(), (0..500).collect());
            let mut engines: Vec<Fused<f32>> =
                selected().into_iter().map(|(selected, _)| Fused::new("simd", selected, Inline)).collect();
            for call in 0..6 {
                let factor = if call == 3 { 3.0 } else { 1.0 };
                for row in (10 * call..10 * call + 7).map(|row| 17 * row % 500) {
                    for k in 0..width {
                        x[row * width + k] = factor * make(&mut rng, labels[row] as usize, k);
                    }
                }
                // Rows of zeros are not padding.
                let count = [500, 500, 500, 500, 450, 457][call];
                if call == 5 {
                    x[450 * width..count * width].fill(0.0);
                }
                let candidates = Batch::new(&x[..count * width], width, &labels[..count]).unwrap();
                let queries = Batch::new(&x[..anchors as usize * width], width, &labels[..130]).unwrap();
                let identity = Identity::Ids { anchors: &ids, candidates: &places[..count] };
                let mut space = ProblemBuffers::default();
                let problem =
                    Problem::against([&queries, &candidates], identity, objective, &mut space).unwrap();
                let expected = mined(&mut Scalar, &problem);
                for engine in &mut engines {
                    engine.set_screening(Screening::Always);
                    let found = mined(engine, &problem);
                    // Without printing thousands of triplets.
                    assert!(found == expected, "{name}, {objective:?}, call {call}, {:?}", engine.executed());
                    screened[0] += engine.screened().pairs;
                    screened[1] += engine.screened().undecided;
                }
            }
        }
    }
    let [pairs, undecided] = screened;
    assert!(selected().is_empty() || (pairs > 1_000_000 && undecided < pairs * 3 / 4), "{screened:?}");
}

/// `Auto` leaves small batches alone, and so does `Off` every batch.
#[test]
fn batches_are_screened_as_set() {
    const WIDTH: i64 = 64;
    let Some(&(selected, _)) = selected().last() else { return };
    for (rows, screening, expected) in [
        (2100, Screening::Auto, true),
        (2100, Screening::Off, false),
        (300, Screening::Auto, false),
        (300, Screening::Always, true),
    ] {
        let mut rng = rng(3);
        let labels: Vec<i64> = (0..rows).map(|row| row / 4).collect();
        let x: Vec<f32> =
            (0..rows * WIDTH).map(|i| (i / (4 * WIDTH) * 7919 % 101) as f32 + rng.f32()).collect();
        let batch = Batch::new(&x, WIDTH as usize, &labels).unwrap();
        let objective = Objective { distance: Distance::SquaredL2, rule: Rule::SemiHard, margin: 1.0 };
        let mut space = ProblemBuffers::default();
        let problem = Problem::new(&batch, objective, &mut space).unwrap();
        let mut engine = Fused::<f32>::new("simd", selected, Inline);
        engine.set_screening(screening);
        let with_copies = engine.bytes_needed(&problem, true);
        mined(&mut engine, &problem);
        assert_eq!(engine.screened().pairs > 0, expected, "{rows} rows, {screening:?}");
        engine.allow_copies(false);
        assert_eq!(engine.bytes_needed(&problem, true) < with_copies, expected);
        mined(&mut engine, &problem);
        assert_eq!(engine.screened().pairs, 0);
    }
}

fn floats(rows: usize, width: usize, value: impl FnMut(usize) -> f32) -> Vec<f32> {
    (0..rows * width).map(value).collect()
}

/// A call computes in the mode of the contract, also what it does once for all threads.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[test]
fn exceptions_that_the_caller_traps_are_not_raised() {
    use crate::cpu::float_mode::with_traps;

    let labels: Vec<i64> = (0..2100).map(|row| row / 2).collect();
    let mut rng = rng(9);
    for x in [floats(2100, 64, |_| 0.5), floats(2100, 64, |_| rng.f32())] {
        let batch = Batch::new(&x, 64, &labels).unwrap();
        let objective = Objective { distance: Distance::SquaredL2, rule: Rule::SemiHard, margin: 1.0 };
        let mut space = ProblemBuffers::default();
        let problem = Problem::new(&batch, objective, &mut space).unwrap();
        for (selected, _) in selected() {
            let mut engine = Fused::<f32>::new("simd", selected, Inline);
            let mut triplets = Triplets::default();
            // A trapped exception ends the process.
            with_traps(|| engine.mine(&problem, &mut triplets)).unwrap();
            assert_eq!(triplets.negatives.len(), 2100);
        }
    }
}

#[test]
fn calls_that_screen_nothing_count_nothing() {
    let Some(&(selected, _)) = selected().last() else { return };
    let labels: Vec<i64> = (0..300).map(|row| row / 3).collect();
    let mut rng = rng(11);
    let x = floats(300, 4, |_| rng.f32());
    let batch = Batch::new(&x, 4, &labels).unwrap();
    let objective = Objective { distance: Distance::SquaredL2, rule: Rule::SemiHard, margin: 1.0 };
    let mut space = ProblemBuffers::default();
    let problem = Problem::new(&batch, objective, &mut space).unwrap();
    let mut engine = Fused::<f32>::new("simd", selected, Inline);
    engine.set_screening(Screening::Always);
    mined(&mut engine, &problem);
    assert!(engine.screened().pairs > 0);
    let bytes = engine.least_bytes_in_parts(&problem, false).unwrap();
    engine.run_in_parts(&problem, bytes, &mut Triplets::default(), None).unwrap();
    assert_eq!(engine.screened().pairs, 0);
}
