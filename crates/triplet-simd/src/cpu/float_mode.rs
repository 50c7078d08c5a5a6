//! The floating-point mode that the arithmetic contract is written for.
//!
//! Some libraries change how their process, or a thread of it, computes: subnormals are
//! flushed to zero for speed, or results are rounded in another direction. The same batch would
//! then have other bits. So a call sets IEEE 754's default mode, and restores the mode that it
//! found when it ends.

/// Runs `work` rounding to nearest even, with subnormals kept and no exception trapped,
/// whatever this thread is set to; afterwards the thread is set as before.
///
/// ```
/// // Half of the smallest normal number is subnormal, and not flushed to zero.
/// let tiny = std::hint::black_box(f32::MIN_POSITIVE);
/// assert_eq!(triplet_simd::float_mode::with_default_mode(|| tiny / 2.0).to_bits(), 0x0040_0000);
/// ```
pub fn with_default_mode<R>(work: impl FnOnce() -> R) -> R {
    let _found = Found::replace();
    apart(work)
}

/// Runs a test with every exception of the floating-point unit trapped, as `feenableexcept` sets it.
#[cfg(all(test, not(miri), target_arch = "x86_64"))]
pub(crate) fn with_traps<R>(work: impl FnOnce() -> R) -> R {
    let _found = Found(Some(mode::read()));
    mode::write(0);
    apart(work)
}

/// Not inlined, so that no arithmetic moves across the change of mode.
#[inline(never)]
fn apart<R>(work: impl FnOnce() -> R) -> R {
    work()
}

/// What the control register held, if it had to be changed.
struct Found(Option<mode::Register>);

impl Found {
    fn replace() -> Self {
        let found = mode::read();
        if mode::is_default(found) {
            return Self(None);
        }
        mode::write(mode::DEFAULT);
        Self(Some(found))
    }
}

impl Drop for Found {
    fn drop(&mut self) {
        if let Some(found) = self.0 {
            mode::write(found);
        }
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod mode {
    use core::arch::asm;

    pub(super) type Register = u32;
    /// Every exception masked, nearest even, neither flush-to-zero nor denormals-are-zero.
    pub(super) const DEFAULT: Register = 0x1f80;
    /// Flags of exceptions raised so far: they change no result.
    const HAPPENED: Register = 0x3f;

    pub(super) fn is_default(register: Register) -> bool {
        without_flags(register) == DEFAULT
    }

    pub(super) fn without_flags(register: Register) -> Register {
        register & !HAPPENED
    }

    #[inline(always)]
    pub(super) fn read() -> Register {
        let mut register = 0;
        // SAFETY: stores the 32 bits of MXCSR to a local of that size.
        unsafe { asm!("stmxcsr [{}]", in(reg) &mut register, options(nostack, preserves_flags)) };
        register
    }

    #[inline(always)]
    pub(super) fn write(register: Register) {
        // SAFETY: loads MXCSR from a local, with a value read from it or the architecture's
        // initial one, so that no reserved bit is set.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &register, options(nostack, preserves_flags)) };
    }
}

#[cfg(all(target_arch = "aarch64", not(miri)))]
mod mode {
    use core::arch::asm;

    pub(super) type Register = u64;
    /// Nearest even, nothing flushed, no exception trapped; and, where the CPU has
    /// FEAT_AFP, no alternative behaviour (AH, FIZ and NEP).
    pub(super) const DEFAULT: Register = 0;

    pub(super) fn is_default(register: Register) -> bool {
        register == DEFAULT
    }

    /// FPCR holds no flags of what has happened: FPSR does.
    #[cfg(test)]
    pub(super) fn without_flags(register: Register) -> Register {
        register
    }

    #[inline(always)]
    pub(super) fn read() -> Register {
        let register;
        // SAFETY: FPCR is readable at every privilege level.
        unsafe { asm!("mrs {}, fpcr", out(reg) register, options(nostack, nomem, preserves_flags)) };
        register
    }

    #[inline(always)]
    pub(super) fn write(register: Register) {
        // SAFETY: a value read from FPCR, or its initial one.
        unsafe { asm!("msr fpcr, {}", in(reg) register, options(nostack, preserves_flags)) };
    }
}

// Miri cannot run inline assembly, and itself computes in the default mode.
#[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod mode {
    pub(super) type Register = ();
    pub(super) const DEFAULT: Register = ();
    pub(super) fn is_default(_: Register) -> bool {
        true
    }
    pub(super) fn read() -> Register {}
    pub(super) fn write(_: Register) {}
}

#[cfg(all(test, not(miri), any(target_arch = "x86_64", target_arch = "aarch64")))]
mod tests {
    use super::*;
    use core::hint::black_box;

