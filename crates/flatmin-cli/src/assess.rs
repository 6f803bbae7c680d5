//! The numbers of a point (L, R), whoever made it: flatness, balance, errors, and how sharp it is against what is proved.

use faer::Mat;
use flatmin::certificate::{Certificate, dual_bound_near};
use flatmin::flatness::{Hessian, Traces, Weights, scaled_trace_bound};
use flatmin::linalg::vector::norm;
use flatmin::{Error, Factors, Fit, Objective, Problem, SignedFactors};
use ndarray::Array2;

use crate::completion::centre::Centre;
use crate::completion::score::score;
use crate::input::instance::SymmetricData;
use crate::instance::{CompletionExtras, Extras};
use crate::output::result::ResultFile;

/// Singular values of X below this share of the largest do not count towards its rank.
const RANK: f64 = 1e-9;
/// A relative residual up to which factors count as an exact fit when they are compared with the flattest one.
const EXACT: f64 = 1e-9;
/// Lanczos steps that the largest eigenvalue may need, and products with the map a step, roughly.
const SPECTRUM_PRODUCTS: f64 = 600.0;
/// Beyond this many floating-point operations, some seconds, the largest eigenvalue is left unknown.
const SPECTRUM_BUDGET: f64 = 1e10;

/// The weights D1, D2 of the flat objective; `None` where one of them is singular.
pub(crate) fn flat_weights(problem: &Problem) -> Result<Option<Weights>, Error> {
    match Weights::new(problem.map(), Objective::Flat) {
        Ok(weights) => Ok(Some(weights)),
        Err(Error::SingularRescaling { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// ‖A(X) − y‖₂.
pub(crate) fn misfit(problem: &Problem, x: &Factors) -> f64 {
    let mut residual = problem.map().apply_factored(x.l.as_ref(), x.r.as_ref());
    residual.iter_mut().zip(problem.data()).for_each(|(r, y)| *r -= y);
    norm(&residual)
}

/// Fills in what the point itself says; `off` is its [`misfit`].
pub(crate) fn point(
    result: &mut ResultFile,
    problem: &Problem,
    flat: Option<&Weights>,
    (x, off): (&Factors, f64),
) -> Result<(), Error> {
    let singular_values = x.svd()?.s;
    let largest = singular_values.first().copied().unwrap_or(0.0);
    let nuclear: f64 = singular_values.iter().sum();
    result.rank = singular_values.iter().filter(|s| **s > RANK * largest).count();
    let signed = problem
        .domain()
        .is_symmetric()
        .then(|| SignedFactors::of(x))
        .transpose()?;
    let traces = traces(problem, flat, x, signed.as_ref());
    result.scaled_trace = known(traces.scaled);
    result.trace = known(traces.total());
    result.trace_left = known(traces.left);
    result.trace_right = known(traces.right);
    result.balancedness = (nuclear > 0.0).then(|| x.imbalance() / nuclear);
    // U1 and U2 stand in L and again, up to signs, in R.
    let copies = if signed.is_some() { 2.0 } else { 1.0 };
    result.squared_norm = known(x.squared_norm() / copies);
    result.condition_d1 = flat.and_then(|flat| known(flat.left.condition()));
    result.condition_d2 = flat.and_then(|flat| known(flat.right.condition()));
    let size = norm(problem.data());
    result.residual = (size > 0.0).then(|| off / size);
    result.lambda_max = lambda_max(problem, x, signed.as_ref())?;
    Ok(())
}

/// From the weights where there are any: they hold the Gram matrices already, which cost more than all else here.
fn traces(problem: &Problem, flat: Option<&Weights>, x: &Factors, signed: Option<&SignedFactors>) -> Traces {
    let (map, formed);
    let (left, right) = match flat {
        Some(flat) => (&flat.left_gram, &flat.right_gram),
        None => {
            map = problem.map();
            formed = (map.left_gram(), map.right_gram());
            (&formed.0, &formed.1)
        }
    };
    match signed {
        Some(signed) => Traces::signed(problem.map(), left, problem.data(), signed),
        None => Traces::new(left, right, x),
    }
}

/// The largest eigenvalue of the Hessian, where it takes no more than some seconds.
fn lambda_max(problem: &Problem, x: &Factors, signed: Option<&SignedFactors>) -> Result<Option<f64>, Error> {
    if x.columns() == 0 {
        return Ok(None);
    }
    let (d1, d2) = x.shape();
    let unknowns = ((d1 + d2) * x.columns()) as f64;
    let formed = unknowns * unknowns * problem.data().len() as f64;
    let cost = formed.min(SPECTRUM_PRODUCTS * problem.map().cost_factored(2 * x.columns()));
    if cost > SPECTRUM_BUDGET {
        return Ok(None);
    }
    let (map, y) = (problem.map(), problem.data());
    let hessian = match signed {
        Some(signed) => Hessian::signed(map, signed, y),
        None => Hessian::new(map, x, y),
    };
    hessian.largest_eigenvalue().map(known)
}

/// Fills in what is proved.
pub(crate) fn proof(result: &mut ResultFile, certificate: &Certificate) {
    result.value = known(certificate.value);
    result.lower_bound = known(certificate.lower_bound);
    result.gap = known(certificate.gap);
    result.failure_probability = Some(certificate.failure_probability).filter(|chance| *chance > 0.0);
    result.missing_columns = certificate.missing_columns;
    result.unique = certificate.uniqueness.unique;
    result.unique_margin = certificate.uniqueness.margin.and_then(known);
}

/// scaled_trace / (4m·bound) − 1 (symmetric models: 8m·bound, less what widths and residual allow for), with a proved bound
/// on ‖D1 X D2‖_* over all X that fit at least as well as `x`.
///
/// The certificate's own bound is that one where the fit is exact and the objective flat. Any dual vector of any problem
/// with this map gives such a bound, the penalised one's among them; where the objective is flat the certificate of (X, dual) knows its
/// norm.
pub(crate) fn excess_flatness(
    result: &ResultFile,
    problem: Problem,
    flat: Option<&Weights>,
    (x, off): (&Factors, f64),
    (dual, certificate): (&[f64], Option<&Certificate>),
) -> Result<Option<f64>, Error> {
    let (Some(flat), Some(scaled_trace)) = (flat, result.scaled_trace) else {
        return Ok(None);
    };
    let m = problem.map().measurements() as f64;
    // Of data that are zero there is no relative residual.
    let fits_exactly = off == 0.0 || result.residual.is_some_and(|residual| residual <= EXACT);
    let certificate = certificate.filter(|_| problem.objective() == Objective::Flat);
    let is_own = fits_exactly && problem.fit() == Fit::Exact && certificate.is_some();
    let fit = if fits_exactly { Fit::Exact } else { Fit::Ball(off) };
    let problem = problem.with(fit, Objective::Flat)?;
    let bound = match certificate {
        Some(certificate) if is_own => certificate.lower_bound,
        Some(certificate) => certificate.lower_bound_for(&problem, flat, dual)?,
        None => {
            let (l, r) = flat.rescale(x.l.as_ref(), x.r.as_ref());
            let z = Factors { l, r }.svd()?;
            dual_bound_near(&problem, flat, (z.u.as_ref(), z.v.as_ref()), dual)?.value
        }
    };
    let least = if problem.domain().is_symmetric() {
        let signed = SignedFactors::of(x)?;
        scaled_trace_bound(problem.map(), (signed.u1.ncols(), signed.u2.ncols()), bound, off)?
    } else {
        4.0 * m * bound
    };
    Ok((least > 0.0).then(|| scaled_trace / least - 1.0))
}

/// Fills in the errors against what was never used to solve, and that of an entry that was.
pub(crate) fn errors(result: &mut ResultFile, problem: &Problem, extras: &Extras, (x, off): (&Factors, f64)) {
    let centre = extras.centre();
    if let Some(truth) = &extras.truth {
        let (error, size) = distance(x, &centre, truth);
        result.error = known(error);
        result.relative_error = (size > 0.0).then(|| error / size);
    }
    if let (Some(truth), true) = (&extras.truth, result.model == "network") {
        result.generalization_error = SignedFactors::of(x).ok().and_then(|signed| {
            let truth = Mat::from_fn(truth.nrows(), truth.ncols(), |i, j| truth[[i, j]]);
            known(signed.generalization_error(truth.as_ref()))
        });
    }
    if let Some(test) = &extras.test {
        network_errors(result, test, x);
    }
    if let Some(completion) = &extras.completion {
        let count = problem.data().len() as f64;
        result.train_rmse = known(off / count.sqrt());
        completion_errors(result, completion, x);
    }
}

/// ŷ = xᵀ M x against the y of other data.
fn network_errors(result: &mut ResultFile, test: &SymmetricData, x: &Factors) {
    let Ok(signed) = SignedFactors::of(x) else {
        return;
    };
    let rows = Mat::from_fn(test.x.nrows(), test.x.ncols(), |i, j| test.x[[i, j]]);
    let predicted = signed.predict(rows.as_ref());
    let errors: Vec<f64> = predicted.iter().zip(&test.y).map(|(p, y)| p - y).collect();
    let count = errors.len() as f64;
    result.test_rmse = known(norm(&errors) / count.sqrt());
    result.test_mae = known(errors.iter().map(|e| e.abs()).sum::<f64>() / count);
    let size = norm(&test.y);
    result.test_relative_error = (size > 0.0).then(|| norm(&errors) / size);
    result.test_count = Some(errors.len());
}

fn completion_errors(result: &mut ResultFile, completion: &CompletionExtras, x: &Factors) {
    result.center = Some(completion.centring.name().to_owned());
    result.unobserved_rows = Some(completion.unobserved_rows);
    result.unobserved_columns = Some(completion.unobserved_columns);
    let held_out = completion.held_out.as_ref();
    if let Some(score) = held_out.and_then(|test| score(x, &completion.centre, completion.clip, test)) {
        result.test_rmse = known(score.rmse);
        result.test_mae = known(score.mae);
        result.test_relative_error = score.relative;
        result.test_count = Some(score.count);
    }
}

/// ‖X − truth‖_F and ‖truth‖_F, X with what was subtracted.
fn distance(x: &Factors, centre: &Centre, truth: &Array2<f64>) -> (f64, f64) {
    // The truth is a whole matrix, so that X may be formed beside it.
    let formed = x.dense();
    let (mut error, mut size) = (0.0, 0.0);
    for ((a, b), truth) in truth.indexed_iter() {
        error += (centre.at(a, b) + formed[(a, b)] - truth).powi(2);
        size += truth * truth;
    }
    (error.sqrt(), size.sqrt())
}

/// An unknown number is null in JSON.
pub(crate) fn known(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
