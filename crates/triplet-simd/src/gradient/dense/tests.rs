//! What tables count of two and three classes of different sizes, against the triplets one by one.

use super::{
    super::source::Mined,
    BLOCK, ByBlock, PairCounts,
    by_block::END,
    counts::{RowCounts, Tables},
};
use crate::{executor::Inline, scratch::Scratch};
use std::collections::BTreeMap;
use triplet_core::{
    Batch, Distance, Engine, GradientInputs, GradientScale, Objective, Problem, ProblemBuffers, Rule, Scalar,
    Triplets,
};

/// Rows that are no multiple of a block.
const ROWS: usize = 3 * BLOCK + 5;

/// Mines rows on a line, of so many classes; negatives far away leave some triplets without a gradient.
fn with_triplets(classes: usize, check: impl Fn(Mined<'_, f32>, &Triplets<f32>)) {
    let values: Vec<f32> = (0..ROWS).map(|row| (row * 997 % 1009) as f32 * 0.01).collect();
    // The first class has every other row.
    let labels: Vec<i64> =
        (0..ROWS).map(|row| if row % 2 == 0 { 0 } else { (1 + row % classes) as i64 }).collect();
    let batch = Batch::new(&values, 1, &labels).unwrap();
    let objective = Objective { distance: Distance::L2, rule: Rule::SemiHard, margin: 0.5 };
    let mut buffers = ProblemBuffers::default();
    let problem = Problem::new(&batch, objective, &mut buffers).unwrap();
    let mut triplets = Triplets::default();
    Scalar.mine(&problem, &mut triplets).unwrap();
    let scale = GradientScale::new(Distance::L2, 1.0, 1.0, None);
    check(GradientInputs { problem: &problem, triplets: &triplets, scale }.into(), &triplets);
}

/// Counts and ranking values of the pairs `(anchor, other)`, as the triplets of the anchor have them.
fn counted(mined: &Mined<'_, f32>, triplets: &Triplets<f32>) -> BTreeMap<(usize, usize), (i32, f32)> {
    let problem = mined.problem;
    let order = problem.classes().order();
    let mut pairs = BTreeMap::new();
    for position in 0..ROWS {
        let others: Vec<usize> =
            problem.classes().span(position).filter(|&other| other != position).collect();
        for (rank, slot) in problem.slots().of(position).enumerate() {
            if triplets.has_gradient(problem, position, rank) {
                let positive = (order[others[rank]] as usize, 1, triplets.positive_distances[slot]);
                let negative = (triplets.negatives[slot] as usize, -1, triplets.negative_distances[slot]);
                for (other, count, value) in [positive, negative] {
                    let pair = pairs.entry((order[position] as usize, other)).or_insert((0, value));
                    pair.0 += count;
                }
            }
        }
    }
    pairs
}

#[test]
fn every_choice_is_listed_once_under_its_anchor() {
    for parts in [1, 2, 7] {
        with_triplets(3, |mined, triplets| {
            let mut by_block = ByBlock::default();
            let mut scratches: Vec<Scratch<f32>> = (0..parts).map(|_| Scratch::default()).collect();
            by_block.rebuild(&mined, true, &Inline, &mut scratches);
            let mut found = BTreeMap::new();
            for block in 0..ROWS.div_ceil(BLOCK) {
                let mut anchors = 0;
                for chosen in by_block.of(block) {
                    let mut anchor = chosen.first;
                    for (&place, &value) in chosen.places.iter().zip(chosen.values) {
                        if place == END {
                            anchor += 1;
                            anchors += 1;
                        } else {
                            let pair = (anchor, block * BLOCK + usize::from(place));
                            found.entry(pair).or_insert((0, value)).0 -= 1;
                        }
                    }
                }
                assert_eq!(anchors, ROWS, "{parts} parts: every anchor's list ends");
            }
            let mut expected = counted(&mined, triplets);
            expected.retain(|_, &mut (count, _)| count < 0);
            assert!(expected.len() > ROWS);
            assert_eq!(found, expected, "{parts} parts");
        });
    }
}

#[test]
fn tables_hold_the_counts_of_both_rows_of_a_pair() {
    for (classes, weighted, valued) in
        [(2, false, true), (3, true, true), (2, true, false), (3, false, false), (2, false, true)]
    {
        with_triplets(classes, |mined, triplets| {
            let case = format!("{classes} classes, weighted {weighted}, valued {valued}");
            let mut by_block = ByBlock::default();
            by_block.rebuild(&mined, valued, &Inline, &mut [Scratch::default(), Scratch::default()]);
            let expected = counted(&mined, triplets);
            let mut counts = PairCounts::default();
            for first in (0..ROWS).step_by(BLOCK) {
                let block = first..ROWS.min(first + BLOCK);
                counts.count(&mined, &by_block, block.clone(), Tables { weighted, valued });
                for row in block {
                    let RowCounts { own, other, values } = counts.of(row - first);
                    for m in 0..ROWS {
                        let (mine, theirs) = (expected.get(&(row, m)), expected.get(&(m, row)));
                        let [mine_counted, theirs_counted] =
                            [mine, theirs].map(|pair| pair.map_or(0, |pair| pair.0));
                        let found = (own[m] as i32, other.get(m).map_or(0, |&count| count as i32));
                        let sums = if weighted {
                            (mine_counted, theirs_counted)
                        } else {
                            (mine_counted + theirs_counted, 0)
                        };
                        assert_eq!(found, sums, "{case}: {row} with {m}");
                        if let (true, Some((_, value))) = (valued, mine.or(theirs)) {
                            assert_eq!(values[m], *value, "{case}: the value of {row} with {m}");
                        }
                    }
                    own.fill(0);
                    other.fill(0);
                }
            }
        });
    }
}
