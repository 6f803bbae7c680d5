//! The Hessian of f(L, R) = ‖A(L Rᵀ) − y‖² as a symmetric operator on pairs (U, V), never formed:
//!
//!   D²f[U, V] = 2·Jᵀ J (U, V) + 2·( A*(ρ) V, A*(ρ)ᵀ U ),   J(U, V) = A(U Rᵀ + L Vᵀ),  ρ = A(L Rᵀ) − y,
//!
//! and that of f(U1, U2) = ‖A(U1U1ᵀ − U2U2ᵀ) − y‖², which is its restriction Eᵀ D²f E to (L, R) = (U, U S).

use faer::MatRef;

use crate::error::Error;
use crate::factors::Factors;
use crate::linalg::dense::{beside, mirror_lower, product, row_gram};
use crate::linalg::lanczos;
use crate::map::{Adjoint, MeasurementMap};
use crate::parametrisation::Parametrisation;
use crate::signed::SignedFactors;

/// D²f at one point.
#[derive(Debug)]
pub struct Hessian<'a> {
    map: &'a dyn MeasurementMap,
    x: Factors,
    unknowns: Parametrisation,
    residual_adjoint: Adjoint<'a>,
}

impl<'a> Hessian<'a> {
    /// That of f(L, R) at `x` for the data `y`.
    pub fn new(map: &'a dyn MeasurementMap, x: &Factors, y: &[f64]) -> Self {
        Hessian::at(map, x.clone(), Parametrisation::Pair, y)
    }

    /// That of f(U1, U2) at `x`, for a map whose A_i are symmetric.
    pub fn signed(map: &'a dyn MeasurementMap, x: &SignedFactors, y: &[f64]) -> Self {
        Hessian::at(map, x.factors(), Parametrisation::Signed(x.signs()), y)
    }

    fn at(map: &'a dyn MeasurementMap, x: Factors, unknowns: Parametrisation, y: &[f64]) -> Self {
        let mut residual = map.apply_factored(x.l.as_ref(), x.r.as_ref());
        residual.iter_mut().zip(y).for_each(|(r, y)| *r -= y);
        Hessian {
            map,
            x,
            unknowns,
            residual_adjoint: map.adjoint(&residual),
        }
    }

    /// (d1 + d2)·k, or d·(k1 + k2).
    pub fn dimension(&self) -> usize {
        self.unknowns.unknowns(self.x.shape(), self.x.columns())
    }

    /// D²f·(vec U, vec V), or D²f·(vec V1, vec V2), column after column.
    pub fn apply(&self, v: &[f64]) -> Vec<f64> {
        let (u, w) = self.unknowns.embed(v, self.x.shape());
        let (u, w) = (u.as_ref(), w.as_ref());
        let image = apply_tangent(self.map, &self.x, u, w);
        let (left, right) = self
            .map
            .adjoint_thin(&image, self.x.l.as_ref(), self.x.r.as_ref());
        let left = left + self.residual_adjoint.times(w);
        let right = right + self.residual_adjoint.transpose_times(u);
        let mut out = self.unknowns.restrict(left.as_ref(), right.as_ref());
        out.iter_mut().for_each(|v| *v *= 2.0);
        out
    }

    /// Its largest eigenvalue, to about 1e-9 of its size (Lanczos, from a fixed start).
    ///
    /// # Errors
    /// [`Error::Numerical`] if Lanczos fails.
    pub fn largest_eigenvalue(&self) -> Result<f64, Error> {
        let (n, m) = (self.dimension(), self.map.measurements());
        let applied = STEPS * self.map.cost_factored(2 * self.x.columns());
        let is_cheaper = (n * n) as f64 * m as f64 <= applied;
        if n * n > FORMED_HESSIAN || n * m > FORMED_JACOBIAN || !is_cheaper {
            return lanczos::largest_eigenvalue(n, |v| self.apply(v));
        }
        let (l, r) = (self.x.l.as_ref(), self.x.r.as_ref());
        let jacobian = self.unknowns.jacobian(self.map, l, r);
        let mut half = row_gram(jacobian.as_ref());
        self.unknowns
            .add_coupling(&mut half, &self.residual_adjoint, self.x.columns());
        mirror_lower(&mut half);
        let twice = |v: &[f64]| {
            let image = product(half.as_ref(), MatRef::from_column_major_slice(v, n, 1));
            image.col_as_slice(0).iter().map(|v| 2.0 * v).collect()
        };
        lanczos::largest_eigenvalue(n, twice)
    }
}

/// J(U, V) = A(U Rᵀ + L Vᵀ), as one product of twice the width.
fn apply_tangent(map: &dyn MeasurementMap, x: &Factors, u: MatRef<'_, f64>, v: MatRef<'_, f64>) -> Vec<f64> {
    map.apply_factored(beside(u, x.l.as_ref()).as_ref(), beside(x.r.as_ref(), v).as_ref())
}

/// Lanczos steps of a typical spectrum, in products with the map each way: what forming the Hessian has to beat.
const STEPS: f64 = 200.0;
/// Numbers of the Jacobian, and of the Hessian, up to which they are formed for its spectrum: 256 MiB, and 32 MiB. One pass
/// over the data then does for all Lanczos steps.
const FORMED_JACOBIAN: usize = 1 << 25;
/// See [`FORMED_JACOBIAN`].
const FORMED_HESSIAN: usize = 1 << 22;
