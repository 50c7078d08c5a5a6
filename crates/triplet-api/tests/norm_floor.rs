//! Angular distances of rows whose norm is below the floor: they are divided by the floor, a
//! constant, and so their gradient is not projected.

use triplet_api::{Inputs, Loss, LossSpec, Reduction, Weights};
use triplet_core::{Batch, Distance, Objective, Rule};
use triplet_testkit::contenders;

#[test]
fn the_gradient_of_a_row_below_the_floor_keeps_its_component_along_the_row() {
    // Unit rows [0.3, 0.4], [1, 0], [0, 1]: d_01 = 0.7, d_02 = 0.6, d_12 = 1. Anchor 0 takes row 2,
    // the farthest, and anchor 1 takes row 2: terms 1.1 and 0.7.
    let x = [3e-7_f32, 4e-7, 1.0, 0.0, 0.0, 1.0];
    let batch = Batch::new(&x, 2, &[0, 0, 1]).unwrap();
    let objective = Objective { distance: Distance::Angular, rule: Rule::SemiHard, margin: 1.0 };
    let asked = LossSpec { objective, reduction: Reduction::Mean, require_positives: false };
    for contender in contenders::<f32>().unwrap() {
        let (name, mut workspace) = contender.workspace();
        for upstream in [1.0, -2.0] {
            let inputs = Inputs { weights: Weights::None, upstream: Some(&[upstream]) };
            let result = asked.evaluate_with(&batch, inputs, &mut workspace).unwrap();
            assert!((result.loss() - 0.9).abs() < 1e-6, "{name}: {}", result.loss());
            // Of the unit row: ((-u_1 + u_2) + (-u_1)) / 2; of the row itself a million times that.
            let expected = [-1e6, 5e5].map(|g: f32| g * upstream as f32);
            assert_eq!(result.gradient()[..2], expected, "{name}");
        }
    }
}
