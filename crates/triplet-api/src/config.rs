//! `get_config` and `from_config`, with the names of every TFA version.
//!
//! The names changed between versions: up to TFA 0.9 there is no `distance_metric`
//! and the distance is squared; in 0.10.0 `"L2"` (the default) is squared and
//! `"L1"` is Euclidean; from 0.11 on `"L2"` (the default) is Euclidean and
//! `"squared-L2"` squared. A config cannot say which version wrote it, so the
//! caller of [`Config::parse`] may. Written are the names of 0.23.

use crate::{Error, Reduction, Result, TripletHardLoss, TripletSemiHardLoss, loss::LossSpec};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use triplet_core::{Distance, Rule};

/// The configuration of a loss, as JSON stores it.
///
/// ```
/// use triplet_api::{Config, Distance, Loss, TripletSemiHardLoss, config::Dialect};
/// let json = r#"{"name": "triplet", "margin": 0.5, "distance_metric": "L2"}"#;
/// let config = Config::parse(json, Dialect::Usual)?;
/// let loss = TripletSemiHardLoss::from_config(&config)?;
/// assert_eq!((loss.margin, loss.distance), (0.5, Distance::L2));
///
/// // Written again, and read again.
/// let json = loss.config().to_json();
/// assert_eq!(TripletSemiHardLoss::from_config(&Config::parse(&json, Dialect::Usual)?)?, loss);
///
/// let error = Config::parse(r#"{"margins": 0.5}"#, Dialect::Usual).unwrap_err();
/// assert!(error.to_string().contains("margins"));
/// # Ok::<(), triplet_api::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub struct Config {
    /// How rows are summed: `none`, `sum`, `sum_over_batch_size`.
    pub reduction: String,
    /// The name a user gave the loss.
    pub name: Option<String>,
    /// The margin.
    pub margin: f64,
    /// `squared-L2`, `L2` or `angular`.
    pub distance_metric: String,
    /// The soft margin of a hard loss; absent for the semi-hard one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soft: Option<bool>,
    /// The literal rule of a semi-hard loss; absent unless it is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub literal: Option<bool>,
    /// `TripletSemiHardLoss` or `TripletHardLoss`, where the JSON said so.
    #[serde(skip)]
    pub class_name: Option<String>,
}

/// Which TFA wrote a config, where its names do not tell.
///
/// ```
/// use triplet_api::{Config, Distance, TripletHardLoss, config::Dialect};
/// let json = r#"{"class_name": "Addons>TripletHardLoss", "config": {"soft": true, "distance_metric": "L2"}}"#;
/// let distance = |dialect| {
///     let config = Config::parse(json, dialect)?;
///     assert_eq!(config.class_name.as_deref(), Some("TripletHardLoss"));
///     Ok::<_, triplet_api::Error>(TripletHardLoss::from_config(&config)?.distance)
/// };
/// assert_eq!(distance(Dialect::Usual)?, Distance::L2);
/// assert_eq!(distance(Dialect::V0_10)?, Distance::SquaredL2);
/// # Ok::<(), triplet_api::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// Any version but 0.10.0: `"L2"` is Euclidean.
    #[default]
    Usual,
    /// TFA 0.10.0: `"L2"` is squared.
    V0_10,
}

const KEYS: &str = "reduction, name, margin, distance_metric, soft, literal";

impl Config {
    pub(crate) fn of(spec: LossSpec, class_name: &str) -> Self {
        let objective = spec.objective;
        let reduction = match spec.reduction {
            Reduction::Mean => "sum_over_batch_size",
            Reduction::Sum => "sum",
            Reduction::None => "none",
        };
        let (soft, literal) = match objective.rule {
            Rule::SemiHard => (None, None),
            Rule::SemiHardLiteral => (None, Some(true)),
            Rule::Hard => (Some(false), None),
            Rule::HardSoft => (Some(true), None),
        };
        Self {
            reduction: reduction.to_owned(),
            name: None,
            margin: objective.margin,
            distance_metric: metric_name(objective.distance).to_owned(),
            soft,
            literal,
            class_name: Some(class_name.to_owned()),
        }
    }

    /// Reads the JSON of `get_config`, or of a serialised loss
    /// (`{"class_name": "Addons>TripletSemiHardLoss", "config": {...}}`).
    ///
    /// # Errors
    /// JSON that is no object, a key that is not read, a value of the wrong type.
    pub fn parse(json: &str, dialect: Dialect) -> Result<Self> {
        let value = serde_json::from_str(json).map_err(|e| Error::ConfigSyntax { reason: e.to_string() })?;
        Self::from_value(value, dialect)
    }

