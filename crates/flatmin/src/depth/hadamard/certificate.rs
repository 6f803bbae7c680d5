//! What is proved of a candidate x with a dual vector λ, whoever made them: (D) at λ, less all that rounding can have added.

use faer::Mat;

use super::Problem;
use crate::certificate::{Uniqueness, best_multiple, lowered, over_power_of_two};
use crate::error::{Error, check_finite, check_length};
use crate::linalg::dense::thin_svd;
use crate::linalg::vector::{dot, norm, safe_norm};
use crate::map::gamma;
use crate::problem::Fit;

/// What is proved.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Certificate {
    /// The convex objective at x.
    pub value: f64,
    /// No feasible x has a smaller objective than this: proved, rounding included.
    pub lower_bound: f64,
    /// (value − lower_bound)/value; 0 where both vanish.
    pub gap: f64,
    /// ‖A x − y‖₂ / ‖y‖₂.
    pub residual: f64,
    /// How much the constraint is violated: relative to y, and priced by λ relative to the value, whichever is larger.
    pub infeasibility: f64,
    /// Coordinates of x that are not zero.
    pub support: usize,
    /// Whether x is the only solution. For K ≥ 3 it always is where every column of A is non-zero (the objective is strictly
    /// convex), and no margin belongs to that.
    pub uniqueness: Uniqueness,
}

impl Certificate {
    /// Whether the gap, and the infeasibility, are at most `tolerance`.
    pub fn proves(&self, tolerance: f64) -> bool {
        self.gap <= tolerance && self.infeasibility <= tolerance
    }
}

/// Margins below this are indistinguishable from those of a solution that is not unique.
const MARGIN: f64 = 1e-6;
/// |u_l| may miss w_l on the support by this much before λ is called too far from optimal to decide.
const ALIGNED: f64 = 1e-4;
/// A margin has to exceed the error of λ on the support this many times.
const SAFETY: f64 = 1e3;

/// Certifies `x` (d numbers) with `lambda` (m numbers, any: a bad λ gives a poor bound, never a false one).
///
/// # Errors
/// Wrong lengths; NaN or infinity; a decomposition that fails.
pub fn certify(problem: &Problem, x: &[f64], lambda: &[f64]) -> Result<Certificate, Error> {
    check_length("x", x.len(), problem.a().ncols())?;
    check_finite("x", x)?;
    check_length("the dual vector", lambda.len(), problem.data().len())?;
    check_finite("the dual vector", lambda)?;
    let images = Images::new(problem, lambda);
    let lower_bound = if problem.depth() == 2 {
        linear_bound(problem, &images, lambda)
    } else {
        smooth_bound(problem, &images, lambda)
    };
    // λ = 0 gives 0; it also answers for what came out as NaN.
    let lower_bound = lower_bound.max(0.0);
    let misfit = safe_norm(&problem.residual(x));
    let (value, violation) = match problem.fit() {
        Fit::Ball(epsilon) => (problem.penalty(x), (misfit - epsilon).max(0.0)),
        Fit::Penalised(mu) => (mu * problem.penalty(x) + 0.5 * misfit * misfit, 0.0),
        _ => (problem.penalty(x), misfit),
    };
    let size = safe_norm(problem.data());
    let price = safe_norm(lambda) / if problem.depth() == 2 { images.gauge } else { 1.0 };
    Ok(Certificate {
        value,
        lower_bound,
        gap: relative(value - lower_bound, value),
        residual: relative(misfit, size),
        infeasibility: relative(price * violation, value).max(relative(violation, size)),
        support: x.iter().filter(|x| **x != 0.0).count(),
        uniqueness: uniqueness(problem, x, &images)?,
    })
}

fn relative(a: f64, b: f64) -> f64 {
    match (a, b) {
        (0.0, _) => 0.0,
        (_, b) if b > 0.0 => a / b,
        _ => f64::INFINITY,
    }
}

/// u = Aᵀλ with bounds.
struct Images {
    /// u, as computed.
    u: Vec<f64>,
    /// |u| at most.
    above: Vec<f64>,
    /// w at least; 0 for a column of zeros.
    weights: Vec<f64>,
    /// |u_l|/w_l at most, for all l.
    gauge: f64,
}

impl Images {
    fn new(problem: &Problem, lambda: &[f64]) -> Self {
        let (m, d) = problem.a().shape();
        let u = problem.adjoint(lambda);
        let above: Vec<f64> = (0..d)
            .map(|l| {
                let column = problem.a().col(l);
                let size: f64 = column.iter().zip(lambda).map(|(a, v)| (a * v).abs()).sum();
                // γ_{m+4} also covers the rounding of this very sum; the last term pays for what underflowed.
                (u[l].abs() + gamma(m + 4) * size + 4.0 * m as f64 * f64::MIN_POSITIVE).next_up()
            })
            .collect();
        let weights: Vec<f64> = problem
            .weights()
            .iter()
            .map(|w| w * (1.0 - gamma(m + 4)))
            .collect();
        let gauge = above
            .iter()
            .zip(&weights)
            .filter(|(_, w)| **w > 0.0)
            .fold(0.0, |top: f64, (u, w)| {
                let ratio = (u / w).next_up();
                if ratio > top || ratio.is_nan() { ratio } else { top }
            });
        Images {
            u,
            above,
            weights,
            gauge,
        }
    }
}

/// K = 2: the best multiple of λ with |u_l| ≤ w_l, or μ·w_l.
fn linear_bound(problem: &Problem, images: &Images, lambda: &[f64]) -> f64 {
    let (lambda, dual_unit) = over_power_of_two(lambda);
    let (data, unit) = over_power_of_two(problem.data());
    best_multiple(
        problem.fit(),
        &lambda,
        &data,
        unit,
        (images.gauge / dual_unit).next_up(),
    )
}

