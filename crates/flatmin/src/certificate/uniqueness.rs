//! Is the solution the only one?
//!
//! Let λ be dual optimal and W = W1⁻¹ A*(λ) W2⁻¹ (divided by μ for the penalised fit), Z = U S₀ Vᵀ of rank p with
//! W V = U, Wᵀ U = V, and ‖W‖ < 1 off those spaces. Every optimal Z′ satisfies ⟨W, Z′⟩ = ‖Z′‖_*, so its singular vectors
//! lie where W is 1: Z′ = U S Vᵀ with S symmetric positive semidefinite. Since S₀ is definite, Z is the only solution
//! exactly if S ↦ B(U S Vᵀ) is injective on the symmetric p×p matrices. This is sharper than injectivity on the whole
//! tangent space, and is p(p + 1)/2 columns instead of p(d1 + d2 − p). With a ball or a penalty, B(Z) is the same for all
//! solutions (the misfit is strictly convex), so that the criterion holds as it stands.
//!
//! In the symmetric domain Z = U₊ S₊ U₊ᵀ − U₋ S₋ U₋ᵀ, with W = ±1 on U± and ‖W‖ < 1 off both. A symmetric Z′ with
//! ⟨W, Z′⟩ = ‖Z′‖_* has its positive part where W is 1 and its negative part where W is −1: it is Z with other S± ⪰ 0, and
//! Z is the only solution exactly if (S₊, S₋) ↦ B is injective, on p₊(p₊ + 1)/2 + p₋(p₋ + 1)/2 columns. (In terms of
//! U S Vᵀ, V = U·sign: S Vᵀ is symmetric only if S keeps the signs apart.) Where X ⪰ 0 there is no U₋, and off U₊ it is
//! enough that λ_max(W) < 1, for ⟨W, Z′⟩ = tr Z′ with Z′ ⪰ 0 leaves Z′ nowhere else to be.
//! With an absolute fit, of level θ or ‖λ‖_∞ for a ball, every optimal Z′ also satisfies ⟨λ, S′⟩ = level·‖S′‖_1 for
//! S′ = y − B(Z′): S′ vanishes wherever |λ_i| is below the level. There B(Z′) = y for all solutions, and Z is the only one if
//! S ↦ B(U S Vᵀ), restricted to those measurements, is injective. (Only if: not quite, for the signs of S′ are given too.)
//!
//! λ is optimal only to some accuracy: what W misses of U Vᵀ on the tangent space measures it. A verdict needs margins
//! far above that error, and above the rounding of the margins themselves; otherwise there is none.

use faer::MatRef;

use super::injectivity::smallest_singular_value;
use crate::certificate::penalty;
use crate::domain::{Domain, column_signs};
use crate::error::Error;
use crate::flatness::{Rescaled, Weights};
use crate::linalg::dense::{Svd, frobenius};
use crate::linalg::operator_norm::{largest_eigenvalue_off, upper_bound_off};
use crate::linalg::vector::max_abs;
use crate::problem::{Fit, Problem};

/// The verdict and the smaller of the two margins that give it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Uniqueness {
    /// `None`: not decided by this λ.
    pub unique: Option<bool>,
    /// The smaller of 1 − ‖P_{T⊥} W‖ (less what W misses on T) and the relative smallest singular value of
    /// S ↦ B(U S Vᵀ), both less their rounding; not positive: not decided.
    pub margin: Option<f64>,
}

/// Singular values of Z below this share of the largest do not count towards its rank.
const RANK: f64 = 1e-9;
/// W may miss U Vᵀ on the tangent space by this much before λ is called too far from optimal to decide.
const TANGENT: f64 = 1e-4;
/// A margin off the tangent space below this is indistinguishable from the margin 0 of a solution that is not unique.
const OUTSIDE: f64 = 1e-6;
/// Each margin has to exceed the error of λ this many times. If Z + H solves too, H = H_T + H_⊥, then ⟨W, H⟩ = 0 gives
/// (1 − ‖P_{T⊥} W‖)·‖H_⊥‖_* ≤ error·‖H_T‖_*: this is the ratio of the two that a verdict allows for.
const SAFETY: f64 = 1e3;
/// A multiplier of an absolute fit counts as below the level if it is so by this share: leaving measurements out never makes
/// the map injective, and what a λ of given error says of the rest is blurred by error/LEVEL.
const LEVEL: f64 = 1e-2;
/// Beyond this many columns the injectivity test costs more than a solve.
const MAX_COLUMNS: usize = 4000;

