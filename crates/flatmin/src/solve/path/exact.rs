//! The end of the path for B(Z) = b: a point on it, completed to an exact solution with a dual that proves it; failing that,
//! Bregman iteration at a small μ.

use super::{End, FACTOR, LOOSE, Path, VIOLATION};
use crate::error::Error;
use crate::factors::Factors;
use crate::linalg::vector::{axpy, norm};
use crate::solve::instance::Outcome;
use crate::solve::monitor::Monitor;
use crate::solve::newton::Point;
use crate::solve::polish;

/// Last μ, relative to ‖B*(b)‖_op, before b moves instead.
const LAST: f64 = 1e-3;
/// A gap between singular values of Z that suggests the rank of the exact solution.
const GAP: f64 = 3.0;
/// Relative gap of an exact solution whose dual may still come right at a smaller μ.
const NEARLY: f64 = 0.03;
/// Most Bregman rounds; two to five are usual.
const BREGMAN_ROUNDS: usize = 20;
/// Smallest relative gradient of a Bregman round.
const TIGHT: f64 = 1e-9;
/// Relative misfit of a point that is as good as a solution, for want of better.
const NEARLY_FITS: f64 = 1e-7;
/// Relative misfit that counts as none.
const EXACT: f64 = 1e-11;

impl Path<'_, '_> {
    /// From ‖B*(b)‖ = `top` downwards.
    pub(super) fn reach_exact(&mut self, top: f64, monitor: &mut Monitor<'_>) -> Result<End, Error> {
        loop {
            if let Some(end) = self.stage(LOOSE, VIOLATION, monitor)? {
                return Ok(end);
            }
            if let Some(end) = self.complete(monitor)? {
                return Ok(end);
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
        let rank = outcome.l.ncols();
        self.instance
            .record(monitor, judged.value, judged.bound, judged.misfit, rank);
        if judged.proves(0.5 * self.settings.tolerance) {
            return Ok(Some(End::Finished(outcome)));
        }
        // An exact solution whose dual fails is an excellent start for the method that finds duals; but a dual that fails
        // by little may do at the next μ.
        self.refutations += 1;
        let hopeless = judged.bound < (1.0 - NEARLY) * judged.value || self.refutations > 1;
        if hopeless && self.limits.unknowns < usize::MAX {
            return Ok(Some(End::HandOver(outcome)));
        }
        self.refuted = Some(outcome);
        Ok(None)
    }

    /// Z less the columns below its widest relative gap: a penalised solution carries small ones that the exact solution
    /// need not have. `None` while no gap stands out.
    fn truncated(&self) -> Result<Option<Factors>, Error> {
        let z = self.instance.domain.decompose_factors(&self.factors())?;
        let Some(largest) = z.s.first().copied() else {
            return Ok(None);
        };
        // What follows the last column is known only to be small: the penalty hides singular values of about μ/c.
        let floor = (0.1 * self.mu / self.instance.mean_square).max(1e-12 * largest);
        let below = |i: usize| z.s.get(i + 1).copied().unwrap_or(0.0).max(floor);
        let mut widest = (0, 0.0);
        for (i, s) in z.s.iter().enumerate() {
            if s / below(i) > widest.1 {
                widest = (i, s / below(i));
            }
        }
        let (at, ratio) = widest;
        let cut = 0.5 * (z.s[at] + below(at).min(z.s[at])) / largest;
        Ok((ratio >= GAP).then(|| Factors::balanced(&z, cut)))
    }

    /// Keeps μ and moves the target by the misfit until the misfit is gone.
    fn bregman(&mut self, monitor: &mut Monitor<'_>) -> Result<End, Error> {
        let (mut before, size, mut tolerance) = (f64::INFINITY, norm(&self.instance.b), 0.1 * LOOSE);
        for _ in 0..BREGMAN_ROUNDS {
            let misfit = self.misfit();
            let relative = norm(&misfit) / size;
            let (value, bound) = self.value_and_bound();
            if relative <= EXACT && value - bound <= 0.5 * self.settings.tolerance * value {
                return Ok(End::Finished(self.outcome(None)));
            }
            if relative > EXACT && relative > 0.95 * before {
                break;
            }
            before = relative;
            axpy(-1.0, &misfit, &mut self.target);
            let Factors { l, r } = self.factors();
            self.point = Point::new(self.instance, l, r, &self.target);
            let violation = f64::max(0.1 * self.settings.tolerance, tolerance * tolerance);
            if let Some(end) = self.stage(tolerance, violation, monitor)? {
                return Ok(end);
            }
            // The multiplier has improved: it may now prove an exact solution that it did not before.
            if let Some(end) = self.complete(monitor)? {
                return Ok(end);
            }
            tolerance = f64::max(0.1 * tolerance, TIGHT);
        }
        let outcome = self.best_without_proof()?;
        Ok(if self.limits.unknowns < usize::MAX {
            End::HandOver(outcome)
        } else {
            End::Finished(outcome)
        })
    }

    /// No progress, because of a rank cap, contradictory data or the arithmetic: the present point where it nearly fits and
    /// is the flatter one, else the last exact solution.
    fn best_without_proof(&mut self) -> Result<Outcome, Error> {
        let Some(refuted) = self.refuted.take() else {
            return Ok(self.outcome(None));
        };
        let nearly_fits = norm(&self.misfit()) <= NEARLY_FITS * norm(&self.instance.b);
        let judged = polish::judge(self.instance, &refuted)?;
        let flatter = self.value_and_bound().0 < judged.value;
        Ok(if nearly_fits && flatter {
            self.outcome(None)
        } else {
            refuted
        })
    }
}
