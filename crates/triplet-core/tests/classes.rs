//! Classes: numbered by first appearance, told apart by all 64 bits of their labels.

use triplet_core::Classes;

/// Class of each row, and their number, in the plainest way.
fn by_first_appearance(labels: &[i64]) -> (Vec<u32>, usize) {
    let mut seen: Vec<i64> = Vec::new();
    let classes = labels.iter().map(|&label| {
        let known = seen.iter().position(|&other| other == label);
        known.unwrap_or_else(|| {
            seen.push(label);
            seen.len() - 1
        }) as u32
    });
    (classes.collect(), seen.len())
}

#[track_caller]
fn check(classes: &mut Classes, labels: &[i64]) {
    classes.rebuild(labels);
    let (expected, count) = by_first_appearance(labels);
    assert_eq!(classes.count(), count);
    let found: Vec<u32> =
        classes.positions().iter().map(|&position| classes.class_of()[position as usize]).collect();
    assert_eq!(found, expected);
    let mut order: Vec<u32> = (0..labels.len() as u32).collect();
    order.sort_by_key(|&row| expected[row as usize]);
    assert_eq!(classes.order(), order);
    let sizes = (0..count as u32).map(|class| expected.iter().filter(|&&c| c == class).count());
    assert_eq!(classes.largest(), sizes.max().unwrap_or(0));
}

#[test]
fn classes_are_numbered_by_first_appearance_whatever_the_order_of_their_labels() {
    let mut classes = Classes::default();
    check(&mut classes, &[]);
    check(&mut classes, &[3, 2, 1, 0, 1, 2, 3]);
    check(&mut classes, &[0, 1, 2, 3, 3, 0]);
    check(&mut classes, &[i64::MAX, -1, i64::MIN, 0, -1, i64::MIN, i64::MAX]);
    // Down and up again, more labels than any small table has places.
    let labels: Vec<i64> = (0..500).rev().chain(0..600).collect();
    check(&mut classes, &labels);
}

#[test]
fn labels_that_share_half_of_their_bits_are_different() {
    let mut classes = Classes::default();
    // So many that most meet another label on the way to their place in a table.
    let high: Vec<i64> = (0..1000).rev().map(|i| i << 32 | 7).collect();
    check(&mut classes, &high);
    assert_eq!(classes.count(), 1000);
    let low: Vec<i64> = (0..1000).rev().map(|i| 7 << 32 | i).collect();
    check(&mut classes, &low);
    assert_eq!(classes.count(), 1000);
    // The two halves of a label are not interchangeable either.
    let swapped: Vec<i64> = (0..1000).map(|i| if i % 2 == 0 { i << 32 | 1 } else { 1 << 32 | i }).collect();
    check(&mut classes, &swapped);
}

/// Labels whose hashes are all the same: the grouping must not take quadratic time, and must
/// give the same classes.
#[test]
fn labels_made_to_collide_are_grouped_all_the_same() {
    let labels: Vec<i64> = colliding(2000).into_iter().cycle().take(5000).collect();
    check(&mut Classes::default(), &labels);
}

/// Distinct labels, in no order, whose products with the multiplier of Fibonacci hashing have
/// no high bits: `label ^ (label >> 32)` is a small number times its inverse modulo 2^64.
fn colliding(count: usize) -> Vec<i64> {
    let multiplier = 0x9e37_79b9_7f4a_7c15_u64;
    // Newton's iteration doubles the number of right bits, three at the start.
    let inverse = (0..5).fold(multiplier, |inverse, _| {
        inverse.wrapping_mul(2_u64.wrapping_sub(multiplier.wrapping_mul(inverse)))
    });
    assert_eq!(multiplier.wrapping_mul(inverse), 1);
    let folded = (1_u64..).map(|small| small.wrapping_mul(inverse)).filter(|folded| folded >> 63 == 0);
    folded.map(|folded| (folded ^ folded >> 32) as i64).take(count).collect()
}
