//! JSON lines: one object a row, with numbers, text or arrays of numbers.

use super::{Table, arrow};
use crate::io::{contain::contained, limits::Budget, source::shorten};
use anyhow::{Result, anyhow, bail, ensure};
use arrow_json::{ReaderBuilder, reader::infer_json_schema};
use serde_json::Value;
use std::sync::Arc;

/// Reads JSON lines.
pub(crate) fn read(bytes: &[u8], budget: &Budget) -> Result<Table> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let start = bytes.trim_ascii_start();
    if start.starts_with(b"[") {
        bail!(
            "is one JSON array: write one object a line (pandas: to_json(path, orient=\"records\", lines=True))"
        );
    }
    let mut objects = 0;
    for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        objects += 1;
        check_line(line).map_err(|problem| anyhow!("line {}: {problem}", index + 1))?;
    }
    ensure!(objects > 0, "holds no rows");
    // The objects of a line, as the reader keeps them.
    budget.take((bytes.len() as u64).saturating_mul(2))?;
    contained("JSON lines", || {
        let problem = |error: &dyn std::fmt::Display| {
            anyhow!(
                "not readable as JSON lines of numbers, text and arrays: {}",
                shorten(&error.to_string(), 160)
            )
        };
        let (schema, _) = infer_json_schema(bytes, None).map_err(|error| problem(&error))?;
        let schema = Arc::new(schema);
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

/// A line must be an object; an integer beyond i64 would become a float.
fn check_line(line: &[u8]) -> Result<(), String> {
    let value: Value = serde_json::from_slice(line).map_err(|error| {
        format!("not a JSON object ({}); one object a line is expected", shorten(&error.to_string(), 80))
    })?;
    let Value::Object(fields) = value else {
        return Err("not a JSON object: one object a line is expected".into());
    };
    for (name, value) in &fields {
        if let Value::Number(number) = value
            && number.is_u64()
            && number.as_i64().is_none()
        {
            return Err(format!("{:?} is {number}: integers must be below 2^63", shorten(name, 40)));
        }
    }
    Ok(())
}
