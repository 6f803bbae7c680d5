//! The proximal step of an absolute misfit, min ½‖s − n‖² + (threshold or ball) in the sum of magnitudes: s is n with every
//! magnitude lowered by one level, s = n − clamp(n, ±level).

use super::super::instance::Instance;
use crate::error::Error;
use crate::problem::Fit;

/// Passes of the search for the level: it is finite and takes about ten.
const PASSES: usize = 200;

/// What fixes the level.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Level {
    /// `Fit::Absolute`: θ·t at step t.
    Threshold(f64),
    /// `Fit::AbsoluteBall`: the one that leaves the sum of magnitudes τ.
    Ball(f64),
}

impl Level {
    /// Of the instance's fit.
    ///
    /// # Errors
    /// Another fit; a map that does not observe single entries, for which the proximal step is another problem.
    pub(in super::super) fn new(instance: &Instance<'_>) -> Result<Self, Error> {
        if instance.map.map().entry(0).is_none() {
            return Err(Error::Setting {
                name: "the map of an absolute fit (robust PCA)",
                found: "general measurements".into(),
                expected: "entries of X, all of them (Identity) or some (Entries)",
            });
        }
        match instance.fit {
            Fit::Absolute(theta) => Ok(Level::Threshold(theta)),
            Fit::AbsoluteBall(radius) => Ok(Level::Ball(radius)),
            other => Err(Error::Setting {
                name: "the fit of robust PCA",
                found: format!("{other:?}"),
                expected: "an absolute fit",
            }),
        }
    }

    /// The level for n at step t.
    pub(in super::super) fn of(self, n: &[f64], t: f64) -> f64 {
        match self {
            Level::Threshold(theta) => theta * t,
            Level::Ball(radius) => ball_level(n, radius),
        }
    }
}

/// The root of Σ (|n_i| − level)₊ = radius, 0 where the sum of magnitudes is within the radius.
///
/// Newton's method on this convex, piecewise linear function rises from 0 to the root in finitely many steps (Michelot,
/// J. Optim. Theory Appl. 50, 1986).
fn ball_level(n: &[f64], radius: f64) -> f64 {
    let mut level = 0.0;
    for _ in 0..PASSES {
        let (mut sum, mut count) = (0.0, 0usize);
        for n in n {
            if n.abs() > level {
                sum += n.abs();
                count += 1;
            }
        }
        let next = (sum - radius) / count.max(1) as f64;
        if next.is_nan() || next <= level {
            break;
        }
        level = next;
    }
    level
}

#[cfg(test)]
mod tests {
    use super::ball_level;

    #[test]
    fn lowering_to_the_ball_leaves_its_radius() {
        let n: Vec<f64> = (0..57).map(|i| f64::from(i * i % 23) - 11.0).collect();
        let total: f64 = n.iter().map(|n| n.abs()).sum();
        for radius in [1e-3, 1.0, 0.5 * total, 0.999 * total] {
            let level = ball_level(&n, radius);
            let left: f64 = n.iter().map(|n| (n.abs() - level).max(0.0)).sum();
            assert!((left - radius).abs() <= 1e-12 * total, "{radius}: {left}");
        }
        assert_eq!(ball_level(&n, total), 0.0);
        assert_eq!(ball_level(&n, 2.0 * total), 0.0);
    }
}