    /// Reads a parsed JSON value; see [`Config::parse`].
    ///
    /// # Errors
    /// As [`Config::parse`].
    pub fn from_value(value: Value, dialect: Dialect) -> Result<Self> {
        let Value::Object(mut map) = value else {
            return Err(Error::ConfigSyntax { reason: format!("found {}", kind(&value)) });
        };
        let mut class_name = None;
        if let Some(config) = map.remove("config") {
            class_name = string(&mut map, "class_name")?.map(|name| name.replace("Addons>", ""));
            let Value::Object(inner) = config else {
                return Err(wrong("config", &config, "an object"));
            };
            // Keras adds these around a config; they carry nothing of ours.
            for key in ["module", "registered_name", "build_config"] {
                map.remove(key);
            }
            refuse_rest(&map)?;
            map = inner;
        }
        let config = Self {
            reduction: string(&mut map, "reduction")?.unwrap_or_else(|| "none".to_owned()),
            name: string(&mut map, "name")?,
            margin: number(&mut map, "margin")?.unwrap_or(1.0),
            distance_metric: metric(string(&mut map, "distance_metric")?, dialect)?,
            soft: boolean(&mut map, "soft")?,
            literal: boolean(&mut map, "literal")?,
            class_name,
        };
        refuse_rest(&map)?;
        config.reduction()?;
        Ok(config)
    }

    /// The JSON of TFA 0.23's `get_config`.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    fn reduction(&self) -> Result<Reduction> {
        Ok(self.reduction.parse()?)
    }

    fn distance(&self) -> Result<Distance> {
        Ok(self.distance_metric.parse()?)
    }
}

impl TryFrom<Value> for Config {
    type Error = Error;
    fn try_from(value: Value) -> Result<Self> {
        Self::from_value(value, Dialect::Usual)
    }
}

impl TripletSemiHardLoss {
    /// The loss that a configuration describes.
    ///
    /// # Errors
    /// A name that is none of the choices, or the key of another loss.
    pub fn from_config(config: &Config) -> Result<Self> {
        if config.soft.is_some() {
            return Err(Error::UnknownConfigKey { key: "soft".to_owned(), known: KEYS });
        }
        Ok(Self {
            margin: config.margin,
            distance: config.distance()?,
            literal: config.literal.unwrap_or(false),
            reduction: config.reduction()?,
            require_positives: false,
        })
    }
}

impl TripletHardLoss {
    /// The loss that a configuration describes.
    ///
    /// # Errors
    /// A name that is none of the choices, or the key of another loss.
    pub fn from_config(config: &Config) -> Result<Self> {
        if config.literal.is_some() {
            return Err(Error::UnknownConfigKey { key: "literal".to_owned(), known: KEYS });
        }
        Ok(Self {
            margin: config.margin,
            soft: config.soft.unwrap_or(false),
            distance: config.distance()?,
            reduction: config.reduction()?,
            require_positives: false,
        })
    }
}

/// The name of 0.23.
fn metric_name(distance: Distance) -> &'static str {
    match distance {
        Distance::SquaredL2 => "squared-L2",
        Distance::L2 => "L2",
        Distance::Angular => "angular",
    }
}

/// The name of 0.23 for what a version's metric means.
fn metric(name: Option<String>, dialect: Dialect) -> Result<String> {
    let distance = match (name.as_deref(), dialect) {
        (None, _) | (Some("L2"), Dialect::V0_10) => Distance::SquaredL2,
        (Some("L1"), _) => Distance::L2,
        (Some(name), _) => {
            let known = Distance::ALL.into_iter().find(|&distance| metric_name(distance) == name);
            known.ok_or_else(|| triplet_core::Error::UnknownName {
                what: "distance_metric",
                value: name.to_owned(),
                choices: format!("{} (and L1 of TFA 0.10)", Distance::ALL.map(metric_name).join(", ")),
            })?
        }
    };
    Ok(metric_name(distance).to_owned())
}

fn refuse_rest(map: &Map<String, Value>) -> Result<()> {
    map.keys().next().map_or(Ok(()), |key| Err(Error::UnknownConfigKey { key: key.clone(), known: KEYS }))
}

fn string(map: &mut Map<String, Value>, key: &str) -> Result<Option<String>> {
    match map.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(wrong(key, &other, "a string")),
    }
}

fn number(map: &mut Map<String, Value>, key: &str) -> Result<Option<f64>> {
    let Some(value) = map.remove(key) else { return Ok(None) };
    value.as_f64().map(Some).ok_or_else(|| wrong(key, &value, "a number"))
}

