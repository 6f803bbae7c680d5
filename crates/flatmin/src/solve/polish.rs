//! From a nearly right point to an exact one: Gauss-Newton on B(L Rᵀ) = b at fixed rank, and the dual by least squares.
//!
//! At Z = U Σ Vᵀ optimality asks B*(λ) V = U and B*(λ)ᵀ U = V. In balanced factors, L = U√Σ and R = V√Σ, this reads
//! Jᵀ λ = (L, R) with the Jacobian J of (L, R) ↦ B(L Rᵀ): the nearest such λ to a given one is one least-squares problem.
//! Both systems are singular along the gauge (L, R) ↦ (L G, R G⁻ᵀ), which changes nothing; it is filled in. Of factors
//! (U, U S) in a symmetric domain the gauge is U ↦ U G with G S Gᵀ = S, and the conditions are those of the pair
//! restricted to U.

use faer::Mat;

use super::instance::{Instance, Outcome};
use super::monitor::Monitor;
use super::newton::{FORMED_JACOBIAN, FORMED_UNKNOWNS, Point};
use super::preconditioner::Preconditioner;
use crate::error::Error;
use crate::factors::Factors;
use crate::linalg::conjugate_gradients::conjugate_gradients;
use crate::linalg::dense::{Cholesky, add_product, row_gram, symmetric_eigen};
use crate::linalg::vector::{axpy, dot, norm};
use crate::parametrisation::Parametrisation;
use crate::problem::Fit;

/// Most Gauss-Newton steps: convergence is quadratic or the rank is wrong.
const STEPS: usize = 12;

/// What a completed point is worth, by ordinary arithmetic: the certificate proves its own.
pub(super) struct Judged {
    pub(super) value: f64,
    pub(super) bound: f64,
    pub(super) misfit: f64,
    /// Of the fit, relative to b.
    violation: f64,
}

impl Judged {
    pub(super) fn proves(&self, tolerance: f64) -> bool {
        self.violation <= 0.1 * tolerance && self.value - self.bound <= tolerance * self.value
    }
}

/// An exact solution of the point's rank near it, with the dual nearest `lambda`; `None` if there seems to be none.
pub(super) fn complete(
    instance: &Instance<'_>,
    near: Factors,
    lambda: &[f64],
    monitor: &mut Monitor<'_>,
) -> Result<Option<Outcome>, Error> {
    let p = near.columns();
    if p == 0 || instance.domain.dimension_of_rank(instance.map.shape(), p) > instance.b.len() {
        return Ok(None);
    }
    let Some(exact) = fit_exactly(instance, near, monitor)? else {
        return Ok(None);
    };
    let exact = Factors {
        l: exact.l,
        r: exact.r,
    };
    let balanced = Factors::balanced(&instance.domain.decompose_factors(&exact)?, 1e-12);
    let exact = Point::new(instance, balanced.l, balanced.r, &instance.b);
    Ok(nearest_dual(instance, &exact, lambda).map(|lambda| Outcome {
        l: exact.l,
        r: exact.r,
        lambda,
        stopped: None,
        method: "path",
    }))
}

/// The λ′ nearest `lambda` with Jᵀλ′ = (L, R) at balanced factors; `None` if the system is singular beyond its gauge.
fn nearest_dual(instance: &Instance<'_>, at: &Point<'_>, lambda: &[f64]) -> Option<Vec<f64>> {
    let system = TangentSystem::new(instance, at)?;
    let mut lambda = lambda.to_vec();
    let goal = at.unknowns.restrict(at.l.as_ref(), at.r.as_ref());
    let gauge = gauge_directions(at);
    for _ in 0..2 {
        let mut missing = at.jacobian_adjoint(instance, &lambda);
        missing.iter_mut().zip(&goal).for_each(|(j, g)| *j = g - *j);
        // Exactly, (L, R) − Jᵀλ is orthogonal to the gauge; its rounding is not, and no λ can answer that.
        remove_components(&mut missing, &gauge);
        let correction = at.jacobian_times(instance, &system.solve(instance, at, &missing, 1e-6));
        axpy(1.0, &correction, &mut lambda);
    }
    Some(lambda)
}

