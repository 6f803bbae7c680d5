//! Blocks of rows and of columns, as the workers of a cluster hold them; and what their driver asks of the core.

use std::sync::Mutex;

use faer::{Mat, MatRef};
use flatmin::blocks::{Block, Rows};
use flatmin::certificate::{PiecesBound, Products, Sums, penalised_bound};
use flatmin::flatness::Weights;
use flatmin::linalg::krylov;
use flatmin::{Error, Objective};
use numpy::{
    PyArray1, PyArray2, PyArrayMethods as _, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods as _,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

type Vector<'py> = PyReadonlyArray1<'py, f64>;
type Matrix<'py> = PyReadonlyArray2<'py, f64>;
/// W1, W2, their inverses, and ‖W̃1 X W̃2‖_* / ‖W1 X W2‖_*.
type WeightArrays<'py> = (
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<f64>>,
    f64,
);
/// starts, places across, values; threads.
type Entries<'py> = (
    PyReadonlyArray1<'py, i64>,
    PyReadonlyArray1<'py, u32>,
    PyReadonlyArray1<'py, f64>,
    usize,
);

fn raised(error: Error) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// Runs a kernel on the lines of a block and a factor that comes in pieces, with the interpreter free and on threads of its
/// own: those that other tasks of a worker use are not waited for.
fn kernel<T: Send>(
    py: Python<'_>,
    (starts, across, values, threads): &Entries<'_>,
    x: &[Matrix<'_>],
    work: impl FnOnce(&Block<'_>, &Rows) -> Result<T, Error> + Send,
) -> PyResult<T> {
    let (starts, across, values) = (starts.as_slice()?, across.as_slice()?, values.as_slice()?);
    let starts: Vec<usize> = starts
        .iter()
        .map(|s| usize::try_from(*s))
        .collect::<Result<_, _>>()
        .map_err(|_| PyValueError::new_err("the starts of the lines of a block: found a negative one"))?;
    let pieces = views(x)?;
    py.detach(|| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(*threads).build();
        let pool = pool.map_err(|_| Error::Numerical("the start of threads"))?;
        pool.install(|| work(&Block::new(starts, across, values)?, &Rows::stacked(&pieces)?))
    })
    .map_err(raised)
}

fn view<'a>(x: &'a Matrix<'_>) -> PyResult<MatRef<'a, f64>> {
    let (rows, columns) = (x.as_array().nrows(), x.as_array().ncols());
    if !x.is_c_contiguous() {
        return Err(PyValueError::new_err("a factor: found another order, expected C"));
    }
    Ok(MatRef::from_row_major_slice(x.as_slice()?, rows, columns))
}

fn views<'a>(x: &'a [Matrix<'_>]) -> PyResult<Vec<MatRef<'a, f64>>> {
    x.iter().map(view).collect()
}

fn array(py: Python<'_>, rows: Rows) -> PyResult<Bound<'_, PyArray2<f64>>> {
    let (n, k) = rows.shape();
    PyArray1::from_vec(py, rows.to_vec()).reshape([n, k])
}

fn from_mat<'py>(py: Python<'py>, a: MatRef<'_, f64>) -> Bound<'py, PyArray2<f64>> {
    let rows = ndarray::Array2::from_shape_fn((a.nrows(), a.ncols()), |(i, j)| a[(i, j)]);
    PyArray2::from_owned_array(py, rows)
}

/// The lines that are best for the other factor, and how far they bring ½‖y‖² down.
#[pyfunction]
pub(crate) fn block_regress<'py>(
    py: Python<'py>,
    block: Entries<'py>,
    x: Vec<Matrix<'py>>,
    ridge: Vector<'py>,
) -> PyResult<(Bound<'py, PyArray2<f64>>, f64)> {
    let ridge = ridge.as_slice()?;
    let (own, fall) = kernel(py, &block, &x, |block, x| block.regress(x, ridge))?;
    Ok((array(py, own)?, fall))
}

/// The gradient of the penalised squares in the lines of a block.
#[pyfunction]
pub(crate) fn block_gradient<'py>(
    py: Python<'py>,
    block: Entries<'py>,
    x: Vec<Matrix<'py>>,
    ridge: Vector<'py>,
    own: Matrix<'py>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let (ridge, own) = (ridge.as_slice()?, view(&own)?);
    let out = kernel(py, &block, &x, |block, x| {
        block.gradient(x, ridge, &Rows::stacked(&[own])?)
    })?;
    array(py, out)
}

/// The inverse Hessian of the lines alone, times v.
#[pyfunction]
pub(crate) fn block_precondition<'py>(
    py: Python<'py>,
    block: Entries<'py>,
    x: Vec<Matrix<'py>>,
    ridge: Vector<'py>,
    v: Matrix<'py>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let (ridge, v) = (ridge.as_slice()?, view(&v)?);
    let out = kernel(py, &block, &x, |block, x| {
        block.precondition(x, ridge, &Rows::stacked(&[v])?)
    })?;
    array(py, out)
}

