//! Layers V of the sparse model.

use faer::Mat;
use flatmin::depth::hadamard::{Point, Problem, certify, solve as minimise};
use flatmin::linalg::vector::norm;
use flatmin::solve::Record;
use flatmin::{Error, Fit};

use super::linear::EXACT;
use crate::args::MeasureArgs;
use crate::commands::Ending;
use crate::commands::run::{Run, describe_fit, ending};
use crate::depth::{self, sparse};
use crate::failure::{Failure, OrInput as _, usage};
use crate::input;
use crate::output::run_files;

/// Measures V.
pub(super) fn measure(run: &Run<'_>, args: &MeasureArgs) -> Result<Ending, Failure> {
    depth::check(args.model.name(), &args.run)?;
    let about = |error: Error| Failure::about(&args.data, error);
    let v = input::read_vectors(&args.factors).or_input()?;
    let sparse::Instance { problem, truth } = sparse::load(&args.data, depth_of(args, v.nrows())?)?;
    let (m, d) = problem.a().shape();
    let at = Point::new(
        Mat::from_fn(v.nrows(), v.ncols(), |j, l| v[[j, l]]),
        problem.depth(),
        d,
    )
    .map_err(|error| Failure::about(&args.factors, error))?;
    let x = at.x();
    let fit = match args.fit.choice() {
        Some(choice) => depth::fit(choice)?,
        None => own_fit(&problem, &x),
    };
    let problem = problem.with(fit).map_err(about)?;
    let mut result = run.result(args.model, (d, 1), m);
    describe_fit(&mut result, fit);
    sparse::point(&mut result, &problem, &at).map_err(about)?;
    sparse::errors(&mut result, &x, truth.as_deref());
    let mut end = Ending::Done;
    if args.no_bound {
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
    result.seconds = run.seconds();
    if let Some(out) = &run.out {
        let report = sparse::report(&args.factors, &[], &x, truth.as_deref());
        run_files::write(out, &result, &report)?;
    }
    run.print(&result)?;
    Ok(end)
}

/// The rows of V, which `--depth` may not contradict.
fn depth_of(args: &MeasureArgs, rows: usize) -> Result<usize, Failure> {
    let asked = args.of_model.depth.depth.unwrap_or(rows);
    if asked == rows && rows >= 2 {
        return Ok(rows);
    }
    Err(usage(format!(
        "{}: key \"V\": found {rows} rows, expected {}",
        args.factors.display(),
        if rows < 2 {
            "at least 2".to_owned()
        } else {
            format!("{asked} as --depth says")
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
