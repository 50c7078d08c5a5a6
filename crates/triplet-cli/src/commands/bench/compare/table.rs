//! The comparison for people, and what else to know about it.

use super::{
    Named,
    lines::{Key, Line, timed},
};
use crate::output;
use comfy_table::{Table, presets};

const HEADER: [&str; 10] = [
    "B x D",
    "classes",
    "what",
    "threads",
    "file",
    "median ms",
    "first's median ms",
    "ratio",
    "99 % interval",
    "verdict",
];

/// Names of rows that are listed before the rest is counted.
const LISTED: usize = 5;

pub(super) fn print(runs: &[Named], lines: &[Line], notes: &[String]) {
    for (index, it) in runs.iter().enumerate() {
        let name = if index == 0 { "first".to_owned() } else { index.to_string() };
        output::line(format_args!("{name}: {}: {}", it.name, it.run.title()));
        output::line(format_args!("   {}", it.run.command));
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(HEADER);
    for line in lines {
        let key = &line.key;
        let name = [key.name.as_str(), key.isa.as_str()].join(" ").trim_end().to_owned();
        table.add_row([
            format!("{} x {}\n{}", key.b, key.d, key.differences).trim_end().to_owned(),
            key.classes.to_string(),
            name,
            key.threads.to_string(),
            line.file.to_string(),
            format!("{:.3}", line.ms_median),
            format!("{:.3}", line.first_ms_median),
            format!("{:.3}", line.ratio),
            format!("{:.3} to {:.3}", line.low, line.high),
            line.verdict.words().to_owned(),
        ]);
    }
    output::line(table);
    for note in notes {
        output::line(note);
    }
}

/// How the runs differ, what only some have, and what counts as significant.
pub(super) fn notes(first: &Named, others: &[Named], lines: &[Line]) -> Vec<String> {
    let mut notes = Vec::new();
    if !lines.is_empty() {
        notes.push(
            "ratio: of medians, below 1 is faster than the first; faster and slower: the interval lies more than 2 % from 1 \
             (triplet bench compare --help)"
                .to_owned(),
        );
    }
    for (index, other) in others.iter().enumerate() {
        notes.extend(differences(first, other).into_iter().map(|what| format!("file {}: {what}", index + 1)));
    }
    let product = lines.iter().find(|line| {
        use super::{super::row::Kind, lines::Verdict};
        let same_cpu = others.get(line.file - 1).is_some_and(|other| other.run.cpu == first.run.cpu);
        line.key.kind == Kind::Baseline
            && same_cpu
            && matches!(line.verdict, Verdict::Faster | Verdict::Slower)
    });
    if let Some(line) = product {
        notes.push(format!(
            "file {}: {} is {} too ({:.2}): the machine or the library changed between the runs, not triplet alone",
            line.file,
            line.key.words(),
            line.verdict.words(),
            line.ratio
        ));
    }
    notes
}

fn differences(first: &Named, other: &Named) -> Vec<String> {
    let (a, b) = (&first.run, &other.run);
    let mut notes = Vec::new();
    if a.cpu != b.cpu {
        notes.push(format!("other CPUs ({} and {}): ratios compare machines, too", a.cpu, b.cpu));
    }
    if a.cores != b.cores {
        notes.push(format!("other numbers of cores ({} and {})", a.cores, b.cores));
    }
    if (&a.system, &a.architecture) != (&b.system, &b.architecture) {
        notes.push(format!(
            "other systems ({} {} and {} {})",
            a.system, a.architecture, b.system, b.architecture
        ));
    }
    if a.seed != b.seed {
        notes.push(format!("other rows: seeds {} and {}", a.seed, b.seed));
    }
    if a.libraries != b.libraries {
        notes.push("other libraries, or other versions of them".to_owned());
    }
    if a.environment != b.environment {
        let all: std::collections::BTreeSet<&String> =
            a.environment.keys().chain(b.environment.keys()).collect();
        let changed = all.into_iter().filter(|name| a.environment.get(*name) != b.environment.get(*name));
        let names: Vec<&str> = changed.map(String::as_str).collect();
        notes.push(format!("other values in the environment: {}", names.join(", ")));
    }
    let keys = |it: &Named| timed(&it.run).into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    let (mine, theirs) = (keys(first), keys(other));
    notes.extend(missing("only in the first", &mine, &theirs));
    notes.extend(missing("not in the first", &theirs, &mine));
    notes
}

/// Names what is in one list and not in the other.
fn missing(what: &str, here: &[Key], there: &[Key]) -> Option<String> {
    let names: Vec<String> = here.iter().filter(|key| !there.contains(key)).map(Key::words).collect();
    let more = names.len().saturating_sub(LISTED);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    (!names.is_empty()).then(|| format!("{what}: {}{more}", names[..names.len().min(LISTED)].join(", ")))
}
