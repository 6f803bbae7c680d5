//! Factored path-following with rank growth.
//!
//! For falling μ, F_μ(L, R) = μ/2(‖L‖² + ‖R‖²) + ½‖B(L Rᵀ) − b‖² is minimised by damped Newton. A stationary point with
//! ‖B*(b − B(L Rᵀ))‖_op ≤ μ solves the convex penalised problem globally; singular vectors above μ refute that and are
//! the new columns. Then
//!
//! * penalised: the path ends at the μ asked for;
//! * ball: at the μ whose misfit is ε, by root finding (the misfit grows with μ);
//! * exact: as soon as the rank has settled, the point is completed to an exact solution with its dual
//!   ([`polish`](super::polish)); where that fails down to small μ, b is moved by the misfit (Bregman iteration, that is,
//!   the augmented Lagrangian of A(X) = y) until the misfit is gone.

use faer::Mat;

use super::instance::{Instance, Outcome};
use super::monitor::Monitor;
use super::newton::{self, Point};
use super::{Settings, Status, polish};
use crate::error::Error;
use crate::factors::Factors;
use crate::linalg::dense::Svd;
use crate::linalg::vector::{axpy, dot, norm};
use crate::problem::Fit;

/// First μ, relative to ‖B*(b)‖_op, where the solution leaves zero.
const FIRST: f64 = 0.3;
/// Factor between successive μ.
const FACTOR: f64 = 0.2;
/// Last μ of an exact problem before b moves instead.
const LAST: f64 = 1e-3;
/// Relative gradient on the way: enough for the next start.
const LOOSE: f64 = 1e-2;
/// Singular values may exceed μ by this share on the way.
const VIOLATION: f64 = 3e-2;
/// Most values of μ.
const MAX_STAGES: usize = 200;
/// Smallest relative gradient asked for.
const FINEST: f64 = 1e-11;
/// Newton steps for one (μ, rank).
const STEPS: usize = 100;
/// Singular values of Z below this share of the largest belong to dead columns.
const DEAD: f64 = 1e-6;

/// A gap between singular values of Z that suggests the rank of the exact solution.
const GAP: f64 = 3.0;
/// Relative gap of an exact solution whose dual may still come right at a smaller μ.
const NEARLY: f64 = 0.03;

/// How the path ended.
pub(super) enum End {
    /// With an answer, whole or stopped.
    Finished(Outcome),
    /// The rank has grown until the systems have more unknowns than there are measurements.
    TooWide(Outcome),
}

impl End {
    pub(super) fn outcome(self) -> Outcome {
        match self {
            End::Finished(outcome) | End::TooWide(outcome) => outcome,
        }
    }
}

struct Path<'a, 'b> {
    instance: &'b Instance<'a>,
    settings: &'b Settings,
    point: Point<'a>,
    /// The data the point is fitted to: b, or b moved by Bregman steps.
    target: Vec<f64>,
    mu: f64,
    damping: f64,
    /// Most unknowns before the path gives up.
    widest: usize,
    /// Leading singular triplets of B*(target − B(Z)).
    dual: Svd,
    /// Exact solutions whose dual did not prove them.
    refuted: usize,
}

/// What a stage at one μ came to.
enum Stage {
    Solved,
    Stopped(Status),
    TooWide,
}

/// Follows the path; gives up at more than `widest` unknowns, if any.
pub(super) fn follow(
    instance: &Instance<'_>,
    settings: &Settings,
    widest: Option<usize>,
    monitor: &mut Monitor<'_>,
) -> Result<End, Error> {
    let (d1, d2) = instance.map.shape();
    let point = Point::new(instance, Mat::zeros(d1, 0), Mat::zeros(d2, 0), &instance.b);
    let dual = instance.leading(&point.adjoint, 4)?;
    let top = dual.s.first().copied().unwrap_or(0.0);
    let mut path = Path {
        instance,
        settings,
        point,
        target: instance.b.clone(),
        mu: FIRST * top,
        damping: 0.0,
        widest: widest.unwrap_or(usize::MAX),
        dual,
        refuted: 0,
    };
    match instance.fit {
        Fit::Penalised(mu) => path.reach_penalty(mu, top, monitor),
        Fit::Ball(epsilon) => path.reach_ball(epsilon, monitor),
        Fit::Exact => path.reach_exact(top, monitor),
    }
}

