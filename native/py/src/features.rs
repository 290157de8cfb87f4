//! `FeatureTable`: see `nova/native/features.py` for what each call means.

use std::sync::RwLock;

use nova_features::{Increment, Schema, Table};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::call::{read, write};
use crate::convert::{self, longs, matrix, numbers, unsigned};
use crate::error::Failure;

/// Feature rows by id.
#[pyclass(frozen, module = "nova._native")]
pub struct FeatureTable {
    table: RwLock<Table>,
    width: usize,
    row_bytes: usize,
}

type Flags<'py> = Bound<'py, PyArray1<bool>>;

#[pymethods]
impl FeatureTable {
    #[new]
    fn new(defaults: Vec<f32>, half_lives_s: Vec<f64>) -> PyResult<Self> {
        let table = Table::new(Schema::new(defaults, half_lives_s).map_err(Failure::from)?);
        let (width, row_bytes) = (table.schema().width(), table.row_bytes());
        Ok(Self { table: RwLock::new(table), width, row_bytes })
    }

    #[getter]
    fn width(&self) -> usize {
        self.width
    }

    #[getter]
    fn row_bytes(&self) -> usize {
        self.row_bytes
    }

    fn lookup<'py>(
        &self,
        py: Python<'py>,
        ids: &Bound<'_, PyAny>,
        now_ms: i64,
    ) -> PyResult<(Bound<'py, PyArray2<f32>>, Flags<'py>)> {
        let ids = convert::ids("ids", ids)?;
        let rows = read(py, &self.table, |table| table.lookup(&ids, now_ms))?;
        let values = rows.values.into_pyarray(py).reshape([ids.len(), self.width])?;
        Ok((values, rows.missing.into_pyarray(py)))
    }

    fn put(
        &self,
        py: Python<'_>,
        ids: &Bound<'_, PyAny>,
        values: &Bound<'_, PyAny>,
        at_ms: &Bound<'_, PyAny>,
    ) -> PyResult<usize> {
        let ids = convert::ids("ids", ids)?;
        let rows = matrix("values", values)?;
        let values = rows.of_width("values", self.width)?;
        let at_ms = longs("at_ms", ids.len(), at_ms)?;
        Ok(write(py, &self.table, |table| table.put(&ids, values, &at_ms))?.map_err(Failure::from)?)
    }

    fn add(
        &self,
        py: Python<'_>,
        ids: &Bound<'_, PyAny>,
        columns: &Bound<'_, PyAny>,
        amounts: &Bound<'_, PyAny>,
        at_ms: &Bound<'_, PyAny>,
    ) -> PyResult<usize> {
        let ids = convert::ids("ids", ids)?;
        let columns = unsigned::<u32>("columns", ids.len(), columns)?;
        let amounts = numbers::<f32>("amounts", "float32", ids.len(), amounts)?;
        let at_ms = longs("at_ms", ids.len(), at_ms)?;
        let parts = ids.into_iter().zip(columns).zip(amounts).zip(at_ms);
        let increments: Vec<Increment> = parts
            .map(|(((id, column), amount), at_ms)| Increment { id, column: column as usize, amount, at_ms })
            .collect();
        Ok(write(py, &self.table, |table| table.add(&increments))?.map_err(Failure::from)?)
    }

    fn remove(&self, py: Python<'_>, ids: &Bound<'_, PyAny>) -> PyResult<usize> {
        let ids = convert::ids("ids", ids)?;
        Ok(write(py, &self.table, |table| table.remove(&ids))?)
    }

    fn pack<'py>(
        &self,
        py: Python<'py>,
        ids: &Bound<'_, PyAny>,
    ) -> PyResult<(Bound<'py, PyBytes>, Flags<'py>)> {
        let ids = convert::ids("ids", ids)?;
        let (packed, missing) = read(py, &self.table, |table| table.pack(&ids))?;
        Ok((PyBytes::new(py, &packed), missing.into_pyarray(py)))
    }

    fn unpack(&self, py: Python<'_>, ids: &Bound<'_, PyAny>, rows: &[u8]) -> PyResult<usize> {
        let ids = convert::ids("ids", ids)?;
        Ok(write(py, &self.table, |table| table.unpack(&ids, rows))?.map_err(Failure::from)?)
    }

    fn prune(&self, py: Python<'_>, before_ms: i64) -> PyResult<usize> {
        Ok(write(py, &self.table, |table| table.prune(before_ms))?)
    }

    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let snapshot = read(py, &self.table, Table::snapshot)?;
        Ok(PyBytes::new(py, &snapshot))
    }

    fn restore(&self, py: Python<'_>, snapshot: &[u8]) -> PyResult<usize> {
        Ok(write(py, &self.table, |table| table.restore(snapshot))?.map_err(Failure::from)?)
    }

    fn content_hash<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let hash = read(py, &self.table, Table::content_hash)?;
        Ok(PyBytes::new(py, &hash))
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(read(py, &self.table, Table::len)?)
    }
}
