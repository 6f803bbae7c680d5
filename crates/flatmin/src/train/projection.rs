//! Onto the zero-loss set: Gauss-Newton steps of least length.
//!
//! Each step Δ = −Jᵀ(J Jᵀ + μI)⁻¹ρ is the shortest that meets the linearised data: it leaves the directions alone along which
//! the data do not change. Convergence is quadratic where J has full row rank, so that the point found is near the start.

use faer::MatRef;

use super::Loss;
use crate::linalg::dense::{Cholesky, product, row_gram};
use crate::linalg::vector::{axpy, norm};

/// Most steps.
const STEPS: usize = 60;
/// μ relative to the mean eigenvalue of J Jᵀ: what rounding leaves of its smallest one.
const DAMPING: f64 = 1e-12;

/// A point of the zero-loss set near w, with ‖ρ‖₂ ≤ `tolerance`·‖y‖₂; `None` if the steps do not get there, as where fewer
/// unknowns than measurements leave no such point.
pub fn project(loss: &Loss<'_>, w: &[f64], tolerance: f64) -> Option<Vec<f64>> {
    let goal = tolerance * (loss.at_zero() * loss.measurements() as f64).sqrt();
    let mut w = w.to_vec();
    let mut residual = loss.residual(&w);
    for _ in 0..STEPS {
        let misfit = norm(&residual);
        if misfit <= goal {
            return Some(w);
        }
        let jacobian = loss.jacobian(&w);
        let mut gram = row_gram(jacobian.transpose());
        let m = gram.nrows();
        let mean = (0..m).map(|i| gram[(i, i)]).sum::<f64>() / m as f64;
        (0..m).for_each(|i| gram[(i, i)] += DAMPING * mean);
        let mut multiplier = residual.clone();
        Cholesky::new(gram)?.solve(&mut multiplier);
        let step = product(
            jacobian.as_ref(),
            MatRef::from_column_major_slice(&multiplier, m, 1),
        );
        (w, residual) = shortened(loss, &w, step.col_as_slice(0), misfit)?;
    }
    None
}

/// w − t·step and its residual for the first t = 1, ½, ¼, … that lessens the misfit.
fn shortened(loss: &Loss<'_>, w: &[f64], step: &[f64], misfit: f64) -> Option<(Vec<f64>, Vec<f64>)> {
    (0..12).find_map(|halvings| {
        let mut next = w.to_vec();
        axpy(-0.5f64.powi(halvings), step, &mut next);
        let residual = loss.residual(&next);
        (norm(&residual) < misfit).then_some((next, residual))
    })
}
