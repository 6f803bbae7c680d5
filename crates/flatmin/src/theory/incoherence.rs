//! How spread out the singular vectors of X = U Σ Vᵀ are, of rank r and d1 × d2: what completion and the separation of sparse
//! errors need.
//!
//! ```text
//! left   μ(U) = (d1/r)·max_a ‖Uᵀe_a‖²,      right  μ(V) = (d2/r)·max_b ‖Vᵀe_b‖²,
//! joint  μ1   = √(d1·d2/r)·max_{a,b} |(U Vᵀ)_{ab}|.
//! ```
//!
//! μ(U) lies between 1 (all rows alike) and d1/r (a row of its own); μ1 is at most √(r·μ(U)·μ(V)). Sources: Candès and Recht,
//! *Exact matrix completion via convex optimization*, Found. Comput. Math. 9, 2009, Definition 1.2 and condition A1, DOI
//! 10.1007/s10208-009-9045-5; Candès, Li, Ma and Wright, *Robust principal component analysis?*, J. ACM 58(3), 2011,
//! equations (1.2) and (1.3), where the bound on U Vᵀ is written with μ = μ1², DOI 10.1145/1970392.1970395.

use faer::MatRef;

use crate::error::Error;
use crate::factors::Factors;
use crate::linalg::vector::{dot, norm};
use crate::map::row_major;

/// Singular values below this share of the largest do not count towards the rank.
const RANK: f64 = 1e-9;

/// The coherence of a matrix that is not zero.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Coherence {
    /// r.
    pub rank: usize,
    /// μ(U).
    pub left: f64,
    /// μ(V).
    pub right: f64,
    /// μ1.
    pub joint: f64,
}

impl Coherence {
    /// Of X = L Rᵀ; `None` for X = 0. Takes at most d1·d2·r operations and forms no d1 × d2 matrix.
    ///
    /// # Errors
    /// [`Error::Numerical`] if a decomposition fails.
    pub fn new(x: &Factors) -> Result<Option<Self>, Error> {
        let svd = x.svd()?;
        let largest = svd.s.first().copied().unwrap_or(0.0);
        let r = svd.s.iter().take_while(|s| **s > RANK * largest).count();
        if r == 0 {
            return Ok(None);
        }
        let (u, v) = (svd.u.as_ref().subcols(0, r), svd.v.as_ref().subcols(0, r));
        let scaled = |q: MatRef<'_, f64>| {
            let leverage = longest_first(q).first().map_or(0.0, |row| row.0 * row.0);
            q.nrows() as f64 / r as f64 * leverage
        };
        let spread = (u.nrows() as f64 * v.nrows() as f64 / r as f64).sqrt();
        Ok(Some(Coherence {
            rank: r,
            left: scaled(u),
            right: scaled(v),
            joint: spread * largest_entry(u, v),
        }))
    }
}

/// The rows of `q` with their lengths, the longest first.
fn longest_first(q: MatRef<'_, f64>) -> Vec<(f64, Vec<f64>)> {
    let mut rows: Vec<(f64, Vec<f64>)> = row_major(q)
        .chunks_exact(q.ncols())
        .map(|row| (norm(row), row.to_vec()))
        .collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    rows
}

/// max |(U Vᵀ)_{ab}|. Pairs of rows whose lengths alone keep them below the best so far are passed over.
fn largest_entry(u: MatRef<'_, f64>, v: MatRef<'_, f64>) -> f64 {
    let (left, right) = (longest_first(u), longest_first(v));
    let mut best = 0.0;
    for (a, row) in &left {
        for (b, other) in &right {
            if a * b <= best {
                break;
            }
            best = f64::max(best, dot(row, other).abs());
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::dense::{product, thin_svd};
    use faer::Mat;
    use rand::SeedableRng;
    use rand_distr::{Distribution, StandardNormal};

    fn normal(rows: usize, columns: usize, seed: u64) -> Mat<f64> {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        Mat::from_fn(rows, columns, |_, _| StandardNormal.sample(&mut rng))
    }

    /// The definitions, entry by entry of the formed matrices.
    fn naive(x: &Factors, r: usize) -> (f64, f64, f64) {
        let svd = thin_svd(x.dense().as_ref()).unwrap();
        let (u, v) = (svd.u.as_ref().subcols(0, r), svd.v.as_ref().subcols(0, r));
        let leverage = |q: MatRef<'_, f64>| {
            let rows = (0..q.nrows()).map(|i| (0..r).map(|j| q[(i, j)].powi(2)).sum::<f64>());
            rows.fold(0.0, f64::max) * q.nrows() as f64 / r as f64
        };
        let spread = ((u.nrows() * v.nrows()) as f64 / r as f64).sqrt();
        let joint = spread * product(u, v.transpose()).norm_max();
        (leverage(u), leverage(v), joint)
    }

    #[test]
    fn agrees_with_the_definitions() {
        for (seed, (d1, d2, r, k)) in [(9, 5, 2, 2), (4, 11, 3, 4), (1, 6, 1, 1), (7, 7, 7, 7)]
            .iter()
            .enumerate()
        {
            // Columns beyond the rank repeat the first.
            let repeat = |a: Mat<f64>| Mat::from_fn(a.nrows(), *k, |i, j| a[(i, if j < *r { j } else { 0 })]);
            let seed = 2 * seed as u64;
            let x = Factors::new(repeat(normal(*d1, *r, seed)), repeat(normal(*d2, *r, seed + 1))).unwrap();
            let found = Coherence::new(&x).unwrap().unwrap();
            let (left, right, joint) = naive(&x, *r);
            assert_eq!(found.rank, *r);
            for (found, expected) in [(found.left, left), (found.right, right), (found.joint, joint)] {
                assert!(
                    (found / expected - 1.0).abs() <= 1e-12,
                    "{found} against {expected}"
                );
            }
            assert!(found.left >= 1.0 - 1e-12 && found.left <= *d1 as f64 / *r as f64 * (1.0 + 1e-12));
            assert!(found.joint <= (*r as f64 * found.left * found.right).sqrt() * (1.0 + 1e-12));
        }
    }

    #[test]
    fn the_extremes_are_the_constant_matrix_and_the_single_entry() {
        let ones = Factors::new(Mat::full(5, 1, 1.0), Mat::full(3, 1, 2.0)).unwrap();
        let found = Coherence::new(&ones).unwrap().unwrap();
        assert!((found.left - 1.0).abs() + (found.right - 1.0).abs() + (found.joint - 1.0).abs() <= 1e-12);
        let unit = |d: usize| Mat::from_fn(d, 1, |i, _| if i == 1 { 1.0 } else { 0.0 });
        let found = Coherence::new(&Factors::new(unit(5), unit(3)).unwrap())
            .unwrap()
            .unwrap();
        assert!((found.left - 5.0).abs() + (found.right - 3.0).abs() <= 1e-12);
        assert!((found.joint - 15f64.sqrt()).abs() <= 1e-12);
        assert!(Coherence::new(&Factors::empty((5, 3))).unwrap().is_none());
    }
}
