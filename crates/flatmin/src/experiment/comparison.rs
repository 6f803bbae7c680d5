//! Flat against norm-minimal against balanced: the distances between the three notions on one instance with exact data.
//!
//! Each is measured against a proved lower bound, so that it is never below the truth by more than rounding.

use std::sync::atomic::AtomicBool;

use super::attempt;
use crate::domain::Domain;
use crate::error::Error;
use crate::factors::Factors;
use crate::flatness::Traces;
use crate::linalg::dense::{frobenius, singular_values};
use crate::map::MeasurementMap;
use crate::problem::{Fit, Objective, Problem};
use crate::solve::{Settings, Solution, Status};

/// The flat and the norm-minimal solution of one instance.
pub(super) struct Comparison {
    /// Minimises ‖D1 X D2‖_*; with flat factors (L_f, R_f).
    pub(super) flat: Solution,
    /// Minimises ‖X‖_*; with balanced factors, which are norm-minimal.
    pub(super) nuclear: Solution,
    /// What the second was solved for: its map and data are those of both.
    pub(super) problem: Problem<'static>,
}

impl Comparison {
    /// Solves both, for matrices in `domain`; `None` where D1 or D2 is singular.
    pub(super) fn solve(
        map: Box<dyn MeasurementMap>,
        y: Vec<f64>,
        domain: Domain,
        settings: &Settings,
        interrupt: &AtomicBool,
    ) -> Result<Option<Self>, Error> {
        let problem = Problem::new(map, y, Fit::Exact, Objective::Flat)?.over(domain)?;
        let Some(flat) = attempt(&problem, settings, interrupt)? else {
            return Ok(None);
        };
        if flat.weights.left.unobserved() + flat.weights.right.unobserved() > 0 {
            return Ok(None);
        }
        let problem = problem.with(Fit::Exact, Objective::Nuclear)?;
        let nuclear = attempt(&problem, settings, interrupt)?;
        Ok(nuclear.map(|nuclear| Comparison {
            flat,
            nuclear,
            problem,
        }))
    }

    /// That of the flat solution, unless only the norm-minimal one lacks its proof.
    pub(super) fn status(&self) -> &'static str {
        match self.flat.status {
            Status::Certified => self.nuclear.status.name(),
            status => status.name(),
        }
    }

    /// The larger of the two gaps.
    pub(super) fn gap(&self) -> f64 {
        self.flat.certificate.gap.max(self.nuclear.certificate.gap)
    }

    /// ‖X_flat − X_nuclear‖_F / ‖X_nuclear‖_F.
    pub(super) fn difference(&self) -> f64 {
        let nuclear = self.nuclear.factors.dense();
        let size = frobenius(nuclear.as_ref());
        frobenius((self.flat.factors.dense() - nuclear).as_ref()) / size
    }

    /// (‖L_f‖_F² + ‖R_f‖_F²)/inf − 1; the infimum over all factors that fit the data is 2‖X_nuclear‖_*.
    pub(super) fn norm_excess(&self) -> f64 {
        self.flat.factors.squared_norm() / (2.0 * self.nuclear.certificate.lower_bound) - 1.0
    }

    /// ‖L_fᵀL_f − R_fᵀR_f‖_* over `size`.
    pub(super) fn imbalance(&self, size: f64) -> Result<f64, Error> {
        let difference = self.flat.factors.gram_difference();
        Ok(singular_values(difference.as_ref())?.iter().sum::<f64>() / size)
    }

    /// The excess flatness of the norm-minimal factors.
    pub(super) fn excess_of_norm_minimal(&self) -> f64 {
        self.excess_flatness(&self.nuclear.factors)
    }

    /// The excess flatness of the balanced factors of the flat solution's matrix.
    pub(super) fn excess_of_balanced(&self) -> Result<f64, Error> {
        let balanced = Factors::balanced(&self.flat.factors.svd()?, 0.0);
        Ok(self.excess_flatness(&balanced))
    }

    /// str D²f over its minimum 4m·‖D1 X_flat D2‖_*, minus 1.
    fn excess_flatness(&self, x: &Factors) -> f64 {
        let measurements = self.problem.map().measurements() as f64;
        self.scaled_trace(x) / (4.0 * measurements * self.flat.certificate.lower_bound) - 1.0
    }

    /// str D²f at these factors.
    fn scaled_trace(&self, x: &Factors) -> f64 {
        let weights = &self.flat.weights;
        Traces::new(&weights.left_gram, &weights.right_gram, x).scaled
    }
}
