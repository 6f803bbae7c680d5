//! The functions behind the Python package `flatmin`: arrays in, arrays out, the interpreter free while they compute.
//!
//! What they compute, and every word about what is wrong, is that of the command: see [`flatmin_cli::call`].

mod arrays;
mod blocks;
mod interrupt;

use pyo3::prelude::*;

/// What the Python code of the package calls.
#[pymodule]
mod _flatmin {
    use std::ffi::OsString;

    use faer::MatRef;
    use flatmin::fold_in::{FoldIn, Ridge, Row};
    use flatmin_cli::call::{self, Answer, Arrays};
    use numpy::{PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
    use pyo3::exceptions::{PyBaseException, PyRuntimeError, PyValueError};
    use pyo3::prelude::*;
    use pyo3::types::PyDict;
    use rayon::prelude::*;

    use crate::arrays::{Borrowed, dictionary};
    #[pymodule_export]
    use crate::blocks::{
        block_gradient, block_gram, block_krylov, block_precondition, block_regress, block_residual,
        block_times, completion_bound, completion_weights, gaussian,
    };
    use crate::interrupt::interruptible;

    #[pymodule_export]
    #[allow(non_upper_case_globals, reason = "as Python names it")]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    /// result.json, report.json, the arrays, the warnings, and what interrupted the run, if anything did.
    type Solved<'py> = (
        String,
        String,
        Bound<'py, PyDict>,
        Vec<String>,
        Option<Py<PyBaseException>>,
    );

    /// The factor (n × k) and the biases (n) of rows.
    type Fitted<'py> = (Bound<'py, PyArray2<f64>>, Bound<'py, PyArray1<f64>>);

    /// `flatmin solve` on arrays: `words` are the model and the options.
    #[pyfunction]
    fn solve<'py>(py: Python<'py>, words: Vec<String>, data: &Bound<'py, PyDict>) -> PyResult<Solved<'py>> {
        let data = Borrowed::all(data)?;
        let arrays: Arrays<'_> = data.iter().map(Borrowed::view).collect();
        let (answer, signal) = interruptible(py, |flag| call::solve(&words, &arrays, flag));
        solved(py, answer.map_err(raised)?, signal)
    }

    /// `flatmin measure` on arrays.
    #[pyfunction]
    fn measure<'py>(
        py: Python<'py>,
        words: Vec<String>,
        data: &Bound<'py, PyDict>,
        factors: &Bound<'py, PyDict>,
    ) -> PyResult<Solved<'py>> {
        let (data, factors) = (Borrowed::all(data)?, Borrowed::all(factors)?);
        let arrays: Arrays<'_> = data.iter().map(Borrowed::view).collect();
        let factors: Arrays<'_> = factors.iter().map(Borrowed::view).collect();
        let (answer, signal) = interruptible(py, |flag| call::measure(&words, &arrays, &factors, flag));
        solved(py, answer.map_err(raised)?, signal)
    }

    fn solved(py: Python<'_>, answer: Answer, signal: Option<PyErr>) -> PyResult<Solved<'_>> {
        let arrays = dictionary(py, answer.arrays)?;
        let signal = signal.map(|signal| signal.into_value(py));
        Ok((answer.result, answer.report, arrays, answer.warnings, signal))
    }

    /// `flatmin generate` into arrays.
    #[pyfunction]
    fn generate(py: Python<'_>, words: Vec<String>) -> PyResult<Bound<'_, PyDict>> {
        let made = py.detach(|| call::generate(&words)).map_err(raised)?;
        dictionary(py, made)
    }

    /// `report.html` from result.json and report.json.
    #[pyfunction]
    fn report(py: Python<'_>, result: String, report: String) -> PyResult<String> {
        py.detach(|| call::report(&result, &report)).map_err(raised)
    }

    /// `flatmin experiment`: its rows as JSON, and what interrupted it, if anything did.
    #[pyfunction]
    fn experiment(py: Python<'_>, words: Vec<String>) -> PyResult<(String, Option<Py<PyBaseException>>)> {
        let (rows, signal) = interruptible(py, |flag| call::experiment(&words, flag));
        Ok((rows.map_err(raised)?, signal.map(|signal| signal.into_value(py))))
    }

    /// The jobs of an experiment whose rows are missing, as JSON.
    #[pyfunction]
    fn experiment_jobs(py: Python<'_>, words: Vec<String>) -> PyResult<String> {
        py.detach(|| call::experiment_jobs(&words)).map_err(raised)
    }

    /// The rows of one job, as JSON.
    #[pyfunction]
    fn experiment_job(py: Python<'_>, words: Vec<String>, cell: String, trial: u64) -> PyResult<String> {
        let (rows, signal) = interruptible(py, |flag| call::experiment_job(&words, (&cell, trial), flag));
        match signal {
            Some(signal) => Err(signal),
            None => rows.map_err(raised),
        }
    }

    /// All rows in order, as JSON, once other processes have run the jobs; with a folder its files.
    #[pyfunction]
    fn experiment_rows(py: Python<'_>, words: Vec<String>, rows: String) -> PyResult<String> {
        py.detach(|| call::experiment_rows(&words, &rows)).map_err(raised)
    }

    /// The command line; gives the exit code.
    #[pyfunction]
    fn main(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
        py.detach(|| flatmin_cli::main(arguments))
    }

    /// Fits n rows, of which row i has the entries starts[i] to starts[i + 1] of `columns` and `values`, to the right factor
    /// (d2 × k): their factor (n × k) and their biases (n).
    #[pyfunction]
    fn fold_in<'py>(
        py: Python<'py>,
        right: PyReadonlyArray2<'py, f64>,
        ridge: (f64, f64),
        bias: Option<f64>,
        starts: PyReadonlyArray1<'py, i64>,
        columns: PyReadonlyArray1<'py, u32>,
        values: PyReadonlyArray1<'py, f64>,
    ) -> PyResult<Fitted<'py>> {
        let (right, starts) = (right.as_array(), starts.as_slice()?);
        let (columns, values) = (columns.as_slice()?, values.as_slice()?);
        let k = right.ncols();
        let fitted = py.detach(|| -> Result<Vec<Row>, flatmin::Error> {
            let flat: Vec<f64> = right.iter().copied().collect();
            let right = MatRef::from_row_major_slice(&flat, right.nrows(), k);
            let (scale, power) = ridge;
            let fold = FoldIn::new(right, Ridge { scale, power }, bias)?;
            let rows = starts.par_windows(2);
            rows.map(|ends| {
                let entries = ends[0].max(0) as usize..ends[1].max(0) as usize;
                let own = columns.get(entries.clone()).zip(values.get(entries));
                own.map_or(Err(flatmin::Error::Numerical("the starts of rows")), |(b, y)| {
                    fold.row(b, y)
                })
            })
            .collect()
        });
        let fitted = fitted.map_err(|error| PyValueError::new_err(error.to_string()))?;
        let factor = ndarray::Array2::from_shape_fn((fitted.len(), k), |(i, j)| fitted[i].factor[j]);
        let biases: Vec<f64> = fitted.iter().map(|row| row.bias).collect();
        Ok((
            PyArray2::from_owned_array(py, factor),
            PyArray1::from_vec(py, biases),
        ))
    }

    /// Bad input is a `ValueError`, in the words of the command.
    fn raised(failure: flatmin_cli::Failure) -> PyErr {
        let message = failure.message();
        match failure {
            flatmin_cli::Failure::Input(_) => PyValueError::new_err(message),
            flatmin_cli::Failure::Internal(_) => PyRuntimeError::new_err(message),
        }
    }
}
