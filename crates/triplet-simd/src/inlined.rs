//! `zip` and `from_fn` of the standard library, inlined under every compiler profile.
//!
//! Generic functions that are not marked `#[inline]` are compiled once a crate, each in the
//! codegen unit of its own module, and calls between codegen units are inlined by link-time
//! optimisation only. Among them are, in `core`, the constructor of `Zip`, its access to
//! chunks, and what `array::from_fn` calls its closure by. In a kernel such a call costs more
//! than the vector it fetches, and its closure is compiled for the target's least CPU, where
//! no intrinsic can be inlined: with `lto = "off"` a call took 13 times as long.
//!
//! Loops that run once a vector, or once a register tile, use these two instead.

/// The items of two collections in pairs, up to the end of the shorter.
#[inline(always)]
pub(crate) fn zip<A: IntoIterator, B: IntoIterator>(a: A, b: B) -> Zip<A::IntoIter, B::IntoIter> {
    Zip { a: a.into_iter(), b: b.into_iter() }
}

/// What [`zip`] returns.
pub(crate) struct Zip<A, B> {
    a: A,
    b: B,
}

impl<A: Iterator, B: Iterator> Iterator for Zip<A, B> {
    type Item = (A::Item, B::Item);

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        Some((self.a.next()?, self.b.next()?))
    }
}

/// The array of what a function returns for each index.
#[inline(always)]
pub(crate) fn from_fn<T: Copy, const N: usize>(mut item: impl FnMut(usize) -> T) -> [T; N] {
    const { assert!(N > 0) };
    let mut items = [item(0); N];
    for (n, place) in items[1..].iter_mut().enumerate() {
        *place = item(n + 1);
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_end_with_the_shorter_side() {
        assert!(zip([1, 2, 3], "ab".chars()).eq([(1, 'a'), (2, 'b')]));
        assert!(zip(&[1, 2], 5..).eq([(&1, 5), (&2, 6)]));
        assert_eq!(zip([0; 0], [1]).next(), None);
    }

    #[test]
    fn an_array_is_filled_in_order_by_one_call_an_item() {
        let mut calls = Vec::new();
        let items: [usize; 4] = from_fn(|n| {
            calls.push(n);
            10 * n
        });
        assert_eq!((items, calls), ([0, 10, 20, 30], vec![0, 1, 2, 3]));
        assert_eq!(from_fn::<_, 1>(|n| n), [0]);
    }
}
