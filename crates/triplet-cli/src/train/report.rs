//! What training achieved: files, a table, a line of JSON.

use super::{TrainArgs, metrics::Retrieval, network::Network, pictures};
use crate::{io, output};
use anyhow::Result;
use comfy_table::{Table, presets};
use ndarray::Array2;
use serde_json::{Value, json};
use std::time::Instant;
use triplet_api::{Executed, Statistics};

/// Everything worth telling.
pub(crate) struct Report<'a> {
    pub(crate) raw: Retrieval,
    pub(crate) untrained: Retrieval,
    pub(crate) trained: Retrieval,
    pub(crate) steps: &'a [pictures::Step],
    pub(crate) held_out_rows: usize,
    pub(crate) training_rows: usize,
    pub(crate) statistics: Statistics,
    pub(crate) executed: Option<Executed>,
    pub(crate) interrupted: bool,
    pub(crate) seconds: f64,
}

impl Report<'_> {
    /// Writes every file, each whole or not at all.
    pub(crate) fn write(
        &self,
        args: &TrainArgs,
        network: &Network,
        before: &Array2<f32>,
        after: &Array2<f32>,
        labels: &[i64],
    ) -> Result<()> {
        let file = |name: &str| args.out.join(name);
        io::write_npy(&file("embeddings.npy"), after)?;
        io::write_npy(&file("labels.npy"), &ndarray::arr1(labels))?;
        io::write_whole(&file("weights.safetensors"), |out| network.write(out))?;
        if !self.steps.is_empty() {
            pictures::loss_curve(&args.out, self.steps)?;
        }
        let rows = self.held_out_rows;
        let title = |when, map: f64| format!("Held-out rows {when} training ({rows} rows, MAP@R {map:.2})");
        let untrained = title("before", self.untrained.map_at_r);
        pictures::embedding(&args.out, "embedding-before", &untrained, before.view(), labels)?;
        let trained = title("after", self.trained.map_at_r);
        pictures::embedding(&args.out, "embedding-after", &trained, after.view(), labels)?;
        let json = serde_json::to_string_pretty(&self.json(args, self.seconds))?;
        io::write_whole(&file("report.json"), |out| Ok(writeln!(out, "{json}")?))
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
            "seed": args.seed,
            "epochs": args.epochs,
            "batches": self.steps.len(),
            "loss": last.map(|step| step.loss),
            "active_fraction": self.statistics.active_fraction(),
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
        for (name, values) in [
            ("raw features", self.raw),
            ("untrained network", self.untrained),
            ("trained network", self.trained),
        ] {
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
