//! Deep: y = A(X), X = W_1 ⋯ W_K.

use faer::Mat;
use flatmin::depth::chain::{Chain, audit, nuclear_law};
use flatmin::linalg::dense::thin_svd;
use flatmin::linalg::vector::norm;
use flatmin::solve::{Record, Solution, Status};
use flatmin::{Error, Problem};
use ndarray::Array2;

use crate::input::Source;
use crate::output::result::{NuclearLaw, ReportData, ResultFile};
use crate::pictures::{self, heatmap};

/// K where none is given: the first that two factors are not.
pub(crate) const DEPTH: usize = 3;
/// Singular values of X below this share of the largest do not count towards its rank.
const RANK: f64 = 1e-6;

/// X as an array.
pub(crate) fn array(x: &Mat<f64>) -> Array2<f64> {
    Array2::from_shape_fn(x.shape(), |(i, j)| x[(i, j)])
}

/// Fills in what the chain itself says; gives the singular values of X.
pub(crate) fn point(result: &mut ResultFile, problem: &Problem, at: &Chain) -> Result<Vec<f64>, Error> {
    let measured = audit(problem.map(), problem.data(), at)?;
    let size = norm(problem.data());
    let singular_values = thin_svd(at.product().as_ref())?.s;
    let largest = singular_values.first().copied().unwrap_or(0.0);
    result.depth = Some(at.depth());
    result.rank = singular_values.iter().filter(|s| **s > RANK * largest).count();
    result.trace = Some(measured.trace);
    result.trace_layers = Some(measured.layer_traces);
    result.lambda_max = Some(measured.lambda_max);
    result.squared_norm = Some(measured.squared_norm);
    result.residual = (size > 0.0).then(|| measured.misfit / size);
    Ok(singular_values)
}

/// The law at X, and at the X of least nuclear norm where that is known.
pub(crate) fn law(
    result: &ResultFile,
    problem: &Problem,
    nuclear_norm: f64,
    least: Option<f64>,
) -> NuclearLaw {
    let at = |norm| nuclear_law(problem.map(), result.depth.unwrap_or(DEPTH), norm);
    let at_solution = at(nuclear_norm);
    NuclearLaw {
        at_solution,
        ratio: result
            .trace
            .filter(|_| at_solution > 0.0)
            .map(|trace| trace / at_solution),
        nuclear_norm,
        least_nuclear_norm: least,
        at_least_nuclear_norm: least.map(at),
    }
}

/// The least ‖X‖_* that fits, where the solution of that problem is certified.
pub(crate) fn least(nuclear: &Solution) -> Option<f64> {
    (nuclear.status == Status::Certified).then_some(nuclear.certificate.value)
}

/// Fills in the errors against what was never used to solve.
pub(crate) fn errors(result: &mut ResultFile, x: &Mat<f64>, truth: Option<&Array2<f64>>) {
    let Some(truth) = truth else { return };
    let difference: Vec<f64> = truth.indexed_iter().map(|((i, j), t)| x[(i, j)] - t).collect();
    let size = truth.iter().map(|t| t * t).sum::<f64>().sqrt();
    let error = norm(&difference);
    result.error = Some(error);
    result.relative_error = (size > 0.0).then(|| error / size);
}

/// What the report is drawn from.
pub(crate) fn report(
    source: Source<'_>,
    history: &[Record],
    singular_values: Vec<f64>,
    x: &Mat<f64>,
    truth: Option<&Array2<f64>>,
) -> ReportData {
    ReportData {
        source: source.name(),
        singular_values,
        history: history.iter().map(pictures::row).collect(),
        recovered: Some(heatmap::dense(&array(x))),
        truth: truth.map(heatmap::dense),
        ..ReportData::default()
    }
}
