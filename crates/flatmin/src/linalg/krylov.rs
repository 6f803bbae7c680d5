//! Ritz pairs of a symmetric operator from a block Krylov space, and how far the largest can be off.
//!
//! The space of a block of b random vectors, span{X, MX, …, M^{k−1}X}, holds the Krylov space of each of them. For one
//! vector with a uniformly distributed direction in R^n and M ⪰ 0, the largest Ritz value θ of k steps satisfies
//!
//!   P(θ < (1 − ε)·λ_max(M)) ≤ 1.648·√n·e^{−√ε(2k − 1)}
//!
//! whatever M is (Kuczyński and Woźniakowski, *Estimating the largest eigenvalue by the power and Lanczos algorithms with a
//! random start*, SIAM J. Matrix Anal. Appl. 13(4), 1992, theorem 4.2, DOI 10.1137/0613066). With b independent vectors the
//! block falls short only if each of them does: the probabilities multiply.

use faer::{Mat, MatRef};
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use super::dense::{product, symmetric_eigen};
use super::lanczos::orthogonalise;
use super::vector::norm;
use crate::error::Error;

/// What projections leave of a column, relative to what it was, when it was in the space already.
const DEPENDENT: f64 = 1e-12;

/// Ritz pairs, largest value first.
#[derive(Clone, Debug)]
pub struct Ritz {
    /// All of the space.
    pub values: Vec<f64>,
    /// Orthonormal, one a column; of the largest values.
    pub vectors: Mat<f64>,
}

/// A Gaussian n×b block from stream `stream` of the generator that all starts are drawn from.
pub fn gaussian(n: usize, b: usize, stream: u64) -> Mat<f64> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    rng.set_stream(stream);
    let mut out = Mat::zeros(n, b);
    for j in 0..b {
        for i in 0..n {
            out[(i, j)] = StandardNormal.sample(&mut rng);
        }
    }
    out
}

/// A block Krylov space that grows.
pub(crate) struct KrylovSpace {
    /// Orthonormal, and its image under the operator seen from it.
    basis: Mat<f64>,
    projected: Mat<f64>,
    /// The image of the newest columns, or the start.
    newest: Mat<f64>,
    steps: usize,
}

impl KrylovSpace {
    /// The space of `start` before any application.
    pub(crate) fn new(start: Mat<f64>) -> Self {
        KrylovSpace {
            basis: Mat::zeros(start.nrows(), 0),
            projected: Mat::zeros(0, 0),
            newest: start,
            steps: 0,
        }
    }

    /// Grows the space to `steps` applications in all, or until it is invariant.
    pub(crate) fn grow(&mut self, steps: usize, apply: impl Fn(MatRef<'_, f64>) -> Mat<f64>) {
        let mut size = self.basis.ncols();
        let most = (size + self.newest.ncols() * (steps - self.steps)).min(self.basis.nrows());
        let (mut basis, mut projected) = (Mat::zeros(self.basis.nrows(), most), Mat::zeros(most, most));
        basis.as_mut().subcols_mut(0, size).copy_from(&self.basis);
        projected
            .as_mut()
            .submatrix_mut(0, 0, size, size)
            .copy_from(&self.projected);
        while self.steps < steps {
            let block = std::mem::replace(&mut self.newest, Mat::zeros(basis.nrows(), 0));
            let fresh = new_directions(basis.as_ref().subcols(0, size), block);
            let width = fresh.ncols().min(most - size);
            if width == 0 {
                break;
            }
            let fresh = fresh.as_ref().subcols(0, width);
            basis.as_mut().subcols_mut(size, width).copy_from(fresh);
            self.newest = apply(fresh);
            // The columns from the diagonal up say it all.
            let known = product(
                basis.as_ref().subcols(0, size + width).transpose(),
                self.newest.as_ref(),
            );
            projected
                .as_mut()
                .submatrix_mut(size, 0, width, size + width)
                .copy_from(known.transpose());
            size += width;
            self.steps += 1;
        }
        if size < most {
            basis = basis.as_ref().subcols(0, size).to_owned();
            projected = projected.as_ref().submatrix(0, 0, size, size).to_owned();
        }
        (self.basis, self.projected) = (basis, projected);
    }

    /// The Ritz values, and the vectors of the `count` largest.
    ///
    /// # Errors
    /// [`Error::Numerical`] if the small eigenvalue problem fails.
    pub(crate) fn ritz(&self, count: usize) -> Result<Ritz, Error> {
        let size = self.basis.ncols();
        let (mut values, vectors) = symmetric_eigen(self.projected.as_ref())?;
        values.reverse();
        let turned = Mat::from_fn(size, count.min(size), |i, j| vectors[(i, size - 1 - j)]);
        Ok(Ritz {
            values,
            vectors: product(self.basis.as_ref(), turned.as_ref()),
        })
    }
}

/// The Ritz values of `apply` on the space of `start` after `steps` applications, and the vectors of the `count` largest.
///
/// # Errors
/// [`Error::Numerical`] if the small eigenvalue problem fails.
pub fn block_krylov(
    start: Mat<f64>,
    (steps, count): (usize, usize),
    apply: impl Fn(MatRef<'_, f64>) -> Mat<f64>,
) -> Result<Ritz, Error> {
    let mut space = KrylovSpace::new(start);
    space.grow(steps, apply);
    space.ritz(count)
}

/// Orthonormal columns that span, with `basis`, what `block` and it do.
fn new_directions(basis: MatRef<'_, f64>, block: Mat<f64>) -> Mat<f64> {
    let first = orthonormal_rest(basis, block, DEPENDENT);
    // What little was left of a column has been magnified, and its rounding with it: once more, from unit length.
    orthonormal_rest(basis, first, 0.5)
}

/// The columns of `block` orthogonal to `basis` and to each other, less those of which no more than the share `dependent`
/// is left.
fn orthonormal_rest(basis: MatRef<'_, f64>, mut block: Mat<f64>, dependent: f64) -> Mat<f64> {
    let before: Vec<f64> = block.col_iter().map(|c| c.norm_l2()).collect();
    for _ in 0..2 {
        block -= product(basis, product(basis.transpose(), block.as_ref()).as_ref());
    }
    let mut kept: Vec<Vec<f64>> = Vec::new();
    for (j, before) in before.iter().enumerate() {
        let mut column = block.col_as_slice(j).to_vec();
        orthogonalise(&mut column, &kept);
        let size = norm(&column);
        if size > dependent * before {
            column.iter_mut().for_each(|x| *x /= size);
            kept.push(column);
        }
    }
    Mat::from_fn(block.nrows(), kept.len(), |i, j| kept[j][i])
}

/// ε such that the largest Ritz value of `steps` steps with `b` Gaussian vectors in R^n is below (1 − ε)·λ_max with a
/// probability of at most `failure`; `None` where the steps are too few to say anything.
pub(crate) fn shortfall(n: usize, b: usize, steps: usize, failure: f64) -> Option<f64> {
    let each = failure.powf(1.0 / b as f64);
    let exponent = (1.648 * (n as f64).sqrt() / each).ln();
    let root = exponent / (2.0 * steps as f64 - 1.0);
    (root < 1.0).then_some(root * root)
}
