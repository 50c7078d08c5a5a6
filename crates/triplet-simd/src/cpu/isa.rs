//! Which instruction sets there are, which this CPU has, and the one in use.

#[cfg(target_arch = "x86_64")]
use crate::lanes::{avx2, avx512};
use crate::{
    Error, Result,
    cpu::float_mode,
    lanes::{Kernel, Lanes, portable},
};
use core::str::FromStr;
use std::sync::OnceLock;
use triplet_core::{Real, fma};

/// An instruction set that kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Isa {
    /// 128-bit vectors that every target has.
    Portable,
    /// AVX2 and FMA (x86-64, 2013 and later).
    Avx2,
    /// AVX-512F (x86-64 servers).
    Avx512,
}

impl Isa {
    /// Every instruction set, the preferred last.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];
    /// The names [`Isa::from_str`] knows.
    pub const NAMES: &'static str = "portable, avx2, avx512";

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// Whether this CPU (and operating system) can run it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => is_x86_feature_detected!("avx512f"),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => false,
        }
    }

    /// Those that this CPU can run, the preferred last.
    pub fn available() -> impl DoubleEndedIterator<Item = Self> {
        Self::ALL.into_iter().filter(|isa| isa.is_available())
    }
}

impl FromStr for Isa {
    type Err = triplet_core::Error;
    fn from_str(name: &str) -> triplet_core::Result<Self> {
        Self::ALL.into_iter().find(|isa| isa.name() == name).ok_or_else(|| triplet_core::Error::UnknownName {
            what: "instruction set",
            value: name.to_owned(),
            choices: Self::NAMES.to_owned(),
        })
    }
}

/// An instruction set that this CPU has and whose arithmetic was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selected(Isa);

impl Selected {
    /// Checks that the CPU has the instruction set and that its fused multiply-add
    /// gives the known answers, once a process.
    ///
    /// # Errors
    /// [`Error::IsaMissing`], [`Error::LanesUntrustworthy`].
    pub fn new(isa: Isa) -> Result<Self> {
        static CHECKED: [OnceLock<Result<()>>; 3] = [const { OnceLock::new() }; 3];
        if !isa.is_available() {
            let available: Vec<_> = Isa::available().map(Isa::name).collect();
            return Err(Error::IsaMissing { isa: isa.name(), available: available.join(", ") });
        }
        let selected = Self(isa);
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
        self.0
    }

    fn known_answers(self) -> Result<()> {
        let failed = f32::dispatch(self, KnownAnswers(&fma::KNOWN_F32))
            .or_else(|| f64::dispatch(self, KnownAnswers(&fma::KNOWN_F64)));
        failed.map_or(Ok(()), |[a, b, c]| Err(Error::LanesUntrustworthy { isa: self.0.name(), a, b, c }))
    }
}

/// An element type with lanes on every instruction set.
pub trait Element: Real {
    /// A key and a row as one integer, that orders by key, then row.
    type Candidate: Copy + Ord + core::fmt::Debug + Send + Sync;
    /// Above every candidate.
    const NO_CANDIDATE: Self::Candidate;
    /// Puts a candidate together.
    fn pack_candidate(key: Self::Key, row: u32) -> Self::Candidate;
    /// Takes it apart.
    fn unpack_candidate(candidate: Self::Candidate) -> (Self::Key, u32);
    /// Runs a kernel on the lanes of a selected instruction set.
    fn dispatch<K: Kernel<Self>>(selected: Selected, kernel: K) -> K::Output;
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
            // SAFETY: a `Selected` exists only where the CPU has its instruction set.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { avx2::Avx2F32::assume() }.enter(kernel),
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => unsafe { avx512::Avx512F32::assume() }.enter(kernel),
            _ => portable::PortableF32.enter(kernel),
        }
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
            // SAFETY: a `Selected` exists only where the CPU has its instruction set.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { avx2::Avx2F64::assume() }.enter(kernel),
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => unsafe { avx512::Avx512F64::assume() }.enter(kernel),
            _ => portable::PortableF64.enter(kernel),
        }
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
            let mut answers = [T::ZERO; 16];
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

    #[test]
    fn names_read_back() {
        for isa in Isa::ALL {
            assert_eq!(isa.name().parse(), Ok(isa));
        }
        assert!("sse9".parse::<Isa>().unwrap_err().to_string().contains("portable, avx2, avx512"));
    }

    #[test]
    fn every_available_instruction_set_passes_its_check_and_the_best_is_taken() {
        for isa in Isa::available() {
            assert!(Selected::new(isa).is_ok(), "{isa:?}");
        }
        assert_eq!(Some(Selected::best().unwrap().isa()), Isa::available().next_back());
    }

    #[test]
    fn a_missing_instruction_set_is_refused_by_name() {
        for isa in Isa::ALL.into_iter().filter(|isa| !isa.is_available()) {
            assert!(matches!(Selected::new(isa), Err(Error::IsaMissing { .. })));
        }
    }
}
