//! Factors (L, R) of robust PCA: S is what they leave, Y − L Rᵀ.

use flatmin::certificate::certify;
use flatmin::flatness::Weights;
use flatmin::{Error, Fit, Objective, Problem};

use super::Asked;
use super::linear::read_factors;
use crate::assess;
use crate::commands::Ending;
use crate::commands::outcome::Outcome;
use crate::commands::robust::{ball, check_fit, describe, excess_flatness, local, remainder, result};
use crate::commands::run::{Run, ending};
use crate::failure::Failure;
use crate::instance::Instance;
use crate::pictures::{self, Course, Sharp};

/// Measures L and R, against the best that leave no more than they do, or under the fit asked for.
pub(super) fn measure(run: &Run<'_>, asked: &Asked<'_>) -> Result<Outcome, Failure> {
    check_fit(&run.options.fit)?;
    let instance = run.load()?;
    let x = read_factors(run, asked, instance.map.shape())?;
    let mut result = result(run, &instance)?;
    let Instance { map, y, extras, .. } = instance;
    let about = |error: Error| run.about(error);
    let problem = Problem::new(map, y, Fit::Exact, Objective::Nuclear).map_err(about)?;
    let s = remainder(&problem, &x);
    let options = &run.options.of_model.robust;
    let own = ball(s.iter().map(|s| s.abs()).sum());
    let wanted = options.theta.map(Fit::Absolute);
    let fit = wanted.or(options.radius.map(Fit::AbsoluteBall)).unwrap_or(own);
    let problem = problem.with(fit, Objective::Nuclear).map_err(about)?;
    let best = (!asked.no_bound)
        .then(|| run.solve(&problem, &run.settings(problem.fit())))
        .transpose()?;
    run.progress.stage("measuring");
    let local = local(&problem, &s).map_err(about)?;
    let flat = run.flat_weights(&local)?;
    let none = vec![0.0; problem.map().measurements()];
    let dual = best.as_ref().map_or(&none, |best| &best.dual);
    let weights = Weights::new(problem.map(), Objective::Nuclear).map_err(about)?;
    let certificate = certify(&problem, &weights, &x, dual).map_err(about)?;
    describe(&mut result, fit, &s);
    let point = (&x, assess::misfit(&local, &x));
    assess::point(&mut result, &local, flat.as_ref(), point).map_err(about)?;
    assess::errors(&mut result, &local, &extras, point);
    result.residual = assess::known(certificate.residual);
    if best.is_some() {
        assess::proof(&mut result, &certificate);
    } else {
        // Without a solve the bound is the trivial one, and nothing is known of uniqueness.
        result.value = assess::known(certificate.value);
    }
    let course = Course {
        source: asked.factors,
        certificate: Some(&certificate),
        history: &[],
        seed: run.options.run.seed,
        sharp: Sharp::Given,
    };
    let mut report = pictures::gather(&local, flat.as_ref(), &x, &extras, &course).map_err(about)?;
    pictures::add_separation(&mut report, &problem, &s);
    if let Some(best) = &best {
        result.iterations = best.iterations;
        result.method = Some(best.method.to_owned());
        result.excess_flatness = excess_flatness(&result, problem, &x, &best.dual).map_err(about)?;
    }
    let end = best.map_or(Ending::Done, |best| ending(best.status));
    Ok(Outcome::numbers(result, Some(report), end))
}
