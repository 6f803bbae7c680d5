//! Symmetric rank-one measurements  A(M)_i = ⟨x_i x_iᵀ, M⟩ = x_iᵀ M x_i   (covariance estimation, phase retrieval, quadratic
//! networks).
//!
//! Storage m·d; products with thin matrices cost O(m·d·k). Nothing antisymmetric is seen: [`Problem`](crate::Problem)s on this
//! map are meant for the symmetric [`Domain`](crate::Domain)s.
//! Source: Ding et al. (2024), DOI 10.1093/imaiai/iaae009.

use faer::{Mat, MatRef};

use super::rank_one::{column_dots, measurement_gram, outer, scaled};
use super::{Adjoint, Gram, MeasurementMap, gamma};
use crate::error::{Error, check_finite, check_magnitude, check_product, check_shape};
use crate::linalg::dense::{add_symmetric_product, mirror_lower, product, row_gram};
use crate::linalg::vector::{norm, safe_norm};

/// The largest magnitude in x, unless all are zero, is between 1/LARGEST and LARGEST: the Gram holds fourth powers.
const LARGEST: f64 = 1e70;

/// M ↦ (x_1ᵀ M x_1, …, x_mᵀ M x_m) on R^{d×d}.
#[derive(Clone, Debug)]
pub struct SymmetricRankOne {
    /// d × m, column i is x_i.
    x: Mat<f64>,
}

impl SymmetricRankOne {
    /// From `x` (m × d), row after row: one x_i contiguous.
    ///
    /// # Errors
    /// m or d zero; another length than m·d; NaN or infinity; a largest magnitude beyond 1e70 or below 1e-70.
    ///
    /// ```
    /// use flatmin::map::{MeasurementMap as _, SymmetricRankOne};
    ///
    /// // The variance of the difference of two variables, from their covariance.
    /// let map = SymmetricRankOne::new(&[1.0, -1.0], 1, 2)?;
    /// let covariance = faer::mat![[2.0, 0.5], [0.5, 1.0]];
    /// assert_eq!(map.apply_dense(covariance.as_ref()), [2.0]);
    /// # Ok::<(), flatmin::Error>(())
    /// ```
    pub fn new(x: &[f64], measurements: usize, dimension: usize) -> Result<Self, Error> {
        check_shape((dimension, dimension), measurements)?;
        check_product("x", x.len(), &[measurements, dimension])?;
        check_finite("x", x)?;
        check_magnitude("x", x, LARGEST)?;
        Ok(SymmetricRankOne {
            x: MatRef::from_column_major_slice(x, dimension, measurements).to_owned(),
        })
    }

    /// Vᵀ x_i, one column a measurement.
    fn seen(&self, v: MatRef<'_, f64>) -> Mat<f64> {
        product(v.transpose(), self.x.as_ref())
    }
}

impl MeasurementMap for SymmetricRankOne {
    fn shape(&self) -> (usize, usize) {
        (self.x.nrows(), self.x.nrows())
    }

    fn measurements(&self) -> usize {
        self.x.ncols()
    }

    fn is_symmetric(&self) -> bool {
        true
    }

    /// A(L Rᵀ)_i = (Lᵀ x_i)·(Rᵀ x_i).
    fn apply_factored(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Vec<f64> {
        column_dots(&self.seen(l), &self.seen(r))
    }

    /// A(M)_i = (Mᵀ x_i)·x_i.
    fn apply_dense(&self, m: MatRef<'_, f64>) -> Vec<f64> {
        column_dots(&self.seen(m), &self.x)
    }

    /// A*(w) = Σ w_i x_i x_iᵀ, exactly symmetric.
    fn adjoint(&self, w: &[f64]) -> Adjoint<'_> {
        let d = self.x.nrows();
        let mut out = Mat::zeros(d, d);
        add_symmetric_product(&mut out, scaled(&self.x, |i| w[i]).as_ref(), self.x.as_ref());
        mirror_lower(&mut out);
        Adjoint::Dense(out)
    }

