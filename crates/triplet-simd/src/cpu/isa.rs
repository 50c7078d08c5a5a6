//! Which instruction sets there are, which this CPU has, and the one in use.

#[cfg(target_arch = "aarch64")]
use crate::lanes::neon;
#[cfg(target_arch = "x86_64")]
use crate::lanes::{avx2, avx512};
use crate::{
    Error, Result,
    cpu::float_mode,
    lanes::{Kernel, Lanes, MAX_LEN, enter, portable},
    passes::Passes,
    state::State,
};
use std::sync::OnceLock;
use triplet_core::{Real, fma};

triplet_core::named_enum! {
    /// An instruction set that kernels are written for. All of them have a variant on every
    /// architecture, so that a missing one is refused by name. The preferred come last. See the
    /// example of [`crate::cpu`].
    pub enum Isa: "instruction set" {
        /// 128-bit vectors that every target has.
        Portable = "portable",
        /// AVX2 and FMA (x86-64, 2013 and later).
        Avx2 = "avx2",
        /// AVX-512F (x86-64 servers).
        Avx512 = "avx512",
        /// NEON, also called Advanced SIMD (64-bit ARM).
        Neon = "neon",
    }
}

/// The instruction sets of the architecture compiled for: those that there are kernels of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Native {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Isa {
    /// Its kernels, if they were compiled and this CPU (and operating system) runs them.
    fn detect(self) -> Option<Native> {
        match self {
            Self::Portable => Some(Native::Portable),
            // Miri does not run the others' intrinsics.
            Self::Avx2 | Self::Avx512 | Self::Neon if cfg!(miri) => None,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                let found = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
                found.then_some(Native::Avx2)
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => is_x86_feature_detected!("avx512f").then_some(Native::Avx512),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => None,
            #[cfg(target_arch = "aarch64")]
            Self::Neon => std::arch::is_aarch64_feature_detected!("neon").then_some(Native::Neon),
            #[cfg(not(target_arch = "aarch64"))]
            Self::Neon => None,
        }
    }

    /// Whether this CPU (and operating system) can run it.
    #[must_use]
    pub fn is_available(self) -> bool {
        self.detect().is_some()
    }

    /// Those that this CPU can run, the preferred last.
    pub fn available() -> impl DoubleEndedIterator<Item = Self> {
        Self::ALL.into_iter().filter(|isa| isa.is_available())
    }
}

/// An instruction set that this CPU has and whose arithmetic was checked; see the example of
/// [`crate::cpu`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selected(Native);

impl Selected {
    /// Checks that the CPU has the instruction set and that its fused multiply-add
    /// gives the known answers, once a process.
    ///
    /// # Errors
    /// [`Error::IsaMissing`], [`Error::LanesUntrustworthy`].
    pub fn new(isa: Isa) -> Result<Self> {
        static CHECKED: [OnceLock<Result<()>>; Isa::ALL.len()] = [const { OnceLock::new() }; Isa::ALL.len()];
        let Some(native) = isa.detect() else {
            let available: Vec<_> = Isa::available().map(Isa::name).collect();
            return Err(Error::IsaMissing { isa: isa.name(), available: available.join(", ") });
        };
        let selected = Self(native);
        CHECKED[isa as usize]
            .get_or_init(|| float_mode::with_default_mode(|| selected.known_answers()))
            .clone()
            .map(|()| selected)
    }

    /// The fastest that this CPU has.
    ///
    /// # Errors
    /// [`Error::LanesUntrustworthy`] if not even the portable lanes pass their check.
    pub fn best() -> Result<Self> {
        Isa::available()
            .rev()
            .find_map(|isa| Self::new(isa).ok())
            .map_or_else(|| Self::new(Isa::Portable), Ok)
    }

    /// Which it is.
    #[must_use]
    pub fn isa(self) -> Isa {
        match self.0 {
            Native::Portable => Isa::Portable,
            #[cfg(target_arch = "x86_64")]
            Native::Avx2 => Isa::Avx2,
            #[cfg(target_arch = "x86_64")]
            Native::Avx512 => Isa::Avx512,
            #[cfg(target_arch = "aarch64")]
            Native::Neon => Isa::Neon,
        }
    }

    fn known_answers(self) -> Result<()> {
        let failed = f32::dispatch(self, KnownAnswers(&fma::KNOWN_F32))
            .or_else(|| f64::dispatch(self, KnownAnswers(&fma::KNOWN_F64)));
        failed.map_or(Ok(()), |[a, b, c]| Err(Error::LanesUntrustworthy { isa: self.isa().name(), a, b, c }))
    }
}

/// An element type with lanes on every instruction set; see the example of [`Kernel`].
pub trait Element: Real {
    /// A key and a row as one integer, ordered by key, then row.
    type Candidate: Copy + Ord + core::fmt::Debug + Send + Sync;
    /// Above every candidate.
    const NO_CANDIDATE: Self::Candidate;
    /// The candidate of a key and a row.
    fn pack_candidate(key: Self::Key, row: u32) -> Self::Candidate;
    /// The key and the row of a candidate.
    fn unpack_candidate(candidate: Self::Candidate) -> (Self::Key, u32);
    /// Runs a kernel on the lanes of a selected instruction set.
    fn dispatch<K: Kernel<Self>>(selected: Selected, kernel: K) -> K::Output;
    /// The passes of an engine with so many threads.
    #[doc(hidden)]
    fn passes(selected: Selected, threads: usize) -> Box<dyn Passes<Self>>;
}