/// Decides uniqueness of the solution Z = W1 X W2 with singular value decomposition `z`, by the dual vector `lambda`
/// (m numbers). In a symmetric domain the singular vectors are those of the eigenvalue decomposition, v = ±u.
///
/// # Errors
/// [`Error::Numerical`] if a decomposition fails.
pub fn uniqueness(
    problem: &Problem,
    weights: &Weights,
    z: &Svd,
    lambda: &[f64],
) -> Result<Uniqueness, Error> {
    let undecided = Uniqueness::default();
    if weights.left.unobserved() + weights.right.unobserved() > 0 {
        // Nothing sees those rows and columns: any values there are as good.
        return Ok(Uniqueness {
            unique: Some(false),
            margin: None,
        });
    }
    let p =
        z.s.iter()
            .take_while(|s| **s > RANK * z.s[0] && **s > 0.0)
            .count();
    let (u, v) = (z.u.as_ref().subcols(0, p), z.v.as_ref().subcols(0, p));
    let scale = penalty(problem, weights).unwrap_or(1.0);
    let map = Rescaled::new(problem.map(), weights);
    let w = map.adjoint(&lambda.iter().map(|l| l / scale).collect::<Vec<_>>());
    let tangent_error =
        frobenius((w.times(v) - u).as_ref()).max(frobenius((w.transpose_times(u) - v).as_ref()));
    if tangent_error > TANGENT {
        return Ok(undecided);
    }
    let free = free_measurements(problem, weights, z, lambda);
    let error = tangent_error.max(free.as_ref().map_or(0.0, |free| free.error));
    if error.is_nan() || error > TANGENT {
        return Ok(undecided);
    }
    let off = match problem.domain() {
        Domain::Semidefinite => largest_eigenvalue_off(w, u)?,
        Domain::General | Domain::Symmetric => upper_bound_off(w, u, v)?,
    };
    let outside = 1.0 - off - 2.0 * error;
    let pairs = free_pairs(problem.domain(), u, v);
    let columns = pairs.len();
    if outside <= OUTSIDE.max(SAFETY * error) || columns > MAX_COLUMNS {
        return Ok(Uniqueness {
            unique: None,
            margin: Some(outside).filter(|m| *m <= 0.0),
        });
    }
    if free.is_none() && columns > problem.map().measurements() {
        return Ok(Uniqueness {
            unique: Some(false),
            margin: None,
        });
    }
    let free_only = free.as_ref().map(|free| free.indices.as_slice());
    let injectivity = smallest_singular_value(problem.map(), weights, (u, v), &pairs, free_only)?;
    let Some(injectivity) = injectivity else {
        return Ok(undecided);
    };
    // An error in λ turns the singular spaces of W by about error/outside, and B on them with it.
    let steepness = if free.is_some() {
        outside.min(LEVEL)
    } else {
        outside
    };
    let decided = injectivity > SAFETY * error / steepness;
    Ok(Uniqueness {
        unique: decided.then_some(true),
        margin: Some(outside.min(injectivity)),
    })
}

/// The entries (i, j), i ≤ j, of S that are free: all, or in a symmetric domain those between columns of one sign.
fn free_pairs(domain: Domain, u: MatRef<'_, f64>, v: MatRef<'_, f64>) -> Vec<(usize, usize)> {
    let signs = column_signs(u, v);
    (0..u.ncols())
        .flat_map(|j| (0..=j).map(move |i| (i, j)))
        .filter(|(i, j)| !domain.is_symmetric() || signs[*i] == signs[*j])
        .collect()
}

/// The measurements that an absolute fit meets exactly in every solution.
struct Free {
    /// Where |λ_i| is below the level.
    indices: Vec<usize>,
    /// How far ⟨λ, S⟩ is from level·‖S‖_1, and |λ| above the level, relatively.
    error: f64,
}

/// `None` for the other fits, in which B(Z) is the same for all solutions.
fn free_measurements(problem: &Problem, weights: &Weights, z: &Svd, lambda: &[f64]) -> Option<Free> {
    let largest = max_abs(lambda);
    let level = match problem.fit() {
        Fit::Absolute(theta) => theta,
        Fit::AbsoluteBall(_) => largest,
        Fit::Exact | Fit::Ball(_) | Fit::Penalised(_) => return None,
    };
    let scaled = faer::Mat::from_fn(z.u.nrows(), z.s.len(), |i, j| z.u[(i, j)] * z.s[j]);
    let (l, r) = weights.restore(scaled.as_ref(), z.v.as_ref());
    let image = problem.map().apply_factored(l.as_ref(), r.as_ref());
    let (mut total, mut inner) = (0.0, 0.0);
    for ((y, x), lambda) in problem.data().iter().zip(&image).zip(lambda) {
        total += (y - x).abs();
        inner += (y - x) * (lambda / level);
    }
    let slack = if total > 0.0 {
        (total - inner).abs() / total
    } else {
        0.0
    };
    // A remainder that is rounding of y has no signs to agree with.
    let scale: f64 = problem.data().iter().map(|y| y.abs()).sum();
    let slack = if total <= 1e-10 * scale { 0.0 } else { slack };
    Some(Free {
        indices: (0..lambda.len())
            .filter(|i| lambda[*i].abs() < (1.0 - LEVEL) * level)
            .collect(),
        error: slack.max(largest / level - 1.0),
    })
}
