//! The least trace over all factorisations of one X, for A = identity, and a chain that attains it.
//!
//! With s = ‖X‖_* and T^K = d_0·d_K·s^{2K−2}, all K terms ‖P_{j−1}‖_F²·‖Q_j‖_F² have to equal T, with P_j and Q_j balanced up
//! to a number at every cut: P_j = c_j·U√Σ O_jᵀ, Q_j = O_j √Σ Vᵀ/c_j with orthonormal O_j. This holds for
//!
//!   W_1 = c_1·U√Σ O_1ᵀ,   W_j = (c_j/c_{j−1})·O_{j−1} O_jᵀ,   W_K = O_{K−1} √Σ Vᵀ/c_{K−1},
//!   c_1² = d_0·s/T,       (c_j/c_{j−1})² = s²/T,
//!
//! and then ‖P_{K−1}‖_F²·d_K = c_{K−1}²·s·d_K = T as well. Nothing is asked of the widths but to be at least rank X.

use faer::Mat;

use super::Chain;
use crate::error::Error;
use crate::linalg::dense::Svd;
use crate::map::MeasurementMap;

/// Singular values below this share of the largest are dropped.
const RANK: f64 = 1e-12;

/// The flattest chain of X = U Σ Vᵀ for A = identity; `widths` are d_0, …, d_K, and O_j the first columns of the identity.
///
/// # Errors
/// Fewer than three widths; d_0 or d_K other than those of X; a width below rank X.
pub fn flattest(x: &Svd, widths: &[usize]) -> Result<Chain, Error> {
    let kept = |s: &&f64| **s > RANK * x.s[0];
    let rank = x.s.iter().take_while(kept).count();
    let depth = widths.len().saturating_sub(1);
    let least = widths.iter().min().copied().unwrap_or(0);
    let fits = depth >= 2 && widths[0] == x.u.nrows() && widths[depth] == x.v.nrows() && least >= rank.max(1);
    if !fits {
        return Err(Error::Shape {
            what: "the widths",
            found: format!("{widths:?}"),
            expected: format!(
                "{}, hidden widths of at least {rank}, {}",
                x.u.nrows(),
                x.v.nrows()
            ),
        });
    }
    let roots: Vec<f64> = x.s[..rank].iter().map(|s| s.sqrt()).collect();
    let nuclear: f64 = x.s[..rank].iter().sum();
    let (rows, columns) = (widths[0] as f64, widths[depth] as f64);
    let (first, between) = if rank > 0 {
        let each = term(rows * columns, depth, nuclear);
        ((rows * nuclear / each).sqrt(), nuclear / each.sqrt())
    } else {
        (0.0, 0.0)
    };
    let last = first * between.powi(depth as i32 - 2);
    let layers = (0..depth)
        .map(|j| {
            Mat::from_fn(widths[j], widths[j + 1], |a, b| match j {
                0 if b < rank => first * x.u[(a, b)] * roots[b],
                _ if j + 1 == depth && a < rank => roots[a] * x.v[(b, a)] / last,
                _ if j > 0 && j + 1 < depth && a == b && a < rank => between,
                _ => 0.0,
            })
        })
        .collect();
    Ok(Chain { layers })
}

/// T = (d_0 d_K)^{1/K}·s^{2 − 2/K}.
fn term(area: f64, depth: usize, nuclear: f64) -> f64 {
    let share = 1.0 / depth as f64;
    area.powf(share) * nuclear.powf(2.0 - 2.0 * share)
}

/// 2K·c·(d_0 d_K)^{1/K}·‖X‖_*^{2 − 2/K} with c = Σ ‖A_i‖_F²/(d_0 d_K): the least trace over the chains of an X with this
/// nuclear norm, exact for A = identity (c = 1), and approximate for a map that is near √c times an isometry, as m Gaussian
/// measurements are (c ≈ m).
pub fn nuclear_law(map: &dyn MeasurementMap, depth: usize, nuclear_norm: f64) -> f64 {
    let (d0, dk) = map.shape();
    let area = (d0 * dk) as f64;
    let energy = map.left_gram().trace() / area;
    2.0 * depth as f64 * energy * term(area, depth, nuclear_norm)
}