/// Values less predictions, for every entry of a block.
#[pyfunction]
pub(crate) fn block_residual<'py>(
    py: Python<'py>,
    block: Entries<'py>,
    x: Vec<Matrix<'py>>,
    own: Matrix<'py>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let own = view(&own)?;
    let out = kernel(py, &block, &x, |block, x| {
        block.residual(x, &Rows::stacked(&[own])?)
    })?;
    Ok(PyArray1::from_vec(py, out))
}

/// The sparse matrix of a block times x.
#[pyfunction]
pub(crate) fn block_times<'py>(
    py: Python<'py>,
    block: Entries<'py>,
    x: Vec<Matrix<'py>>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let out = kernel(py, &block, &x, |block, x| block.times(x))?;
    array(py, out)
}

/// The Gram matrix of a block across, `width` × `width`.
#[pyfunction]
pub(crate) fn block_gram<'py>(
    py: Python<'py>,
    block: Entries<'py>,
    width: usize,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let out = kernel(py, &block, &[], |block, _| block.gram(width))?;
    PyArray1::from_vec(py, out).reshape([width, width])
}

fn weights_of(rows: &Vector<'_>, columns: &Vector<'_>, objective: &str) -> PyResult<Weights> {
    let objective = Objective::named(objective).ok_or_else(|| {
        PyValueError::new_err(format!(
            "objective: found {objective:?}, expected \"flat\", \"nuclear\" or \"smoothed:ALPHA\" with ALPHA from 0 to 1"
        ))
    })?;
    Weights::of_counts(rows.as_slice()?, columns.as_slice()?, objective).map_err(raised)
}

/// The weights of an objective, from the numbers of entries of rows and columns.
#[pyfunction]
pub(crate) fn completion_weights<'py>(
    py: Python<'py>,
    rows: Vector<'py>,
    columns: Vector<'py>,
    objective: &str,
) -> PyResult<WeightArrays<'py>> {
    let weights = weights_of(&rows, &columns, objective)?;
    let side = |weight: &flatmin::flatness::Weight| {
        let own = weight.diagonal();
        let ones = Mat::<f64>::full(own.len(), 1, 1.0);
        let inverse = weight.inverse_times(ones.as_ref()).col_as_slice(0).to_vec();
        (PyArray1::from_vec(py, own), PyArray1::from_vec(py, inverse))
    };
    let ((w1, p1), (w2, p2)) = (side(&weights.left), side(&weights.right));
    Ok((w1, w2, p1, p2, weights.penalty_scale))
}

/// A Gaussian n × b block: the start of a Krylov method.
#[pyfunction]
pub(crate) fn gaussian(py: Python<'_>, n: usize, b: usize, stream: u64) -> Bound<'_, PyArray2<f64>> {
    from_mat(py, krylov::gaussian(n, b, stream).as_ref())
}

/// Up to this many rows or columns, the Gram matrix is formed and factored.
const FORMED: usize = 4096;

/// Products that Python makes. The first exception ends it: from then on products are zero, and it is raised at the end.
struct Called<'a> {
    /// (which product, matrix) ↦ matrix.
    product: &'a Py<PyAny>,
    shape: (usize, usize),
    frobenius: f64,
    exception: Mutex<Option<PyErr>>,
}

impl<'a> Called<'a> {
    fn new(product: &'a Py<PyAny>, shape: (usize, usize), frobenius: f64) -> Self {
        Called {
            product,
            shape,
            frobenius,
            exception: Mutex::new(None),
        }
    }

