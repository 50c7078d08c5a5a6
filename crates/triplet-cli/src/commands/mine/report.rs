//! What mining found, for people and for programs.

use super::{
    MineArgs,
    inputs::{Inputs, OfKind},
    progress::{clock, grouped},
    summary::{Histograms, Summary, Sums},
    suspects::{self, Lonelies, Suspect},
};
use crate::{
    io::{OutputSet, shorten},
    output as console,
};
use anyhow::Result;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    path::Path,
    time::{Duration, Instant},
};
use triplet_api::{BackendOptions, Element};
use triplet_core::{Real, ScreenedPairs, nearest::score};
use triplet_dataset::{Plan, Record, Request, WorkFolder};

/// What is shown of a list.
const SHOWN: usize = 5;
/// Classes that summary.json lists: those whose negatives are nearest.
const CLASSES: usize = 1000;

/// What a summary is made from.
pub(super) struct Found<'a, 'r, T: OfKind> {
    pub(super) args: &'a MineArgs,
    pub(super) request: &'a Request<'r, T>,
    pub(super) inputs: &'a Inputs,
    pub(super) settings: &'a str,
    pub(super) start: Instant,
}

/// The summary of a job.
pub(super) struct Report {
    summary: Summary,
    pub(super) histograms: Option<Histograms>,
    suspects: Vec<Suspect>,
    /// Labels by class number.
    names: Vec<String>,
    /// Classes with triplets, those whose negatives are nearest first.
    hardest_classes: Vec<usize>,
    json: Value,
}

impl<T: OfKind + Element> Found<'_, '_, T> {
    /// Goes over what folders have, whose anchors ascend from one to the next.
    pub(super) fn summarise(&self, folders: &mut [WorkFolder], options: BackendOptions) -> Result<Report> {
        let labels = self.request.anchors.labels;
        let mut numbers: HashMap<i64, usize> = HashMap::new();
        for label in labels {
            let next = numbers.len();
            numbers.entry(*label).or_insert(next);
        }
        let (mut summary, mut lonelies) = (Summary::new(numbers.len()), Lonelies::default());
        let pairwise = !self.request.conditions.rule.one_per_anchor();
        for record in records::<T>(folders)? {
            let record = record?;
            let Some(label) = labels.get(record.anchor as usize) else { continue };
            summary.add(&record, numbers[label]);
            if pairwise && self.args.summary.is_some() {
                let Record { anchor, positive, negative, rank, reaches, near, far } = record;
                let (near, far) = (near.to_f64(), far.to_f64());
                lonelies.add(&Record { anchor, positive, negative, rank, reaches, near, far });
            }
        }
        let mut histograms = None;
        if let (Some(range), true) = (summary.range, self.args.summary.is_some()) {
            let histograms = histograms.insert(Histograms::new(range));
            for record in records::<T>(folders)? {
                histograms.add(&record?);
            }
        }
        let wanted = pairwise && self.args.summary.is_some();
        let suspects = if wanted { suspects::search(self.request, options, lonelies)? } else { Vec::new() };
        let mut names = vec![String::new(); numbers.len()];
        for (label, number) in numbers {
            names[number] = self.inputs.names.name(label).into_owned();
        }
        let hardest_classes = summary.hardest_classes();
        let json = self.json(&summary, histograms.as_ref(), &suspects, (&hardest_classes, &names));
        Ok(Report { summary, histograms, suspects, names, hardest_classes, json })
    }

    fn json(
        &self,
        summary: &Summary,
        histograms: Option<&Histograms>,
        suspects: &[Suspect],
        (classes, names): (&[usize], &[String]),
    ) -> Value {
        let distance = self.request.distance;
        let hardest = summary.hardest().into_iter().map(|hard| {
            let Record { anchor, positive, negative, near, far, .. } = hard.record;
            json!({
                "anchor": anchor, "positive": positive, "negative": negative,
                "positive_distance": near, "negative_distance": far,
                "positive_score": score(near, distance), "negative_score": score(far, distance),
            })
        });
        let of_class = |&class: &usize| {
            let mut of = sums(&summary.classes[class]);
            of["label"] = json!(names[class]);
            of
        };
        let suspect = |suspect: &Suspect| {
            let Suspect { anchor, positive, near, other, far, nearer } = *suspect;
            json!({
                "row": anchor, "nearest_positive": positive, "positive_distance": near,
                "nearest_other": other, "other_distance": far, "nearer_others_of_64": nearer,
            })
        };
        json!({
            "settings": self.settings.lines().collect::<Vec<_>>(),
            "inputs": self.inputs.understood.iter().map(crate::io::Understood::json).collect::<Vec<_>>(),
            "out": self.args.out.to_string_lossy(),
            "anchors_in_part": self.request.part_rows().len(),
            "seconds": self.start.elapsed().as_secs_f64(),
            "triplets": sums(&summary.all),
            "hardest": hardest.collect::<Vec<_>>(),
            "classes_in_all": classes.len(),
            "classes": classes.iter().take(CLASSES).map(of_class).collect::<Vec<_>>(),
            "possible_mislabels": suspects.iter().map(suspect).collect::<Vec<_>>(),
            "histograms": histograms.map(|histograms| json!({
                "from": histograms.range[0], "to": histograms.range[1],
                "positives": histograms.near, "negatives": histograms.far,
            })),
        })
    }
}