impl Element for f32 {
    type Candidate = u64;
    const NO_CANDIDATE: u64 = u64::MAX;
    #[inline(always)]
    fn pack_candidate(key: Self::Key, row: u32) -> u64 {
        (u64::from(key) << 32) | u64::from(row)
    }
    #[inline(always)]
    fn unpack_candidate(candidate: u64) -> (Self::Key, u32) {
        ((candidate >> 32) as Self::Key, candidate as u32)
    }
    fn dispatch<K: Kernel<Self>>(selected: Selected, kernel: K) -> K::Output {
        match selected.0 {
            Native::Portable => enter(portable::PortableF32, kernel),
            // SAFETY: `Isa::detect` found the instruction set on this CPU.
            #[cfg(target_arch = "x86_64")]
            Native::Avx2 => enter(unsafe { avx2::Avx2F32::assume() }, kernel),
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Native::Avx512 => enter(unsafe { avx512::Avx512F32::assume() }, kernel),
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            Native::Neon => enter(unsafe { neon::NeonF32::assume() }, kernel),
        }
    }
    fn passes(selected: Selected, threads: usize) -> Box<dyn Passes<Self>> {
        Box::new(State::new(selected, threads))
    }
}

impl Element for f64 {
    type Candidate = u128;
    const NO_CANDIDATE: u128 = u128::MAX;
    #[inline(always)]
    fn pack_candidate(key: Self::Key, row: u32) -> u128 {
        (u128::from(key) << 32) | u128::from(row)
    }
    #[inline(always)]
    fn unpack_candidate(candidate: u128) -> (Self::Key, u32) {
        ((candidate >> 32) as Self::Key, candidate as u32)
    }
    fn dispatch<K: Kernel<Self>>(selected: Selected, kernel: K) -> K::Output {
        match selected.0 {
            Native::Portable => enter(portable::PortableF64, kernel),
            // SAFETY: `Isa::detect` found the instruction set on this CPU.
            #[cfg(target_arch = "x86_64")]
            Native::Avx2 => enter(unsafe { avx2::Avx2F64::assume() }, kernel),
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Native::Avx512 => enter(unsafe { avx512::Avx512F64::assume() }, kernel),
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            Native::Neon => enter(unsafe { neon::NeonF64::assume() }, kernel),
        }
    }
    fn passes(selected: Selected, threads: usize) -> Box<dyn Passes<Self>> {
        Box::new(State::new(selected, threads))
    }
}

/// Finds operands whose fused multiply-add the lanes get wrong.
struct KnownAnswers<'a, T>(&'a [(T, T, T, T)]);

impl<T: Real> Kernel<T> for KnownAnswers<'_, T> {
    type Output = Option<[f64; 3]>;
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) -> Self::Output {
        // `black_box` keeps the compiler from working the answers out itself.
        let vector = |value: T| lanes.splat(core::hint::black_box(value));
        let wrong = self.0.iter().find(|&&(a, b, c, expected)| {
            let mut answers = [T::ZERO; MAX_LEN];
            lanes.store(&mut answers, lanes.fma(vector(a), vector(b), vector(c)));
            // Bits, not values: expected answers are never negative zero or NaN.
            answers[..L::LEN].iter().any(|answer| *answer != expected)
        });
        wrong.map(|&(a, b, c, _)| [a.to_f64(), b.to_f64(), c.to_f64()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use triplet_core::{real::Key, rule::nearer};

    #[test]
    fn names_read_back() {
        for isa in Isa::ALL {
            assert_eq!(isa.name().parse(), Ok(isa));
        }
        assert!("sse9".parse::<Isa>().unwrap_err().to_string().contains(&Isa::ALL.map(Isa::name).join(", ")));
    }

    #[test]
    fn every_available_instruction_set_passes_its_check_and_the_best_is_taken() {
        for isa in Isa::available() {
            assert_eq!(Selected::new(isa).map(Selected::isa), Ok(isa));
        }
        assert_eq!(Some(Selected::best().unwrap().isa()), Isa::available().next_back());
    }

    /// Candidates are compared as integers wherever they are sorted or kept.
    fn candidates_order<T: Element>() {
        let row = T::Key::from_row;
        let keys = [Key::ZERO, row(1), row(u32::MAX >> 1), T::Key::END.previous(), Key::SIGNED_MAX];
        let rows = [0, 1, 2, 1 << 16, i32::MAX as u32 - 2];
        let all = || keys.into_iter().flat_map(|key| rows.map(|row| (key, row)));
        for a in all() {
            let packed = T::pack_candidate(a.0, a.1);
            assert_eq!(T::unpack_candidate(packed), a);
            assert!(packed < T::NO_CANDIDATE);
            for b in all() {
                assert_eq!(packed < T::pack_candidate(b.0, b.1), nearer(a, b), "{a:?} and {b:?}");
            }
        }
    }

    #[test]
    fn candidates_are_ordered_as_the_rule_says() {
        candidates_order::<f32>();
        candidates_order::<f64>();
    }

    #[test]
    fn every_instruction_set_is_known_by_its_number() {
        // `Selected::new` indexes a table by it.
        for (number, isa) in Isa::ALL.into_iter().enumerate() {
            assert_eq!(isa as usize, number);
        }
    }

    /// Its vectors are part of the architecture there.
    #[cfg(target_arch = "aarch64")]
    #[test]
    fn neon_is_chosen_on_64_bit_arm() {
        assert_eq!(Selected::best().unwrap().isa(), Isa::Neon);
    }

    #[test]
    fn a_missing_instruction_set_is_refused_by_name() {
        for isa in Isa::ALL.into_iter().filter(|isa| !isa.is_available()) {
            assert!(matches!(Selected::new(isa), Err(Error::IsaMissing { .. })));
        }
    }
}
