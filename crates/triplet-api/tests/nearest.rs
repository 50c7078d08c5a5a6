//! The nearest negatives of a set that comes in portions: every engine finds what the reference finds.

use triplet_core::{Real, nearest::NearestTask};
use triplet_testkit::{NearestCase, contenders, sample};

const SEED: u64 = 5;
const BATCHES: u64 = 160;

fn engines_agree<T: triplet_simd::Element>() {
    let mut engines = contenders::<T>().unwrap();
    let mut screened = 0;
    for number in 0..BATCHES {
        let sample = sample(SEED, number);
        let case = NearestCase::numbered(&sample, number);
        let (reference, others) = engines.split_first_mut().unwrap();
        let expected = case.answer(&sample, &mut *reference.engine);
        for other in others {
            let found = case.answer(&sample, &mut *other.engine);
            assert!(
                found == expected,
                "{} on {}, {case:?}: {found:?}, not {expected:?}",
                other.name,
                sample.name
            );
            screened += other.engine.screened().pairs;
        }
    }
    println!("seed {SEED}: {BATCHES} batches, {} engines, {screened} pairs screened", engines.len());
    assert!(T::NAME == "f64" || screened > 0);
}

#[test]
fn every_engine_finds_the_same_in_f32() {
    engines_agree::<f32>();
}

#[test]
fn every_engine_finds_the_same_in_f64() {
    engines_agree::<f64>();
}

#[test]
fn starts_that_do_not_fit_are_refused() {
    use triplet_core::{Batch, Distance, Points, points::PointsBuffers};
    let batch = Batch::new(&[0.0_f32, 1.0], 1, &[0, 1]).unwrap();
    let mut buffers = PointsBuffers::default();
    let points = Points::new(&batch, Distance::L2, &mut buffers);
    for starts in [&[0, 1][..], &[0, 2, 1], &[1, 1, 1], &[0, 1, 2], &[]] {
        let thresholds = [1.0_f32.key()];
        let error = NearestTask::new(points, Distance::L2, starts, &thresholds).unwrap_err();
        assert!(error.to_string().contains("2 anchors"), "{error}");
    }
}

#[test]
fn rows_cannot_be_both_sides_of_parts_that_overlap() {
    use triplet_core::{
        Batch, Distance, Engine, Points, Scalar,
        nearest::{Excluded, Mutual, Nearest},
        points::PointsBuffers,
    };
    let labels: Vec<i64> = (0..60).collect();
    let rows = vec![0.5_f32; 60];
    let batch = Batch::new(&rows, 1, &labels).unwrap();
    let mut buffers = PointsBuffers::default();
    let points = Points::new(&batch, Distance::L2, &mut buffers);
    let (starts, thresholds) = ((0..=60).collect::<Vec<_>>(), vec![0; 60]);
    let task = NearestTask::new(points, Distance::L2, &starts, &thresholds).unwrap();
    let listed = task.excluding(Excluded::Rows { starts: &starts, rows: &[0; 60] });
    let mut found = Nearest::default();
    found.reset(&task);
    for (task, mutual, says) in [
        (task, Mutual::between([0, 48], 47), "multiple of 48"),
        (task, Mutual::between([0, 96], 96), "multiple of 48"),
        (task, Mutual::between([0, 47], 48), "before the second"),
        (task, Mutual::within(i32::MAX as u32 - 20), "rows"),
        (listed, Mutual::within(0), "listed"),
    ] {
        let error = Scalar.search_nearest_mutual(&task, mutual, &mut found).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}
