//! The rescaling matrices
//!
//!   D1 = ( Σ A_i A_iᵀ / (m·d2) )^{1/2},   D2 = ( Σ A_iᵀ A_i / (m·d1) )^{1/2}
//!
//! and the weights W1 = D1^α, W2 = D2^α of the objective ‖W1 X W2‖_* (α = 1 flat, α = 0 nuclear).
//!
//! In Z = W1 X W2 the objective is the plain nuclear norm and the map is B(Z) = A(W1⁻¹ Z W2⁻¹): see [`Rescaled`].
//! Source: Ding et al. (2024), section 2, DOI 10.1093/imaiai/iaae009.

use faer::{Mat, MatRef};

use crate::error::Error;
use crate::linalg::dense::{product, symmetric_eigen};
use crate::map::{Adjoint, Gram, Linearisation, MeasurementMap, RowBlocks};
use crate::problem::Objective;

/// Below this ratio of its extreme eigenvalues, D² counts as singular: its inverse would carry no correct digit.
const SINGULAR: f64 = 1e-12;

/// A symmetric weight W with its inverse.
#[derive(Clone, Debug)]
pub struct Weight {
    weight: Gram,
    inverse: Gram,
    /// Number of zero diagonal entries: rows (columns) that nothing observes. W⁻¹ is the pseudo-inverse there.
    unobserved: usize,
    /// ‖W‖/‖W⁺‖⁻¹ over the observed part.
    condition: f64,
    /// ‖W⁻¹‖.
    inverse_norm: f64,
    /// A bound on the relative rounding of W⁻¹: ‖computed W·(W⁻¹)_computed⁻¹ − I‖.
    rounding: f64,
}

impl Weight {
    /// W = (gram·scale)^{power/2}.
    fn new(side: &'static str, gram: &Gram, scale: f64, power: f64) -> Result<Self, Error> {
        let dimension = gram.dimension();
        if power == 0.0 {
            return Ok(Weight::from_diagonal(vec![1.0; dimension], 1.0));
        }
        match gram {
            Gram::Diagonal(d) => Ok(Weight::from_diagonal(
                d.iter().map(|v| v * scale).collect(),
                power,
            )),
            Gram::Dense(a) => Weight::from_dense(side, a, scale, power),
        }
    }

    /// Exact to a few roundings; zeros keep a zero inverse.
    fn from_diagonal(squared: Vec<f64>, power: f64) -> Self {
        let weight: Vec<f64> = squared.iter().map(|v| v.powf(power / 2.0)).collect();
        let weight: Vec<f64> = weight
            .iter()
            .zip(&squared)
            .map(|(w, s)| if *s > 0.0 { *w } else { 0.0 })
            .collect();
        let inverse: Vec<f64> = weight
            .iter()
            .map(|w| if *w > 0.0 { 1.0 / w } else { 0.0 })
            .collect();
        let largest = weight.iter().fold(0.0, |m, w| f64::max(m, *w));
        let inverse_norm = inverse.iter().fold(0.0, |m, w| f64::max(m, *w));
        Weight {
            unobserved: weight.iter().filter(|w| **w == 0.0).count(),
            condition: largest * inverse_norm,
            inverse_norm,
            rounding: 8.0 * f64::EPSILON,
            weight: Gram::Diagonal(weight),
            inverse: Gram::Diagonal(inverse),
        }
    }

    /// By the eigenvalue decomposition of D².
    fn from_dense(side: &'static str, gram: &Mat<f64>, scale: f64, power: f64) -> Result<Self, Error> {
        let n = gram.nrows();
        let (values, vectors) = symmetric_eigen(gram.as_ref())?;
        let (smallest, largest) = (values[0] * scale, values[n - 1] * scale);
        if !(smallest > SINGULAR * largest) {
            return Err(Error::SingularRescaling {
                side,
                smallest,
                largest,
            });
        }
        let function = |power: f64| {
            let scaled = Mat::from_fn(n, n, |i, j| {
                vectors[(i, j)] * (values[j] * scale).powf(power / 4.0)
            });
            Gram::Dense(product(scaled.as_ref(), scaled.transpose()))
        };
        let ratio = largest / smallest;
        Ok(Weight {
            weight: function(power),
            inverse: function(-power),
            unobserved: 0,
            condition: ratio.powf(power / 2.0),
            inverse_norm: smallest.powf(-power / 2.0),
            // Forming D² and its eigenvalues errs by about n·ε·‖D²‖, which the inverse root magnifies by κ(D²).
            rounding: 4.0 * n as f64 * f64::EPSILON * ratio,
        })
    }

    /// W·V.
    pub fn times(&self, v: MatRef<'_, f64>) -> Mat<f64> {
        self.weight.times(v)
    }

