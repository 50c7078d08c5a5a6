//! Which charts a run has something for.

mod batches;
mod scaling;
mod single;
mod steps;

use super::super::{
    record::Run,
    row::{Kind, Row},
};
use batches::{QUANTITIES, by_batch};
use scaling::scaling;
use single::one_batch;
use steps::steps;

/// A picture with what stands above and below it.
pub(super) struct Figure {
    pub(super) title: String,
    pub(super) caption: String,
    pub(super) svg: String,
}

/// Lines from which on a chart is drawn for each number of threads.
const MOST_LINES: usize = 16;

/// All figures of a run, in order.
pub(super) fn figures(run: &Run) -> Vec<Figure> {
    let rows: Vec<&Row> = run.entries.iter().map(|it| &it.row).collect();
    let mut figures = Vec::new();
    let mut groups: Vec<(usize, String)> = rows.iter().map(|row| (row.d, row.series())).collect();
    groups.sort_unstable();
    groups.dedup();
    let names = names(&rows);
    let threads = distinct(rows.iter().map(|row| row.threads_given));
    for (width, series) in groups {
        let some: Vec<&Row> =
            rows.iter().copied().filter(|row| row.d == width && row.series() == series).collect();
        let what = format!("D = {width}, {series}");
        let batches = distinct(some.iter().map(|row| row.b));
        if batches.len() > 1 {
            for quantity in &QUANTITIES {
                let lines = distinct_names(&some, quantity.wanted, threads.len() > 1);
                if lines <= MOST_LINES || threads.len() == 1 {
                    figures.extend(by_batch(quantity, &some, &names, &what));
                    continue;
                }
                for &threads in &threads {
                    let fewer: Vec<&Row> =
                        some.iter().copied().filter(|row| row.threads_given == threads).collect();
                    let what = format!("{what}, {threads} thread(s)");
                    figures.extend(by_batch(quantity, &fewer, &names, &what));
                }
            }
        } else {
            figures.extend(one_batch(&some, &names, &format!("B = {}, {what}", batches[0])));
        }
        figures.extend(scaling(&some, &what));
    }
    figures.extend(steps(&run.steps));
    figures
}

fn distinct(numbers: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut numbers: Vec<usize> = numbers.collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// A row's name on the page: with its threads where several numbers were measured.
fn name(row: &Row, several: bool) -> String {
    let alone = row.kind == Kind::Ours && row.backend != "par" || row.backend.starts_with("matrixmultiply");
    match (several && !alone, row.threads_given) {
        (false, _) => row.label(),
        (true, 1) => format!("{}, 1 thread", row.label()),
        (true, threads) => format!("{}, {threads} threads", row.label()),
    }
}

/// How many lines a chart would have.
fn distinct_names(rows: &[&Row], wanted: fn(&Row) -> bool, several: bool) -> usize {
    let mut names: Vec<String> =
        rows.iter().filter(|row| wanted(row)).map(|row| name(row, several)).collect();
    names.sort();
    names.dedup();
    names.len()
}

fn several_threads(rows: &[&Row]) -> bool {
    distinct(rows.iter().map(|row| row.threads_given)).len() > 1
}

/// Every name on the page, ours first; its place is its style.
fn names(rows: &[&Row]) -> Vec<String> {
    let several = several_threads(rows);
    let mut names: Vec<String> = Vec::new();
    for kind in [Kind::Ours, Kind::Baseline, Kind::Peer] {
        for row in rows.iter().filter(|row| row.kind == kind) {
            let name = name(row, several);
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}
