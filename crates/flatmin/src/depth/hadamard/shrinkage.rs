//! K = 2: weighted ℓ1, by the augmented Lagrangian on the dual.
//!
//! Each round minimises  h*(λ) − ⟨λ, ŷ⟩ + Σ soft(z_l + σ_l u_l, σ_l)²/(2σ_l)  by Newton (the function is piecewise
//! quadratic) and sets z_l ← soft(z_l + σ_l u_l, σ_l). With σ_l = σ/‖â_l‖² its Hessian σ·Σ â_l â_lᵀ/‖â_l‖² (over the l that
//! are not shrunk to zero) does not feel the scale of the columns. For a linear programme this ends after finitely many
//! rounds (Bertsekas, *Constrained Optimization and Lagrange Multiplier Methods*, 1982, section 5.4); a guessed support is
//! completed to a vertex on the way ([`vertex`](super::vertex)), which gives the last digits at once.

use super::Outcome;
use super::canonical::Canonical;
use super::dual::{Conjugate, Dual, Point};
use super::vertex::{self, Vertex};
use crate::error::Error;
use crate::linalg::vector::{axpy, dot, max_abs, norm};
use crate::solve::{Monitor, Settings};

/// First σ over ‖ŷ‖ times the largest column, and the factor by which it grows after a round that took few steps.
const FIRST: f64 = 0.3;
/// See [`FIRST`].
const GROWTH: f64 = 3.0;
/// Largest σ over the same: shrinkage by σ loses that many digits.
const LARGEST: f64 = 1e4;
/// Newton steps of such a round, and the most of any.
const EASY: usize = 6;
/// See [`EASY`].
const STEPS: usize = 60;
/// Rounds that may miss their target or bring nothing new.
const FAILURES: usize = 8;
/// Smallest relative misfit asked for: rounding.
const FINEST: f64 = 1e-15;
/// Relative misfit below which the support is worth a try.
const NEAR: f64 = 1e-2;
/// Relative gap at which a vertex ends the run, unless a tighter one is asked for: it comes almost for free.
const GAP: f64 = 1e-12;

pub(super) fn solve(
    canonical: &Canonical,
    settings: &Settings,
    monitor: &mut Monitor<'_>,
) -> Result<Outcome, Error> {
    let size = norm(&canonical.y);
    let mut lambda = along_data(canonical);
    let mut z = vec![0.0; canonical.a.ncols()];
    let squares: Vec<f64> = canonical.a.col_iter().map(|a| a.squared_norm_l2()).collect();
    let mut schedule = Schedule::new(size * squares.iter().fold(0.0, |m: f64, s| m.max(*s)).sqrt());
    let mut best: Option<(f64, Vertex)> = None;
    loop {
        let share = |s: &f64| if *s > 0.0 { schedule.sigma / s } else { 0.0 };
        let sigmas: Vec<f64> = squares.iter().map(share).collect();
        let conjugate = Conjugate::Proximal {
            centre: &z,
            sigmas: &sigmas,
        };
        let dual = Dual { canonical, conjugate };
        let mut point = dual.evaluate(lambda);
        let before = monitor.iterations();
        let target = schedule.accuracy.max(FINEST) * size;
        let stopped = dual.minimise(&mut point, target, STEPS, monitor);
        let steps = monitor.iterations() - before;
        let relative = norm(&point.gradient) / size;
        if stopped.is_none()
            && relative <= NEAR
            && let Some(vertex) = vertex::complete(canonical, &point.x, &point.lambda)?
        {
            let gap = relative_gap(canonical, &vertex.x, &vertex.lambda).2;
            if best.as_ref().is_none_or(|(least, _)| gap < *least) {
                best = Some((gap, vertex));
            }
        }
        let vertex = best.as_ref().map(|(_, vertex)| vertex);
        let gap = record(canonical, vertex, &point, monitor);
        let done = gap <= GAP.min(0.1 * settings.tolerance);
        schedule.failures += usize::from(relative > schedule.accuracy);
        if stopped.is_some() || done || schedule.failures > FAILURES {
            let (x, lambda) = match best {
                Some((_, vertex)) => (vertex.x, vertex.lambda),
                None => (point.x, point.lambda),
            };
            return Ok(Outcome { x, lambda, stopped });
        }
        schedule.next(relative, steps);
        (z, lambda) = (point.x, point.lambda);
    }
}

/// ŷ, as much of it as is feasible.
fn along_data(canonical: &Canonical) -> Vec<f64> {
    let steepest = max_abs(&canonical.adjoint(&canonical.y));
    // With a ridge ŷ is the most that λ can be worth.
    let most = if canonical.ridge() > 0.0 {
        1.0
    } else {
        f64::INFINITY
    };
    let multiple = (1.0 / steepest).min(most);
    canonical.y.iter().map(|y| multiple * y).collect()
}

/// What a round is told.
struct Schedule {
    sigma: f64,
    /// The relative misfit to reach.
    accuracy: f64,
    /// Rounds that missed it, or brought nothing new.
    failures: usize,
    /// Of σ.
    scale: f64,
}

impl Schedule {
    fn new(scale: f64) -> Self {
        Schedule {
            sigma: FIRST * scale,
            accuracy: NEAR,
            failures: 0,
            scale,
        }
    }

    /// After a round that took so many steps to that relative misfit.
    fn next(&mut self, relative: f64, steps: usize) {
        if relative > self.accuracy.max(FINEST) {
            self.sigma /= GROWTH;
            return;
        }
        // Below the resolution of rounding a round brings nothing new.
        self.failures += usize::from(self.accuracy <= 10.0 * FINEST);
        self.accuracy = (0.1 * self.accuracy).max(FINEST);
        let growth = if steps <= EASY { GROWTH } else { 1.0 };
        self.sigma = (growth * self.sigma).min(LARGEST * self.scale);
    }
}

/// Value, bound and relative gap of a candidate by ordinary arithmetic; the misfit of x is not looked at.
fn relative_gap(canonical: &Canonical, x: &[f64], lambda: &[f64]) -> (f64, f64, f64) {
    let mut misfit = canonical.apply(x);
    axpy(-1.0, &canonical.y, &mut misfit);
    let ridge = canonical.ridge();
    let value = x.iter().map(|x| x.abs()).sum::<f64>() + 0.5 * ridge * dot(&misfit, &misfit);
    let top = max_abs(&canonical.adjoint(lambda)).max(1.0);
    let (inner, size) = (dot(lambda, &canonical.y), norm(lambda));
    let bound = (inner - canonical.radius() * size) / top - 0.5 * ridge * (size / top).powi(2);
    let gap = if value > 0.0 {
        (value - bound) / value
    } else {
        f64::INFINITY
    };
    (value, bound, gap)
}

/// Records the best vertex so far, else the iterate; its gap, if it is a vertex.
fn record(canonical: &Canonical, vertex: Option<&Vertex>, point: &Point, monitor: &mut Monitor<'_>) -> f64 {
    let (x, lambda) = vertex.map_or((&point.x, &point.lambda), |v| (&v.x, &v.lambda));
    let (value, bound, gap) = relative_gap(canonical, x, lambda);
    let mut misfit = canonical.apply(x);
    axpy(-1.0, &canonical.y, &mut misfit);
    let unit = canonical.value_unit;
    let support = x.iter().filter(|x| **x != 0.0).count();
    monitor.record(
        unit * value,
        unit * bound,
        norm(&misfit) / norm(&canonical.y),
        support,
    );
    if vertex.is_some() { gap } else { f64::INFINITY }
}
