//! How nearly a map keeps the lengths of the matrices of rank at most r.
//!
//! The restricted isometry constant δ_r(c) is the smallest δ with
//!
//! ```text
//! (1 − δ)·c·‖X‖_F² ≤ ‖A(X)‖₂² ≤ (1 + δ)·c·‖X‖_F²     for all X of rank at most r.
//! ```
//!
//! With l and u the least and the largest ‖A(X)‖²/‖X‖_F² over these X, the best scale is c = (l + u)/2 and gives
//! δ_r = (u − l)/(u + l). Finding l and u is hard; what is found here are values that some X attains: an l that is too large
//! or right, and a u that is too small or right. The constant is therefore a **lower** estimate: the true one is no smaller,
//! for this c and for every other. A small estimate proves nothing; a large one refutes.
//!
//! Source: Recht, Fazel and Parrilo, *Guaranteed minimum-rank solutions of linear matrix equations via nuclear norm
//! minimization*, SIAM Review 52(3), 2010, Definition 3.1, DOI 10.1137/070697835.

use faer::Mat;
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use crate::error::Error;
use crate::linalg::dense::{product, row_gram, symmetric_eigen, thin_svd};
use crate::map::MeasurementMap;

/// Random starts for each extreme: local extremes are common even on 3 × 2 matrices.
const STARTS: u64 = 16;
/// Most sweeps from one start.
const SWEEPS: usize = 40;
/// Relative change of the quotient that ends a search: its result depends on the starts by more.
const SETTLED: f64 = 1e-5;
/// Unknowns of one factor, d·r, and numbers of a Jacobian, up to which the searches take seconds.
const MOST_UNKNOWNS: usize = 300;
/// See [`MOST_UNKNOWNS`].
const MOST_NUMBERS: usize = 1 << 24;

/// The extremes of ‖A(X)‖²/‖X‖_F² that were found over matrices of one rank.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Isometry {
    /// The least quotient found: at least l.
    pub least: f64,
    /// The largest quotient found: at most u.
    pub largest: f64,
}

#[derive(Clone, Copy)]
enum Extreme {
    Least,
    Largest,
}

impl Isometry {
    /// Searches from seeded random starts, by alternately minimising (maximising) over one factor with the other
    /// orthonormal, each an eigenvalue problem. `None` where that would take long: d·r beyond 300, or m·(d1 + d2)·r beyond 2²⁴.
    ///
    /// # Errors
    /// [`Error::Numerical`] if a decomposition fails.
    pub fn estimate(map: &dyn MeasurementMap, rank: usize, seed: u64) -> Result<Option<Self>, Error> {
        let (d1, d2) = map.shape();
        let r = rank.min(d1.min(d2));
        let unknowns = d1.max(d2) * r;
        if r == 0 || unknowns > MOST_UNKNOWNS || (d1 + d2) * r * map.measurements() > MOST_NUMBERS {
            return Ok(None);
        }
        let (mut least, mut largest) = (f64::INFINITY, 0.0);
        for start in 0..STARTS {
            let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(start);
            let random = Mat::from_fn(d2, r, |_, _| StandardNormal.sample(&mut rng));
            least = f64::min(least, search(map, &random, Extreme::Least)?);
            largest = f64::max(largest, search(map, &random, Extreme::Largest)?);
        }
        Ok(Some(Isometry { least, largest }))
    }

    /// δ = (largest − least)/(largest + least): no larger than δ_r(c) for any c. At most 1.
    pub fn constant(&self) -> f64 {
        if self.largest > 0.0 {
            (self.largest - self.least) / (self.largest + self.least)
        } else {
            1.0
        }
    }

    /// The scale c = (least + largest)/2 that goes with it.
    pub fn scale(&self) -> f64 {
        0.5 * (self.least + self.largest)
    }
}

/// From X = L Rᵀ with the given R to a quotient that neither factor alone improves any more.
fn search(map: &dyn MeasurementMap, start: &Mat<f64>, extreme: Extreme) -> Result<f64, Error> {
    let (d1, d2) = map.shape();
    let r = start.ncols();
    let mut right = orthonormal(start)?;
    let mut last = f64::NAN;
    for _ in 0..SWEEPS {
        let jacobian = map.jacobian(Mat::zeros(d1, r).as_ref(), right.as_ref());
        let (_, left) = best(&jacobian, (0, d1), r, extreme)?;
        let left = orthonormal(&left)?;
        let jacobian = map.jacobian(left.as_ref(), Mat::zeros(d2, r).as_ref());
        let (quotient, factor) = best(&jacobian, (d1 * r, d2), r, extreme)?;
        right = orthonormal(&factor)?;
        if (quotient - last).abs() <= SETTLED * quotient.abs() {
            return Ok(quotient);
        }
        last = quotient;
    }
    Ok(last)
}

