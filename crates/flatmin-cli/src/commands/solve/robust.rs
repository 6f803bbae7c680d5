//! Robust PCA: Y = X + S.

use flatmin::{Domain, Error, Fit, Objective, Problem};

use crate::args::SolveArgs;
use crate::assess;
use crate::commands::Ending;
use crate::commands::robust::{check_fit, describe, excess_flatness, local, result};
use crate::commands::run::{Run, ending, flat_weights};
use crate::failure::Failure;
use crate::instance::Instance;
use crate::output::{run_files, separated};
use crate::pictures::{self, Course, Sharp};

/// Separates X and S.
pub(super) fn solve(run: &Run<'_>, args: &SolveArgs) -> Result<Ending, Failure> {
    check_fit(&args.fit)?;
    let instance = run.load(args.model, &args.data, &args.of_model)?;
    let mut result = result(run, &instance)?;
    let Instance { map, y, extras, .. } = instance;
    let about = |error: Error| Failure::about(&args.data, error);
    let (d1, d2) = map.shape();
    let options = &args.of_model.robust;
    let fit = match options.radius {
        Some(radius) => Fit::AbsoluteBall(radius),
        // Candès, Li, Ma and Wright (2011), Theorem 1.1.
        None => Fit::Absolute(options.theta.unwrap_or(1.0 / (d1.max(d2) as f64).sqrt())),
    };
    let problem = Problem::new(map, y, fit, Objective::Nuclear).map_err(about)?;
    let solution = run.solve(&problem, &run.settings(problem.fit()), &args.data)?;
    run.progress.stage("measuring");
    let (x, s) = (&solution.factors, solution.outliers(&problem));
    let local = local(&problem, &s).map_err(about)?;
    let flat = flat_weights(&local, &args.data)?;
    describe(&mut result, fit, &s);
    result.status = Some(solution.status.name().to_owned());
    result.iterations = solution.iterations;
    result.method = Some(solution.method.to_owned());
    assess::proof(&mut result, &solution.certificate);
    assess::point(&mut result, &local, flat.as_ref(), x).map_err(about)?;
    result.residual = assess::known(solution.certificate.residual);
    assess::errors(&mut result, &problem, &extras, x);
    if let Some(out) = &run.out {
        let course = Course {
            source: &args.data,
            certificate: Some(&solution.certificate),
            history: &solution.history,
            seed: args.run.seed,
            sharp: Sharp::Rescaled,
        };
        let mut report = pictures::gather(&local, flat.as_ref(), x, &extras, &course).map_err(about)?;
        pictures::add_separation(&mut report, &problem, &s);
        result.excess_flatness = excess_flatness(&result, problem, x, &solution.dual).map_err(about)?;
        result.seconds = run.seconds();
        separated::write(out, &local, x, &s, extras.frames.as_ref())?;
        run_files::write_solution(out, x, Domain::General, &extras)?;
        run_files::write(out, &result, &report)?;
    } else {
        result.excess_flatness = excess_flatness(&result, problem, x, &solution.dual).map_err(about)?;
        result.seconds = run.seconds();
    }
    run.print(&result)?;
    Ok(ending(solution.status))
}
