//! Random numbers that depend on what they are for, and on nothing else.
//!
//! A stream is a counter-based generator (ChaCha8: Bernstein 2008) under a key. The key of a trial is made of the seed, the
//! experiment and the cell; the trial picks one of the 2⁶⁴ streams of that key. Any subset of trials, in any order and on any
//! number of threads, therefore draws the same numbers.

use faer::Mat;
use rand::seq::index;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use crate::factors::Factors;
use crate::linalg::dense::{product, thin_qr};

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream of a seed alone.
    pub fn new(seed: u64) -> Self {
        Stream(ChaCha8Rng::seed_from_u64(seed))
    }

    /// The stream of one trial of one cell of an experiment.
    pub fn of_trial(seed: u64, experiment: &str, cell: &str, trial: u64) -> Self {
        let mut key = [0; 32];
        let words = [
            seed,
            fnv(experiment.as_bytes(), 0),
            fnv(cell.as_bytes(), 1),
            fnv(cell.as_bytes(), 2),
        ];
        for (bytes, word) in key.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(trial);
        Stream(generator)
    }

    /// A standard normal number.
    pub fn normal(&mut self) -> f64 {
        self.0.sample(StandardNormal)
    }

    /// Independent standard normal numbers.
    pub fn normals(&mut self, count: usize) -> Vec<f64> {
        (0..count).map(|_| self.normal()).collect()
    }

    /// A number from 0 (included) to 1 (excluded).
    pub fn uniform(&mut self) -> f64 {
        self.0.random()
    }

    /// `count` of the numbers below `bound`, rising. `count` is at most `bound`.
    pub fn choose(&mut self, bound: usize, count: usize) -> Vec<usize> {
        let mut chosen = index::sample(&mut self.0, bound, count).into_vec();
        chosen.sort_unstable();
        chosen
    }

    /// A whole number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0.random_range(0..bound)
    }

    /// The numbers below `count` in random order.
    pub fn permutation(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for i in (1..count).rev() {
            order.swap(i, self.below(i + 1));
        }
        order
    }

    /// An m×n matrix with independent standard normal entries.
    pub fn normal_matrix(&mut self, rows: usize, columns: usize) -> Mat<f64> {
        let normal = self.normals(rows * columns);
        Mat::from_fn(rows, columns, |i, j| normal[i * columns + j])
    }

    /// The orthonormal factor of a normal matrix: `columns` is at most `rows`.
    pub fn orthonormal(&mut self, rows: usize, columns: usize) -> Mat<f64> {
        thin_qr(self.normal_matrix(rows, columns).as_ref()).0
    }

    /// U diag(s) Vᵀ with orthonormal U and V, of unit Frobenius norm; s falls geometrically, s_1/s_r = `condition`.
    pub fn low_rank(&mut self, shape: (usize, usize), rank: usize, condition: f64) -> Mat<f64> {
        self.low_rank_factors(shape, rank, condition).dense()
    }

    /// The same matrix as factors (U diag(s), V).
    pub fn low_rank_factors(&mut self, (d1, d2): (usize, usize), rank: usize, condition: f64) -> Factors {
        let (u, v) = (self.orthonormal(d1, rank), self.orthonormal(d2, rank));
        let s = falling(rank, condition);
        Factors {
            l: Mat::from_fn(d1, rank, |i, j| u[(i, j)] * s[j]),
            r: v,
        }
    }

    /// U diag(±s) Uᵀ likewise, d×d; the signs alternate as far as there are both.
    pub fn symmetric_low_rank(
        &mut self,
        d: usize,
        (positive, negative): (usize, usize),
        condition: f64,
    ) -> Mat<f64> {
        let rank = positive + negative;
        let u = self.orthonormal(d, rank);
        let mut s = falling(rank, condition);
        for i in 0..negative {
            let at = if i < positive { 2 * i + 1 } else { positive + i };
            s[at] = -s[at];
        }
        let us = Mat::from_fn(d, rank, |i, j| u[(i, j)] * s[j]);
        let m = product(us.as_ref(), u.transpose());
        Mat::from_fn(d, d, |i, j| 0.5 * (m[(i, j)] + m[(j, i)]))
    }

    /// Adds normal noise of standard deviation `sigma`; draws nothing for 0.
    pub fn disturb(&mut self, y: &mut [f64], sigma: f64) {
        if sigma > 0.0 {
            y.iter_mut().for_each(|y| *y += sigma * self.normal());
        }
    }
}

/// Numbers that fall geometrically, the first `condition` times the last, of unit norm.
fn falling(count: usize, condition: f64) -> Vec<f64> {
    let last = count.saturating_sub(1).max(1) as f64;
    let s: Vec<f64> = (0..count).map(|i| condition.powf(-(i as f64) / last)).collect();
    let size = s.iter().map(|s| s * s).sum::<f64>().sqrt();
    s.iter().map(|s| s / size).collect()
}

/// The hash of Fowler, Noll and Vo (FNV-1a, 64 bits), begun with a byte of its own for each `variant`.
fn fnv(bytes: &[u8], variant: u8) -> u64 {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    bytes
        .iter()
        .fold(mix(0xcbf2_9ce4_8422_2325, variant), |hash, byte| mix(hash, *byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::dense::{frobenius, singular_values, symmetric_eigen};

    #[test]
    fn streams_of_different_purposes_differ_and_of_the_same_agree() {
        let first =
            |seed, experiment, cell, trial| Stream::of_trial(seed, experiment, cell, trial).normals(4);
        let base = first(0, "recovery", "d=20", 0);
        assert_eq!(base, first(0, "recovery", "d=20", 0));
        for other in [
            first(1, "recovery", "d=20", 0),
            first(0, "noise", "d=20", 0),
            first(0, "recovery", "d=21", 0),
            first(0, "recovery", "d=20", 1),
        ] {
            assert!(base.iter().zip(&other).all(|(a, b)| a != b));
        }
    }

    #[test]
    fn low_rank_matrices_have_the_spectrum_asked_for() {
        let x = Stream::new(3).low_rank((9, 7), 3, 4.0);
        let s = singular_values(x.as_ref()).unwrap();
        assert!((frobenius(x.as_ref()) - 1.0).abs() < 1e-12);
        assert!((s[0] / s[2] - 4.0).abs() < 1e-12 && s[3] < 1e-14);
        let m = Stream::new(3).symmetric_low_rank(8, (2, 3), 2.0);
        let (values, _) = symmetric_eigen(m.as_ref()).unwrap();
        let count = |sign: f64| values.iter().filter(|v| sign * **v > 1e-12).count();
        assert_eq!((count(1.0), count(-1.0)), (2, 3));
    }
}
