//! The dual bound. Every rounding error that could raise it is bounded and taken off.
//!
//! λ and y are first divided by powers of two, so that nothing here overflows and what underflows is of no size. The
//! divided λ is as good a dual vector as any.

use faer::{Mat, MatRef};

use super::penalty;
use super::projections::{ROUNDS, approach};
use crate::domain::Domain;
use crate::error::Error;
use crate::flatness::{Rescaled, Weights};
use crate::linalg::operator_norm::{Bound, largest_eigenvalue_above, upper_bound_around};
use crate::linalg::vector::{dot, max_abs, norm, power_of_two};
use crate::map::gamma;
use crate::problem::{Fit, Problem};

/// A proved lower bound on the optimum of (P).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct DualBound {
    /// No feasible X has a smaller objective.
    pub value: f64,
    /// An upper bound on ‖W1⁻¹ A*(λ) W2⁻¹‖_op (on its largest eigenvalue, or 0, where X ⪰ 0), λ the one given; infinite where
    /// rounding leaves none.
    pub operator_norm: f64,
    /// The probability that both are wrong: 0, but for completion with more than 4096 rows and columns, where the norm is
    /// bounded from a random start.
    pub failure_probability: f64,
}

/// The best bound that a multiple of `lambda` (m numbers) gives; for absolute fits of entries also one of a λ near it, moved by
/// alternating projections onto the two sets that it has to lie in. A bad λ gives a poor bound, 0 at worst.
///
/// # Errors
/// λ of another length than m, or not finite.
pub fn dual_bound(problem: &Problem, weights: &Weights, lambda: &[f64]) -> Result<DualBound, Error> {
    let (d1, d2) = problem.map().shape();
    let none = (Mat::zeros(d1, 0), Mat::zeros(d2, 0));
    dual_bound_near(problem, weights, (none.0.as_ref(), none.1.as_ref()), lambda)
}

/// The same, by way of the singular vectors (u, v), d1 × p and d2 × p, of a Z = W1 X W2 near the optimum: where the matrix
/// W1⁻¹ A*(λ) W2⁻¹ is large, its norm is then found far sooner. Any others, nearly orthonormal, give a bound that holds.
///
/// # Errors
/// λ of another length than m, or not finite.
pub fn dual_bound_near(
    problem: &Problem,
    weights: &Weights,
    near: (MatRef<'_, f64>, MatRef<'_, f64>),
    lambda: &[f64],
) -> Result<DualBound, Error> {
    dual_bound_beside(problem, weights, near, (lambda, None))
}

/// The same, where it is known already to what other λ a projection would move this one.
pub(super) fn dual_bound_beside(
    problem: &Problem,
    weights: &Weights,
    near: (MatRef<'_, f64>, MatRef<'_, f64>),
    (lambda, moved): (&[f64], Option<Vec<f64>>),
) -> Result<DualBound, Error> {
    for lambda in std::iter::once(lambda).chain(moved.as_deref()) {
        crate::error::check_length("the dual vector", lambda.len(), problem.map().measurements())?;
        crate::error::check_finite("the dual vector", lambda)?;
    }
    let given = bound_of(problem, weights, near, lambda)?;
    let moved = match moved {
        Some(moved) => Some(moved),
        None => projected(problem, lambda)?,
    };
    let Some(moved) = moved else {
        return Ok(given);
    };
    let other = bound_of(problem, weights, near, &moved)?;
    Ok(DualBound {
        value: given.value.max(other.value),
        ..given
    })
}

/// The bound of the best multiple of λ itself.
fn bound_of(
    problem: &Problem,
    weights: &Weights,
    near: (MatRef<'_, f64>, MatRef<'_, f64>),
    lambda: &[f64],
) -> Result<DualBound, Error> {
    let (scaled, unit) = over_power_of_two(lambda);
    let norm = operator_norm(problem, weights, near, (scaled, unit))?;
    let operator_norm = (norm.value * unit).next_up();
    Ok(DualBound {
        value: bound_from_norm(problem, weights, lambda, operator_norm),
        operator_norm,
        failure_probability: norm.failure_probability,
    })
}

/// A λ near a multiple of the given one whose bound is larger, where projections find one: for absolute fits of entries.
fn projected(problem: &Problem, lambda: &[f64]) -> Result<Option<Vec<f64>>, Error> {
    // Of a ball the level is not known but from λ, whose scale would have to be right for that.
    if !matches!(problem.fit(), Fit::Absolute(_)) || max_abs(lambda) == 0.0 {
        return Ok(None);
    }
    let (start, _) = over_power_of_two(lambda);
    let found = approach(
        problem.map(),
        (problem.fit(), problem.data()),
        start.clone(),
        ROUNDS,
    )?
    .lambda;
    Ok((found != start).then_some(found))
}

/// The bound of the best multiple of λ, `norm` being an upper bound on the dual norm of W1⁻¹ A*(λ) W2⁻¹.
pub(super) fn bound_from_norm(problem: &Problem, weights: &Weights, lambda: &[f64], norm: f64) -> f64 {
    let (lambda, dual_unit) = over_power_of_two(lambda);
    let (data, unit) = over_power_of_two(problem.data());
    let fit = penalty(problem, weights).map_or(problem.fit(), Fit::Penalised);
    let gauge = (norm / dual_unit).next_up();
    // λ = 0 is feasible and gives 0; it also answers for what came out as NaN.
    best_multiple(fit, &lambda, &data, unit, gauge).max(0.0)
}

