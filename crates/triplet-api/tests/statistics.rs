//! Counts of triplets: edges worked out by hand, and every backend against a count of its own
//! triplets.

use triplet_api::{Loss, LossSpec, MemoryLimits, Reduction, Statistics, Workspace};
use triplet_core::{Batch, Distance, Objective, Rule};
use triplet_testkit::{contenders, sample};

fn all_engines() -> Vec<(String, Workspace<f32>)> {
    contenders().unwrap().into_iter().map(triplet_testkit::engines::Contender::workspace).collect()
}

fn asked(distance: Distance, rule: Rule, margin: f64) -> LossSpec {
    let objective = Objective { distance, rule, margin };
    LossSpec { objective, reduction: Reduction::Mean, require_positives: false }
}

/// What a batch of squared distances counts.
struct Counted {
    name: &'static str,
    x: &'static [f32],
    width: usize,
    labels: &'static [i64],
    rule: Rule,
    margin: f64,
    counts: Statistics,
}

fn counts(pairs: u64, triplets: u64, violating: u64, fallbacks: u64, lonely: u64) -> Statistics {
    Statistics { positive_pairs: pairs, triplets, violating, fallbacks, anchors_without_negatives: lonely }
}

#[test]
fn counts_worked_out_by_hand() {
    use Rule::{Hard, HardSoft, SemiHard, SemiHardLiteral};
    let case =
        |name, x, labels, rule, margin, counts| Counted { name, x, width: 1, labels, rule, margin, counts };
    let cases = [
        // Anchor 0: 3 + 1 - 4 = 0. Anchor 1: the farthest negative, at 1, stands in: 3 + 1 - 1.
        case("a term of zero", &[0.0, 1.0, 2.0], &[0, 0, 1], SemiHard, 3.0, counts(2, 2, 1, 1, 0)),
        // Terms of 5 without a negative: no triplet is violated.
        case("no negatives", &[0.0, 2.0], &[3, 3], SemiHard, 1.0, counts(2, 2, 0, 0, 2)),
        case("no negatives, hard", &[0.0, 2.0], &[3, 3], Hard, 1.0, counts(2, 2, 0, 0, 2)),
        case("no negatives, soft", &[0.0, 2.0], &[3, 3], HardSoft, 1.0, counts(2, 2, 0, 0, 2)),
        // A batch of one has no pair, and so no row that lacks a negative for one.
        case("one row", &[2.0], &[0], SemiHard, 1.0, counts(0, 0, 0, 0, 0)),
        case("one row, hard", &[2.0], &[0], Hard, 1.0, counts(0, 1, 0, 0, 0)),
        case("no rows", &[], &[], Hard, 1.0, counts(0, 0, 0, 0, 0)),
        case("no pairs", &[0.0, 1.0, 3.0], &[0, 1, 2], SemiHard, 1.0, counts(0, 0, 0, 0, 0)),
        // Three anchors without a positive, whose distance is 0: 1 - 1, 1 - 1 and 1 - 4.
        case("no pairs, hard", &[0.0, 1.0, 3.0], &[0, 1, 2], Hard, 1.0, counts(0, 3, 0, 0, 0)),
        case("no pairs, soft", &[0.0, 1.0, 3.0], &[0, 1, 2], HardSoft, 1.0, counts(0, 3, 3, 0, 0)),
        // The bound is 1 - 2, so that a negative at distance 0 is at the threshold, 0, itself.
        case(
            "at the literal threshold",
            &[0.0, 1.0, 0.0],
            &[0, 0, 1],
            SemiHardLiteral,
            -2.0,
            counts(2, 2, 0, 0, 0),
        ),
        // Bounds 1 + 2: negatives at 4 and, below it, at 1.
        case(
            "below the literal threshold",
            &[0.0, 1.0, 2.0],
            &[0, 0, 1],
            SemiHardLiteral,
            2.0,
            counts(2, 2, 1, 1, 0),
        ),
        // A hard rule takes any negative: the one at distance 0 is no fallback.
        case("hard, at distance zero", &[0.0, 1.0, 0.0], &[0, 0, 1], Hard, 1.0, counts(2, 3, 3, 0, 0)),
        // Row 0 has its positive at 1 and its negative at the float after 1: at the threshold.
        // Row 1 has its negative at 0, nearer than the positive: it stands in.
        Counted {
            name: "at the threshold",
            x: &[0.0, 0.0, 1.0, 0.0, 1.0, 3.452_669_8e-4],
            width: 2,
            labels: &[0, 0, 1],
            rule: SemiHard,
            margin: 0.0,
            counts: counts(2, 2, 1, 1, 0),
        },
    ];
    for (name, mut workspace) in all_engines() {
        for case in &cases {
            let batch = Batch::new(case.x, case.width, case.labels).unwrap();
            let asked = asked(Distance::SquaredL2, case.rule, case.margin);
            let result = asked.evaluate(&batch, &mut workspace).unwrap();
            assert_eq!(result.statistics(), case.counts, "{name}: {}", case.name);
            let share = if case.counts.triplets == 0 {
                0.0
            } else {
                case.counts.violating as f64 / case.counts.triplets as f64
            };
            assert_eq!(result.statistics().violating_fraction(), share, "{name}: {}", case.name);
        }
    }
}

