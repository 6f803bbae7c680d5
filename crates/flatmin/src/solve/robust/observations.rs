//! The data of robust PCA as a d1×d2 matrix, column after column, and the iteration on it.

use faer::{Mat, MatMut};
use rayon::prelude::*;

use super::super::instance::Instance;
use super::Level;
use crate::error::Error;
use crate::linalg::dense::{Svd, parallel_product_into};
use crate::linalg::vector::{dot, norm};

/// Numbers in one piece of a parallel pass.
const PIECE: usize = 1 << 15;

/// Y, filled in with the last X where it is not observed.
pub(super) struct Observations {
    pub(super) shape: (usize, usize),
    pub(super) y: Vec<f64>,
    /// ‖Y‖_F.
    pub(super) size: f64,
    /// The mean magnitude of the observed entries.
    pub(super) mean: f64,
    pub(super) level: Level,
    /// The positions that are not observed, ascending.
    unobserved: Vec<usize>,
    /// Whether a position is observed; empty where all are.
    observed: Vec<bool>,
}

impl Observations {
    /// # Errors
    /// A map that does not observe single entries.
    pub(super) fn new(instance: &Instance<'_>) -> Result<Self, Error> {
        let level = Level::new(instance)?;
        let (d1, d2) = instance.map.shape();
        let (mut y, mut observed) = (vec![0.0; d1 * d2], vec![false; d1 * d2]);
        for (i, value) in instance.b.iter().enumerate() {
            if let Some((a, b)) = instance.map.map().entry(i) {
                y[b * d1 + a] = *value;
                observed[b * d1 + a] = true;
            }
        }
        let unobserved: Vec<usize> = (0..d1 * d2).filter(|i| !observed[*i]).collect();
        if unobserved.is_empty() {
            observed = Vec::new();
        }
        Ok(Observations {
            shape: (d1, d2),
            size: norm(&y),
            mean: instance.b.iter().map(|b| b.abs()).sum::<f64>() / instance.b.len() as f64,
            level,
            y,
            unobserved,
            observed,
        })
    }

    /// Whether every entry is observed.
    pub(super) fn is_whole(&self) -> bool {
        self.unobserved.is_empty()
    }

    pub(super) fn is_unobserved(&self, i: usize) -> bool {
        !self.observed.is_empty() && !self.observed[i]
    }

    /// The positions where W is given: |w| ≥ `level`, or not observed.
    pub(super) fn fixed(&self, w: &[f64], level: f64) -> Vec<usize> {
        (0..w.len())
            .filter(|i| w[*i].abs() >= level || self.is_unobserved(*i))
            .collect()
    }

    /// Y − X, 0 where Y is not observed.
    pub(super) fn remainder(&self, x: &[f64]) -> Vec<f64> {
        let mut out: Vec<f64> = x.iter().zip(&self.y).map(|(x, y)| y - x).collect();
        self.unobserved.iter().for_each(|i| out[*i] = 0.0);
        out
    }

    /// The sums of the magnitudes and of the squares of Y − X where Y is observed.
    pub(super) fn misfit(&self, x: &[f64]) -> (f64, f64) {
        let pieces = x.par_chunks(PIECE).zip(self.y.par_chunks(PIECE)).enumerate();
        let sums: Vec<(f64, f64)> = pieces
            .map(|(piece, (x, y))| {
                let (mut total, mut squares) = (0.0, 0.0);
                for (i, (x, y)) in x.iter().zip(y).enumerate() {
                    if !self.is_unobserved(piece * PIECE + i) {
                        total += (y - x).abs();
                        squares += (y - x).powi(2);
                    }
                }
                (total, squares)
            })
            .collect();
        sums.iter().fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1))
    }

    /// One Douglas-Rachford step: v ← X + clamp(Y − X + ratio·(v − X), ±level) with X the proximal step of t‖·‖_* at v,
    /// given as `x`; `ratio` is the new t over the old one, and `t` the new one. Then (v − X)/t = A*(λ).
    ///
    /// A `relaxation` other than 1 makes the change of v that many times as long; then (v − X)/t is nothing.
    ///
    /// Returns the length of the change of v (in the new scale, not relaxed) and the level.
    pub(super) fn advance(
        &mut self,
        v: &mut [f64],
        x: &[f64],
        (ratio, t): (f64, f64),
        relaxation: f64,
    ) -> (f64, f64) {
        // Where nothing is observed S is free: it takes up all, and nothing is left to clamp.
        self.unobserved.iter().for_each(|i| self.y[*i] = x[*i]);
        let pieces = v.par_chunks_mut(PIECE).zip(x.par_chunks(PIECE));
        pieces.zip(self.y.par_chunks(PIECE)).for_each(|((v, x), y)| {
            for ((v, x), y) in v.iter_mut().zip(x).zip(y) {
                *v = y - x + ratio * (*v - x);
            }
        });
        let dropped: Vec<f64> = self.unobserved.iter().map(|i| v[*i]).collect();
        self.unobserved.iter().for_each(|i| v[*i] = 0.0);
        let level = self.level.of(v, t);
        let pieces = v.par_chunks_mut(PIECE).zip(x.par_chunks(PIECE));
        let changes: Vec<f64> = pieces
            .zip(self.y.par_chunks(PIECE))
            .map(|((v, x), y)| clamp_around(v, x, y, level, relaxation))
            .collect();
        let change: f64 = changes.iter().sum();
        for (i, dropped) in self.unobserved.iter().zip(&dropped) {
            v[*i] -= (relaxation - 1.0) * dropped;
        }
        ((change + dot(&dropped, &dropped)).sqrt(), level)
    }
}