    fn call(&self, which: &str, x: MatRef<'_, f64>, rows: usize) -> Mat<f64> {
        let zero = || Mat::zeros(rows, x.ncols());
        let Ok(mut exception) = self.exception.lock() else {
            return zero();
        };
        if exception.is_some() {
            return zero();
        }
        let answer = Python::attach(|py| -> PyResult<Mat<f64>> {
            let answer = self.product.bind(py).call1((which, from_mat(py, x)))?;
            let answer: Matrix<'_> = answer.extract()?;
            let answer = answer.as_array();
            if answer.dim() != (rows, x.ncols()) {
                return Err(PyValueError::new_err(format!(
                    "a product has shape {:?}",
                    answer.dim()
                )));
            }
            Ok(Mat::from_fn(rows, x.ncols(), |i, j| answer[(i, j)]))
        });
        answer.unwrap_or_else(|raised| {
            *exception = Some(raised);
            zero()
        })
    }

    /// What was computed, unless a product raised an exception.
    fn end<T>(self, answer: Result<T, Error>) -> PyResult<T> {
        match self.exception.into_inner() {
            Ok(Some(exception)) => Err(exception),
            _ => answer.map_err(raised),
        }
    }
}

impl Products for Called<'_> {
    fn shape(&self) -> (usize, usize) {
        self.shape
    }

    fn frobenius(&self) -> f64 {
        self.frobenius
    }

    fn times(&self, v: MatRef<'_, f64>) -> Mat<f64> {
        self.call("times", v, self.shape.0)
    }

    fn transpose_times(&self, u: MatRef<'_, f64>) -> Mat<f64> {
        self.call("transpose_times", u, self.shape.1)
    }

    fn left_gram(&self, x: MatRef<'_, f64>) -> Mat<f64> {
        self.call("left_gram", x, self.shape.0)
    }

    fn right_gram(&self, x: MatRef<'_, f64>) -> Mat<f64> {
        self.call("right_gram", x, self.shape.1)
    }

    fn formed_gram(&self) -> Option<Mat<f64>> {
        let n = self.shape.0.min(self.shape.1);
        let nothing = Mat::zeros(0, n);
        (n <= FORMED).then(|| self.call("formed_gram", nothing.as_ref(), n))
    }
}

/// Ritz values, largest first, and the vectors of the `count` largest, of the symmetric `apply` (n × b to n × b) on the space
/// of `start` (n × b) after so many steps.
#[pyfunction]
pub(crate) fn block_krylov<'py>(
    py: Python<'py>,
    start: Matrix<'py>,
    steps: usize,
    count: usize,
    apply: Py<PyAny>,
) -> PyResult<(Vec<f64>, Bound<'py, PyArray2<f64>>)> {
    let start = view(&start)?.to_owned();
    let n = start.nrows();
    let called = Called::new(&apply, (n, n), 0.0);
    let ritz = py.detach(|| krylov::block_krylov(start, (steps, count), |x| called.call("", x, n)));
    let ritz = called.end(ritz)?;
    Ok((ritz.values, from_mat(py, ritz.vectors.as_ref())))
}

/// A proved lower bound on the penalised objective, what the norm does not exceed, the chance that they are wrong, and the
/// number of columns that are missing. `product` makes the products with W/unit; `sums` are ⟨λ, y⟩, Σ|λ_i y_i| and ‖λ‖².
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "Python names them")]
pub(crate) fn completion_bound<'py>(
    py: Python<'py>,
    product: Py<PyAny>,
    unit: f64,
    frobenius: f64,
    counts: (Vector<'py>, Vector<'py>),
    objective: &str,
    mu: f64,
    sums: (f64, f64, f64),
    near: (Matrix<'py>, Matrix<'py>),
) -> PyResult<(f64, f64, f64, usize)> {
    let weights = weights_of(&counts.0, &counts.1, objective)?;
    let count = counts.0.as_array().sum() as usize;
    let (inner, magnitude, square) = sums;
    let sums = Sums {
        count,
        inner,
        magnitude,
        square,
    };
    let shape = (counts.0.as_array().len(), counts.1.as_array().len());
    let (u, v) = (view(&near.0)?, view(&near.1)?);
    let called = Called::new(&product, shape, frobenius);
    let bound = py.detach(|| penalised_bound((&called, unit), &weights, mu, sums, (u, v)));
    let PiecesBound {
        lower_bound,
        operator_norm,
        failure_probability,
        missing_columns,
    } = called.end(bound)?;
    Ok((lower_bound, operator_norm, failure_probability, missing_columns))
}