    /// Σ ‖x_i‖² x_i x_iᵀ.
    fn left_gram(&self) -> Gram {
        Gram::Dense(row_gram(
            scaled(&self.x, |i| norm(self.x.col_as_slice(i))).as_ref(),
        ))
    }

    fn right_gram(&self) -> Gram {
        self.left_gram()
    }

    /// Σ ‖Qᵀx_i‖² x_i x_iᵀ.
    fn left_gram_through(&self, q: MatRef<'_, f64>) -> Gram {
        let images = product(q.transpose(), self.x.as_ref());
        Gram::Dense(row_gram(
            scaled(&self.x, |i| norm(images.col_as_slice(i))).as_ref(),
        ))
    }

    fn right_gram_through(&self, p: MatRef<'_, f64>) -> Gram {
        self.left_gram_through(p)
    }

    /// A_i R = x_i (Rᵀ x_i)ᵀ, and A_iᵀ L likewise.
    fn jacobian(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Mat<f64> {
        let (left, right) = (self.left_jacobian(r), self.left_jacobian(l));
        let half = left.nrows();
        let mut out = Mat::zeros(2 * half, self.measurements());
        out.as_mut().subrows_mut(0, half).copy_from(left);
        out.as_mut().subrows_mut(half, half).copy_from(right);
        out
    }

    fn left_jacobian(&self, r: MatRef<'_, f64>) -> Mat<f64> {
        let seen = self.seen(r);
        let mut out = Mat::zeros(r.nrows() * r.ncols(), self.measurements());
        for i in 0..self.measurements() {
            outer(
                out.col_as_slice_mut(i),
                self.x.col_as_slice(i),
                seen.col_as_slice(i),
            );
        }
        out
    }

    fn adjoint_thin(&self, w: &[f64], l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> (Mat<f64>, Mat<f64>) {
        (self.adjoint_times(w, r), self.adjoint_times(w, l))
    }

    /// Without A*(w): x·diag(w)·(xᵀ R).
    fn adjoint_times(&self, w: &[f64], r: MatRef<'_, f64>) -> Mat<f64> {
        product(self.x.as_ref(), scaled(&self.seen(r), |i| w[i]).transpose())
    }

    /// (Lᵀ x_i)(Rᵀ x_i)ᵀ.
    fn compress(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Mat<f64> {
        let (left, right) = (self.seen(l), self.seen(r));
        let mut out = Mat::zeros(l.ncols() * r.ncols(), self.measurements());
        for i in 0..self.measurements() {
            outer(
                out.col_as_slice_mut(i),
                left.col_as_slice(i),
                right.col_as_slice(i),
            );
        }
        out
    }

    /// (x_iᵀ P x_j)(x_iᵀ Q x_j).
    fn measurement_gram(&self, p: &Gram, q: &Gram) -> Gram {
        Gram::Dense(measurement_gram((&self.x, p), (&self.x, q)))
    }

    /// Each entry is a sum of m products of three numbers.
    fn adjoint_rounding(&self, w: &[f64]) -> f64 {
        let magnitude: f64 = w
            .iter()
            .enumerate()
            .map(|(i, w)| w.abs() * safe_norm(self.x.col_as_slice(i)) * safe_norm(self.x.col_as_slice(i)))
            .sum();
        gamma(self.measurements() + 3) * magnitude
    }

    /// ‖x_i‖ has d/2 + 2 roundings and enters squared, the product with x_i one, squared too; then a sum of m products.
    fn gram_rounding(&self) -> (f64, f64) {
        let rounding = gamma(self.measurements() + self.x.nrows() + 8);
        (rounding, rounding)
    }

    fn cost_factored(&self, k: usize) -> f64 {
        (4 * self.measurements() * self.x.nrows() * k) as f64
    }
}
