//! Traces of the Hessian of f(L, R) = ‖A(L Rᵀ) − y‖² (the sum, not the mean), exact at every point:
//!
//!   left  = trace of the L block = 2·Σ ‖A_i R‖_F²   = 2·tr(Rᵀ (Σ A_iᵀ A_i) R),
//!   right = trace of the R block = 2·Σ ‖A_iᵀ L‖_F²  = 2·tr(Lᵀ (Σ A_i A_iᵀ) L),
//!   scaled trace = left/d1 + right/d2 = 2m·(‖D1 L‖_F² + ‖D2 R‖_F²).
//!
//! The residual does not enter: L and R each appear linearly, so its Hessian has no diagonal blocks.

use crate::factors::Factors;
use crate::map::Gram;

/// The trace of the Hessian and its parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traces {
    /// The L block.
    pub left: f64,
    /// The R block.
    pub right: f64,
    /// left/d1 + right/d2: what flat solutions minimise.
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

    /// tr D²f.
    pub fn total(&self) -> f64 {
        self.left + self.right
    }
}