fn boolean(map: &mut Map<String, Value>, key: &str) -> Result<Option<bool>> {
    let Some(value) = map.remove(key) else { return Ok(None) };
    value.as_bool().map(Some).ok_or_else(|| wrong(key, &value, "true or false"))
}

fn wrong(key: &str, found: &Value, expected: &'static str) -> Error {
    Error::ConfigType { key: key.to_owned(), found: format!("{} {found}", kind(found)), expected }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "the boolean",
        Value::Number(_) => "the number",
        Value::String(_) => "the string",
        Value::Array(_) => "the array",
        Value::Object(_) => "the object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Loss;
    use triplet_core::Objective;

    fn distance(json: &str, dialect: Dialect) -> Distance {
        let config = Config::parse(json, dialect).unwrap();
        TripletSemiHardLoss::from_config(&config).unwrap().distance
    }

    #[test]
    fn every_version_of_tfa_is_read_as_it_meant_it() {
        let seed = r#"{"reduction": "none", "name": null, "margin": 1.0}"#;
        assert_eq!(distance(seed, Dialect::Usual), Distance::SquaredL2);
        assert_eq!(distance(r#"{"distance_metric": "L2"}"#, Dialect::Usual), Distance::L2);
        assert_eq!(distance(r#"{"distance_metric": "L2"}"#, Dialect::V0_10), Distance::SquaredL2);
        assert_eq!(distance(r#"{"distance_metric": "L1"}"#, Dialect::Usual), Distance::L2);
        assert_eq!(distance(r#"{"distance_metric": "angular"}"#, Dialect::Usual), Distance::Angular);
        let wrapped = r#"{"class_name": "Addons>TripletHardLoss", "config": {"soft": true, "margin": 0.5}}"#;
        let config = Config::parse(wrapped, Dialect::Usual).unwrap();
        assert_eq!(config.class_name.as_deref(), Some("TripletHardLoss"));
        assert!(TripletHardLoss::from_config(&config).unwrap().soft);
    }

    #[test]
    fn a_config_written_is_a_config_read() {
        let loss = TripletSemiHardLoss { margin: 0.25, distance: Distance::Angular, ..Default::default() };
        let config = Config::parse(&loss.config().to_json(), Dialect::Usual).unwrap();
        assert_eq!(TripletSemiHardLoss::from_config(&config), Ok(loss));
        let loss = TripletHardLoss { soft: true, reduction: Reduction::Sum, ..Default::default() };
        let config: Config = serde_json::from_str(&loss.config().to_json()).unwrap();
        assert_eq!(TripletHardLoss::from_config(&config), Ok(loss));
        // Digits that a parser which rounds twice reads as the next f64.
        let loss = TripletHardLoss { margin: 1.840_000_000_021_146_2e19, ..loss };
        let config = Config::parse(&loss.config().to_json(), Dialect::Usual).unwrap();
        assert_eq!(TripletHardLoss::from_config(&config), Ok(loss));
    }

    #[test]
    fn every_distance_rule_and_reduction_is_read_as_it_was_written() {
        for (distance, rule) in Distance::ALL.into_iter().flat_map(|d| Rule::ALL.map(|r| (d, r))) {
            for reduction in Reduction::ALL {
                let objective = Objective { distance, rule, margin: 0.25 };
                let spec = LossSpec { objective, reduction, require_positives: false };
                let written = spec.config();
                let read = Config::parse(&written.to_json(), Dialect::Usual).unwrap();
                let semi_hard = TripletSemiHardLoss::from_config(&read).map(|loss| loss.spec());
                let hard = TripletHardLoss::from_config(&read).map(|loss| loss.spec());
                let found = match written.class_name.as_deref() {
                    Some("TripletSemiHardLoss") => semi_hard,
                    Some("TripletHardLoss") => hard,
                    other => panic!("{spec:?} is the configuration of {other:?}"),
                };
                assert_eq!(found, Ok(spec));
            }
        }
    }

    #[test]
    fn mistakes_are_refused_by_key() {
        let parse = |json| Config::parse(json, Dialect::Usual).unwrap_err().to_string();
        assert!(parse(r#"{"margins": 1}"#).contains("unknown config key \"margins\""));
        assert!(parse(r#"{"margin": "1"}"#).contains("config key \"margin\" holds the string \"1\""));
        assert!(parse(r#"{"name": 3}"#).contains("expected a string"));
        assert!(parse(r#"{"distance_metric": "cosine"}"#).contains("cosine"));
        assert!(parse(r#"{"reduction": "avg"}"#).contains("avg"));
        assert!(parse("[1]").contains("the array"));
        assert!(parse("{").contains("not a JSON object"));
    }
}
