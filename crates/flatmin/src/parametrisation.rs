//! The unknowns of a factored method: (L, R) themselves, or U in (L, R) = (U, U S).
//!
//! The second is the first restricted to a subspace, the range of the linear map E: U ↦ (U, U S). By the chain rule a
//! gradient g in (L, R) becomes Eᵀ g, a Jacobian J becomes J E and a Hessian H becomes Eᵀ H E. With symmetric A_i,
//!
//!   J E V = 2·A(V Rᵀ),   (J E)ᵀ w = 2·A*(w) R,   R = U S,
//!
//! which is half the work of the pair, and the coupling of L with R by W turns into 2·s_c·W on column c of U.

use faer::{Mat, MatRef};

use crate::domain::{Domain, column_signs, times_signs};
use crate::linalg::vector::{axpy, dot};
use crate::map::{Adjoint, Linearisation, MeasurementMap, column_major};

/// How a vector of unknowns moves the factors.
#[derive(Clone, Debug)]
pub(crate) enum Parametrisation {
    /// (vec L, vec R).
    Pair,
    /// vec U; the signs S.
    Signed(Vec<f64>),
}

impl Parametrisation {
    /// That of the factors (L, R) in `domain`.
    pub(crate) fn of(domain: Domain, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Self {
        if domain.is_symmetric() {
            Parametrisation::Signed(column_signs(l, r))
        } else {
            Parametrisation::Pair
        }
    }

    /// The number of unknowns for k columns.
    pub(crate) fn unknowns(&self, (d1, d2): (usize, usize), k: usize) -> usize {
        match self {
            Parametrisation::Pair => (d1 + d2) * k,
            Parametrisation::Signed(_) => d1 * k,
        }
    }

    /// The c with EᵀE = c·I.
    pub(crate) fn multiplicity(&self) -> f64 {
        match self {
            Parametrisation::Pair => 1.0,
            Parametrisation::Signed(_) => 2.0,
        }
    }

    /// v as a pair of matrices: E v.
    pub(crate) fn embed(&self, v: &[f64], (d1, d2): (usize, usize)) -> (Mat<f64>, Mat<f64>) {
        match self {
            Parametrisation::Pair => {
                let k = v.len() / (d1 + d2);
                let (left, right) = v.split_at(d1 * k);
                (
                    MatRef::from_column_major_slice(left, d1, k).to_owned(),
                    MatRef::from_column_major_slice(right, d2, k).to_owned(),
                )
            }
            Parametrisation::Signed(signs) => {
                let u = MatRef::from_column_major_slice(v, d1, signs.len());
                (u.to_owned(), times_signs(u, signs))
            }
        }
    }

    /// Eᵀ of a pair of matrices.
    pub(crate) fn restrict(&self, left: MatRef<'_, f64>, right: MatRef<'_, f64>) -> Vec<f64> {
        let mut out = column_major(left);
        match self {
            Parametrisation::Pair => out.extend(column_major(right)),
            Parametrisation::Signed(signs) => {
                axpy(1.0, &column_major(times_signs(right, signs).as_ref()), &mut out);
            }
        }
        out
    }

    /// The transposed Jacobian J E at (L, R).
    pub(crate) fn jacobian(
        &self,
        map: &dyn MeasurementMap,
        l: MatRef<'_, f64>,
        r: MatRef<'_, f64>,
    ) -> Mat<f64> {
        match self {
            Parametrisation::Pair => map.jacobian(l, r),
            Parametrisation::Signed(_) => faer::Scale(2.0) * map.left_jacobian(r),
        }
    }

    /// Residual, transposed Jacobian J E and A*(residual) at (L, R).
    pub(crate) fn linearise<'a>(
        &self,
        map: &'a dyn MeasurementMap,
        l: MatRef<'_, f64>,
        r: MatRef<'_, f64>,
        y: &[f64],
    ) -> Linearisation<'a> {
        if let Parametrisation::Pair = self {
            return map.linearise(l, r, y);
        }
        let jacobian = self.jacobian(map, l, r);
        let u = column_major(l);
        let image = |i: usize| 0.5 * dot(jacobian.col_as_slice(i), &u);
        let residual: Vec<f64> = y.iter().enumerate().map(|(i, y)| image(i) - y).collect();
        let adjoint = map.adjoint(&residual);
        Linearisation {
            residual,
            jacobian,
            adjoint,
        }
    }

    /// Adds the coupling by W = A*(ρ) to the lower triangle of a Hessian for k columns.
    pub(crate) fn add_coupling(&self, hessian: &mut Mat<f64>, w: &Adjoint<'_>, k: usize) {
        let w = w.to_dense();
        let (d1, d2) = w.shape();
        for c in 0..k {
            // The first row of the block that W is added to, and its weight there.
            let (first, weight) = match self {
                Parametrisation::Pair => (k * d1 + c * d2, 1.0),
                Parametrisation::Signed(signs) => (c * d1, 2.0 * signs[c]),
            };
            for a in 0..d1 {
                for b in 0..d2 {
                    hessian[(first + b, c * d1 + a)] += weight * w[(a, b)];
                }
            }
        }
    }
}
