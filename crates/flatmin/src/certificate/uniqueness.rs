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
//!
//! λ is optimal only to some accuracy: what W misses of U Vᵀ on the tangent space measures it. A verdict needs margins
//! far above that error, and above the rounding of the margins themselves; otherwise there is none.

use faer::{Mat, MatRef};

use crate::certificate::penalty;
use crate::domain::{Domain, column_signs};
use crate::error::Error;
use crate::flatness::{Rescaled, Weights};
use crate::linalg::dense::{Svd, frobenius, row_gram, symmetric_eigen};
use crate::linalg::operator_norm::{largest_eigenvalue_off, upper_bound_off};
use crate::map::gamma;
use crate::problem::Problem;

/// The verdict and the smaller of the two margins that give it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
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
    let off = match problem.domain() {
        Domain::Semidefinite => largest_eigenvalue_off(&w, u)?,
        Domain::General | Domain::Symmetric => upper_bound_off(&w, u, v)?,
    };
    let outside = 1.0 - off - 2.0 * tangent_error;
    let pairs = free_pairs(problem.domain(), u, v);
    let columns = pairs.len();
    if outside <= OUTSIDE.max(SAFETY * tangent_error) || columns > MAX_COLUMNS {
        return Ok(Uniqueness {
            unique: None,
            margin: Some(outside).filter(|m| *m <= 0.0),
        });
    }
    if columns > problem.map().measurements() {
        return Ok(Uniqueness {
            unique: Some(false),
            margin: None,
        });
    }
    let injectivity = smallest_singular_value(problem, weights, (u, v), &pairs)?;
    // An error in λ turns the singular spaces of W by about error/outside, and B on them with it.
    let decided = injectivity > SAFETY * tangent_error / outside;
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

/// Of S ↦ B(U S Vᵀ) on the symmetric matrices with these entries, relative to the largest and less what rounding can have
/// added; 1 where there is nothing to tell.
fn smallest_singular_value(
    problem: &Problem,
    weights: &Weights,
    (u, v): (MatRef<'_, f64>, MatRef<'_, f64>),
    pairs: &[(usize, usize)],
) -> Result<f64, Error> {
    let p = u.ncols();
    if p == 0 {
        return Ok(1.0);
    }
    let (u, v) = weights.restore(u, v);
    let cores = problem.map().compress(u.as_ref(), v.as_ref());
    let symmetric = Mat::from_fn(pairs.len(), cores.ncols(), |row, column| {
        let (i, j) = pairs[row];
        if i == j {
            cores[(i * p + i, column)]
        } else {
            (cores[(j * p + i, column)] + cores[(i * p + j, column)]) * std::f64::consts::FRAC_1_SQRT_2
        }
    });
    let (values, _) = symmetric_eigen(row_gram(symmetric.as_ref()).as_ref())?;
    let (smallest, largest) = (values[0], values[values.len() - 1]);
    let trace: f64 = values.iter().map(|v| v.max(0.0)).sum();
    // The Gram matrix errs by γ_m·trace, its eigenvalues by a few n·ε·‖·‖, the columns by what W⁻¹ magnifies.
    let magnified = (weights.left.rounding() + weights.right.rounding()).min(1.0);
    let rounding = gamma(symmetric.ncols() + 16 * pairs.len() + 8) * trace + 2.0 * magnified * largest;
    Ok(if largest > 0.0 {
        ((smallest - rounding).max(0.0) / largest).sqrt()
    } else {
        0.0
    })
}
