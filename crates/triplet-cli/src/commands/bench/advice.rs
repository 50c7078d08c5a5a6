//! Which backend and number of threads to use, by what was measured.

use super::row::{Kind, Measured, Row};

/// Two that differ by less than this part are as fast: the choice of the size before, or the one with fewer threads, is named.
const ALIKE: f64 = 0.03;

/// One line for each width and series, from our rows only; none where a series has one choice only.
pub(super) fn advice(entries: &[Measured]) -> Vec<String> {
    let ours = || entries.iter().map(|it| &it.row).filter(|row| row.kind == Kind::Ours);
    let mut groups: Vec<(usize, String)> = ours().map(|row| (row.d, row.series())).collect();
    groups.sort_unstable();
    groups.dedup();
    let lines = groups.into_iter().filter_map(|(width, series)| {
        let mut rows: Vec<&Row> = ours().filter(|row| row.d == width && row.series() == series).collect();
        let mut choices: Vec<String> = rows.iter().map(|row| choice(row)).collect();
        choices.sort();
        choices.dedup();
        // par on one thread is simd.
        let simd = rows.iter().any(|row| row.backend == "simd");
        rows.retain(|row| !(simd && row.backend == "par" && row.threads == 1));
        (choices.len() > 1).then(|| line(&rows, width, &series)).flatten()
    });
    lines.collect()
}

/// Backend, instruction set and threads, in words.
fn choice(row: &Row) -> String {
    let words = if row.threads == 1 { "thread" } else { "threads" };
    format!("{}, {} {words}", row.label(), row.threads)
}

fn line(rows: &[&Row], width: usize, series: &str) -> Option<String> {
    let mut batches: Vec<usize> = rows.iter().map(|row| row.b).collect();
    batches.sort_unstable();
    batches.dedup();
    let mut spans: Vec<(usize, usize, String)> = Vec::new();
    for batch in batches {
        let mut timed: Vec<(&Row, f64)> = rows
            .iter()
            .filter(|row| row.b == batch)
            .filter_map(|row| row.ms().map(|ms| (*row, ms)))
            .collect();
        timed.sort_by(|a, b| a.1.total_cmp(&b.1));
        let Some(&(_, least)) = timed.first() else { continue };
        timed.retain(|(_, ms)| *ms <= least * (1.0 + ALIKE));
        let before = spans.last().map(|(_, _, choice)| choice.clone());
        let again = timed.iter().find(|(row, _)| Some(choice(row)) == before);
        let fastest = again.or_else(|| timed.iter().min_by_key(|(row, _)| row.threads))?;
        let chosen = choice(fastest.0);
        match spans.last_mut() {
            Some((_, last, other)) if *other == chosen => *last = batch,
            _ => spans.push((batch, batch, chosen)),
        }
    }
    let words: Vec<String> = spans
        .iter()
        .map(|(first, last, choice)| {
            let sizes = if first == last { first.to_string() } else { format!("{first} to {last}") };
            format!("{sizes} rows: {choice}")
        })
        .collect();
    (!words.is_empty()).then(|| format!("fastest here, D = {width}, {series}: {}", words.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::bench::row::testing::row;

    fn ours(backend: &str, threads: usize, b: usize, ms: f64) -> Measured {
        let mut measured = row(Kind::Ours, backend, b, &[ms]);
        measured.row.threads = threads;
        measured
    }

    #[test]
    fn neighbouring_sizes_with_the_same_choice_are_one_span() {
        let entries = [
            ours("simd", 1, 64, 1.0),
            ours("par", 2, 64, 1.5),
            ours("simd", 1, 256, 4.0),
            ours("par", 2, 256, 3.95),
            ours("simd", 1, 512, 9.0),
            ours("par", 2, 512, 5.0),
            ours("simd", 1, 8192, 90.0),
            ours("par", 2, 8192, 50.0),
        ];
        assert_eq!(
            advice(&entries),
            [
                "fastest here, D = 128, 8 rows a class: 64 to 256 rows: simd avx2, 1 thread; 512 to 8192 rows: par avx2, 2 threads"
            ]
        );
    }

    #[test]
    fn alike_means_fewer_threads_and_nothing_measured_means_nothing_said() {
        let line = advice(&[ours("par", 2, 64, 1.0), ours("simd", 1, 64, 1.02)]);
        assert!(line[0].ends_with("64 rows: simd avx2, 1 thread"), "{line:?}");
        let line = advice(&[ours("par", 2, 64, 1.0), ours("simd", 1, 64, 1.04)]);
        assert!(line[0].ends_with("64 rows: par avx2, 2 threads"), "{line:?}");
        let line = advice(&[ours("par", 1, 64, 1.0), ours("simd", 1, 64, 1.2), ours("scalar", 1, 64, 9.0)]);
        assert!(line[0].ends_with("64 rows: simd avx2, 1 thread"), "par on one thread is simd: {line:?}");
        assert!(advice(&[ours("simd", 1, 64, 1.0)]).is_empty(), "one alone is no choice");
        let mut left_out = ours("gram", 2, 64, 1.0);
        left_out.row.fwd_bwd_ms_min = None;
        assert!(advice(&[left_out, ours("simd", 1, 64, 3.0)])[0].contains("simd"));
    }
}
