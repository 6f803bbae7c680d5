//! The data of robust PCA as a d1×d2 matrix, column after column, and the iteration on it.

use faer::{Mat, MatMut};

use super::super::instance::Instance;
use super::Level;
use crate::error::Error;
use crate::linalg::dense::{Svd, product_into};
use crate::linalg::vector::norm;

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
        let (mut total, mut squares) = (0.0, 0.0);
        for (i, (x, y)) in x.iter().zip(&self.y).enumerate() {
            if !self.is_unobserved(i) {
                total += (y - x).abs();
                squares += (y - x).powi(2);
            }
        }
        (total, squares)
    }

    /// One Douglas-Rachford step: v ← X + clamp(Y − X + ratio·(v − X), ±level) with X the proximal step of t‖·‖_* at v,
    /// given as `x`; `ratio` is the new t over the old one, and `t` the new one. Then (v − X)/t = A*(λ).
    ///
    /// Returns the length of the change of v (in the new scale) and the level.
    pub(super) fn advance(&mut self, v: &mut [f64], x: &[f64], ratio: f64, t: f64) -> (f64, f64) {
        // Where nothing is observed S is free: it takes up all, and nothing is left to clamp.
        self.unobserved.iter().for_each(|i| self.y[*i] = x[*i]);
        for ((v, x), y) in v.iter_mut().zip(x).zip(&self.y) {
            *v = y - x + ratio * (*v - x);
        }
        let mut dropped = 0.0;
        for i in &self.unobserved {
            dropped += v[*i] * v[*i];
            v[*i] = 0.0;
        }
        let level = self.level.of(v, t);
        let change = clamp_around(v, x, &self.y, level);
        ((change + dropped).sqrt(), level)
    }
}

/// v ← x + clamp(v, ±level). Returns Σ (y − x − s)² with s what clamping took away: in fixed lanes.
fn clamp_around(v: &mut [f64], x: &[f64], y: &[f64], level: f64) -> f64 {
    const LANES: usize = 8;
    let mut lanes = [0.0; LANES];
    let whole = v.len() / LANES * LANES;
    let mut one = |i: usize, lane: usize| {
        let clamped = v[i].clamp(-level, level);
        let change = y[i] - x[i] - (v[i] - clamped);
        lanes[lane] += change * change;
        v[i] = x[i] + clamped;
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
    product_into(target, 1.0, scaled.as_ref(), x.v.transpose());
}
