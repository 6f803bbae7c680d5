//! What `solve` and `measure` of robust PCA have in common.
//!
//! With S held, the loss at (L, R) is f = ‖A(L Rᵀ) + S − y‖²: traces and eigenvalues are those of this local model, which is
//! C² where the loss minimised over S is not (Ding et al. 2024, section on robust PCA).

use flatmin::certificate::dual_bound;
use flatmin::flatness::Weights;
use flatmin::map::{Identity, MeasurementMap};
use flatmin::{Error, Factors, Fit, Objective, Problem};

use crate::args::FitArgs;
use crate::commands::run::Run;
use crate::failure::{Failure, usage};
use crate::instance::Instance;
use crate::output::result::ResultFile;

/// Entries of S below this share of the largest magnitude of y are rounding.
const ZERO: f64 = 1e-9;

/// Refuses the fits of the other models.
pub(super) fn check_fit(fit: &FitArgs) -> Result<(), Failure> {
    match fit.choice() {
        None => Ok(()),
        Some(_) => Err(usage(
            "--exact, --epsilon, --lambda: found with rpca, expected --theta V or --radius T".to_owned(),
        )),
    }
}

/// The result with the keys every run has. Where all entries are observed D1 and D2 are multiples of I, and every
/// objective is the nuclear norm; where some are not, it is the nuclear norm that is minimised.
pub(super) fn result(run: &Run<'_>, instance: &Instance) -> Result<ResultFile, Failure> {
    let whole = instance.map.as_entries().is_none();
    let mut result = run.result(instance.map.shape(), instance.map.measurements());
    let asked = run.options.run.objective.given()?;
    let objective = if whole { asked } else { Objective::Nuclear };
    result.objective = objective.name();
    Ok(result)
}

/// Sets the keys of the fit and of S.
pub(super) fn describe(result: &mut ResultFile, fit: Fit, s: &[f64]) {
    result.fit = match fit {
        Fit::Absolute(_) => "theta",
        _ => "radius",
    }
    .to_owned();
    result.theta = match fit {
        Fit::Absolute(theta) => Some(theta),
        _ => None,
    };
    result.radius = Some(s.iter().map(|s| s.abs()).sum());
    result.outliers = Some(s.iter().filter(|s| **s != 0.0).count());
}

/// y − A(X), with its rounding set to zero.
pub(super) fn remainder(problem: &Problem, x: &Factors) -> Vec<f64> {
    let largest = problem.data().iter().fold(0.0, |m: f64, y| m.max(y.abs()));
    let image = problem.map().apply_factored(x.l.as_ref(), x.r.as_ref());
    let rounded = |(y, x): (&f64, f64)| {
        if (y - x).abs() > ZERO * largest {
            y - x
        } else {
            0.0
        }
    };
    problem.data().iter().zip(image).map(rounded).collect()
}

/// The problem of the local model: data y − S.
pub(super) fn local(problem: &Problem, s: &[f64]) -> Result<Problem<'static>, Error> {
    let y: Vec<f64> = problem.data().iter().zip(s).map(|(y, s)| y - s).collect();
    let map: Box<dyn MeasurementMap> = match problem.map().as_entries() {
        Some(entries) => Box::new(entries.clone()),
        None => Box::new(Identity::new(problem.map().shape())),
    };
    Problem::new(map, y, Fit::Exact, Objective::Flat)
}

/// scaled_trace / (4·bound) − 1 with a proved bound on the nuclear norm of all that leave no more of Y than `x` does,
/// ‖Y − X‖_1 (‖S‖_1, and what an unfinished run has missed); `None` where some entries
/// are not observed, for which the traces weigh rows and columns and the bound does not.
pub(super) fn excess_flatness(
    result: &ResultFile,
    problem: Problem,
    x: &Factors,
    dual: &[f64],
) -> Result<Option<f64>, Error> {
    let whole = problem.map().as_entries().is_none();
    let Some(scaled_trace) = result.scaled_trace.filter(|_| whole) else {
        return Ok(None);
    };
    let image = problem.map().apply_factored(x.l.as_ref(), x.r.as_ref());
    let total: f64 = problem.data().iter().zip(image).map(|(y, x)| (y - x).abs()).sum();
    let bound = match (problem.fit(), result.lower_bound) {
        // No ‖X‖_* + θ‖Y − X‖_1 is below the lower bound.
        (Fit::Absolute(theta), Some(lower)) => lower - theta * total,
        _ => {
            let problem = problem.with(ball(total), Objective::Nuclear)?;
            let weights = Weights::new(problem.map(), Objective::Nuclear)?;
            dual_bound(&problem, &weights, dual)?.value
        }
    };
    Ok((bound > 0.0).then(|| scaled_trace / (4.0 * bound) - 1.0))
}

/// ‖Y − X‖_1 ≤ `radius`, where the radius may be 0.
pub(super) fn ball(radius: f64) -> Fit {
    Fit::AbsoluteBall(radius.max(f64::MIN_POSITIVE))
}
