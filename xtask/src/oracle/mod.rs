//! `cargo xtask oracle`: distances, losses and gradients next to real numbers, of 600 binary places.

mod exact;
mod judge;
mod truth;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use judge::{Judged, Ratios};
use std::time::Instant;
use triplet_api::Workspace;
use triplet_simd::Fused;
use triplet_testkit::digests::Case;

/// Which batches.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Number of batches, those of the cross-check; large ones are left out.
    #[arg(long, default_value_t = 2000)]
    pub(crate) batches: u64,
    /// Seed; a batch is determined by seed and number.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

/// Batches of more products than this are left out: a product of such numbers takes some 200 ns.
const MOST_PRODUCTS: usize = 200_000;

pub(crate) fn run(args: &Args) -> Result<()> {
    let start = Instant::now();
    println!("seed {}, {} batches", args.seed, args.batches);
    let mut single = Workspace::<f32>::with_engine(Box::new(Fused::<f32>::best()?));
    let mut double = Workspace::<f64>::with_engine(Box::new(Fused::<f64>::best()?));
    let mut judged = [Judged::default(), Judged::default()];
    let mut large = 0;
    let bar = ProgressBar::new(args.batches);
    bar.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} batches, {per_sec}, {eta} left")?);
    for number in 0..args.batches {
        bar.inc(1);
        let Case { sample, asked, .. } = Case::cross_check(args.seed, number);
        let rows = sample.labels.len();
        if rows * rows * sample.width > MOST_PRODUCTS {
            large += 1;
            continue;
        }
        judged[0].batch(&sample, asked, &mut single)?;
        judged[1].batch(&sample, asked, &mut double)?;
    }
    bar.finish_and_clear();
    println!("every error is within its proved bound; error / bound:");
    println!("  {:<4} {:<9} {:<11} {:>9} {:>7}  worst in", "type", "of", "distance", "values", "worst");
    for judged in &judged {
        for ((kind, what, distance), ratios) in &judged.ratios {
            println!(
                "  {kind:<4} {what:<9} {:<11} {:>9} {:>7.4}  {}",
                distance.name(),
                ratios.count,
                ratios.worst,
                ratios.worst_in
            );
        }
    }
    for (judged, kind) in judged.iter().zip(["f32", "f64"]) {
        println!("  {kind}: {} batches, {} refused as they must be", judged.batches, judged.refused);
        println!(
            "    {} of {} semi-hard selections are other than with exact distances",
            judged.other_selections, judged.selections
        );
        println!("    {} pairs of different rows are at distance 0", judged.lost_units);
        println!("    how many errors are 0, and up to 2^-16, 2^-15 ... 1 of their bounds:");
        for what in ["distance", "loss", "gradient"] {
            println!("    {what:<9} {}", histogram(judged.ratios.iter().filter(|(k, _)| k.1 == what)));
        }
    }
    println!("  {large} batches of more than {MOST_PRODUCTS} products were left out");
    println!("  {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

fn histogram<'a, K: 'a>(ratios: impl Iterator<Item = (K, &'a Ratios)>) -> String {
    let mut sums = [0; 18];
    for (_, ratios) in ratios {
        sums.iter_mut().zip(&ratios.histogram).for_each(|(sum, count)| *sum += count);
    }
    sums.map(|count| count.to_string()).join(" ")
}
