//! What the tables' columns mean, and what was compared with.

use super::{
    args::BenchArgs,
    environment,
    record::Run,
    row::Kind,
    statistics::{median, minimum},
    step::MeasuredStep,
};

/// Median over least from which on a machine is called busy.
const BUSY: f64 = 1.25;

/// Lines for under the tables and on the page.
pub(super) fn notes(args: &BenchArgs, run: &Run) -> Vec<String> {
    let mut notes = Vec::new();
    if run.steps.is_empty() {
        notes.extend(of_losses(run));
    } else {
        notes.extend(of_steps(&run.steps));
    }
    notes.extend(busy(run));
    if !run.libraries.is_empty() {
        notes.push(format!("compared with: {}", run.libraries.join("; ")));
    }
    let python = args.python.is_some() || args.tfa_python.is_some();
    notes.extend(environment::notes(&run.environment, python, args.keep_environment, args.step));
    notes
}

/// A note if the rounds differ so much that something else must have been running.
fn busy(run: &Run) -> Option<String> {
    let entries = run.entries.iter().map(super::row::Measured::times);
    let rounds = entries.chain(run.steps.iter().map(|step| &step.step_ms[..]));
    let ratios: Vec<f64> = rounds.filter_map(|times| Some(median(times)? / minimum(times)?)).collect();
    let typical = median(&ratios).filter(|ratio| *ratio > BUSY)?;
    Some(format!(
        "busy machine: the median round takes {typical:.1} times the least, for half of the rows or more; repeat the run when \
         nothing else is running before you trust a ratio"
    ))
}

fn of_losses(run: &Run) -> Vec<String> {
    let rows = || run.entries.iter().map(|it| &it.row);
    let mut notes = vec![
        "loss ms: the loss alone; loss+gradient ms: loss, mined triplets and gradient, or of a matrix product its \
         time; both the least of all rounds. median ms: the median round of the latter"
            .to_owned(),
        "times fastest ours: over our fastest row of the same input and number of threads".to_owned(),
    ];
    notes.extend(products(run));
    let peaks: Vec<String> = run
        .peaks
        .iter()
        .map(|peak| {
            let rate = peak.multiply_adds_per_second / 1e9;
            format!("{rate:.1} with {} on {} thread(s)", peak.isa, peak.threads)
        })
        .collect();
    notes.push(format!(
        "share of FMA peak: the B x B x D / 2 multiply-adds that all distances need, at the measured peak, over the time; a full \
         product does twice as many. Peak in G multiply-adds/s: {}",
        peaks.join(", ")
    ));
    notes.extend(screened(run));
    for row in rows() {
        if let Some(reason) = &row.left_out {
            let place = format!("{} x {} on {} thread(s)", row.b, row.d, row.threads_given);
            notes.push(format!("left out: {} at {place}: {reason}", row.backend));
        }
    }
    for row in rows() {
        if let Some(reason) = &row.memory_unknown {
            let note = format!("peak MB of {} at {} x {}: not measured: {reason}", row.backend, row.b, row.d);
            notes.push(note);
        }
    }
    if rows().any(|row| row.agrees == Some(false)) {
        notes.push(
            "another loss!: its value is not ours, though it should be: do not compare its time".to_owned(),
        );
    }
    notes
}

/// How many pairs were screened, and how many of them were not decided.
fn screened(run: &Run) -> Option<String> {
    let lines = run.entries.iter().filter_map(|it| {
        let (screened, undecided) = (it.row.screened_share?, it.row.undecided_share?);
        Some(format!(
            "{:.0} % and {:.1} % at {} x {} by {} on {} thread(s)",
            100.0 * screened,
            100.0 * undecided,
            it.row.b,
            it.row.d,
            it.row.label(),
            it.row.threads
        ))
    });
    let lines: Vec<String> = lines.collect();
    let all = lines.join("; ");
    (!lines.is_empty()).then(|| {
        format!(
            "pairs looked at in 16-bit integers first, and those of them that these left undecided: {all}"
        )
    })
}

