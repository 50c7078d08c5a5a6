//! Slices of which one element too far ends the tests: what follows them may not be touched. The operands of kernels
//! that read through pointers are kept in them.

#[cfg(all(unix, not(miri)))]
pub(crate) use pages::Guarded;

/// Elsewhere they are what Miri watches anyway, or unguarded.
#[cfg(not(all(unix, not(miri))))]
pub(crate) type Guarded<T> = Vec<T>;

#[cfg(all(unix, not(miri)))]
#[expect(unsafe_code, reason = "pages and their rights are the system's")]
mod pages {
    use core::{
        ffi::c_void,
        ops::{Deref, DerefMut},
        ptr, slice,
    };

    /// Elements right before a page that may be neither read nor written.
    pub(crate) struct Guarded<T> {
        start: *mut c_void,
        bytes: usize,
        first: *mut T,
        len: usize,
    }

    impl<T: Copy> From<Vec<T>> for Guarded<T> {
        fn from(elements: Vec<T>) -> Self {
            // SAFETY: asks for a number.
            let page =
                usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).expect("the size of a page");
            let usable = size_of_val(&elements[..]).next_multiple_of(page);
            let (rights, kind) =
                (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            // SAFETY: a new mapping, at no address in particular.
            let start = unsafe { libc::mmap(ptr::null_mut(), usable + page, rights, kind, -1, 0) };
            assert_ne!(start, libc::MAP_FAILED, "no memory for {usable} bytes");
            // SAFETY: the mapping has a page after the usable bytes, and the elements fit before it. The page's size
            // is a multiple of an element's alignment, and so is the size of the elements.
            unsafe {
                assert_eq!(libc::mprotect(start.byte_add(usable), page, libc::PROT_NONE), 0, "no guard");
                let first: *mut T = start.byte_add(usable - size_of_val(&elements[..])).cast();
                ptr::copy_nonoverlapping(elements.as_ptr(), first, elements.len());
                Self { start, bytes: usable + page, first, len: elements.len() }
            }
        }
    }

    impl<T> Deref for Guarded<T> {
        type Target = [T];
        fn deref(&self) -> &[T] {
            // SAFETY: the elements that `from` wrote, for as long as the mapping is there.
            unsafe { slice::from_raw_parts(self.first, self.len) }
        }
    }

    impl<T> DerefMut for Guarded<T> {
        fn deref_mut(&mut self) -> &mut [T] {
            // SAFETY: likewise, and nothing else borrows them.
            unsafe { slice::from_raw_parts_mut(self.first, self.len) }
        }
    }

    impl<T> Drop for Guarded<T> {
        fn drop(&mut self) {
            // SAFETY: the mapping that `from` made, of which nothing is borrowed any more.
            unsafe { libc::munmap(self.start, self.bytes) };
        }
    }
}

/// Reads one element too far, in a process of its own.
#[cfg(all(unix, not(miri)))]
mod beyond {
    use super::Guarded;
    use std::{env, os::unix::process::ExitStatusExt, process::Command};

    #[test]
    #[ignore = "ends its process: the test below starts it"]
    #[expect(unsafe_code, reason = "this is what kernels must not do")]
    fn one_too_far() {
        let elements = Guarded::from(vec![1_u32; 5]);
        // SAFETY: none, and the process ends here.
        let beyond = unsafe { elements.as_ptr().add(elements.len()).read_volatile() };
        panic!("read {beyond}");
    }

    #[test]
    fn an_element_too_far_ends_the_process() {
        let mut process = Command::new(env::current_exe().expect("this program"));
        let name = concat!(module_path!(), "::one_too_far");
        let (_, name) = name.split_once("::").expect("the crate's name");
        let ended = process.args(["--exact", name, "--ignored"]).output().expect("a process").status;
        let stopped = ended.signal().is_some_and(|signal| [libc::SIGSEGV, libc::SIGBUS].contains(&signal));
        // AddressSanitizer takes the signal, and ends the process with 1; a test that panics ends it with 101.
        assert!(stopped || ended.code() == Some(1), "{ended}");
    }
}
