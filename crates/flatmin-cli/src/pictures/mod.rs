//! What the report is drawn from, beside `result.json`.

mod cross_section;
pub(crate) mod heatmap;
mod signed;

use flatmin::certificate::Certificate;
use flatmin::flatness::Weights;
use flatmin::solve::Record;
use flatmin::{Error, Factors, Problem};
use ndarray::Array2;

use crate::completion::centre::Centre;
use crate::input::Source;
use crate::instance::Extras;
use crate::output::result::{HistoryRow, ReportData};

pub(crate) use cross_section::Sharp;

/// What was run, for the report.
#[derive(Debug)]
pub(crate) struct Course<'a> {
    pub(crate) source: Source<'a>,
    pub(crate) certificate: Option<&'a Certificate>,
    pub(crate) history: &'a [Record],
    pub(crate) seed: u64,
    /// What the flat factors are compared with.
    pub(crate) sharp: Sharp,
}

/// Gathers the report's data.
pub(crate) fn gather(
    problem: &Problem,
    flat: Option<&Weights>,
    x: &Factors,
    extras: &Extras,
    course: &Course<'_>,
) -> Result<ReportData, Error> {
    let centre = extras.centre();
    let observed = problem.map().as_entries();
    let cross_section = match flat {
        Some(flat) => cross_section::cross_section(problem, flat, x, course.sharp, course.seed)?,
        None => None,
    };
    Ok(ReportData {
        source: course.source.name(),
        singular_values: course
            .certificate
            .map_or(Vec::new(), |c| c.singular_values.clone()),
        history: course.history.iter().map(row).collect(),
        vector: None,
        cross_section,
        observed: observed.map(|entries| heatmap::observed(entries, problem.data(), &centre)),
        recovered: Some(heatmap::recovered(x, &centre)),
        sparse: None,
        truth: extras.truth.as_ref().map(heatmap::dense),
    })
}

/// Adds the matrix Y and the outliers S of robust PCA.
pub(crate) fn add_separation(report: &mut ReportData, problem: &Problem, s: &[f64]) {
    let map = problem.map();
    let (observed, sparse) = match map.as_entries() {
        Some(entries) => {
            let none = Centre::default();
            (
                heatmap::observed(entries, problem.data(), &none),
                heatmap::observed(entries, s, &none),
            )
        }
        None => {
            let whole = |values: &[f64]| {
                let shape = map.shape();
                heatmap::dense(&Array2::from_shape_fn(shape, |(a, b)| values[a * shape.1 + b]))
            };
            (whole(problem.data()), whole(s))
        }
    };
    report.observed = Some(observed);
    report.sparse = Some(sparse);
}

pub(crate) fn row(record: &Record) -> HistoryRow {
    let known = |value: Option<f64>| value.filter(|value| value.is_finite());
    HistoryRow {
        iteration: record.iteration,
        seconds: record.seconds,
        value: known(record.value),
        lower_bound: known(record.lower_bound),
        residual: known(record.residual),
        rank: Some(record.rank),
    }
}
