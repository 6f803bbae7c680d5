//! Flatness: the rescaling matrices D1, D2, the exact traces of the Hessian of f(L, R) = ‖A(L Rᵀ) − y‖², its spectrum,
//! and an audit of anyone's factors.

mod audit;
mod rescaling;
mod spectrum;
mod trace;
mod weight;

pub use audit::{Audit, audit};
pub use rescaling::{Rescaled, Weights};
pub(crate) use spectrum::add_coupling;
pub use spectrum::{Hessian, largest_eigenvalue};
pub use trace::Traces;
pub use weight::Weight;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod weight_tests;
