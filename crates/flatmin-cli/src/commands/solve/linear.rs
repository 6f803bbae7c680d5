//! The models y = A(X), X among all matrices or the symmetric ones.

use flatmin::fold_in::Ridge;
use flatmin::solve::Solution;
use flatmin::{Error, Fit, Objective, Problem};

use crate::args::{Centring, FitChoice, Lambda, Model, NetworkArgs};
use crate::assess;
use crate::commands::outcome::Outcome;
use crate::commands::run::{Chosen, Run, describe_fit, ending};
use crate::completion::joint;
use crate::failure::Failure;
use crate::instance::{Extras, Instance};
use crate::output::result::{ReportData, ResultFile};
use crate::output::run_files;
use crate::pictures::{self, Course, Sharp};
use crate::theory;

/// Recovers X.
pub(super) fn solve(run: &Run<'_>) -> Result<Outcome, Failure> {
    let instance = run.load()?;
    let mut result = run.result(instance.map.shape(), instance.map.measurements());
    let choice = run.options.fit.choice().unwrap_or(default_fit(run.model));
    let Chosen {
        fit,
        objective,
        rank,
        known,
    } = run.fit(choice, &instance)?;
    describe_fit(&mut result, fit);
    result.objective = objective.name();
    let Instance {
        map, y, mut extras, ..
    } = instance;
    let about = |error: Error| run.about(error);
    let mut problem = Problem::new(map, y, fit, objective)
        .and_then(|problem| problem.over(run.model.domain(&run.options.of_model)))
        .map_err(about)?;
    let NetworkArgs { positive, negative } = run.options.of_model.network;
    let settings = run.settings(fit).with_rank(rank).with_widths(positive, negative);
    let mut solution = run.solve_or_keep(&problem, known, &settings)?;
    if let Some(completion) = &mut extras.completion
        && completion.centring == Centring::Bias
        && matches!(fit, Fit::Penalised(_))
    {
        // Only completion has biases, so no widths; what is left of the time is asked for at every round.
        let solve = |problem: &Problem, last: &Solution| {
            let settings = run
                .settings(fit)
                .with_rank(rank)
                .with_start(Some(last.factors.clone()));
            run.solve(problem, &settings)
        };
        (problem, solution) = joint::fit(problem, solution, &mut completion.centre, solve, run.data)?;
    }
    run.progress.stage("measuring");
    if let Some(completion) = &mut extras.completion {
        let power = problem.objective().power();
        completion.ridges = Some(Ridge::of(&solution, problem.map(), fit, power));
    }
    let domain = problem.domain();
    let report = assess(&mut result, problem, &solution, &extras, run)?;
    Ok(Outcome {
        factors: run_files::solution(&solution.factors, domain, &extras)?,
        ids: extras
            .completion
            .map_or([None, None], |known| [known.row_ids, known.column_ids]),
        ..Outcome::numbers(result, report, ending(solution.status))
    })
}

/// Noise is the rule in completion, and exact data in the models that are designed.
fn default_fit(model: Model) -> FitChoice {
    match model {
        Model::Completion => FitChoice::Lambda(Lambda::Auto),
        _ => FitChoice::Exact,
    }
}

/// All numbers of the solution, and where files are wanted what the report is drawn from.
fn assess(
    result: &mut ResultFile,
    problem: Problem,
    solution: &Solution,
    extras: &Extras,
    run: &Run<'_>,
) -> Result<Option<ReportData>, Failure> {
    let about = |error: Error| run.about(error);
    let x = &solution.factors;
    // The solver's own weights, or where it had others, those of D1 and D2.
    let own = (problem.objective() == Objective::Flat).then_some(&solution.weights);
    let other = if own.is_some() {
        None
    } else {
        run.flat_weights(&problem)?
    };
    let flat = own.or(other.as_ref());
    result.status = Some(solution.status.name().to_owned());
    result.iterations = solution.iterations;
    result.method = Some(solution.method.to_owned());
    if let Some(local) = solution.local {
        result.restarts = Some(solution.restarts);
        result.locally_unique = Some(local.unique);
        result.locally_unique_margin = Some(local.margin);
    }
    assess::proof(result, &solution.certificate);
    let point = (x, assess::misfit(&problem, x));
    assess::point(result, &problem, flat, point).map_err(about)?;
    assess::errors(result, &problem, extras, point);
    theory::describe(result, &problem, flat, x, extras, run.options.of_model.isometry).map_err(about)?;
    let course = Course {
        source: run.data,
        certificate: Some(&solution.certificate),
        history: &solution.history,
        seed: run.options.run.seed,
        sharp: Sharp::Rescaled,
    };
    let report = run
        .whole
        .then(|| pictures::gather(&problem, flat, x, extras, &course))
        .transpose()
        .map_err(about)?;
    let proof = (solution.dual.as_slice(), Some(&solution.certificate));
    result.excess_flatness = assess::excess_flatness(result, problem, flat, point, proof).map_err(about)?;
    Ok(report)
}
