//! The problem as the methods see it: in Z = W1 X W2, with data of about unit norm.

use std::borrow::Cow;

use faer::{Mat, MatRef};

use super::Status;
use super::cone;
use super::monitor::Monitor;
use super::rank_constrained::Constrained;
use crate::certificate::penalty;
use crate::domain::Domain;
use crate::error::Error;
use crate::factors::Factors;
use crate::flatness::{Rescaled, Weights};
use crate::linalg::dense::Svd;
use crate::linalg::lanczos::{TOLERANCE, top_singular};
use crate::linalg::vector::{axpy, dot, max_abs, norm};
use crate::map::Adjoint;
use crate::problem::{Fit, Problem};

/// Radius of a ball, over ‖y‖ and the tolerance, that is a point: an exact solution is optimal to a relative gap of
/// ε‖λ‖/value, which is this share of the tolerance times ‖y‖‖λ‖/value, a number from 1 to the hundreds.
const POINT: f64 = 1e-3;
/// The sizes of data that need no scaling for the sake of their squares.
const UNSCALED: std::ops::Range<f64> = 1e-6..1e6;

/// B, b and the fit, scaled; the objective is ‖Z‖_*.
pub(super) struct Instance<'a> {
    pub(super) map: Rescaled<'a>,
    /// y divided by `scale`.
    pub(super) b: Cow<'a, [f64]>,
    /// Exact, a ball or a penalty μ, in the scale of b.
    pub(super) fit: Fit,
    pub(super) domain: Domain,
    /// A power of two, so that scaling is exact.
    scale: f64,
    /// The mean of ‖B(H)‖² over the unit H in the span of the domain, roughly.
    pub(super) mean_square: f64,
}

/// What a method returns: Z = L Rᵀ and λ, in the instance's scale.
pub(super) struct Outcome {
    pub(super) l: Mat<f64>,
    pub(super) r: Mat<f64>,
    pub(super) lambda: Vec<f64>,
    /// `None`: ended by its own criterion.
    pub(super) stopped: Option<Status>,
    pub(super) method: &'static str,
}

impl<'a> Instance<'a> {
    pub(super) fn new(problem: &'a Problem, weights: &'a Weights, tolerance: f64) -> Self {
        let map = Rescaled::new(problem.map(), weights);
        // ‖y‖ up to a factor, without the squares that overflow.
        let largest = max_abs(problem.data());
        let scale = if largest > 0.0 {
            largest.log2().floor().exp2()
        } else {
            1.0
        };
        let b: Vec<f64> = problem.data().iter().map(|y| y / scale).collect();
        let size = norm(&b);
        let unit = if size > 0.0 {
            size.log2().floor().exp2()
        } else {
            1.0
        };
        let scale = scale * unit;
        // Where squares are in range as it is, an absolute fit, which scales with the data, is left as it is: data of such a problem
        // are many.
        let (b, scale) = if problem.fit().is_absolute() && UNSCALED.contains(&scale) {
            (Cow::Borrowed(problem.data()), 1.0)
        } else {
            (b.iter().map(|v| v / unit).collect(), scale)
        };
        let fit = match (problem.fit(), penalty(problem, weights)) {
            (_, Some(mu)) => Fit::Penalised(mu / scale),
            (Fit::Ball(epsilon), None) if epsilon / scale > POINT * tolerance * norm(&b) => {
                Fit::Ball(epsilon / scale)
            }
            (Fit::AbsoluteBall(radius), None) => Fit::AbsoluteBall(radius / scale),
            // Both terms of the absolute objective scale with the data, and θ with neither.
            (Fit::Absolute(theta), None) => Fit::Absolute(theta),
            _ => Fit::Exact,
        };
        Instance {
            map,
            b,
            fit,
            domain: problem.domain(),
            scale,
            mean_square: mean_square(weights, problem.domain()),
        }
    }

    /// Whether Z = 0 solves it.
    pub(super) fn is_trivial(&self) -> bool {
        let size = norm(&self.b);
        match self.fit {
            Fit::Exact => size == 0.0,
            Fit::Ball(epsilon) => size <= epsilon,
            Fit::AbsoluteBall(radius) => self.b.iter().map(|b| b.abs()).sum::<f64>() <= radius,
            Fit::Penalised(_) | Fit::Absolute(_) => size == 0.0,
        }
    }

    /// Z = 0 with λ = 0.
    pub(super) fn zero(&self) -> Outcome {
        let (d1, d2) = self.map.shape();
        let lambda = vec![0.0; self.b.len()];
        Outcome {
            l: Mat::zeros(d1, 0),
            r: Mat::zeros(d2, 0),
            lambda,
            stopped: None,
            method: "zero",
        }
    }

    /// Balanced factors of Z and λ in the scale of the problem.
    pub(super) fn unscale(self, constrained: Constrained) -> Result<Constrained, Error> {
        let Outcome { l, r, mut lambda, .. } = constrained.outcome;
        let mut z = Factors::balanced(&self.domain.decompose_factors(&Factors { l, r })?, 1e-12);
        let root = self.scale.sqrt();
        for factor in [&mut z.l, &mut z.r] {
            for j in 0..factor.ncols() {
                factor.col_as_slice_mut(j).iter_mut().for_each(|v| *v *= root);
            }
        }
        // The penalised dual scales with the data; the others' constraint ‖B*(λ)‖ ≤ 1 does not.
        if matches!(self.fit, Fit::Penalised(_)) {
            lambda.iter_mut().for_each(|l| *l *= self.scale);
        }
        Ok(Constrained {
            outcome: Outcome {
                l: z.l,
                r: z.r,
                lambda,
                ..constrained.outcome
            },
            ..constrained
        })
    }

