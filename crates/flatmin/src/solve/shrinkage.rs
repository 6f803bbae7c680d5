//! Singular value shrinkage  prox(Y) = U (Σ − σI)₊ Vᵀ,  its derivative, and the derivative seen through B.
//!
//! In the singular bases the derivative acts entry by entry on (UᵀHV)[j, c] with j ≤ p or c ≤ p, where the first p singular
//! values exceed σ. With f(s) = (s − σ)₊: on the symmetric part of the pair (c, j), (j, c) by (f_c − f_j)/(s_c − s_j), on
//! the antisymmetric part by (f_c + f_j)/(s_c + s_j), and beyond the square part by f_c/s_c.
//!
//! In a symmetric domain the same is done to eigenvalues: f(θ) = sign(θ)·(|θ| − σ)₊, or (θ − σ)₊ for semidefinite matrices,
//! and both parts of a pair have the weight (f(θ_c) − f(θ_j))/(θ_c − θ_j).

use faer::{Mat, MatRef};

use crate::domain::{Domain, column_signs};
use crate::error::Error;
use crate::flatness::Rescaled;
use crate::linalg::dense::{Svd, add_row_gram, product, product_into};
use crate::map::MeasurementMap;

/// Numbers of the Jacobian formed at a time: 32 MiB.
const CHUNK: usize = 1 << 22;

/// prox(Y), through the decomposition of Y.
pub(super) struct Shrunken {
    domain: Domain,
    /// The domain's decomposition of Y, with square U and V.
    svd: Svd,
    /// The signs of the eigenvalues θ = sign·s in a symmetric domain; empty in the general one.
    signs: Vec<f64>,
    sigma: f64,
    /// p.
    rank: usize,
}

impl Shrunken {
    pub(super) fn new(domain: Domain, y: MatRef<'_, f64>, sigma: f64) -> Result<Self, Error> {
        let svd = domain.decompose_fully(y)?;
        let rank = svd.s.iter().take_while(|s| **s > sigma).count();
        Ok(Shrunken {
            domain,
            signs: if domain.is_symmetric() {
                column_signs(svd.u.as_ref(), svd.v.as_ref())
            } else {
                Vec::new()
            },
            svd,
            sigma,
            rank,
        })
    }

    pub(super) fn rank(&self) -> usize {
        self.rank
    }

