//! The loss along one random direction (U, V), from the flattest and from sharp factors of the same matrix.
//!
//! With ρ = A(L Rᵀ) − y, a = A(U Rᵀ + L Vᵀ) and b = A(U Vᵀ), the loss is a polynomial of t:
//!
//!   f(L + tU, R + tV) − f(L, R) = 2⟨ρ, a⟩t + (‖a‖² + 2⟨ρ, b⟩)t² + 2⟨a, b⟩t³ + ‖b‖²t⁴.

use faer::{Mat, concat};
use flatmin::flatness::Weights;
use flatmin::linalg::dense::frobenius;
use flatmin::linalg::vector::{dot, norm};
use flatmin::{Domain, Error, Factors, Problem};

use rand::RngExt as _;
use rand_distr::StandardNormal;

use super::signed;
use crate::completion::split::{Stream, random};
use crate::output::result::CrossSection;

/// What the flat factors are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharp {
    /// (c·L, R/c), with c so that the scaled trace is [`RATIO`] times as large.
    Rescaled,
    /// The factors given, where they are noticeably sharper than the flattest of their matrix.
    Given,
}

/// Scaled trace of sharpened factors over that of flat ones.
pub(super) const RATIO: f64 = 4.0;
/// Given factors less sharp than this are not worth a picture of their own.
const NOTICEABLE: f64 = 1.1;
/// Offsets on each side of 0.
const STEPS: i32 = 40;
/// The quartic term reaches this share of the quadratic one at the ends, at the flat factors: both can be seen.
const QUARTIC: f64 = 0.25;

/// `None` where the loss does not rise along the direction, as at X = 0.
pub(super) fn cross_section(
    problem: &Problem,
    weights: &Weights,
    x: &Factors,
    sharp: Sharp,
    seed: u64,
) -> Result<Option<CrossSection>, Error> {
    let Some(ends) = ends(problem, weights, x, sharp)? else {
        return Ok(None);
    };
    let Ends {
        flat,
        sharp,
        trace_ratio,
    } = &ends;
    let (trace_ratio, tied) = (*trace_ratio, problem.domain().is_symmetric());
    let direction = if tied {
        signed::unit(sharp, seed)
    } else {
        unit(flat, seed)
    };
    let [at_flat, at_sharp] = quartics(problem, [flat, sharp], &direction);
    let range = (QUARTIC * at_flat.first_order / at_flat.terms[3]).sqrt();
    if !(range > 0.0 && range.is_finite() && trace_ratio.is_finite()) {
        return Ok(None);
    }
    let offsets: Vec<f64> = (-STEPS..=STEPS)
        .map(|i| range * f64::from(i) / f64::from(STEPS))
        .collect();
    let along = |loss: &Quartic| offsets.iter().map(|t| loss.at(*t)).collect();
    Ok(Some(CrossSection {
        flat: along(&at_flat),
        sharp: along(&at_sharp),
        offsets,
        trace_ratio,
    }))
}

/// The two points that are compared, with as many columns.
struct Ends {
    flat: Factors,
    sharp: Factors,
    /// Scaled trace at the sharp one over that at the flat one.
    trace_ratio: f64,
}

/// `None` where all factors of a matrix are equally flat, as for M = U Uᵀ.
fn ends(problem: &Problem, weights: &Weights, x: &Factors, sharp: Sharp) -> Result<Option<Ends>, Error> {
    let (flat, sharpened): (Factors, fn(&Weights, &Factors) -> Factors) = match problem.domain() {
        Domain::Semidefinite => return Ok(None),
        Domain::Symmetric => (signed::flattest(weights, x)?, signed::sharpened),
        _ => (flattest(weights, x)?, |_, flat| sharpened(flat)),
    };
    let own = scaled(weights, x) / scaled(weights, &flat);
    let is_given = sharp == Sharp::Given && own > NOTICEABLE;
    let (sharp, trace_ratio) = if is_given {
        (x.clone(), own)
    } else {
        (sharpened(weights, &flat), RATIO)
    };
    let (flat, sharp) = match problem.domain() {
        Domain::Symmetric => signed::aligned(&flat, &sharp)?,
        _ => (flat, sharp),
    };
    Ok(Some(Ends {
        flat,
        sharp,
        trace_ratio,
    }))
}

