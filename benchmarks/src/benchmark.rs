//! One benchmark, and how its answer is computed and checked.

use crate::{Digest, Error, Result, Shape, input, widened};
use std::fmt;
use triplet_api::{
    BackendOptions, Batch, Distance, Element, Loss, LossSpec, Objective, Reduction, Rule, Weights, Workspace,
};

/// The type of a batch's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ElementType {
    /// `f32`.
    F32,
    /// `f64`: the same rows, widened.
    F64,
}

impl ElementType {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::F32, Self::F64];

    /// Its name in a definition.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }
}

/// An input, what is computed of it, and what the answer must be.
#[derive(Debug, Clone, PartialEq)]
pub struct Benchmark {
    /// File and name, as in `sizes/1024x128`.
    pub name: String,
    /// Size of the batch.
    pub shape: Shape,
    /// Seed of rows and labels.
    pub seed: u64,
    /// The loss.
    pub spec: LossSpec,
    /// The type of the numbers.
    pub element: ElementType,
    /// Whether the gradient is computed, or the loss and the triplets alone.
    pub gradient: bool,
    /// Names of the engines to measure with; each is one of [`crate::engines::ALL`].
    pub engines: Vec<String>,
    /// The digest of the answer; `None` in definitions that are being written.
    pub digest: Option<Digest>,
}

impl Benchmark {
    /// The loss that most benchmarks and all other engines compute: semi-hard, squared distance, margin
    /// 1, mean.
    pub const USUAL: LossSpec = LossSpec {
        objective: Objective { distance: Distance::SquaredL2, rule: Rule::SemiHard, margin: 1.0 },
        reduction: Reduction::Mean,
        require_positives: false,
    };

    /// The digest of the answer that a backend gives.
    ///
    /// # Errors
    /// As [`Loss::evaluate`]; an instruction set that this CPU lacks.
    pub fn answer(&self, options: BackendOptions) -> triplet_api::Result<Digest> {
        let (embeddings, labels) = input(self.shape, self.seed);
        match self.element {
            ElementType::F32 => self.answer_of(&embeddings, &labels, options),
            ElementType::F64 => self.answer_of(&widened::<f64>(&embeddings), &labels, options),
        }
    }

    fn answer_of<T: Element>(
        &self,
        embeddings: &[T],
        labels: &[i64],
        options: BackendOptions,
    ) -> triplet_api::Result<Digest> {
        let batch = Batch::new(embeddings, self.shape.width, labels)?;
        let mut workspace = Workspace::new(options)?;
        let evaluation = if self.gradient {
            self.spec.evaluate(&batch, &mut workspace)?
        } else {
            self.spec.forward(&batch, Weights::None, &mut workspace)?
        };
        Ok(Digest::of(&evaluation))
    }

    /// Compares an engine's digest with the recorded one.
    ///
    /// # Errors
    /// [`Error::WrongAnswer`].
    pub fn verify(&self, found: Digest, engine: &str) -> Result<()> {
        match self.digest {
            Some(expected) if expected != found => Err(Error::WrongAnswer {
                benchmark: self.name.clone(),
                engine: engine.to_owned(),
                expected,
                found,
            }),
            _ => Ok(()),
        }
    }

    /// Whether engines in Python can take part: they compute [`Benchmark::USUAL`] in f32, with its gradient.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        self.spec == Self::USUAL && self.element == ElementType::F32 && self.gradient
    }

    /// What differs from the usual loss, in words: `l2, f64`; empty where nothing does.
    #[must_use]
    pub fn differences(&self) -> String {
        let (objective, usual) = (self.spec.objective, Self::USUAL);
        let words = [
            (objective.rule != usual.objective.rule).then(|| objective.rule.name().to_owned()),
            (objective.distance != usual.objective.distance).then(|| objective.distance.name().to_owned()),
            (objective.margin != usual.objective.margin).then(|| format!("margin {}", objective.margin)),
            (self.spec.reduction != usual.reduction)
                .then(|| format!("reduction {}", self.spec.reduction.name())),
            (self.element != ElementType::F32).then(|| self.element.name().to_owned()),
            (!self.gradient).then(|| "loss only".to_owned()),
        ];
        words.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// Shape, and what differs from the usual loss.
impl fmt::Display for Benchmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let differences = self.differences();
        if differences.is_empty() {
            return self.shape.fmt(f);
        }
        write!(f, "{}, {differences}", self.shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Spread;

    fn usual() -> Benchmark {
        Benchmark {
            name: "test/one".to_owned(),
            shape: Shape { rows: 12, width: 4, spread: Spread::PerClass(3) },
            seed: 1,
            spec: Benchmark::USUAL,
            element: ElementType::F32,
            gradient: true,
            engines: Vec::new(),
            digest: None,
        }
    }

    #[test]
    fn the_usual_loss_is_the_default_of_the_api() {
        assert_eq!(Benchmark::USUAL, triplet_api::TripletSemiHardLoss::default().spec());
        assert!(usual().is_usual() && usual().differences().is_empty());
    }

    #[test]
    fn every_difference_is_named() {
        let mut other = usual();
        other.spec.objective = Objective { distance: Distance::L2, rule: Rule::Hard, margin: 0.5 };
        other.spec.reduction = Reduction::Sum;
        (other.element, other.gradient) = (ElementType::F64, false);
        assert!(!other.is_usual());
        let words = "12 x 4, 3 rows a class, hard, l2, margin 0.5, reduction sum, f64, loss only";
        assert_eq!(other.to_string(), words);
    }

    #[test]
    fn a_wrong_digest_names_benchmark_engine_and_both() {
        let mut benchmark = usual();
        let found = benchmark.answer(BackendOptions::default()).unwrap();
        benchmark.verify(found, "simd").unwrap();
        let other = Benchmark { seed: 2, ..benchmark.clone() }.answer(BackendOptions::default()).unwrap();
        benchmark.digest = Some(other);
        let message = benchmark.verify(found, "simd avx2").unwrap_err().to_string();
        for part in ["test/one", "simd avx2", &found.to_string(), &format!("expected {other}")] {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
}
