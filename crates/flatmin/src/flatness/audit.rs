//! How flat are these factors? The numbers that describe a point (L, R), whoever made it.

use crate::error::{Error, check_finite, check_length};
use crate::factors::Factors;
use crate::flatness::{Traces, Weights, largest_eigenvalue};
use crate::linalg::vector::safe_norm;
use crate::map::MeasurementMap;

/// Flatness of one point (L, R), solution or not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Audit {
    /// Traces of D²f.
    pub traces: Traces,
    /// ‖LᵀL − RᵀR‖_F / ‖X‖_*; 0 for X = 0.
    pub balancedness: f64,
    /// ‖L‖_F² + ‖R‖_F².
    pub squared_norm: f64,
    /// The largest eigenvalue of D²f.
    pub lambda_max: f64,
    /// ‖A(X) − y‖₂, in the units of y.
    pub misfit: f64,
    /// Condition number of W1 (D1 for the flat objective).
    pub condition_d1: f64,
    /// Condition number of W2.
    pub condition_d2: f64,
}

/// Measures `x` against the data `y` (m numbers). `weights` are those of the flat objective.
///
/// # Errors
/// Factors or data that do not fit the map or are not finite; a decomposition that fails.
pub fn audit(map: &dyn MeasurementMap, weights: &Weights, y: &[f64], x: &Factors) -> Result<Audit, Error> {
    x.check(map.shape())?;
    check_length("y", y.len(), map.measurements())?;
    check_finite("y", y)?;
    let mut residual = map.apply_factored(x.l.as_ref(), x.r.as_ref());
    residual.iter_mut().zip(y).for_each(|(r, y)| *r -= y);
    let nuclear: f64 = x.svd()?.s.iter().sum();
    Ok(Audit {
        traces: Traces::new(&weights.left_gram, &weights.right_gram, x),
        balancedness: if nuclear > 0.0 {
            x.imbalance() / nuclear
        } else {
            0.0
        },
        squared_norm: x.squared_norm(),
        lambda_max: largest_eigenvalue(map, x, y)?,
        misfit: safe_norm(&residual),
        condition_d1: weights.left.condition(),
        condition_d2: weights.right.condition(),
    })
}
