//! Proved upper bounds on the operator norm of a matrix, and on the largest eigenvalue of a symmetric one: what a dual
//! certificate divides by.
//!
//! A computed singular value may err either way and a Ritz value always errs downwards, so neither will do. Small
//! matrices: from a computed decomposition, *checked* after the fact. Larger ones: a Cholesky factorisation of
//! c·I − WᵀW, likewise checked by multiplying it out; for eigenvalues of c·I − W. Both bounds include the rounding of their own arithmetic, and hold
//! whatever the decompositions did. The matrix is first divided by a power of two, so that squares stay in range.

mod around;

use faer::{Mat, MatRef};
use rayon::prelude::*;

pub(crate) use around::{FAILURE, singular_values_off};

use super::dense::{
    Cholesky, frobenius, mirror_lower, orthonormality_defect, product, project_off, row_gram,
    symmetric_eigen, thin_svd,
};
use super::lanczos::largest_eigenvalue;
use super::vector::power_of_two;
use crate::error::Error;
use crate::map::{Adjoint, gamma};

/// Up to this many rows or columns (the smaller number), the decomposition is affordable.
const SMALL: usize = 256;
/// Up to this many, a sparse matrix has its Gram matrix formed and factored: 128 MiB, thrice, and a few seconds.
const FACTORED: usize = 4096;
/// Columns of a product formed at a time.
const COLUMNS: usize = 128;
/// Columns of a sparse Gram matrix in one parallel piece.
const GRAM_COLUMNS: usize = 16;

/// A norm off the leading spaces, where it is 1 on them, that leaves a margin worth the name.
const OFF: f64 = 0.999;

/// Covers the roundings of norms and of the last sums, all relative: below 2⁴⁰ operations, far below this.
const UP: f64 = 1.0 + 16.0 * f64::EPSILON;

/// A number that ‖W‖_op does not exceed; infinite if an entry is not finite.
///
/// Memory and time: an SVD of W below 257 rows or columns, else min(d1, d2)² numbers and a Cholesky factorisation.
///
/// # Errors
/// [`Error::Numerical`] if the decomposition fails.
pub fn upper_bound(w: &Adjoint<'_>) -> Result<f64, Error> {
    scaled(w, |w| {
        let (rows, cols) = w.shape();
        if rows.min(cols) <= SMALL {
            return by_decomposition(w.to_dense().as_ref());
        }
        let size = frobenius_above(w);
        let gram = small_gram(w);
        let error = gamma(rows.max(cols) + 2) * size * size;
        Ok(by_cholesky(&gram, ritz_value(&gram)?, size * size * UP, error)?.sqrt() * UP)
    })
}

/// An upper bound, and the probability with which it is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// The bound.
    pub value: f64,
    /// 0 where it is proved outright; else over the random start of a Krylov method.
    pub failure_probability: f64,
}

impl Bound {
    pub(crate) fn proved(value: f64) -> Self {
        Bound {
            value,
            failure_probability: 0.0,
        }
    }
}

/// Whether the Gram matrix of W is too large to be factored.
fn is_large(w: &Adjoint<'_>) -> bool {
    let (rows, cols) = w.shape();
    matches!(w, Adjoint::Sparse { .. }) && rows.min(cols) > FACTORED
}

/// A bound on ‖W‖_op as [`upper_bound`] gives it, but for a sparse W with more than 4096 rows and columns, which is bounded
/// by blocks: with U (d1 × p) and V (d2 × p), nearly orthonormal, near its leading singular spaces (p may be 0), by few
/// products with W, at O(d1 + d2) memory, and with a probability of 5e-13 of being wrong.
///
/// # Errors
/// [`Error::Numerical`] if a decomposition fails.
pub fn upper_bound_around(w: &Adjoint<'_>, u: MatRef<'_, f64>, v: MatRef<'_, f64>) -> Result<Bound, Error> {
    if is_large(w) {
        return Ok(Bound {
            value: around::by_blocks(w, u, v)?,
            failure_probability: FAILURE,
        });
    }
    upper_bound(w).map(Bound::proved)
}

