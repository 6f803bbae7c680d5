//! Factors (L, R), or (U1, U2), of the models y = A(X).

use faer::Mat;
use flatmin::certificate::{Certificate, certify};
use flatmin::flatness::Weights;
use flatmin::linalg::vector::norm;
use flatmin::solve::Solution;
use flatmin::{Domain, Error, Factors, Fit, Objective, Problem, SignedFactors};

use super::Asked;
use crate::assess;
use crate::commands::Ending;
use crate::commands::outcome::Outcome;
use crate::commands::run::{Run, describe_fit, ending};
use crate::failure::{Failure, OrInput as _, usage};
use crate::input;
use crate::instance::{Extras, Instance};
use crate::output::result::{ReportData, ResultFile};
use crate::pictures::{self, Course, Sharp};
use crate::theory;

/// Factors with at most this relative residual are compared with those that fit exactly.
pub(super) const EXACT: f64 = 1e-7;

/// The largest magnitude in a factor.
const LARGEST: f64 = 1e70;

/// Measures L and R.
pub(super) fn measure(run: &Run<'_>, asked: &Asked<'_>) -> Result<Outcome, Failure> {
    let instance = run.load()?;
    let x = read_factors(run, asked, instance.map.shape())?;
    let objective = run.options.run.objective.given()?;
    let mut result = run.result(instance.map.shape(), instance.map.measurements());
    let wanted = run
        .options
        .fit
        .choice()
        .map(|choice| run.fit(choice, &instance))
        .transpose()?;
    let Instance { map, y, extras, .. } = instance;
    let about = |error: Error| run.about(error);
    let problem = Problem::new(map, y, Fit::Exact, objective)
        .and_then(|problem| problem.over(run.model.domain(&run.options.of_model)))
        .map_err(about)?;
    let point = (&x, assess::misfit(&problem, &x));
    let fit = wanted.map_or_else(|| own_fit(&problem, point.1), |chosen| chosen.fit);
    describe_fit(&mut result, fit);
    let problem = problem.with(fit, objective).map_err(about)?;
    let best = (!asked.no_bound)
        .then(|| run.solve(&problem, &run.settings(fit)))
        .transpose()?;
    run.progress.stage("measuring");
    let report = assess(&mut result, problem, point, best.as_ref(), &extras, run, asked)?;
    let end = best.map_or(Ending::Done, |best| ending(best.status));
    Ok(Outcome::numbers(result, Some(report), end))
}

pub(super) fn read_factors(
    run: &Run<'_>,
    asked: &Asked<'_>,
    shape: (usize, usize),
) -> Result<Factors, Failure> {
    if run.model.is_symmetric() {
        return read_signed(run, asked, shape.0);
    }
    let (left, right) = input::read_factors(asked.factors).or_input()?;
    for (key, found, expected) in [("L", left.nrows(), shape.0), ("R", right.nrows(), shape.1)] {
        if found != expected {
            let (file, data) = (asked.factors.prefix(), run.data.shown());
            return Err(usage(format!(
                "{file}key {key:?}: found {found} rows, expected {expected} as in {data}"
            )));
        }
    }
    for (key, factor) in [("L", &left), ("R", &right)] {
        check_size(asked, key, factor)?;
    }
    Factors::new(matrix(&left), matrix(&right)).map_err(|error| Failure::about(asked.factors, error))
}

/// Refuses what overflows in the square of a Hessian.
fn check_size(asked: &Asked<'_>, key: &str, factor: &ndarray::Array2<f64>) -> Result<(), Failure> {
    let largest = factor.iter().fold(0.0, |largest: f64, v| largest.max(v.abs()));
    if largest <= LARGEST {
        return Ok(());
    }
    let file = asked.factors.prefix();
    Err(usage(format!(
        "{file}key {key:?}: found a number of size {largest:e}, expected at most {LARGEST:e}"
    )))
}