/// K ≥ 3: ⟨λ, y⟩ − h*(λ) − Σ f_l*(u_l) at the best multiple of λ, or, for the penalised fit, at λ.
fn smooth_bound(problem: &Problem, images: &Images, lambda: &[f64]) -> f64 {
    let m = lambda.len();
    let products = lambda.iter().zip(problem.data()).map(|(l, y)| (l * y).abs());
    let inner = dot(lambda, problem.data())
        - gamma(m + 4) * products.sum::<f64>()
        - 4.0 * m as f64 * f64::MIN_POSITIVE;
    let size = norm(lambda) * (1.0 + gamma(m + 8));
    let p = problem.power();
    let q = p / (p - 1.0);
    match problem.fit() {
        Fit::Penalised(mu) => {
            let sum = conjugate_above(images, p, mu);
            lowered(inner - 0.5 * size * size * (1.0 + 8.0 * f64::EPSILON) - sum, 1.0)
                - 16.0 * f64::EPSILON * (inner.abs() + size * size + sum)
        }
        _ => {
            let epsilon = if let Fit::Ball(epsilon) = problem.fit() {
                epsilon
            } else {
                0.0
            };
            let sum = conjugate_above(images, p, 1.0);
            let linear = inner - epsilon * size - 16.0 * f64::EPSILON * (inner.abs() + epsilon * size);
            // s·linear − s^q·sum is largest at this s; any s ≥ 0 will do.
            let s = (linear.max(0.0) / (q * sum)).powf(1.0 / (q - 1.0));
            let paid = s.powf(q) * sum * (1.0 + power_rounding(s));
            s * linear - paid - 16.0 * f64::EPSILON * (s * linear.abs() + paid)
        }
    }
}

/// The relative error of t^q, q ≤ 4, computed with a rounded q: |ln t|·ε of q and a few units of the library's power.
fn power_rounding(t: f64) -> f64 {
    16.0 * f64::EPSILON * (4.0 + t.max(f64::MIN_POSITIVE).ln().abs())
}

/// At least Σ (p − 1)·w_l·(|u_l|/(p·w_l))^q with w_l replaced by μ·w_l; it falls with w_l.
fn conjugate_above(images: &Images, p: f64, mu: f64) -> f64 {
    let q = p / (p - 1.0);
    let terms = images
        .above
        .iter()
        .zip(&images.weights)
        .filter(|(_, w)| **w > 0.0);
    let sum: f64 = terms
        .map(|(u, w)| {
            let w = mu * w * (1.0 - 4.0 * f64::EPSILON);
            let t = u / (p * w) * (1.0 + 8.0 * f64::EPSILON) + f64::MIN_POSITIVE;
            (p - 1.0) * w * (t.powf(q) * (1.0 + power_rounding(t)) + f64::MIN_POSITIVE)
        })
        .sum();
    sum * (1.0 + gamma(images.u.len() + 16))
}

/// K = 2: x is the only solution if the columns of its support are independent and |u_l| < w_l (μ·w_l) elsewhere
/// (Fuchs, IEEE Trans. Inf. Theory 50, 2004). λ is optimal only to some accuracy: what |u_l| misses of w_l on the support.
fn uniqueness(problem: &Problem, x: &[f64], images: &Images) -> Result<Uniqueness, Error> {
    let undecided = Uniqueness::default();
    if problem.weights().contains(&0.0) {
        // Nothing sees those coordinates: any values there are as good.
        return Ok(Uniqueness {
            unique: Some(false),
            margin: None,
        });
    }
    if problem.depth() > 2 {
        return Ok(Uniqueness {
            unique: Some(true),
            margin: None,
        });
    }
    let mu = match problem.fit() {
        Fit::Penalised(mu) => mu,
        _ => 1.0,
    };
    let support: Vec<usize> = (0..x.len()).filter(|l| x[*l] != 0.0).collect();
    let size = |l: usize| images.above[l] / (mu * images.weights[l]);
    let on = support.iter().map(|l| {
        let signed = images.u[*l] * x[*l].signum() / (mu * problem.weights()[*l]);
        (1.0 - signed).abs().max((1.0 - size(*l)).abs())
    });
    let error = on.fold(0.0, f64::max);
    if error > ALIGNED {
        return Ok(undecided);
    }
    if support.len() > problem.data().len() {
        return Ok(Uniqueness {
            unique: Some(false),
            margin: None,
        });
    }
    let off = (0..x.len()).filter(|l| x[*l] == 0.0).map(size);
    let outside = 1.0 - off.fold(0.0, f64::max);
    if outside.is_nan() || outside <= MARGIN.max(SAFETY * error) {
        return Ok(undecided);
    }
    let injectivity = injectivity(problem, &support)?;
    let decided = injectivity > SAFETY * error / outside;
    Ok(Uniqueness {
        unique: decided.then_some(true),
        margin: Some(outside.min(injectivity)),
    })
}

/// The smallest singular value of the columns a_l/‖a_l‖ of the support over the largest, less its rounding.
fn injectivity(problem: &Problem, support: &[usize]) -> Result<f64, Error> {
    if support.is_empty() {
        return Ok(1.0);
    }
    let unit = Mat::from_fn(problem.data().len(), support.len(), |i, j| {
        problem.a()[(i, support[j])] / problem.weights()[support[j]].sqrt()
    });
    let values = thin_svd(unit.as_ref())?.s;
    let rounding = gamma(16 * (unit.nrows() + unit.ncols())) * unit.norm_l2();
    Ok((values[values.len() - 1] - rounding).max(0.0) / values[0])
}
