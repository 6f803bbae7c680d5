//! Factored path-following with rank growth.
//!
//! For falling μ, F_μ(L, R) = μ/2(‖L‖² + ‖R‖²) + ½‖B(L Rᵀ) − b‖² is minimised by damped Newton. A stationary point with
//! ‖B*(b − B(L Rᵀ))‖_op ≤ μ solves the convex penalised problem globally; singular vectors above μ refute that and are
//! the new columns. In a symmetric domain (L, R) = (U, U S), and it is eigenvectors: those above μ come with the sign +,
//! those below −μ, which X ⪰ 0 does not know, with −. Then
//!
//! * penalised: the path ends at the μ asked for;
//! * ball: at the μ whose misfit is ε, by root finding (the misfit grows with μ);
//! * exact: as soon as the rank has settled, the point is completed to an exact solution with its dual
//!   (`polish.rs`); where that fails down to small μ, b is moved by the misfit (Bregman iteration, that is,
//!   the augmented Lagrangian of A(X) = y) until the misfit is gone.

mod ball;
mod constrained;
mod exact;
mod penalty;

pub(super) use constrained::complete;

use faer::Mat;

use super::instance::{Instance, Outcome};
use super::monitor::Monitor;
use super::newton::{self, Point};
use super::widths::Widths;
use super::{Settings, Status, robust};
use crate::domain::column_signs;
use crate::error::Error;
use crate::factors::Factors;
use crate::linalg::dense::Svd;
use crate::linalg::vector::{axpy, dot, norm};
use crate::problem::Fit;

/// First μ, relative to ‖B*(b)‖_op, where the solution leaves zero.
const FIRST: f64 = 0.4;
/// Factor between successive μ.
const FACTOR: f64 = 0.2;
/// Relative gradient on the way: a step or two, enough for the next start and for the completion.
const LOOSE: f64 = 0.3;
/// Singular values may exceed μ by this share on the way.
const VIOLATION: f64 = 3e-2;
/// Most values of μ.
const MAX_STAGES: usize = 200;
/// Newton steps for one (μ, rank).
const STEPS: usize = 100;
/// Most changes of rank at one μ: near the resolution of the arithmetic a column may come and go for ever.
const ROUNDS: usize = 40;
/// Singular values of Z below this share of the largest, or of the size of those that μ hides, belong to dead columns.
const DEAD: f64 = 1e-6;
/// Columns that may be added to a small factor at once.
const BLOCK: usize = 4;

/// How the path ended.
pub(super) enum End {
    /// With an answer, whole or stopped.
    Finished(Outcome),
    /// Within limits that allow it, for the other method to go on: the systems have more unknowns than there are
    /// measurements, or the proof is beyond the path's arithmetic.
    HandOver(Outcome),
}

impl End {
    pub(super) fn outcome(self) -> Outcome {
        match self {
            End::Finished(outcome) | End::HandOver(outcome) => outcome,
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
    limits: Limits,
    /// Leading part of the decomposition of B*(target − B(Z)).
    dual: Svd,
    /// The last exact solution whose dual did not prove it, and how many there were.
    refuted: Option<Outcome>,
    refutations: usize,
}

/// How far the path may go.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Most columns of the factors, and most of them with the sign + and with the sign −.
    pub(super) widths: Widths,
    /// Most unknowns before the path gives up; `usize::MAX`: it never does.
    pub(super) unknowns: usize,
}

/// Follows the path within `limits`.
pub(super) fn follow(
    instance: &Instance<'_>,
    settings: &Settings,
    limits: Limits,
    monitor: &mut Monitor<'_>,
) -> Result<End, Error> {
    let mut path = Path::new(instance, settings, limits)?;
    let top = path.top();
    match instance.fit {
        Fit::Penalised(mu) => path.reach_penalty(mu, top, monitor),
        Fit::Ball(epsilon) => path.reach_ball(epsilon, monitor),
        Fit::Exact => path.reach_exact(top, monitor),
        Fit::Absolute(_) | Fit::AbsoluteBall(_) => Err(robust::unsupported("the path")),
    }
}

impl<'a, 'b> Path<'a, 'b> {
    /// At Z = 0.
    fn new(instance: &'b Instance<'a>, settings: &'b Settings, limits: Limits) -> Result<Self, Error> {
        let (d1, d2) = instance.map.shape();
        let point = Point::new(instance, Mat::zeros(d1, 0), Mat::zeros(d2, 0), &instance.b);
        let dual = instance.leading(&point.adjoint.divided(-1.0), 4)?;
        let top = dual.s.first().copied().unwrap_or(0.0);
        if top <= 0.0 && !matches!(instance.fit, Fit::Penalised(_)) {
            // ⟨b, B(Z)⟩ = ⟨B*(b), Z⟩ ≤ 0 for every Z of the domain: none is closer to b than zero.
            return Err(Error::Inconsistent { residual: 1.0 });
        }
        Ok(Path {
            instance,
            settings,
            point,
            target: instance.b.to_vec(),
            mu: FIRST * top,
            damping: 0.0,
            limits,
            dual,
            refuted: None,
            refutations: 0,
        })
    }

