//! From a λ of an absolute fit that violates its conditions a little to one that violates them far less.
//!
//! A splitting leaves a λ with |λ_i| ≤ θ whose ‖A*(λ)‖_op exceeds 1 until the very end. Divided by that norm, λ loses the
//! excess as a share of the bound; moved to the nearest points of the two sets in turn (alternating projections, Bregman, Dokl.
//! Akad. Nauk SSSR 162, 1965) it loses of the order of its distance from them, which is small as only a few directions are
//! concerned. What comes out is a λ like any other, and its norm is bounded as any other's.

use faer::{Mat, MatRef};
use rayon::prelude::*;

use crate::error::Error;
use crate::linalg::dense::{parallel_product, row_gram, symmetric_eigen};
use crate::linalg::vector::{dot, max_abs};
use crate::map::MeasurementMap;
use crate::problem::Fit;

/// Most projections onto each set; an excess falls by about five a round.
pub(crate) const ROUNDS: usize = 8;
/// An excess over 1 below this costs no more than the rounding of the norm's bound.
const EXCESS: f64 = 1e-10;
/// A round that adds a smaller share than this of what all have gained is the last.
const GAIN: f64 = 1e-2;

/// A multiplier, ‖A*(λ)‖_op and the bound that it gives, by ordinary arithmetic.
pub(crate) struct Approached {
    pub(crate) lambda: Vec<f64>,
    pub(crate) norm: f64,
    pub(crate) bound: f64,
}

/// The λ of the largest bound on the problem with `fit` and `data` among at most `rounds`; the multiple of `lambda` that
/// starts meets one condition just so. The map has to observe single entries and the fit to be absolute: elsewhere, and where
/// `lambda` meets both conditions, `lambda` itself comes back.
///
/// # Errors
/// [`Error::Numerical`] if a decomposition fails.
pub(crate) fn approach(
    map: &dyn MeasurementMap,
    (fit, data): (Fit, &[f64]),
    lambda: Vec<f64>,
    rounds: usize,
) -> Result<Approached, Error> {
    let mut w = map.adjoint(&lambda).into_dense();
    let mut spectrum = Spectrum::of(&w)?;
    let largest = max_abs(&lambda);
    let level = if let Fit::Absolute(theta) = fit {
        theta
    } else {
        largest
    };
    let mut unit = spectrum.norm().min(largest / level);
    let first = worth(fit, &lambda, data, spectrum.norm());
    let mut best = Approached {
        norm: spectrum.norm(),
        bound: first,
        lambda,
    };
    if map.entry(0).is_none() || !fit.is_absolute() || !(unit > 0.0 && unit.is_finite()) {
        return Ok(best);
    }
    let whole = map.measurements() == w.nrows() * w.ncols();
    for _ in 0..rounds {
        if spectrum.norm() <= unit * (1.0 + EXCESS) {
            break;
        }
        w = spectrum.lowered(&w, unit);
        unit = 1.0;
        w.par_col_chunks_mut(1)
            .for_each(|c| c.col_mut(0).iter_mut().for_each(|w| *w = w.clamp(-level, level)));
        let lambda = map.apply_dense(w.as_ref());
        if !whole {
            w = map.adjoint(&lambda).into_dense();
        }
        spectrum = Spectrum::of(&w)?;
        let bound = worth(fit, &lambda, data, spectrum.norm());
        let gain = bound - best.bound;
        if gain.is_nan() || gain <= 0.0 {
            break;
        }
        best = Approached {
            norm: spectrum.norm(),
            bound,
            lambda,
        };
        if gain <= GAIN * (bound - first) {
            break;
        }
    }
    Ok(best)
}

/// The bound of the best multiple of λ, of that norm.
fn worth(fit: Fit, lambda: &[f64], data: &[f64], norm: f64) -> f64 {
    let (inner, largest) = (dot(lambda, data), max_abs(lambda));
    match fit {
        Fit::Absolute(theta) => inner / norm.max(largest / theta),
        Fit::AbsoluteBall(radius) => (inner - radius * largest) / norm,
        Fit::Exact | Fit::Ball(_) | Fit::Penalised(_) => inner / norm,
    }
}

