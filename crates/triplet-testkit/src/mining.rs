//! Data sets that are mined slab by slab, in parts, and with stops in between; and the plainest statement of what is mined.

use crate::Sample;
use fastrand::Rng;
use triplet_core::{
    Batch, Comparison, Distance, Engine, Identity, NO_ROW, Points, Real, Rule, nearest::Conditions,
    points::PointsBuffers,
};
use triplet_dataset::{Control, Error, InMemory, Job, Record, Request, Result, Side};

/// Bytes that a job needs besides those for rows.
pub const FIXED: u64 = 48 << 20;

/// Conditions, kept negatives and distance by number.
#[must_use]
pub fn asked(number: u64) -> (Conditions, usize, Distance) {
    let mut rng = Rng::with_seed(number ^ 0x6d69_6e65);
    let distance = Distance::ALL[rng.usize(..3)];
    let mut conditions =
        Conditions { rule: Rule::ALL[rng.usize(..4)], margin: 0.25, ..Conditions::default() };
    if rng.bool() {
        conditions.absolute_margin = rng.bool().then_some(0.125);
        conditions.relative_margin = rng.bool().then_some(0.05);
        conditions.max_score = rng.bool().then_some(distance.best_score() - 0.25);
        conditions.min_score = rng.bool().then_some(distance.best_score() - 1.5);
    }
    (conditions, [1, 1, 3, 20][rng.usize(..4)], distance)
}

/// All records of a set, or of anchors among other rows, from the distance of every pair.
#[must_use]
pub fn expected<T: Real>(
    anchors: (&[T], &[i64]),
    others: Option<(&[T], &[i64])>,
    width: usize,
    (conditions, keep, distance): (Conditions, usize, Distance),
) -> Vec<Record<T>> {
    let (rows, labels) = others.unwrap_or(anchors);
    let left = Batch::new(anchors.0, width, anchors.1).unwrap();
    let right = Batch::new(rows, width, labels).unwrap();
    let [mut a, mut b] = [PointsBuffers::default(), PointsBuffers::default()];
    let points = (Points::new(&left, distance, &mut a), Points::new(&right, distance, &mut b));
    let comparison = Comparison::between(points.0, points.1, Identity::Disjoint, distance);
    let mut records = Vec::new();
    for anchor in 0..anchors.1.len() as u32 {
        let all = 0..labels.len() as u32;
        let values: Vec<T> = all.clone().map(|row| comparison.ranking_value(anchor, row)).collect();
        let value = |row: u32| values[row as usize];
        let is_same = |row: u32| others.is_none() && row == anchor;
        let of_label = |row: u32| labels[row as usize] == anchors.1[anchor as usize];
        let mut positives: Vec<u32> = all.clone().filter(|&row| of_label(row) && !is_same(row)).collect();
        let mut negatives: Vec<(T, u32)> =
            all.filter(|&row| !of_label(row)).map(|row| (value(row), row)).collect();
        negatives.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let one = matches!(conditions.rule, Rule::Hard | Rule::HardSoft);
        if one
            && let Some(farthest) =
                positives.iter().copied().reduce(|a, b| if value(b) > value(a) { b } else { a })
        {
            positives = vec![farthest];
        }
        for positive in positives {
            let of = |value: T| distance.of_ranking_value(value);
            let (near, best) = (of(value(positive)), distance.best_score());
            let admits = |&&(value, _): &&(T, u32)| {
                let (d, p) = (of(value).to_f64(), near.to_f64());
                let by_rule = match conditions.rule {
                    Rule::SemiHard => value > values[positive as usize],
                    Rule::SemiHardLiteral => of(value) > near + T::from_f64(conditions.margin),
                    Rule::Hard | Rule::HardSoft => true,
                };
                by_rule
                    && conditions.absolute_margin.is_none_or(|margin| d >= p + margin)
                    && conditions.relative_margin.is_none_or(|margin| d >= p + (best - p).abs() * margin)
                    && conditions.max_score.is_none_or(|score| d >= best - score)
                    && conditions.min_score.is_none_or(|score| d <= best - score)
            };
            let record = |rank, reaches, &(value, negative): &(T, u32)| Record {
                anchor,
                positive,
                negative,
                rank,
                reaches,
                near,
                far: of(value),
            };
            let before = records.len();
            let found = negatives.iter().filter(admits).take(keep);
            records.extend(found.enumerate().map(|(rank, found)| record(rank as u32, true, found)));
            let falls_back = keep == 1 && conditions.are_the_rule() && !one;
            if records.len() == before && falls_back {
                let farthest = negatives.iter().copied().reduce(|a, b| if b.0 > a.0 { b } else { a });
                records.extend(farthest.map(|found| record(0, false, &found)));
            }
        }
    }
    assert!(records.iter().all(|record| record.negative != NO_ROW));
    records
}