    /// The leading part of the domain's decomposition of a d1×d2 adjoint: all of it where that is cheap or the domain is a
    /// symmetric one, else the `count` largest triplets.
    pub(super) fn leading(&self, w: &Adjoint<'_>, count: usize) -> Result<Svd, Error> {
        self.leading_within(w, count, TOLERANCE)
    }

    /// The same, with residuals of at most `tolerance` times the largest singular value.
    pub(super) fn leading_within(&self, w: &Adjoint<'_>, count: usize, tolerance: f64) -> Result<Svd, Error> {
        let (rows, cols) = w.shape();
        if rows.min(cols) <= 256 || self.domain.is_symmetric() {
            return self.domain.decompose(w.to_dense().as_ref());
        }
        let column = |v: &[f64]| MatRef::from_column_major_slice(v, v.len(), 1).to_owned();
        top_singular(
            w.shape(),
            count,
            tolerance,
            |v| w.times(column(v).as_ref()).col_as_slice(0).to_vec(),
            |u| w.transpose_times(column(u).as_ref()).col_as_slice(0).to_vec(),
        )
    }

    /// The dual norm of B*(λ), ‖·‖_op or λ_max where Z ⪰ 0, by ordinary arithmetic.
    pub(super) fn dual_norm(&self, lambda: &[f64]) -> Result<f64, Error> {
        let leading = self.leading(&self.map.adjoint(lambda), 1)?;
        Ok(leading.s.first().copied().unwrap_or(0.0))
    }

    /// What a λ ≠ 0 is divided by to start from: the dual norm, unless that is next to nothing beside the operator norm (in the
    /// semidefinite domain it may even be negative).
    pub(super) fn size_of_multiplier(&self, lambda: &[f64]) -> Result<f64, Error> {
        let leading = self.leading(&self.map.adjoint(lambda), 1)?;
        let dual = leading.s.first().copied().unwrap_or(0.0);
        let operator = leading.s.iter().fold(0.0, |m: f64, s| m.max(s.abs()));
        Ok(dual.max(0.1 * operator).max(f64::MIN_POSITIVE))
    }

    /// What the data and X were divided by.
    pub(super) fn scale(&self) -> f64 {
        self.scale
    }

    /// What brings a value of the objective into the scale of the data.
    fn value_scale(&self) -> f64 {
        if matches!(self.fit, Fit::Penalised(_)) {
            self.scale * self.scale
        } else {
            self.scale
        }
    }

    /// Records a point in the scale of the data.
    pub(super) fn record(&self, monitor: &mut Monitor<'_>, value: f64, bound: f64, misfit: f64, rank: usize) {
        let by = self.value_scale();
        monitor.record(value * by, bound * by, misfit / norm(&self.b), rank);
    }

    /// Records a point of a method that knows no bound.
    pub(super) fn record_unbounded(&self, monitor: &mut Monitor<'_>, value: f64, misfit: f64, rank: usize) {
        monitor.record_unbounded(value * self.value_scale(), misfit / norm(&self.b), rank);
    }

    /// Refuses data that no matrix of the domain meets, where a run has missed them.
    pub(super) fn check_consistency(&self, outcome: &Outcome) -> Result<(), Error> {
        let mut misfit = self.map.apply_factored(outcome.l.as_ref(), outcome.r.as_ref());
        axpy(-1.0, &self.b, &mut misfit);
        let residual = norm(&misfit) / norm(&self.b);
        if residual.is_nan() || residual <= 1e-6 {
            return Ok(());
        }
        let best = self.least_squares_residual();
        if best > 1e-6 && best > 0.5 * residual {
            return Err(Error::Inconsistent { residual: best });
        }
        if self.domain == Domain::Semidefinite
            && let Some(residual) = cone::infeasibility(self)?
        {
            return Err(Error::Inconsistent { residual });
        }
        Ok(())
    }

    /// Conjugate gradients on min ‖B(Z) − b‖ over all Z (from Z = 0).
    fn least_squares_residual(&self) -> f64 {
        let mut residual = self.b.to_vec();
        let mut gradient = self.map.adjoint(&residual).to_dense();
        let mut direction = gradient.clone();
        let mut size = gradient.squared_norm_l2();
        let first = size;
        for _ in 0..500 {
            if size <= 1e-24 * first {
                break;
            }
            let image = self.map.apply_dense(direction.as_ref());
            let step = size / dot(&image, &image);
            axpy(-step, &image, &mut residual);
            gradient = self.map.adjoint(&residual).to_dense();
            let next = gradient.squared_norm_l2();
            let ratio = next / size;
            direction = Mat::from_fn(gradient.nrows(), gradient.ncols(), |i, j| {
                gradient[(i, j)] + ratio * direction[(i, j)]
            });
            size = next;
        }
        norm(&residual) / norm(&self.b)
    }
}

/// Σ‖A_i‖² over the dimension of the domain and the mean squared weights: the scale of the quadratic model along a new
/// direction.
fn mean_square(weights: &Weights, domain: Domain) -> f64 {
    let shape = (weights.left_gram.dimension(), weights.right_gram.dimension());
    weights.left_gram.trace() / domain.dimension(shape) as f64
        * weights.left.inverse_mean_square()
        * weights.right.inverse_mean_square()
}