/// The singular values of a matrix, ascending, and their vectors of the shorter side.
struct Spectrum {
    values: Vec<f64>,
    vectors: Mat<f64>,
}

impl Spectrum {
    /// By the Gram matrix of the shorter side: the values that matter are near the largest, out of reach of its rounding.
    fn of(w: &Mat<f64>) -> Result<Self, Error> {
        let (values, vectors) = symmetric_eigen(row_gram(upright(w.as_ref()).transpose()).as_ref())?;
        let values = values.iter().map(|v| v.max(0.0).sqrt()).collect();
        Ok(Spectrum { values, vectors })
    }

    fn norm(&self) -> f64 {
        self.values.last().copied().unwrap_or(0.0)
    }

    /// w/unit with its singular values σ lowered to 1: min(σ/unit, 1) instead of σ.
    fn lowered(&self, w: &Mat<f64>, unit: f64) -> Mat<f64> {
        let n = self.values.len();
        let first = self.values.iter().take_while(|s| **s <= unit).count();
        let v = self.vectors.as_ref().subcols(first, n - first);
        let shares = Mat::from_fn(n, n - first, |i, j| {
            v[(i, j)] * (self.values[first + j].recip() - unit.recip())
        });
        // I/unit − V diag(1/unit − 1/σ) Vᵀ.
        let mut factor = parallel_product(shares.as_ref(), v.transpose());
        (0..n).for_each(|i| factor[(i, i)] += unit.recip());
        if w.nrows() >= w.ncols() {
            parallel_product(w.as_ref(), factor.as_ref())
        } else {
            parallel_product(factor.as_ref(), w.as_ref())
        }
    }
}

/// m or its transpose, with no fewer rows than columns.
fn upright(m: MatRef<'_, f64>) -> MatRef<'_, f64> {
    if m.nrows() >= m.ncols() { m } else { m.transpose() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::dense::singular_values;
    use crate::map::Identity;

    fn wave(rows: usize, cols: usize, by: f64) -> Mat<f64> {
        Mat::from_fn(rows, cols, |i, j| (by * (i * cols + j) as f64).sin() + 0.3)
    }

    #[test]
    fn singular_values_beyond_the_unit_are_lowered_to_it_and_the_others_stay() {
        for (rows, cols) in [(30, 12), (12, 30), (9, 9)] {
            let w = faer::Scale(0.3) * wave(rows, cols, 1.7);
            let before = singular_values(w.as_ref()).unwrap();
            let spectrum = Spectrum::of(&w).unwrap();
            assert!((spectrum.norm() / before[0] - 1.0).abs() <= 1e-12);
            for unit in [1.0, 0.5 * before[0], 2.0 * before[0]] {
                let after = singular_values(spectrum.lowered(&w, unit).as_ref()).unwrap();
                for (before, after) in before.iter().zip(&after) {
                    assert!(
                        ((before / unit).min(1.0) - after).abs() <= 1e-12,
                        "{before} {after}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_rounds_raise_the_bound_and_keep_the_level() {
        for shape in [(40, 15), (15, 40)] {
            let map = Identity::new(shape);
            let data = map.apply_dense(wave(shape.0, shape.1, 0.9).as_ref());
            let level = 0.2;
            let start: Vec<f64> = map
                .apply_dense(wave(shape.0, shape.1, 1.3).as_ref())
                .iter()
                .map(|l| (0.5 * l).clamp(-level, level))
                .collect();
            let found =
                |rounds| approach(&map, (Fit::Absolute(level), &data), start.clone(), rounds).unwrap();
            let (plain, near) = (found(0), found(ROUNDS));
            assert!(plain.lambda == start && plain.bound < near.bound, "{shape:?}");
            assert!(max_abs(&near.lambda) <= level);
            let own = singular_values(map.adjoint(&near.lambda).to_dense().as_ref()).unwrap()[0];
            assert!((own / near.norm - 1.0).abs() <= 1e-12);
        }
        let map = Identity::new((2, 3));
        let feasible = map.apply_dense(Mat::<f64>::identity(2, 3).as_ref());
        let same = approach(&map, (Fit::Absolute(1.0), &feasible), feasible.clone(), ROUNDS).unwrap();
        assert_eq!((same.lambda, same.norm, same.bound), (feasible, 1.0, 2.0));
    }
}
