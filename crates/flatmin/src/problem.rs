//! The problem: a measurement map, its data and how closely the data are to be fitted.
//!
//! A problem never changes and never holds the ground truth.

use crate::domain::Domain;
use crate::error::{Error, check_finite, check_length, check_magnitude, check_positive, check_shape};
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
    /// ‖X‖_* + θ·‖A(X) − y‖_1, the sum of magnitudes: principal component pursuit (Candès, Li, Ma and Wright, *Robust
    /// principal component analysis?*, J. ACM 58(3), 2011, DOI 10.1145/1970392.1970395), where few entries may be far off.
    Absolute(f64),
    /// ‖A(X) − y‖_1 ≤ τ: the robust form of Ding et al. (2024), where y is a low-rank matrix plus outliers S, ‖S‖_1 ≤ τ.
    /// A solution of `Absolute(θ)` is one of this with τ = ‖A(X) − y‖_1.
    AbsoluteBall(f64),
}

impl Fit {
    /// Whether A(X) − y is measured by the sum of its magnitudes: robust PCA.
    pub fn is_absolute(self) -> bool {
        matches!(self, Fit::Absolute(_) | Fit::AbsoluteBall(_))
    }

    /// Refuses an ε, λ, θ or τ that is not positive and finite.
    pub(crate) fn check(self) -> Result<(), Error> {
        let (name, value) = match self {
            Fit::Exact => return Ok(()),
            Fit::Ball(epsilon) => ("epsilon", epsilon),
            Fit::Penalised(lambda) => ("lambda", lambda),
            Fit::Absolute(theta) => ("theta", theta),
            Fit::AbsoluteBall(radius) => ("radius", radius),
        };
        check_positive(name, value)
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
    /// By its [`name`](Self::name): `flat`, `nuclear`, or `smoothed:ALPHA` with α from 0 to 1.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "flat" => Some(Objective::Flat),
            "nuclear" => Some(Objective::Nuclear),
            _ => {
                let power: f64 = name.strip_prefix("smoothed:")?.parse().ok()?;
                (0.0..=1.0).contains(&power).then_some(Objective::Smoothed(power))
            }
        }
    }

    /// As the command line, results and rows say it.
    pub fn name(self) -> String {
        match self {
            Objective::Flat => "flat".to_owned(),
            Objective::Nuclear => "nuclear".to_owned(),
            Objective::Smoothed(power) => format!("smoothed:{power}"),
        }
    }

    /// The power of D.
    pub fn power(self) -> f64 {
        match self {
            Objective::Flat => 1.0,
            Objective::Nuclear => 0.0,
            Objective::Smoothed(alpha) => alpha,
        }
    }
}

/// Recover X from y ≈ A(X). The map may borrow what it measures with, for `'a`.
#[derive(Debug)]
pub struct Problem<'a> {
    map: Box<dyn MeasurementMap + 'a>,
    data: Vec<f64>,
    fit: Fit,
    objective: Objective,
    domain: Domain,
}

impl<'a> Problem<'a> {
    /// Checks the data against the map and the settings against their ranges.
    ///
    /// # Errors
    /// A map without rows, columns or measurements; data of another length than m, not finite, or all beyond 1e150 or
    /// below 1e-150 in magnitude (but not all zero); ε, λ, θ or τ not positive and finite; a smoothing power outside
    /// [0, 1]; weights under an absolute fit, whose θ and τ are those of the plain nuclear norm.
    ///
    /// ```
    /// use flatmin::map::Entries;
    /// use flatmin::{Fit, Objective, Problem};
    ///
    /// let (map, y) = Entries::new(&[0, 0, 1], &[0, 1, 0], &[1.0, 2.0, 3.0], (2, 2))?;
    /// let problem = Problem::new(Box::new(map), y, Fit::Exact, Objective::Flat)?;
    /// // The same data under a penalty and the plain nuclear norm.
    /// let noisy = problem.with(Fit::Penalised(0.1), Objective::Nuclear)?;
    /// assert_eq!(noisy.data(), [1.0, 2.0, 3.0]);
    /// assert!(noisy.with(Fit::Penalised(-1.0), Objective::Flat).is_err());
    /// # Ok::<(), flatmin::Error>(())
    /// ```
    pub fn new(
        map: Box<dyn MeasurementMap + 'a>,
        data: Vec<f64>,
        fit: Fit,
        objective: Objective,
    ) -> Result<Self, Error> {
        check_shape(map.shape(), map.measurements())?;
        check_length("y", data.len(), map.measurements())?;
        check_finite("y", &data)?;
        check_magnitude("y", &data, LARGEST)?;
        fit.check()?;
        if fit.is_absolute() && objective != Objective::Nuclear {
            return Err(Error::Setting {
                name: "the objective of robust PCA",
                found: format!("{objective:?}").to_lowercase(),
                expected: "nuclear (for a matrix observed whole, D1 and D2 are multiples of I and flat is the same)",
            });
        }
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
    /// A symmetric or semidefinite domain for a map some of whose A_i are not symmetric, or for an absolute fit.
    pub fn over(self, domain: Domain) -> Result<Self, Error> {
        if domain.is_symmetric() && !self.map.is_symmetric() {
            return Err(Error::Setting {
                name: "domain",
                found: format!("{domain:?} for a map that is not symmetric"),
                expected: "measurements ⟨A_i, X⟩ with every A_i symmetric",
            });
        }
        if domain.is_symmetric() && self.fit.is_absolute() {
            return Err(Error::Setting {
                name: "domain",
                found: format!("{domain:?} with an absolute fit"),
                expected: "the general domain for robust PCA",
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

    /// The same map, fit, objective and domain with other data.
    ///
    /// # Errors
    /// As many data as measurements are expected, all of them finite.
    pub fn with_data(self, data: Vec<f64>) -> Result<Self, Error> {
        let domain = self.domain;
        Problem::new(self.map, data, self.fit, self.objective)?.over(domain)
    }

    /// The same map, data and domain under another fit and objective.
    pub fn with(self, fit: Fit, objective: Objective) -> Result<Self, Error> {
        let domain = self.domain;
        Problem::new(self.map, self.data, fit, objective)?.over(domain)
    }
}
