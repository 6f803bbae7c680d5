//! The end of the path for ‖B(Z) − b‖ ≤ ε: at the μ whose misfit is ε. The misfit grows with μ.

use super::{End, FACTOR, MAX_STAGES, Path};
use crate::error::Error;
use crate::linalg::vector::norm;
use crate::solve::DIVERGED;
use crate::solve::monitor::Monitor;
use crate::solve::polish;

/// Relative gradient, and excess over μ, until μ is bracketed: the misfit has to tell the side it is on.
const OPEN: f64 = 1e-3;
/// Relative gradient once μ is bracketed: the misfit must be a smooth function of μ.
const TIGHT: f64 = 1e-9;
/// Relative rounding of B(Z) − b, against b: a few units in the last place of sums of products.
const ROUNDING: f64 = 1e-14;
/// ln(misfit/ε) at which the root is found.
const FOUND: f64 = 1e-11;

/// Relative gap after a tight stage that shows its Newton systems to be too ill-conditioned, μ being small: the other
/// method, where it may take over, does better.
const STUCK: f64 = 1e-5;

/// Of a function that rises through zero: the root lies between two points, found by the Illinois variant of regula falsi.
#[derive(Default)]
struct Bracket {
    /// (x, f(x)) with f > 0, and with f ≤ 0; the values may have been halved.
    above: Option<(f64, f64)>,
    below: Option<(f64, f64)>,
    last_was_above: bool,
}

impl Bracket {
    fn closed(&self) -> bool {
        self.above.is_some() && self.below.is_some()
    }

    fn add(&mut self, x: f64, f: f64) {
        let is_above = f > 0.0;
        let (own, other) = if is_above {
            (&mut self.above, &mut self.below)
        } else {
            (&mut self.below, &mut self.above)
        };
        // Twice on one side: half the other value, or that end would stay for ever.
        if let (true, Some(other)) = (own.is_some() && is_above == self.last_was_above, other.as_mut()) {
            other.1 *= 0.5;
        }
        *own = Some((x, f));
        self.last_was_above = is_above;
    }

    /// The next point; `None` when the bracket has shrunk to nothing, or is open.
    fn next(&self) -> Option<f64> {
        let ((x1, f1), (x0, f0)) = (self.above?, self.below?);
        ((x1 - x0).abs() > 1e-14 * x1.abs().max(1.0)).then(|| x0 - f0 * (x1 - x0) / (f1 - f0))
    }
}

impl Path<'_, '_> {
    /// Finds μ in logarithms of μ and of the misfit.
    pub(super) fn reach_ball(&mut self, epsilon: f64, monitor: &mut Monitor<'_>) -> Result<End, Error> {
        let mut bracket = Bracket::default();
        // A misfit of size ε, and the multiplier along it, are known to this relative accuracy.
        let noise = (ROUNDING * norm(&self.instance.b) / epsilon).min(OPEN);
        for _ in 0..MAX_STAGES {
            let (tolerance, violation) = if bracket.closed() {
                (noise.max(TIGHT), noise.max(0.05 * self.settings.tolerance))
            } else {
                (OPEN, OPEN)
            };
            if let Some(end) = self.stage(tolerance, violation, monitor)? {
                return Ok(end);
            }
            let excess = (norm(&self.misfit()) / epsilon).ln();
            let (value, bound) = self.value_and_bound();
            // Under a large penalty Z is still zero, which says nothing.
            if excess > 0.0 && value > 0.0 && bound > DIVERGED * value {
                let residual = norm(&self.misfit()) / norm(&self.instance.b);
                return Err(Error::Inconsistent { residual });
            }
            let hopeless = self.limits.unknowns < usize::MAX && self.relative_gap() > STUCK;
            if bracket.closed() && (excess.abs() <= noise.max(FOUND) || hopeless) {
                break;
            }
            bracket.add(self.mu.ln(), excess);
            self.mu = match (bracket.closed(), bracket.next()) {
                (true, Some(x)) => x.exp(),
                (true, None) => break,
                (false, _) if excess > 0.0 => self.mu * FACTOR,
                (false, _) => self.mu / FACTOR,
            };
        }
        self.end_at_ball()
    }

    /// The multiplier is a difference of nearly equal numbers over μ: where that leaves the gap open, it is corrected.
    fn end_at_ball(&self) -> Result<End, Error> {
        let end = self.end();
        if self.relative_gap() <= 0.5 * self.settings.tolerance {
            return Ok(end);
        }
        let sharper = polish::sharpen(self.instance, self.outcome(None))?;
        let proved = polish::judge(self.instance, &sharper)?.proves(0.5 * self.settings.tolerance);
        Ok(if proved { End::Finished(sharper) } else { end })
    }
}
