//! Ranks that hold a batch together: the bits of one process, and errors that reach every rank.

use std::sync::Mutex;
use triplet_api::{
    Batch, Distance, Error, Inputs, Loss, LossSpec, MemoryLimits, Objective, Reduction, Rule, Weights,
    Workspace,
    ranks::{Exchange, ExchangeError, HEADER_BYTES, Kind, Local, RankError, Ranks, Shard, Stage},
};
use triplet_core::Scalar;
use triplet_testkit::{
    Contender, Cut, Sample,
    compare::{answer_in, numbered_spec, weights},
    engines::contenders_of_ranks,
    ranks, sample,
};

const SEED: u64 = 11;

/// Engines for so many ranks: the instruction sets, threads and screens of this CPU take turns, so that those of a batch
/// differ.
fn engines<T: triplet_api::Element>(number: u64) -> Vec<(String, Workspace<T>)> {
    let mut all: Vec<_> = contenders_of_ranks::<T>().unwrap().into_iter().map(Contender::workspace).collect();
    let turn = (number as usize * 3) % all.len();
    all.rotate_left(turn);
    all.truncate(4);
    all
}

fn first<T: triplet_api::Element>(
    engines: &mut [(String, Workspace<T>)],
    count: usize,
) -> Vec<&mut Workspace<T>> {
    engines.iter_mut().take(count).map(|(_, workspace)| workspace).collect()
}

#[test]
fn shares_of_different_engines_give_the_bits_of_one_process() {
    println!("seed {SEED}");
    let mut reference = Workspace::<f32>::with_engine(Box::new(Scalar));
    let mut wide = Workspace::<f64>::with_engine(Box::new(Scalar));
    for number in 0..72 {
        let sample = sample(SEED, number);
        let asked = numbered_spec(number * 5 + 1);
        let weights = weights(number, sample.labels.len());
        let cut = Cut::numbered(&sample, number);
        let name = format!("{} in ranks: {}, {asked:?}", sample.name, cut.kind);
        let expected = answer_in(&sample, asked, weights.as_deref(), &mut reference).unwrap();
        let mut singles = engines::<f32>(number);
        let found =
            cut.answers(&sample, asked, weights.as_deref(), first(&mut singles, cut.ranks())).unwrap();
        for (found, (engine, _)) in found.iter().zip(&singles) {
            assert_eq!(expected.difference(found), None, "{engine}: {name}");
        }
        let expected = answer_in(&sample, asked, weights.as_deref(), &mut wide).unwrap();
        let mut doubles = engines::<f64>(number);
        let found =
            cut.answers(&sample, asked, weights.as_deref(), first(&mut doubles, cut.ranks())).unwrap();
        for (found, (engine, _)) in found.iter().zip(&doubles) {
            assert_eq!(expected.difference(found), None, "{engine}: {name}");
        }
    }
}

#[test]
fn banks_of_ranks_give_the_bits_of_one_process_at_every_step() {
    let mut reference = Workspace::with_engine(Box::new(Scalar));
    for number in 0..24 {
        let sample = sample(SEED + 1, number);
        let asked = numbered_spec(number * 5 + 2);
        let cut = Cut::numbered(&sample, number);
        let expected = ranks::bank_answer::<f32>(&sample, asked, &mut reference).unwrap();
        let mut singles = engines::<f32>(number);
        for found in cut.bank_answers(&sample, asked, first(&mut singles, cut.ranks())).unwrap() {
            for (step, (expected, found)) in expected.iter().zip(&found).enumerate() {
                assert_eq!(expected.difference(found), None, "{} step {step}, {asked:?}", sample.name);
            }
            assert_eq!(found.len(), expected.len());
        }
    }
}

const WIDTH: usize = 3;

fn rows(count: usize) -> (Vec<f32>, Vec<i64>) {
    let values = (0..count * WIDTH).map(|i| (i * 7919 % 1013) as f32 / 506.0).collect();
    (values, (0..count as i64).map(|row| row % 5).collect())
}

fn spec(distance: Distance) -> LossSpec {
    let objective = Objective { distance, rule: Rule::SemiHard, margin: 1.0 };
    LossSpec { objective, reduction: Reduction::Mean, require_positives: false }
}

