//! Flatness: the rescaling matrices D1, D2, the exact traces of the Hessian of f(L, R) = ‖A(L Rᵀ) − y‖² and of
//! f(U1, U2) = ‖A(U1U1ᵀ − U2U2ᵀ) − y‖², its spectrum, and an audit of anyone's factors.

mod audit;
mod rescaling;
mod spectrum;
mod trace;
mod weight;

pub use audit::{Audit, audit, audit_signed};
pub use rescaling::{Rescaled, Weights};
pub use spectrum::Hessian;
pub use trace::{Traces, scaled_trace_bound};
pub use weight::Weight;

#[cfg(test)]
mod signed_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod weight_tests;
