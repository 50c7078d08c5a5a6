//! The bytes of a file as arrays or a table, by its format.

use super::{
    arrays::{Array, Role, npy, npz, safetensors},
    format::Format,
    limits::Budget,
    options::{ReadArgs, Which},
    source::{Source, shorten},
    tables::{self, Reading, Table},
};
use anyhow::{Result, bail, ensure};

/// What a file holds.
pub(super) enum Content {
    /// The array for the role, and the labels of the same archive with their name.
    Arrays(Array, Option<(String, Array)>),
    Text(Reading),
    Table(Table),
}

/// Reads what a file holds for a role; `with_labels` says that labels come from another file.
pub(super) fn content(
    source: Source,
    role: Role,
    with_labels: bool,
    args: &ReadArgs,
    budget: &Budget,
) -> Result<Content> {
    let bytes = source.bytes.as_slice();
    let asked = source.array.as_deref();
    ensure!(
        asked.is_none() || matches!(source.format, Format::Npz | Format::Safetensors),
        "holds no arrays with names: give it without \":{}\"",
        asked.unwrap_or_default()
    );
    let content = match source.format {
        Format::Npy => Content::Arrays(npy::read(bytes, budget)?, None),
        Format::Npz => {
            let read = |asked: Option<&str>, role| npz::read(bytes, asked, role, budget);
            archive(read, &|| npz::names(bytes), &source, role, with_labels, args)?
        }
        Format::Safetensors => {
            let read = |asked: Option<&str>, role| safetensors::read(bytes, asked, role, budget);
            archive(read, &|| safetensors::names_of(bytes), &source, role, with_labels, args)?
        }
        Format::Text => {
            let lower = source.shown.to_ascii_lowercase();
            let plain = lower.strip_suffix(".gz").unwrap_or(&lower);
            let tabs = plain.ends_with(".tsv") || plain.ends_with(".tab");
            let which = match role {
                Role::Features => Which::Data,
                Role::Labels => Which::Labels,
                Role::Weights => Which::Weights,
            };
            Content::Text(Reading::new(bytes, tabs, args.separator, args.first_line(which), role, budget)?)
        }
        Format::Parquet => return Ok(Content::Table(tables::read_parquet(source.bytes, budget)?)),
        Format::ArrowFile => Content::Table(tables::read_file(bytes, budget)?),
        Format::ArrowStream => Content::Table(tables::read_stream(bytes, budget)?),
        Format::JsonLines => Content::Table(tables::read_json(bytes, budget)?),
    };
    source.release(budget);
    Ok(content)
}

/// The array of an archive for a role, and with embeddings their labels.
fn archive(
    read: impl Fn(Option<&str>, Role) -> Result<Option<(String, Array)>>,
    names: &dyn Fn() -> Result<Vec<String>>,
    source: &Source,
    role: Role,
    with_labels: bool,
    args: &ReadArgs,
) -> Result<Content> {
    let Some((name, array)) = read(source.array.as_deref(), role)? else {
        let known = match role {
            Role::Labels => "labels, label, y, target or class",
            _ => "weights or sample_weight",
        };
        bail!("holds several arrays and none called {known}: add \":name\" to choose one")
    };
    if role != Role::Features || with_labels {
        return Ok(Content::Arrays(array, None));
    }
    let labels = read(None, Role::Labels)?.filter(|(other, _)| *other != name);
    // Labels may stand in an array of any name: the last column is no better guess.
    let mut others = names()?;
    others.retain(|other| *other != name);
    if labels.is_none() && args.label_column.is_none() && !others.is_empty() {
        let shown = source.shown.strip_suffix(&format!(":{name}")).unwrap_or(&source.shown);
        // Not the weights.
        let first = others.iter().find(|other| !Role::Weights.is_called(other));
        bail!(
            "array {:?} has the features, and no other array is called labels, label, y, target or class: give --labels \
             {} (the others are {}), or --label-column -1 if its last column has the labels",
            shorten(&name, 40),
            first.map_or_else(|| "FILE".to_owned(), |first| format!("{shown}:{}", shorten(first, 40))),
            shorten(&others.join(", "), 120)
        );
    }
    Ok(Content::Arrays(array, labels))
}
