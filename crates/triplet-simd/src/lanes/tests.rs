//! Every operation of every lane type that runs here, against the same on one element.

use super::{Kernel, Lanes, MAX_LEN};
use crate::isa::{Element, Isa, Selected};
use triplet_core::{Real, real::Key};

/// Keys that comparisons get wrong first: ends of the signed and of the unsigned range, the
/// bits of zeros, subnormals, infinities and NaN, and keys that differ in one half alone.
fn keys<K: Key>() -> Vec<K> {
    let (one, top) = (K::ZERO.next(), K::SIGNED_MAX.next());
    let mut keys = vec![K::ZERO, one, one.next(), K::from_row(u32::MAX), K::from_row(1 << 31)];
    keys.extend([K::END.previous(), K::END, K::END.next(), K::UNREACHABLE, K::SIGNED_MAX]);
    keys.extend([top, top.next(), top.wrapping_add(K::END), K::MASKED.previous(), K::MASKED]);
    keys
}

/// Finite elements, whose products and sums stay finite: both zeros, subnormals, neighbours
/// of one, and values that cancel.
fn reals<T: Real>() -> Vec<T> {
    let tiny = T::from_key(T::Key::ZERO.next());
    let third = T::ONE / T::from_f64(3.0);
    let above = T::from_key(T::ONE.key().next());
    let mut reals = vec![T::ZERO, tiny, third, T::ONE, above, T::from_f64(1e18), T::from_f64(-1.5e-19)];
    reals.extend(reals.clone().into_iter().map(|x| -x));
    reals
}

/// One vector of the values, beginning with one of them; `step` apart.
fn vector<V: Copy>(values: &[V], first: usize, step: usize) -> [V; MAX_LEN] {
    core::array::from_fn(|lane| values[(first + lane * step) % values.len()])
}

/// Two vectors for each pair of values, which meets in a lane that changes from pair to pair.
fn pairs<V: Copy>(values: &[V]) -> impl Iterator<Item = [[V; MAX_LEN]; 2]> {
    let n = values.len();
    (0..n * n).map(move |i| [vector(values, i / n + i, 1), vector(values, i % n + i, 3)])
}

/// As a signed integer's order.
fn signed<K: Key>(key: K) -> K {
    key.wrapping_add(K::SIGNED_MAX.next())
}

struct Check;

impl<T: Real> Kernel<T> for Check {
    type Output = ();
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        integers(lanes);
        masks(lanes);
        floats(lanes);
        moves(lanes);
        outer_product(lanes);
    }
}

fn integers<L: Lanes>(lanes: L) {
    for [a, b] in pairs(&keys::<<L::Real as Real>::Key>()) {
        let (x, y) = (lanes.load_keys(&a), lanes.load_keys(&b));
        let each = |name: &str, got: L::Keys, expected: &dyn Fn(usize) -> <L::Real as Real>::Key| {
            let mut out = [Key::ZERO; MAX_LEN];
            lanes.store_keys(&mut out, got);
            let expected: Vec<_> = (0..L::LEN).map(expected).collect();
            assert_eq!(out[..L::LEN], expected, "{name} of {a:x?} and {b:x?}");
        };
        each("sub_keys", lanes.sub_keys(x, y), &|l| a[l].wrapping_sub(b[l]));
        each("min_unsigned", lanes.min_unsigned(x, y), &|l| a[l].min(b[l]));
        let larger = |l: usize| if signed(a[l]) > signed(b[l]) { a[l] } else { b[l] };
        each("max_signed", lanes.max_signed(x, y), &larger);
        each("splat_key", lanes.splat_key(b[1]), &|_| b[1]);
        let choose = |mask| lanes.select(mask, x, y);
        let (le, ge, eq) = (lanes.at_most(x, y), lanes.at_least_signed(x, y), lanes.equal(x, y));
        let pick = |yes: bool, l: usize| if yes { a[l] } else { b[l] };
        each("at_most", choose(le), &|l| pick(a[l] <= b[l], l));
        each("at_least_signed", choose(ge), &|l| pick(signed(a[l]) >= signed(b[l]), l));
        each("equal", lanes.select(eq, lanes.splat_key(Key::ZERO), y), &|l| {
            if a[l] == b[l] { Key::ZERO } else { b[l] }
        });
        each("and", choose(lanes.and(le, ge)), &|l| pick(a[l] <= b[l] && signed(a[l]) >= signed(b[l]), l));
        each("or", choose(lanes.or(le, ge)), &|l| pick(a[l] <= b[l] || signed(a[l]) >= signed(b[l]), l));
        assert_eq!(Some(lanes.smallest(x)), a[..L::LEN].iter().copied().min(), "smallest of {a:x?}");
        for l in 0..L::LEN {
            // Each lane in turn the only smallest, by its last bit.
            let masked = <L::Real as Real>::Key::MASKED;
            let mut one = [masked; MAX_LEN];
            one[l] = masked.previous();
            assert_eq!(lanes.smallest(lanes.load_keys(&one)), one[l], "smallest in lane {l}");
        }
    }
}

