//! The problem: a measurement map, its data and how closely the data are to be fitted.
//!
//! A problem never changes and never holds the ground truth.

use crate::domain::Domain;
use crate::error::{Error, check_finite, check_length, check_magnitude, check_shape};
use crate::map::MeasurementMap;

/// The data, unless all zero, have their largest magnitude between 1/LARGEST and LARGEST: ‖y‖² is in range then.
const LARGEST: f64 = 1e150;

/// How closely A(X) has to meet y.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fit {
    /// A(X) = y.
    Exact,
    /// ‖A(X) − y‖₂ ≤ ε.
    Ball(f64),
    /// ½‖A(X) − y‖₂² + λ·‖W̃1 X W̃2‖_*, with the weights W̃ of [`Weights`](crate::flatness::Weights).
    Penalised(f64),
}

impl Fit {
    /// Refuses an ε or a λ that is not positive and finite.
    pub(crate) fn check(self) -> Result<(), Error> {
        let (name, value) = match self {
            Fit::Exact => return Ok(()),
            Fit::Ball(epsilon) => ("epsilon", epsilon),
            Fit::Penalised(lambda) => ("lambda", lambda),
        };
        if value > 0.0 && value.is_finite() {
            return Ok(());
        }
        Err(Error::Setting {
            name,
            found: value.to_string(),
            expected: "a positive number",
        })
    }
}

/// Which weights the nuclear norm carries: ‖W1 X W2‖_*.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Objective {
    /// W = D: the scaled trace of the Hessian.
    Flat,
    /// W = I: norm-minimal.
    Nuclear,
    /// W = D^α, between nuclear (α = 0) and flat (α = 1).
    Smoothed(f64),
}

impl Objective {
    /// The power of D.
    pub fn power(self) -> f64 {
        match self {
            Objective::Flat => 1.0,
            Objective::Nuclear => 0.0,
            Objective::Smoothed(alpha) => alpha,
        }
    }
}

/// Recover X from y ≈ A(X).
#[derive(Debug)]
pub struct Problem {
    map: Box<dyn MeasurementMap>,
    data: Vec<f64>,
    fit: Fit,
    objective: Objective,
    domain: Domain,
}

impl Problem {
    /// Checks the data against the map and the settings against their ranges.
    ///
    /// # Errors
    /// A map without rows, columns or measurements; data of another length than m, not finite, or all beyond 1e150 or
    /// below 1e-150 in magnitude (but not all zero); ε or λ not positive and finite; a smoothing power outside [0, 1].
    pub fn new(
        map: Box<dyn MeasurementMap>,
        data: Vec<f64>,
        fit: Fit,
        objective: Objective,
    ) -> Result<Self, Error> {
        check_shape(map.shape(), map.measurements())?;
        check_length("y", data.len(), map.measurements())?;
        check_finite("y", &data)?;
        check_magnitude("y", &data, LARGEST)?;
        fit.check()?;
        if let Objective::Smoothed(alpha) = objective
            && !(0.0..=1.0).contains(&alpha)
        {
            return Err(Error::Setting {
                name: "smoothed",
                found: alpha.to_string(),
                expected: "a power of D from 0 (nuclear) to 1 (flat)",
            });
        }
        Ok(Problem {
            map,
            data,
            fit,
            objective,
            domain: Domain::General,
        })
    }

    /// The same problem over the matrices of `domain`; [`Problem::new`] seeks X among all.
    ///
    /// # Errors
    /// A symmetric or semidefinite domain for a map some of whose A_i are not symmetric.
    pub fn over(self, domain: Domain) -> Result<Self, Error> {
        if domain.is_symmetric() && !self.map.is_symmetric() {
            return Err(Error::Setting {
                name: "domain",
                found: format!("{domain:?} for a map that is not symmetric"),
                expected: "measurements ⟨A_i, X⟩ with every A_i symmetric",
            });
        }
        Ok(Problem { domain, ..self })
    }

    /// A.
    pub fn map(&self) -> &dyn MeasurementMap {
        self.map.as_ref()
    }

    /// y.
    pub fn data(&self) -> &[f64] {
        &self.data
    }

    /// How closely y is to be met.
    pub fn fit(&self) -> Fit {
        self.fit
    }

    /// The weights of the nuclear norm.
    pub fn objective(&self) -> Objective {
        self.objective
    }

    /// Among which matrices X is sought.
    pub fn domain(&self) -> Domain {
        self.domain
    }

    /// The same map, data and domain under another fit and objective.
    pub fn with(self, fit: Fit, objective: Objective) -> Result<Self, Error> {
        let domain = self.domain;
        Problem::new(self.map, self.data, fit, objective)?.over(domain)
    }
}
