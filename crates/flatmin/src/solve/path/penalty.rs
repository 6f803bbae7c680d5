//! The end of the path for ½‖B(Z) − b‖² + μ‖Z‖_*: at that μ.

use super::{End, FACTOR, LOOSE, MAX_STAGES, Path, VIOLATION};
use crate::error::Error;
use crate::solve::monitor::Monitor;

/// Relative gradient at which a point whose rank is capped, and whose gap therefore stays open, is good enough.
const CAPPED: f64 = 1e-4;
/// Smallest relative gradient worth asking for.
const FINEST: f64 = 1e-11;

/// The gap to stop at, over the tolerance: the last Newton steps are cheap, and whether the solution is unique takes a
/// better multiplier than the gap does.
const SPARE: f64 = 0.01;
/// A relative gap that is not worth undercutting.
const RESOLVED: f64 = 1e-9;

impl Path<'_, '_> {
    /// Falls to `goal`, then tightens until the gap is closed; zero solves it from ‖B*(b)‖ = `top` upwards.
    pub(super) fn reach_penalty(
        &mut self,
        goal: f64,
        top: f64,
        monitor: &mut Monitor<'_>,
    ) -> Result<End, Error> {
        self.mu = if goal >= top { goal } else { self.mu.max(goal) };
        let (mut tolerance, mut violation) = (LOOSE, VIOLATION);
        for _ in 0..MAX_STAGES {
            if let Some(end) = self.stage(tolerance, violation, monitor)? {
                return Ok(end);
            }
            if self.mu > goal {
                self.mu = (self.mu * FACTOR).max(goal);
                continue;
            }
            let (value, bound) = self.value_and_bound();
            let closed = value - bound <= f64::max(SPARE * self.settings.tolerance, RESOLVED) * value;
            let capped = self.is_full() && tolerance <= CAPPED;
            if closed || capped || tolerance < FINEST {
                break;
            }
            // The gap follows the excess of the top singular value over μ, which follows the gradient.
            tolerance *= 0.1;
            violation = (violation * 0.1).max(0.1 * self.settings.tolerance);
        }
        Ok(self.end())
    }
}