/// A number that ‖P_⊥ W Q_⊥‖_op does not exceed, P_⊥ and Q_⊥ the projections off the columns of U (d1 × p) and of V
/// (d2 × p), which are to be nearly orthonormal; infinite if an entry of W is not finite. Large sparse matrices are treated
/// as in [`upper_bound_around`].
///
/// # Errors
/// [`Error::Numerical`] if the decomposition fails.
pub fn upper_bound_off(w: &Adjoint<'_>, u: MatRef<'_, f64>, v: MatRef<'_, f64>) -> Result<f64, Error> {
    if is_large(w) {
        return around::rest_by_krylov(w, u, v, OFF);
    }
    scaled(w, |w| {
        let (rows, cols) = w.shape();
        let size = frobenius_above(w);
        // I − U Uᵀ is within the defect of the projection.
        let tilt = orthonormality_defect(u) + orthonormality_defect(v);
        let projecting = projection_rounding(rows.max(cols), u.ncols());
        if rows.min(cols) <= SMALL {
            let rest = project_off(u, w.to_dense().as_ref());
            let rest = project_off(v, rest.transpose());
            let error = (tilt * (1.0 + tilt) + 2.0 * projecting) * size;
            return Ok((by_decomposition(rest.transpose())? + error) * UP);
        }
        // On the smaller side alone: (I − V Vᵀ) WᵀW (I − V Vᵀ) is no smaller than with the other projection too.
        let side = if rows <= cols { u } else { v };
        let half = project_off(side, small_gram(w).as_ref());
        let gram = project_off(side, half.transpose());
        let ritz = ritz_value(&gram)?;
        let error = gamma(rows.max(cols) + 2) + 2.0 * tilt * (1.0 + tilt) + 2.0 * projecting;
        Ok(by_cholesky(&gram, ritz, size * size * UP, error * size * size)?.sqrt() * UP)
    })
}

/// A number that λ_max(W) does not exceed, W symmetric up to rounding, and that is not negative; infinite if an entry is not
/// finite. The symmetric part of W is meant: within the rounding of W itself it is as good.
///
/// # Errors
/// [`Error::Numerical`] if the decomposition fails.
pub fn largest_eigenvalue_above(w: &Adjoint<'_>) -> Result<f64, Error> {
    scaled(w, |w| by_shift(&symmetric_part(w.to_dense().as_ref())))
}

/// The same for P_⊥ W P_⊥, P_⊥ the projection off the nearly orthonormal columns of U (d × p).
///
/// # Errors
/// [`Error::Numerical`] if the decomposition fails.
pub fn largest_eigenvalue_off(w: &Adjoint<'_>, u: MatRef<'_, f64>) -> Result<f64, Error> {
    scaled(w, |w| {
        let size = frobenius_above(w);
        let tilt = 2.0 * orthonormality_defect(u);
        let half = project_off(u, w.to_dense().as_ref());
        let rest = project_off(u, half.transpose());
        let error = (tilt * (1.0 + tilt) + 2.0 * projection_rounding(u.nrows(), u.ncols())) * size;
        Ok((by_shift(&symmetric_part(rest.as_ref()))? + error) * UP)
    })
}

fn symmetric_part(w: MatRef<'_, f64>) -> Mat<f64> {
    Mat::from_fn(w.nrows(), w.ncols(), |i, j| 0.5 * (w[(i, j)] + w[(j, i)]))
}

/// max(λ_max(W), 0) from above for an exactly symmetric W, one rounding of each entry allowed for.
fn by_shift(w: &Mat<f64>) -> Result<f64, Error> {
    let size = frobenius(w.as_ref()) * UP;
    let (values, _) = symmetric_eigen(w.as_ref())?;
    let largest = values.last().copied().unwrap_or(0.0).max(0.0);
    Ok(by_cholesky(w, largest, size, gamma(1) * size)? * UP)
}

/// Bounds W over a power of two that brings its largest entry into [1, 2), and multiplies back.
fn scaled(w: &Adjoint<'_>, bound: impl Fn(&Adjoint<'_>) -> Result<f64, Error>) -> Result<f64, Error> {
    let largest = w.max_abs();
    if largest == 0.0 {
        return Ok(0.0);
    }
    if !largest.is_finite() {
        return Ok(f64::INFINITY);
    }
    let unit = power_of_two(largest);
    if unit == 1.0 {
        return bound(w);
    }
    // What underflows in the division is below 1e-300 of the rest, far inside the slack of the bounds.
    Ok((bound(&w.divided(unit))? * unit).next_up())
}

/// ‖W‖_F from above: its sum of squares errs by γ, of which the root is half.
fn frobenius_above(w: &Adjoint<'_>) -> f64 {
    let (rows, cols) = w.shape();
    w.frobenius() * (1.0 + gamma(rows.saturating_mul(cols).min(1 << 40) + 8))
}

/// ‖fl(M − U(UᵀM)) − exact‖_F / ‖M‖_F for nearly orthonormal U (n × p): two products, with |U| of norm √p at most,
/// and the subtraction.
fn projection_rounding(n: usize, p: usize) -> f64 {
    1.01 * (p as f64).sqrt() * (gamma(n + 2) + gamma(p + 2)) + 2.0 * gamma(2)
}

