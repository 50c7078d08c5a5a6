//! Integers: unsigned and signed order, wrapping, masks and what they select.

use crate::{
    cpu::isa::Element,
    lanes::{Kernel, Lanes},
    tests::{Subject, Suite, on_every_isa},
};
use triplet_core::{Real, real::Key};

/// The constants that the searches use and their neighbours; for 64 bits also those that differ in one half.
fn edges<K: Key>() -> Vec<K> {
    let row = K::from_row;
    let named = [K::ZERO, K::END, K::SIGNED_MAX, K::UNREACHABLE, K::MASKED, row(1 << 31), row(u32::MAX)];
    let near = |key: K| [key.wrapping_sub(row(1)), key, key.wrapping_add(row(1))];
    let mut edges: Vec<K> = named.into_iter().flat_map(near).collect();
    edges.push(K::MASKED.wrapping_sub(row(u32::MAX)));
    edges.push(K::SIGNED_MAX.wrapping_sub(row(u32::MAX)));
    edges.push(row(0x1234_5678));
    edges
}

/// Every pair of edges, up to whole vectors; in an order where equal pairs have others beside them.
fn pairs<K: Key>() -> (Vec<K>, Vec<K>) {
    let edges = edges::<K>();
    let count = edges.len();
    let len = (count * count).next_multiple_of(16);
    (0..len).map(|at| (edges[at % count], edges[(at / count + at) % count])).unzip()
}

/// The order of keys as signed integers: those above `SIGNED_MAX` are negative.
fn signed<K: Key>(key: K) -> (bool, K) {
    (key <= K::SIGNED_MAX, key)
}

#[derive(Debug, Clone, Copy)]
enum Op {
    Sub,
    MinUnsigned,
    MaxSigned,
    /// To floats and back.
    Cast,
    /// The first key of each vector in all its lanes.
    Splat,
}

impl Op {
    const ALL: [Self; 5] = [Self::Sub, Self::MinUnsigned, Self::MaxSigned, Self::Cast, Self::Splat];

    fn model<K: Key>(self, a: K, b: K, first: K) -> K {
        match self {
            Self::Sub => a.wrapping_sub(b),
            Self::MinUnsigned if b < a => b,
            Self::MaxSigned if signed(b) > signed(a) => b,
            Self::MinUnsigned | Self::MaxSigned | Self::Cast => a,
            Self::Splat => first,
        }
    }
}

struct Apply<'a, K> {
    op: Op,
    operands: [&'a [K]; 2],
    out: &'a mut [K],
}

impl<T: Real> Kernel<T> for Apply<'_, T::Key> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        for at in (0..self.out.len()).step_by(L::LEN) {
            let [a, b] = self.operands.map(|operand| lanes.load_keys(&operand[at..]));
            let value = match self.op {
                Op::Sub => lanes.sub_keys(a, b),
                Op::MinUnsigned => lanes.min_unsigned(a, b),
                Op::MaxSigned => lanes.max_signed(a, b),
                Op::Cast => lanes.keys(lanes.floats(a)),
                Op::Splat => lanes.splat_key(self.operands[0][at]),
            };
            lanes.store_keys(&mut self.out[at..], value);
        }
    }
}

struct Integers;

impl Suite for Integers {
    const KERNEL: &'static str = "lanes, keys";
    fn run<T: Element>(on: Subject<T>) {
        let (a, b) = pairs::<T::Key>();
        for op in Op::ALL {
            let _case = on.case(|| format!("{op:?}"));
            let mut out = vec![T::Key::SIGNED_MAX; a.len()];
            on.run(Apply { op, operands: [&a, &b], out: &mut out });
            for at in 0..a.len() {
                let first = a[at / on.shape.len * on.shape.len];
                assert_eq!(out[at], op.model(a[at], b[at], first), "{:?}, {:?}", a[at], b[at]);
            }
        }
    }
}

#[test]
fn keys_are_ordered_and_wrap_as_integers() {
    on_every_isa::<Integers>();
}