impl<'a> Path<'a, '_> {
    fn columns(&self) -> usize {
        self.point.l.ncols()
    }

    fn cap(&self) -> usize {
        let (d1, d2) = self.instance.map.shape();
        self.settings.rank.unwrap_or(usize::MAX).min(d1).min(d2)
    }

    /// ‖B(Z) − b‖ for the true b.
    fn misfit(&self) -> Vec<f64> {
        let mut misfit = self.point.residual.clone();
        axpy(1.0, &self.target, &mut misfit);
        axpy(-1.0, &self.instance.b, &mut misfit);
        misfit
    }

    /// λ = (target − B(Z))/scale.
    fn lambda(&self, scale: f64) -> Vec<f64> {
        self.point.residual.iter().map(|r| -r / scale).collect()
    }

    fn outcome(&self, stopped: Option<Status>) -> Outcome {
        let scale = if matches!(self.instance.fit, Fit::Penalised(_)) {
            1.0
        } else {
            self.mu
        };
        Outcome {
            l: self.point.l.clone(),
            r: self.point.r.clone(),
            lambda: self.lambda(scale),
            stopped,
            method: "path",
        }
    }

    /// Minimises at the present μ, growing the rank until no singular value exceeds μ.
    fn stage(&mut self, tolerance: f64, violation: f64, monitor: &mut Monitor<'_>) -> Result<Stage, Error> {
        loop {
            if self.columns() > 0 {
                let end = newton::minimise(
                    self.instance,
                    &mut self.point,
                    &self.target,
                    self.mu,
                    (tolerance, STEPS),
                    &mut self.damping,
                    monitor,
                );
                if let newton::End::Stopped(status) = end {
                    return Ok(Stage::Stopped(status));
                }
                self.drop_dead_columns()?;
            } else if let Some(status) = monitor.step() {
                return Ok(Stage::Stopped(status));
            }
            self.dual = self.instance.leading(&self.point.adjoint, self.columns() + 2)?;
            let top = self.dual.s.first().copied().unwrap_or(0.0);
            if top <= self.mu * (1.0 + violation) || self.columns() >= self.cap() {
                self.record(monitor);
                return Ok(Stage::Solved);
            }
            let (d1, d2) = self.instance.map.shape();
            self.grow(violation);
            if (d1 + d2) * self.columns() > self.widest {
                return Ok(Stage::TooWide);
            }
        }
    }

    /// Appends the singular vectors above μ, as long as the quadratic model says.
    fn grow(&mut self, violation: f64) {
        let room = (self.cap() - self.columns()).min(self.columns().max(4));
        let count = self
            .dual
            .s
            .iter()
            .take_while(|s| **s > self.mu * (1.0 + violation))
            .count()
            .min(room);
        // The adjoint belongs to the residual B(Z) − target, whose sign is opposite: −u vᵀ descends.
        let size = |j: usize| (0.7 * (self.dual.s[j] - self.mu) / self.instance.mean_square).sqrt();
        let append = |factor: &Mat<f64>, basis: &Mat<f64>, sign: f64| {
            let k = factor.ncols();
            Mat::from_fn(factor.nrows(), k + count, |i, j| {
                if j < k {
                    factor[(i, j)]
                } else {
                    sign * size(j - k) * basis[(i, j - k)]
                }
            })
        };
        let (l, r) = (
            append(&self.point.l, &self.dual.u, -1.0),
            append(&self.point.r, &self.dual.v, 1.0),
        );
        self.point = Point::new(self.instance, l, r, &self.target);
        self.damping = f64::max(self.damping, 1e-3 * self.mu);
    }

    fn drop_dead_columns(&mut self) -> Result<(), Error> {
        let z = Factors {
            l: self.point.l.clone(),
            r: self.point.r.clone(),
        }
        .svd()?;
        if z.s.iter().all(|s| *s > DEAD * z.s[0]) {
            return Ok(());
        }
        let kept = Factors::balanced(&z, DEAD);
        self.point = Point::new(self.instance, kept.l, kept.r, &self.target);
        Ok(())
    }

    fn record(&self, monitor: &mut Monitor<'_>) {
        let (value, bound) = self.value_and_bound();
        self.instance
            .record(monitor, value, bound, norm(&self.misfit()), self.columns());
    }

    /// The convex objective at the (nearly balanced) factors, and the bound that the residual gives, by ordinary arithmetic.
    fn value_and_bound(&self) -> (f64, f64) {
        let nuclear = 0.5 * (self.point.l.squared_norm_l2() + self.point.r.squared_norm_l2());
        let misfit = norm(&self.misfit());
        let top = self.dual.s.first().copied().unwrap_or(0.0);
        match self.instance.fit {
            Fit::Penalised(mu) => {
                let lambda = self.lambda((top / mu).max(1.0));
                let bound = dot(&lambda, &self.instance.b) - 0.5 * dot(&lambda, &lambda);
                (mu * nuclear + 0.5 * misfit * misfit, bound)
            }
            Fit::Exact => (nuclear, dot(&self.lambda(top.max(self.mu)), &self.instance.b)),
            Fit::Ball(epsilon) => {
                let lambda = self.lambda(top.max(self.mu));
                (nuclear, dot(&lambda, &self.instance.b) - epsilon * norm(&lambda))
            }
        }
    }

    fn reach_penalty(&mut self, goal: f64, top: f64, monitor: &mut Monitor<'_>) -> Result<End, Error> {
        self.mu = if goal >= top { goal } else { self.mu.max(goal) };
        let (mut tolerance, mut violation) = (LOOSE, VIOLATION);
        for _ in 0..MAX_STAGES {
            match self.stage(tolerance, violation, monitor)? {
                Stage::Stopped(status) => return Ok(End::Finished(self.outcome(Some(status)))),
                Stage::TooWide => return Ok(End::TooWide(self.outcome(None))),
                Stage::Solved => {}
            }
            if self.mu > goal {
                self.mu = (self.mu * FACTOR).max(goal);
                continue;
            }
            let (value, bound) = self.value_and_bound();
            if value - bound <= 0.3 * self.settings.tolerance * value || self.columns() >= self.cap() {
                break;
            }
            // The gap follows the excess of the top singular value, which follows the gradient.
            (tolerance, violation) = (
                tolerance * 0.1,
                (violation * 0.1).max(0.1 * self.settings.tolerance),
            );
            if tolerance < FINEST {
                break;
            }
        }
        Ok(End::Finished(self.outcome(None)))
    }

    fn reach_exact(&mut self, top: f64, monitor: &mut Monitor<'_>) -> Result<End, Error> {
        loop {
            match self.stage(LOOSE, VIOLATION, monitor)? {
                Stage::Stopped(status) => return Ok(End::Finished(self.outcome(Some(status)))),
                Stage::TooWide => return Ok(End::TooWide(self.outcome(None))),
                Stage::Solved => {}
            }
            if let Some(done) = self.complete(monitor)? {
                return Ok(done);
            }
            if self.mu <= LAST * top {
                return self.bregman(monitor);
            }
            self.mu *= FACTOR;
        }
    }

    /// Completes the point to an exact solution with a dual that proves it, if its rank is right.
    fn complete(&mut self, monitor: &mut Monitor<'_>) -> Result<Option<End>, Error> {
        let Some(z) = self.truncated()? else {
            return Ok(None);
        };
        let Some(outcome) = polish::complete(self.instance, z, &self.lambda(self.mu), monitor)? else {
            return Ok(None);
        };
        let judged = polish::judge(self.instance, &outcome)?;
        self.instance.record(
            monitor,
            judged.value,
            judged.bound,
            judged.misfit,
            outcome.l.ncols(),
        );
        if judged.proves(0.5 * self.settings.tolerance) {
            return Ok(Some(End::Finished(outcome)));
        }
        // An exact solution whose dual fails is an excellent start for the method that finds duals; but a dual that fails
        // by little may do at the next μ.
        let clearly = judged.bound < (1.0 - NEARLY) * judged.value;
        self.refuted += 1;
        Ok((self.widest < usize::MAX && (clearly || self.refuted > 1)).then_some(End::TooWide(outcome)))
    }

    /// Z less the columns below its widest relative gap: a penalised solution carries small ones that the exact solution
    /// need not have. `None` while no gap stands out.
    fn truncated(&self) -> Result<Option<Factors>, Error> {
        let z = Factors {
            l: self.point.l.clone(),
            r: self.point.r.clone(),
        }
        .svd()?;
        let Some(largest) = z.s.first().copied() else {
            return Ok(None);
        };
        // What follows the last column is known only to be small: the penalty hides singular values of about μ/c.
        let hidden = self.mu / self.instance.mean_square;
        let below = |i: usize| {
            z.s.get(i + 1)
                .copied()
                .unwrap_or(0.0)
                .max(0.1 * hidden)
                .max(1e-12 * largest)
        };
        let ratios = (0..z.s.len()).map(|i| z.s[i] / below(i));
        let (at, ratio) = ratios
            .enumerate()
            .fold((0, 0.0), |best, next| if next.1 > best.1 { next } else { best });
        Ok((ratio >= GAP).then(|| Factors::balanced(&z, 0.5 * (z.s[at] + below(at).min(z.s[at])) / largest)))
    }

    /// Keeps μ and moves the target by the misfit until the misfit is gone.
    fn bregman(&mut self, monitor: &mut Monitor<'_>) -> Result<End, Error> {
        let (mut before, size) = (f64::INFINITY, norm(&self.instance.b));
        loop {
            let misfit = self.misfit();
            let relative = norm(&misfit) / size;
            if relative <= 1e-12 || (relative <= 1e-9 && relative > 0.5 * before) {
                return Ok(End::Finished(self.outcome(None)));
            }
            if relative > 0.95 * before {
                // No progress: the rank cap, or contradictory data.
                return Ok(End::Finished(self.outcome(None)));
            }
            before = relative;
            axpy(-1.0, &misfit, &mut self.target);
            let (l, r) = (self.point.l.clone(), self.point.r.clone());
            self.point = Point::new(self.instance, l, r, &self.target);
            match self.stage(1e-9, 0.1 * self.settings.tolerance, monitor)? {
                Stage::Stopped(status) => return Ok(End::Finished(self.outcome(Some(status)))),
                Stage::TooWide => return Ok(End::TooWide(self.outcome(None))),
                Stage::Solved => {}
            }
        }
    }

    /// Finds the μ at which the misfit is ε: log misfit against log μ, by the Illinois variant of regula falsi.
    fn reach_ball(&mut self, epsilon: f64, monitor: &mut Monitor<'_>) -> Result<End, Error> {
        let excess = |path: &Self| (norm(&path.misfit()) / epsilon).ln();
        let mut above: Option<(f64, f64)> = None;
        let mut below: Option<(f64, f64)> = None;
        let mut last_side = 0;
        for _ in 0..MAX_STAGES {
            let bracketed = above.is_some() && below.is_some();
            let (tolerance, violation) = if bracketed {
                (1e-9, 0.05 * self.settings.tolerance)
            } else {
                (LOOSE, VIOLATION)
            };
            match self.stage(tolerance, violation, monitor)? {
                Stage::Stopped(status) => return Ok(End::Finished(self.outcome(Some(status)))),
                Stage::TooWide => return Ok(End::TooWide(self.outcome(None))),
                Stage::Solved => {}
            }
            let (position, value) = (self.mu.ln(), excess(self));
            if bracketed && value.abs() <= 1e-11 {
                break;
            }
            let side = if value > 0.0 { 1 } else { -1 };
            if side > 0 {
                above = Some((position, value));
                if let (true, Some(other)) = (side == last_side, below.as_mut()) {
                    other.1 *= 0.5;
                }
            } else {
                below = Some((position, value));
                if let (true, Some(other)) = (side == last_side, above.as_mut()) {
                    other.1 *= 0.5;
                }
            }
            last_side = side;
            self.mu = match (above, below) {
                (Some((x1, f1)), Some((x0, f0))) => {
                    if (x1 - x0).abs() <= 1e-14 * x1.abs().max(1.0) {
                        break;
                    }
                    (x0 - f0 * (x1 - x0) / (f1 - f0)).exp()
                }
                (Some(_), None) => self.mu * FACTOR,
                (None, _) => self.mu / FACTOR,
            };
        }
        Ok(End::Finished(self.outcome(None)))
    }
}
