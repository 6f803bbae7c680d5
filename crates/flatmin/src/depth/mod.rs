//! The two deep models, both with the loss f = ‖A(·) − y‖² of K factors.
//!
//! | model | unknown | flat solutions minimise |
//! |---|---|---|
//! | [`hadamard`] | x = v_1 ⊙ … ⊙ v_K ∈ R^d | Σ ‖a_l‖²·|x_l|^(2 − 2/K), a_l the columns of A |
//! | [`chain`] | X = W_1 ⋯ W_K ∈ R^{d_0×d_K} | for A = identity, ‖X‖_* at every depth K ≥ 2 |
//!
//! A Hadamard product loses its bias towards sparsity beyond K = 2, since 2 − 2/K > 1 there; a chain of matrices keeps its
//! bias towards low rank. Source: Ding, Drusvyatskiy, Fazel and Harchaoui (2024), section on depth, DOI
//! 10.1093/imaiai/iaae009; for chains Gatmiry, Li, Chuang, Reddi, Ma and Jegelka (2023), arXiv 2306.13239.

pub mod chain;
pub mod hadamard;