/// An outcome whose λ is known only to the rounding of a small misfit, with λ made as accurate as the factors. Optimality
/// asks it of the singular vectors alone, and at (U, V) the system has none of the conditioning of Σ.
pub(super) fn sharpen(instance: &Instance<'_>, mut outcome: Outcome) -> Result<Outcome, Error> {
    let z = instance.domain.decompose_factors(&Factors {
        l: outcome.l.clone(),
        r: outcome.r.clone(),
    })?;
    let p = z.s.len();
    let freedom = instance.domain.dimension_of_rank(instance.map.shape(), p);
    if p == 0 || freedom > instance.b.len() {
        return Ok(outcome);
    }
    let at = Point::new(instance, z.u, z.v, &instance.b);
    if let Some(lambda) = nearest_dual(instance, &at, &outcome.lambda) {
        outcome.lambda = lambda;
    }
    Ok(outcome)
}

/// At an exact Z: the least λ with P_T B*(λ) = U Vᵀ, and, where the Jacobian can be formed, the smallest singular value of B on
/// the tangent space of the matrices of that rank, over its largest. `None` for what the measurements do not determine.
pub(super) fn dual_and_margin(
    instance: &Instance<'_>,
    z: &Factors,
) -> Result<(Option<Vec<f64>>, Option<f64>), Error> {
    let z = instance.domain.decompose_factors(z)?;
    let freedom = instance.domain.dimension_of_rank(instance.map.shape(), z.s.len());
    if freedom > instance.b.len() {
        return Ok((None, Some(0.0)));
    }
    let at = Point::new(instance, z.u, z.v, &instance.b);
    let lambda = nearest_dual(instance, &at, &vec![0.0; instance.b.len()]);
    let unknowns = at.unknowns.unknowns(instance.map.shape(), z.s.len());
    let margin = if unknowns <= FORMED_UNKNOWNS && unknowns * instance.b.len() <= FORMED_JACOBIAN {
        Some(tangent_margin(instance, &at)?)
    } else {
        None
    };
    Ok((lambda, margin))
}

fn tangent_margin(instance: &Instance<'_>, at: &Point<'_>) -> Result<f64, Error> {
    let factors = (at.l.as_ref(), at.r.as_ref());
    let jacobian = instance
        .map
        .linearise(&at.unknowns, factors, &instance.b)
        .jacobian;
    let (values, _) = symmetric_eigen(filled_gram(instance, at, &jacobian).as_ref())?;
    let largest = values.last().copied().unwrap_or(0.0);
    Ok(match values.first() {
        Some(smallest) if largest > 0.0 => (smallest.max(0.0) / largest).sqrt(),
        _ => 0.0,
    })
}

/// Gauss-Newton until the misfit is rounding; `None` if it stops falling before.
pub(super) fn fit_exactly<'a>(
    instance: &Instance<'a>,
    start: Factors,
    monitor: &mut Monitor<'_>,
) -> Result<Option<Point<'a>>, Error> {
    let size = norm(&instance.b);
    let mut point = Point::new(instance, start.l, start.r, &instance.b);
    let mut misfit = norm(&point.residual);
    for _ in 0..STEPS {
        if misfit <= 1e-14 * size {
            break;
        }
        if monitor.step().is_some() {
            return Ok(None);
        }
        let Some(system) = TangentSystem::new(instance, &point) else {
            return Ok(None);
        };
        let mut gradient = point.jacobian_adjoint(instance, &point.residual);
        gradient.iter_mut().for_each(|g| *g = -*g);
        let forcing = (misfit / size).clamp(1e-10, 1e-3);
        let step = system.solve(instance, &point, &gradient, forcing);
        let (l, r) = point.moved(&step);
        let next = Point::new(instance, l, r, &instance.b);
        let after = norm(&next.residual);
        if after.is_nan() || after >= 0.5 * misfit {
            break;
        }
        (point, misfit) = (next, after);
    }
    Ok((misfit <= 1e-10 * size).then_some(point))
}

/// JᵀJ with the gauge filled in: factored where the Jacobian is formed, else applied.
enum TangentSystem {
    Formed(Cholesky),
    Applied(Preconditioner),
}

impl TangentSystem {
    fn new(instance: &Instance<'_>, point: &Point<'_>) -> Option<Self> {
        match &point.jacobian {
            Some(jacobian) => {
                Cholesky::new(filled_gram(instance, point, jacobian)).map(TangentSystem::Formed)
            }
            None => Preconditioner::new(instance, point, 0.0).map(TangentSystem::Applied),
        }
    }

