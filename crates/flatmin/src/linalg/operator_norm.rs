//! Proved upper bounds on the operator norm of a matrix: what a dual certificate divides by.
//!
//! A computed singular value may err either way and a Ritz value always errs downwards, so neither will do. Small
//! matrices: from a computed decomposition, *checked* after the fact. Larger ones: a Cholesky factorisation that exists
//! proves τ²·I − WᵀW positive definite. Both bounds include the rounding of their own arithmetic.

use faer::{Mat, MatRef};

use super::dense::{Cholesky, frobenius, product, project_off, row_gram, thin_svd};
use super::lanczos::{largest_eigenvalue, top_singular};
use crate::error::Error;
use crate::map::{Adjoint, gamma};

/// Up to this many rows or columns (the smaller number), the decomposition is affordable.
const SMALL: usize = 256;

/// A number that ‖W‖_op does not exceed.
///
/// Memory and time: an SVD of W below 257 rows or columns, else min(d1, d2)² numbers and a Cholesky factorisation.
pub fn upper_bound(w: &Adjoint<'_>) -> Result<f64, Error> {
    let (rows, cols) = w.shape();
    if rows.min(cols) <= SMALL {
        return by_decomposition(w.to_dense().as_ref());
    }
    by_cholesky(&small_gram(w), ritz_value(w)?, w.frobenius(), rows.max(cols))
}

/// ‖W‖ ≤ ‖U‖·σ1·‖V‖ + ‖W − U Σ Vᵀ‖_F, with ‖U‖² ≤ 1 + ‖UᵀU − I‖_F: it holds whatever the decomposition was.
fn by_decomposition(w: MatRef<'_, f64>) -> Result<f64, Error> {
    let svd = thin_svd(w)?;
    let Some(largest) = svd.s.first().copied() else {
        return Ok(0.0);
    };
    let n = svd.s.len();
    let excess = |q: &Mat<f64>| {
        let mut gram = product(q.transpose(), q.as_ref());
        (0..n).for_each(|i| gram[(i, i)] -= 1.0);
        // The product itself errs by at most γ·‖|Q|ᵀ|Q|‖_F ≤ γ·‖Q‖_F².
        frobenius(gram.as_ref()) + gamma(q.nrows() + 2) * frobenius(q.as_ref()).powi(2)
    };
    let scaled = Mat::from_fn(svd.u.nrows(), n, |i, j| svd.u[(i, j)] * svd.s[j]);
    let residual = w - product(scaled.as_ref(), svd.v.transpose());
    let rounding = gamma(n + 3) * (frobenius(scaled.as_ref()) * frobenius(svd.v.as_ref()) + frobenius(w));
    let norms = (1.0 + excess(&svd.u)).sqrt() * (1.0 + excess(&svd.v)).sqrt();
    Ok((largest * norms + frobenius(residual.as_ref()) + rounding) * (1.0 + 16.0 * f64::EPSILON))
}

/// A number that ‖(I − U Uᵀ) W (I − V Vᵀ)‖_op does not exceed, up to the rounding of U and V themselves.
pub fn upper_bound_off(w: &Adjoint<'_>, u: MatRef<'_, f64>, v: MatRef<'_, f64>) -> Result<f64, Error> {
    let (rows, cols) = w.shape();
    if rows.min(cols) <= SMALL {
        let rest = project_off(u, w.to_dense().as_ref());
        return by_decomposition(project_off(v, rest.transpose()).transpose());
    }
    // On the smaller side alone: (I − V Vᵀ) WᵀW (I − V Vᵀ) is no smaller than with the other projection too.
    let side = if rows <= cols { u } else { v };
    let half = project_off(side, small_gram(w).as_ref());
    let gram = project_off(side, half.transpose());
    let ritz = largest_eigenvalue(gram.nrows(), |x| {
        product(gram.as_ref(), MatRef::from_column_major_slice(x, x.len(), 1))
            .col_as_slice(0)
            .to_vec()
    })?;
    by_cholesky(&gram, ritz, w.frobenius(), rows.max(cols) + 4 * side.ncols())
}

fn ritz_value(w: &Adjoint<'_>) -> Result<f64, Error> {
    let column = |v: &[f64]| MatRef::from_column_major_slice(v, v.len(), 1).to_owned();
    let times = |v: &[f64]| w.times(column(v).as_ref()).col_as_slice(0).to_vec();
    let transpose_times = |u: &[f64]| w.transpose_times(column(u).as_ref()).col_as_slice(0).to_vec();
    let top = top_singular(w.shape(), 1, times, transpose_times)?;
    Ok(top.s.first().map_or(0.0, |s| s * s))
}

/// √λ_max(G), G = WᵀW or a compression of it, from above.
///
/// If the computed Cholesky factorisation of c·I − G runs to its end, then c·I − G + slack·I is positive semidefinite,
/// where slack covers the rounding of the factorisation, γ_{n+1}/(1 − γ_{n+1})·trace (Rump, *Verification of positive
/// definiteness*, BIT 46, 2006), and of G itself, sums of `terms` products, γ·‖W‖_F². `ritz` only says where to start.
fn by_cholesky(gram: &Mat<f64>, ritz: f64, size: f64, terms: usize) -> Result<f64, Error> {
    let n = gram.nrows();
    let gram_rounding = gamma(terms + 2) * size * size;
    let mut margin = 1e-12;
    while margin < 1.0 && ritz > 0.0 {
        let c = ritz * (1.0 + margin) + gram_rounding;
        let shifted = Mat::from_fn(n, n, |i, j| if i == j { c - gram[(i, i)] } else { -gram[(i, j)] });
        let trace: f64 = (0..n).map(|i| shifted[(i, i)].abs()).sum();
        if Cholesky::new(shifted).is_some() {
            let factor_rounding = gamma(n + 1) / (1.0 - gamma(n + 1)) * trace;
            return Ok((c + gram_rounding + factor_rounding).sqrt() * (1.0 + 4.0 * f64::EPSILON));
        }
        margin *= 8.0;
    }
    // ‖W‖_F is always a bound; its sum of squares errs by far less than this.
    Ok(size * (1.0 + 1e-6))
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
            // Each line of the longer side adds the outer product of its few entries.
            let mut add = |line: &[(usize, f64)]| {
                for (j, y) in line {
                    for (i, x) in line {
                        gram[(*i, *j)] += x * y;
                    }
                }
            };
            if rows <= cols {
                for b in 0..cols {
                    let line: Vec<_> = entries
                        .column_entries(b)
                        .iter()
                        .map(|i| (entries.rows()[*i as usize] as usize, values[*i as usize]))
                        .collect();
                    add(&line);
                }
            } else {
                for a in 0..rows {
                    let line: Vec<_> = entries
                        .row_range(a)
                        .map(|i| (entries.columns()[i] as usize, values[i]))
                        .collect();
                    add(&line);
                }
            }
            gram
        }
    }
}
