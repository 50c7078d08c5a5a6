//! What a call takes stays within its budget, at every budget, and its bits stay what they are.

#[path = "support/peak.rs"]
mod peak;

use triplet_api::{
    Backend, BackendOptions, Batch, Distance, Error, Loss, LossSpec, MemoryLimits, Reduction, Rule, Weights,
    Workspace,
};
use triplet_core::Objective;

const WIDTH: usize = 5;

/// Rows and labels, by what is special about them.
fn batches() -> Vec<(&'static str, usize, Vec<f32>, Vec<i64>)> {
    let values = |rows: usize, width: usize| -> Vec<f32> {
        (0..rows * width).map(|i| (i * 7919 % 1013) as f32 / 500.0 - 1.0).collect()
    };
    let labels = |rows: i64, label: &dyn Fn(i64) -> i64| (0..rows).map(label).collect::<Vec<_>>();
    // One row in a class of its own, which all others choose.
    let mut lonely = values(300, WIDTH);
    lonely[..WIDTH].fill(3.0);
    vec![
        ("two classes", WIDTH, values(400, WIDTH), labels(400, &|row| row % 2)),
        ("mixed sizes", WIDTH, values(300, WIDTH), labels(300, &|row| (row as f64).sqrt() as i64)),
        ("classes in a row", 3, values(420, 3), labels(420, &|row| row / 70)),
        ("one class", WIDTH, values(150, WIDTH), labels(150, &|_| 3)),
        ("one row chosen by all", WIDTH, lonely, labels(300, &|row| i64::from(row > 0))),
        ("width 1", 1, values(400, 1), labels(400, &|row| row % 3)),
    ]
}

/// The loss, the gradient and the counts, as bits; and the bytes that the call held at most.
type Answer = (u32, Vec<u32>, [u64; 3]);

fn call(
    spec: LossSpec,
    batch: &Batch<'_, f32>,
    workspace: &mut Workspace<f32>,
    gradient: &mut [f32],
) -> (Result<Answer, Error>, usize) {
    let before = peak::held();
    let with_gradient = !gradient.is_empty();
    let (result, most) = peak::peak_of(|| {
        let result = if with_gradient {
            spec.evaluate_into(batch, Default::default(), gradient, workspace)
        } else {
            spec.forward(batch, Weights::None, workspace)
        };
        result.map(|e| (e.loss().to_bits(), e.statistics()))
    });
    let answer = result.map(|(loss, counts)| {
        let gradient = gradient.iter().map(|g| g.to_bits()).collect();
        (loss, gradient, [counts.violating, counts.fallbacks, counts.triplets])
    });
    (answer, most - before)
}

fn workspace(threads: usize, bytes: usize) -> Workspace<f32> {
    let backend = if threads == 1 { Backend::Simd } else { Backend::Par };
    let options = BackendOptions { backend, isa: None, threads: Some(threads) };
    let limits = MemoryLimits { bytes, ..Default::default() };
    Workspace::new(options).unwrap().with_limits(limits)
}

/// What is allowed once every error's word was taken for what is needed: of the rows, then of the rest.
fn least_needed(spec: LossSpec, batch: &Batch<'_, f32>, gradient: &mut [f32]) -> usize {
    let mut bytes = 100;
    for _ in 0..3 {
        match call(spec, batch, &mut workspace(1, bytes), gradient).0 {
            Err(Error::MemoryBudget { needed, allowed }) => {
                assert!(allowed == bytes && needed > bytes, "{needed} of {bytes}");
                bytes = needed;
            }
            answer => {
                answer.unwrap();
                return bytes;
            }
        }
    }
    panic!("{bytes} bytes are not enough either");
}