    fn columns(&self) -> usize {
        self.point.l.ncols()
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

    /// Minimises at the present μ, growing the rank until no singular value exceeds μ by more than `violation`. Returns how
    /// the path ends if it ends here.
    fn stage(
        &mut self,
        tolerance: f64,
        violation: f64,
        monitor: &mut Monitor<'_>,
    ) -> Result<Option<End>, Error> {
        for round in 0..ROUNDS {
            if let Some(status) = self.minimise(tolerance, monitor)? {
                return Ok(Some(End::Finished(self.outcome(Some(status)))));
            }
            let adjoint = self.point.adjoint.divided(-1.0);
            self.dual = self.instance.leading(&adjoint, self.columns() + 2)?;
            let newcomers = self.newcomers(violation);
            if newcomers.is_empty() || round + 1 == ROUNDS {
                break;
            }
            self.grow(&newcomers);
            let unknowns = &self.point.unknowns;
            if unknowns.unknowns(self.instance.map.shape(), self.columns()) > self.limits.unknowns {
                return Ok(Some(End::HandOver(self.outcome(None))));
            }
        }
        self.record(monitor);
        Ok(None)
    }

    /// The dual norm of B*(target − B(Z)).
    fn top(&self) -> f64 {
        self.dual.s.first().copied().unwrap_or(0.0)
    }

    /// Newton at the present μ and rank.
    fn minimise(&mut self, tolerance: f64, monitor: &mut Monitor<'_>) -> Result<Option<Status>, Error> {
        if self.columns() == 0 {
            return Ok(monitor.step());
        }
        let (point, goal) = (&mut self.point, (tolerance, STEPS));
        match newton::minimise(
            self.instance,
            point,
            &self.target,
            self.mu,
            goal,
            &mut self.damping,
            monitor,
        ) {
            newton::End::Stopped(status) => return Ok(Some(status)),
            newton::End::Stationary | newton::End::Stalled | newton::End::Steps => {}
        }
        self.drop_dead_columns()?;
        Ok(None)
    }

    /// The leading triplets above μ for which there is room.
    fn newcomers(&self, violation: f64) -> Vec<usize> {
        let signs = column_signs(self.dual.u.as_ref(), self.dual.v.as_ref());
        let mut room = self
            .limits
            .widths
            .room(self.point.l.as_ref(), self.point.r.as_ref());
        room.total = room.total.min(self.columns().max(BLOCK));
        let above = |j: &usize| self.dual.s[*j] > self.mu * (1.0 + violation);
        (0..self.dual.s.len())
            .take_while(above)
            .filter(|j| room.take(signs[*j]))
            .collect()
    }

    /// Appends those triplets, as long as the quadratic model says.
    fn grow(&mut self, newcomers: &[usize]) {
        // A little short of the model's step, (s − μ)/c: the directions share the residual.
        let size = |j: usize| (0.7 * (self.dual.s[j] - self.mu) / self.instance.mean_square).sqrt();
        let append = |factor: &Mat<f64>, basis: &Mat<f64>| {
            let k = factor.ncols();
            Mat::from_fn(factor.nrows(), k + newcomers.len(), |i, j| {
                if j < k {
                    factor[(i, j)]
                } else {
                    size(newcomers[j - k]) * basis[(i, newcomers[j - k])]
                }
            })
        };
        let l = append(&self.point.l, &self.dual.u);
        let r = append(&self.point.r, &self.dual.v);
        self.point = Point::new(self.instance, l, r, &self.target);
        self.damping = f64::max(self.damping, 1e-3 * self.mu);
    }

    /// Whether a limit on the columns is reached.
    fn is_full(&self) -> bool {
        let room = self
            .limits
            .widths
            .room(self.point.l.as_ref(), self.point.r.as_ref());
        room.total == 0 || room.positive == 0 || room.negative == 0
    }

    /// The factors as they are.
    fn factors(&self) -> Factors {
        Factors {
            l: self.point.l.clone(),
            r: self.point.r.clone(),
        }
    }

    fn drop_dead_columns(&mut self) -> Result<(), Error> {
        let z = self.instance.domain.decompose_factors(&self.factors())?;
        let Some(largest) = z.s.first().copied() else {
            return Ok(());
        };
        // Columns are as small as μ/c where μ is about to let them in.
        let share = DEAD * (self.mu / (self.instance.mean_square * largest)).min(1.0);
        if z.s.iter().all(|s| *s > share * largest) {
            return Ok(());
        }
        let kept = Factors::balanced(&z, share);
        self.point = Point::new(self.instance, kept.l, kept.r, &self.target);
        Ok(())
    }

    /// (value − bound)/value at the present point.
    fn relative_gap(&self) -> f64 {
        let (value, bound) = self.value_and_bound();
        (value - bound) / value
    }

    /// At its end the path hands over to the other method, if it may, unless the gap is closed.
    fn end(&self) -> End {
        let closed = self.relative_gap() <= 0.5 * self.settings.tolerance;
        if closed || self.limits.unknowns == usize::MAX {
            End::Finished(self.outcome(None))
        } else {
            End::HandOver(self.outcome(None))
        }
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
        let top = self.top();
        match self.instance.fit {
            Fit::Penalised(mu) => {
                let lambda = self.lambda((top / mu).max(1.0));
                let bound = dot(&lambda, &self.instance.b) - 0.5 * dot(&lambda, &lambda);
                (mu * nuclear + 0.5 * misfit * misfit, bound)
            }
            Fit::Exact | Fit::Absolute(_) | Fit::AbsoluteBall(_) => {
                (nuclear, dot(&self.lambda(top.max(self.mu)), &self.instance.b))
            }
            Fit::Ball(epsilon) => {
                let lambda = self.lambda(top.max(self.mu));
                (nuclear, dot(&lambda, &self.instance.b) - epsilon * norm(&lambda))
            }
        }
    }
}
