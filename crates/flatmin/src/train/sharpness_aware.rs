//! Sharpness-aware minimisation: the gradient g_B of a random batch (see [`MiniBatch`](super::MiniBatch)), taken not at w but
//! where that batch's loss grows fastest at a distance r,
//!
//!   v = g_B(w + r·g_B(w)/‖g_B(w)‖₂).
//!
//! Where g_B vanishes, v = 0. With one measurement a step the drift along the zero-loss set is that of gradient descent on
//! (r²/2)·tr D²f̄, with all of them on (r²/2)·λ_max.
//!
//! Sources: Foret, Kleiner, Mobahi and Neyshabur (ICLR 2021, arXiv 2010.01412); Wen, Ma and Li (ICLR 2023, arXiv 2211.05729).

use super::mini_batch::batch_gradient;
use super::{Direction, Loss, Method, check_batch};
use crate::error::{Error, check_positive};
use crate::linalg::vector::{axpy, norm};
use crate::random::Stream;

/// The gradient of a batch at its worst point nearby.
#[derive(Clone, Copy, Debug)]
pub struct SharpnessAware {
    /// r, in the units of w.
    pub radius: f64,
    /// b, from 1 to m.
    pub batch: usize,
}

impl Method for SharpnessAware {
    fn direction(&self, loss: &Loss<'_>, w: &[f64], stream: &mut Stream) -> Direction {
        let residual = loss.residual(w);
        let batch = stream.choose(residual.len(), self.batch);
        let ascent = batch_gradient(loss, w, &residual, &batch);
        let (size, mut worst) = (norm(&ascent), w.to_vec());
        if size > 0.0 {
            axpy(self.radius / size, &ascent, &mut worst);
        }
        Direction {
            step: batch_gradient(loss, &worst, &loss.residual(&worst), &batch),
            loss: loss.mean_square(&residual),
        }
    }

    fn check(&self, loss: &Loss<'_>) -> Result<(), Error> {
        check_positive("radius", self.radius)?;
        check_batch(loss, self.batch)
    }
}
