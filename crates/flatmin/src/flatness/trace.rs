//! Traces of the Hessian of f(L, R) = ‖A(L Rᵀ) − y‖² (the sum, not the mean), exact at every point:
//!
//!   left  = trace of the L block = 2·Σ ‖A_i R‖_F²   = 2·tr(Rᵀ (Σ A_iᵀ A_i) R),
//!   right = trace of the R block = 2·Σ ‖A_iᵀ L‖_F²  = 2·tr(Lᵀ (Σ A_i A_iᵀ) L),
//!   scaled trace = left/d1 + right/d2 = 2m·(‖D1 L‖_F² + ‖D2 R‖_F²).
//!
//! The residual does not enter: L and R each appear linearly, so its Hessian has no diagonal blocks.
//!
//! And of f(U1, U2) = ‖A(U1U1ᵀ − U2U2ᵀ) − y‖² with symmetric A_i, k1 and k2 columns and the residual ρ, likewise exact at
//! every point:
//!
//!   left  = trace of the U1 block = 8·tr(U1ᵀ (Σ A_i²) U1) + 4k1·Σ ρ_i tr A_i,
//!   right = trace of the U2 block = 8·tr(U2ᵀ (Σ A_i²) U2) − 4k2·Σ ρ_i tr A_i,
//!   scaled trace = (left + right)/d = 8m·(‖D U1‖_F² + ‖D U2‖_F²) + 4(k1 − k2)/d·Σ ρ_i tr A_i.
//!
//! Over the factorisations of one M the first term is smallest, 8m·‖D M D‖_*, where D U1 and D U2 come from the positive
//! and the negative eigenvectors of D M D.

use faer::Mat;

use crate::error::Error;
use crate::factors::Factors;
use crate::linalg::vector::{dot, norm};
use crate::map::{Gram, MeasurementMap, gamma};
use crate::signed::SignedFactors;

/// The trace of the Hessian and its parts.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Traces {
    /// The L block, or the U1 block.
    pub left: f64,
    /// The R block, or the U2 block.
    pub right: f64,
    /// left/d1 + right/d2, or (left + right)/d: what flat solutions minimise.
    pub scaled: f64,
}

impl Traces {
    /// The traces at `x`, from Σ A_i A_iᵀ and Σ A_iᵀ A_i ([`Weights`](crate::flatness::Weights) of any objective carry both).
    pub fn new(left_gram: &Gram, right_gram: &Gram, x: &Factors) -> Self {
        let (d1, d2) = x.shape();
        let left = 2.0 * right_gram.quadratic_form(x.r.as_ref());
        let right = 2.0 * left_gram.quadratic_form(x.l.as_ref());
        Traces {
            left,
            right,
            scaled: left / d1 as f64 + right / d2 as f64,
        }
    }

    /// The traces of f(U1, U2) at `x`, a solution or not, for the data `y` (m numbers); `gram` is Σ A_i².
    pub fn signed(map: &dyn MeasurementMap, gram: &Gram, y: &[f64], x: &SignedFactors) -> Self {
        let d = x.u1.nrows() as f64;
        let factors = x.factors();
        let mut residual = map.apply_factored(factors.l.as_ref(), factors.r.as_ref());
        residual.iter_mut().zip(y).for_each(|(r, y)| *r -= y);
        let pull = 4.0 * dot(&residual, &measurement_traces(map));
        let left = 8.0 * gram.quadratic_form(x.u1.as_ref()) + x.u1.ncols() as f64 * pull;
        let right = 8.0 * gram.quadratic_form(x.u2.as_ref()) - x.u2.ncols() as f64 * pull;
        Traces {
            left,
            right,
            scaled: (left + right) / d,
        }
    }

    /// tr D²f.
    pub fn total(&self) -> f64 {
        self.left + self.right
    }
}

/// tr A_i for every measurement of a map on square matrices.
fn measurement_traces(map: &dyn MeasurementMap) -> Vec<f64> {
    let d = map.shape().0;
    map.apply_dense(Mat::<f64>::identity(d, d).as_ref())
}

/// A proved lower bound on the scaled trace of f(U1, U2) over all points with (k1, k2) columns and ‖ρ‖₂ ≤ `misfit`:
///
///   8m·bound − 4|k1 − k2|/d·misfit·‖(tr A_i)_i‖₂,
///
/// by the formula above and Cauchy-Schwarz. `bound` is to be a lower bound on ‖D M D‖_* over all M of the domain with
/// ‖A(M) − y‖₂ ≤ `misfit`: that of a flat exact problem for a misfit of 0, else that of the ball.
///
/// # Errors
/// A map whose A_i are not symmetric; a bound or a misfit that is negative or not finite.
pub fn scaled_trace_bound(
    map: &dyn MeasurementMap,
    (k1, k2): (usize, usize),
    bound: f64,
    misfit: f64,
) -> Result<f64, Error> {
    if !map.is_symmetric() {
        return Err(Error::Setting {
            name: "map",
            found: "one that is not symmetric".into(),
            expected: "measurements ⟨A_i, M⟩ with every A_i symmetric",
        });
    }
    for (name, value) in [("bound", bound), ("misfit", misfit)] {
        if !(value >= 0.0 && value.is_finite()) {
            return Err(Error::Setting {
                name,
                found: value.to_string(),
                expected: "a number that is not negative",
            });
        }
    }
    let (d, m) = (map.shape().0, map.measurements());
    let widths = k1.abs_diff(k2) as f64;
    // A trace errs by γ·Σ_j |(A_i)_jj| ≤ γ·√d·‖A_i‖_F, their norm by γ of itself.
    let rounding = gamma(d * d + m + 16);
    let traces = norm(&measurement_traces(map)) * (1.0 + rounding)
        + 2.0 * rounding * (d as f64 * map.left_gram().trace()).sqrt();
    let above = 4.0 * widths / d as f64 * misfit * traces;
    let below = 8.0 * m as f64 * bound;
    let rounding = 16.0 * f64::EPSILON * (below + above);
    Ok((below - above - rounding).max(0.0))
}
