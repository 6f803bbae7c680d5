//! The models of K factors: what `solve` and `measure` have in common.

pub(crate) mod deep;
pub(crate) mod sparse;

use flatmin::{Fit, Objective};

use crate::args::{FitChoice, Lambda, ObjectiveChoice, RunArgs};
use crate::failure::{Failure, usage};

/// Refuses the options that these models give no meaning to.
pub(crate) fn check(model: &str, run: &RunArgs) -> Result<(), Failure> {
    if run.objective != ObjectiveChoice::Given(Objective::Flat) {
        return Err(usage(format!(
            "--objective: found another than flat with {model}, expected flat"
        )));
    }
    if run.rank.is_some() {
        return Err(usage(format!(
            "--rank: found a number with {model}, expected auto"
        )));
    }
    Ok(())
}

/// The fit asked for.
pub(crate) fn fit(choice: FitChoice) -> Result<Fit, Failure> {
    match choice {
        FitChoice::Exact => Ok(Fit::Exact),
        FitChoice::Epsilon(epsilon) => Ok(Fit::Ball(epsilon)),
        FitChoice::Lambda(Lambda::Given(lambda)) => Ok(Fit::Penalised(lambda)),
        FitChoice::Lambda(Lambda::Auto) => Err(usage(
            "--lambda: found auto, expected a number: only completion has entries to hold out".to_owned(),
        )),
    }
}
