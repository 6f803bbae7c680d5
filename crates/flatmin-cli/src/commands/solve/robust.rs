//! Robust PCA: Y = X + S.

use flatmin::{Domain, Error, Fit, Objective, Problem};

use crate::assess;
use crate::commands::outcome::Outcome;
use crate::commands::robust::{check_fit, describe, excess_flatness, local, result};
use crate::commands::run::{Run, ending};
use crate::failure::Failure;
use crate::instance::Instance;
use crate::output::{run_files, separated};
use crate::pictures::{self, Course, Sharp};

/// Separates X and S.
pub(super) fn solve(run: &Run<'_>) -> Result<Outcome, Failure> {
    check_fit(&run.options.fit)?;
    let instance = run.load()?;
    let mut result = result(run, &instance)?;
    let Instance { map, y, extras, .. } = instance;
    let about = |error: Error| run.about(error);
    let (d1, d2) = map.shape();
    let options = &run.options.of_model.robust;
    let fit = match options.radius {
        Some(radius) => Fit::AbsoluteBall(radius),
        // Candès, Li, Ma and Wright (2011), Theorem 1.1.
        None => Fit::Absolute(options.theta.unwrap_or(1.0 / (d1.max(d2) as f64).sqrt())),
    };
    let problem = Problem::new(map, y, fit, Objective::Nuclear).map_err(about)?;
    let solution = run.solve(&problem, &run.settings(problem.fit()))?;
    run.progress.stage("measuring");
    let (x, s) = (&solution.factors, solution.outliers(&problem));
    let local = local(&problem, &s).map_err(about)?;
    let flat = run.flat_weights(&local)?;
    describe(&mut result, fit, &s);
    result.status = Some(solution.status.name().to_owned());
    result.iterations = solution.iterations;
    result.method = Some(solution.method.to_owned());
    assess::proof(&mut result, &solution.certificate);
    let point = (x, assess::misfit(&local, x));
    assess::point(&mut result, &local, flat.as_ref(), point).map_err(about)?;
    result.residual = assess::known(solution.certificate.residual);
    assess::errors(&mut result, &local, &extras, point);
    let mut report = None;
    let mut separated = None;
    if run.whole {
        let course = Course {
            source: run.data,
            certificate: Some(&solution.certificate),
            history: &solution.history,
            seed: run.options.run.seed,
            sharp: Sharp::Rescaled,
        };
        let mut data = pictures::gather(&local, flat.as_ref(), x, &extras, &course).map_err(about)?;
        pictures::add_separation(&mut data, &problem, &s);
        report = Some(data);
        separated = Some(separated::separated(&local, x, &s, extras.frames.clone()));
    }
    result.excess_flatness = excess_flatness(&result, problem, x, &solution.dual).map_err(about)?;
    Ok(Outcome {
        factors: run_files::solution(x, Domain::General, &extras)?,
        separated,
        ..Outcome::numbers(result, report, ending(solution.status))
    })
}