/// U1 and U2, the latter of the network alone.
fn read_signed(run: &Run<'_>, asked: &Asked<'_>, d: usize) -> Result<Factors, Failure> {
    let (positive, negative) = input::read_signed_factors(asked.factors).or_input()?;
    for (key, factor) in [("U1", &positive), ("U2", &negative)] {
        check_size(asked, key, factor)?;
    }
    let file = asked.factors.prefix();
    if positive.nrows() != d {
        let (found, data) = (positive.nrows(), run.data.shown());
        return Err(usage(format!(
            "{file}key \"U1\": found {found} rows, expected {d} as in {data}"
        )));
    }
    if run.model.domain(&run.options.of_model) == Domain::Semidefinite && negative.ncols() > 0 {
        let (found, model) = (negative.ncols(), run.model.name());
        return Err(usage(format!(
            "{file}key \"U2\": found {found} columns, expected none: the matrix of {model} is positive semidefinite"
        )));
    }
    let signed = SignedFactors::new(matrix(&positive), matrix(&negative));
    Ok(signed
        .map_err(|error| Failure::about(asked.factors, error))?
        .factors())
}

fn matrix(a: &ndarray::Array2<f64>) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[[i, j]])
}

/// As well as the factors themselves fit.
fn own_fit(problem: &Problem, misfit: f64) -> Fit {
    if misfit <= EXACT * norm(problem.data()) {
        Fit::Exact
    } else {
        Fit::Ball(misfit)
    }
}

/// All numbers of the factors and their misfit, `best` being the solution that they are compared with.
fn assess(
    result: &mut ResultFile,
    problem: Problem,
    point: (&Factors, f64),
    best: Option<&Solution>,
    extras: &Extras,
    run: &Run<'_>,
    asked: &Asked<'_>,
) -> Result<ReportData, Failure> {
    let about = |error: Error| run.about(error);
    let x = point.0;
    let flat = run.flat_weights(&problem)?;
    let certificate = certificate(&problem, flat.as_ref(), x, best).map_err(about)?;
    assess::point(result, &problem, flat.as_ref(), point).map_err(about)?;
    assess::errors(result, &problem, extras, point);
    let isometry = run.options.of_model.isometry;
    theory::describe(result, &problem, flat.as_ref(), x, extras, isometry).map_err(about)?;
    if let Some(certificate) = &certificate {
        assess::proof(result, certificate);
    }
    if best.is_none() {
        // Without a solve the bound is the trivial one, and nothing is known of uniqueness.
        (
            result.lower_bound,
            result.gap,
            result.unique,
            result.unique_margin,
        ) = (None, None, None, None);
    }
    let course = Course {
        source: asked.factors,
        certificate: certificate.as_ref(),
        history: &[],
        seed: run.options.run.seed,
        sharp: Sharp::Given,
    };
    let report = pictures::gather(&problem, flat.as_ref(), x, extras, &course).map_err(about)?;
    if let Some(best) = best {
        result.iterations = best.iterations;
        result.method = Some(best.method.to_owned());
        let proof = (best.dual.as_slice(), certificate.as_ref());
        result.excess_flatness =
            assess::excess_flatness(result, problem, flat.as_ref(), point, proof).map_err(about)?;
    }
    Ok(report)
}

/// What the dual vector of the solution proves of `x`; `None` where the objective's weights are singular.
fn certificate(
    problem: &Problem,
    flat: Option<&Weights>,
    x: &Factors,
    best: Option<&Solution>,
) -> Result<Option<Certificate>, Error> {
    let trivial;
    let dual = match best {
        Some(best) => &best.dual,
        None => {
            trivial = vec![0.0; problem.map().measurements()];
            &trivial
        }
    };
    match (problem.objective(), flat) {
        (Objective::Flat, Some(flat)) => certify(problem, flat, x, dual).map(Some),
        (Objective::Flat, None) => Ok(None),
        (objective, _) => match Weights::new(problem.map(), objective) {
            Ok(weights) => certify(problem, &weights, x, dual).map(Some),
            Err(Error::SingularRescaling { .. }) => Ok(None),
            Err(error) => Err(error),
        },
    }
}
