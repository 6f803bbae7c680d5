//! Instances whose answer is known, one model a file.
//!
//! [`Ratings`] imitate real ones; elsewhere every truth has norm 1 (in robust PCA √(d1·d2)), and a matrix a spectrum that
//! falls geometrically (see [`Stream::low_rank`]); measurements are independent and standard normal, as in the theorems of
//! Ding et al. (2024), DOI 10.1093/imaiai/iaae009, section 4.

mod bilinear;
mod completion;
mod ratings;
mod robust;
mod sampling;
mod sensing;
mod sparse;
mod symmetric;

pub use bilinear::Bilinear;
pub use completion::{Completion, Observed};
pub use ratings::{Ratings, RatingsShape};
pub use robust::Robust;
pub use sensing::Sensing;
pub use sparse::Sparse;
pub use symmetric::Symmetric;

#[cfg(doc)]
use crate::random::Stream;

/// What the truth is like and how it is measured.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// Its rank, at most the smaller dimension.
    pub rank: usize,
    /// Its largest over its smallest nonzero singular value, at least 1.
    pub condition: f64,
    /// The standard deviation of the normal noise on each measurement.
    pub noise: f64,
}

impl Recipe {
    /// Equal singular values, no noise.
    pub fn plain(rank: usize) -> Self {
        Recipe {
            rank,
            condition: 1.0,
            noise: 0.0,
        }
    }
}