fn masks<L: Lanes>(lanes: L) {
    for pattern in 0..1_u32 << L::LEN {
        let keys: [_; MAX_LEN] = core::array::from_fn(|lane| Key::from_row(pattern >> lane & 1));
        let mask = lanes.equal(lanes.load_keys(&keys), lanes.splat_key(Key::from_row(1)));
        assert_eq!(lanes.bits(mask), pattern);
        assert_eq!(lanes.any(mask), pattern != 0, "{pattern:b}");
    }
}

fn floats<L: Lanes>(lanes: L) {
    let reals = reals::<L::Real>();
    for (i, [a, b]) in pairs(&reals).enumerate() {
        let c = vector(&reals, i, 5);
        let (x, y, z) = (lanes.load(&a), lanes.load(&b), lanes.load(&c));
        let each = |name: &str, got: L::Float, expected: &dyn Fn(usize) -> L::Real| {
            let mut out = [L::Real::ZERO; MAX_LEN];
            lanes.store(&mut out, got);
            // Bits: the sign of zero counts.
            let out: Vec<_> = out[..L::LEN].iter().map(|x| x.key()).collect();
            let expected: Vec<_> = (0..L::LEN).map(|l| expected(l).key()).collect();
            assert_eq!(out, expected, "{name} of {a:?}, {b:?} and {c:?}");
        };
        each("fma", lanes.fma(x, y, z), &|l| a[l].fma(b[l], c[l]));
        each("add", lanes.add(x, y), &|l| a[l] + b[l]);
        each("sub", lanes.sub(x, y), &|l| a[l] - b[l]);
        each("mul", lanes.mul(x, y), &|l| a[l] * b[l]);
        each("max0", lanes.max0(x), &|l| a[l].max0());
        each("splat", lanes.splat(b[1]), &|_| b[1]);
    }
    // The bits of NaN are what masked keys are: nothing above zero.
    let nan = lanes.max0(lanes.floats(lanes.splat_key(Key::MASKED)));
    let mut out = [Key::MASKED; MAX_LEN];
    lanes.store_keys(&mut out, lanes.keys(nan));
    assert_eq!(out[..L::LEN], [Key::ZERO; MAX_LEN][..L::LEN]);
}

fn moves<L: Lanes>(lanes: L) {
    let values: [L::Real; MAX_LEN] = core::array::from_fn(|lane| L::Real::from_f64(lane as f64 + 1.0));
    let stored = |value: L::Float| {
        let mut out = [L::Real::ZERO; MAX_LEN];
        lanes.store(&mut out, value);
        out
    };
    // SAFETY: the array holds at least a vector.
    let loaded = stored(unsafe { lanes.load_at(values.as_ptr()) });
    assert_eq!(loaded[..L::LEN], values[..L::LEN]);
    assert_eq!(loaded[L::LEN..], [L::Real::ZERO; MAX_LEN][L::LEN..], "a store wrote beyond its vector");
    for len in 0..L::LEN {
        let partial = stored(lanes.load_partial(&values[..len]));
        assert_eq!(partial[..len], values[..len]);
        assert_eq!(partial[len..], [L::Real::ZERO; MAX_LEN][len..]);
        let mut out = vec![L::Real::ZERO; len];
        lanes.store_partial(&mut out, lanes.load(&values));
        assert_eq!(out, values[..len]);
    }
}

fn outer_product<L: Lanes>(lanes: L) {
    const ROWS: usize = 8;
    const VECTORS: usize = 3;
    let reals = reals::<L::Real>();
    let rows: [_; ROWS] = core::array::from_fn(|r| reals[r]);
    let columns: [_; VECTORS] = core::array::from_fn(|v| vector(&reals, v, 2));
    let start: [_; ROWS] = core::array::from_fn(|r| vector(&reals, r, 1));
    let mut sums = start.map(|row| [lanes.load(&row); VECTORS]);
    let loaded = columns.map(|column| lanes.load(&column));
    // SAFETY: `rows` holds as many elements as the sums have rows.
    unsafe { lanes.add_outer_product(rows.as_ptr(), &loaded, &mut sums) };
    for (r, sums) in sums.iter().enumerate() {
        for (v, &sum) in sums.iter().enumerate() {
            let mut out = [L::Real::ZERO; MAX_LEN];
            lanes.store(&mut out, sum);
            for l in 0..L::LEN {
                let expected = rows[r].fma(columns[v][l], start[r][l]);
                assert_eq!(out[l].key(), expected.key(), "row {r}, vector {v}, lane {l}");
            }
        }
    }
}

#[test]
fn every_operation_of_every_lane_type_is_that_of_one_element() {
    for isa in Isa::ALL {
        match Selected::new(isa) {
            Ok(selected) => {
                f32::dispatch(selected, Check);
                f64::dispatch(selected, Check);
                println!("{}: f32 and f64", isa.name());
            }
            Err(error) => println!("{}: NOT covered: {error}", isa.name()),
        }
    }
}
