//! Jobs against the plainest statement: every anchor, every row, sorted; however it is cut, stopped and gone on with.

use fastrand::Rng;
use triplet_core::{
    Batch, Comparison, Distance, Engine, Identity, NO_ROW, Points, Real, Rule, Scalar, nearest::Conditions,
    points::PointsBuffers,
};
use triplet_dataset::{Control, Error, InMemory, Job, Record, Request, Side, WorkFolder};
use triplet_testkit::{Sample, contenders, sample};

const SEED: u64 = 11;
const BATCHES: u64 = 120;
/// What [`Job`] needs besides rows.
const FIXED: u64 = 48 << 20;

/// Conditions, kept negatives and distance by number.
fn asked(number: u64) -> (Conditions, usize, Distance) {
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

/// All records, from the distance of every pair.
fn expected<T: Real>(
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
        let value = |row: u32| comparison.ranking_value(anchor, row);
        let all = 0..labels.len() as u32;
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
                    Rule::SemiHard => value > comparison.ranking_value(anchor, positive),
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

fn run<T: Real>(request: Request<'_, T>, engine: &mut dyn Engine<T>) -> Result<Vec<Record<T>>, Error> {
    let mut records = Vec::new();
    Job::new(request)?.run(engine, &mut |found| {
        records.extend_from_slice(found);
        Ok(())
    })?;
    Ok(records)
}

/// A request on a sample, cut as its number says.
fn request_of<'a, T: Real>(side: Side<'a, T>, sample: &Sample, number: u64) -> Request<'a, T> {
    let (conditions, keep, distance) = asked(number);
    // As little memory as there may be, and some more.
    let memory = FIXED + [1 << 16, 1 << 18, 1 << 20, 1 << 30][number as usize % 4] * sample.width as u64;
    Request { conditions, keep, distance, memory, threads: 1 + number as usize % 3, ..Request::of(side) }
}

#[test]
fn every_engine_mines_what_the_statement_says_in_parts_and_in_little_memory() {
    let mut engines = contenders::<f32>().unwrap();
    let count = engines.len();
    let (mut steps, mut refused) = (0, 0);
    for number in 0..BATCHES {
        let sample = sample(SEED, number);
        let Ok(_) = Batch::new(&sample.embeddings, sample.width, &sample.labels) else { continue };
        let rows = InMemory::new(&sample.embeddings[..], sample.width);
        let side = Side { rows: &rows, labels: &sample.labels };
        let request = request_of(side, &sample, number);
        let expected = expected((&sample.embeddings, &sample.labels), None, sample.width, asked(number));
        let job = match Job::new(request) {
            Ok(job) => job,
            Err(Error::Memory { .. }) => {
                refused += 1;
                continue;
            }
            Err(error) => panic!("{error}"),
        };
        steps += job.plan().step_count();
        let engine = &mut engines[number as usize % count];
        let found = run(request, &mut *engine.engine).unwrap();
        assert!(found == expected, "{} on {}: {:?}", engine.name, sample.name, asked(number));
        let parts = 1 + number as usize % 4;
        let mut whole = Vec::new();
        for part in 1..=parts {
            whole.extend(run(Request { part: (part, parts), ..request }, &mut *engine.engine).unwrap());
        }
        assert!(whole == expected, "{parts} parts, {} on {}", engine.name, sample.name);
    }
    println!(
        "seed {SEED}: {BATCHES} sets, {steps} steps, {count} engines; {refused} refused for their memory"
    );
    assert!(refused < BATCHES / 4);
}

#[test]
fn anchors_of_another_file_are_searched_among_the_candidates() {
    let mut engine = triplet_par::Parallel::<f64>::with_threads(2).unwrap();
    for number in 0..40 {
        let sample = sample(SEED + 1, number);
        let rows: Vec<f64> = sample.rows();
        let cut = sample.labels.len() / 3;
        let (first, rest) = rows.split_at(cut * sample.width);
        let (labels, others) = sample.labels.split_at(cut);
        if Batch::new(&rows, sample.width, &sample.labels).is_err() {
            continue;
        }
        let (left, right) = (InMemory::new(first, sample.width), InMemory::new(rest, sample.width));
        let mut request = request_of(Side { rows: &left, labels }, &sample, number);
        request.candidates = Some(Side { rows: &right, labels: others });
        request.memory = 1 << 30;
        let expected = expected((first, labels), Some((rest, others)), sample.width, asked(number));
        assert!(run(request, &mut engine).unwrap() == expected, "{}", sample.name);
    }
}