/// Counts over the listed triplets, from what the words of the counts say.
#[test]
fn counts_are_those_of_the_listed_triplets() {
    let seed = 31;
    println!("seed {seed}");
    let mut seen = [0; 3];
    for (name, mut workspace) in all_engines() {
        for number in 0..80 {
            let sample = sample(seed, number);
            let Ok(batch) = Batch::new(&sample.embeddings, sample.width, &sample.labels) else { continue };
            // Not L2: two squares may have one root, and fallbacks are found by squares.
            let distance = [Distance::SquaredL2, Distance::Angular][number as usize % 2];
            let rule = Rule::ALL[number as usize / 2 % Rule::ALL.len()];
            let margin = [0.25_f32, 0.0, 2.0][number as usize / 8 % 3];
            let result = asked(distance, rule, f64::from(margin)).evaluate(&batch, &mut workspace).unwrap();
            let rows_like = |row: usize| sample.labels.iter().filter(|&&l| l == sample.labels[row]).count();
            let rows = sample.labels.len();
            let mut expected = Statistics {
                positive_pairs: (0..rows).map(|row| rows_like(row) as u64 - 1).sum(),
                anchors_without_negatives: (0..rows).filter(|&row| rows_like(row) == rows && rows > 1).count()
                    as u64,
                ..Statistics::default()
            };
            // In parts there are none to count.
            let Ok(triplets) = result.triplets() else { continue };
            for triplet in triplets {
                expected.triplets += 1;
                if triplet.negative.is_none() {
                    continue;
                }
                let (near, far) = (triplet.positive_distance, triplet.negative_distance);
                let beyond = match rule {
                    Rule::SemiHard => far > near,
                    Rule::SemiHardLiteral => far > near + margin,
                    Rule::Hard | Rule::HardSoft => true,
                };
                expected.violating += u64::from(rule.term(margin, near, far).value > 0.0);
                expected.fallbacks += u64::from(!beyond);
            }
            assert_eq!(result.statistics(), expected, "{name}: {}, {distance:?}, {rule:?}", sample.name);
            seen[0] += expected.violating;
            seen[1] += expected.triplets - expected.violating;
            seen[2] += expected.fallbacks;
        }
    }
    println!("violating, not violating, fallbacks: {seen:?}");
    assert!(seen.iter().all(|&count| count > 10_000), "{seen:?}");
}

/// The engines, with distances kept and with none kept.
fn both_memories() -> impl Iterator<Item = (String, Workspace<f32>)> {
    let none = MemoryLimits { distances: 0, ..MemoryLimits::default() };
    // What works in parts does so because of its limits.
    let whole = all_engines().into_iter().filter(|(name, _)| !is_in_parts(name));
    let without = whole.map(move |(name, w)| (format!("{name}, none kept"), w.with_limits(none)));
    all_engines().into_iter().chain(without)
}

fn is_in_parts(name: &str) -> bool {
    name.ends_with("in windows") || name.ends_with("noted")
}

#[test]
fn sampled_distances_are_those_of_pairs_that_exist() {
    use Rule::{Hard, SemiHard};
    type Case = (&'static [f32], &'static [i64], Rule, &'static [f32], &'static [f32]);
    let cases: [Case; 5] = [
        // No negative at all, and none is listed.
        (&[0.0, 2.0, 5.0], &[3, 3, 3], SemiHard, &[2.0, 5.0, 2.0, 3.0, 5.0, 3.0], &[]),
        (&[0.0, 2.0, 5.0], &[3, 3, 3], Hard, &[5.0, 3.0, 5.0], &[]),
        // No positive, and none is listed.
        (&[0.0, 2.0, 5.0], &[1, 2, 3], Hard, &[], &[2.0, 2.0, 3.0]),
        (&[0.0, 2.0, 5.0], &[1, 2, 1], Hard, &[5.0, 5.0], &[2.0, 3.0, 2.0]),
        // Beyond 5 there is no negative: the farthest stands in, at 2 and at 3.
        (&[0.0, 2.0, 5.0], &[1, 2, 1], SemiHard, &[5.0, 5.0], &[2.0, 3.0]),
    ];
    for (name, mut workspace) in both_memories() {
        for (x, labels, rule, near, far) in cases {
            let batch = Batch::new(x, 1, labels).unwrap();
            let result = asked(Distance::L2, rule, 1.0).evaluate(&batch, &mut workspace).unwrap();
            let sorted = |mut values: Vec<f32>| {
                values.sort_by(f32::total_cmp);
                values
            };
            let Ok((positives, negatives)) = result.sample_distances(100) else {
                assert!(is_in_parts(&name), "{name}");
                continue;
            };
            assert_eq!(sorted(positives), sorted(near.to_vec()), "{name}: {labels:?}, {rule:?}");
            assert_eq!(sorted(negatives), sorted(far.to_vec()), "{name}: {labels:?}, {rule:?}");
            // Every second or third triplet: no more than asked for, at least one if there is one.
            for most in [1, 2] {
                let (positives, negatives) = result.sample_distances(most).unwrap();
                assert!(positives.len() <= most && negatives.len() <= most, "{name}: {labels:?}, {rule:?}");
                assert!(!(positives.is_empty() && negatives.is_empty()), "{name}: {labels:?}");
            }
        }
    }
}
