//! Preconditioned conjugate gradients, truncated for use inside a Newton method.

use super::vector::{axpy, dot};

/// x with H x ≈ rhs: until the residual, in the preconditioner's norm, has fallen by `tolerance`, or `max_steps`.
///
/// Along a direction of negative curvature the method stops with what it has, or with the preconditioned right-hand side
/// if it has nothing yet (Steihaug, SIAM J. Numer. Anal. 20, 1983): always a direction of descent for ½xᵀHx − rhsᵀx.
pub fn conjugate_gradients(
    apply: impl Fn(&[f64]) -> Vec<f64>,
    precondition: impl Fn(&[f64]) -> Vec<f64>,
    rhs: &[f64],
    tolerance: f64,
    max_steps: usize,
) -> Vec<f64> {
    let mut x = vec![0.0; rhs.len()];
    let mut residual = rhs.to_vec();
    let mut scaled = precondition(&residual);
    let mut direction = scaled.clone();
    let mut size = dot(&residual, &scaled);
    let target = tolerance * tolerance * size;
    for step in 0..max_steps {
        // Both tests are written so that NaN stops as well.
        let unfinished = size > target;
        if !unfinished {
            break;
        }
        let image = apply(&direction);
        let curvature = dot(&direction, &image);
        let convex = curvature > 0.0;
        if !convex {
            return if step == 0 { direction } else { x };
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
    x
}