/// The vector with its largest magnitude in [1, 2), and the power of two that was divided out.
pub(crate) fn over_power_of_two(v: &[f64]) -> (Vec<f64>, f64) {
    let unit = power_of_two(max_abs(v));
    (v.iter().map(|v| v / unit).collect(), unit)
}

/// The bound of the best multiple of λ that is feasible, in the scale of the problem; the data are y/unit. `fit` carries
/// the penalty that is meant, and `gauge` is the smallest number that λ/gauge is proved feasible for (‖W‖_op, or its like).
pub(crate) fn best_multiple(fit: Fit, lambda: &[f64], data: &[f64], unit: f64, gauge: f64) -> f64 {
    let m = lambda.len();
    let magnitude: f64 = lambda.iter().zip(data).map(|(l, y)| (l * y).abs()).sum();
    // The last term pays for what underflowed, in y/unit and in the products.
    let inner = dot(lambda, data) - gamma(m + 4) * magnitude - 4.0 * m as f64 * f64::MIN_POSITIVE;
    let size = norm(lambda) * (1.0 + gamma(m + 8));
    match fit {
        Fit::Exact => lowered(inner / gauge, unit),
        Fit::Ball(epsilon) => {
            let epsilon = (epsilon / unit).max(f64::MIN_POSITIVE);
            lowered((inner - epsilon * size) / gauge, unit)
        }
        Fit::Absolute(theta) => {
            // Feasible: s·‖W‖ ≤ 1 and s·‖λ‖_∞ ≤ θ.
            let over = (max_abs(lambda) / theta) * (1.0 + 4.0 * f64::EPSILON);
            lowered(inner / gauge.max(over), unit)
        }
        Fit::AbsoluteBall(radius) => {
            let radius = (radius / unit).max(f64::MIN_POSITIVE) * (1.0 + 4.0 * f64::EPSILON);
            lowered((inner - radius * max_abs(lambda)) / gauge, unit)
        }
        Fit::Penalised(penalty) => {
            let mu = penalty * (1.0 - 16.0 * f64::EPSILON) / unit;
            if mu < f64::MIN_POSITIVE {
                return 0.0;
            }
            lowered(lowered(best_penalised(mu, inner, size, gauge), unit), unit)
        }
    }
}

/// The largest s·⟨λ, y⟩ − s²/2·‖λ‖² over 0 ≤ s ≤ μ/gauge, `inner` no more than ⟨λ, y⟩ and `size` no less than ‖λ‖. At most half
/// cancels.
pub(super) fn best_penalised(mu: f64, inner: f64, size: f64, gauge: f64) -> f64 {
    let scale = (mu / gauge).min(inner / (size * size)).max(0.0);
    scale * (inner - 0.5 * scale * size * size)
}

/// v·unit, rounded towards −∞ past the few roundings that made v.
pub(crate) fn lowered(v: f64, unit: f64) -> f64 {
    let scaled = (v - 16.0 * f64::EPSILON * v.abs()) * unit;
    scaled.next_down().min(f64::MAX)
}

/// An upper bound on the dual norm of W1⁻¹ A*(λ) W2⁻¹ for exact weights and an exact adjoint; infinite where there is none.
///
/// With the computed S ≈ A*(λ), P ≈ W1⁻¹ and Q ≈ W2⁻¹: the norm of the computed product P S Q, plus the rounding of
/// the products and of S, all times ‖W1⁻¹ P⁻¹‖·‖Q⁻¹ W2⁻¹‖ (see `flatness/weight.rs`). The same bounds max(λ_max, 0) where
/// X ⪰ 0: for K = W1⁻¹ P⁻¹ and symmetric Y, xᵀ K Y Kᵀ x ≤ max(λ_max(Y), 0)·‖K‖²·‖x‖².
fn operator_norm(
    problem: &Problem,
    weights: &Weights,
    near: (MatRef<'_, f64>, MatRef<'_, f64>),
    (lambda, unit): (Vec<f64>, f64),
) -> Result<Bound, Error> {
    let (left, right) = (&weights.left, &weights.right);
    let (d1, d2) = problem.map().shape();
    let adjoint = problem.map().adjoint(&lambda);
    // Underflow in A*: m products, each off by less than the smallest normal number.
    let underflow = lambda.len() as f64 * ((d1 * d2) as f64).sqrt() * f64::MIN_POSITIVE;
    let own = problem.map().adjoint_rounding(&lambda) + underflow;
    // One number a measurement counts where there are many.
    drop(lambda);
    let size = adjoint.frobenius();
    let scaled = Rescaled::new(problem.map(), weights).scale_adjoint(adjoint);
    let products = if left.is_diagonal() && right.is_diagonal() {
        gamma(4) * scaled.frobenius()
    } else {
        // |fl(P S Q) − P S Q| ≤ γ·|P||S||Q|, entry by entry.
        gamma(d1 + d2 + 4) * left.absolute_norm() * right.absolute_norm() * size
    };
    let errors = (left.inverse_norm() * right.inverse_norm() * own + products) * (1.0 + 1e-6);
    let exact = (1.0 + left.rounding()) * (1.0 + right.rounding()) * (1.0 + 8.0 * f64::EPSILON);
    let computed = match problem.domain() {
        Domain::Semidefinite => Bound::proved(largest_eigenvalue_above(scaled)?),
        Domain::General | Domain::Symmetric => {
            // Beyond μ the gap stays open.
            let level = penalty(problem, weights).map_or(f64::INFINITY, |mu| mu / unit);
            upper_bound_around(scaled, near, level)?
        }
    };
    let bound = (computed.value + errors) * exact;
    Ok(Bound {
        value: if bound.is_nan() { f64::INFINITY } else { bound },
        ..computed
    })
}
