//! `LinearRanker`: see `nova/native/rank.py` for what each call means.

use nova_rank::{Diversity, Linear};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods};
use pyo3::prelude::*;

use crate::call::detached;
use crate::convert::{ids, matrix, numbers};
use crate::error::Failure;

/// A linear model with several heads.
#[pyclass(frozen, module = "nova._native")]
pub struct LinearRanker(Linear);

type Array1<'py, T> = Bound<'py, PyArray1<T>>;
type Array2<'py, T> = Bound<'py, PyArray2<T>>;

#[pymethods]
impl LinearRanker {
    #[new]
    fn new(
        weights: &Bound<'_, PyAny>,
        head_weights: &Bound<'_, PyAny>,
        sigmoid: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let weights = matrix("weights", weights)?;
        let heads = weights.columns();
        let head_weights = numbers::<f32>("head_weights", "float32", heads, head_weights)?;
        let sigmoid = numbers::<u8>("sigmoid", "uint8", heads, sigmoid)?;
        let sigmoid: Vec<bool> = sigmoid.into_iter().map(|flag| flag != 0).collect();
        Ok(Self(Linear::new(weights.values()?, &head_weights, &sigmoid).map_err(Failure::from)?))
    }

    #[getter]
    fn width(&self) -> usize {
        self.0.width()
    }

    #[getter]
    fn heads(&self) -> usize {
        self.0.heads()
    }

    fn scores<'py>(&self, py: Python<'py>, features: &Bound<'_, PyAny>) -> PyResult<Array1<'py, f64>> {
        let features = matrix("features", features)?;
        let values = features.of_width("features", self.0.width())?;
        let rows = features.rows();
        let scores = detached(py, || Ok(self.0.scores(values, rows)?))?;
        Ok(scores.into_pyarray(py))
    }

    #[allow(clippy::type_complexity)] // a tuple of Python, named in the face
    fn rank<'py>(
        &self,
        py: Python<'py>,
        features: &Bound<'_, PyAny>,
        authors: &Bound<'_, PyAny>,
        k: usize,
        decay: f64,
        floor: f64,
    ) -> PyResult<(Array1<'py, u32>, Array1<'py, f64>, Array1<'py, f64>)> {
        let features = matrix("features", features)?;
        let values = features.of_width("features", self.0.width())?;
        let authors = ids("authors", authors)?;
        if authors.len() != features.rows() {
            let (authors, rows) = (authors.len(), features.rows());
            return Err(
                Failure::Input(format!("{authors} authors beside {rows} rows: give one a row")).into()
            );
        }
        let diversity = Diversity { decay, floor };
        let slate = detached(py, || Ok(self.0.rank(values, &authors, k, diversity)?))?;
        Ok((slate.index.into_pyarray(py), slate.scores.into_pyarray(py), slate.multipliers.into_pyarray(py)))
    }

    #[allow(clippy::type_complexity)] // a tuple of Python, named in the face
    fn explain<'py>(
        &self,
        py: Python<'py>,
        features: &Bound<'_, PyAny>,
        multipliers: &Bound<'_, PyAny>,
    ) -> PyResult<(Array2<'py, f64>, Array2<'py, f64>, Array1<'py, f64>)> {
        let features = matrix("features", features)?;
        let values = features.of_width("features", self.0.width())?;
        let multipliers = numbers::<f64>("multipliers", "float64", features.rows(), multipliers)?;
        let parts = detached(py, || Ok(self.0.explain(values, &multipliers)?))?;
        let shape = [features.rows(), self.0.width()];
        Ok((
            parts.weights.into_pyarray(py).reshape(shape)?,
            parts.contributions.into_pyarray(py).reshape(shape)?,
            parts.scores.into_pyarray(py),
        ))
    }
}
