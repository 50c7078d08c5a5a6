//! The configurations of all TFA versions, with the entries and names of 0.23.

use crate::errors::to_exception;
use pyo3::prelude::*;
use triplet_api::{Config, config::Dialect};

/// Reads the JSON of a `get_config` of any TFA version: margin, name of the metric,
/// reduction, name, soft, literal, and the class if the JSON names it.
#[pyfunction]
#[expect(clippy::type_complexity, reason = "a tuple for Python")]
pub(crate) fn read_config(
    json: &str,
    from_0_10: bool,
) -> PyResult<(f64, String, String, Option<String>, Option<bool>, Option<bool>, Option<String>)> {
    let dialect = if from_0_10 { Dialect::V0_10 } else { Dialect::Usual };
    let config = Config::parse(json, dialect).map_err(to_exception)?;
    Ok((
        config.margin,
        config.distance_metric,
        config.reduction,
        config.name,
        config.soft,
        config.literal,
        config.class_name,
    ))
}
