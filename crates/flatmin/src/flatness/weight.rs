//! One weight W = (D²)^{α/2}, its inverse, and what rounding did to the inverse.
//!
//! Let G be the exact Gram matrix of a map and P the computed inverse weight. Certificates need ‖W⁻¹ P⁻¹‖: they know
//! P S Q, for a matrix S, and want W1⁻¹ S W2⁻¹ = (W1⁻¹ P⁻¹)(P S Q)(Q⁻¹ W2⁻¹).
//!
//! With the computed eigenpairs V, Λ and the orthogonal matrix Q nearest V, G = Q Λ Qᵀ + E, and ‖E‖ ≤ η·λ_min gives
//! (1 − η) Q Λ Qᵀ ⪯ G. The power t ↦ t^α is operator monotone for α in [0, 1] (Löwner and Heinz), so that
//! G^{−α} ⪯ (1 − η)^{−α} H⁻² for H = Q Λ^{α/2} Qᵀ, that is ‖W⁻¹ H‖ ≤ (1 − η)^{−α/2}. And ‖H⁻¹ P⁻¹‖ ≤ 1/(1 − ‖P H − I‖).
//! E is measured after the fact, so that this holds whatever the eigenvalue routine did.

use faer::{Mat, MatRef};

use crate::error::Error;
use crate::linalg::dense::{frobenius, orthonormality_defect, product, row_gram, symmetric_eigen};
use crate::linalg::vector::power_of_two;
use crate::map::{Gram, gamma};

/// Below this ratio of its extreme eigenvalues, D² counts as singular: its inverse would carry no correct digit.
const SINGULAR: f64 = 1e-12;

/// A symmetric weight W, n × n, with its inverse.
#[derive(Clone, Debug)]
pub struct Weight {
    weight: Gram,
    inverse: Gram,
    /// Number of zero diagonal entries: rows (columns) that nothing observes. W⁻¹ is the pseudo-inverse there.
    unobserved: usize,
    /// ‖W‖·‖W⁺‖ over the observed part.
    condition: f64,
    /// ‖W⁻¹‖, a little above.
    inverse_norm: f64,
    /// A bound on the operator norm of the entrywise |P|.
    absolute_norm: f64,
    /// A bound on ‖W⁻¹ P⁻¹‖ − 1; infinite where nothing is proved.
    rounding: f64,
}

impl Weight {
    /// W = (gram·scale)^{power/2}, where the computed gram is off by at most `gram_error`·tr(gram).
    pub(super) fn new(
        side: &'static str,
        gram: &Gram,
        scale: f64,
        power: f64,
        gram_error: f64,
    ) -> Result<Self, Error> {
        let dimension = gram.dimension();
        if power == 0.0 {
            return Ok(Weight::from_diagonal(&vec![1.0; dimension], 1.0, 0.0));
        }
        match gram {
            Gram::Diagonal(d) => {
                let squared: Vec<f64> = d.iter().map(|v| v * scale).collect();
                Ok(Weight::from_diagonal(&squared, power, gram_error))
            }
            Gram::Dense(a) => Weight::from_dense(side, a, scale, power, gram_error),
        }
    }

    /// Exact to a few roundings; zeros keep a zero inverse.
    fn from_diagonal(squared: &[f64], power: f64, gram_error: f64) -> Self {
        let root = |v: &f64| if *v > 0.0 { v.powf(power / 2.0) } else { 0.0 };
        let weight: Vec<f64> = squared.iter().map(root).collect();
        let inverse: Vec<f64> = weight
            .iter()
            .map(|w| if *w > 0.0 { 1.0 / w } else { 0.0 })
            .collect();
        let largest = weight.iter().fold(0.0, |m, w| f64::max(m, *w));
        let inverse_norm = inverse.iter().fold(0.0, |m, w| f64::max(m, *w));
        let trace: f64 = squared.iter().sum();
        let smallest = squared
            .iter()
            .filter(|v| **v > 0.0)
            .fold(f64::INFINITY, |m, v| m.min(*v));
        // Three roundings of the scaled square, halved by the root; one of the power and one of the inverse.
        let relative = gram_error * trace / smallest;
        Weight {
            unobserved: weight.iter().filter(|w| **w == 0.0).count(),
            condition: largest * inverse_norm,
            inverse_norm,
            absolute_norm: inverse_norm,
            rounding: amplification(relative, power, 8.0 * f64::EPSILON),
            weight: Gram::Diagonal(weight),
            inverse: Gram::Diagonal(inverse),
        }
    }

