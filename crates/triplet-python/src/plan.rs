//! The settings of a loss and of a backend, parsed once and cached by the caller.

use crate::errors::to_exception;
use pyo3::prelude::*;
use triplet_api::{BackendOptions, LossSpec, Objective};

/// A loss and a backend, parsed and checked.
#[pyclass(frozen, module = "triplet_loss._native")]
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) spec: LossSpec,
    pub(crate) options: BackendOptions,
}

#[pymethods]
impl Plan {
    #[new]
    #[pyo3(signature = (*, margin, distance, rule, reduction, backend, threads, isa, require_positives))]
    fn new(
        margin: f64,
        distance: &str,
        rule: &str,
        reduction: &str,
        backend: &str,
        threads: Option<usize>,
        isa: Option<&str>,
        require_positives: bool,
    ) -> PyResult<Self> {
        let parse = || -> triplet_api::Result<Self> {
            let objective = Objective { distance: distance.parse()?, rule: rule.parse()?, margin };
            if !margin.is_finite() {
                return Err(triplet_api::CoreError::Margin { value: margin }.into());
            }
            let spec = LossSpec { objective, reduction: reduction.parse()?, require_positives };
            let isa = isa.map(str::parse).transpose()?;
            Ok(Self { spec, options: BackendOptions { backend: backend.parse()?, isa, threads } })
        };
        parse().map_err(to_exception)
    }

    /// The distance's name.
    #[getter]
    fn distance(&self) -> &'static str {
        self.spec.objective.distance.name()
    }

    /// The rule's name.
    #[getter]
    fn rule(&self) -> &'static str {
        self.spec.objective.rule.name()
    }

    /// The reduction's name.
    #[getter]
    fn reduction(&self) -> &'static str {
        self.spec.reduction.name()
    }

    /// The margin.
    #[getter]
    fn margin(&self) -> f64 {
        self.spec.objective.margin
    }
}
