//! A loss in five lines: embeddings and labels in, loss and gradient out.
//!
//! `cargo run -p triplet-api --example loss`

use triplet_api::{Batch, Distance, Loss, Result, TripletSemiHardLoss, Workspace};

fn main() -> Result<()> {
    let batch = Batch::new(&[0.0_f32, 1.0, 1.5, 3.0], 1, &[0, 0, 1, 2])?; // four rows of width 1
    let mut workspace = Workspace::default(); // engine and memory: keep it for all batches of a training
    let loss = TripletSemiHardLoss { margin: 1.0, distance: Distance::L2, ..Default::default() };
    let result = loss.evaluate(&batch, &mut workspace)?;
    println!("loss {}, gradient {:?}", result.loss(), result.gradient());

    for triplet in result.triplets()? {
        println!(
            "anchor {} positive {:?} negative {:?}: distances {} and {}",
            triplet.anchor,
            triplet.positive,
            triplet.negative,
            triplet.positive_distance,
            triplet.negative_distance
        );
    }
    assert_eq!(result.loss(), 0.25);
    assert_eq!(result.gradient(), [-0.5, 1.5, -0.5, -0.5]);
    Ok(())
}

#[test]
fn runs() {
    main().unwrap();
}
