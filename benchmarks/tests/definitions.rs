//! The built-in definitions, and files like them.

use std::collections::HashSet;
use triplet_api::{Distance, Reduction, Rule};
use triplet_benchmarks::{ElementType, Error, TYPICAL, built_in, engines, read};

#[test]
fn all_parse_and_have_a_name_and_an_answer_of_their_own() {
    let all = built_in().unwrap();
    let names: HashSet<&str> = all.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names.len(), all.len());
    assert!(names.contains(TYPICAL));
    for benchmark in &all {
        assert!(benchmark.digest.is_some(), "{} has no digest", benchmark.name);
    }
    let inputs: HashSet<String> = all.iter().map(|it| format!("{it}, seed {}", it.seed)).collect();
    assert_eq!(inputs.len(), all.len(), "two benchmarks measure the same");
}

#[test]
fn every_rule_distance_reduction_type_and_engine_is_in_some_benchmark() {
    let all = built_in().unwrap();
    for rule in Rule::ALL {
        assert!(all.iter().any(|it| it.spec.objective.rule == rule), "{}", rule.name());
    }
    for distance in Distance::ALL {
        assert!(all.iter().any(|it| it.spec.objective.distance == distance), "{}", distance.name());
    }
    for reduction in Reduction::ALL {
        assert!(all.iter().any(|it| it.spec.reduction == reduction), "{}", reduction.name());
    }
    for element in ElementType::ALL {
        assert!(all.iter().any(|it| it.element == element), "{}", element.name());
    }
    for gradient in [false, true] {
        assert!(all.iter().any(|it| it.gradient == gradient));
    }
    for engine in engines::names() {
        // Slow, and asked for by flags: the reference, and the materialised matrix.
        let by_flag = ["scalar", "gram"].contains(&engine);
        assert_eq!(all.iter().any(|it| it.engines.iter().any(|name| name == engine)), !by_flag, "{engine}");
    }
}

#[test]
fn a_folder_of_definitions_is_read_in_order_and_names_are_unique() {
    let built_in_folder = concat!(env!("CARGO_MANIFEST_DIR"), "/definitions");
    assert_eq!(read(built_in_folder.as_ref()).unwrap(), built_in().unwrap());

    let folder = tempfile::tempdir().unwrap();
    let none = read(folder.path()).unwrap_err();
    assert!(matches!(none, Error::NoFiles { .. }), "{none}");
    let missing = read(&folder.path().join("no.toml")).unwrap_err();
    assert!(missing.to_string().starts_with("cannot read ") && missing.to_string().ends_with("no.toml"));

    let edges = std::fs::read_to_string(format!("{built_in_folder}/edges.toml")).unwrap();
    let file = folder.path().join("mine.toml");
    std::fs::write(&file, &edges).unwrap();
    let mine = read(&file).unwrap();
    assert!(mine.iter().all(|it| it.name.starts_with("mine/")));
    std::fs::write(&file, edges.replace("\"ties\"", "\"pairs\"")).unwrap();
    assert_eq!(read(&file).unwrap_err().to_string(), "two benchmarks have the name mine/pairs");
}