#[derive(Debug, Clone, Copy)]
enum Comparison {
    AtMost,
    AtLeastSigned,
    Equal,
    /// At most and, as signed integers, at least.
    And,
    /// At most or, as signed integers, at least.
    Or,
}

impl Comparison {
    const ALL: [Self; 5] = [Self::AtMost, Self::AtLeastSigned, Self::Equal, Self::And, Self::Or];

    fn model<K: Key>(self, a: K, b: K) -> bool {
        match self {
            Self::AtMost => a <= b,
            Self::AtLeastSigned => signed(a) >= signed(b),
            Self::Equal => a == b,
            Self::And => a <= b && signed(a) >= signed(b),
            Self::Or => a <= b || signed(a) >= signed(b),
        }
    }
}

/// A comparison's mask of each vector: whether any lane holds, its bits, and what it selects.
struct Compare<'a, K> {
    op: Comparison,
    operands: [&'a [K]; 2],
    yes: &'a [K],
    no: &'a [K],
    masks: Vec<(bool, u32)>,
    out: &'a mut [K],
}

impl<T: Real> Kernel<T> for Compare<'_, T::Key> {
    type Output = Vec<(bool, u32)>;
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(mut self, lanes: L) -> Vec<(bool, u32)> {
        for at in (0..self.out.len()).step_by(L::LEN) {
            let [a, b] = self.operands.map(|operand| lanes.load_keys(&operand[at..]));
            let mask = match self.op {
                Comparison::AtMost => lanes.at_most(a, b),
                Comparison::AtLeastSigned => lanes.at_least_signed(a, b),
                Comparison::Equal => lanes.equal(a, b),
                Comparison::And => lanes.and(lanes.at_most(a, b), lanes.at_least_signed(a, b)),
                Comparison::Or => lanes.or(lanes.at_most(a, b), lanes.at_least_signed(a, b)),
            };
            self.masks.push((lanes.any(mask), lanes.bits(mask)));
            let selected =
                lanes.select(mask, lanes.load_keys(&self.yes[at..]), lanes.load_keys(&self.no[at..]));
            lanes.store_keys(&mut self.out[at..], selected);
        }
        self.masks
    }
}

struct Masks;

impl Suite for Masks {
    const KERNEL: &'static str = "lanes, masks";
    fn run<T: Element>(on: Subject<T>) {
        let (a, mut b) = pairs::<T::Key>();
        // Every value of `yes` and `no` is different, in both halves.
        let yes: Vec<T::Key> = (0..a.len() as u32).map(Key::from_row).collect();
        let no: Vec<T::Key> = yes.iter().map(|&key| T::Key::MASKED.wrapping_sub(key)).collect();
        // Once more with all lanes equal, where `any` and `bits` are all or nothing.
        for round in ["all pairs", "equal pairs"] {
            for op in Comparison::ALL {
                let _case = on.case(|| format!("{op:?}, {round}"));
                let mut out = vec![Key::ZERO; a.len()];
                let compare =
                    Compare { op, operands: [&a, &b], yes: &yes, no: &no, masks: vec![], out: &mut out };
                let masks = on.run(compare);
                assert_eq!(masks.len(), a.len() / on.shape.len);
                for (at, &key) in out.iter().enumerate() {
                    let (vector, lane) = (at / on.shape.len, at % on.shape.len);
                    let holds = op.model(a[at], b[at]);
                    assert_eq!(
                        masks[vector].1 >> lane & 1 == 1,
                        holds,
                        "bit {lane} of {:?}, {:?}",
                        a[at],
                        b[at]
                    );
                    assert_eq!(key, if holds { yes[at] } else { no[at] }, "{:?}, {:?}", a[at], b[at]);
                }
                for (any, bits) in masks {
                    assert_eq!(any, bits != 0, "any of {bits:#b}");
                    assert!(bits >> on.shape.len == 0, "bits beyond the lanes: {bits:#b}");
                }
            }
            b.clone_from(&a);
        }
    }
}

#[test]
fn masks_hold_where_the_comparison_does() {
    on_every_isa::<Masks>();
}