/// The fastest product, its kernels, and the inputs at which it is the fastest.
fn products(run: &Run) -> Vec<String> {
    let rows = || run.entries.iter().map(|it| &it.row);
    if !rows().any(|row| row.kind == Kind::Baseline) {
        return Vec::new();
    }
    let mut notes = vec![
        "ratio to product: loss, triplets and gradient over the fastest product E E' found in the same rounds; below 1 \
         is faster than that product. A product counts if it writes all B x B entries in f32"
            .to_owned(),
    ];
    let mut fastest: Vec<(String, Vec<String>)> = Vec::new();
    for row in rows().filter(|row| row.kind == Kind::Baseline && row.complete_product) {
        let same = |other: &&super::row::Row| {
            (other.b, other.d, &other.spread, other.threads_given)
                == (row.b, row.d, &row.spread, row.threads_given)
        };
        let is_fastest = rows().filter(same).any(|other| other.product.as_ref() == Some(&row.backend));
        if !is_fastest {
            continue;
        }
        let product = match &row.kernels {
            Some(kernels) => format!("{} ({kernels})", row.backend),
            None => row.backend.clone(),
        };
        let ms = super::table::number(row.ms(), 3);
        let place = format!("{} x {} on {} thread(s) in {ms} ms", row.b, row.d, row.threads);
        match fastest.iter_mut().find(|(other, _)| *other == product) {
            Some((_, places)) => places.push(place),
            None => fastest.push((product, vec![place])),
        }
    }
    for (product, mut places) in fastest {
        places.dedup();
        notes.push(format!("fastest product: {product}: {}", places.join(", ")));
    }
    let mut others: Vec<String> = rows()
        .filter(|row| row.kind == Kind::Baseline)
        .filter_map(|row| row.kernels.as_ref().map(|kernels| format!("{} ({kernels})", row.backend)))
        .collect();
    others.sort();
    others.dedup();
    notes.push(format!("products tried: {}", others.join("; ")));
    notes
}

fn of_steps(steps: &[MeasuredStep]) -> Vec<String> {
    let mut notes = vec![
        "a step: 784-512-D network (ReLU, outputs of length 1), loss, backward, Adam; every loss has a network of its own \
         with the same weights, put back before each step"
            .to_owned(),
        "step ms: the fastest of all rounds; forward, loss, backward and optimiser are its parts; median ms: the median \
         round; the loss adds: over the fastest step without a loss, which sums the outputs; times ours: over the \
         fastest step with our loss"
            .to_owned(),
    ];
    for row in steps.iter().map(|step| &step.row) {
        if let Some(reason) = &row.left_out {
            let place = format!("{} x {} on {} thread(s)", row.b, row.d, row.threads);
            notes.push(format!("left out: {} at {place}: {reason}", row.loss_name));
        }
    }
    if steps.iter().any(|step| step.row.agrees == Some(false)) {
        notes.push(
            "another loss!: its value is not ours, though it should be: do not compare its time".to_owned(),
        );
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::bench::row::{Measured, compare, testing::row};

    fn run(mut entries: Vec<Measured>) -> Run {
        compare(&mut entries);
        Run { entries, ..Run::start(1) }
    }

    #[test]
    fn the_fastest_product_is_named_with_its_kernels() {
        let mut entries = Vec::new();
        for (b, torch, numpy) in [(512, 2.0, 1.0), (1024, 3.0, 4.0)] {
            for (name, kernels, ms) in [("torch", "MKL AVX2", torch), ("numpy", "OpenBLAS Zen", numpy)] {
                let mut product = row(Kind::Baseline, name, b, &[ms]);
                product.row.kernels = Some(kernels.to_owned());
                entries.push(product);
            }
            entries.push(row(Kind::Ours, "simd", b, &[1.0]));
        }
        let each = entries.chunks(3).flat_map(|some| run(some.to_vec()).entries).collect();
        let notes = of_losses(&Run { entries: each, ..Run::start(1) }).join("\n");
        for part in [
            "fastest product: torch (MKL AVX2): 1024 x 128 on 2 thread(s) in 3.000 ms",
            "fastest product: numpy (OpenBLAS Zen): 512 x 128 on 2 thread(s) in 1.000 ms",
            "products tried: numpy (OpenBLAS Zen); torch (MKL AVX2)",
        ] {
            assert!(notes.contains(part), "{part}: {notes}");
        }
        assert!(
            !of_losses(&run(vec![row(Kind::Ours, "simd", 8, &[1.0])])).join("\n").contains("products tried")
        );
    }

    #[test]
    fn what_is_missing_is_said_with_its_reason() {
        let mut entries = vec![row(Kind::Ours, "simd", 8, &[1.0]), row(Kind::Ours, "gram", 8, &[])];
        entries[0].row.memory_unknown = Some("no memory here".to_owned());
        entries[1].row.left_out = Some("about 34 s a call".to_owned());
        let notes = of_losses(&run(entries)).join("\n");
        assert!(notes.contains("peak MB of simd at 8 x 128: not measured: no memory here"), "{notes}");
        assert!(notes.contains("left out: gram at 8 x 128 on 2 thread(s): about 34 s a call"), "{notes}");
    }

    #[test]
    fn a_busy_machine_is_named() {
        assert_eq!(busy(&run(vec![row(Kind::Ours, "simd", 8, &[1.0, 1.1, 1.1])])), None);
        let note = busy(&run(vec![row(Kind::Ours, "simd", 8, &[1.0, 2.0, 2.5])])).unwrap();
        assert!(note.starts_with("busy machine: the median round takes 2.0 times the least"), "{note}");
        assert_eq!(busy(&run(vec![row(Kind::Ours, "gram", 8, &[])])), None);
    }
}
