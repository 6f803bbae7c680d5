//! The sparse model: y = A x, x = v_1 ⊙ … ⊙ v_K.

use flatmin::depth::hadamard::{Problem, Solution, certify, solve as minimise};
use flatmin::linalg::vector::norm;
use flatmin::solve::Record;
use flatmin::{Error, Fit};
use ndarray::Array2;

use crate::args::FitChoice;
use crate::commands::outcome::Outcome;
use crate::commands::run::{Run, describe_fit, ending};
use crate::depth::{self, sparse};
use crate::failure::Failure;

/// Recovers x.
pub(super) fn solve(run: &Run<'_>) -> Result<Outcome, Failure> {
    depth::check(run.model.name(), &run.options.run)?;
    let fit = depth::fit(run.options.fit.choice().unwrap_or(FitChoice::Exact))?;
    let about = |error: Error| run.about(error);
    let depth = run.options.of_model.depth.depth.unwrap_or(sparse::DEPTH);
    let sparse::Instance { problem, truth } = sparse::load(run.data, depth)?;
    let problem = problem.with(fit).map_err(about)?;
    let (m, d) = problem.a().shape();
    let mut result = run.result((d, 1), m);
    describe_fit(&mut result, fit);
    run.progress.stage("solving");
    let settings = run.settings(fit);
    let record = |record: &Record| run.progress.record(record);
    let solution = minimise(&problem, &settings, &run.observer(&record)).map_err(about)?;
    run.progress.stage("measuring");
    result.status = Some(solution.status.name().to_owned());
    result.iterations = solution.iterations;
    result.method = Some(method(depth).to_owned());
    sparse::proof(&mut result, &solution.certificate);
    sparse::point(&mut result, &problem, &solution.factors).map_err(about)?;
    sparse::errors(&mut result, &solution.x, truth.as_deref());
    let report = sparse::report(run.data, &solution.history, &solution.x, truth.as_deref());
    let bound = bound(problem.clone(), &solution).map_err(about)?;
    result.excess_flatness = sparse::excess(&result, &problem, bound);
    let v = &solution.factors.v;
    let v = Array2::from_shape_fn(v.shape(), |(j, l)| v[(j, l)]);
    Ok(Outcome {
        factors: vec![("V".to_owned(), v.into())],
        ..Outcome::numbers(result, Some(report), ending(solution.status))
    })
}

fn method(depth: usize) -> &'static str {
    if depth == 2 {
        "augmented lagrangian"
    } else {
        "newton on the dual"
    }
}

/// A proved bound on Σ ‖a_l‖²|x_l|^p over all x that fit as well as the solution: of a penalised problem the dual vector
/// proves one for the ball of the misfit.
fn bound(problem: Problem, solution: &Solution) -> Result<f64, Error> {
    if !matches!(problem.fit(), Fit::Penalised(_)) {
        return Ok(solution.certificate.lower_bound);
    }
    let misfit = norm(&problem.residual(&solution.x));
    if misfit == 0.0 {
        return Ok(solution.certificate.lower_bound);
    }
    let ball = problem.with(Fit::Ball(misfit))?;
    Ok(certify(&ball, &solution.x, &solution.dual)?.lower_bound)
}
