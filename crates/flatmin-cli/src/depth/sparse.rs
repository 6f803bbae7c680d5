//! Sparse: y = A x, x = v_1 ⊙ … ⊙ v_K.

use faer::{Mat, MatRef};
use flatmin::depth::hadamard::{Certificate, Point, Problem, audit};
use flatmin::linalg::vector::norm;
use flatmin::solve::Record;
use flatmin::{Error, Fit};

use crate::failure::{Failure, OrInput as _};
use crate::input::{self, Source};
use crate::output::result::{ReportData, ResultFile, VectorPicture};
use crate::pictures;

/// K where none is given: the only depth that recovers sparse vectors.
pub(crate) const DEPTH: usize = 2;

/// What a file holds.
pub(crate) struct Instance {
    pub(crate) problem: Problem,
    pub(crate) truth: Option<Vec<f64>>,
}

/// Reads the data as a problem with exact fit.
pub(crate) fn load(source: Source<'_>, depth: usize) -> Result<Instance, Failure> {
    let data = input::read_sparse(source).or_input()?;
    let (m, d) = data.a.dim();
    // The reader gives C order from the start of its allocation.
    let a = data.a.into_raw_vec_and_offset().0;
    let a: Mat<f64> = MatRef::from_row_major_slice(&a, m, d).to_owned();
    let problem =
        Problem::new(a, data.y, depth, Fit::Exact).map_err(|error| Failure::about(source, error))?;
    Ok(Instance {
        problem,
        truth: data.truth,
    })
}

/// Fills in what the point itself says.
pub(crate) fn point(result: &mut ResultFile, problem: &Problem, at: &Point) -> Result<(), Error> {
    let measured = audit(problem, at)?;
    let size = norm(problem.data());
    result.depth = Some(problem.depth());
    result.rank = at.x().iter().filter(|x| **x != 0.0).count();
    result.scaled_trace = Some(measured.trace);
    result.trace = Some(measured.trace);
    result.trace_layers = Some(measured.layer_traces);
    result.lambda_max = Some(measured.lambda_max);
    result.squared_norm = Some(measured.squared_norm);
    result.residual = (size > 0.0).then(|| measured.misfit / size);
    Ok(())
}

/// Fills in what is proved.
pub(crate) fn proof(result: &mut ResultFile, certificate: &Certificate) {
    let known = |value: f64| Some(value).filter(|value| value.is_finite());
    result.value = known(certificate.value);
    result.lower_bound = known(certificate.lower_bound);
    result.gap = known(certificate.gap);
    result.unique = certificate.uniqueness.unique;
    result.unique_margin = certificate.uniqueness.margin.and_then(known);
}

/// trace/(2K·bound) − 1 for a bound on Σ ‖a_l‖²|x_l|^{2−2/K} over all x that fit as well.
pub(crate) fn excess(result: &ResultFile, problem: &Problem, bound: f64) -> Option<f64> {
    let least = 2.0 * problem.depth() as f64 * bound;
    result
        .trace
        .filter(|_| least > 0.0)
        .map(|trace| trace / least - 1.0)
}

/// Fills in the errors against what was never used to solve.
pub(crate) fn errors(result: &mut ResultFile, x: &[f64], truth: Option<&[f64]>) {
    let Some(truth) = truth else { return };
    let difference: Vec<f64> = x.iter().zip(truth).map(|(x, t)| x - t).collect();
    let (error, size) = (norm(&difference), norm(truth));
    result.error = Some(error);
    result.relative_error = (size > 0.0).then(|| error / size);
}

/// What the report is drawn from.
pub(crate) fn report(source: Source<'_>, history: &[Record], x: &[f64], truth: Option<&[f64]>) -> ReportData {
    ReportData {
        source: source.name(),
        history: history.iter().map(pictures::row).collect(),
        vector: Some(VectorPicture {
            recovered: x.to_vec(),
            truth: truth.map(<[f64]>::to_vec),
        }),
        ..ReportData::default()
    }
}
