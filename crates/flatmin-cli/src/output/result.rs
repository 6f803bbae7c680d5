//! The keys of `result.json` and the material a report is drawn from.
//!
//! A key that does not apply to the run, or whose number is unknown, is `null`: JSON has no NaN.

use serde::{Deserialize, Serialize};

/// The numbers of one `solve` or `measure`, in the order they are written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ResultFile {
    /// As the command line names it.
    pub(crate) model: String,
    /// `flat`, `nuclear` or `smoothed:ALPHA`.
    pub(crate) objective: String,
    /// The data fit: `exact`, `epsilon` or `lambda`; for robust PCA `theta` or `radius`.
    pub(crate) fit: String,
    /// (d1, d2).
    pub(crate) shape: (usize, usize),
    /// m.
    pub(crate) measurements: usize,
    /// Rank of X: its singular values that are not zero to working precision.
    pub(crate) rank: usize,
    /// `certified`, `converged`, `budget` or `interrupted`; null for `measure`.
    pub(crate) status: Option<String>,
    /// The convex objective at X.
    pub(crate) value: Option<f64>,
    /// A proved lower bound on the smallest value.
    pub(crate) lower_bound: Option<f64>,
    /// (value − lower_bound) / value.
    pub(crate) gap: Option<f64>,
    /// The chance that the bound is wrong, over the random start of its computation; null: it is proved outright.
    pub(crate) failure_probability: Option<f64>,
    /// Of a penalised fit: columns that the optimum has beyond those of X, at least.
    pub(crate) missing_columns: Option<usize>,
    /// The scaled trace of D²f: trace_left / d1 + trace_right / d2.
    pub(crate) scaled_trace: Option<f64>,
    /// The trace of D²f, f = ‖A(LRᵀ) − y‖².
    pub(crate) trace: Option<f64>,
    /// The part of the trace in the L block (symmetric models: U1).
    pub(crate) trace_left: Option<f64>,
    /// The part of the trace in the R block (symmetric models: U2).
    pub(crate) trace_right: Option<f64>,
    /// Number K of factors (sparse, deep).
    pub(crate) depth: Option<usize>,
    /// The parts of the trace in the K layers (sparse, deep).
    pub(crate) trace_layers: Option<Vec<f64>>,
    /// The trace against the law of the identity (deep).
    pub(crate) nuclear_law: Option<NuclearLaw>,
    /// scaled_trace over its proved minimum, minus 1.
    pub(crate) excess_flatness: Option<f64>,
    /// ‖A(X) − y‖₂ / ‖y‖₂.
    pub(crate) residual: Option<f64>,
    /// Whether X is the only solution; null: not decided.
    pub(crate) unique: Option<bool>,
    /// The smaller of the two margins that decide `unique`.
    pub(crate) unique_margin: Option<f64>,
    /// ‖LᵀL − RᵀR‖_F / ‖X‖_*.
    pub(crate) balancedness: Option<f64>,
    /// ‖L‖_F² + ‖R‖_F².
    pub(crate) squared_norm: Option<f64>,
    /// Condition number of D1.
    pub(crate) condition_d1: Option<f64>,
    /// Condition number of D2.
    pub(crate) condition_d2: Option<f64>,
    /// The largest eigenvalue of D²f.
    pub(crate) lambda_max: Option<f64>,
    /// ‖X − truth‖_F.
    pub(crate) error: Option<f64>,
    /// ‖X − truth‖_F / ‖truth‖_F.
    pub(crate) relative_error: Option<f64>,
    /// The misfit allowed, ‖A(X) − y‖₂ ≤ epsilon.
    pub(crate) epsilon: Option<f64>,
    /// The penalty of the penalised fit.
    pub(crate) lambda: Option<f64>,
    /// Root mean square error on the data of the fit.
    pub(crate) train_rmse: Option<f64>,
    /// Root mean square error on what was held out (`--test`, `--hide`).
    pub(crate) test_rmse: Option<f64>,
    /// Mean absolute error on what was held out (`--test`, `--hide`).
    pub(crate) test_mae: Option<f64>,
    /// How many of them were scored.
    pub(crate) test_count: Option<usize>,
    /// ‖error‖₂ / ‖values‖₂ on the entries held out.
    pub(crate) test_relative_error: Option<f64>,
    /// E(ŷ − y)² over x ~ N(0, I), against the truth (network).
    pub(crate) generalization_error: Option<f64>,
    /// What was subtracted from the entries before the fit: `none`, `global` or `bias` (completion).
    pub(crate) center: Option<String>,
    /// Rows that no entry observes (completion): X is zero there.
    pub(crate) unobserved_rows: Option<usize>,
    /// Columns that no entry observes (completion): X is zero there.
    pub(crate) unobserved_columns: Option<usize>,
    /// Rows with at least one entry and fewer than the rank of X (completion): their entries alone do not determine them.
    pub(crate) under_observed_rows: Option<usize>,
    /// Columns likewise.
    pub(crate) under_observed_columns: Option<usize>,
    /// Connected components of the rows and columns that the entries join (completion); more than one: not identifiable.
    pub(crate) components: Option<usize>,
    /// The first row, or else column, that is under-observed, by its id: for the summary alone.
    #[serde(skip)]
    pub(crate) first_under_observed: Option<String>,
    /// How concentrated the singular vectors of X are on single rows and columns.
    pub(crate) coherence: Option<CoherenceKeys>,
    /// What D1 and D2 say of flat solutions; null where one of them is singular.
    pub(crate) regularity: Option<RegularityKeys>,
    /// With `--isometry`: a lower estimate of the restricted isometry constant of the map at the rank of X.
    pub(crate) isometry_constant: Option<f64>,
    /// θ of ‖X‖_* + θ‖S‖_1 (robust PCA).
    pub(crate) theta: Option<f64>,
    /// ‖S‖_1 (robust PCA).
    pub(crate) radius: Option<f64>,
    /// Nonzeros of S (robust PCA).
    pub(crate) outliers: Option<usize>,
    /// `--seed`.
    pub(crate) seed: u64,
    /// Threads used.
    pub(crate) threads: usize,
    /// The version of flatmin.
    pub(crate) version: String,
    /// Wall-clock seconds of the whole run.
    pub(crate) seconds: f64,
    /// Steps of the solver.
    pub(crate) iterations: usize,
    /// Of a search for few columns: how often it was started again.
    pub(crate) restarts: Option<usize>,
    /// Of a search for few columns: whether X is the only matrix of its rank nearby that fits.
    pub(crate) locally_unique: Option<bool>,
    /// How well the measurements tell X from its neighbours of the same rank, from 0 to 1.
    pub(crate) locally_unique_margin: Option<f64>,
    /// The method that gave the result.
    pub(crate) method: Option<String>,
}

