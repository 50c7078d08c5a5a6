//! Embeddings of a Parquet file in one column of arrays, read some rows at a time: laid out in a file, row by row, they
//! need not be in memory.

use super::{
    arrays::Role,
    file::File as Input,
    first_lines::{Rows, settle},
    inputs::{Request, labels_of},
    labels::Labels,
    limits::Budget,
    source::shorten,
    tables::{self, Parts},
    understood::Understood,
};
use anyhow::{Context, Result};
use std::{fs::File, io::Read, path::Path};
use triplet_dataset::{Element, FileRows};

/// Rows in a file, and their labels.
pub(crate) struct InFile {
    pub(crate) rows: FileRows,
    pub(crate) labels: Labels,
    pub(crate) understood: Vec<Understood>,
}

/// Reads such a file, whose rows go to a file without a name in `folder`; none if it is another. Columns of single values
/// are read whole.
pub(crate) fn read_in_file(request: Request<'_>, folder: &Path) -> Result<Option<InFile>> {
    let Request { data, labels, args, .. } = request;
    let Some(file) = parquet_file(data) else { return Ok(None) };
    args.check()?;
    let budget = Budget::new(args.max_memory);
    let shown = shorten(&data.display().to_string(), 200);
    let context = || shown.clone();
    let Some(table) = tables::spill_parquet(file, folder, &budget).with_context(context)? else {
        return Ok(None);
    };
    let (count, mut about) = (table.rows, Understood::of(&shown));
    let Parts { features, labels: own, ids, .. } =
        about.parts(table, args, labels.is_some()).with_context(context)?;
    let [column] = &features[..] else { return Ok(None) };
    let Some(rows) = column.spilled() else { return Ok(None) };
    let rows = rows.with_context(context)?;
    about.dtype = if rows.element() == Element::F64 { "f64" } else { "f32" }.into();
    let mut understood = vec![about];
    let file = labels.map(|path| Input::read(path, Role::Labels, true, args, &budget)).transpose()?;
    let names = settle(&[Rows::Known(count), file.as_ref().map_or(Rows::Any, |file| file.rows("=labels"))])?;
    let own = own.map(|(labels, _)| labels);
    let labels = labels_of((file, names[1]), own, &ids, args, &mut understood)?;
    Ok(Some(InFile { rows, labels, understood }))
}

/// A file that is named as Parquet and begins so.
fn parquet_file(path: &Path) -> Option<File> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    // A pipe can be read once, and from its start.
    if !["parquet", "pq"].contains(&extension.as_str()) || !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut file = File::open(path).ok()?;
    let mut magic = [0; 4];
    file.read_exact(&mut magic).ok()?;
    (magic == *b"PAR1").then_some(file)
}