    /// W⁻¹·V (the pseudo-inverse where rows are unobserved).
    pub fn inverse_times(&self, v: MatRef<'_, f64>) -> Mat<f64> {
        self.inverse.times(v)
    }

    /// W⁻² as a matrix.
    pub fn inverse_squared(&self) -> Gram {
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

    /// ‖W⁻¹‖.
    pub fn inverse_norm(&self) -> f64 {
        self.inverse_norm
    }

    /// A bound on the relative rounding error of a product with W⁻¹, n rows long (Higham 2002, equation 3.13).
    pub(crate) fn multiplication_error(&self, n: usize) -> f64 {
        match &self.inverse {
            Gram::Diagonal(_) => f64::EPSILON,
            Gram::Dense(_) => crate::map::gamma(n + 1) * (n as f64).sqrt() * self.condition,
        }
    }

    /// A bound on the relative rounding error of W⁻¹.
    pub fn rounding(&self) -> f64 {
        self.rounding
    }
}

/// The two weights of an objective, and the map in the rescaled variable.
#[derive(Clone, Debug)]
pub struct Weights {
    /// W1, d1 × d1.
    pub left: Weight,
    /// W2, d2 × d2.
    pub right: Weight,
    /// Σ A_i A_iᵀ = m·d2·D1².
    pub left_gram: Gram,
    /// Σ A_iᵀ A_i = m·d1·D2².
    pub right_gram: Gram,
    /// ‖W̃1 X W̃2‖_* / ‖W1 X W2‖_*, with the unnormalised weights W̃ of the penalised fit.
    pub penalty_scale: f64,
}

impl Weights {
    /// The weights of `objective` for `map`.
    ///
    /// The penalised fit uses D̃1² = Σ A_i A_iᵀ and D̃2² = Σ A_iᵀ A_i, for completion the row and column counts: flat
    /// weights are D̃, nuclear ones I, and smoothed ones D̃^α scaled so that the mean squared weight over the data,
    /// tr(D̃² W̃²)/tr(D̃²), is that of the flat ones.
    pub fn new(map: &dyn MeasurementMap, objective: Objective) -> Result<Self, Error> {
        let (d1, d2) = map.shape();
        let m = map.measurements() as f64;
        let (left, right) = (map.left_gram(), map.right_gram());
        let power = objective.power();
        let (left_scale, right_scale) = (1.0 / (m * d2 as f64), 1.0 / (m * d1 as f64));
        let mean = |gram: &Gram, scale: f64| -> Result<f64, Error> {
            Ok(if power == 0.0 {
                1.0
            } else {
                scale.powf(-power / 2.0) * mean_weight_correction(gram, power)?
            })
        };
        let penalty_scale = mean(&left, left_scale)? * mean(&right, right_scale)?;
        Ok(Weights {
            left: Weight::new("D1", &left, left_scale, power)?,
            right: Weight::new("D2", &right, right_scale, power)?,
            left_gram: left,
            right_gram: right,
            penalty_scale,
        })
    }

    /// Z = W1 X W2 from the factors of X, factored.
    pub fn rescale(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> (Mat<f64>, Mat<f64>) {
        (self.left.times(l), self.right.times(r))
    }

    /// X = W1⁻¹ Z W2⁻¹ from the factors of Z, factored.
    pub fn restore(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> (Mat<f64>, Mat<f64>) {
        (self.left.inverse_times(l), self.right.inverse_times(r))
    }
}

/// s with  s²·tr(D̃² D̃^{2α}) = tr(D̃² D̃²): 1 for α = 1.
fn mean_weight_correction(gram: &Gram, power: f64) -> Result<f64, Error> {
    if power == 1.0 {
        return Ok(1.0);
    }
    let values = match gram {
        Gram::Diagonal(d) => d.clone(),
        Gram::Dense(a) => symmetric_eigen(a.as_ref())?.0,
    };
    let moment = |p: f64| {
        values
            .iter()
            .filter(|v| **v > 0.0)
            .map(|v| v.powf(p))
            .sum::<f64>()
    };
    Ok((moment(2.0) / moment(1.0 + power)).sqrt())
}

/// B(Z) = A(W1⁻¹ Z W2⁻¹), applied through thin factors and never formed.
#[derive(Clone, Copy, Debug)]
pub struct Rescaled<'a> {
    map: &'a dyn MeasurementMap,
    weights: &'a Weights,
}

impl<'a> Rescaled<'a> {
    /// The map in the variable of `weights`.
    pub fn new(map: &'a dyn MeasurementMap, weights: &'a Weights) -> Self {
        Rescaled { map, weights }
    }

    /// A itself.
    pub fn map(&self) -> &'a dyn MeasurementMap {
        self.map
    }

    /// (d1, d2).
    pub fn shape(&self) -> (usize, usize) {
        self.map.shape()
    }

