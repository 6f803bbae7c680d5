//! The rescaling matrices
//!
//!   D1 = ( Σ A_i A_iᵀ / (m·d2) )^{1/2},   D2 = ( Σ A_iᵀ A_i / (m·d1) )^{1/2}
//!
//! and the weights W1 = D1^α, W2 = D2^α of the objective ‖W1 X W2‖_* (α = 1 flat, α = 0 nuclear).
//!
//! Where every A_i is symmetric, D1 = D2 = D with D² = Σ A_i²/(m·d).
//!
//! In Z = W1 X W2 the objective is the plain nuclear norm and the map is B(Z) = A(W1⁻¹ Z W2⁻¹): see [`Rescaled`].
//! Source: Ding et al. (2024), section 2, DOI 10.1093/imaiai/iaae009.

use faer::{Mat, MatRef};
use rayon::prelude::*;

use super::weight::Weight;
use crate::error::{Error, check_shape};
use crate::linalg::dense::symmetric_eigen;
use crate::map::{Adjoint, Gram, Linearisation, MeasurementMap, RowBlocks};
use crate::parametrisation::Parametrisation;
use crate::problem::Objective;

/// The two weights of an objective, and the map in the rescaled variable.
#[derive(Clone, Debug)]
#[non_exhaustive]
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
    ///
    /// # Errors
    /// An empty map; D1 or D2 dense and singular to working precision (unless nuclear); an overflow in Σ A_i A_iᵀ.
    pub fn new(map: &dyn MeasurementMap, objective: Objective) -> Result<Self, Error> {
        check_shape(map.shape(), map.measurements())?;
        let symmetric = map.is_symmetric();
        let left = map.left_gram();
        let right = if symmetric { left.clone() } else { map.right_gram() };
        Self::of_grams(
            (left, right),
            map.measurements(),
            map.gram_rounding(),
            symmetric,
            objective,
        )
    }

    /// The weights of completion, from the numbers of entries in each row and in each column.
    ///
    /// # Errors
    /// No row, no column, no entry.
    pub fn of_counts(rows: &[f64], columns: &[f64], objective: Objective) -> Result<Self, Error> {
        let entries = rows.iter().sum::<f64>() as usize;
        check_shape((rows.len(), columns.len()), entries)?;
        let grams = (Gram::Diagonal(rows.to_vec()), Gram::Diagonal(columns.to_vec()));
        Self::of_grams(grams, entries, (0.0, 0.0), false, objective)
    }

    /// From Σ A_i A_iᵀ and Σ A_iᵀ A_i of m measurements, each off by at most that share of its trace.
    fn of_grams(
        (left, right): (Gram, Gram),
        m: usize,
        (left_error, right_error): (f64, f64),
        symmetric: bool,
        objective: Objective,
    ) -> Result<Self, Error> {
        let (d1, d2, m) = (left.dimension(), right.dimension(), m as f64);
        if !(left.trace().is_finite() && right.trace().is_finite()) {
            return Err(Error::Numerical("the squares of the measurements: they overflow"));
        }
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
        let weight = Weight::new("D1", &left, left_scale, power, left_error)?;
        Ok(Weights {
            right: if symmetric {
                weight.clone()
            } else {
                Weight::new("D2", &right, right_scale, power, right_error)?
            },
            left: weight,
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

    /// The diagonals of W1 and W2.
    pub(crate) fn diagonal_weights(&self) -> (Vec<f64>, Vec<f64>) {
        (self.weights.left.diagonal(), self.weights.right.diagonal())
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
    pub(crate) fn scale_adjoint(&self, adjoint: Adjoint<'a>) -> Adjoint<'a> {
        let (left, right) = (self.weights.left.inverse(), self.weights.right.inverse());
        match (adjoint, left, right) {
            (Adjoint::Sparse { entries, mut values }, Gram::Diagonal(p), Gram::Diagonal(q)) => {
                for ((value, a), b) in values.iter_mut().zip(entries.rows()).zip(entries.columns()) {
                    *value *= p[*a as usize] * q[*b as usize];
                }
                Adjoint::Sparse { entries, values }
            }
            (Adjoint::Dense(mut a), Gram::Diagonal(p), Gram::Diagonal(q)) => {
                a.par_col_chunks_mut(1)
                    .zip(q.par_iter())
                    .for_each(|(mut column, q)| {
                        let column = column.as_mut().col_mut(0);
                        column
                            .iter_mut()
                            .zip(p)
                            .for_each(|(value, p)| *value = *value * p * q);
                    });
                Adjoint::Dense(a)
            }
            (adjoint, left, right) => {
                let half = left.times(adjoint.to_dense().as_ref());
                Adjoint::Dense(right.times(half.transpose()).transpose().to_owned())
            }
        }
    }

    /// B*(w) R.
    pub(crate) fn adjoint_times(&self, w: &[f64], r: MatRef<'_, f64>) -> Mat<f64> {
        let image = self
            .map
            .adjoint_times(w, self.weights.right.inverse_times(r).as_ref());
        self.weights.left.inverse_times(image.as_ref())
    }

    /// (B*(w) R, B*(w)ᵀ L).
    pub(crate) fn adjoint_thin(
        &self,
        w: &[f64],
        l: MatRef<'_, f64>,
        r: MatRef<'_, f64>,
    ) -> (Mat<f64>, Mat<f64>) {
        let (lx, rx) = self.weights.restore(l, r);
        let (left, right) = self.map.adjoint_thin(w, lx.as_ref(), rx.as_ref());
        self.weights.restore(left.as_ref(), right.as_ref())
    }

    /// The diagonal blocks of Jᵀ J that belong to one row of L or R, where the map and diagonal weights make them cheap.
    pub(crate) fn row_blocks(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Option<RowBlocks> {
        let (Gram::Diagonal(left), Gram::Diagonal(right)) =
            (self.weights.left.inverse(), self.weights.right.inverse())
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
    pub(crate) fn linearise(
        &self,
        unknowns: &Parametrisation,
        (l, r): (MatRef<'_, f64>, MatRef<'_, f64>),
        y: &[f64],
    ) -> Linearisation<'a> {
        let (lx, rx) = self.weights.restore(l, r);
        let mut at = unknowns.linearise(self.map, lx.as_ref(), rx.as_ref(), y);
        self.scale_jacobian(&mut at.jacobian, l.ncols());
        at.adjoint = self.scale_adjoint(at.adjoint);
        at
    }

    /// Each block of rows that belongs to one column of L (of R, if there are such) is multiplied by W1⁻¹ (by W2⁻¹).
    fn scale_jacobian(&self, jacobian: &mut Mat<f64>, k: usize) {
        let (d1, d2) = self.shape();
        let of_l = (0..k).map(|c| (self.weights.left.inverse(), c * d1, d1));
        let of_r = (0..k).map(|c| (self.weights.right.inverse(), k * d1 + c * d2, d2));
        for (weight, start, size) in of_l.chain(of_r) {
            if start < jacobian.nrows() {
                let mut block = jacobian.as_mut().subrows_mut(start, size);
                let scaled = weight.times(block.as_ref());
                block.copy_from(scaled);
            }
        }
    }

    /// ⟨B_i, B_j⟩.
    pub(crate) fn measurement_gram(&self) -> Gram {
        self.map.measurement_gram(
            &self.weights.left.inverse_squared(),
            &self.weights.right.inverse_squared(),
        )
    }
}
