//! Every engine against the scalar reference, in f32 and f64, bit for bit, errors too.

mod loss;
mod numbers;
mod pool;
mod rows;
mod search;

use arbitrary::{Arbitrary, Unstructured};
use loss::Call;
use pool::Settings;
use search::Search;
use triplet_api::Element;

/// Calls of one workspace, one after the other: what a call leaves behind must not show in the
/// next.
const MOST_CALLS: usize = 3;

/// Pairs of rows of all calls: later ones are left out.
const MOST_PAIRS: usize = 40_000;

/// The calls that are made.
fn affordable<T>(calls: &[T], rows: impl Fn(&T) -> usize) -> impl Iterator<Item = (usize, &T)> {
    let mut pairs = 0;
    calls.iter().take(MOST_CALLS).enumerate().take_while(move |(_, call)| {
        pairs += rows(call).pow(2);
        pairs <= MOST_PAIRS
    })
}

#[derive(Debug, Arbitrary)]
struct Session<T> {
    settings: Settings,
    calls: Vec<T>,
}

/// Losses, triplets and gradients.
pub(crate) fn batch(bytes: &[u8]) {
    let Ok(session) = Session::<Call>::arbitrary_take_rest(Unstructured::new(bytes)) else { return };
    compare_losses::<f32>(&session);
    compare_losses::<f64>(&session);
}

/// Recall and precision.
pub(crate) fn retrieval(bytes: &[u8]) {
    let Ok(session) = Session::<Search>::arbitrary_take_rest(Unstructured::new(bytes)) else { return };
    compare_searches::<f32>(&session);
    compare_searches::<f64>(&session);
}

fn compare_losses<T: Element>(session: &Session<Call>) {
    let mut engines = session.settings.engines::<T>();
    for (number, call) in affordable(&session.calls, Call::rows) {
        let mut expected = None;
        for (name, workspace) in &mut engines {
            let found = call.answer(workspace);
            let expected = expected.get_or_insert_with(|| found.clone());
            let difference = match (&*expected, &found) {
                (Ok(expected), Ok(found)) => expected.difference(found),
                (Err(expected), Err(found)) if expected == found => None,
                (expected, found) => {
                    Some(format!("{:?} and {:?}", expected.as_ref().err(), found.as_ref().err()))
                }
            };
            assert!(
                difference.is_none(),
                "call {number}, {name}: {}: {call:?}",
                difference.unwrap_or_default()
            );
        }
    }
}

fn compare_searches<T: Element>(session: &Session<Search>) {
    let mut engines = session.settings.engines::<T>();
    for (number, search) in affordable(&session.calls, Search::rows) {
        let mut expected = None;
        for (name, workspace) in &mut engines {
            let found = search.answer(workspace);
            let expected = expected.get_or_insert_with(|| found.clone());
            assert!(*expected == found, "search {number}, {name}: {expected} and {found}: {search:?}");
        }
    }
}

/// Bytes of several lengths: what they mean is for the fuzzer to find.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut rng = fastrand::Rng::with_seed(1);
    (4..10).map(|power| (0..1 << power).map(|_| rng.u8(..)).collect()).collect()
}