/// The records of folders, one after the other.
pub(super) fn records<T: Real>(
    folders: &mut [WorkFolder],
) -> Result<impl Iterator<Item = Result<Record<T>>> + use<T>> {
    let records = folders.iter_mut().map(WorkFolder::records::<T>).collect::<Result<Vec<_>, _>>()?;
    Ok(records.into_iter().flatten().map(|record| Ok(record?)))
}

fn sums(sums: &Sums) -> Value {
    let means = sums.means();
    json!({
        "anchors": sums.anchors,
        "triplets": sums.triplets,
        "not_reaching": sums.unreached,
        "mean_positive_distance": means.map(|means| means[0]),
        "mean_nearest_negative_distance": means.map(|means| means[1]),
    })
}

/// Writes the summary to a folder.
pub(super) fn write(outputs: &mut OutputSet, folder: &Path, report: &Report) -> Result<()> {
    #[cfg(feature = "train")]
    if let Some(histograms) = &report.histograms {
        super::pictures::distances(outputs, folder, histograms)?;
    }
    outputs.write(&folder.join("summary.json"), |out| {
        Ok(writeln!(out, "{}", serde_json::to_string_pretty(&report.json)?)?)
    })
}

/// What the search took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cost {
    pairs: u64,
    screened: u64,
    /// Of the part that takes most.
    bytes: u64,
}

impl Cost {
    pub(super) fn add(&mut self, plan: &Plan, screened: ScreenedPairs) {
        self.pairs += plan.pairs();
        self.screened += screened.pairs;
        self.bytes = self.bytes.max(plan.bytes());
    }
}

/// Prints what was found.
pub(super) fn print(args: &MineArgs, report: &Report, cost: Cost, elapsed: Duration) {
    let all = &report.summary.all;
    if args.json {
        let mut json = report.json.clone();
        json["pairs"] = json!(cost.pairs);
        json["pairs_screened"] = json!(cost.screened);
        json["memory"] = json!(cost.bytes);
        return console::line(json);
    }
    console::line(format_args!(
        "{} triplets of {} anchors in {}: {}",
        grouped(all.triplets),
        grouped(all.anchors),
        clock(elapsed),
        args.out.display()
    ));
    if let Some([near, far]) = all.means() {
        console::line(format_args!(
            "  mean distance of positives {near:.4}, of their nearest negatives {far:.4}"
        ));
    }
    if all.unreached > 0 {
        let share = 100.0 * all.unreached as f64 / all.triplets as f64;
        console::line(format_args!(
            "  {} ({share:.2} %) have no negative beyond the positive, and take the farthest",
            grouped(all.unreached)
        ));
    }
    for hard in report.summary.hardest().iter().take(SHOWN) {
        let Record { anchor, positive, negative, near, far, .. } = hard.record;
        console::line(format_args!(
            "  hardest: anchor {anchor}, positive {positive} at {near:.4}, negative {negative} at {far:.4}"
        ));
    }
    for &class in report.hardest_classes.iter().take(SHOWN) {
        if let Some([near, far]) = report.summary.classes[class].means() {
            let name = shorten(&report.names[class], 40);
            console::line(format_args!("  hardest class {name:?}: positives {near:.4}, negatives {far:.4}"));
        }
    }
    for suspect in report.suspects.iter().take(SHOWN) {
        let Suspect { anchor, near, other, far, nearer, .. } = *suspect;
        console::line(format_args!(
            "  perhaps mislabelled: row {anchor}, {nearer} of the 64 nearest other rows before its nearest positive (at \
             {near:.4}; row {other} at {far:.4})"
        ));
    }
    if let Some(folder) = &args.summary {
        console::line(format_args!("  more in {}", folder.display()));
    }
}
