//! Flat minima of low-rank matrix recovery: recover, certify, measure.
#![deny(missing_docs)]

pub mod certificate;
mod error;
mod factors;
pub mod flatness;
pub mod linalg;
pub mod map;
mod problem;
pub mod solve;

pub use error::Error;
pub use factors::Factors;
pub use problem::{Fit, Objective, Problem};