/// The extreme eigenvalue of Σ vec(A_i R) vec(A_i R)ᵀ, whose columns are rows `from`.. of the Jacobian, and its eigenvector as
/// a d×r matrix.
fn best(
    jacobian: &Mat<f64>,
    (from, d): (usize, usize),
    r: usize,
    extreme: Extreme,
) -> Result<(f64, Mat<f64>), Error> {
    let gram = row_gram(jacobian.as_ref().subrows(from, d * r));
    let (values, vectors) = symmetric_eigen(gram.as_ref())?;
    let at = match extreme {
        Extreme::Least => 0,
        Extreme::Largest => values.len() - 1,
    };
    // Rounding takes a zero below zero.
    Ok((
        values[at].max(0.0),
        Mat::from_fn(d, r, |i, j| vectors[(j * d + i, at)]),
    ))
}

/// An orthonormal basis that spans the columns.
fn orthonormal(a: &Mat<f64>) -> Result<Mat<f64>, Error> {
    let svd = thin_svd(a.as_ref())?;
    Ok(product(svd.u.as_ref(), svd.v.transpose()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::{Dense, Entries, Identity};

    fn gaussian(m: usize, shape: (usize, usize), seed: u64) -> Dense<'static> {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let numbers: Vec<f64> = (0..m * shape.0 * shape.1)
            .map(|_| StandardNormal.sample(&mut rng))
            .collect();
        Dense::new(numbers, m, shape).unwrap()
    }

    #[test]
    fn the_identity_keeps_all_lengths_and_missing_entries_none() {
        for rank in 1..=3 {
            let found = Isometry::estimate(&Identity::new((4, 3)), rank, 0)
                .unwrap()
                .unwrap();
            assert!(found.constant() <= 1e-12 && (found.scale() - 1.0).abs() <= 1e-12);
        }
        let (map, _) = Entries::new(&[0, 0, 1], &[0, 1, 1], &[0.0; 3], (2, 2)).unwrap();
        let found = Isometry::estimate(&map, 1, 0).unwrap().unwrap();
        assert!((found.constant() - 1.0).abs() <= 1e-9, "{found:?}");
    }

    /// Rank one on 3 × 2: all unit vectors on a fine grid of angles.
    #[test]
    fn agrees_with_a_grid_of_all_matrices_of_rank_one() {
        use std::f64::consts::PI;
        for seed in 0..4 {
            let map = gaussian(8, (3, 2), seed);
            let (mut least, mut largest) = (f64::INFINITY, 0.0f64);
            let steps = 60;
            let angle = |i: usize| PI * i as f64 / steps as f64;
            for (i, j, k) in
                (0..steps).flat_map(|i| (0..steps).flat_map(move |j| (0..steps).map(move |k| (i, j, k))))
            {
                let (s, t, v) = (angle(i), angle(j), angle(k));
                let u = [s.sin() * t.cos(), s.sin() * t.sin(), s.cos()];
                let x = Mat::from_fn(3, 2, |a, b| u[a] * [v.cos(), v.sin()][b]);
                let quotient: f64 = map.apply_dense(x.as_ref()).iter().map(|y| y * y).sum();
                (least, largest) = (least.min(quotient), largest.max(quotient));
            }
            let found = Isometry::estimate(&map, 1, seed).unwrap().unwrap();
            // The search is never worse than the grid, and the grid is near the truth.
            assert!(
                found.least <= least * (1.0 + 1e-4) && found.least >= 0.9 * least - 0.05,
                "{found:?} {least}"
            );
            assert!(
                found.largest >= largest * (1.0 - 1e-4) && found.largest <= 1.05 * largest,
                "{found:?} {largest}"
            );
        }
    }

    /// At full rank the extremes are eigenvalues, and a higher rank is never closer to an isometry.
    #[test]
    fn full_rank_is_the_spectrum_of_the_map() {
        let map = gaussian(40, (5, 3), 7);
        let constants: Vec<f64> = (1..=3)
            .map(|rank| Isometry::estimate(&map, rank, 1).unwrap().unwrap().constant())
            .collect();
        assert!(constants.is_sorted(), "{constants:?}");
        let rows = Mat::from_fn(15, 40, |e, i| {
            let unit: Vec<f64> = (0..40).map(|j| f64::from(u8::from(i == j))).collect();
            map.adjoint(&unit).to_dense()[(e / 3, e % 3)]
        });
        let (values, _) = symmetric_eigen(row_gram(rows.as_ref()).as_ref()).unwrap();
        let (least, largest) = (values[0], values[14]);
        let expected = (largest - least) / (largest + least);
        assert!(
            (constants[2] - expected).abs() <= 1e-10,
            "{} {expected}",
            constants[2]
        );
    }

    #[test]
    fn what_would_take_long_is_left_unknown() {
        assert!(
            Isometry::estimate(&Identity::new((300, 3)), 2, 0)
                .unwrap()
                .is_none()
        );
        assert!(
            Isometry::estimate(&Identity::new((3, 3)), 0, 0)
                .unwrap()
                .is_none()
        );
    }
}