/// v ← x + clamp(v, ±level) + (relaxation − 1)·d. Returns Σ d², d = y − x − s with s what clamping took away: in fixed lanes.
fn clamp_around(v: &mut [f64], x: &[f64], y: &[f64], level: f64, relaxation: f64) -> f64 {
    const LANES: usize = 8;
    let mut lanes = [0.0; LANES];
    let whole = v.len() / LANES * LANES;
    let mut one = |i: usize, lane: usize| {
        let clamped = v[i].clamp(-level, level);
        let change = y[i] - x[i] - (v[i] - clamped);
        lanes[lane] += change * change;
        v[i] = x[i] + clamped + (relaxation - 1.0) * change;
    };
    for start in (0..whole).step_by(LANES) {
        (0..LANES).for_each(|lane| one(start + lane, lane));
    }
    (whole..x.len()).for_each(|i| one(i, 0));
    lanes.iter().sum()
}

/// out ← U Σ Vᵀ, column after column.
pub(super) fn form(x: &Svd, out: &mut [f64]) {
    let (d1, d2) = (x.u.nrows(), x.v.nrows());
    let scaled = Mat::from_fn(d1, x.s.len(), |i, j| x.u[(i, j)] * x.s[j]);
    let target = MatMut::from_column_major_slice_mut(out, d1, d2);
    parallel_product_into(target, scaled.as_ref(), x.v.transpose());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relaxed_step_is_a_multiple_of_the_plain_one_in_every_piece() {
        let (d1, d2) = (PIECE / 4, 9);
        let wave = |factor: f64| -> Vec<f64> { (0..d1 * d2).map(|i| (factor * i as f64).sin()).collect() };
        let (y, x, start) = (wave(0.7), wave(1.3), wave(2.1));
        for unobserved in [vec![], vec![3, PIECE - 1, PIECE, d1 * d2 - 1]] {
            let mut observed = vec![true; d1 * d2];
            unobserved.iter().for_each(|i: &usize| observed[*i] = false);
            let mut data = Observations {
                shape: (d1, d2),
                size: norm(&y),
                mean: 1.0,
                level: Level::Threshold(0.5),
                y: y.clone(),
                unobserved,
                observed,
            };
            let (mut plain, mut relaxed) = (start.clone(), start.clone());
            let (change, level) = data.advance(&mut plain, &x, (1.0, 0.8), 1.0);
            assert_eq!(data.advance(&mut relaxed, &x, (1.0, 0.8), 1.8), (change, level));
            let steps = plain.iter().zip(&relaxed).zip(&start);
            assert!(
                steps
                    .clone()
                    .all(|((p, r), v)| (r - v - 1.8 * (p - v)).abs() < 1e-14)
            );
            let length: f64 = steps.map(|((p, _), v)| (p - v).powi(2)).sum();
            assert!((length.sqrt() / change - 1.0).abs() < 1e-12);
            assert!(plain.iter().zip(&x).all(|(p, x)| (p - x).abs() <= level + 1e-15));
        }
    }
}