    /// (W1⁻¹ L, W2⁻¹ R).
    pub fn restore(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> (Mat<f64>, Mat<f64>) {
        self.weights.restore(l, r)
    }

    /// B(L Rᵀ).
    pub fn apply_factored(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Vec<f64> {
        let (l, r) = self.weights.restore(l, r);
        self.map.apply_factored(l.as_ref(), r.as_ref())
    }

    /// B(Z).
    pub fn apply_dense(&self, z: MatRef<'_, f64>) -> Vec<f64> {
        let half = self.weights.left.inverse_times(z);
        let x = self.weights.right.inverse_times(half.transpose());
        self.map.apply_dense(x.transpose())
    }

    /// B*(w) = W1⁻¹ A*(w) W2⁻¹.
    pub fn adjoint(&self, w: &[f64]) -> Adjoint<'a> {
        self.scale_adjoint(self.map.adjoint(w))
    }

    /// W1⁻¹ S W2⁻¹ of S = A*(w).
    pub fn scale_adjoint(&self, adjoint: Adjoint<'a>) -> Adjoint<'a> {
        let (left, right) = (&self.weights.left.inverse, &self.weights.right.inverse);
        match (adjoint, left, right) {
            (Adjoint::Sparse { entries, mut values }, Gram::Diagonal(p), Gram::Diagonal(q)) => {
                for ((value, a), b) in values.iter_mut().zip(entries.rows()).zip(entries.columns()) {
                    *value *= p[*a as usize] * q[*b as usize];
                }
                Adjoint::Sparse { entries, values }
            }
            (adjoint, left, right) => {
                let half = left.times(adjoint.to_dense().as_ref());
                Adjoint::Dense(right.times(half.transpose()).transpose().to_owned())
            }
        }
    }

    /// (B*(w) R, B*(w)ᵀ L).
    pub fn adjoint_thin(&self, w: &[f64], l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> (Mat<f64>, Mat<f64>) {
        let (lx, rx) = self.weights.restore(l, r);
        let (left, right) = self.map.adjoint_thin(w, lx.as_ref(), rx.as_ref());
        self.weights.restore(left.as_ref(), right.as_ref())
    }

    /// The diagonal blocks of Jᵀ J that belong to one row of L or R, where the map and diagonal weights make them cheap.
    pub fn row_blocks(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Option<RowBlocks> {
        let (Gram::Diagonal(left), Gram::Diagonal(right)) =
            (&self.weights.left.inverse, &self.weights.right.inverse)
        else {
            return None;
        };
        let (lx, rx) = self.weights.restore(l, r);
        let mut blocks = self.map.row_blocks(lx.as_ref(), rx.as_ref())?;
        let size = l.ncols() * l.ncols();
        for (part, inverse) in [(&mut blocks.left, left), (&mut blocks.right, right)] {
            for (block, w) in part.chunks_exact_mut(size.max(1)).zip(inverse) {
                block.iter_mut().for_each(|v| *v *= w * w);
            }
        }
        Some(blocks)
    }

    /// Residual, transposed Jacobian and B*(residual) at Z = L Rᵀ.
    pub fn linearise(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>, y: &[f64]) -> Linearisation<'a> {
        let (lx, rx) = self.weights.restore(l, r);
        let mut at = self.map.linearise(lx.as_ref(), rx.as_ref(), y);
        self.scale_jacobian(&mut at.jacobian, l.ncols());
        at.adjoint = self.scale_adjoint(at.adjoint);
        at
    }

    /// The transposed Jacobian of (L, R) ↦ B(L Rᵀ), (d1 + d2)k × m.
    pub fn jacobian(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Mat<f64> {
        let (lx, rx) = self.weights.restore(l, r);
        let mut jacobian = self.map.jacobian(lx.as_ref(), rx.as_ref());
        self.scale_jacobian(&mut jacobian, l.ncols());
        jacobian
    }

    /// Each block of rows that belongs to one column of L (of R) is multiplied by W1⁻¹ (by W2⁻¹).
    fn scale_jacobian(&self, jacobian: &mut Mat<f64>, k: usize) {
        let (d1, d2) = self.shape();
        for c in 0..2 * k {
            let (weight, start, size) = if c < k {
                (&self.weights.left.inverse, c * d1, d1)
            } else {
                (&self.weights.right.inverse, k * d1 + (c - k) * d2, d2)
            };
            let mut block = jacobian.as_mut().subrows_mut(start, size);
            let scaled = weight.times(block.as_ref());
            block.copy_from(scaled);
        }
    }

    /// ⟨B_i, B_j⟩.
    pub fn measurement_gram(&self) -> Gram {
        self.map.measurement_gram(
            &self.weights.left.inverse_squared(),
            &self.weights.right.inverse_squared(),
        )
    }
}
