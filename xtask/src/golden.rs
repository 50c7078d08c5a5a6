//! `cargo xtask golden`: every backend against the real TensorFlow Addons.

use anyhow::{Result, ensure};
use triplet_api::Loss;
use triplet_core::Batch;
use triplet_testkit::{
    contenders,
    digests::{Recorded, digest},
    engines, golden,
};

pub(crate) fn run() -> Result<()> {
    let goldens = golden::all()?;
    ensure!(!goldens.is_empty(), "no golden files in testdata/golden");
    let recorded = Recorded::read("golden")?;
    for contender in contenders()?.into_iter().chain([engines::gram()?]) {
        let (name, mut workspace) = contender.workspace();
        // The Gram backend's last bits depend on how its product is cut.
        let exact = workspace.executed().backend != "gram";
        let (mut worst_loss, mut worst_gradient) = (0.0_f64, 0.0_f64);
        for case in &goldens {
            let sample = case.sample();
            let batch = Batch::new(&sample.embeddings, sample.width, &sample.labels)?;
            let result = case.asked().evaluate(&batch, &mut workspace)?;
            // The digest has the triplets, which calls in parts do not keep.
            if exact && result.keeps_triplets() {
                let found = digest(&result);
                recorded.check_one(&case.name, "f32", found).map_err(anyhow::Error::msg)?;
            }
            let (loss_tolerance, gradient_tolerance) = case.tolerances();
            let expected = case.expected.loss.unwrap_or(0.0);
            worst_loss = worst_loss.max((f64::from(result.loss()) - expected).abs() / loss_tolerance);
            if let (Some(rows), false) = (&case.expected.gradient, case.has_ties()) {
                let pairs = result.gradient().iter().zip(rows.iter().flatten());
                let off = pairs.map(|(&got, want)| (f64::from(got) - want).abs()).fold(0.0, f64::max);
                worst_gradient = worst_gradient.max(off / gradient_tolerance);
            }
            ensure!(
                worst_loss <= 1.0 && worst_gradient <= 1.0,
                "{}: {} is off by more than its tolerance",
                name,
                case.name
            );
        }
        println!(
            "{:24} {} cases; worst loss {:.2}, worst gradient {:.2} of the tolerance{}",
            name,
            goldens.len(),
            worst_loss,
            worst_gradient,
            if exact { "; digests as recorded, where triplets are kept" } else { "" }
        );
    }
    Ok(())
}