/// (d1/r)·max‖Uᵀe_a‖², (d2/r)·max‖Vᵀe_b‖² and √(d1·d2/r)·max|U Vᵀ| of X = U Σ Vᵀ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct CoherenceKeys {
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) joint: f64,
}

/// The bounds of the regularity theorem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct RegularityKeys {
    /// The largest over the smallest eigenvalue of D1 and D2 together.
    pub(crate) kappa: f64,
    /// ‖L‖² + ‖R‖² of flat factors is at most so many times the smallest possible.
    pub(crate) squared_norm_bound: f64,
    /// ‖LᵀL − RᵀR‖_* of flat factors is at most so many times ‖M‖_*, for any M with the same measurements.
    pub(crate) imbalance_bound: f64,
}

impl ResultFile {
    /// The bytes of `result.json`, which `--json` prints as well.
    pub(crate) fn json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

/// The trace at a chain W_1 ⋯ W_K = X against 2K·c·(d1·d2)^{1/K}·‖X‖_*^{2 − 2/K}, c = Σ ‖A_i‖_F²/(d1·d2): the least trace
/// over all chains of X if A were √c times an isometry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct NuclearLaw {
    /// The law at this X.
    pub(crate) at_solution: f64,
    /// trace over `at_solution`.
    pub(crate) ratio: Option<f64>,
    /// ‖X‖_*.
    pub(crate) nuclear_norm: f64,
    /// The smallest ‖X‖_* that fits the data; null where it was not computed.
    pub(crate) least_nuclear_norm: Option<f64>,
    /// The law at that X.
    pub(crate) at_least_nuclear_norm: Option<f64>,
}

/// What `report.html` is drawn from besides `result.json`; written as `report.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ReportData {
    /// What the rows and columns are, or the name of the input file: a caption.
    pub(crate) source: String,
    /// Singular values of D1 X D2, largest first.
    pub(crate) singular_values: Vec<f64>,
    /// x and its truth (sparse).
    pub(crate) vector: Option<VectorPicture>,
    /// The solver's course.
    pub(crate) history: Vec<HistoryRow>,
    /// The loss along one random direction from flat and from sharp factors of the same X.
    pub(crate) cross_section: Option<CrossSection>,
    /// The data as a matrix, where they are entries; null = not observed.
    pub(crate) observed: Option<Heatmap>,
    /// The recovered matrix.
    pub(crate) recovered: Option<Heatmap>,
    /// The outliers S (robust PCA).
    pub(crate) sparse: Option<Heatmap>,
    /// The true matrix, where it was given.
    pub(crate) truth: Option<Heatmap>,
}

/// A vector and, where it was given, the true one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct VectorPicture {
    pub(crate) recovered: Vec<f64>,
    pub(crate) truth: Option<Vec<f64>>,
}

/// One record of the solver's course; unknown numbers are null.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct HistoryRow {
    pub(crate) iteration: usize,
    pub(crate) seconds: f64,
    /// The convex objective at the iterate.
    pub(crate) value: Option<f64>,
    /// The best lower bound proved so far.
    pub(crate) lower_bound: Option<f64>,
    /// ‖A(X) − y‖₂ / ‖y‖₂.
    pub(crate) residual: Option<f64>,
    /// Columns of the factors.
    pub(crate) rank: Option<usize>,
}

/// f(L + tU, R + tV) − f(L, R) against t, for the flat factors and for (L T, R T⁻ᵀ).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CrossSection {
    /// t, symmetric about 0.
    pub(crate) offsets: Vec<f64>,
    /// Loss above its value at t = 0 from the flat factors.
    pub(crate) flat: Vec<f64>,
    /// Loss above its value at t = 0 from the sharp factors.
    pub(crate) sharp: Vec<f64>,
    /// Scaled trace at the sharp factors over that at the flat ones.
    pub(crate) trace_ratio: f64,
}

/// A matrix for a picture, at most 256 rows and columns (larger ones are averaged over blocks).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Heatmap {
    /// Rows and columns of the picture.
    pub(crate) shape: (usize, usize),
    /// Rows and columns of the matrix itself.
    pub(crate) full_shape: (usize, usize),
    /// Row-major; null = nothing observed in that block.
    pub(crate) values: Vec<Option<f64>>,
}
