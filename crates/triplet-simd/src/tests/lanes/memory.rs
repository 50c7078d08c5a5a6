//! Loads, stores, partial vectors and the reduction: which elements are touched, and in which order.

use crate::{
    cpu::isa::Element,
    lanes::{Kernel, Lanes},
    tests::{Subject, Suite, data::components, on_every_isa, rng},
};
use triplet_core::{Real, real::Key};

/// Copies `from` to `to`, whole vectors or fewer elements.
struct Copy<'a, T> {
    from: &'a [T],
    to: &'a mut [T],
    by_pointer: bool,
}

impl<T: Real> Kernel<T> for Copy<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        if self.from.len() < L::LEN {
            lanes.store_partial(self.to, lanes.load_partial(self.from));
            return;
        }
        let value = if self.by_pointer {
            // SAFETY: `from` holds at least `LEN` elements, as was just tested.
            unsafe { lanes.load_at(self.from.as_ptr()) }
        } else {
            lanes.load(self.from)
        };
        lanes.store(self.to, value);
    }
}

/// Stores the whole vector that a shorter bucket is loaded to.
struct Partial<'a, T> {
    from: &'a [T],
    out: &'a mut [T],
}

impl<T: Real> Kernel<T> for Partial<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        lanes.store(self.out, lanes.load_partial(self.from));
    }
}

/// The smallest of one vector of keys.
struct Smallest<'a, K>(&'a [K]);

impl<T: Real> Kernel<T> for Smallest<'_, T::Key> {
    type Output = T::Key;
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) -> T::Key {
        lanes.smallest(lanes.load_keys(self.0))
    }
}

struct Memory;

impl Suite for Memory {
    const KERNEL: &'static str = "lanes, memory";
    fn run<T: Element>(on: Subject<T>) {
        let len = on.shape.len;
        let values = components::<T>(&mut rng(2), 2 * len + 1);
        // An odd address, shorter buckets, and more behind a whole vector than it holds.
        for (count, by_pointer) in
            (0..=len).map(|count| (count, false)).chain([(len + 1, false), (len, true)])
        {
            let _case = on.case(|| format!("{count} elements, by pointer {by_pointer}"));
            let from = &values[1..=count];
            let mut to = vec![T::from_f64(7.0); count];
            on.run(Copy { from, to: &mut to, by_pointer });
            let whole = count.min(len);
            assert_eq!(to[..whole], from[..whole]);
            assert!(to[whole..].iter().all(|&value| value == T::from_f64(7.0)), "written beyond a vector");
            if count < len {
                let mut out = vec![T::from_f64(7.0); len];
                on.run(Partial { from, out: &mut out });
                assert_eq!(out[..count], *from);
                assert!(
                    out[count..].iter().all(|&value| value.key() == T::Key::ZERO),
                    "not padded with zeros: {out:?}"
                );
            }
        }
        // The smallest in every lane in turn, among keys that are smaller as signed integers.
        for lane in 0..len {
            for least in [T::Key::ZERO, T::Key::SIGNED_MAX, T::Key::UNREACHABLE] {
                let _case = on.case(|| format!("the smallest, {least:?}, in lane {lane}"));
                let mut keys: Vec<T::Key> =
                    (0..len as u32).map(|at| T::Key::MASKED.wrapping_sub(Key::from_row(at % 3))).collect();
                keys[lane] = least;
                assert_eq!(on.run(Smallest(&keys)), least);
            }
        }
    }
}

#[test]
fn vectors_hold_the_elements_they_are_loaded_from() {
    on_every_isa::<Memory>();
}

/// Loads and stores of buckets one element too short, by number.
struct TooShort<T>(usize, Vec<T>);

impl<T: Real> Kernel<T> for TooShort<T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(mut self, lanes: L) {
        let mut keys = vec![T::Key::ZERO; L::LEN - 1];
        let floats = &mut self.1[..L::LEN - 1];
        match self.0 {
            0 => drop(core::hint::black_box(lanes.load(floats))),
            1 => lanes.store(floats, lanes.splat(T::ONE)),
            2 => drop(core::hint::black_box(lanes.load_keys(&keys))),
            _ => lanes.store_keys(&mut keys, lanes.splat_key(T::Key::ZERO)),
        }
    }
}

struct Short;

impl Suite for Short {
    const KERNEL: &'static str = "lanes, short buckets";
    fn run<T: Element>(on: Subject<T>) {
        for operation in 0..4 {
            let _case = on.case(|| format!("load, store, load_keys, store_keys: number {operation}"));
            assert!(on.refuses(TooShort(operation, vec![T::ZERO; 16])));
        }
    }
}

#[test]
fn slices_shorter_than_a_vector_are_refused() {
    on_every_isa::<Short>();
}
