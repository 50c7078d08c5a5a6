//! JSON lines: one object a row, with numbers, text or arrays of numbers.

use super::{Table, arrow};
use crate::io::{contain::contained, limits::Budget, source::shorten};
use anyhow::{Context, Result, anyhow, bail, ensure};
use arrow_json::{ReaderBuilder, reader::infer_json_schema};
use arrow_schema::Schema;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

/// Reads JSON lines.
pub(crate) fn read(bytes: &[u8], budget: &Budget) -> Result<Table> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let start = bytes.trim_ascii_start();
    if start.starts_with(b"[") {
        bail!(
            "is one JSON array: write one object a line (pandas: to_json(path, orient=\"records\", lines=True))"
        );
    }
    // The objects of a line, as the reader keeps them.
    budget.take((bytes.len() as u64).saturating_mul(2))?;
    let mut objects = 0;
    let mut order = HashMap::new();
    for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        objects += 1;
        let names = names(line).with_context(|| format!("line {}", index + 1))?;
        for name in names {
            let next = order.len();
            order.entry(name).or_insert(next);
        }
    }
    ensure!(objects > 0, "holds no rows");
    contained("JSON lines", || {
        let problem = |error: &dyn std::fmt::Display| {
            anyhow!(
                "not readable as JSON lines of numbers, text and arrays: {}",
                shorten(&error.to_string(), 160)
            )
        };
        let (schema, _) = infer_json_schema(bytes, None).map_err(|error| problem(&error))?;
        // Columns as they appear, so that features have the order of the file.
        let mut fields = schema.fields().to_vec();
        fields.sort_by_key(|field| order.get(field.name()).copied());
        let schema = Arc::new(Schema::new(fields));
        let reader = ReaderBuilder::new(Arc::clone(&schema)).with_batch_size(1024).build(bytes);
        let table = arrow::table(&schema, reader.map_err(|error| problem(&error))?, "JSON lines", budget)?;
        ensure!(
            table.rows == objects,
            "has {objects} lines and {} objects: write one object a line",
            table.rows
        );
        Ok(table)
    })
}

/// The fields of an object, in its order.
struct Object(Vec<(String, Scalar)>);

/// The value of a field, of which only an integer beyond i64 is looked at: what it holds is
/// passed over, not kept.
enum Scalar {
    Beyond(u64),
    Other,
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Looked;
        impl<'de> Visitor<'de> for Looked {
            type Value = Scalar;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
                Ok(if i64::try_from(value).is_ok() { Scalar::Other } else { Scalar::Beyond(value) })
            }
            fn visit_i64<E>(self, _: i64) -> Result<Scalar, E> {
                Ok(Scalar::Other)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Scalar, E> {
                Ok(Scalar::Other)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Scalar, E> {
                Ok(Scalar::Other)
            }
            fn visit_str<E>(self, _: &str) -> Result<Scalar, E> {
                Ok(Scalar::Other)
            }
            fn visit_unit<E>(self) -> Result<Scalar, E> {
                Ok(Scalar::Other)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Scalar, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }
        }
        deserializer.deserialize_any(Looked)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Object;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut fields = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    fields.push(entry);
                }
                Ok(Object(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// Names of a line's fields. The line must be one object; an integer beyond i64 would become
/// a float, and the first of two fields of one name would be lost.
fn names(line: &[u8]) -> Result<Vec<String>> {
    let Object(fields) = serde_json::from_slice(line).map_err(|error| {
        anyhow!("not a JSON object ({}): one object a line is expected", shorten(&error.to_string(), 80))
    })?;
    let mut names: Vec<String> = Vec::with_capacity(fields.len());
    let mut seen = HashSet::with_capacity(fields.len());
    for (name, value) in fields {
        let shown = || shorten(&name, 40);
        if let Scalar::Beyond(number) = value {
            bail!("{:?} is {number}: integers must be below 2^63", shown());
        }
        ensure!(seen.insert(name.clone()), "two fields are called {:?}", shown());
        names.push(name);
    }
    Ok(names)
}
