//! What a run of the cross-check was like.

use std::collections::BTreeMap;
use triplet_api::LossSpec;
use triplet_testkit::{Cut, NearestCase, Rectangle, Sample, checks::Check, digests::Case};

/// What the batches were like.
#[derive(Default)]
pub(super) struct Coverage {
    /// Comparisons of cases that are kept.
    pub(super) kept: u64,
    compared: u64,
    screened: u64,
    undecided: u64,
    families: BTreeMap<String, u64>,
    rectangles: BTreeMap<&'static str, u64>,
    ranks: BTreeMap<&'static str, u64>,
    banks: u64,
    mined: BTreeMap<String, u64>,
    objectives: BTreeMap<String, u64>,
    rows: (usize, usize),
    widths: (usize, usize),
}

impl Coverage {
    /// Counts what a check compared.
    pub(super) fn count(&mut self, case: &Case, check: Check, compared: u64) {
        self.compared += compared;
        match check {
            Check::Square => self.count_batch(&case.sample, case.asked),
            Check::Rectangle(number) => {
                *self.rectangles.entry(Rectangle::numbered(&case.sample, number).kind).or_default() += 1;
            }
            Check::Ranks(number) => {
                *self.ranks.entry(Cut::numbered(&case.sample, number).kind).or_default() += 1;
            }
            Check::Bank(_) => self.banks += 1,
            Check::Mined(number) => {
                let kind = NearestCase::numbered(&case.sample, number).kind;
                *self.mined.entry(kind).or_default() += compared;
            }
        }
    }

    /// Adds what engines say of a call.
    pub(super) fn screened(&mut self, (pairs, undecided): (u64, u64)) {
        self.screened += pairs;
        self.undecided += undecided;
    }

    fn count_batch(&mut self, sample: &Sample, asked: LossSpec) {
        let family = sample.name.split(" b").next().unwrap_or_default();
        *self.families.entry(family.to_owned()).or_default() += 1;
        let name = format!("{} {}", asked.objective.rule.name(), asked.objective.distance.name());
        *self.objectives.entry(name).or_default() += 1;
        let widen = |(low, high): (usize, usize), value: usize| {
            (if low == 0 { value } else { low.min(value) }, high.max(value))
        };
        self.rows = widen(self.rows, sample.labels.len());
        self.widths = widen(self.widths, sample.width);
    }

    pub(super) fn print(&self) {
        let counts = |map: &BTreeMap<String, u64>| {
            map.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
        };
        println!("  {} comparisons; B {:?}, D {:?}", self.compared, self.rows, self.widths);
        println!("  {} comparisons of cases that failed once, in testdata/cases", self.kept);
        println!("  {} pairs screened, {} of them undecided", self.screened, self.undecided);
        let rectangles = self.rectangles.iter().map(|(kind, count)| format!("{kind} {count}"));
        println!("  anchors against candidates: {}", rectangles.collect::<Vec<_>>().join(", "));
        let ranks = self.ranks.iter().map(|(kind, count)| format!("{kind} {count}"));
        println!("  held by ranks, of mixed engines: {}", ranks.collect::<Vec<_>>().join(", "));
        println!("  in steps, into a memory bank: {}", self.banks);
        println!("  as data sets, whole, in parts and after a stop; in portions: {}", counts(&self.mined));
        println!("  families: {}", counts(&self.families));
        println!("  objectives: {}", counts(&self.objectives));
    }
}
