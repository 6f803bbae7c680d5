//! Singular value shrinkage of a d1×d2 matrix when few of its singular values exceed the threshold, and when many do.
//!
//! Successive matrices of an iteration have nearly the same leading singular vectors, so that one sweep of subspace
//! iteration from the last ones finds the new ones: two products with thin matrices, O(d1·d2·p). Where the rank is more
//! than a quarter of what it can be (a sixteenth where one side is much the longer and its Gram matrix small), all of the
//! decomposition is cheaper.

use faer::{Mat, MatRef};
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use crate::error::Error;
use crate::linalg::dense::{Svd, orthonormalise, parallel_product, row_gram, symmetric_eigen, thin_svd};

/// Up to this many columns all singular values are computed.
const SMALL: usize = 64;
/// Columns of a first subspace, and the sweeps that a fresh one takes to settle.
const FIRST: usize = 12;
/// See [`FIRST`].
const SWEEPS: usize = 2;
/// From this ratio of sides on, the Gram matrix of the shorter side is the cheaper way to all singular values.
const TALL: usize = 3;
/// The Gram matrix has errors of ε·σ1²: it serves while σ1² is below this many t².
const RANGE: f64 = 1e10;

/// (Σ − tI)₊ in its singular bases; the vectors of the last call.
pub(super) struct Shrinkage {
    /// Orthonormal, of the shorter side.
    basis: Mat<f64>,
    rng: rand_chacha::ChaCha8Rng,
}

impl Shrinkage {
    pub(super) fn new() -> Self {
        Shrinkage {
            basis: Mat::zeros(0, 0),
            rng: rand_chacha::ChaCha8Rng::seed_from_u64(0),
        }
    }

    /// The singular values of m beyond t, less t, with their vectors: the proximal step of t‖·‖_*.
    pub(super) fn apply(&mut self, m: MatRef<'_, f64>, t: f64) -> Result<Svd, Error> {
        if m.nrows() >= m.ncols() {
            return self.tall(m, t);
        }
        let turned = self.tall(m.transpose(), t)?;
        Ok(Svd {
            u: turned.v,
            s: turned.s,
            v: turned.u,
        })
    }

    fn tall(&mut self, m: MatRef<'_, f64>, t: f64) -> Result<Svd, Error> {
        // The sweeps orthonormalise long vectors, which costs more than the Gram matrix from there on.
        let share = if m.nrows() < TALL * m.ncols() { 4 } else { 16 };
        let most = m.ncols() / share;
        if m.ncols() > SMALL
            && self.basis.ncols() <= most
            && let Some(found) = self.subspace(m, t, most)?
        {
            return Ok(found);
        }
        let all = all_above(m, t)?;
        let p = above(&all.s, t);
        self.basis = all
            .v
            .as_ref()
            .subcols(0, with_spare(p).min(all.v.ncols()))
            .to_owned();
        Ok(shrunken(&all, t, p))
    }

    /// By subspace iteration; `None` once more than `most` columns would be needed.
    fn subspace(&mut self, m: MatRef<'_, f64>, t: f64, most: usize) -> Result<Option<Svd>, Error> {
        let mut sweeps = 1;
        if self.basis.ncols() == 0 {
            self.basis = Mat::zeros(m.ncols(), 0);
            self.extend(FIRST);
            sweeps = SWEEPS;
        }
        loop {
            let mut ritz = self.sweep(m)?;
            let mut p = above(&ritz.s, t);
            if p < ritz.s.len() {
                for _ in 1..sweeps {
                    ritz = self.sweep(m)?;
                }
                p = above(&ritz.s, t);
            }
            if p < ritz.s.len() {
                let kept = with_spare(p).min(ritz.s.len());
                self.basis = ritz.v.as_ref().subcols(0, kept).to_owned();
                self.extend(with_spare(p) - kept);
                return Ok(Some(shrunken(&ritz, t, p)));
            }
            if 2 * p > most {
                return Ok(None);
            }
            self.extend(p);
            sweeps = SWEEPS;
        }
    }

    /// The Ritz triplets of m in the space that m mᵀ maps the basis to; they become the basis.
    fn sweep(&mut self, m: MatRef<'_, f64>) -> Result<Svd, Error> {
        let (left, _) = orthonormalise(parallel_product(m, self.basis.as_ref()).as_ref());
        let (right, core) = orthonormalise(parallel_product(m.transpose(), left.as_ref()).as_ref());
        // m ≈ left·(right·core)ᵀ = left·coreᵀ·rightᵀ.
        let core = thin_svd(core.transpose())?;
        self.basis = parallel_product(right.as_ref(), core.v.as_ref());
        Ok(Svd {
            u: parallel_product(left.as_ref(), core.u.as_ref()),
            s: core.s,
            v: self.basis.clone(),
        })
    }

    /// Adds random directions.
    fn extend(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        let (n, q) = self.basis.shape();
        let mut wider = Mat::zeros(n, q + count);
        for j in 0..q {
            wider
                .col_as_slice_mut(j)
                .copy_from_slice(self.basis.col_as_slice(j));
        }
        for j in q..q + count {
            let column = wider.col_as_slice_mut(j);
            column
                .iter_mut()
                .for_each(|x| *x = StandardNormal.sample(&mut self.rng));
        }
        self.basis = orthonormalise(wider.as_ref()).0;
    }
}

