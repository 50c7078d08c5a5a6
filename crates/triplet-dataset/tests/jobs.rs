//! Jobs against the plainest statement: every anchor, every row, sorted; however it is cut, stopped and gone on with.

use fastrand::Rng;
use std::sync::atomic::{AtomicBool, Ordering};
use triplet_core::{Batch, Scalar, nearest::Conditions};
use triplet_dataset::{Control, Error, InMemory, Job, Record, Request, Rows, Side, WorkFolder};
use triplet_testkit::{
    contenders,
    mining::{FIXED, asked, expected, request_of, run},
    sample,
};

const SEED: u64 = 11;
const BATCHES: u64 = 120;
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
fn a_class_of_more_rows_than_batches_have_has_all_its_triplets() {
    let mut rng = Rng::with_seed(SEED);
    // One class of 1,300 rows among 130 of 2, in an order of their own.
    let mut labels: Vec<i64> = (0..260).map(|row| row / 2).chain([1000; 1300]).collect();
    rng.shuffle(&mut labels);
    let values: Vec<f32> = labels.iter().flat_map(|_| [rng.f32(), rng.f32(), rng.f32()]).collect();
    let rows = InMemory::new(&values[..], 3);
    let asked = (Conditions::default(), 1, triplet_core::Distance::SquaredL2);
    let expected = expected((&values, &labels), None, 3, asked);
    assert_eq!(expected.len(), 1300 * 1299 + 260);
    let mut engine = triplet_par::Parallel::<f32>::with_threads(2).unwrap();
    for memory in [1 << 30, 64 << 20] {
        let request = Request { memory, ..Request::of(Side { rows: &rows, labels: &labels }) };
        println!("{} steps", Job::new(request).unwrap().plan().step_count());
        assert!(run(request, &mut engine).unwrap() == expected, "{memory} bytes");
    }
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
    let many = (vec![1.0_f32; 20], vec![3; 20]);
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
    ] {
        let error = run(request, &mut Scalar).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    // One class has no negatives, and no rows nothing.
    assert!(run(Request::of(Side { rows: &rows, labels: &one_class }), &mut Scalar).unwrap().is_empty());
    let none = InMemory::new(&good[..0], 2);
    assert!(run(Request::of(Side { rows: &none, labels: &[] }), &mut Scalar).unwrap().is_empty());
}

/// Rows of which one is not finite from some moment on.
struct Spoilt<'a> {
    rows: InMemory<'a, f32>,
    row: usize,
    now: AtomicBool,
}

impl Rows<f32> for Spoilt<'_> {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn width(&self) -> usize {
        self.rows.width()
    }

    fn read(&self, first: usize, out: &mut [f32]) -> std::io::Result<()> {
        self.rows.read(first, out)?;
        let place = self.row.checked_sub(first).map(|row| row * self.width());
        if let Some(value) = place.and_then(|place| out.get_mut(place))
            && self.now.load(Ordering::Relaxed)
        {
            *value = f32::NAN;
        }
        Ok(())
    }
}

#[test]
fn a_row_that_is_spoilt_during_the_search_is_named_in_whichever_slab_it_is() {
    let mut rng = Rng::with_seed(SEED);
    let values: Vec<f32> = (0..400 * 5).map(|_| rng.f32()).collect();
    let labels: Vec<i64> = (0..400).map(|row| row % 130).collect();
    let rows = Spoilt { rows: InMemory::new(&values, 5), row: 337, now: AtomicBool::new(false) };
    let request = Request { memory: FIXED + 130_000, ..Request::of(Side { rows: &rows, labels: &labels }) };
    let mut job = Job::new(request).unwrap();
    assert!(job.plan().slab() < 337);
    let error = job.run_watched(&mut Scalar, &mut |_| Ok(()), &mut |_, _| {
        rows.now.store(true, Ordering::Relaxed);
        Ok(Control::GoOn)
    });
    assert_eq!(error.unwrap_err().to_string().split(" is").next(), Some("embeddings[337, 0]"));
}
