//! What stands in for what a caller does not say.

use triplet_api::{
    Backend, BackendOptions, Config, Distance, Inputs, Loss, MemoryLimits, Reduction, Rule, TripletHardLoss,
    TripletSemiHardLoss, Weights, config::Dialect,
};

#[test]
fn an_empty_config_is_the_seed_version_of_tfa() {
    for json in ["{}", r#"{"class_name": "Addons>TripletHardLoss", "config": {}}"#] {
        let config = Config::parse(json, Dialect::Usual).unwrap();
        assert_eq!((config.reduction.as_str(), config.margin), ("none", 1.0), "{json}");
        assert_eq!((config.distance_metric.as_str(), &config.name), ("squared-L2", &None), "{json}");
        assert_eq!((config.soft, config.literal), (None, None), "{json}");
        let semi_hard = TripletSemiHardLoss::from_config(&config).unwrap();
        let expected = TripletSemiHardLoss { reduction: Reduction::None, ..Default::default() };
        assert_eq!(semi_hard, expected, "{json}");
        let hard = TripletHardLoss::from_config(&config).unwrap();
        assert_eq!(hard, TripletHardLoss { reduction: Reduction::None, ..Default::default() }, "{json}");
    }
    // A null is as good as nothing where TFA writes one.
    let nulls = r#"{"reduction": null, "name": null, "distance_metric": null}"#;
    let config = Config::parse(nulls, Dialect::V0_10).unwrap();
    assert_eq!((config.reduction.as_str(), config.distance_metric.as_str()), ("none", "squared-L2"));
}

#[test]
fn the_losses_have_the_defaults_of_the_original() {
    let TripletSemiHardLoss { margin, distance, literal, reduction, require_positives } =
        TripletSemiHardLoss::default();
    assert_eq!((margin, distance, literal), (1.0, Distance::SquaredL2, false));
    assert_eq!((reduction, require_positives), (Reduction::Mean, false));
    assert_eq!(TripletSemiHardLoss::default().spec().objective.rule, Rule::SemiHard);

    let TripletHardLoss { margin, soft, distance, reduction, require_positives } = TripletHardLoss::default();
    assert_eq!((margin, soft, distance), (1.0, false, Distance::SquaredL2));
    assert_eq!((reduction, require_positives), (Reduction::Mean, false));
    assert_eq!(TripletHardLoss::default().spec().objective.rule, Rule::Hard);

    assert_eq!(Reduction::default(), Reduction::Mean);
    assert_eq!((Distance::default(), Rule::default()), (Distance::SquaredL2, Rule::SemiHard));
    assert_eq!(Weights::default(), Weights::None);
    assert_eq!(Inputs::default().upstream, None);
    let options = BackendOptions::default();
    assert_eq!((options.backend, options.isa, options.threads), (Backend::Auto, None, None));
}

#[test]
fn a_workspace_keeps_a_gigabyte_of_distances_and_lists_a_quarter_of_choices() {
    let MemoryLimits { bytes, keep_triplets, distances, choices } = MemoryLimits::default();
    assert_eq!((bytes, keep_triplets), (usize::MAX, false));
    assert_eq!((8 * distances, 4 * choices), (1 << 30, 1 << 28));
}
