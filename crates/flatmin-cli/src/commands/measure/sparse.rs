//! Layers V of the sparse model.

use faer::Mat;
use flatmin::depth::hadamard::{Point, Problem, certify, solve as minimise};
use flatmin::linalg::vector::norm;
use flatmin::solve::Record;
use flatmin::{Error, Fit};

use super::Asked;
use super::linear::EXACT;
use crate::commands::Ending;
use crate::commands::outcome::Outcome;
use crate::commands::run::{Run, describe_fit, ending};
use crate::depth::{self, sparse};
use crate::failure::{Failure, OrInput as _, usage};
use crate::input;

/// Measures V.
pub(super) fn measure(run: &Run<'_>, asked: &Asked<'_>) -> Result<Outcome, Failure> {
    depth::check(run.model.name(), &run.options.run)?;
    let about = |error: Error| run.about(error);
    let v = input::read_vectors(asked.factors).or_input()?;
    let sparse::Instance { problem, truth } = sparse::load(run.data, depth_of(run, asked, v.nrows())?)?;
    let (m, d) = problem.a().shape();
    let at = Point::new(
        Mat::from_fn(v.nrows(), v.ncols(), |j, l| v[[j, l]]),
        problem.depth(),
        d,
    )
    .map_err(|error| Failure::about(asked.factors, error))?;
    let x = at.x();
    let fit = match run.options.fit.choice() {
        Some(choice) => depth::fit(choice)?,
        None => own_fit(&problem, &x),
    };
    let problem = problem.with(fit).map_err(about)?;
    let mut result = run.result((d, 1), m);
    describe_fit(&mut result, fit);
    sparse::point(&mut result, &problem, &at).map_err(about)?;
    sparse::errors(&mut result, &x, truth.as_deref());
    let mut end = Ending::Done;
    if asked.no_bound {
        result.value = Some(certify(&problem, &x, &vec![0.0; m]).map_err(about)?.value);
    } else {
        run.progress.stage("solving");
        let settings = run.settings(fit);
        let record = |record: &Record| run.progress.record(record);
        let best = minimise(&problem, &settings, &run.observer(&record)).map_err(about)?;
        let certificate = certify(&problem, &x, &best.dual).map_err(about)?;
        sparse::proof(&mut result, &certificate);
        result.iterations = best.iterations;
        if !matches!(fit, Fit::Penalised(_)) {
            result.excess_flatness = sparse::excess(&result, &problem, certificate.lower_bound);
        }
        end = ending(best.status);
    }
    let report = sparse::report(asked.factors, &[], &x, truth.as_deref());
    Ok(Outcome::numbers(result, Some(report), end))
}

/// The rows of V, which `--depth` may not contradict.
fn depth_of(run: &Run<'_>, asked: &Asked<'_>, rows: usize) -> Result<usize, Failure> {
    let wanted = run.options.of_model.depth.depth.unwrap_or(rows);
    if wanted == rows && rows >= 2 {
        return Ok(rows);
    }
    Err(usage(format!(
        "{}key \"V\": found {rows} rows, expected {}",
        asked.factors.prefix(),
        if rows < 2 {
            "at least 2".to_owned()
        } else {
            format!("{wanted} as --depth says")
        }
    )))
}

/// As well as the factors themselves fit.
fn own_fit(problem: &Problem, x: &[f64]) -> Fit {
    let misfit = norm(&problem.residual(x));
    if misfit <= EXACT * norm(problem.data()) {
        Fit::Exact
    } else {
        Fit::Ball(misfit)
    }
}