#[test]
fn a_job_that_is_stopped_after_any_step_goes_on_to_the_same_records() {
    let sample = sample(SEED, 33);
    let mut rng = Rng::with_seed(SEED);
    let values: Vec<f32> = (0..400 * 5).map(|_| rng.f32()).collect();
    let labels: Vec<i64> = (0..400).map(|row| row % 130).collect();
    let rows = InMemory::new(&values[..], 5);
    for keep in [1, 3] {
        let mut request = request_of(Side { rows: &rows, labels: &labels }, &sample, 0);
        (request.keep, request.memory, request.conditions) = (keep, FIXED + 130_000, Conditions::default());
        let expected = run(request, &mut Scalar).unwrap();
        let steps = Job::new(request).unwrap().plan().step_count();
        assert!(steps > 8, "{steps}");
        for stop in 1..steps {
            let temporary = tempfile::tempdir().unwrap();
            let path = temporary.path().join("work");
            let mut folder = WorkFolder::open(&path, "these", false).unwrap();
            let mut kept = 0;
            let mut job = Job::new(request).unwrap();
            let mut folder_of_sink = std::cell::RefCell::new(&mut folder);
            let stopped = job.run_watched(
                &mut Scalar,
                &mut |found| Ok(folder_of_sink.borrow_mut().append(found)?),
                &mut |job, _| {
                    kept += 1;
                    // Not every step is kept: what follows the last that is, is done again.
                    if kept % 2 == 1 {
                        folder_of_sink.borrow_mut().keep(job)?;
                    }
                    Ok(if kept == stop { Control::Stop } else { Control::GoOn })
                },
            );
            assert!(matches!(stopped, Err(Error::Stopped)));
            let _ = folder_of_sink.get_mut();
            drop(folder);
            assert!(matches!(WorkFolder::open(&path, "these", false), Err(Error::Resume(_))));
            let other = WorkFolder::open(&path, "others", true).unwrap_err().to_string();
            assert!(other.contains("these, where now others"), "{other}");
            let mut folder = WorkFolder::open(&path, "these", true).unwrap();
            let mut job = Job::new(request).unwrap();
            assert!(folder.resume(&mut job).unwrap());
            job.run(&mut Scalar, &mut |found| Ok(folder.append(found)?)).unwrap();
            folder.keep(&job).unwrap();
            let found: Vec<Record<f32>> = folder.records().unwrap().map(Result::unwrap).collect();
            assert!(found == expected, "stopped after step {stop}");
            folder.remove().unwrap();
            assert!(!path.exists());
        }
    }
}

#[test]
fn damaged_states_and_records_are_refused() {
    let (values, labels) =
        ((0..300).map(|x| x as f32).collect::<Vec<_>>(), (0..300).map(|x| x / 2).collect::<Vec<i64>>());
    let rows = InMemory::new(&values[..], 1);
    let request = Request::of(Side { rows: &rows, labels: &labels });
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("work");
    let mut folder = WorkFolder::open(&path, "", false).unwrap();
    let mut job = Job::new(request).unwrap();
    job.run(&mut Scalar, &mut |found| Ok(folder.append(found)?)).unwrap();
    folder.keep(&job).unwrap();
    drop(folder);
    for name in ["state", "records"] {
        let place = path.join(name);
        let good = std::fs::read(&place).unwrap();
        let mut rng = Rng::with_seed(SEED);
        for _ in 0..60 {
            let mut bad = good.clone();
            if rng.bool() {
                bad.truncate(rng.usize(..good.len()));
            } else {
                bad[rng.usize(..good.len())] ^= 1 << rng.u8(..8);
            }
            std::fs::write(&place, &bad).unwrap();
            let mut folder = WorkFolder::open(&path, "", true).unwrap();
            let error = folder.resume(&mut Job::new(request).unwrap()).unwrap_err();
            assert!(matches!(error, Error::Resume(_)), "{error}");
        }
        std::fs::write(&place, &good).unwrap();
    }
    let held = WorkFolder::open(&path, "", true).unwrap();
    let error = WorkFolder::open(&path, "", true).unwrap_err().to_string();
    assert!(error.contains("another process"), "{error}");
    drop(held);
}

#[test]
fn what_is_wrong_is_named_by_its_row() {
    let mut values = vec![1.0_f32; 500];
    values[321] = f32::NAN;
    let labels: Vec<i64> = (0..250).map(|row| row / 2).collect();
    let rows = InMemory::new(&values[..], 2);
    let side = Side { rows: &rows, labels: &labels };
    let found = run(Request::of(side), &mut Scalar).unwrap_err().to_string();
    assert!(found.starts_with("embeddings[160, 1] is NaN"), "{found}");
    let checked = triplet_dataset::check_rows(&rows, &mut |_| true).unwrap_err().to_string();
    assert_eq!(found, checked);
    let good = vec![1.0_f32; 500];
    let rows = InMemory::new(&good[..], 2);
    let side = Side { rows: &rows, labels: &labels };
    let short = Side { rows: &rows, labels: &labels[1..] };
    let one_class = vec![0; 250];
    let many = (vec![1.0_f32; 1100], vec![3; 1100]);
    let many_rows = InMemory::new(&many.0[..], 1);
    for (request, says) in [
        (Request { part: (3, 2), ..Request::of(side) }, "part 3 of 2"),
        (Request { keep: 0, ..Request::of(side) }, "0 negatives"),
        (Request::of(short), "249 labels for 250 rows"),
        (Request { memory: 1000, ..Request::of(side) }, "too few"),
        (
            Request { candidates: Some(Side { rows: &many_rows, labels: &many.1 }), ..Request::of(side) },
            "width 2",
        ),
        (Request::of(Side { rows: &many_rows, labels: &many.1 }), "1100 rows"),
    ] {
        let error = run(request, &mut Scalar).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    // One class has no negatives, and no rows nothing.
    assert!(run(Request::of(Side { rows: &rows, labels: &one_class }), &mut Scalar).unwrap().is_empty());
    let none = InMemory::new(&good[..0], 2);
    assert!(run(Request::of(Side { rows: &none, labels: &[] }), &mut Scalar).unwrap().is_empty());
}