/// All records of a request.
///
/// # Errors
/// Whatever the job refuses.
pub fn run<T: Real>(request: Request<'_, T>, engine: &mut dyn Engine<T>) -> Result<Vec<Record<T>>> {
    let mut records = Vec::new();
    Job::new(request)?.run(engine, &mut |found| {
        records.extend_from_slice(found);
        Ok(())
    })?;
    Ok(records)
}

/// A request on a sample, cut as its number says.
#[must_use]
pub fn request_of<'a, T: Real>(side: Side<'a, T>, sample: &Sample, number: u64) -> Request<'a, T> {
    let (conditions, keep, distance) = asked(number);
    // As little memory as there may be, and some more.
    let memory = FIXED + [1 << 16, 1 << 18, 1 << 20, 1 << 30][number as usize % 4] * sample.width as u64;
    Request { conditions, keep, distance, memory, threads: 1 + number as usize % 3, ..Request::of(side) }
}

/// What is wrong with the records of an engine, if anything is: of the whole set in little memory, in parts, and after a stop
/// from which another job goes on.
///
/// # Errors
/// Whatever the job refuses.
pub fn difference<T: Real>(
    sample: &Sample,
    number: u64,
    engine: &mut dyn Engine<T>,
) -> Result<Option<String>> {
    let values = sample.rows::<T>();
    Batch::new(&values, sample.width, &sample.labels)?;
    let rows = InMemory::new(&values[..], sample.width);
    let side = Side { rows: &rows, labels: &sample.labels };
    let request = request_of(side, sample, number);
    let expected = expected((&values, &sample.labels), None, sample.width, asked(number));
    let differs = |found: &[Record<T>], how: &str| (found != expected).then(|| how.to_owned());
    if let Some(how) = differs(&run(request, engine)?, "the whole") {
        return Ok(Some(how));
    }
    let parts = 2 + number as usize % 3;
    let mut whole = Vec::new();
    for part in 1..=parts {
        whole.extend(run(Request { part: (part, parts), ..request }, engine)?);
    }
    if let Some(how) = differs(&whole, &format!("{parts} parts")) {
        return Ok(Some(how));
    }
    let (mut job, mut state) = (Job::new(request)?, Vec::new());
    let (mut before, mut kept) = (Vec::new(), 0);
    let stop = 1 + number as usize % job.plan().step_count().max(1);
    let mut steps = 0;
    let stopped = job.run_watched(
        engine,
        &mut |found| {
            before.extend_from_slice(found);
            Ok(())
        },
        &mut |job, progress| {
            steps += 1;
            if steps == stop {
                state.clear();
                job.save(&mut state).map_err(|error| Error::Sink(Box::new(error)))?;
                kept = progress.records as usize;
                return Ok(Control::Stop);
            }
            Ok(Control::GoOn)
        },
    );
    if !matches!(stopped, Ok(()) | Err(Error::Stopped)) {
        stopped?;
    }
    if !state.is_empty() {
        before.truncate(kept);
        let mut next = Job::new(request)?;
        next.load(&mut &state[..])?;
        next.run(engine, &mut |found| {
            before.extend_from_slice(found);
            Ok(())
        })?;
    }
    Ok(differs(&before, &format!("gone on with after step {stop}")))
}