/// What each of some ranks gets, on a thread of its own.
fn each<A: Send>(count: usize, work: impl Fn(usize, Local) -> A + Sync) -> Vec<A> {
    std::thread::scope(|scope| {
        let work = &work;
        let ranks = Local::group(count).into_iter().enumerate();
        let threads: Vec<_> =
            ranks.map(|(rank, exchange)| scope.spawn(move || work(rank, exchange))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// The loss of rows that are cut evenly, or an error.
fn loss_of(
    asked: LossSpec,
    (values, labels): &(Vec<f32>, Vec<i64>),
    exchange: &mut dyn Exchange,
    workspace: &mut Workspace<f32>,
) -> Result<f32, Error> {
    let (rank, count, rows) = (exchange.rank(), exchange.ranks(), labels.len());
    let own = rows * rank / count..rows * (rank + 1) / count;
    let shard = Shard::new(&values[own.start * WIDTH..own.end * WIDTH], WIDTH, &labels[own]);
    let mut ranks = Ranks::default();
    let gathered = ranks.gather(&asked, shard, exchange)?;
    gathered.evaluate(&asked, exchange, workspace).map(|result| result.loss())
}

#[test]
fn a_rank_with_bad_rows_stops_all_and_is_named() {
    let batch = rows(12);
    let errors = each(3, |rank, mut exchange| {
        let mut own = batch.clone();
        if rank == 1 {
            own.0[5 * WIDTH] = f32::NAN;
        }
        loss_of(spec(Distance::L2), &own, &mut exchange, &mut Workspace::default()).unwrap_err()
    });
    assert!(matches!(&errors[1], Error::Core(_)), "{}", errors[1]);
    for rank in [0, 2] {
        let reason = errors[1].to_string();
        assert_eq!(errors[rank], Error::Rank(RankError::Refused { rank: 1, reason }));
    }
}

#[test]
fn ranks_that_were_asked_differently_all_say_so() {
    let batch = rows(12);
    let errors = each(3, |rank, mut exchange| {
        let distance = if rank == 2 { Distance::L2 } else { Distance::SquaredL2 };
        loss_of(spec(distance), &batch, &mut exchange, &mut Workspace::default()).unwrap_err()
    });
    for (rank, error) in errors.iter().enumerate() {
        let Error::Rank(RankError::Disagree { what, rank: other, own, .. }) = error else {
            panic!("{error}")
        };
        let expected = if rank == 2 { (0, 2) } else { (2, rank) };
        assert_eq!((*what, *other, *own), ("distance", expected.0, expected.1));
    }
}

#[test]
fn a_rank_without_memory_stops_all() {
    let batch = rows(200);
    let errors = each(3, |rank, mut exchange| {
        let bytes = if rank == 1 { 20_000 } else { usize::MAX };
        let limits = MemoryLimits { bytes, ..Default::default() };
        let mut workspace = Workspace::default().with_limits(limits);
        loss_of(spec(Distance::L2), &batch, &mut exchange, &mut workspace).unwrap_err()
    });
    assert!(matches!(errors[1], Error::MemoryBudget { .. }), "{}", errors[1]);
    for rank in [0, 2] {
        let stopped = RankError::Stopped { rank: 1, stage: Stage::Candidates };
        assert_eq!(errors[rank], Error::Rank(stopped));
    }
}

/// Tells a function of each exchange, and of the bytes that others will send; where that refuses, the rank dies, as a
/// process that is killed.
struct Watched<F> {
    inner: Option<Local>,
    rank: usize,
    ranks: usize,
    watch: F,
}

impl<F: FnMut(Stage, usize) -> bool> Watched<F> {
    fn new(inner: Local, watch: F) -> Self {
        let (rank, ranks) = (inner.rank(), inner.ranks());
        Self { inner: Some(inner), rank, ranks, watch }
    }

    fn alive(&mut self, stage: Stage, bytes: usize) -> Result<&mut Local, ExchangeError> {
        if !(self.watch)(stage, bytes) {
            self.inner = None;
        }
        self.inner.as_mut().ok_or(ExchangeError { ranks: vec![self.rank], reason: "dead".into() })
    }
}

impl<F: FnMut(Stage, usize) -> bool + Send> Exchange for Watched<F> {
    fn rank(&self) -> usize {
        self.rank
    }
    fn ranks(&self) -> usize {
        self.ranks
    }
    fn all_gather(
        &mut self,
        stage: Stage,
        own: &[u8],
        lengths: &[usize],
        all: &mut [u8],
    ) -> Result<(), ExchangeError> {
        self.alive(stage, all.len() - own.len())?.all_gather(stage, own, lengths, all)
    }
    fn all_to_all(
        &mut self,
        stage: Stage,
        parts: (&[u8], &[usize]),
        received: (&mut [u8], &[usize]),
    ) -> Result<(), ExchangeError> {
        let bytes = received.0.len() - received.1[self.rank];
        self.alive(stage, bytes)?.all_to_all(stage, parts, received)
    }
}

#[test]
fn a_rank_that_dies_at_any_stage_is_named_by_all_others() {
    let batch = rows(24);
    for stage in [Stage::Settings, Stage::Rows, Stage::Candidates, Stage::Triplets] {
        let errors = each(4, |rank, exchange| {
            let mut exchange = Watched::new(exchange, |at, _| rank != 2 || at != stage);
            loss_of(spec(Distance::L2), &batch, &mut exchange, &mut Workspace::default()).unwrap_err()
        });
        for (rank, error) in errors.iter().enumerate().filter(|&(rank, _)| rank != 2) {
            let Error::Rank(RankError::Lost { ranks, stage: at, .. }) = error else { panic!("{error}") };
            assert!(ranks.contains(&2) && *at == stage, "rank {rank} at {stage}: {error}");
        }
    }
}

#[test]
fn a_gradient_that_overflows_on_one_rank_stops_all() {
    // The weight of one anchor is beyond the range of its gradient's components.
    let (values, labels) = rows(6);
    let weights = [1.0, 1.0, 1.0, 1.0, 1.0, f64::MAX];
    let asked = LossSpec { reduction: Reduction::Sum, ..spec(Distance::SquaredL2) };
    let errors = each(3, |rank, mut exchange| {
        let own = 2 * rank..2 * rank + 2;
        let embeddings = &values[own.start * WIDTH..own.end * WIDTH];
        let shard = Shard {
            embeddings,
            width: WIDTH,
            labels: &labels[own.clone()],
            weights: Some(&weights[own]),
            kind: Kind::Batch,
            digest: 0,
            gradient: true,
            marks: None,
        };
        let mut ranks = Ranks::default();
        let mut workspace = Workspace::default();
        let gathered = ranks.gather(&asked, shard, &mut exchange)?;
        gathered.evaluate(&asked, &mut exchange, &mut workspace).map(|result| result.loss())
    });
    assert!(errors.iter().all(Result::is_err), "{errors:?}");
    let batch = Batch::new(&values, WIDTH, &labels).unwrap();
    let inputs = Inputs { weights: Weights::PerSample(&weights), upstream: None };
    assert!(asked.evaluate_with(&batch, inputs, &mut Workspace::<f32>::default()).is_err());
}

#[test]
fn the_bytes_of_a_step_are_those_of_the_documented_formula() {
    let (rows, width, per_class, ranks) = (1024, 128, 8, 4);
    let (values, labels) = triplet_testkit::inputs::unit_rows(rows, width, per_class, 3);
    let sample = Sample { name: String::new(), embeddings: values, width, labels };
    for (distance, most) in [(Distance::SquaredL2, 1.07), (Distance::L2, 1.104)] {
        let counted: Vec<_> = (0..ranks).map(|_| Mutex::new(Vec::new())).collect();
        let losses = each(ranks, |rank, inner| {
            let mut exchange = Watched::new(inner, |stage, bytes| {
                counted[rank].lock().unwrap().push((stage, bytes));
                true
            });
            let own = rows * rank / ranks..rows * (rank + 1) / ranks;
            let embeddings = &sample.embeddings[own.start * width..own.end * width];
            let shard = Shard::new(embeddings, width, &sample.labels[own]);
            let mut ranks = Ranks::default();
            let gathered = ranks.gather(&spec(distance), shard, &mut exchange).unwrap();
            let mut workspace = Workspace::default();
            gathered.evaluate(&spec(distance), &mut exchange, &mut workspace).unwrap().loss()
        });
        assert!(losses.iter().all(|loss| loss.to_bits() == losses[0].to_bits()));
        let pairs = rows * (per_class - 1);
        // Of it, a rank has its own rows' already.
        let formula = (4 * rows * width + 8 * rows + 4 * pairs + pairs / 8) * (ranks - 1) / ranks;
        for bytes in &counted {
            let bytes = bytes.lock().unwrap();
            let total: usize = bytes.iter().map(|(_, bytes)| bytes).sum();
            println!("{distance:?}: {bytes:?}, {:.3} of the formula", total as f64 / formula as f64);
            assert_eq!(bytes[0], (Stage::Settings, (ranks - 1) * HEADER_BYTES));
            assert!(total as f64 <= most * formula as f64, "{total} of {formula}");
        }
    }
}
