//! One call of a loss, and what it gives.

use super::{numbers::Number, rows::Rows};
use arbitrary::{Arbitrary, Result, Unstructured};
use triplet_api::{
    Distance, Element, Inputs, Loss, LossSpec, Objective, Reduction, Rule, Weights, Workspace,
};
use triplet_testkit::{Answer, answer};

/// A batch and what is asked of it.
#[derive(Debug, Clone, Arbitrary)]
pub(crate) struct Call {
    rows: Rows,
    asked: Asked,
    weights: Values,
    upstream: Option<Values>,
    output: Output,
}

/// Distance, rule, reduction, policy and margin.
#[derive(Debug, Clone, Copy)]
struct Asked(LossSpec);

impl<'a> Arbitrary<'a> for Asked {
    fn arbitrary(input: &mut Unstructured<'a>) -> Result<Self> {
        let distance = *input.choose(&Distance::ALL)?;
        let rule = *input.choose(&Rule::ALL)?;
        let reduction = *input.choose(&Reduction::ALL)?;
        let require_positives = input.ratio(1, 16)?;
        let margin = Number::arbitrary(input)?.value();
        Ok(Self(LossSpec { objective: Objective { distance, rule, margin }, reduction, require_positives }))
    }
}

/// Weights or an upstream gradient.
#[derive(Debug, Clone, Arbitrary)]
enum Values {
    None,
    One(Number),
    /// One a row: these, over and over.
    Each(Vec<Number>),
    /// As many as there are.
    Listed(Vec<Number>),
}

impl Values {
    fn list(&self, rows: usize) -> Vec<f64> {
        match self {
            Self::None => Vec::new(),
            Self::One(number) => vec![number.value()],
            Self::Each(numbers) => numbers.iter().cycle().take(rows).map(|number| number.value()).collect(),
            Self::Listed(numbers) => numbers.iter().map(|number| number.value()).collect(),
        }
    }
}

/// Where the gradient goes.
#[derive(Debug, Clone, Copy, Arbitrary)]
enum Output {
    Workspace,
    Caller,
    Nowhere,
    /// To the caller, who has so much room.
    Room(u8),
}

impl Call {
    /// Rows of its batch.
    pub(crate) fn rows(&self) -> usize {
        self.rows.count()
    }

    /// The answer of an engine, in bits; an error in words, for NaN in it is not equal to itself.
    pub(crate) fn answer<T: Element>(
        &self,
        workspace: &mut Workspace<T>,
    ) -> std::result::Result<Answer<T::Key>, String> {
        let owned = self.rows.owned::<T>();
        let batch = owned.batch().map_err(|error| format!("{error:?}"))?;
        let rows = self.rows.count();
        let weights = self.weights.list(rows);
        let weights = match self.weights {
            Values::None => Weights::None,
            Values::One(_) => Weights::Scalar(weights[0]),
            Values::Each(_) | Values::Listed(_) => Weights::PerSample(&weights),
        };
        let upstream = self.upstream.as_ref().map(|values| values.list(rows));
        let inputs = Inputs { weights, upstream: upstream.as_deref() };
        let spec = self.asked.0;
        let mut gradient = vec![
            T::from_f64(f64::NAN);
            match self.output {
                Output::Room(room) => room.into(),
                _ => batch.embeddings().len(),
            }
        ];
        let evaluation = match self.output {
            Output::Workspace => spec.evaluate_with(&batch, inputs, workspace),
            Output::Caller | Output::Room(_) => spec.evaluate_into(&batch, inputs, &mut gradient, workspace),
            Output::Nowhere => spec.forward(&batch, weights, workspace),
        };
        let evaluation = evaluation.map_err(|error| format!("{error:?}"))?;
        // What is answered can be computed with.
        assert!(evaluation.loss().is_finite(), "loss {:?}", evaluation.loss());
        assert!(evaluation.gradient().iter().all(|value| value.is_finite()), "a gradient that is not finite");
        Ok(answer(&evaluation))
    }
}
