//! A small network: linear, ReLU, linear.

use anyhow::Result;
use candle_core::{DType, Device, Tensor, Var};
use candle_nn::{AdamW, Linear, Module, Optimizer, ParamsAdamW};
use ndarray::Array2;
use safetensors::tensor::TensorView;
use std::io::Write;

/// The network and its optimiser. Weights come from the caller's generator, so that a
/// seed determines them.
pub(crate) struct Network {
    variables: Vec<(&'static str, Var)>,
    layers: [Linear; 2],
    optimiser: AdamW,
}

impl Network {
    /// A network from `features` through `hidden` to `embedding` units.
    pub(crate) fn new(
        features: usize,
        hidden: usize,
        embedding: usize,
        learning_rate: f64,
        rng: &mut fastrand::Rng,
    ) -> Result<Self> {
        let mut variables = Vec::new();
        let mut linear = |names: [&'static str; 2], inputs: usize, outputs: usize| -> Result<Linear> {
            // He's initialisation: the variance that ReLU layers keep.
            let bound = (6.0 / inputs as f64).sqrt();
            let mut uniform = || ((rng.f64() * 2.0 - 1.0) * bound) as f32;
            let weights: Vec<f32> = (0..inputs * outputs).map(|_| uniform()).collect();
            let weight = Var::from_vec(weights, (outputs, inputs), &Device::Cpu)?;
            let bias = Var::zeros(outputs, DType::F32, &Device::Cpu)?;
            variables.push((names[0], weight.clone()));
            variables.push((names[1], bias.clone()));
            Ok(Linear::new(weight.as_tensor().clone(), Some(bias.as_tensor().clone())))
        };
        let layers = [
            linear(["hidden.weight", "hidden.bias"], features, hidden)?,
            linear(["embedding.weight", "embedding.bias"], hidden, embedding)?,
        ];
        let parameters = ParamsAdamW { lr: learning_rate, ..ParamsAdamW::default() };
        let optimiser = AdamW::new(variables.iter().map(|(_, var)| var.clone()).collect(), parameters)?;
        Ok(Self { variables, layers, optimiser })
    }

    /// Embeddings `[rows, embedding]` of features `[rows, features]`, of unit length.
    pub(crate) fn forward(&self, features: &Tensor) -> Result<Tensor> {
        let embedding = self.layers[1].forward(&self.layers[0].forward(features)?.relu()?)?;
        let norms = (embedding.sqr()?.sum_keepdim(1)? + 1e-12)?.sqrt()?;
        Ok(embedding.broadcast_div(&norms)?)
    }

    /// Embeddings of rows outside training.
    pub(crate) fn embed(&self, features: &Array2<f32>) -> Result<Array2<f32>> {
        let embedding = self.forward(&tensor(features)?)?;
        let (rows, width) = embedding.dims2()?;
        Ok(Array2::from_shape_vec((rows, width), embedding.flatten_all()?.to_vec1()?)?)
    }

    /// One step down the gradient of a loss.
    pub(crate) fn step(&mut self, loss: &Tensor) -> Result<()> {
        Ok(self.optimiser.backward_step(loss)?)
    }

    /// Writes the weights as safetensors.
    pub(crate) fn write(&self, out: &mut dyn Write) -> Result<()> {
        let mut bytes = Vec::new();
        for (name, var) in &self.variables {
            let values: Vec<f32> = var.flatten_all()?.to_vec1()?;
            bytes.push((
                *name,
                var.dims().to_vec(),
                values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>(),
            ));
        }
        let views: Result<Vec<_>, _> = bytes
            .iter()
            .map(|(name, shape, data)| {
                TensorView::new(safetensors::Dtype::F32, shape.clone(), data).map(|view| (*name, view))
            })
            .collect();
        Ok(out.write_all(&safetensors::serialize(views?, None)?)?)
    }
}

/// Rows as a tensor.
pub(crate) fn tensor(rows: &Array2<f32>) -> Result<Tensor> {
    Ok(Tensor::from_iter(rows.iter().copied(), &Device::Cpu)?.reshape(rows.dim())?)
}
