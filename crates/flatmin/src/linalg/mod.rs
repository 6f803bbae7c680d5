//! The few kernels that the mathematics needs: single-threaded, hence bit-reproducible, wrappers of dense
//! decompositions; vectors; Lanczos methods; a proved upper bound on an operator norm.

pub(crate) mod conjugate_gradients;
pub mod dense;
pub mod krylov;
pub mod lanczos;
pub(crate) mod operator_norm;
pub(crate) mod quasi_newton;
pub mod vector;
