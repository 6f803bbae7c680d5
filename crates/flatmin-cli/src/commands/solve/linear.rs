//! The models y = A(X), X among all matrices or the symmetric ones.

use flatmin::fold_in::Ridge;
use flatmin::solve::Solution;
use flatmin::{Error, Fit, Objective, Problem};

use crate::args::{Centring, FitChoice, Lambda, Model, NetworkArgs, SolveArgs};
use crate::assess;
use crate::commands::Ending;
use crate::commands::run::{Chosen, Run, describe_fit, ending, flat_weights};
use crate::completion::joint;
use crate::failure::Failure;
use crate::instance::{Extras, Instance};
use crate::output::result::{ReportData, ResultFile};
use crate::output::run_files;
use crate::pictures::{self, Course, Sharp};
use crate::theory;

/// Recovers X.
pub(super) fn solve(run: &Run<'_>, args: &SolveArgs) -> Result<Ending, Failure> {
    let instance = run.load(args.model, &args.data, &args.of_model)?;
    let mut result = run.result(instance.model, instance.map.shape(), instance.map.measurements());
    let choice = args.fit.choice().unwrap_or(default_fit(args.model));
    let Chosen {
        fit,
        objective,
        rank,
        known,
    } = run.fit(choice, &instance, &args.of_model)?;
    describe_fit(&mut result, fit);
    result.objective = objective.name();
    let Instance {
        map, y, mut extras, ..
    } = instance;
    let about = |error: Error| Failure::about(&args.data, error);
    let mut problem = Problem::new(map, y, fit, objective)
        .and_then(|problem| problem.over(args.model.domain(&args.of_model)))
        .map_err(about)?;
    let NetworkArgs { positive, negative } = args.of_model.network;
    let settings = run.settings(fit).with_rank(rank).with_widths(positive, negative);
    let mut solution = run.solve_or_keep(&problem, known, &settings, &args.data)?;
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
            run.solve(problem, &settings, &args.data)
        };
        (problem, solution) = joint::fit(problem, solution, &mut completion.centre, solve, &args.data)?;
    }
    run.progress.stage("measuring");
    if let Some(completion) = &mut extras.completion {
        let power = problem.objective().power();
        completion.ridges = Some(Ridge::of(&solution, problem.map(), fit, power));
    }
    let domain = problem.domain();
    let report = assess(&mut result, problem, &solution, &extras, args)?;
    result.seconds = run.seconds();
    if let (Some(out), Some(report)) = (&run.out, &report) {
        run_files::write(out, &result, report)?;
        run_files::write_solution(out, &solution.factors, domain, &extras)?;
    }
    run.print(&result)?;
    Ok(ending(solution.status))
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
    args: &SolveArgs,
) -> Result<Option<ReportData>, Failure> {
    let about = |error: Error| Failure::about(&args.data, error);
    let x = &solution.factors;
    // The solver's own weights, or where it had others, those of D1 and D2.
    let own = (problem.objective() == Objective::Flat).then_some(&solution.weights);
    let other = if own.is_some() {
        None
    } else {
        flat_weights(&problem, &args.data)?
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
    assess::point(result, &problem, flat, x).map_err(about)?;
    assess::errors(result, &problem, extras, x);
    theory::describe(result, &problem, flat, x, extras, args.of_model.isometry).map_err(about)?;
    let course = Course {
        source: &args.data,
        certificate: Some(&solution.certificate),
        history: &solution.history,
        seed: args.run.seed,
        sharp: Sharp::Rescaled,
    };
    let wanted = args.run.out.is_some();
    let report = wanted
        .then(|| pictures::gather(&problem, flat, x, extras, &course))
        .transpose()
        .map_err(about)?;
    let proof = (solution.dual.as_slice(), Some(&solution.certificate));
    result.excess_flatness = assess::excess_flatness(result, problem, flat, x, proof).map_err(about)?;
    Ok(report)
}
