//! Flat minima of low-rank matrix recovery: recover, certify, measure.
//!
//! # The problem
//!
//! A matrix X ∈ R^{d1×d2} is known by m linear measurements,
//!
//! ```text
//! y = A(X) (+ noise),    A(X)_i = ⟨A_i, X⟩,    A*(w) = Σ w_i A_i,
//! ```
//!
//! and is sought as X = L Rᵀ with factors L ∈ R^{d1×k}, R ∈ R^{d2×k} of any number k of columns. The loss
//! f(L, R) = ‖A(L Rᵀ) − y‖² vanishes on a large set S. Its *flat* points minimise, over S, the scaled trace of the Hessian,
//!
//! ```text
//! str D²f = (trace of the L block)/d1 + (trace of the R block)/d2 = 2m·(‖D1 L‖_F² + ‖D2 R‖_F²),
//!
//! D1 = (Σ A_i A_iᵀ / (m·d2))^{1/2},    D2 = (Σ A_iᵀ A_i / (m·d1))^{1/2},
//! ```
//!
//! which, minimised over the factorisations of one X, is 4m·‖D1 X D2‖_*. What is solved is therefore convex:
//!
//! ```text
//! (P)  min ‖W1 X W2‖_*   s.t.  A(X) = y,                       W = D^α: flat α = 1, nuclear α = 0;
//!                        or    ‖A(X) − y‖₂ ≤ ε,
//!      or  min ½‖A(X) − y‖₂² + μ‖W1 X W2‖_*;
//!      or  min ‖X‖_* + θ‖A(X) − y‖_1,  or  min ‖X‖_* s.t. ‖A(X) − y‖_1 ≤ τ      (robust PCA: A observes entries, α = 0);
//! (D)  max ⟨λ, y⟩ (− ε‖λ‖₂)   s.t.  ‖W1⁻¹ A*(λ) W2⁻¹‖_op ≤ 1;    max ⟨λ, y⟩ − ½‖λ‖₂²  s.t.  … ≤ μ;
//!      max ⟨λ, y⟩  s.t.  … ≤ 1, ‖λ‖_∞ ≤ θ;    max ⟨λ, y⟩ − τ‖λ‖_∞  s.t.  … ≤ 1.
//! ```
//!
//! From Z = W1 X W2 = U Σ Vᵀ the flat factors are L = W1⁻¹ U √Σ, R = W2⁻¹ V √Σ, and any λ, scaled to be feasible for (D),
//! proves how far any candidate can be from the optimum. Source: Ding, Drusvyatskiy, Fazel and Harchaoui, *Flat minima
//! generalize for low-rank matrix recovery*, Information and Inference 13(2), 2024, DOI 10.1093/imaiai/iaae009.
//!
//! Where every A_i is symmetric, X may be sought among symmetric matrices M = U1U1ᵀ − U2U2ᵀ (quadratic networks) or M ⪰ 0
//! (covariance estimation, phase retrieval): see [`Domain`]. With D = D1 = D2 the flat points of
//! f(U1, U2) = ‖A(U1U1ᵀ − U2U2ᵀ) − y‖² minimise str D²f = 8m·‖D M D‖_*, and for M ⪰ 0 the dual constraint is on the largest
//! eigenvalue alone.
//!
//! # An example: four entries of a matrix of rank one are missing
//!
//! ```
//! use flatmin::map::Entries;
//! use flatmin::solve::{Observer, Settings, Status, solve};
//! use flatmin::{Fit, Objective, Problem};
//!
//! let truth = |a: u32, b: u32| [1.0, 2.0, 1.0, 2.0, 1.0][a as usize] * [1.0, -1.0, 2.0, 1.0, 1.5][b as usize];
//! let (mut rows, mut columns, mut values) = (vec![], vec![], vec![]);
//! for (a, b) in (0..5).flat_map(|a| (0..5).map(move |b| (a, b))) {
//!     if a != b || a == 4 {
//!         rows.push(a);
//!         columns.push(b);
//!         values.push(truth(a, b));
//!     }
//! }
//! let (map, y) = Entries::new(&rows, &columns, &values, (5, 5))?;
//! let problem = Problem::new(Box::new(map), y, Fit::Exact, Objective::Flat)?;
//! let solution = solve(&problem, &Settings::default(), &Observer::default())?;
//!
//! // The missing entries are back,
//! let x = solution.factors.dense();
//! assert!((0..4).all(|a| (x[(a as usize, a as usize)] - truth(a, a)).abs() < 1e-5));
//! // and nothing flatter fits the data: proved to a relative gap of 1e-8, and X is the only such solution.
//! assert_eq!(solution.status, Status::Certified);
//! assert!(solution.certificate.gap <= 1e-8);
//! assert_eq!(solution.certificate.uniqueness.unique, Some(true));
//! # Ok::<(), flatmin::Error>(())
//! ```
//!
//! # The crate's map
//!
//! | module | what it holds |
//! |---|---|
//! | [`Problem`], [`Fit`], [`Objective`] | (P): a map, its data, how closely they are to be met, which weights |
//! | [`Domain`] | where X is sought: all matrices, symmetric ones, semidefinite ones |
//! | [`Factors`], [`SignedFactors`] | X = L Rᵀ, and M = U1U1ᵀ − U2U2ᵀ: singular values, balance, norms, predictions |
//! | [`map`] | A and A*, one family of measurements a file: [`map::Dense`], [`map::RankOne`], [`map::SymmetricRankOne`], [`map::Entries`], [`map::Identity`] |
//! | [`flatness`] | D1, D2 and their powers ([`flatness::Weights`]), the map in the variable Z ([`flatness::Rescaled`]), traces, Hessian, audit |
//! | [`solve`] | the methods, in the variable Z, and the one place where a method is chosen |
//! | [`certificate`] | (D): a lower bound that is proved, rounding included; the gap; uniqueness |
//! | [`blocks`] | penalised completion by blocks of rows and columns, for a cluster |
//! | [`depth`] | K factors instead of two: Hadamard products of vectors ([`depth::hadamard`]), chains of matrices ([`depth::chain`]) |
//! | [`train`] | gradient descent, mini-batches, label noise, sharpness-aware steps, weight decay on the mean loss of factors |
//! | [`theory`] | what theory says of an instance: regularity, coherence, identifiability, isometry, statistical dimension |
//! | [`linalg`] | what the mathematics needs of linear algebra: decompositions, Lanczos methods |
//! | [`Error`] | what can be wrong with an input, with the numbers that show it |
//!
//! # Notation
//!
//! | symbol | name | shape | where |
//! |---|---|---|---|
//! | X | `x`, `factors` | d1 × d2, as (L, R) | [`Factors`] |
//! | L, R | `l`, `r` | d1 × k, d2 × k | [`Factors`] |
//! | M = U S Uᵀ, U = [U1 U2] | `u1`, `u2`, signs | d × d, d × k1, d × k2 | [`SignedFactors`] |
//! | A, A* | `map` | R^{d1×d2} → R^m and back | [`map::MeasurementMap`] |
//! | y | `data` | m | [`Problem::data`] |
//! | Σ A_i A_iᵀ, Σ A_iᵀ A_i | `left_gram`, `right_gram` | d1 × d1, d2 × d2 | [`map::MeasurementMap`] |
//! | W1, W2 | `weights.left`, `weights.right` | d1 × d1, d2 × d2 | [`flatness::Weights`] |
//! | Z = W1 X W2 | `z` | d1 × d2 | [`flatness::Weights::rescale`] |
//! | B(Z) = A(W1⁻¹ Z W2⁻¹) | `Rescaled` | R^{d1×d2} → R^m | [`flatness::Rescaled`] |
//! | λ | `lambda`, `dual` | m | [`certificate::dual_bound`] |
//! | W = B*(λ) | `w` | d1 × d2 | [`certificate::uniqueness`] |
//! | ε, μ | `Fit::Ball`, `Fit::Penalised` | numbers | [`Fit`] |
//! | θ, τ | `Fit::Absolute`, `Fit::AbsoluteBall` | numbers | [`Fit`] |
//! | S = y − A(X) | `outliers` | m | [`solve::Solution::outliers`] |
//! | str D²f | `Traces::scaled` | a number | [`flatness::Traces`] |
//!
//! Every number is an f64, in the units of the data. Threads are those of the rayon pool in use; results do not depend on
//! how many there are.
#![deny(missing_docs)]

pub mod blocks;
pub mod certificate;
pub mod depth;
mod domain;
mod error;
pub mod experiment;
mod factors;
pub mod flatness;
pub mod fold_in;
pub mod linalg;
pub mod map;
mod parametrisation;
mod problem;
pub mod random;
mod signed;
pub mod solve;
pub mod synthetic;
pub mod theory;
pub mod train;

pub use domain::Domain;
pub use error::Error;
pub use factors::Factors;
pub use problem::{Fit, Objective, Problem};
pub use signed::SignedFactors;
