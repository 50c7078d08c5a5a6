//! What a job keeps on disk: the records that are complete, and from time to time its state.
//!
//! | file | what |
//! |---|---|
//! | `settings` | what was asked, and the digests of the inputs: a job of others does not go on from here |
//! | `records` | records, appended |
//! | `state` | the state after a step, with the length and the digest of `records` then; renamed into its place |
//!
//! A state is whole or absent, whenever the process or the machine stops. What `records` has beyond the state's length is cut
//! off, and written again.

use crate::{Error, Job, Record, Result};
use sha2::{Digest, Sha256};
use std::{
    fmt::Write as _,
    fs::{self, File, OpenOptions},
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};
use triplet_core::Real;

/// A folder of a job's own.
///
/// ```
/// use triplet_core::Scalar;
/// use triplet_dataset::{Control, Error, InMemory, Job, Request, Side, WorkFolder};
/// let rows = InMemory::new(&[0.0_f32, 1.0, 1.5, 3.0], 1);
/// let request = Request::of(Side { rows: &rows, labels: &[0, 0, 1, 2] });
/// # let temporary = tempfile::tempdir().unwrap();
/// # let path = temporary.path().join("work");
/// let mut folder = WorkFolder::open(&path, "semi-hard, of these rows", false)?;
/// let mut job = Job::new(request)?;
/// job.run(&mut Scalar, &mut |found| Ok(folder.append(found)?))?;
/// folder.keep(&job)?;
/// drop(folder);
///
/// let mut folder = WorkFolder::open(&path, "semi-hard, of these rows", true)?;
/// let mut job = Job::new(request)?;
/// folder.resume(&mut job)?;
/// assert!(job.is_done());
/// let records: Vec<_> = folder.records::<f32>()?.collect::<triplet_dataset::Result<_>>()?;
/// assert_eq!(records.len(), 2);
/// folder.remove()?;
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct WorkFolder {
    path: PathBuf,
    records: BufWriter<File>,
    /// Of what was appended.
    length: u64,
    digest: Sha256,
    buffer: Vec<u8>,
    /// Held while the process has the folder.
    _lock: File,
}

/// The last line of complete settings.
const END: &str = "\nend of settings\n";

/// The length of a digest in hexadecimal.
const HEX: usize = 64;

