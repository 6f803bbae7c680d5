//! Gradient descent: v = ∇f̄(w).

use super::{Direction, Loss, Method};
use crate::error::Error;
use crate::random::Stream;

/// v = ∇f̄(w).
#[derive(Clone, Copy, Debug)]
pub struct GradientDescent;

impl Method for GradientDescent {
    fn direction(&self, loss: &Loss<'_>, w: &[f64], _stream: &mut Stream) -> Direction {
        let residual = loss.residual(w);
        Direction {
            step: loss.pull(w, &residual, 2.0 / loss.measurements() as f64),
            loss: loss.mean_square(&residual),
        }
    }

    fn check(&self, _loss: &Loss<'_>) -> Result<(), Error> {
        Ok(())
    }
}