/// ‖W‖ ≤ ‖U‖·σ1·‖V‖ + ‖W − U Σ Vᵀ‖_F, with ‖U‖² ≤ 1 + ‖UᵀU − I‖_F: it holds whatever the decomposition was.
fn by_decomposition(w: MatRef<'_, f64>) -> Result<f64, Error> {
    let svd = thin_svd(w)?;
    let largest = svd.s.iter().fold(0.0, |m: f64, s| m.max(s.abs()));
    let n = svd.s.len();
    let scaled = Mat::from_fn(svd.u.nrows(), n, |i, j| svd.u[(i, j)] * svd.s[j]);
    let residual = w - product(scaled.as_ref(), svd.v.transpose());
    let rounding = gamma(n + 4) * (frobenius(scaled.as_ref()) * frobenius(svd.v.as_ref()) + frobenius(w));
    let defect = |q: &Mat<f64>| 1.0 + orthonormality_defect(q.as_ref());
    let norms = defect(&svd.u).sqrt() * defect(&svd.v).sqrt();
    Ok((largest * norms + (frobenius(residual.as_ref()) + rounding) * (1.0 + 1e-6)) * UP)
}

fn ritz_value(gram: &Mat<f64>) -> Result<f64, Error> {
    largest_eigenvalue(gram.nrows(), |x| {
        product(gram.as_ref(), MatRef::from_column_major_slice(x, x.len(), 1))
            .col_as_slice(0)
            .to_vec()
    })
}

/// λ_max(G) from above, for a symmetric G known to within `error` in Frobenius norm; `ceiling` is a bound in any case, of
/// the size of G.
///
/// With c·I − G = L Lᵀ + F, λ_max(G) ≤ c + ‖F‖_F, since L Lᵀ is positive semidefinite whatever L is. F is measured: the
/// product errs by γ_{n+1}·‖|L||L|ᵀ‖_F ≤ γ_{n+1}·‖L‖_F², the differences by a few roundings of what they are taken of.
/// `ritz` only says where to start.
fn by_cholesky(gram: &Mat<f64>, ritz: f64, ceiling: f64, error: f64) -> Result<f64, Error> {
    let n = gram.nrows();
    let mut margin = 1e-12;
    while margin < 1.0 && ritz >= 0.0 {
        // From zero the steps are relative to G itself.
        let c = ritz + margin * if ritz > 0.0 { ritz } else { ceiling } + error;
        let shifted = Mat::from_fn(n, n, |i, j| if i == j { c - gram[(i, i)] } else { -gram[(i, j)] });
        if let Some(factor) = Cholesky::new(shifted) {
            let lower = factor.into_lower();
            let sizes = frobenius(lower.as_ref()).powi(2) + c * (n as f64).sqrt() + frobenius(gram.as_ref());
            let rounding = gamma(n + 4) * sizes;
            let missed = (factorisation_error(&lower, c, gram) + rounding + error) * (1.0 + 1e-6);
            return Ok(((c + missed) * UP).min(ceiling));
        }
        margin *= 8.0;
    }
    Ok(ceiling)
}

/// ‖L Lᵀ − (c·I − G)‖_F, a block of columns at a time: the memory of one more matrix is not spent. Both are symmetric, and L
/// is triangular: of each block the part from the diagonal down is formed, from the columns of L that reach it.
fn factorisation_error(lower: &Mat<f64>, c: f64, gram: &Mat<f64>) -> f64 {
    let n = lower.nrows();
    let starts: Vec<usize> = (0..n).step_by(COLUMNS).collect();
    let sums: Vec<f64> = starts
        .par_iter()
        .map(|start| {
            let start = *start;
            let width = COLUMNS.min(n - start);
            let below = lower.as_ref().submatrix(start, 0, n - start, start + width);
            let block = product(below, below.subrows(0, width).transpose());
            let mut sum = 0.0;
            for j in 0..width {
                let column = &block.col_as_slice(j)[j..];
                let own = &gram.col_as_slice(start + j)[start + j..];
                sum += (column[0] - (c - own[0])).powi(2);
                let rest: f64 = column[1..]
                    .iter()
                    .zip(&own[1..])
                    .map(|(l, g)| (l + g).powi(2))
                    .sum();
                sum += 2.0 * rest;
            }
            sum
        })
        .collect();
    sums.iter().sum::<f64>().sqrt()
}

/// WᵀW or W Wᵀ, whichever is smaller.
fn small_gram(w: &Adjoint<'_>) -> Mat<f64> {
    let (rows, cols) = w.shape();
    match w {
        Adjoint::Dense(a) if rows <= cols => row_gram(a.as_ref()),
        Adjoint::Dense(a) => row_gram(a.transpose()),
        Adjoint::Sparse { entries, values } => {
            let n = rows.min(cols);
            let mut gram = Mat::zeros(n, n);
            // Column j from the diagonal down: the lines of the longer side that meet j, each from j on.
            gram.par_col_chunks_mut(GRAM_COLUMNS)
                .enumerate()
                .for_each(|(chunk, mut columns)| {
                    for i in 0..columns.ncols() {
                        let j = chunk * GRAM_COLUMNS + i;
                        let out = columns.as_mut().subcols_mut(i, 1);
                        entries.add_gram_column(values, rows <= cols, j, out);
                    }
                });
            mirror_lower(&mut gram);
            gram
        }
    }
}

#[cfg(test)]
mod tests;