fn above(s: &[f64], t: f64) -> usize {
    s.iter().take_while(|s| **s > t).count()
}

/// Columns beyond the rank, which see new singular values come.
fn with_spare(p: usize) -> usize {
    p + 4 + p / 10
}

/// The triplets that can matter at threshold t: all, or by the Gram matrix those above t.
fn all_above(m: MatRef<'_, f64>, t: f64) -> Result<Svd, Error> {
    let (rows, cols) = m.shape();
    if rows < TALL * cols {
        return thin_svd(m);
    }
    let (values, vectors) = symmetric_eigen(row_gram(m.transpose()).as_ref())?;
    if values[cols - 1] > RANGE * t * t {
        return thin_svd(m);
    }
    // A spare few below t serve as a start.
    let p = values.iter().filter(|v| **v > t * t).count();
    let kept = with_spare(p).min(values.iter().filter(|v| **v > 0.0).count());
    let (s, v) = leading(&values, &vectors, kept);
    let image = parallel_product(m, v.as_ref());
    let u = Mat::from_fn(rows, kept, |i, j| image[(i, j)] / s[j]);
    Ok(Svd { u, s, v })
}

/// Singular values above t, from the largest, and their right vectors, by the Gram matrix.
pub(super) fn leading_right(m: MatRef<'_, f64>, t: f64) -> Result<(Vec<f64>, Mat<f64>), Error> {
    let (values, vectors) = symmetric_eigen(row_gram(m.transpose()).as_ref())?;
    let p = values.iter().filter(|v| **v > t * t).count();
    Ok(leading(&values, &vectors, p))
}

/// Roots of the largest `count` eigenvalues, of all in ascending order, and their vectors.
fn leading(values: &[f64], vectors: &Mat<f64>, count: usize) -> (Vec<f64>, Mat<f64>) {
    let n = values.len();
    let s = values.iter().rev().take(count).map(|v| v.sqrt()).collect();
    (s, Mat::from_fn(n, count, |i, j| vectors[(i, n - 1 - j)]))
}

/// Whether a matrix of this shape is so tall that [`leading_right`] serves at threshold t, ‖m‖ being about `size`.
pub(super) fn is_tall((rows, cols): (usize, usize), size: f64, t: f64) -> bool {
    rows >= TALL * cols && size * size <= RANGE * t * t
}

/// ‖M‖_op of a d1×d2 matrix stored column after column, to a few percent from below: a few sweeps with a few vectors.
pub(super) fn rough_norm(m: &[f64], (d1, d2): (usize, usize)) -> f64 {
    let m = MatRef::from_column_major_slice(m, d1, d2);
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    let mut v = Mat::from_fn(d2, 4.min(d2), |_, _| StandardNormal.sample(&mut rng));
    let mut size = 0.0;
    for _ in 0..8 {
        let (q, _) = orthonormalise(parallel_product(m, v.as_ref()).as_ref());
        v = parallel_product(m.transpose(), q.as_ref());
        size = v.norm_l2();
    }
    let columns = (0..v.ncols()).map(|j| crate::linalg::vector::norm(v.col_as_slice(j)));
    columns.fold(0.0, f64::max).min(size)
}

fn shrunken(svd: &Svd, t: f64, p: usize) -> Svd {
    Svd {
        u: svd.u.as_ref().subcols(0, p).to_owned(),
        s: svd.s[..p].iter().map(|s| s - t).collect(),
        v: svd.v.as_ref().subcols(0, p).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::dense::{frobenius, product};

    /// A matrix with singular values 3·.8^i.
    fn decaying(rows: usize, cols: usize) -> Mat<f64> {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(7);
        let mut basis = |n: usize| {
            let g = Mat::from_fn(n, 40, |_, _| StandardNormal.sample(&mut rng));
            orthonormalise(g.as_ref()).0
        };
        let (u, v) = (basis(rows), basis(cols));
        let scaled = Mat::from_fn(rows, 40, |i, j| u[(i, j)] * 3.0 * 0.8f64.powi(j as i32));
        product(scaled.as_ref(), v.transpose())
    }

    #[test]
    fn every_way_gives_the_proximal_step_of_the_full_decomposition() {
        for (rows, cols) in [(200, 180), (90, 260), (70, 66), (400, 70), (50, 45)] {
            let m = decaying(rows, cols);
            for t in [1.0, 0.05, 0.001, 5.0] {
                let full = thin_svd(m.as_ref()).unwrap();
                let p = full.s.iter().take_while(|s| **s > t).count();
                let expected = shrunken(&full, t, p);
                let mut shrinkage = Shrinkage::new();
                let mut found = shrinkage.apply(m.as_ref(), t).unwrap();
                // A repeated call starts from the last basis.
                for _ in 0..30 {
                    found = shrinkage.apply(m.as_ref(), t).unwrap();
                }
                let form = |svd: &Svd| {
                    let us = Mat::from_fn(rows, svd.s.len(), |i, j| svd.u[(i, j)] * svd.s[j]);
                    product(us.as_ref(), svd.v.transpose())
                };
                assert_eq!(found.s.len(), p, "{rows} x {cols}, {t}");
                let error = frobenius((form(&found) - form(&expected)).as_ref());
                assert!(error <= 1e-9, "{rows} x {cols}, {t}: {error}");
            }
        }
    }
}
