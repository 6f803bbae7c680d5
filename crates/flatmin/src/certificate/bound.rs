//! The dual bound. Every rounding error that could raise it is bounded and taken off.

use crate::error::Error;
use crate::flatness::{Rescaled, Weights};
use crate::linalg::operator_norm::upper_bound;
use crate::linalg::vector::{dot, norm};
use crate::map::gamma;
use crate::problem::{Fit, Problem};

/// A proved lower bound on the optimum of (P).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DualBound {
    /// No feasible X has a smaller objective.
    pub value: f64,
    /// An upper bound on ‖W1⁻¹ A*(λ) W2⁻¹‖_op.
    pub operator_norm: f64,
}

/// The best bound that a multiple of `lambda` gives.
pub fn dual_bound(problem: &Problem, weights: &Weights, lambda: &[f64]) -> Result<DualBound, Error> {
    crate::error::check_length("the dual vector", lambda.len(), problem.map().measurements())?;
    crate::error::check_finite("the dual vector", lambda)?;
    let adjoint = Rescaled::new(problem.map(), weights).adjoint(lambda);
    let computed = upper_bound(&adjoint)?;
    let operator_norm = computed + adjoint_error(problem, weights, lambda, adjoint.frobenius());
    let m = lambda.len();
    let magnitude: f64 = lambda
        .iter()
        .zip(problem.data())
        .map(|(l, y)| (l * y).abs())
        .sum();
    let inner = dot(lambda, problem.data()) - gamma(m + 2) * magnitude;
    let size = norm(lambda) * (1.0 + gamma(m + 2));
    // Shrinks a number towards −∞ by the few roundings of the last line.
    let down = |v: f64| v - 8.0 * f64::EPSILON * v.abs();
    let value = match problem.fit() {
        Fit::Exact => down(inner / operator_norm),
        Fit::Ball(epsilon) => down((inner - epsilon * size) / operator_norm),
        Fit::Penalised(lambda) => {
            let mu = lambda * weights.penalty_scale * (1.0 - 8.0 * f64::EPSILON);
            // s·⟨λ, y⟩ − s²/2·‖λ‖² is largest at s = ⟨λ, y⟩/‖λ‖²; feasible up to μ/‖W‖.
            let scale = (mu / operator_norm).min(inner / (size * size)).max(0.0);
            down(scale * inner - 0.5 * scale * scale * size * size)
        }
    };
    // λ = 0 is feasible and gives 0; it also answers for 0/0.
    Ok(DualBound {
        value: value.max(0.0),
        operator_norm,
    })
}

/// A bound on ‖computed − exact‖ of B*(λ) = W1⁻¹ A*(λ) W2⁻¹: rounding in A*, in the inverse weights, in the products.
fn adjoint_error(problem: &Problem, weights: &Weights, lambda: &[f64], size: f64) -> f64 {
    let (left, right) = (&weights.left, &weights.right);
    let (d1, d2) = problem.map().shape();
    let norms = left.inverse_norm() * right.inverse_norm();
    let own = norms * problem.map().adjoint_rounding(lambda);
    let relative = left.rounding() + right.rounding();
    // Dense weights: |W1⁻¹||S||W2⁻¹| in Frobenius norm is at most √d1·√d2·κ1·κ2 times the product's own size.
    let (c1, c2) = (left.multiplication_error(d1), right.multiplication_error(d2));
    own + (relative + c1 + c2) * size
}