    /// x with JᵀJ x = rhs, for rhs in the range of Jᵀ. Conjugate gradients stay in that range by themselves.
    fn solve<'a>(&self, instance: &Instance<'a>, point: &Point<'a>, rhs: &[f64], tolerance: f64) -> Vec<f64> {
        match self {
            TangentSystem::Formed(cholesky) => {
                let mut x = rhs.to_vec();
                cholesky.solve(&mut x);
                x
            }
            TangentSystem::Applied(scaling) => {
                let apply = |v: &[f64]| point.jacobian_adjoint(instance, &point.jacobian_times(instance, v));
                conjugate_gradients(apply, |v| scaling.apply(v), rhs, tolerance, 500).x
            }
        }
    }
}

/// JᵀJ with the gauge filled in.
fn filled_gram(instance: &Instance<'_>, point: &Point<'_>, jacobian: &Mat<f64>) -> Mat<f64> {
    let mut gram = row_gram(jacobian.as_ref());
    let gauge = gauge_directions(point);
    // Of the size of JᵀJ along (L, R) itself.
    add_product(
        gram.as_mut(),
        instance.mean_square,
        gauge.as_ref(),
        gauge.transpose(),
    );
    gram
}

/// v less its components along the columns of `directions`, which are orthogonal to each other (for balanced factors).
fn remove_components(v: &mut [f64], directions: &Mat<f64>) {
    for j in 0..directions.ncols() {
        let direction = directions.col_as_slice(j);
        let share = dot(direction, v) / dot(direction, direction);
        axpy(-share, direction, v);
    }
}

/// The directions of the gauge in the unknowns, one a column: (L G, −R Gᵀ) for every unit matrix G = e_i e_jᵀ; or U G with
/// G S + S Gᵀ = 0, G = e_i e_jᵀ − s_i s_j e_j e_iᵀ for i < j.
fn gauge_directions(point: &Point<'_>) -> Mat<f64> {
    let (d1, d2, p) = (point.l.nrows(), point.r.nrows(), point.l.ncols());
    let (l, r) = (|i| point.l.col_as_slice(i), |i| point.r.col_as_slice(i));
    // Where a column of a factor goes, and its weight there.
    let columns: Vec<[(usize, f64, &[f64]); 2]> = match &point.unknowns {
        // Column j of L G is column i of L; column i of R Gᵀ is column j of R.
        Parametrisation::Pair => (0..p * p)
            .map(|n| (n / p, n % p))
            .map(|(i, j)| [(j * d1, 1.0, l(i)), (p * d1 + i * d2, -1.0, r(j))])
            .collect(),
        Parametrisation::Signed(s) => (0..p)
            .flat_map(|j| (0..j).map(move |i| (i, j)))
            .map(|(i, j)| [(j * d1, 1.0, l(i)), (i * d1, -s[i] * s[j], l(j))])
            .collect(),
    };
    let mut out = Mat::zeros(point.unknowns.unknowns((d1, d2), p), columns.len());
    for (c, parts) in columns.into_iter().enumerate() {
        for (start, weight, part) in parts {
            axpy(
                weight,
                part,
                &mut out.col_as_slice_mut(c)[start..start + part.len()],
            );
        }
    }
    out
}

/// Value, bound and misfit of an outcome for exact data or a ball.
pub(super) fn judge(instance: &Instance<'_>, outcome: &Outcome) -> Result<Judged, Error> {
    let z = Factors {
        l: outcome.l.clone(),
        r: outcome.r.clone(),
    };
    let value: f64 = instance.domain.decompose_factors(&z)?.s.iter().sum();
    let top = instance.dual_norm(&outcome.lambda)?;
    let mut residual = instance
        .map
        .apply_factored(outcome.l.as_ref(), outcome.r.as_ref());
    axpy(-1.0, &instance.b, &mut residual);
    let misfit = norm(&residual);
    let epsilon = match instance.fit {
        Fit::Ball(epsilon) => epsilon,
        _ => 0.0,
    };
    let bound = (dot(&outcome.lambda, &instance.b) - epsilon * norm(&outcome.lambda)) / top.max(1.0);
    Ok(Judged {
        value,
        bound,
        misfit,
        violation: (misfit - epsilon).max(0.0) / norm(&instance.b),
    })
}