// One test: the allocator is the process's.
#[test]
fn a_call_takes_no_more_than_its_budget_and_gives_the_same_bits() {
    let (mut kept, mut in_parts) = (0, 0);
    for (name, width, x, labels) in batches() {
        let batch = Batch::new(&x, width, &labels).unwrap();
        for (distance, rule) in [
            (Distance::SquaredL2, Rule::SemiHard),
            (Distance::L2, Rule::SemiHardLiteral),
            (Distance::Angular, Rule::SemiHard),
            (Distance::L2, Rule::HardSoft),
        ] {
            let objective = Objective { distance, rule, margin: 0.3 };
            let spec = LossSpec { objective, reduction: Reduction::None, require_positives: false };
            for with_gradient in [true, false] {
                let mut gradient = vec![0.0; if with_gradient { x.len() } else { 0 }];
                let expected = call(spec, &batch, &mut workspace(1, usize::MAX), &mut gradient).0.unwrap();
                let least = least_needed(spec, &batch, &mut gradient);
                let refused = call(spec, &batch, &mut workspace(1, least - 1), &mut gradient).0;
                assert_eq!(refused, Err(Error::MemoryBudget { needed: least, allowed: least - 1 }));
                for share in [100, 105, 140, 400, 3000] {
                    for threads in [1, 2] {
                        let bytes = least / 100 * share + least % 100 * share / 100;
                        let mut workspace = workspace(threads, bytes);
                        // Threads of an earlier workspace's pool may still be ending, and their bytes count: what is too
                        // much once is measured again.
                        let mut beyond = None;
                        for _ in 0..3 {
                            workspace = self::workspace(threads, bytes);
                            beyond = None;
                            // Again, with what the first call left behind.
                            for again in 0..2 {
                                gradient.fill(f32::NAN);
                                let before = peak::held();
                                let (answer, taken) = call(spec, &batch, &mut workspace, &mut gradient);
                                let held = peak::held().saturating_sub(before);
                                let case = format!(
                                    "{name}, {objective:?}, gradient {with_gradient}, {share} % of {least} bytes, \
                                     {threads} threads, call {again}: {taken}"
                                );
                                if rule.one_per_anchor() && threads > 1 && answer.is_err() {
                                    // Every worker has buffers of its own, which have no parts.
                                    continue;
                                }
                                assert_eq!(answer.as_ref(), Ok(&expected), "{case}");
                                if taken > bytes || held > bytes {
                                    beyond = Some(case);
                                }
                            }
                            if beyond.is_none() {
                                break;
                            }
                        }
                        assert_eq!(beyond, None);
                        let evaluation = spec.forward(&batch, Weights::None, &mut workspace);
                        if evaluation.is_ok_and(|e| e.keeps_triplets()) { kept += 1 } else { in_parts += 1 }
                    }
                }
            }
        }
    }
    println!("{kept} kept, {in_parts} in parts");
    assert!(kept > 30 && in_parts > 50, "{kept} kept, {in_parts} in parts");
    batches_that_take_turns_share_one_budget();
    distances_that_are_looked_up_are_reckoned_with();
}

/// Triplets of L2 keep distances, and list each choice with its slot.
fn distances_that_are_looked_up_are_reckoned_with() {
    let rows = 3000;
    let x: Vec<f32> = (0..rows * 2).map(|i| (i * 7919 % 10_007) as f32 / 5000.0 - 1.0).collect();
    let labels: Vec<i64> = (0..rows as i64).map(|row| row % 10).collect();
    let batch = Batch::new(&x, 2, &labels).unwrap();
    let objective = Objective { distance: Distance::L2, rule: Rule::SemiHard, margin: 1.0 };
    let spec = LossSpec { objective, reduction: Reduction::Mean, require_positives: false };
    let mut gradient = vec![0.0; x.len()];
    let (expected, all) = call(spec, &batch, &mut workspace(1, usize::MAX), &mut gradient);
    assert!(all > 899_000 * 20, "{all} bytes: distances are not kept");
    for megabytes in [6, 9, 12, 15, 18, 21, 24] {
        let bytes = megabytes << 20;
        let (answer, taken) = call(spec, &batch, &mut workspace(1, bytes), &mut gradient);
        assert_eq!(answer, expected, "{megabytes} MB");
        assert!(taken <= bytes, "{taken} of {megabytes} MB");
    }
}

fn batches_that_take_turns_share_one_budget() {
    let spec = LossSpec {
        objective: Objective { distance: Distance::L2, rule: Rule::SemiHard, margin: 0.3 },
        reduction: Reduction::Mean,
        require_positives: false,
    };
    let batches = batches();
    for bytes in [1_500_000, 6_000_000] {
        let mut one = workspace(1, bytes);
        let before = peak::held();
        for (name, width, x, labels) in batches.iter().chain(batches.iter().rev()) {
            let batch = Batch::new(x, *width, labels).unwrap();
            let (mut gradient, mut expected) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            let plain = call(spec, &batch, &mut workspace(1, usize::MAX), &mut expected).0.unwrap();
            let arrays = peak::held() - before;
            drop(expected);
            let own = arrays - x.len() * 4;
            let (answer, taken) = call(spec, &batch, &mut one, &mut gradient);
            assert_eq!(answer, Ok(plain), "{name}");
            // What the call took on top of what the workspace held before.
            assert!(
                own.saturating_sub(x.len() * 8) + taken <= bytes + x.len() * 8,
                "{name}: {own} and {taken} of {bytes}"
            );
        }
    }
}
