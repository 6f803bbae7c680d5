//! The Hessian of f(L, R) = ‖A(L Rᵀ) − y‖² as a symmetric operator on pairs (U, V), never formed:
//!
//!   D²f[U, V] = 2·Jᵀ J (U, V) + 2·( A*(ρ) V, A*(ρ)ᵀ U ),   J(U, V) = A(U Rᵀ + L Vᵀ),  ρ = A(L Rᵀ) − y.

use faer::{Mat, MatRef};

use crate::error::Error;
use crate::factors::Factors;
use crate::linalg::dense::{mirror_lower, product, row_gram};
use crate::linalg::lanczos;
use crate::map::{Adjoint, MeasurementMap};

/// D²f at one point.
#[derive(Debug)]
pub struct Hessian<'a> {
    map: &'a dyn MeasurementMap,
    x: &'a Factors,
    residual_adjoint: Adjoint<'a>,
}

impl<'a> Hessian<'a> {
    /// The Hessian at `x` for the data `y`.
    pub fn new(map: &'a dyn MeasurementMap, x: &'a Factors, y: &[f64]) -> Self {
        let mut residual = map.apply_factored(x.l.as_ref(), x.r.as_ref());
        residual.iter_mut().zip(y).for_each(|(r, y)| *r -= y);
        Hessian {
            map,
            x,
            residual_adjoint: map.adjoint(&residual),
        }
    }

    /// (d1 + d2)·k.
    pub fn dimension(&self) -> usize {
        (self.x.l.nrows() + self.x.r.nrows()) * self.x.columns()
    }

    /// D²f·(vec U, vec V), column after column.
    pub fn apply(&self, v: &[f64]) -> Vec<f64> {
        let (d1, d2, k) = (self.x.l.nrows(), self.x.r.nrows(), self.x.columns());
        let u = MatRef::from_column_major_slice(&v[..d1 * k], d1, k);
        let w = MatRef::from_column_major_slice(&v[d1 * k..], d2, k);
        let image = apply_tangent(self.map, self.x, u, w);
        let (left, right) = self
            .map
            .adjoint_thin(&image, self.x.l.as_ref(), self.x.r.as_ref());
        let left = left + self.residual_adjoint.times(w);
        let right = right + self.residual_adjoint.transpose_times(u);
        let mut out = crate::map::column_major(left.as_ref());
        out.extend(crate::map::column_major(right.as_ref()));
        out.iter_mut().for_each(|v| *v *= 2.0);
        out
    }
}

/// J(U, V) = A(U Rᵀ + L Vᵀ), as one product of twice the width.
fn apply_tangent(map: &dyn MeasurementMap, x: &Factors, u: MatRef<'_, f64>, v: MatRef<'_, f64>) -> Vec<f64> {
    let (k, beside) = (x.columns(), |a: MatRef<'_, f64>, b: MatRef<'_, f64>| {
        Mat::from_fn(a.nrows(), 2 * x.columns(), |i, j| {
            if j < x.columns() {
                a[(i, j)]
            } else {
                b[(i, j - x.columns())]
            }
        })
    });
    debug_assert_eq!(u.ncols(), k);
    map.apply_factored(beside(u, x.l.as_ref()).as_ref(), beside(x.r.as_ref(), v).as_ref())
}

/// Numbers of the Jacobian, and of the Hessian, up to which they are formed for its spectrum: 256 MiB, and 32 MiB. One pass
/// over the data then does for all Lanczos steps.
const FORMED_JACOBIAN: usize = 1 << 25;
/// See [`FORMED_JACOBIAN`].
const FORMED_HESSIAN: usize = 1 << 22;

/// The largest eigenvalue of D²f at `x`, to about 1e-9 of its size (Lanczos, from a fixed start).
pub fn largest_eigenvalue(map: &dyn MeasurementMap, x: &Factors, y: &[f64]) -> Result<f64, Error> {
    let n = (x.l.nrows() + x.r.nrows()) * x.columns();
    if n * n > FORMED_HESSIAN || n * y.len() > FORMED_JACOBIAN {
        let hessian = Hessian::new(map, x, y);
        return lanczos::largest_eigenvalue(n, |v| hessian.apply(v));
    }
    let at = map.linearise(x.l.as_ref(), x.r.as_ref(), y);
    let mut half = row_gram(at.jacobian.as_ref());
    add_coupling(&mut half, &at.adjoint, x.columns());
    mirror_lower(&mut half);
    let twice = |v: &[f64]| {
        let image = product(half.as_ref(), MatRef::from_column_major_slice(v, n, 1));
        image.col_as_slice(0).iter().map(|v| 2.0 * v).collect()
    };
    lanczos::largest_eigenvalue(n, twice)
}

/// Adds W = A*(ρ) to the lower triangle of a Hessian in (vec L, vec R), where it couples column c of L with column c of R.
pub(crate) fn add_coupling(hessian: &mut Mat<f64>, w: &Adjoint<'_>, k: usize) {
    let w = w.to_dense();
    let (d1, d2) = w.shape();
    for c in 0..k {
        for a in 0..d1 {
            for b in 0..d2 {
                hessian[(k * d1 + c * d2 + b, c * d1 + a)] += w[(a, b)];
            }
        }
    }
}