impl WorkFolder {
    /// Makes the folder, or goes on with one that an earlier process left, if `resume`.
    ///
    /// # Errors
    /// [`Error::Resume`] if there is one and it is not to be gone on with, if another process has it, or if its settings are
    /// others; what the system says.
    pub fn open(path: &Path, settings: &str, resume: bool) -> Result<Self> {
        let shown = path.display();
        fs::create_dir_all(path).map_err(at(path))?;
        let place = path.join("settings");
        if !place.exists() && fs::read_dir(path).map_err(at(path))?.next().is_some() {
            let text =
                format!("{shown} has files, and not those of a job: name a folder that is empty, or none");
            return Err(Error::Resume(text));
        }
        let settings = format!("{settings}{END}");
        let lock = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&place);
        let mut lock = lock.map_err(at(&place))?;
        match lock.try_lock() {
            Err(fs::TryLockError::WouldBlock) => {
                return Err(Error::Resume(format!("another process is at work in {shown}")));
            }
            // A file system without locks.
            Ok(()) | Err(fs::TryLockError::Error(_)) => {}
        }
        let mut kept = String::new();
        lock.read_to_string(&mut kept).map_err(at(&place))?;
        if !kept.ends_with(END) && settings.starts_with(&kept) {
            // Cut off while it was written, by a full disk: nothing was done yet.
            kept.clear();
        }
        if !kept.is_empty() && !resume {
            let text = format!("{shown} has what a stopped job left: go on with it, or remove the folder");
            return Err(Error::Resume(text));
        }
        if !kept.is_empty() && kept != settings {
            let text =
                format!("{shown} was begun with other settings or inputs: {}", difference(&kept, &settings));
            return Err(Error::Resume(text));
        }
        if kept.is_empty() {
            let written = lock.set_len(0).and_then(|()| lock.rewind());
            let written = written.and_then(|()| lock.write_all(settings.as_bytes()));
            written.and_then(|()| lock.sync_all()).map_err(at(&place))?;
        }
        let place = path.join("records");
        let mut records = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&place);
        if let Ok(file) = &mut records {
            file.seek(SeekFrom::End(0)).map_err(at(&place))?;
        }
        Ok(Self {
            path: path.to_owned(),
            records: BufWriter::with_capacity(1 << 18, records.map_err(at(&place))?),
            length: 0,
            digest: Sha256::new(),
            buffer: Vec::new(),
            _lock: lock,
        })
    }

    /// Takes a job to where the last state is; whether there is one. Cuts off what was appended after it.
    ///
    /// # Errors
    /// [`Error::Resume`] for files that are not as they were left.
    pub fn resume<T: Real>(&mut self, job: &mut Job<'_, T>) -> Result<bool> {
        let (mut length, place) = (0, self.path.join("state"));
        let shown = self.path.display().to_string();
        let broken = |what: &str| Error::Resume(format!("{shown} {what}: remove the folder to begin anew"));
        let found = match fs::read(&place) {
            Ok(bytes) => {
                let body =
                    bytes.len().checked_sub(HEX).ok_or_else(|| broken("has a state that is cut off"))?;
                let (body, digest) = bytes.split_at(body);
                if hexadecimal(Sha256::digest(body).as_ref()).as_bytes() != digest {
                    return Err(broken("has a damaged state"));
                }
                let mut body = body;
                let mut line = [0; 16 + 1 + HEX + 1];
                body.read_exact(&mut line).map_err(|_| broken("has a damaged state"))?;
                let line = str::from_utf8(&line).map_err(|_| broken("has a damaged state"))?;
                let (of_length, of_digest) = (&line[..16], &line[17..17 + HEX]);
                length = u64::from_str_radix(of_length, 16).map_err(|_| broken("has a damaged state"))?;
                self.digest = Sha256::new();
                if self.hash_records(length)? != length
                    || hexadecimal(self.digest.clone().finalize().as_ref()) != of_digest
                {
                    return Err(broken("has records that are not those of its state"));
                }
                job.load(&mut body)?;
                true
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.digest = Sha256::new();
                false
            }
            Err(error) => return Err(at(&place)(error)),
        };
        self.length = length;
        let place = self.path.join("records");
        let file = self.records.get_mut();
        file.set_len(length).and_then(|()| file.seek(SeekFrom::Start(length))).map_err(at(&place))?;
        Ok(found)
    }

    /// Hashes the first records; how many bytes there are of so many.
    fn hash_records(&mut self, length: u64) -> Result<u64> {
        let place = self.path.join("records");
        let file = File::open(&place).map_err(at(&place))?;
        io::copy(&mut BufReader::new(file).take(length), &mut Hashing(&mut self.digest)).map_err(at(&place))
    }

    /// Appends records.
    ///
    /// # Errors
    /// What the system says.
    pub fn append<T: Real>(&mut self, records: &[Record<T>]) -> Result<()> {
        self.buffer.clear();
        for record in records {
            record.write(&mut self.buffer);
        }
        self.records.write_all(&self.buffer).map_err(at(&self.path.join("records")))?;
        self.digest.update(&self.buffer);
        self.length += self.buffer.len() as u64;
        Ok(())
    }

    /// Keeps the state of a job: on disk when this returns.
    ///
    /// # Errors
    /// What the system says; the state before is kept then.
    pub fn keep<T: Real>(&mut self, job: &Job<'_, T>) -> Result<()> {
        let place = self.path.join("records");
        self.records.flush().and_then(|()| self.records.get_ref().sync_data()).map_err(at(&place))?;
        let (place, aside) = (self.path.join("state"), self.path.join("state.partial"));
        let write = || -> io::Result<()> {
            let mut digest = Sha256::new();
            let mut out = Both { file: BufWriter::new(File::create(&aside)?), digest: &mut digest };
            let of_records = hexadecimal(self.digest.clone().finalize().as_ref());
            writeln!(out, "{:016x} {of_records}", self.length)?;
            job.save(&mut out)?;
            let Both { mut file, digest } = out;
            file.write_all(hexadecimal(digest.clone().finalize().as_ref()).as_bytes())?;
            file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
            fs::rename(&aside, &place)?;
            // Makes the rename last, where a folder can be flushed.
            if let Ok(folder) = File::open(&self.path) {
                let _ = folder.sync_all();
            }
            Ok(())
        };
        write().map_err(|error| {
            // Of a full disk, say.
            let _ = fs::remove_file(&aside);
            at(&place)(error)
        })
    }

    /// All records that were appended, in order.
    ///
    /// # Errors
    /// What the system says.
    pub fn records<T: Real>(&mut self) -> Result<impl Iterator<Item = Result<Record<T>>> + use<T>> {
        let place = self.path.join("records");
        self.records.flush().map_err(at(&place))?;
        let mut file = BufReader::with_capacity(1 << 20, File::open(&place).map_err(at(&place))?);
        let mut left = self.length / Record::<T>::BYTES as u64;
        let mut bytes = vec![0; Record::<T>::BYTES];
        Ok(core::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let read = file.read_exact(&mut bytes).map_err(at(&place));
            let damaged = || Error::Resume(format!("{} holds what is no record", place.display()));
            Some(read.and_then(|()| Record::read(&bytes).ok_or_else(damaged)))
        }))
    }

    /// Whether a state was kept, from which a job can go on.
    #[must_use]
    pub fn has_state(&self) -> bool {
        self.path.join("state").exists()
    }

    /// How many records were appended.
    #[must_use]
    pub fn count<T: Real>(&self) -> u64 {
        self.length / Record::<T>::BYTES as u64
    }

    /// Removes the folder, of which nothing is needed any more.
    ///
    /// # Errors
    /// What the system says.
    pub fn remove(self) -> Result<()> {
        for name in ["state", "state.partial", "records", "settings"] {
            let place = self.path.join(name);
            match fs::remove_file(&place) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(&place)(error)),
                _ => {}
            }
        }
        match fs::remove_dir(&self.path) {
            // Others have put files there meanwhile.
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
            removed => removed.map_err(at(&self.path)),
        }
    }
}

/// Which line of the settings is another.
fn difference(kept: &str, now: &str) -> String {
    let differs = kept.lines().zip(now.lines()).find(|(kept, now)| kept != now);
    differs.map_or_else(|| "one has more lines".to_owned(), |(kept, now)| format!("{kept}, where now {now}"))
}

fn at(path: &Path) -> impl Fn(io::Error) -> Error + use<> {
    let path = path.display().to_string();
    move |error| Error::Work { path: path.clone(), error }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

struct Hashing<'a>(&'a mut Sha256);

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes to a file and hashes.
struct Both<'a> {
    file: BufWriter<File>,
    digest: &'a mut Sha256,
}

impl Write for Both<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.digest.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
