//! Factors (L, R), or (U1, U2), of the models y = A(X).

use faer::Mat;
use flatmin::certificate::{Certificate, certify};
use flatmin::flatness::Weights;
use flatmin::linalg::vector::norm;
use flatmin::solve::Solution;
use flatmin::{Domain, Error, Factors, Fit, Objective, Problem, SignedFactors};

use crate::args::MeasureArgs;
use crate::assess;
use crate::commands::Ending;
use crate::commands::run::{Run, describe_fit, ending, flat_weights};
use crate::failure::{Failure, OrInput as _, usage};
use crate::input;
use crate::instance::{Extras, Instance};
use crate::output::result::{ReportData, ResultFile};
use crate::output::run_files;
use crate::pictures::{self, Course, Sharp};
use crate::theory;

/// Factors with at most this relative residual are compared with those that fit exactly.
pub(super) const EXACT: f64 = 1e-7;

/// Measures L and R.
pub(super) fn measure(run: &Run<'_>, args: &MeasureArgs) -> Result<Ending, Failure> {
    let instance = run.load(args.model, &args.data, &args.of_model)?;
    let x = read_factors(args, instance.map.shape())?;
    let objective = args.run.objective.given()?;
    let mut result = run.result(instance.model, instance.map.shape(), instance.map.measurements());
    let asked = args
        .fit
        .choice()
        .map(|choice| run.fit(choice, &instance, &args.of_model))
        .transpose()?;
    let Instance { map, y, extras, .. } = instance;
    let about = |error: Error| Failure::about(&args.data, error);
    let problem = Problem::new(map, y, Fit::Exact, objective)
        .and_then(|problem| problem.over(args.model.domain(&args.of_model)))
        .map_err(about)?;
    let fit = asked.map_or_else(|| own_fit(&problem, &x), |chosen| chosen.fit);
    describe_fit(&mut result, fit);
    let problem = problem.with(fit, objective).map_err(about)?;
    let best = (!args.no_bound)
        .then(|| run.solve(&problem, &run.settings(fit), &args.data))
        .transpose()?;
    run.progress.stage("measuring");
    let report = assess(&mut result, problem, &x, best.as_ref(), &extras, args)?;
    result.seconds = run.seconds();
    if let Some(out) = &run.out {
        run_files::write(out, &result, &report)?;
    }
    run.print(&result)?;
    Ok(best.map_or(Ending::Done, |best| ending(best.status)))
}

pub(super) fn read_factors(args: &MeasureArgs, shape: (usize, usize)) -> Result<Factors, Failure> {
    if args.model.is_symmetric() {
        return read_signed(args, shape.0);
    }
    let (left, right) = input::read_factors(&args.factors).or_input()?;
    for (key, found, expected) in [("L", left.nrows(), shape.0), ("R", right.nrows(), shape.1)] {
        if found != expected {
            let (file, data) = (args.factors.display(), args.data.display());
            return Err(usage(format!(
                "{file}: key {key:?}: found {found} rows, expected {expected} as in {data}"
            )));
        }
    }
    Factors::new(matrix(&left), matrix(&right)).map_err(|error| Failure::about(&args.factors, error))
}

/// U1 and U2, the latter of the network alone.
fn read_signed(args: &MeasureArgs, d: usize) -> Result<Factors, Failure> {
    let (positive, negative) = input::read_signed_factors(&args.factors).or_input()?;
    let file = args.factors.display();
    if positive.nrows() != d {
        let (found, data) = (positive.nrows(), args.data.display());
        return Err(usage(format!(
            "{file}: key \"U1\": found {found} rows, expected {d} as in {data}"
        )));
    }
    if args.model.domain(&args.of_model) == Domain::Semidefinite && negative.ncols() > 0 {
        let (found, model) = (negative.ncols(), args.model.name());
        return Err(usage(format!(
            "{file}: key \"U2\": found {found} columns, expected none: the matrix of {model} is positive semidefinite"
        )));
    }
    let signed = SignedFactors::new(matrix(&positive), matrix(&negative));
    Ok(signed
        .map_err(|error| Failure::about(&args.factors, error))?
        .factors())
}

fn matrix(a: &ndarray::Array2<f64>) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[[i, j]])
}

/// As well as the factors themselves fit.
fn own_fit(problem: &Problem, x: &Factors) -> Fit {
    let misfit = assess::misfit(problem, x);
    if misfit <= EXACT * norm(problem.data()) {
        Fit::Exact
    } else {
        Fit::Ball(misfit)
    }
}

/// All numbers of the factors, `best` being the solution that they are compared with.
fn assess(
    result: &mut ResultFile,
    problem: Problem,
    x: &Factors,
    best: Option<&Solution>,
    extras: &Extras,
    args: &MeasureArgs,
) -> Result<ReportData, Failure> {
    let about = |error: Error| Failure::about(&args.data, error);
    let flat = flat_weights(&problem, &args.data)?;
    let certificate = certificate(&problem, flat.as_ref(), x, best).map_err(about)?;
    assess::point(result, &problem, flat.as_ref(), x).map_err(about)?;
    assess::errors(result, &problem, extras, x);
    let isometry = args.of_model.isometry;
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
        source: &args.factors,
        certificate: certificate.as_ref(),
        history: &[],
        seed: args.run.seed,
        sharp: Sharp::Given,
    };
    let report = pictures::gather(&problem, flat.as_ref(), x, extras, &course).map_err(about)?;
    if let Some(best) = best {
        result.iterations = best.iterations;
        result.method = Some(best.method.to_owned());
        let proof = (best.dual.as_slice(), certificate.as_ref());
        result.excess_flatness =
            assess::excess_flatness(result, problem, flat.as_ref(), x, proof).map_err(about)?;
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
