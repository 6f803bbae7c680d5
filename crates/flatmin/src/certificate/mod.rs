//! Certificates: functions of (problem, candidate) that prove how far a candidate can be from the flattest solution,
//! whoever made it and however.
//!
//! The problem (P) min ‖W1 X W2‖_* with its fit has the dual
//!
//!   exact:      max ⟨λ, y⟩                  s.t. ‖W1⁻¹ A*(λ) W2⁻¹‖_op ≤ 1,
//!   ball:       max ⟨λ, y⟩ − ε‖λ‖₂          likewise,
//!   penalised:  max ⟨λ, y⟩ − ½‖λ‖₂²         s.t. ‖W1⁻¹ A*(λ) W2⁻¹‖_op ≤ μ,
//!   absolute:   max ⟨λ, y⟩                  s.t. ‖A*(λ)‖_op ≤ 1, ‖λ‖_∞ ≤ θ,
//!   in an absolute ball:  max ⟨λ, y⟩ − τ‖λ‖_∞  s.t. ‖A*(λ)‖_op ≤ 1,
//!
//! and any λ, scaled to be feasible, bounds the optimum from below. In the symmetric [`Domain`] nothing
//! changes; where X ⪰ 0 the constraint is on the largest eigenvalue alone, λ_max(W1⁻¹ A*(λ) W2⁻¹).

mod bound;
mod injectivity;
mod pieces;
mod projections;
mod uniqueness;

pub use crate::linalg::operator_norm::Products;
pub use bound::{DualBound, dual_bound, dual_bound_near};
pub(crate) use bound::{best_multiple, lowered, over_power_of_two};
use bound::{bound_from_norm, dual_bound_beside};
pub use pieces::{PiecesBound, Sums, penalised_bound};
pub(crate) use projections::{ROUNDS, approach};
pub use uniqueness::{Uniqueness, uniqueness};

use faer::MatRef;

use crate::domain::Domain;
use crate::error::Error;
use crate::factors::Factors;
use crate::flatness::{Rescaled, Weights};
use crate::linalg::operator_norm::singular_values_off;
use crate::linalg::vector::{max_abs, safe_norm};
use crate::problem::{Fit, Problem};

/// What is proved of a candidate (L, R) with a dual vector λ.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Certificate {
    /// The convex objective at X = L Rᵀ: ‖W1 X W2‖_*, or the whole objective where the misfit is part of it.
    pub value: f64,
    /// No feasible X has a smaller objective than this: proved, rounding included.
    pub lower_bound: f64,
    /// What ‖W1⁻¹ A*(λ) W2⁻¹‖_op does not exceed (its largest eigenvalue where X ⪰ 0): `lower_bound` rests on it.
    pub operator_norm: f64,
    /// (value − lower_bound)/value; 0 where both vanish.
    pub gap: f64,
    /// ‖A(X) − y‖₂ / ‖y‖₂.
    pub residual: f64,
    /// How much the constraint is violated: relative to y, and priced by the multiplier relative to the value, whichever is
    /// larger. A candidate that misses the data a little may lie that much below the optimum.
    pub infeasibility: f64,
    /// Singular values of W1 X W2; its eigenvalues where X ⪰ 0.
    pub singular_values: Vec<f64>,
    /// Whether X is the only solution.
    pub uniqueness: Uniqueness,
    /// The probability that `lower_bound` or `uniqueness` is wrong: 0, proved outright, but for completion with more than 4096
    /// rows and columns, where it is 1e-12 over the start of a random method.
    pub failure_probability: f64,
    /// For a penalised fit: how many columns, at least, the optimum has beyond those of X, as far as λ tells: the
    /// number of singular values of W1⁻¹ A*(λ) W2⁻¹ above μ off the spaces of X. `None` for other fits and domains.
    pub missing_columns: Option<usize>,
}

impl Certificate {
    /// Whether the gap, and the infeasibility, are at most `tolerance`.
    pub fn proves(&self, tolerance: f64) -> bool {
        self.gap <= tolerance && self.infeasibility <= tolerance
    }

    /// The lower bound that the same λ proves for `problem`, which may differ from the one certified in its data and fit, not
    /// in its measurements or objective: the norm is known already.
    ///
    /// # Errors
    /// λ of another length than m, or not finite.
    pub fn lower_bound_for(
        &self,
        problem: &Problem,
        weights: &Weights,
        lambda: &[f64],
    ) -> Result<f64, Error> {
        crate::error::check_length("the dual vector", lambda.len(), problem.map().measurements())?;
        crate::error::check_finite("the dual vector", lambda)?;
        Ok(bound_from_norm(problem, weights, lambda, self.operator_norm))
    }
}

/// The penalty μ of ½‖·‖² + μ‖W1 X W2‖_*, in the normalised weights.
pub(crate) fn penalty(problem: &Problem, weights: &Weights) -> Option<f64> {
    match problem.fit() {
        Fit::Penalised(lambda) => Some(lambda * weights.penalty_scale),
        Fit::Exact | Fit::Ball(_) | Fit::Absolute(_) | Fit::AbsoluteBall(_) => None,
    }
}

