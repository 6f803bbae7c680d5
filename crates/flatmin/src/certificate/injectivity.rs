//! How injective S ↦ B(U S Vᵀ) is on the symmetric matrices: its smallest singular value over its largest, from below.

use faer::{Mat, MatRef};

use crate::error::Error;
use crate::flatness::Weights;
use crate::linalg::dense::{frobenius, orthonormality_defect, product, row_gram, symmetric_eigen};
use crate::map::{MeasurementMap, gamma};

/// Most numbers in the matrix of the map; beyond, nothing is decided.
const MAX_NUMBERS: usize = 1 << 28;

/// Of B or, where `rows` is given, of those of its measurements, on the S with the entries `pairs` (i, j), i ≤ j, less what
/// rounding can have added; 1 where there is nothing to tell, `None` where it costs too much.
///
/// # Errors
/// [`Error::Numerical`] if a decomposition fails.
pub(super) fn smallest_singular_value(
    map: &dyn MeasurementMap,
    weights: &Weights,
    (u, v): (MatRef<'_, f64>, MatRef<'_, f64>),
    pairs: &[(usize, usize)],
    rows: Option<&[usize]>,
) -> Result<Option<f64>, Error> {
    let p = u.ncols();
    if p == 0 {
        return Ok(Some(1.0));
    }
    if let Some(rows) = rows {
        let sampled = sampled_bound(map, u, v, rows);
        if sampled > 0.0 {
            return Ok(Some(sampled));
        }
    }
    if rows.is_some() && p.saturating_mul(p).saturating_mul(map.measurements()) > MAX_NUMBERS {
        return Ok(None);
    }
    let (u, v) = weights.restore(u, v);
    let cores = map.compress(u.as_ref(), v.as_ref());
    let count = rows.map_or(cores.ncols(), <[usize]>::len);
    if pairs.len() > count {
        return Ok(Some(0.0));
    }
    let symmetric = Mat::from_fn(pairs.len(), count, |row, column| {
        let ((i, j), column) = (pairs[row], rows.map_or(column, |rows| rows[column]));
        if i == j {
            cores[(i * p + i, column)]
        } else {
            (cores[(j * p + i, column)] + cores[(i * p + j, column)]) * std::f64::consts::FRAC_1_SQRT_2
        }
    });
    let (values, _) = symmetric_eigen(row_gram(symmetric.as_ref()).as_ref())?;
    let (smallest, largest) = (values[0], values[values.len() - 1]);
    let trace: f64 = values.iter().map(|v| v.max(0.0)).sum();
    // The Gram matrix errs by γ_m·trace, its eigenvalues by a few n·ε·‖·‖, the columns by what W⁻¹ magnifies.
    let magnified = (weights.left.rounding() + weights.right.rounding()).min(1.0);
    let rounding = gamma(symmetric.ncols() + 16 * pairs.len() + 8) * trace + 2.0 * magnified * largest;
    Ok(Some(if largest > 0.0 {
        ((smallest - rounding).max(0.0) / largest).sqrt()
    } else {
        0.0
    }))
}

/// A bound for maps that observe single entries, without forming the map; 0 where it says nothing.
///
/// Column b of U S Vᵀ is U·(S v_b), observed in the rows F_b, so that
///
///   ‖P_F(U S Vᵀ)‖² = Σ_b ‖U_{F_b} S v_b‖² ≥ min_b λ_min(U_{F_b}ᵀ U_{F_b})·‖S‖²,
///
/// and λ_min is at least 1 − ‖K‖ for K = I − U_{F_b}ᵀ U_{F_b}, which comes from the few rows that are missing. The same holds
/// with rows and columns exchanged, which is tried if the first says nothing. ‖K‖ ≤ ‖K²‖_F^{1/2}.
fn sampled_bound(map: &dyn MeasurementMap, u: MatRef<'_, f64>, v: MatRef<'_, f64>, rows: &[usize]) -> f64 {
    let (d1, d2) = map.shape();
    let mut seen = vec![false; d1 * d2];
    for i in rows {
        let Some((a, b)) = map.entry(*i) else {
            return 0.0;
        };
        seen[b * d1 + a] = true;
    }
    let by_columns = one_sided(u, d2, |b, a| seen[b * d1 + a]);
    if by_columns > 0.0 {
        return by_columns;
    }
    one_sided(v, d1, |a, b| seen[b * d1 + a])
}

/// min over the lines of √(1 − ‖K‖) less rounding, for the basis q of the other side.
fn one_sided(q: MatRef<'_, f64>, lines: usize, seen: impl Fn(usize, usize) -> bool) -> f64 {
    let (n, p) = q.shape();
    let turned = q.transpose().to_owned();
    let mut worst: f64 = 0.0;
    for line in 0..lines {
        let missing: Vec<usize> = (0..n).filter(|i| !seen(line, *i)).collect();
        let rows = Mat::from_fn(p, missing.len(), |c, i| turned[(c, missing[i])]);
        let gram = product(rows.as_ref(), rows.transpose());
        let squared = product(gram.as_ref(), gram.as_ref());
        worst = worst.max(frobenius(squared.as_ref()).sqrt());
        if worst >= 1.0 {
            return 0.0;
        }
    }
    // The basis is orthonormal to within its defect; the products of at most n and p terms err by γ of their size, below p.
    let rounding = orthonormality_defect(q) + 4.0 * gamma(n + p + 8) * p as f64;
    (1.0 - worst - rounding).max(0.0).sqrt()
}
