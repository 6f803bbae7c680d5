//! Gradient descent on labels y + δ·ξ with ξ ~ N(0, I_m) drawn anew at each step:
//!
//!   v = (2/m)·Jᵀ(ρ − δξ),    whose mean is ∇f̄(w).
//!
//! Near a zero-loss point, with H = (2/m)·JᵀJ, the covariance of v is (4δ²/m²)·JᵀJ = (2δ²/m)·H. It is proportional to H, and
//! for small η the fluctuation of w in the range of H therefore has the covariance (ηδ²/m)·I, in every such direction alike.
//! The third derivative turns it into a slow drift along the zero-loss set, which is gradient descent on
//! (ηδ²/(2m))·tr D²f̄: the trace of the Hessian.
//!
//! Sources: Blanc, Gupta, Valiant and Valiant (COLT 2020, arXiv 1904.09080); Damian, Ma and Lee (NeurIPS 2021, arXiv
//! 2106.06530); Li, Wang and Arora (ICLR 2022, arXiv 2110.06914).

use super::{Direction, Loss, Method};
use crate::error::{Error, check_positive};
use crate::linalg::vector::axpy;
use crate::random::Stream;

/// The gradient for noisy labels.
#[derive(Clone, Copy, Debug)]
pub struct LabelNoise {
    /// δ, in the units of y.
    pub deviation: f64,
}

impl Method for LabelNoise {
    fn direction(&self, loss: &Loss<'_>, w: &[f64], stream: &mut Stream) -> Direction {
        let mut residual = loss.residual(w);
        let value = loss.mean_square(&residual);
        axpy(
            -self.deviation,
            &stream.normals(loss.measurements()),
            &mut residual,
        );
        Direction {
            step: loss.pull(w, &residual, 2.0 / loss.measurements() as f64),
            loss: value,
        }
    }

    fn check(&self, _loss: &Loss<'_>) -> Result<(), Error> {
        check_positive("deviation", self.deviation)
    }
}
