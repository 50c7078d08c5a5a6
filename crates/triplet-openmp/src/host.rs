//! An OpenMP runtime that the process has loaded, called through the entry points of GNU's, which
//! LLVM's and Intel's have as well.
#![expect(unsafe_code, reason = "functions of a C library, looked up by name")]

use crate::process::is_forked;
use std::{
    any::Any,
    ffi::{CString, c_int, c_uint, c_void},
    mem,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    process, ptr,
    sync::{Mutex, PoisonError},
};

/// PyTorch's library of operations on the CPU.
const TORCH: &str = "libtorch_cpu.so";

/// `GOMP_parallel`: calls a function with an argument on so many threads, by default all.
type Parallel = unsafe extern "C" fn(extern "C" fn(*mut c_void), *mut c_void, c_uint, c_uint);
/// A function of the standard that gives a number.
type Ask = unsafe extern "C" fn() -> c_int;

/// An OpenMP runtime of this process.
///
/// ```
/// // None unless the process runs PyTorch.
/// assert!(triplet_openmp::Host::of_torch().is_none());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Host {
    parallel: Parallel,
    max_threads: Ask,
    level: Ask,
    thread_number: Ask,
    /// The process that it was looked up in.
    process: u32,
}

impl Host {
    /// The runtime that PyTorch's operations run on; none if PyTorch is not loaded or was built without
    /// OpenMP, or if this process was forked.
    #[must_use]
    pub fn of_torch() -> Option<Self> {
        let torch = open(TORCH, libc::RTLD_NOLOAD)?;
        // What is loaded for all comes first, as it does for PyTorch's own calls: a runtime in LD_PRELOAD.
        Self::look_up(libc::RTLD_DEFAULT).or_else(|| Self::look_up(torch))
    }

    /// A runtime by the file name of its library, which is loaded if it is not: for tests.
    #[must_use]
    pub fn load(library: &str) -> Option<Self> {
        Self::look_up(open(library, 0)?)
    }

    /// The entry points that a library or one that it depends on has.
    fn look_up(library: *mut c_void) -> Option<Self> {
        if is_forked() {
            return None;
        }
        let [parallel, max_threads, level, thread_number] =
            ["GOMP_parallel", "omp_get_max_threads", "omp_get_level", "omp_get_thread_num"]
                .map(|name| symbol(library, name));
        // SAFETY: functions of these names have these types in every OpenMP runtime. The libraries that have
        // them are never unloaded: `open` keeps a reference.
        unsafe {
            Some(Self {
                parallel: mem::transmute::<*mut c_void, Parallel>(parallel?),
                max_threads: mem::transmute::<*mut c_void, Ask>(max_threads?),
                level: mem::transmute::<*mut c_void, Ask>(level?),
                thread_number: mem::transmute::<*mut c_void, Ask>(thread_number?),
                process: process::id(),
            })
        }
    }

    /// Threads that a call from this thread may use: what `OMP_NUM_THREADS` or `torch.set_num_threads` says.
    /// None inside of a parallel region and in a child of the process that looked the runtime up.
    #[must_use]
    pub fn threads(self) -> Option<usize> {
        // SAFETY: neither takes an argument, and both may be called from any thread.
        let (level, threads) = unsafe { ((self.level)(), (self.max_threads)()) };
        let usable = level == 0 && self.process == process::id();
        usize::try_from(threads).ok().filter(|&threads| usable && threads > 0)
    }

    /// Opens a parallel region on these threads, or on fewer where the runtime has fewer to give: calls
    /// `first` on the calling thread and `others` on each other one, and returns when all have returned. A
    /// panic goes on in the caller.
    pub fn run(self, mut first: &mut dyn FnMut(), others: &(dyn Fn() + Sync)) {
        let region = Region {
            thread_number: self.thread_number,
            first: ptr::from_mut(&mut first).cast(),
            others,
            panic: Mutex::new(None),
        };
        // SAFETY: `enter` takes a `Region`, which lives until all threads have left it.
        unsafe { (self.parallel)(enter, ptr::from_ref(&region).cast_mut().cast(), 0, 0) };
        if let Some(panic) = region.panic.into_inner().unwrap_or_else(PoisonError::into_inner) {
            resume_unwind(panic);
        }
    }
}

/// What the threads of a region call, and the first panic of one.
struct Region<'a> {
    thread_number: Ask,
    /// A `&mut dyn FnMut()` of the calling thread.
    first: *mut c_void,
    others: &'a (dyn Fn() + Sync),
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

/// Calls what a [`Region`] has for this thread. No panic passes the frames of the C library.
extern "C" fn enter(region: *mut c_void) {
    // SAFETY: `Host::run` passes a `Region` that outlives the parallel one; of what threads share, they only
    // read, and `others` and `panic` may be shared.
    let region = unsafe { &*region.cast::<Region<'_>>() };
    let done = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: inside of a region every thread may ask for its number.
        if unsafe { (region.thread_number)() } == 0 {
            // SAFETY: thread 0 is the calling one, by the standard, and there is one such thread: it has the
            // reference, which `Host::run` does not use meanwhile, for itself.
            let first = unsafe { &mut *region.first.cast::<&mut dyn FnMut()>() };
            first();
        } else {
            (region.others)();
        }
    }));
    if let Err(panic) = done {
        region.panic.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(panic);
    }
}

/// A reference to a library, which is never given back.
fn open(library: &str, flags: c_int) -> Option<*mut c_void> {
    let name = CString::new(library).ok()?;
    // SAFETY: the name ends with a zero. With RTLD_NOLOAD nothing runs; else, constructors of a library
    // that the caller names.
    let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_LAZY | flags) };
    (!handle.is_null()).then_some(handle)
}

/// The address of a function in a library that is open, or in those it depends on.
fn symbol(library: *mut c_void, name: &str) -> Option<*mut c_void> {
    let name = CString::new(name).ok()?;
    // SAFETY: the name ends with a zero; `library` comes from `open`, or is RTLD_DEFAULT.
    let address = unsafe { libc::dlsym(library, name.as_ptr()) };
    (!address.is_null()).then_some(address)
}