/// The flattest factors of the matrix of `x`, with as many columns: those that the weights balance.
fn flattest(weights: &Weights, x: &Factors) -> Result<Factors, Error> {
    let (l, r) = weights.rescale(x.l.as_ref(), x.r.as_ref());
    let balanced = Factors::balanced(&Factors { l, r }.svd()?, f64::EPSILON);
    let (l, r) = weights.restore(balanced.l.as_ref(), balanced.r.as_ref());
    Ok(Factors { l, r }.padded(x.columns()))
}

/// ‖D1 L‖² + ‖D2 R‖²: the scaled trace without its factor 2m.
fn scaled(weights: &Weights, x: &Factors) -> f64 {
    weights.left.times(x.l.as_ref()).squared_norm_l2() + weights.right.times(x.r.as_ref()).squared_norm_l2()
}

/// (c·L, R/c): where both halves of the trace are equal, it grows by (c² + c⁻²)/2.
fn sharpened(flat: &Factors) -> Factors {
    let c = (RATIO + (RATIO * RATIO - 1.0).sqrt()).sqrt();
    Factors {
        l: times(&flat.l, c),
        r: times(&flat.r, 1.0 / c),
    }
}

/// A random direction of unit norm, (U, V) with variances 1/d1 and 1/d2 before the scaling.
///
/// So the mean curvature along it is the scaled trace: with equal variances the longer block alone would be seen.
fn unit(x: &Factors, seed: u64) -> Factors {
    let mut rng = random(seed, Stream::CrossSection);
    let mut normal = |rows: usize| {
        let spread = 1.0 / (rows as f64).sqrt();
        Mat::from_fn(rows, x.columns(), |_, _| {
            spread * rng.sample::<f64, _>(StandardNormal)
        })
    };
    let (l, r) = (normal(x.l.nrows()), normal(x.r.nrows()));
    let size = frobenius(l.as_ref()).hypot(frobenius(r.as_ref()));
    Factors {
        l: times(&l, 1.0 / size),
        r: times(&r, 1.0 / size),
    }
}

fn times(a: &Mat<f64>, s: f64) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| s * a[(i, j)])
}

/// The loss above that at t = 0.
struct Quartic {
    /// Of t, t², t³, t⁴.
    terms: [f64; 4],
    /// ‖a‖²: the curvature less that of the residual.
    first_order: f64,
}

/// From all ends, factors of one matrix; what they share is taken once, and all in one pass over the data.
fn quartics(problem: &Problem, ends: [&Factors; 2], direction: &Factors) -> [Quartic; 2] {
    let [flat, sharp] = ends.map(|x| tangent(x, direction));
    let products = [ends[0], direction, &flat, &sharp].map(|x| (x.l.as_ref(), x.r.as_ref()));
    let mut images = problem.map().apply_each(&products);
    images[0]
        .iter_mut()
        .zip(problem.data())
        .for_each(|(r, y)| *r -= y);
    [2, 3].map(|end| Quartic::new(&images[0], &images[end], &images[1]))
}

/// Factors (U  L), (R  V) of U Rᵀ + L Vᵀ.
fn tangent(x: &Factors, direction: &Factors) -> Factors {
    Factors {
        l: concat![[direction.l, x.l]],
        r: concat![[x.r, direction.r]],
    }
}

impl Quartic {
    fn new(rho: &[f64], a: &[f64], b: &[f64]) -> Self {
        let (first_order, last) = (norm(a).powi(2), norm(b).powi(2));
        Quartic {
            terms: [
                2.0 * dot(rho, a),
                first_order + 2.0 * dot(rho, b),
                2.0 * dot(a, b),
                last,
            ],
            first_order,
        }
    }

    fn at(&self, t: f64) -> f64 {
        self.terms.iter().rev().fold(0.0, |sum, term| (sum + term) * t)
    }
}
