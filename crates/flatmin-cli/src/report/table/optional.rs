//! Numbers that only some runs have.

use super::{Row, text};
use crate::output::result::ResultFile;
use crate::report::number::{count, long, short};

/// Rows for those that are known alone.
pub(super) fn optional(r: &ResultFile) -> Vec<Row> {
    let real = |value: Option<f64>| value.filter(|value| value.is_finite()).map(long);
    let whole = |value: Option<usize>| value.map(count);
    let chance = r.failure_probability.map(short);
    let rows = [
        (
            "failure_probability",
            chance,
            "the chance that lower_bound is wrong, over the random start of its computation",
        ),
        (
            "missing_columns",
            whole(r.missing_columns),
            "columns, at least, that the optimum has beyond those of X",
        ),
        (
            "restarts",
            whole(r.restarts),
            "how often the search for few columns was started again",
        ),
        (
            "locally_unique_margin",
            real(r.locally_unique_margin),
            "how well the measurements tell X from its neighbours of the same rank, from 0 to 1",
        ),
        ("epsilon", real(r.epsilon), "the misfit ‖A(X) − y‖₂ allowed"),
        (
            "lambda",
            real(r.lambda),
            "the weight λ of the norm in the penalised objective",
        ),
        (
            "train_rmse",
            real(r.train_rmse),
            "root mean square error on the data of the fit",
        ),
        (
            "generalization_error",
            real(r.generalization_error),
            "E(ŷ − y)² over x ~ N(0, I), against the truth",
        ),
        (
            "test_rmse",
            real(r.test_rmse),
            "root mean square error on what was held out",
        ),
        (
            "test_mae",
            real(r.test_mae),
            "mean absolute error on what was held out",
        ),
        (
            "test_count",
            whole(r.test_count),
            "entries held out that were scored",
        ),
        (
            "test_relative_error",
            real(r.test_relative_error),
            "‖error‖₂ / ‖values‖₂ on what was held out",
        ),
        (
            "center",
            r.center.clone(),
            "--center: what was subtracted from the entries before the fit",
        ),
        (
            "unobserved_rows",
            whole(r.unobserved_rows),
            "rows that no entry observes: X is zero there",
        ),
        (
            "unobserved_columns",
            whole(r.unobserved_columns),
            "columns likewise",
        ),
        (
            "under_observed_rows",
            whole(r.under_observed_rows),
            "rows with fewer entries than the rank of X, which do not determine them",
        ),
        (
            "under_observed_columns",
            whole(r.under_observed_columns),
            "columns likewise",
        ),
        (
            "components",
            whole(r.components),
            "groups of rows and columns that no entry joins; more than one: not identifiable",
        ),
        (
            "isometry_constant",
            real(r.isometry_constant),
            "--isometry: the restricted isometry constant at the rank of X is at least this",
        ),
        (
            "theta",
            real(r.theta),
            "--theta: the price of a unit of ‖Y − X‖_1",
        ),
        (
            "radius",
            real(r.radius),
            "‖S‖_1, the sum of the magnitudes of the outliers S = Y − X",
        ),
        ("outliers", whole(r.outliers), "nonzero entries of S"),
    ];
    let known = rows.into_iter();
    known
        .filter_map(|(key, value, meaning)| Some(text(key, &value?, meaning)))
        .collect()
}
