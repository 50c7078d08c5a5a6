//! Configurations: what was read, written and read again is equal, in every dialect.

use triplet_api::{Config, Loss, TripletHardLoss, TripletSemiHardLoss, config::Dialect};

/// Reads text as a configuration.
pub(crate) fn run(bytes: &[u8]) {
    let Ok(json) = str::from_utf8(bytes) else { return };
    let read = |json: &str, dialect| Config::parse(json, dialect);
    for dialect in [Dialect::Usual, Dialect::V0_10] {
        let Ok(config) = read(json, dialect) else { continue };
        // The class is told by the keys of `config`, and is not written.
        let again = same(&config, &config.to_json());
        assert_eq!(again.to_json(), config.to_json());
        if let Ok(loss) = TripletSemiHardLoss::from_config(&config) {
            let written = loss.config();
            assert_eq!(TripletSemiHardLoss::from_config(&written), Ok(loss), "{written:?}");
            same(&written, &written.to_json());
        }
        if let Ok(loss) = TripletHardLoss::from_config(&config) {
            let written = loss.config();
            assert_eq!(TripletHardLoss::from_config(&written), Ok(loss), "{written:?}");
            same(&written, &written.to_json());
        }
    }
    // serde reads as `parse` does.
    let by_serde = serde_json::from_str::<Config>(json).ok();
    assert_eq!(by_serde, read(json, Dialect::Usual).ok());
}

/// Reads a configuration that was written.
fn same(config: &Config, json: &str) -> Config {
    let again = Config::parse(json, Dialect::Usual).unwrap_or_else(|error| panic!("{error}: {json}"));
    let expected = Config { class_name: None, ..config.clone() };
    assert_eq!(again, expected, "{json}");
    assert_eq!(again.margin.to_bits(), config.margin.to_bits(), "{json}");
    again
}

/// Configurations of every version, and near misses.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    [
        r#"{"reduction": "none", "name": null, "margin": 1.0}"#,
        r#"{"distance_metric": "L2", "margin": 0.2, "soft": true}"#,
        r#"{"distance_metric": "L1", "literal": true, "reduction": "auto"}"#,
        r#"{"distance_metric": "squared-L2", "reduction": "sum_over_batch_size", "name": "a"}"#,
        r#"{"class_name": "Addons>TripletHardLoss", "config": {"soft": true, "margin": 0.5, "distance_metric": "angular"}}"#,
        r#"{"module": "x", "class_name": "TripletSemiHardLoss", "registered_name": null, "config": {"margin": 1e-300}}"#,
        r#"{"margin": -0.0, "reduction": "sum", "literal": false}"#,
        r#"{"margin": 18446744073709551615, "name": "\ud83d\ude00"}"#,
        r#"{"margin": 0.1, "margin": 2}"#,
        r#"{"margins": [1, {"a": "1"}]}"#,
    ]
    .map(|json| json.as_bytes().to_vec())
    .to_vec()
}
