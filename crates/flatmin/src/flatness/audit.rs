//! How flat are these factors? The numbers that describe a point (L, R), whoever made it.

use crate::domain::Domain;
use crate::error::{Error, check_finite, check_length};
use crate::factors::Factors;
use crate::flatness::{Hessian, Traces, Weights};
use crate::linalg::vector::safe_norm;
use crate::map::MeasurementMap;
use crate::signed::SignedFactors;

/// Flatness of one point (L, R) or (U1, U2), solution or not.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
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
/// ```
/// use flatmin::flatness::{Weights, audit};
/// use flatmin::map::Identity;
/// use flatmin::{Factors, Objective};
///
/// // f(l, r) = (lr − 1)² at (1, 1) and at (4, 1/4): the traces are 2(l² + r²).
/// let map = Identity::new((1, 1));
/// let weights = Weights::new(&map, Objective::Flat)?;
/// let trace = |l: f64, r: f64| -> Result<f64, flatmin::Error> {
///     let x = Factors::new(faer::mat![[l]], faer::mat![[r]])?;
///     Ok(audit(&map, &weights, &[1.0], &x)?.traces.total())
/// };
/// assert_eq!(trace(1.0, 1.0)?, 4.0);
/// assert_eq!(trace(4.0, 0.25)?, 32.125);
/// # Ok::<(), flatmin::Error>(())
/// ```
///
/// # Errors
/// Factors or data that do not fit the map or are not finite; a decomposition that fails.
pub fn audit(map: &dyn MeasurementMap, weights: &Weights, y: &[f64], x: &Factors) -> Result<Audit, Error> {
    x.check(map.shape())?;
    let misfit = misfit(map, y, x)?;
    Ok(Audit {
        traces: Traces::new(&weights.left_gram, &weights.right_gram, x),
        balancedness: balancedness(x.imbalance(), &x.svd()?.s),
        squared_norm: x.squared_norm(),
        lambda_max: Hessian::new(map, x, y).largest_eigenvalue()?,
        misfit,
        condition_d1: weights.left.condition(),
        condition_d2: weights.right.condition(),
    })
}

/// Measures (U1, U2) as a point of f(U1, U2) = ‖A(U1U1ᵀ − U2U2ᵀ) − y‖²: its balancedness is that of (L, R) = (U, U S), 0 where
/// U1 and U2 are orthogonal to each other, and its squared norm ‖U1‖_F² + ‖U2‖_F².
///
/// # Errors
/// A map whose A_i are not symmetric; factors or data that do not fit it or are not finite; a decomposition that fails.
pub fn audit_signed(
    map: &dyn MeasurementMap,
    weights: &Weights,
    y: &[f64],
    x: &SignedFactors,
) -> Result<Audit, Error> {
    if !map.is_symmetric() {
        return Err(Error::Setting {
            name: "map",
            found: "one that is not symmetric".into(),
            expected: "measurements ⟨A_i, M⟩ with every A_i symmetric",
        });
    }
    x.check(map.shape().0)?;
    let factors = x.factors();
    let misfit = misfit(map, y, &factors)?;
    Ok(Audit {
        traces: Traces::signed(map, &weights.left_gram, y, x),
        balancedness: balancedness(
            factors.imbalance(),
            &Domain::Symmetric.decompose_factors(&factors)?.s,
        ),
        squared_norm: 0.5 * factors.squared_norm(),
        lambda_max: Hessian::signed(map, x, y).largest_eigenvalue()?,
        misfit,
        condition_d1: weights.left.condition(),
        condition_d2: weights.right.condition(),
    })
}

/// ‖A(X) − y‖₂, after looking at y.
fn misfit(map: &dyn MeasurementMap, y: &[f64], x: &Factors) -> Result<f64, Error> {
    check_length("y", y.len(), map.measurements())?;
    check_finite("y", y)?;
    let mut residual = map.apply_factored(x.l.as_ref(), x.r.as_ref());
    residual.iter_mut().zip(y).for_each(|(r, y)| *r -= y);
    Ok(safe_norm(&residual))
}

/// An imbalance over ‖X‖_*.
fn balancedness(imbalance: f64, singular_values: &[f64]) -> f64 {
    let nuclear: f64 = singular_values.iter().sum();
    if nuclear > 0.0 { imbalance / nuclear } else { 0.0 }
}
