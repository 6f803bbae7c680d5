//! What theory says of one instance: how close its flat solutions are to the norm-minimal and to the balanced ones, how
//! spread out the recovered matrix is, whether the observed entries can determine it, how nearly the map keeps the lengths of
//! low-rank matrices, and how many Gaussian measurements recovery takes.
//!
//! Nothing here is a certificate: these are the quantities in which the theorems are stated, measured by ordinary arithmetic.

pub mod dimension;
mod identifiability;
mod incoherence;
mod isometry;
mod regularity;

pub use identifiability::{Component, Identifiability};
pub use incoherence::Coherence;
pub use isometry::Isometry;
pub use regularity::Regularity;
