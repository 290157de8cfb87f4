//! Buffers of Python to slices of Rust, and back. The only place that knows how an id lies in memory.

use numpy::{PyArray2, PyArrayMethods, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::buffer::{Element, PyBuffer, PyUntypedBuffer};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyMemoryView};

use crate::error::Failure;

pub const ID_BYTES: usize = 16;

/// Ids of 16 bytes each, big-endian: `bytes`, `bytearray`, `memoryview`, or a numpy array of `V16` or `uint8`.
pub fn ids(what: &str, buffer: &Bound<'_, PyAny>) -> Result<Vec<u128>, Failure> {
    if let Ok(bytes) = buffer.cast::<PyBytes>() {
        return parse_ids(what, bytes.as_bytes());
    }
    let refused = || {
        let kind = kind(buffer);
        Failure::Input(format!(
            "{what} is {kind}: give 16 bytes for each id, as bytes or as uint8 or V16 array"
        ))
    };
    let untyped = PyUntypedBuffer::get(buffer).map_err(|_| refused())?;
    if untyped.item_size() != 1 && untyped.item_size() != ID_BYTES {
        return Err(refused());
    }
    let view = PyMemoryView::from(buffer).map_err(|_| refused())?;
    let copy = view.call_method0("tobytes").map_err(|_| refused())?;
    parse_ids(what, copy.cast::<PyBytes>().map_err(|_| refused())?.as_bytes())
}

fn parse_ids(what: &str, bytes: &[u8]) -> Result<Vec<u128>, Failure> {
    let (ids, rest) = bytes.as_chunks::<ID_BYTES>();
    if !rest.is_empty() {
        let length = bytes.len();
        return Err(Failure::Input(format!(
            "{what} has {length} bytes: give 16 bytes for each id, big-endian"
        )));
    }
    Ok(ids.iter().map(|&id| u128::from_be_bytes(id)).collect())
}

/// One id.
pub fn id(what: &str, buffer: &Bound<'_, PyAny>) -> Result<u128, Failure> {
    match ids(what, buffer)?.as_slice() {
        [id] => Ok(*id),
        many => Err(Failure::Input(format!("{what} holds {} ids: give exactly one", many.len()))),
    }
}

/// One id, or none.
pub fn optional_id(what: &str, buffer: Option<&Bound<'_, PyAny>>) -> Result<Option<u128>, Failure> {
    buffer.map(|buffer| id(what, buffer)).transpose()
}

/// Ids as bytes, big-endian.
pub fn id_bytes(py: Python<'_>, ids: impl ExactSizeIterator<Item = u128>) -> PyResult<Bound<'_, PyBytes>> {
    PyBytes::new_with(py, ids.len() * ID_BYTES, |bytes| {
        for (place, id) in bytes.chunks_exact_mut(ID_BYTES).zip(ids) {
            place.copy_from_slice(&id.to_be_bytes());
        }
        Ok(())
    })
}

/// Counts as int64.
pub fn counts(counts: impl Iterator<Item = usize>) -> Vec<i64> {
    counts.map(|count| i64::try_from(count).unwrap_or(i64::MAX)).collect()
}

/// `needed` numbers of one type from a one-dimensional buffer.
pub fn numbers<T: Element>(
    what: &str,
    type_name: &str,
    needed: usize,
    buffer: &Bound<'_, PyAny>,
) -> Result<Vec<T>, Failure> {
    let refused = || {
        let kind = kind(buffer);
        Failure::Input(format!("{what} is {kind}: give {needed} numbers as a {type_name} array"))
    };
    let typed = PyBuffer::<T>::get(buffer).map_err(|_| refused())?;
    let values = typed.to_vec(buffer.py()).map_err(|_| refused())?;
    if values.len() == needed {
        return Ok(values);
    }
    Err(Failure::Input(format!("{what} has {} numbers: give {needed}, one for each id", values.len())))
}

/// `needed` int64: an array of them, or one `int` for all.
pub fn longs(what: &str, needed: usize, given: &Bound<'_, PyAny>) -> Result<Vec<i64>, Failure> {
    if !given.is_instance_of::<PyInt>() {
        return numbers(what, "int64", needed, given);
    }
    let one: i64 = given.extract().map_err(|_| Failure::Input(format!("{what} does not fit 64 bits")))?;
    Ok(vec![one; needed])
}

/// `needed` unsigned numbers, given as int64.
pub fn unsigned<T: TryFrom<i64>>(
    what: &str,
    needed: usize,
    given: &Bound<'_, PyAny>,
) -> Result<Vec<T>, Failure> {
    let narrow = |value: i64| {
        let bits = 8 * size_of::<T>();
        T::try_from(value).map_err(|_| {
            Failure::Input(format!("{what} holds {value}: give numbers from 0 that fit {bits} bits"))
        })
    };
    longs(what, needed, given)?.into_iter().map(narrow).collect()
}

/// A matrix of float32 that Python goes on holding; it must not be written to while the call runs.
pub struct Matrix<'py> {
    array: PyReadonlyArray2<'py, f32>,
}

impl Matrix<'_> {
    pub fn values(&self) -> Result<&[f32], Failure> {
        self.array.as_slice().map_err(|_| {
            Failure::Input("the rows do not lie side by side: pass numpy.ascontiguousarray(rows)".to_owned())
        })
    }

    pub fn rows(&self) -> usize {
        self.array.shape()[0]
    }

    pub fn columns(&self) -> usize {
        self.array.shape()[1]
    }

    /// The values of a matrix whose width is known.
    pub fn of_width(&self, what: &str, width: usize) -> Result<&[f32], Failure> {
        if self.columns() == width {
            return self.values();
        }
        Err(Failure::Input(format!(
            "{what} has {} columns: give {width}, one for each feature",
            self.columns()
        )))
    }
}

pub fn matrix<'py>(what: &str, given: &Bound<'py, PyAny>) -> Result<Matrix<'py>, Failure> {
    let array = given.cast::<PyArray2<f32>>().map_err(|_| {
        let kind = kind(given);
        Failure::Input(format!("{what} is {kind}: give a numpy array of float32 with two dimensions"))
    })?;
    let array = array.try_readonly().map_err(|_| Failure::Input(format!("{what} is being written to")))?;
    Ok(Matrix { array })
}

fn kind(given: &Bound<'_, PyAny>) -> String {
    let name = given.get_type().name().map_or_else(|_| "an object".to_owned(), |name| name.to_string());
    match given.getattr("dtype").and_then(|dtype| Ok((dtype.str()?, given.getattr("shape")?.str()?))) {
        Ok((dtype, shape)) => format!("{name} of {dtype} {shape}"),
        Err(_) => name,
    }
}