/// Certifies `x` with the dual vector `lambda` (m numbers, any: a bad λ gives a poor bound, never a false one).
///
/// ```
/// use flatmin::certificate::certify;
/// use flatmin::flatness::Weights;
/// use flatmin::map::Identity;
/// use flatmin::{Factors, Fit, Objective, Problem};
///
/// // Every entry of diag(2, 1) is known: the norm of any X that fits is 3/4, as D1 = D2 = I/2.
/// let y = vec![2.0, 0.0, 0.0, 1.0];
/// let problem = Problem::new(Box::new(Identity::new((2, 2))), y, Fit::Exact, Objective::Flat)?;
/// let weights = Weights::new(problem.map(), problem.objective())?;
/// let root = 2f64.sqrt();
/// let l = faer::mat![[root, 0.0], [0.0, 1.0]];
/// let x = Factors::new(l.clone(), l)?;
///
/// // A*(λ) = I is what proves it; half of it, or twice, is scaled to the same bound.
/// for size in [0.5, 1.0, 2.0] {
///     let found = certify(&problem, &weights, &x, &[size, 0.0, 0.0, size])?;
///     assert!((found.value - 0.75).abs() < 1e-12 && found.gap < 1e-9);
///     assert!(found.lower_bound <= 0.75);
/// }
/// // Another one proves less, and nothing false.
/// let poor = certify(&problem, &weights, &x, &[1.0, 0.0, 0.0, 0.0])?;
/// assert!((poor.lower_bound - 0.5).abs() < 1e-9);
/// # Ok::<(), flatmin::Error>(())
/// ```
///
/// # Errors
/// Factors that do not fit the map or each other, or are not finite; in a symmetric domain factors other than (U, U S) with
/// signs S, all of them + where X ⪰ 0; λ of another length than m, or not finite.
pub fn certify(
    problem: &Problem,
    weights: &Weights,
    x: &Factors,
    lambda: &[f64],
) -> Result<Certificate, Error> {
    certify_beside(problem, weights, x, (lambda, None))
}

/// The same, where it is known already to what other λ a projection would move this one.
pub(crate) fn certify_beside(
    problem: &Problem,
    weights: &Weights,
    x: &Factors,
    (lambda, moved): (&[f64], Option<Vec<f64>>),
) -> Result<Certificate, Error> {
    x.check(problem.map().shape())?;
    problem.domain().check(x)?;
    let (l, r) = weights.rescale(x.l.as_ref(), x.r.as_ref());
    let z = problem.domain().decompose_factors(&Factors { l, r })?;
    let rank = z.s.iter().take_while(|s| **s > RANK * z.s[0]).count();
    let near = (z.u.as_ref().subcols(0, rank), z.v.as_ref().subcols(0, rank));
    let bound = dual_bound_beside(problem, weights, near, (lambda, moved))?;
    let mut residual = problem.map().apply_factored(x.l.as_ref(), x.r.as_ref());
    residual.iter_mut().zip(problem.data()).for_each(|(r, y)| *r -= y);
    let misfit = safe_norm(&residual);
    // The empty sum is −0. What rounding made negative of a semidefinite Z counts as the singular value that it is.
    let nuclear = z.s.iter().map(|s| s.abs()).sum::<f64>() + 0.0;
    let total: f64 = residual.iter().map(|r| r.abs()).sum();
    let value = match (problem.fit(), penalty(problem, weights)) {
        (Fit::Absolute(theta), _) => nuclear + theta * total,
        (_, Some(mu)) => mu * nuclear + 0.5 * misfit * misfit,
        _ => nuclear,
    };
    let violation = match problem.fit() {
        Fit::Exact => misfit,
        Fit::Ball(epsilon) => (misfit - epsilon).max(0.0),
        Fit::AbsoluteBall(radius) => (total - radius).max(0.0),
        Fit::Penalised(_) | Fit::Absolute(_) => 0.0,
    };
    let relative = |a: f64, b: f64| match (a, b) {
        (0.0, _) => 0.0,
        (_, b) if b > 0.0 => a / b,
        _ => f64::INFINITY,
    };
    // The norms of λ and y that belong to the fit.
    let (dual_size, data_size) = if problem.fit().is_absolute() {
        (max_abs(lambda), problem.data().iter().map(|y| y.abs()).sum())
    } else {
        (safe_norm(lambda), safe_norm(problem.data()))
    };
    let price = dual_size / bound.operator_norm.max(f64::MIN_POSITIVE);
    let unmet = relative(violation, data_size);
    Ok(Certificate {
        value,
        lower_bound: bound.value,
        operator_norm: bound.operator_norm,
        gap: relative(value - bound.value, value),
        residual: relative(misfit, safe_norm(problem.data())),
        infeasibility: relative(price * violation, value).max(unmet),
        uniqueness: uniqueness(problem, weights, &z, lambda)?,
        // One failure each of the two bounds that are made.
        failure_probability: 2.0 * bound.failure_probability,
        missing_columns: missing_columns(problem, weights, near, (lambda, bound.operator_norm))?,
        singular_values: z.s,
    })
}

/// See [`Certificate::missing_columns`]; `norm` bounds the matrix in question.
fn missing_columns(
    problem: &Problem,
    weights: &Weights,
    (u, v): (MatRef<'_, f64>, MatRef<'_, f64>),
    (lambda, norm): (&[f64], f64),
) -> Result<Option<usize>, Error> {
    let (Some(mu), Domain::General) = (penalty(problem, weights), problem.domain()) else {
        return Ok(None);
    };
    let level = mu * (1.0 + MISSING);
    if norm <= level {
        return Ok(Some(0));
    }
    // Any multiple of λ may be given, and these are squared.
    let (lambda, unit) = over_power_of_two(lambda);
    let w = Rescaled::new(problem.map(), weights).adjoint(&lambda);
    let off = singular_values_off(&w, u, v)?;
    Ok(Some(off.iter().filter(|s| **s > level / unit).count()))
}

/// Singular values of Z below this share of the largest span no leading space of W.
const RANK: f64 = 1e-9;
/// A singular value above μ by a smaller share may be μ.
const MISSING: f64 = 1e-3;