    fn values(&self) -> impl Iterator<Item = f64> + '_ {
        self.svd.s[..self.rank].iter().map(|s| s - self.sigma)
    }

    pub(super) fn nuclear_norm(&self) -> f64 {
        self.values().sum()
    }

    pub(super) fn squared_norm(&self) -> f64 {
        self.values().map(|s| s * s).sum()
    }

    /// The dimension of the tangent space at prox(Y).
    pub(super) fn tangent_dimension(&self) -> usize {
        let shape = (self.svd.u.nrows(), self.svd.v.nrows());
        self.domain.dimension_of_rank(shape, self.rank)
    }

    /// Balanced factors.
    pub(super) fn factors(&self) -> (Mat<f64>, Mat<f64>) {
        let roots: Vec<f64> = self.values().map(f64::sqrt).collect();
        let scale =
            |basis: &Mat<f64>| Mat::from_fn(basis.nrows(), self.rank, |i, j| basis[(i, j)] * roots[j]);
        (scale(&self.svd.u), scale(&self.svd.v))
    }

    /// Weights of the symmetric and the antisymmetric part of the entries (c, j) and (j, c), c ≤ p.
    fn pair_weights(&self, c: usize, j: usize) -> (f64, f64) {
        if self.domain.is_symmetric() {
            let weight = self.divided_difference(c, j);
            return (weight, weight);
        }
        let (s, f) = (&self.svd.s, |i: usize| (self.svd.s[i] - self.sigma).max(0.0));
        let difference = (s[c] - s[j]).max(f64::MIN_POSITIVE);
        let symmetric = if j < self.rank {
            1.0
        } else {
            (f(c) / difference).min(1.0)
        };
        (symmetric, (f(c) + f(j)) / (s[c] + s[j]))
    }

    /// (f(θ_c) − f(θ_j))/(θ_c − θ_j), c ≤ p.
    fn divided_difference(&self, c: usize, j: usize) -> f64 {
        if j < self.rank && self.signs[j] == self.signs[c] {
            return 1.0;
        }
        let theta = |i: usize| self.signs[i] * self.svd.s[i];
        let f = |i: usize| self.signs[i] * (self.svd.s[i] - self.sigma).max(0.0);
        let difference = (theta(c) - theta(j)).abs().max(f64::MIN_POSITIVE);
        ((f(c) - f(j)).abs() / difference).min(1.0)
    }

    /// Weight of the entries of row or column c ≤ p beyond the square part.
    fn outer_weight(&self, c: usize) -> f64 {
        (self.svd.s[c] - self.sigma) / self.svd.s[c]
    }

    /// The derivative along H.
    pub(super) fn derivative(&self, h: &Mat<f64>) -> Mat<f64> {
        let (u, v) = (&self.svd.u, &self.svd.v);
        let (d1, d2) = h.shape();
        let q = d1.min(d2);
        let rotated = product(product(u.transpose(), h.as_ref()).as_ref(), v.as_ref());
        let mut weighted = Mat::zeros(d1, d2);
        for c in 0..self.rank {
            weighted[(c, c)] = rotated[(c, c)];
            for j in c + 1..q {
                let (symmetric, antisymmetric) = self.pair_weights(c, j);
                let (a, b) = (rotated[(j, c)], rotated[(c, j)]);
                let (sum, difference) = (0.5 * symmetric * (a + b), 0.5 * antisymmetric * (a - b));
                weighted[(j, c)] = sum + difference;
                weighted[(c, j)] = sum - difference;
            }
            let outer = self.outer_weight(c);
            (q..d1).for_each(|j| weighted[(j, c)] = outer * rotated[(j, c)]);
            (q..d2).for_each(|j| weighted[(c, j)] = outer * rotated[(c, j)]);
        }
        product(product(u.as_ref(), weighted.as_ref()).as_ref(), v.transpose())
    }

    /// B∘∂prox∘B*, m×m, lower triangle.
    ///
    /// It is K Kᵀ, where row i of K holds the entries of Uᵀ B_i V, or the sum and the difference of a pair of them, times the
    /// root of their weight: as many columns as the tangent space has dimensions, taken a few singular vectors at a time.
    pub(super) fn curvature(&self, map: &Rescaled<'_>) -> Mat<f64> {
        let m = map.map().measurements();
        let (d1, d2) = map.shape();
        let width = (CHUNK / (m * (d1 + d2))).clamp(1, self.rank.max(1));
        let mut out = Mat::zeros(m, m);
        // With the weights of B put on the bases, one product each rotates and rescales.
        let bases = map.restore(self.svd.u.as_ref(), self.svd.v.as_ref());
        for start in (0..self.rank).step_by(width) {
            let columns = start..(start + width).min(self.rank);
            let features = if self.domain.is_symmetric() {
                self.symmetric_features(map.map(), &bases.0, columns)
            } else {
                self.features(map.map(), (&bases.0, &bases.1), columns)
            };
            add_row_gram(&mut out, features.as_ref());
        }
        out
    }

    /// The columns of K that belong to the singular vectors `chunk`.
    fn features(
        &self,
        map: &dyn MeasurementMap,
        (u, v): (&Mat<f64>, &Mat<f64>),
        chunk: std::ops::Range<usize>,
    ) -> Mat<f64> {
        let ((d1, d2), width) = (map.shape(), chunk.len());
        let q = d1.min(d2);
        let jacobian = map.jacobian(
            u.as_ref().subcols(chunk.start, width),
            v.as_ref().subcols(chunk.start, width),
        );
        let rotate = |basis: &Mat<f64>, start: usize| {
            product(
                jacobian.as_ref().subrows(start, basis.nrows()).transpose(),
                basis.as_ref(),
            )
        };
        let columns: usize = chunk.clone().map(|c| d1 + d2 - 2 * c - 1).sum();
        let mut features = Mat::zeros(jacobian.ncols(), columns);
        let mut next = 0;
        let mut push = |weight: f64, a: &[f64], sign: f64, b: &[f64]| {
            let (root, target) = (weight.sqrt(), features.col_as_slice_mut(next));
            for ((out, a), b) in target.iter_mut().zip(a).zip(b) {
                *out = root * (a + sign * b);
            }
            next += 1;
        };
        for (i, c) in chunk.enumerate() {
            // Row i: (Uᵀ B_i V)[j, c] in column j of the first, (Uᵀ B_i V)[c, j] in that of the second.
            let (column, line) = (rotate(u, i * d1), rotate(v, width * d1 + i * d2));
            push(1.0, column.col_as_slice(c), 0.0, column.col_as_slice(c));
            for j in c + 1..q {
                let (symmetric, antisymmetric) = self.pair_weights(c, j);
                push(0.5 * symmetric, column.col_as_slice(j), 1.0, line.col_as_slice(j));
                push(
                    0.5 * antisymmetric,
                    column.col_as_slice(j),
                    -1.0,
                    line.col_as_slice(j),
                );
            }
            let outer = self.outer_weight(c);
            (q..d1).for_each(|j| push(outer, column.col_as_slice(j), 0.0, column.col_as_slice(j)));
            (q..d2).for_each(|j| push(outer, line.col_as_slice(j), 0.0, line.col_as_slice(j)));
        }
        features
    }

    /// The same for symmetric B_i: one column √(2·weight)·(Uᵀ B_i U)[j, c] for a pair, and (Uᵀ B_i U)[c, c].
    fn symmetric_features(
        &self,
        map: &dyn MeasurementMap,
        u: &Mat<f64>,
        chunk: std::ops::Range<usize>,
    ) -> Mat<f64> {
        let d = u.nrows();
        let jacobian = map.left_jacobian(u.as_ref().subcols(chunk.start, chunk.len()));
        let columns: usize = chunk.clone().map(|c| d - c).sum();
        let mut features = Mat::zeros(jacobian.ncols(), columns);
        let mut next = 0;
        for (i, c) in chunk.enumerate() {
            let images = jacobian.as_ref().subrows(i * d, d).transpose();
            let mut block = features.as_mut().subcols_mut(next, d - c);
            product_into(block.as_mut(), 1.0, images, u.as_ref().subcols(c, d - c));
            for (j, column) in (c..d).zip(block.col_iter_mut()) {
                let root = if j == c {
                    1.0
                } else {
                    (2.0 * self.divided_difference(c, j)).sqrt()
                };
                column.iter_mut().for_each(|v| *v *= root);
            }
            next += d - c;
        }
        features
    }
}
