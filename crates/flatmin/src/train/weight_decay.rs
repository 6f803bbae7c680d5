//! Gradient descent with weight decay: v = ∇f̄(w) + ω·w, the gradient of f̄(w) + (ω/2)‖w‖².
//!
//! Over the factorisations of one X the penalty is least, ω·‖X‖_*, at balanced factors: what is sought is norm-minimal.

use super::{Direction, GradientDescent, Loss, Method};
use crate::error::{Error, check_positive};
use crate::linalg::vector::axpy;
use crate::random::Stream;

/// v = ∇f̄(w) + ω·w.
#[derive(Clone, Copy, Debug)]
pub struct WeightDecay {
    /// ω.
    pub rate: f64,
}

impl Method for WeightDecay {
    fn direction(&self, loss: &Loss<'_>, w: &[f64], stream: &mut Stream) -> Direction {
        let mut direction = GradientDescent.direction(loss, w, stream);
        axpy(self.rate, w, &mut direction.step);
        direction
    }

    fn check(&self, _loss: &Loss<'_>) -> Result<(), Error> {
        check_positive("rate", self.rate)
    }
}
