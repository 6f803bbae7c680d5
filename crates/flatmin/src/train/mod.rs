//! Training: methods that see the data alone, on the mean loss f̄ = (1/m)‖A(·) − y‖² of factors; one method a file.
//!
//! Every method is a rule for the direction v of a step w ← w − η·v, at a fixed learning rate η. On a quadratic with largest
//! eigenvalue λ_max gradient descent diverges beyond η = 2/λ_max: [`Loss::sharpness`] is that λ_max, of the *mean* loss.
//! Traces and eigenvalues of [`flatness`](crate::flatness) are those of the sum, m times as large.
//!
//! | method | what it is known to seek among the zero-loss points |
//! |---|---|
//! | [`GradientDescent`], [`MiniBatch`] | nothing by itself: what is near the start |
//! | [`LabelNoise`] | a small trace of the Hessian |
//! | [`SharpnessAware`] | with few measurements a step a small trace, with all of them a small λ_max |
//! | [`WeightDecay`] | a small ‖w‖ |

mod gradient_descent;
mod label_noise;
mod loss;
mod mini_batch;
mod projection;
mod sharpness_aware;
mod weight_decay;

pub use gradient_descent::GradientDescent;
pub use label_noise::LabelNoise;
pub use loss::Loss;
pub use mini_batch::MiniBatch;
pub use projection::project;
pub use sharpness_aware::SharpnessAware;
pub use weight_decay::WeightDecay;

use crate::error::{Error, check_finite, check_positive};
use crate::linalg::vector::axpy;
use crate::random::Stream;

/// Where a method wants to go.
#[derive(Clone, Debug)]
pub struct Direction {
    /// v of the step w ← w − η·v.
    pub step: Vec<f64>,
    /// f̄(w), over all measurements and the true labels.
    pub loss: f64,
}

/// A rule for the next step.
pub trait Method: std::fmt::Debug {
    /// The direction at w; random numbers come from `stream` alone.
    fn direction(&self, loss: &Loss<'_>, w: &[f64], stream: &mut Stream) -> Direction;

    /// Refuses a setting of the method that is out of its range.
    ///
    /// # Errors
    /// Which setting, and its range.
    fn check(&self, loss: &Loss<'_>) -> Result<(), Error>;
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// All steps are taken.
    Finished,
    /// The loss rose a millionfold above what it was at the start, or at zero: the learning rate is too large.
    Diverged,
}

/// Where a run ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Trained {
    /// The last point; of a diverged run the last whose loss was in range.
    pub point: Vec<f64>,
    /// Steps taken to get there.
    pub steps: usize,
    /// Whether it went through.
    pub ending: Ending,
}

/// A loss this many times the larger of its values at the start and at zero means that the run diverged.
const DIVERGED: f64 = 1e6;

/// Takes `steps` steps from `start` at the learning rate `rate`; `look` sees every point before the step from it: the number of
/// steps taken, and w.
///
/// # Errors
/// A start that does not fit the loss or is not finite; a learning rate that is not positive and finite; a setting of the
/// method out of its range.
pub fn train(
    loss: &Loss<'_>,
    method: &dyn Method,
    start: &[f64],
    (rate, steps): (f64, usize),
    stream: &mut Stream,
    mut look: impl FnMut(usize, &[f64]) -> Result<(), Error>,
) -> Result<Trained, Error> {
    loss.check(start)?;
    check_finite("the start", start)?;
    check_positive("learning_rate", rate)?;
    method.check(loss)?;
    let limit = DIVERGED * loss.value(start).max(loss.at_zero());
    let (mut w, mut before) = (start.to_vec(), start.to_vec());
    for step in 0..steps {
        let direction = method.direction(loss, &w, stream);
        // Written so that NaN is caught too.
        let in_range = direction.loss <= limit;
        if !in_range {
            return Ok(Trained {
                point: before,
                steps: step.saturating_sub(1),
                ending: Ending::Diverged,
            });
        }
        look(step, &w)?;
        before.copy_from_slice(&w);
        axpy(-rate, &direction.step, &mut w);
    }
    let in_range = loss.value(&w) <= limit;
    Ok(Trained {
        point: if in_range { w } else { before },
        steps: if in_range { steps } else { steps.saturating_sub(1) },
        ending: if in_range {
            Ending::Finished
        } else {
            Ending::Diverged
        },
    })
}

/// A batch of `count` out of the measurements of `loss`.
fn check_batch(loss: &Loss<'_>, count: usize) -> Result<(), Error> {
    if (1..=loss.measurements()).contains(&count) {
        return Ok(());
    }
    Err(Error::Setting {
        name: "batch",
        found: count.to_string(),
        expected: "from 1 to the number of measurements",
    })
}

#[cfg(test)]
mod tests;
