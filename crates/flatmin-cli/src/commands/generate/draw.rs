//! The random numbers of an instance, in a fixed order: the same seed gives the same instance.

use faer::Mat;
use flatmin::linalg::dense::product;
use ndarray::Array2;
use rand::seq::index;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// A stream of random numbers.
pub(super) struct Draw(ChaCha8Rng);

impl Draw {
    pub(super) fn new(seed: u64) -> Self {
        Draw(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Independent standard normal numbers.
    pub(super) fn normal(&mut self, count: usize) -> Vec<f64> {
        (0..count).map(|_| self.0.sample(StandardNormal)).collect()
    }

    /// U diag(s) Vᵀ of unit Frobenius norm, s falling geometrically from 1 to 1/`condition` before the scaling.
    pub(super) fn truth(&mut self, (d1, d2): (usize, usize), rank: usize, condition: f64) -> Array2<f64> {
        let (u, v) = (self.orthonormal(d1, rank), self.orthonormal(d2, rank));
        let last = rank.saturating_sub(1).max(1) as f64;
        let s: Vec<f64> = (0..rank).map(|i| condition.powf(-(i as f64) / last)).collect();
        let size = s.iter().map(|s| s * s).sum::<f64>().sqrt();
        let us = Mat::from_fn(d1, rank, |i, j| u[(i, j)] * s[j] / size);
        let truth = product(us.as_ref(), v.transpose());
        Array2::from_shape_fn((d1, d2), |(i, j)| truth[(i, j)])
    }

    /// The orthonormal factor of a normal matrix.
    fn orthonormal(&mut self, rows: usize, columns: usize) -> Mat<f64> {
        let normal = self.normal(rows * columns);
        Mat::from_fn(rows, columns, |i, j| normal[i * columns + j])
            .qr()
            .compute_thin_Q()
    }

    /// Every place with probability p, row after row.
    pub(super) fn coins(&mut self, (d1, d2): (usize, usize), p: f64) -> Vec<(usize, usize)> {
        let all = (0..d1).flat_map(|i| (0..d2).map(move |j| (i, j)));
        all.filter(|_| self.0.random::<f64>() < p).collect()
    }

    /// For each of `count` entries +1 or −1, each with probability `share`/2, else 0.
    pub(super) fn outliers(&mut self, count: usize, share: f64) -> Vec<f64> {
        let mut outlier = || match self.0.random::<f64>() {
            u if u < 0.5 * share => 1.0,
            u if u < share => -1.0,
            _ => 0.0,
        };
        (0..count).map(|_| outlier()).collect()
    }

    /// Exactly m places, row after row.
    pub(super) fn places(&mut self, (d1, d2): (usize, usize), m: usize) -> Vec<(usize, usize)> {
        let mut chosen = index::sample(&mut self.0, d1 * d2, m).into_vec();
        chosen.sort_unstable();
        chosen.into_iter().map(|i| (i / d2, i % d2)).collect()
    }

    /// Adds normal noise.
    pub(super) fn disturb(&mut self, y: &mut [f64], sigma: f64) {
        if sigma > 0.0 {
            y.iter_mut()
                .for_each(|y| *y += sigma * self.0.sample::<f64, _>(StandardNormal));
        }
    }
}
