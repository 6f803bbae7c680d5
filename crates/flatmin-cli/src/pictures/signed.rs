//! Flat and sharp points (U1, U2) of one symmetric matrix, and directions along which both stay such.

use faer::Mat;
use flatmin::flatness::Weights;
use flatmin::linalg::dense::{product, symmetric_eigen};
use flatmin::linalg::vector::norm;
use flatmin::{Error, Factors, SignedFactors};
use rand::RngExt as _;
use rand_distr::StandardNormal;

use super::cross_section::RATIO;
use crate::completion::split::{Stream, random};

/// Eigenvalues of D M D below this share of the largest are rounding.
const ZERO: f64 = 1e-12;

/// The flattest (U1, U2) of the matrix of `x`: from the positive and the negative eigenvectors of D M D.
pub(super) fn flattest(weights: &Weights, x: &Factors) -> Result<Factors, Error> {
    let (l, r) = weights.rescale(x.l.as_ref(), x.r.as_ref());
    let (values, vectors) = symmetric_eigen(product(l.as_ref(), r.transpose()).as_ref())?;
    let largest = values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let half = |sign: f64| {
        let kept: Vec<usize> = (0..values.len())
            .filter(|i| sign * values[*i] > ZERO * largest)
            .collect();
        let scaled = Mat::from_fn(vectors.nrows(), kept.len(), |i, j| {
            vectors[(i, kept[j])] * values[kept[j]].abs().sqrt()
        });
        weights.left.inverse_times(scaled.as_ref())
    };
    Ok(SignedFactors::new(half(1.0), half(-1.0))?.factors())
}

/// The same matrix with a unit more on each side that cancel each other, so that the trace grows as asked.
pub(super) fn sharpened(weights: &Weights, flat: &Factors) -> Factors {
    let d = flat.l.nrows();
    let first = flat.columns().min(1);
    // Along the first unit, or along e_1 where there is none.
    let along = Mat::from_fn(d, 1, |i, _| {
        if first == 1 {
            flat.l[(i, 0)]
        } else {
            f64::from(u8::from(i == 0))
        }
    });
    let (whole, own) = (
        weights.left.times(flat.l.as_ref()).squared_norm_l2(),
        norm(weights.left.times(along.as_ref()).col_as_slice(0)).powi(2),
    );
    let size = (0.5 * (RATIO - 1.0) * whole / own).sqrt();
    let sign = |j: usize| if j == flat.columns() { 1.0 } else { -1.0 };
    let append = |factor: &Mat<f64>, sign: &dyn Fn(usize) -> f64| {
        Mat::from_fn(d, flat.columns() + 2, |i, j| {
            if j < flat.columns() {
                factor[(i, j)]
            } else {
                sign(j) * size * along[(i, 0)]
            }
        })
    };
    Factors {
        l: append(&flat.l, &|_| 1.0),
        r: append(&flat.r, &sign),
    }
}

/// Both with the same numbers of columns of U1 and U2, in that order: `flat` gets columns of zeros.
pub(super) fn aligned(flat: &Factors, sharp: &Factors) -> Result<(Factors, Factors), Error> {
    let (flat, sharp) = (SignedFactors::of(flat)?, SignedFactors::of(sharp)?);
    let flat = flat.padded(sharp.u1.ncols(), sharp.u2.ncols());
    let sharp = sharp.padded(flat.u1.ncols(), flat.u2.ncols());
    Ok((flat.factors(), sharp.factors()))
}

/// A random direction (V, V S) of unit norm, with the columns of `x`, none of which is zero.
pub(super) fn unit(x: &Factors, seed: u64) -> Factors {
    let mut rng = random(seed, Stream::CrossSection);
    let v = Mat::from_fn(x.l.nrows(), x.columns(), |_, _| {
        rng.sample::<f64, _>(StandardNormal)
    });
    let size = v.norm_l2();
    let sign = |j: usize| {
        let column = x.l.col_as_slice(j).iter().zip(x.r.col_as_slice(j));
        if column.into_iter().any(|(l, r)| l * r < 0.0) {
            -1.0
        } else {
            1.0
        }
    };
    Factors {
        l: Mat::from_fn(v.nrows(), v.ncols(), |i, j| v[(i, j)] / size),
        r: Mat::from_fn(v.nrows(), v.ncols(), |i, j| sign(j) * v[(i, j)] / size),
    }
}
