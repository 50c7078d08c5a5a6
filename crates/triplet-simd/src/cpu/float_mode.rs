//! The floating-point mode that the arithmetic contract is written for.
//!
//! Some libraries change how their process, or a thread of it, computes: subnormals are
//! flushed to zero for speed, or rounding goes another way. The same batch would then
//! have other bits. So a call puts the mode that IEEE 754 starts from in place, and what it
//! found back when it ends.

/// Runs `work` rounding to nearest even, with subnormals kept and no exception trapped,
/// whatever this thread is set to; afterwards the thread is set as before.
///
/// ```
/// let tiny = std::hint::black_box(f32::MIN_POSITIVE);
/// assert_eq!(triplet_simd::float_mode::with_default_mode(|| tiny / 2.0).to_bits(), 0x0040_0000);
/// ```
pub fn with_default_mode<R>(work: impl FnOnce() -> R) -> R {
    let _found = Found::replace();
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

#[cfg(target_arch = "x86_64")]
mod mode {
    use core::arch::asm;

    pub(super) type Register = u32;
    /// Every exception masked, nearest even, neither flush-to-zero nor denormals-are-zero.
    pub(super) const DEFAULT: Register = 0x1f80;
    /// Flags of what has happened so far: they change nothing.
    const HAPPENED: Register = 0x3f;

    pub(super) fn is_default(register: Register) -> bool {
        register & !HAPPENED == DEFAULT
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

#[cfg(target_arch = "aarch64")]
mod mode {
    use core::arch::asm;

    pub(super) type Register = u64;
    /// Nearest even, nothing flushed, no exception trapped.
    pub(super) const DEFAULT: Register = 0;

    pub(super) fn is_default(register: Register) -> bool {
        register == DEFAULT
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

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod mode {
    pub(super) type Register = ();
    pub(super) const DEFAULT: Register = ();
    pub(super) fn is_default(_: Register) -> bool {
        true
    }
    pub(super) fn read() -> Register {}
    pub(super) fn write(_: Register) {}
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use core::hint::black_box;

    /// Flush to zero, denormals are zero, and rounding towards zero.
    const HOSTILE: mode::Register = mode::DEFAULT | 0x8040 | 0x6000;

    #[test]
    fn subnormals_live_and_rounding_is_to_nearest_whatever_the_thread_was_set_to() {
        let (tiny, third) = (black_box(f32::MIN_POSITIVE), black_box(3.0_f32));
        mode::write(HOSTILE);
        let outside = (black_box(tiny) / 2.0).to_bits();
        let inside =
            with_default_mode(|| ((black_box(tiny) / 2.0).to_bits(), (2.0 / black_box(third)).to_bits()));
        let after = mode::read() & !0x3f;
        mode::write(mode::DEFAULT);
        assert_eq!(outside, 0, "the mode of this test does not flush");
        assert_eq!(inside, (0x0040_0000, 0x3f2a_aaab));
        assert_eq!(after, HOSTILE, "the thread's mode was not put back");
    }

    #[test]
    fn a_panic_puts_the_mode_back_too() {
        mode::write(HOSTILE);
        let result = std::panic::catch_unwind(|| with_default_mode(|| panic!("on purpose")));
        let after = mode::read() & !0x3f;
        mode::write(mode::DEFAULT);
        assert!(result.is_err());
        assert_eq!(after, HOSTILE);
    }
}
