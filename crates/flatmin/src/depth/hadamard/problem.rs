//! Recover x from y ≈ A x by its flattest Hadamard factors.

use faer::{Mat, MatRef};

use crate::error::{Error, check_finite, check_length, check_magnitude};
use crate::linalg::dense::product;
use crate::linalg::vector::dot;
use crate::map::column_major;
use crate::problem::Fit;
use crate::solve::Status;

/// The largest magnitude of y, and of every column of A that is not zero, is between 1/LARGEST and LARGEST: w_l|x_l|^p and
/// its conjugate are in range then.
const LARGEST: f64 = 1e50;

/// A ∈ R^{m×d}, y ∈ R^m, the depth K ≥ 2 and how closely y is to be met. Immutable.
#[derive(Clone, Debug)]
pub struct Problem {
    a: Mat<f64>,
    data: Vec<f64>,
    depth: usize,
    fit: Fit,
    weights: Vec<f64>,
}

impl Problem {
    /// `Fit::Penalised(μ)` means ½‖A x − y‖₂² + μ·Σ w_l|x_l|^p.
    ///
    /// # Errors
    /// No rows or columns; data of another length than the rows of A; NaN or infinity; y, or a column of A, with a largest
    /// magnitude beyond 1e50 or below 1e-50 (but not all zero); depth below 2; ε or μ not positive and finite.
    pub fn new(a: Mat<f64>, data: Vec<f64>, depth: usize, fit: Fit) -> Result<Self, Error> {
        if a.nrows() == 0 || a.ncols() == 0 {
            return Err(Error::Shape {
                what: "A",
                found: format!("{} x {}", a.nrows(), a.ncols()),
                expected: "at least one row and one column".into(),
            });
        }
        if depth < 2 {
            return Err(Error::Setting {
                name: "depth",
                found: depth.to_string(),
                expected: "at least 2",
            });
        }
        check_length("y", data.len(), a.nrows())?;
        check_finite("y", &data)?;
        check_magnitude("y", &data, LARGEST)?;
        check_finite("A", &column_major(a.transpose()))?;
        for l in 0..a.ncols() {
            check_magnitude("a column of A", a.col_as_slice(l), LARGEST)?;
        }
        check_fit(fit)?;
        let weights = (0..a.ncols())
            .map(|l| dot(a.col_as_slice(l), a.col_as_slice(l)))
            .collect();
        Ok(Problem {
            a,
            data,
            depth,
            fit,
            weights,
        })
    }

    /// A, m × d.
    pub fn a(&self) -> MatRef<'_, f64> {
        self.a.as_ref()
    }

    /// y.
    pub fn data(&self) -> &[f64] {
        &self.data
    }

    /// K.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// How closely y is to be met.
    pub fn fit(&self) -> Fit {
        self.fit
    }

    /// w_l = ‖a_l‖², d numbers.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// p = 2 − 2/K.
    pub fn power(&self) -> f64 {
        2.0 - 2.0 / self.depth as f64
    }

    /// Σ w_l|x_l|^p.
    pub fn penalty(&self, x: &[f64]) -> f64 {
        let p = self.power();
        self.weights.iter().zip(x).map(|(w, x)| w * x.abs().powf(p)).sum()
    }

    /// A x − y.
    pub fn residual(&self, x: &[f64]) -> Vec<f64> {
        let image = product(self.a(), MatRef::from_column_major_slice(x, x.len(), 1));
        image
            .col_as_slice(0)
            .iter()
            .zip(&self.data)
            .map(|(a, y)| a - y)
            .collect()
    }

    /// Aᵀ w.
    pub fn adjoint(&self, w: &[f64]) -> Vec<f64> {
        (0..self.a.ncols())
            .map(|l| dot(self.a.col_as_slice(l), w))
            .collect()
    }

    /// The same data under another fit.
    ///
    /// # Errors
    /// ε or μ not positive and finite.
    pub fn with(self, fit: Fit) -> Result<Self, Error> {
        check_fit(fit)?;
        Ok(Problem { fit, ..self })
    }

    /// x = 0 and the λ that goes with it.
    pub(super) fn zero(&self) -> (Vec<f64>, Vec<f64>, Option<Status>) {
        (vec![0.0; self.a.ncols()], vec![0.0; self.data.len()], None)
    }
}

/// Exact, a ball or a penalty, with its number in range.
fn check_fit(fit: Fit) -> Result<(), Error> {
    fit.check()?;
    if !fit.is_absolute() {
        return Ok(());
    }
    Err(Error::Setting {
        name: "the fit of a sparse vector",
        found: format!("{fit:?}").to_lowercase(),
        expected: "exact, a ball or a penalty",
    })
}
