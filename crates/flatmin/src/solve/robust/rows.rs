//! A relaxed step of the splitting on a matrix with more rows than columns, block of rows after block.
//!
//! The proximal step of t‖·‖_* at v = U Σ Vᵀ is X = v·F with F = V (I − tΣ⁻¹)₊ Vᵀ, which the Gram matrix vᵀv gives: a linear
//! map of the rows of v. A block of them is moved as soon as its X is known, and nothing as large as v is written but v.

use faer::{Mat, MatMut, MatRef};
use rayon::prelude::*;

use super::singular::leading_right;
use crate::error::Error;
use crate::linalg::dense::product;

/// Rows of a block.
const ROWS: usize = 256;

/// v ← v + relaxation·(X + clamp(Y − X + v − X, ±level) − v), v and Y column after column, where `shape` has more rows.
///
/// # Errors
/// [`Error::Numerical`] if the decomposition fails.
pub(super) fn relaxed_step(
    v: &mut [f64],
    y: &[f64],
    (d1, d2): (usize, usize),
    (t, level): (f64, f64),
    relaxation: f64,
) -> Result<(), Error> {
    let mut v = MatMut::from_column_major_slice_mut(v, d1, d2);
    let y = MatRef::from_column_major_slice(y, d1, d2);
    let (s, basis) = leading_right(v.as_ref(), t)?;
    let shares = Mat::from_fn(d2, s.len(), |i, j| basis[(i, j)] * (1.0 - t / s[j]));
    v.as_mut()
        .par_row_chunks_mut(ROWS)
        .zip(y.par_row_chunks(ROWS))
        .for_each(|(mut v, y)| {
            let inner = product(v.as_ref(), basis.as_ref());
            let x = product(inner.as_ref(), shares.transpose());
            for j in 0..d2 {
                let pairs = v.as_mut().col_mut(j).iter_mut().zip(x.col_as_slice(j));
                for ((v, x), y) in pairs.zip(y.col(j).iter()) {
                    let clamped = (y + *v - 2.0 * x).clamp(-level, level);
                    *v += relaxation * (x + clamped - *v);
                }
            }
        });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::dense::thin_svd;

    #[test]
    fn a_step_is_the_proximal_step_and_the_clamp() {
        let (d1, d2) = (ROWS + 70, 30);
        let wave = |factor: f64| -> Vec<f64> { (0..d1 * d2).map(|i| (factor * i as f64).sin()).collect() };
        let (y, start, t, level) = (wave(0.7), wave(2.1), 5.0, 0.3);
        let mut v = start.clone();
        relaxed_step(&mut v, &y, (d1, d2), (t, level), 1.8).unwrap();
        let svd = thin_svd(MatRef::from_column_major_slice(&start, d1, d2)).unwrap();
        let lowered = Mat::from_fn(d1, svd.s.len(), |i, j| svd.u[(i, j)] * (svd.s[j] - t).max(0.0));
        let x = product(lowered.as_ref(), svd.v.transpose());
        for (i, (v, start)) in v.iter().zip(&start).enumerate() {
            let x = x[(i % d1, i / d1)];
            let target = x + (y[i] - x + start - x).clamp(-level, level);
            assert!((start + 1.8 * (target - start) - v).abs() <= 1e-10);
        }
    }
}