    /// By the eigenvalue decomposition of D².
    fn from_dense(
        side: &'static str,
        gram: &Mat<f64>,
        scale: f64,
        power: f64,
        gram_error: f64,
    ) -> Result<Self, Error> {
        let n = gram.nrows();
        // Eigenvalue routines square their entries: bring them near one.
        let unit = power_of_two(gram.norm_max());
        let gram = Mat::from_fn(n, n, |i, j| gram[(i, j)] / unit);
        let scale = scale * unit;
        let (values, vectors) = symmetric_eigen(gram.as_ref())?;
        let (smallest, largest) = (values[0], values[n - 1]);
        // Written so that NaN is refused too.
        let regular = smallest > SINGULAR * largest;
        if !regular {
            return Err(Error::SingularRescaling {
                side,
                smallest: smallest * scale,
                largest: largest * scale,
            });
        }
        let function = |power: f64| {
            row_gram(
                Mat::from_fn(n, n, |i, j| {
                    vectors[(i, j)] * (values[j] * scale).powf(power / 4.0)
                })
                .as_ref(),
            )
        };
        let inverse = function(-power);
        let condition = (largest / smallest).powf(power / 2.0);
        let defect = orthonormality_defect(vectors.as_ref());
        let turned = defect * (2.0 + defect);
        let eta = (decomposition_error(&gram, &values, &vectors, gram_error) + turned * largest) / smallest;
        // tr(H⁻¹)·‖H‖ bounds the sizes that the product in `function` rounds.
        let trace: f64 = values.iter().map(|v| (largest / v).powf(power / 2.0)).sum();
        let zeta = turned * condition + (gamma(n + 2) + 8.0 * f64::EPSILON) * trace;
        Ok(Weight {
            weight: Gram::Dense(function(power)),
            unobserved: 0,
            condition,
            inverse_norm: (smallest * scale).powf(-power / 2.0) * (1.0 + zeta),
            absolute_norm: absolute_norm(&inverse),
            rounding: amplification(eta, power, zeta),
            inverse: Gram::Dense(inverse),
        })
    }

    /// W·V.
    pub fn times(&self, v: MatRef<'_, f64>) -> Mat<f64> {
        self.weight.times(v)
    }

    /// The diagonal of W: all of W for maps that observe single entries.
    pub fn diagonal(&self) -> Vec<f64> {
        match &self.weight {
            Gram::Diagonal(d) => d.clone(),
            Gram::Dense(a) => (0..a.nrows()).map(|i| a[(i, i)]).collect(),
        }
    }

    /// W⁻¹·V (the pseudo-inverse where rows are unobserved).
    pub fn inverse_times(&self, v: MatRef<'_, f64>) -> Mat<f64> {
        self.inverse.times(v)
    }

    /// W⁻¹ as a matrix, n × n.
    pub(super) fn inverse(&self) -> &Gram {
        &self.inverse
    }

    /// W⁻² as a matrix, n × n.
    pub(crate) fn inverse_squared(&self) -> Gram {
        match &self.inverse {
            Gram::Diagonal(d) => Gram::Diagonal(d.iter().map(|v| v * v).collect()),
            Gram::Dense(a) => Gram::Dense(product(a.as_ref(), a.as_ref())),
        }
    }

    /// The condition number of W; infinite where rows or columns are unobserved.
    pub fn condition(&self) -> f64 {
        if self.unobserved > 0 {
            f64::INFINITY
        } else {
            self.condition
        }
    }

    /// How many rows (columns) no measurement sees.
    pub fn unobserved(&self) -> usize {
        self.unobserved
    }

    /// ‖W⁻¹‖_F²/n.
    pub(crate) fn inverse_mean_square(&self) -> f64 {
        match &self.inverse {
            Gram::Diagonal(d) => d.iter().map(|v| v * v).sum::<f64>() / d.len() as f64,
            Gram::Dense(a) => a.squared_norm_l2() / a.nrows() as f64,
        }
    }

    /// ‖W⁻¹‖, with its rounding on the upper side.
    pub(crate) fn inverse_norm(&self) -> f64 {
        self.inverse_norm
    }

    /// The operator norm of |W⁻¹|, entry by entry, from above: what products with W⁻¹ can magnify rounding by.
    pub(crate) fn absolute_norm(&self) -> f64 {
        self.absolute_norm
    }

    /// Whether W is diagonal: products with it round each entry once.
    pub(crate) fn is_diagonal(&self) -> bool {
        matches!(self.inverse, Gram::Diagonal(_))
    }

    /// A bound on ‖W⁻¹ P⁻¹‖ − 1 for the computed inverse P; infinite where rounding leaves nothing proved.
    pub(crate) fn rounding(&self) -> f64 {
        self.rounding
    }
}

/// (1 − η)^{−α/2}/(1 − ζ) − 1, rounded up.
fn amplification(eta: f64, power: f64, zeta: f64) -> f64 {
    if !(eta < 1.0 && zeta < 1.0) {
        return f64::INFINITY;
    }
    ((1.0 - eta).powf(-power / 2.0) / (1.0 - zeta) - 1.0) * (1.0 + 1e-6) + 8.0 * f64::EPSILON
}

/// A bound on ‖G − V Λ Vᵀ‖_F for the exact G: the residual, its own rounding, and that of the computed G.
fn decomposition_error(gram: &Mat<f64>, values: &[f64], vectors: &Mat<f64>, gram_error: f64) -> f64 {
    let n = gram.nrows();
    let scaled = Mat::from_fn(n, n, |i, j| vectors[(i, j)] * values[j]);
    let residual = gram - product(scaled.as_ref(), vectors.transpose());
    let sizes = frobenius(scaled.as_ref()) * frobenius(vectors.as_ref()) + frobenius(gram.as_ref());
    let trace: f64 = (0..n).map(|i| gram[(i, i)]).sum();
    (frobenius(residual.as_ref()) + gamma(n + 4) * sizes + gram_error * trace) * (1.0 + 1e-6)
}

/// ‖|P|‖ ≤ the smaller of ‖P‖_F and, as |P| is symmetric, its largest column sum.
fn absolute_norm(p: &Mat<f64>) -> f64 {
    let sums = p.col_iter().map(|c| c.iter().map(|v| v.abs()).sum::<f64>());
    sums.fold(0.0, f64::max).min(frobenius(p.as_ref())) * (1.0 + 1e-6)
}
