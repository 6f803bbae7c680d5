//! Chains of matrices  X = W_1 ⋯ W_K, W_j ∈ R^{d_{j−1}×d_j}, with y = A(X), and the flattest of them.
//!
//! With P_j = W_1 ⋯ W_j and Q_j = W_{j+1} ⋯ W_K the trace of the Hessian of f = ‖A(W_1 ⋯ W_K) − y‖² is, at every point,
//!
//! ```text
//! tr D²f = 2·Σ_j t_j,    t_j = Σ_i ‖P_{j−1}ᵀ A_i Q_jᵀ‖_F²,    P_0 = I, Q_K = I.
//! ```
//!
//! For A = identity t_j = ‖P_{j−1}‖_F²·‖Q_j‖_F², and by the inequality of the means and ‖P_j‖_F·‖Q_j‖_F ≥ ‖X‖_*,
//!
//! ```text
//! min over W_1 ⋯ W_K = X of tr D²f = 2K·(d_0 d_K)^{1/K}·‖X‖_*^{2 − 2/K}        (Gatmiry et al. 2023, arXiv 2306.13239);
//! ```
//!
//! [`flattest`] attains it at any hidden widths of at least rank X. For other maps the minimum over the zero-loss set
//! {A(X) = y} is not convex and is searched for ([`solve`]): the end is a stationary point, without a proof.
//!
//! **Layers.** Scaling W_j up and W_k down by one factor changes t_j and t_k alone, inversely: at every minimum all t_j are
//! equal, whatever the map.
//!
//! **Widths.** Hidden widths above min(d_0, d_K) never help, whatever the map: let Π_1 project onto the row space of P_1 and
//! replace W_2 by Π_1 W_2. No P_j changes, of the Q_j only Q_1, to Π_1 Q_1, and t_1 does not grow. Now do the same with the
//! row space of P_2, and so on: all ranks are then at most d_0. From the other end they are at most d_K. Hence the default.

mod law;
mod minimise;
mod objective;
mod point;

pub use law::{flattest, nuclear_law};
pub use minimise::{Search, Solution, solve};
pub use point::{Audit, Chain, Hessian, audit};
