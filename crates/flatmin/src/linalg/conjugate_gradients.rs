//! Preconditioned conjugate gradients, truncated for use inside a Newton method.

use super::vector::{axpy, dot};

/// A squared residual this much larger than the first means that the system is singular and the right-hand side outside its
/// range: more steps only amplify rounding.
const DIVERGED: f64 = 1e6;

/// An approximate solution of a linear system.
#[derive(Clone, Debug)]
pub(crate) struct Approximation {
    /// x.
    pub x: Vec<f64>,
    /// Whether the residual has fallen as far as was asked.
    pub converged: bool,
}

/// x with H x ≈ rhs: until the residual, in the preconditioner's norm, has fallen by `tolerance`, or `max_steps`.
///
/// Along a direction of negative curvature, or when it diverges, the method stops with what it has, or with the
/// preconditioned right-hand side if it has nothing yet (Steihaug, SIAM J. Numer. Anal. 20, 1983): always a direction of
/// descent for ½xᵀHx − rhsᵀx.
pub(crate) fn conjugate_gradients(
    apply: impl Fn(&[f64]) -> Vec<f64>,
    precondition: impl Fn(&[f64]) -> Vec<f64>,
    rhs: &[f64],
    tolerance: f64,
    max_steps: usize,
) -> Approximation {
    let mut x = vec![0.0; rhs.len()];
    let mut residual = rhs.to_vec();
    let mut scaled = precondition(&residual);
    let mut direction = scaled.clone();
    let mut size = dot(&residual, &scaled);
    let target = tolerance * tolerance * size;
    let diverged = DIVERGED * size;
    for step in 0..max_steps {
        if size <= target {
            return Approximation { x, converged: true };
        }
        let image = apply(&direction);
        let curvature = dot(&direction, &image);
        if size > diverged || curvature.is_nan() || curvature <= 0.0 {
            return Approximation {
                x: if step == 0 { direction } else { x },
                converged: false,
            };
        }
        let length = size / curvature;
        axpy(length, &direction, &mut x);
        axpy(-length, &image, &mut residual);
        scaled = precondition(&residual);
        let next = dot(&residual, &scaled);
        let ratio = next / size;
        direction
            .iter_mut()
            .zip(&scaled)
            .for_each(|(d, s)| *d = s + ratio * *d);
        size = next;
    }
    Approximation {
        x,
        converged: size <= target,
    }
}