    /// Half of the smallest normal number, and two thirds: their bits in the mode of now.
    fn computed() -> (u32, u32) {
        let (tiny, two, three) = black_box((f32::MIN_POSITIVE, 2.0_f32, 3.0_f32));
        ((tiny / two).to_bits(), (two / three).to_bits())
    }

    const DEFINED: (u32, u32) = (0x0040_0000, 0x3f2a_aaab);
    const FLUSHED: (u32, u32) = (0, 0x3f2a_aaab);
    const TRUNCATED: (u32, u32) = (0x0040_0000, 0x3f2a_aaaa);

    /// A bit of the mode, and what `computed` answers under it.
    type Setting = (&'static str, mode::Register, (u32, u32));

    #[cfg(target_arch = "x86_64")]
    const SETTINGS: &[Setting] = &[
        ("results flushed to zero", 0x8000, FLUSHED),
        ("operands flushed to zero", 0x0040, DEFINED),
        ("rounding down", 0x2000, TRUNCATED),
        ("rounding up", 0x4000, DEFINED),
        ("rounding towards zero", 0x6000, TRUNCATED),
        ("all of it", 0xe040, (0, 0x3f2a_aaaa)),
    ];

    #[cfg(target_arch = "aarch64")]
    const SETTINGS: &[Setting] = &[
        ("FZ: flushed to zero", 1 << 24, FLUSHED),
        ("RMode: rounding up", 1 << 22, DEFINED),
        ("RMode: rounding down", 2 << 22, TRUNCATED),
        ("RMode: rounding towards zero", 3 << 22, TRUNCATED),
        ("DN: one NaN for all", 1 << 25, DEFINED),
        ("FZ16: half precision flushed to zero", 1 << 19, DEFINED),
        ("FIZ: operands flushed to zero", 1, DEFINED),
        ("AH: alternative rules", 1 << 1, DEFINED),
        ("NEP: scalar operations keep the upper lanes", 1 << 2, DEFINED),
        ("FZ and RMode", 1 << 24 | 3 << 22, (0, 0x3f2a_aaaa)),
    ];

    #[test]
    fn every_setting_of_a_thread_is_replaced_and_put_back() {
        let mut covered = 0;
        for &(name, bits, expected) in SETTINGS {
            let hostile = mode::DEFAULT | bits;
            mode::write(hostile);
            let taken = mode::without_flags(mode::read()) == hostile;
            let outside = computed();
            let inside = with_default_mode(|| (mode::is_default(mode::read()), computed()));
            let after = mode::without_flags(mode::read());
            let panicked =
                std::panic::catch_unwind(|| with_default_mode(|| std::panic::resume_unwind(Box::new(()))));
            let after_panic = mode::without_flags(mode::read());
            mode::write(mode::DEFAULT);
            if !taken {
                println!("NOT covered: this CPU has no {name}");
                continue;
            }
            covered += 1;
            assert_eq!(outside, expected, "{name}: not what it does to arithmetic");
            assert_eq!(inside, (true, DEFINED), "{name} went on inside");
            assert_eq!(after, hostile, "{name} was not put back");
            assert!(panicked.is_err());
            assert_eq!(after_panic, hostile, "{name} was not put back after a panic");
        }
        println!("{covered} of {} settings covered", SETTINGS.len());
        assert!(covered >= 5, "flushing and every direction of rounding are settings that all CPUs have");
    }
}
