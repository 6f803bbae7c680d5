//! Flat solutions are nearly norm-minimal and nearly balanced, as nearly as D1 and D2 are multiples of the identity.
//!
//! Let a1 I ⪯ D1 ⪯ b1 I and a2 I ⪯ D2 ⪯ b2 I, and let (L, R) be the flat factors of X, that is L = D1⁻¹U√Σ and R = D2⁻¹V√Σ
//! for D1 X D2 = UΣVᵀ. Let M be any matrix with the measurements of X, A(M) = A(X): the ground truth of exact data, or the
//! matrix of least nuclear norm, for which 2‖M‖_* = inf (‖L‖_F² + ‖R‖_F²) over all factors with these measurements. Since X
//! minimises ‖D1 X D2‖_* among them,
//!
//! ```text
//! tr Σ = ‖D1 X D2‖_* ≤ ‖D1 M D2‖_* ≤ b1·b2·‖M‖_*.                                               (1)
//! ```
//!
//! **Norm.** ‖L‖_F² ≤ tr Σ/a1² and ‖R‖_F² ≤ tr Σ/a2², so that by (1)
//!
//! ```text
//! ‖L‖_F² + ‖R‖_F² ≤ ½·b1·b2·(1/a1² + 1/a2²) · inf (‖L‖_F² + ‖R‖_F²).
//! ```
//!
//! With a = min(a1, a2), b = max(b1, b2) and κ = b/a the factor is at most κ²: Theorem 3.3 of Ding et al. (2024),
//! DOI 10.1093/imaiai/iaae009.
//!
//! **Balance.** LᵀL − RᵀR = √Σ E √Σ with E = UᵀD1⁻²U − VᵀD2⁻²V. A symmetric E has ‖√Σ E √Σ‖_* ≤ ‖√Σ‖_F²·‖E‖_op = tr Σ·‖E‖_op
//! (Hölder). The spectrum of UᵀD1⁻²U lies in [b1⁻², a1⁻²] and that of VᵀD2⁻²V in [b2⁻², a2⁻²], so that
//! ‖E‖_op ≤ max(a1⁻² − b2⁻², a2⁻² − b1⁻²), and by (1)
//!
//! ```text
//! ‖LᵀL − RᵀR‖_* ≤ b1·b2·max(a1⁻² − b2⁻², a2⁻² − b1⁻²) · ‖M‖_*,
//! ```
//!
//! a factor of at most κ² − 1, which vanishes as κ → 1.

use crate::flatness::{Weight, Weights};

/// The extreme eigenvalues of D1 and D2, and the bounds that follow from them.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Regularity {
    /// a1 and b1: the smallest and largest eigenvalue of D1.
    pub left: (f64, f64),
    /// a2 and b2: of D2.
    pub right: (f64, f64),
}

impl Regularity {
    /// From the weights of the flat objective; `None` where one is singular (an unobserved row or column): then nothing
    /// bounds anything.
    pub fn new(flat: &Weights) -> Option<Self> {
        let extremes = |weight: &Weight| {
            let smallest = 1.0 / weight.inverse_norm();
            let regular = weight.unobserved() == 0 && smallest > 0.0 && weight.condition().is_finite();
            regular.then(|| (smallest, smallest * weight.condition()))
        };
        Some(Regularity {
            left: extremes(&flat.left)?,
            right: extremes(&flat.right)?,
        })
    }

    /// κ = max(b1, b2)/min(a1, a2).
    pub fn kappa(&self) -> f64 {
        self.left.1.max(self.right.1) / self.left.0.min(self.right.0)
    }

    /// The factor by which ‖L‖_F² + ‖R‖_F² may exceed its infimum: from 1 to κ².
    pub fn squared_norm_bound(&self) -> f64 {
        let ((a1, b1), (a2, b2)) = (self.left, self.right);
        0.5 * b1 * b2 * (a1.powi(-2) + a2.powi(-2))
    }

    /// The largest possible ‖LᵀL − RᵀR‖_* over ‖M‖_*: from 0 to κ² − 1.
    pub fn imbalance_bound(&self) -> f64 {
        let ((a1, b1), (a2, b2)) = (self.left, self.right);
        b1 * b2 * f64::max(a1.powi(-2) - b2.powi(-2), a2.powi(-2) - b1.powi(-2))
    }
}
