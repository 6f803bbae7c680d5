//! Arrays across the border: numpy's are borrowed on the way in and handed over on the way out.

use flatmin_cli::call::{Array, Numbers};
use numpy::{Element, PyArray1, PyArrayDyn, PyArrayMethods as _, PyReadonlyArrayDyn};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// An array by its key. While it is borrowed, what numpy lets nobody write stays as it is.
pub(crate) struct Borrowed<'py> {
    key: String,
    array: Kind<'py>,
}

enum Kind<'py> {
    F64(PyReadonlyArrayDyn<'py, f64>),
    F32(PyReadonlyArrayDyn<'py, f32>),
    I64(PyReadonlyArrayDyn<'py, i64>),
    I32(PyReadonlyArrayDyn<'py, i32>),
    Boolean(PyReadonlyArrayDyn<'py, bool>),
}

impl<'py> Borrowed<'py> {
    /// The values of a dictionary.
    pub(crate) fn all(arrays: &Bound<'py, PyDict>) -> PyResult<Vec<Self>> {
        arrays
            .iter()
            .map(|(key, value)| Self::new(key.extract()?, &value))
            .collect()
    }

    fn new(key: String, value: &Bound<'py, PyAny>) -> PyResult<Self> {
        let kind = read(value)?
            .map(Kind::F64)
            .or(read(value)?.map(Kind::F32))
            .or(read(value)?.map(Kind::I64))
            .or(read(value)?.map(Kind::I32))
            .or(read(value)?.map(Kind::Boolean));
        match kind {
            Some(array) => Ok(Borrowed { key, array }),
            None => Err(PyTypeError::new_err(format!(
                "{key}: expected a numpy array of f8, f4, i8, i4 or booleans"
            ))),
        }
    }

    /// The key and the numbers as they lie.
    pub(crate) fn view(&self) -> (String, Array<'_>) {
        let array = match &self.array {
            Kind::F64(array) => Array::F64(array.as_array()),
            Kind::F32(array) => Array::F32(array.as_array()),
            Kind::I64(array) => Array::I64(array.as_array()),
            Kind::I32(array) => Array::I32(array.as_array()),
            Kind::Boolean(array) => Array::Boolean(array.as_array()),
        };
        (self.key.clone(), array)
    }
}

/// `None` for an array of another type.
fn read<'py, T: Element>(value: &Bound<'py, PyAny>) -> PyResult<Option<PyReadonlyArrayDyn<'py, T>>> {
    let array = value.cast::<PyArrayDyn<T>>().ok();
    Ok(array.map(|array| array.try_readonly()).transpose()?)
}

/// Arrays by key, handed over without a copy.
pub(crate) fn dictionary(py: Python<'_>, arrays: Vec<(String, Numbers)>) -> PyResult<Bound<'_, PyDict>> {
    let dictionary = PyDict::new(py);
    for (key, numbers) in arrays {
        match numbers {
            Numbers::Reals(array) => dictionary.set_item(key, PyArrayDyn::from_owned_array(py, array))?,
            Numbers::Integers(values) => dictionary.set_item(key, PyArray1::from_vec(py, values))?,
        }
    }
    Ok(dictionary)
}
