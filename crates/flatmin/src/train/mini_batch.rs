//! Stochastic gradient descent: at each step a batch B of b measurements, drawn anew without replacement,
//!
//!   v = (2/b)·Σ_{i∈B} ρ_i ∇A(X)_i,    whose mean is ∇f̄(w).
//!
//! At a zero-loss point every ρ_i vanishes, and with it the noise.
//!
//! The other measurements are given the weight zero, so that a step costs as much as one of gradient descent: what is of
//! interest here is the path, not the time.

use super::{Direction, Loss, Method, check_batch};
use crate::error::Error;
use crate::random::Stream;

/// The gradient of a random batch.
#[derive(Clone, Copy, Debug)]
pub struct MiniBatch {
    /// b, from 1 to m.
    pub batch: usize,
}

impl Method for MiniBatch {
    fn direction(&self, loss: &Loss<'_>, w: &[f64], stream: &mut Stream) -> Direction {
        let residual = loss.residual(w);
        let batch = stream.choose(residual.len(), self.batch);
        Direction {
            step: batch_gradient(loss, w, &residual, &batch),
            loss: loss.mean_square(&residual),
        }
    }

    fn check(&self, loss: &Loss<'_>) -> Result<(), Error> {
        check_batch(loss, self.batch)
    }
}

/// ∇ of (1/b)·Σ_{i∈B} ρ_i² at w, whose residual is given.
pub(super) fn batch_gradient(loss: &Loss<'_>, w: &[f64], residual: &[f64], batch: &[usize]) -> Vec<f64> {
    let mut kept = vec![0.0; residual.len()];
    batch.iter().for_each(|i| kept[*i] = residual[*i]);
    loss.pull(w, &kept, 2.0 / batch.len() as f64)
}
