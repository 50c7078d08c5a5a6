//! One array from a file of any format.

use super::number::{Cell, Kind, Numbers, decode};
use anyhow::{Context, Result, anyhow, bail};
use ndarray::ArrayD;
use ndarray_npy::{NpzReader, ReadNpyError, ReadNpyExt, ReadNpzError};
use std::{
    cell::RefCell,
    fs::{self, File},
    io::{self, BufReader},
    path::{Path, PathBuf},
};

/// Reads the array that `spec` names: a path, or `path:name` for one array of an npz
/// or safetensors file. Without a name the file's only array is taken, or the one
/// called `wanted`.
pub(crate) fn array(spec: &Path, wanted: &str) -> Result<Numbers> {
    let (path, name) = split(spec);
    let shown = spec.display();
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let open = || File::open(&path).with_context(|| format!("cannot open {}", path.display()));
    match extension.as_str() {
        "npy" => {
            open()?;
            let read = typed(
                || ArrayD::read_npy(reopen(&path)?),
                || ArrayD::read_npy(reopen(&path)?),
                || ArrayD::read_npy(reopen(&path)?),
            );
            read.map_err(|e| anyhow!("{shown}: {}", sentence(&e)))
        }
        "npz" => {
            let mut npz = NpzReader::new(open()?).map_err(|e| anyhow!("{shown}: not a readable npz: {e}"))?;
            let names = npz.names().map_err(|e| anyhow!("{shown}: {e}"))?;
            let name = choose(&names, name.as_deref(), wanted).with_context(|| format!("{shown}"))?;
            let npz = RefCell::new(npz);
            let read = typed(
                || npz.borrow_mut().by_name(&name).map_err(unwrapped),
                || npz.borrow_mut().by_name(&name).map_err(unwrapped),
                || npz.borrow_mut().by_name(&name).map_err(unwrapped),
            );
            read.map_err(|e| anyhow!("{shown}: array {name:?} {}", sentence(&e)))
        }
        "csv" | "txt" => super::csv::read(BufReader::new(open()?)).with_context(|| format!("{shown}")),
        "safetensors" => {
            let bytes = fs::read(&path).with_context(|| format!("cannot open {}", path.display()))?;
            safetensor(&bytes, name.as_deref(), wanted).with_context(|| format!("{shown}"))
        }
        _ => {
            open()?;
            bail!("{shown}: unknown format {extension:?}: expected .npy, .npz, .csv or .safetensors")
        }
    }
}

/// Splits `file.npz:name`, unless a file of that whole name exists.
fn split(spec: &Path) -> (PathBuf, Option<String>) {
    let text = spec.to_string_lossy();
    if !spec.exists()
        && let Some((path, name)) = text.rsplit_once(':')
        && [".npz", ".safetensors"].iter().any(|extension| path.ends_with(extension))
    {
        return (PathBuf::from(path), Some(name.to_owned()));
    }
    (spec.to_owned(), None)
}

fn choose(names: &[String], name: Option<&str>, wanted: &str) -> Result<String> {
    let all = names.join(", ");
    match (name, names) {
        (Some(name), _) if names.iter().any(|n| n == name) => Ok(name.to_owned()),
        (Some(name), _) => bail!("holds no array {name:?}: it has {all}"),
        (None, [only]) => Ok(only.clone()),
        (None, _) if names.iter().any(|n| n == wanted) => Ok(wanted.to_owned()),
        (None, []) => bail!("holds no arrays"),
        (None, _) => bail!("holds several arrays ({all}): add \":name\" to choose one"),
    }
}

/// Tries the three types in turn: a file says its type only to who reads it.
fn typed(
    single: impl FnOnce() -> Result<ArrayD<Cell<f32>>, ReadNpyError>,
    double: impl FnOnce() -> Result<ArrayD<Cell<f64>>, ReadNpyError>,
    integer: impl FnOnce() -> Result<ArrayD<Cell<i64>>, ReadNpyError>,
) -> Result<Numbers, ReadNpyError> {
    match single() {
        Err(ReadNpyError::WrongDescriptor(_)) => {}
        other => return other.map(|x| Numbers::Single(x.mapv(|cell| cell.0))),
    }
    match double() {
        Err(ReadNpyError::WrongDescriptor(_)) => integer().map(|x| Numbers::Integer(x.mapv(|cell| cell.0))),
        other => other.map(|x| Numbers::Double(x.mapv(|cell| cell.0))),
    }
}

fn reopen(path: &Path) -> io::Result<BufReader<File>> {
    Ok(BufReader::new(File::open(path)?))
}

/// An npz error as that of the array in it.
fn unwrapped(error: ReadNpzError) -> ReadNpyError {
    match error {
        ReadNpzError::Npy(error) => error,
        ReadNpzError::Zip(error) => ReadNpyError::Io(io::Error::other(error)),
    }
}

fn safetensor(bytes: &[u8], name: Option<&str>, wanted: &str) -> Result<Numbers> {
    let tensors = safetensors::SafeTensors::deserialize(bytes).context("not a readable safetensors file")?;
    let names: Vec<String> = tensors.names().into_iter().map(str::to_owned).collect();
    let name = choose(&names, name, wanted)?;
    let tensor = tensors.tensor(&name)?;
    let kind = Kind::from_safetensors(tensor.dtype()).with_context(|| format!("tensor {name:?}"))?;
    let (shape, data) = (tensor.shape().to_vec(), tensor.data());
    if let Some(singles) = decode(kind, data) {
        return Ok(Numbers::Single(ArrayD::from_shape_vec(shape, singles)?));
    }
    if let Some(doubles) = decode(kind, data) {
        return Ok(Numbers::Double(ArrayD::from_shape_vec(shape, doubles)?));
    }
    let integers =
        decode(kind, data).with_context(|| format!("tensor {name:?}: an integer does not fit i64"))?;
    Ok(Numbers::Integer(ArrayD::from_shape_vec(shape, integers)?))
}

/// The words of an npy error, for people who do not know what a descriptor is.
fn sentence(error: &ReadNpyError) -> String {
    match error {
        ReadNpyError::WrongDescriptor(dtype) => {
            let object = matches!(dtype, py_literal::Value::String(s) if s.contains('O'));
            let hint = if object { " (a pickled object array)" } else { "" };
            format!("has dtype {dtype}{hint}: expected a plain array of numbers")
        }
        ReadNpyError::MissingData => {
            "is truncated: it ends before the data that its header promises".to_owned()
        }
        ReadNpyError::ExtraBytes(extra) => format!("has {extra} or more bytes after its data"),
        other => format!("not a readable npy file: {other}"),
    }
}
