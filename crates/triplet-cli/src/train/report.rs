//! What training achieved: files, a table, a line of JSON.

use super::{
    TrainArgs,
    metrics::Retrieval,
    network::Network,
    pictures,
    projection::{Plane, principal_plane},
};
use crate::{
    io::{self, Labels, OutputSet, Understood},
    output,
};
use anyhow::Result;
use comfy_table::{Table, presets};
use ndarray::Array2;
use serde_json::{Value, json};
use std::{path::PathBuf, time::Instant};
use triplet_api::{ExecutionInfo, Statistics};

/// What the table and the pictures call a network.
const UNTRAINED: &str = "untrained network";
const TRAINED: &str = "trained network";

/// The files that training leaves, in the order in which they are written.
const FILES: [&str; 10] = [
    "embeddings.npy",
    "labels.npy",
    "weights.safetensors",
    "loss-curve.svg",
    "loss-curve.png",
    "embedding-before.svg",
    "embedding-before.png",
    "embedding-after.svg",
    "embedding-after.png",
    "report.json",
];

/// Fails if one of the files could not be written, or would replace what is read.
pub(super) fn check_outputs(args: &TrainArgs) -> Result<()> {
    let paths: Vec<PathBuf> = FILES.iter().map(|name| args.out.join(name)).collect();
    let outputs: Vec<_> = paths.iter().map(|path| ("--out", path.as_path())).collect();
    io::check_outputs(&outputs, &io::given(&[("--data", &args.data), ("--labels", &args.labels)]))
}

/// Everything worth telling.
pub(crate) struct Report<'a> {
    pub(crate) raw: Retrieval,
    pub(crate) untrained: Retrieval,
    pub(crate) trained: Retrieval,
    pub(crate) steps: &'a [pictures::Step],
    pub(crate) understood: &'a [Understood],
    pub(crate) held_out_rows: usize,
    pub(crate) training_rows: usize,
    pub(crate) statistics: Statistics,
    pub(crate) executed: Option<ExecutionInfo>,
    pub(crate) interrupted: bool,
    pub(crate) seconds: f64,
}

impl Report<'_> {
    /// Writes all files as one set, the report last: it names the digest of every other.
    pub(crate) fn write(
        &self,
        args: &TrainArgs,
        network: &Network,
        before: &Array2<f32>,
        after: &Array2<f32>,
        labels: &Labels,
    ) -> Result<()> {
        let file = |name: &str| args.out.join(name);
        let mut outputs = OutputSet::with_digests();
        outputs.npy(&file("embeddings.npy"), after)?;
        outputs.write(&file("labels.npy"), |out| labels.write_npy(out))?;
        outputs.write(&file("weights.safetensors"), |out| network.write(out))?;
        if !self.steps.is_empty() {
            pictures::loss_curve(&mut outputs, &args.out, self.steps)?;
        }
        let planes = [before, after].map(|rows| principal_plane(rows.view()));
        let extent = planes.iter().map(Plane::extent).fold(f64::MIN_POSITIVE, f64::max);
        let pictures =
            [("embedding-before", UNTRAINED, self.untrained), ("embedding-after", TRAINED, self.trained)];
        for (plane, (name, network, metrics)) in planes.iter().zip(pictures) {
            let title = format!(
                "Held-out rows, {network}: {} rows, MAP@R {:.3}",
                self.held_out_rows, metrics.map_at_r
            );
            pictures::embedding(&mut outputs, &args.out, name, &title, plane, 1.05 * extent, labels)?;
        }
        let mut json = self.json(args, self.seconds);
        json["sha256"] = json!(outputs.digests());
        outputs.write(&file("report.json"), |out| Ok(writeln!(out, "{json:#}")?))?;
        outputs.commit()
    }

    fn json(&self, args: &TrainArgs, seconds: f64) -> Value {
        let last = self.steps.last();
        json!({
            "recall_at_1": self.trained.recall_at_1,
            "map_at_r": self.trained.map_at_r,
            "untrained_recall_at_1": self.untrained.recall_at_1,
            "untrained_map_at_r": self.untrained.map_at_r,
            "raw_recall_at_1": self.raw.recall_at_1,
            "raw_map_at_r": self.raw.map_at_r,
            "seconds": seconds,
            "input": self.understood.iter().map(Understood::json).collect::<Vec<_>>(),
            "seed": args.seed,
            "epochs": args.epochs,
            "batches": self.steps.len(),
            "loss": last.map(|step| step.loss),
            "violating_fraction": self.statistics.violating_fraction(),
            "training_rows": self.training_rows,
            "held_out_rows": self.held_out_rows,
            "interrupted": self.interrupted,
            "backend": self.executed.map(|e| e.backend),
            "isa": self.executed.map(|e| e.isa),
            "threads": self.executed.map(|e| e.threads),
            "out": args.out.display().to_string(),
        })
    }

    /// Prints the table, or one line of JSON.
    pub(crate) fn print(&self, args: &TrainArgs, start: Instant) {
        let seconds = start.elapsed().as_secs_f64();
        if args.json {
            return output::line(self.json(args, seconds));
        }
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED).set_header(["held-out rows", "recall@1", "MAP@R"]);
        for (name, values) in
            [("raw features", self.raw), (UNTRAINED, self.untrained), (TRAINED, self.trained)]
        {
            let percent = |x: f64| format!("{x:.4}");
            table.add_row([name.to_owned(), percent(values.recall_at_1), percent(values.map_at_r)]);
        }
        output::line(table);
        let state = if self.interrupted { "interrupted after" } else { "trained" };
        output::line(format_args!(
            "{state} {} batches on {} rows, {} held out, in {seconds:.1} s",
            self.steps.len(),
            self.training_rows,
            self.held_out_rows
        ));
        if let Some(executed) = self.executed {
            output::line(format_args!("loss on {executed}"));
        }
        output::line(format_args!("pictures, embeddings and weights in {}", args.out.display()));
    }
}
