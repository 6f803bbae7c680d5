//! Every number of the result with a line that says what it is.

use super::number::{count, long};
use crate::output::result::ResultFile;

/// A row of the table; all plain text.
pub(crate) struct Row {
    pub(crate) key: &'static str,
    pub(crate) value: String,
    pub(crate) meaning: String,
}

pub(crate) fn rows(result: &ResultFile) -> Vec<Row> {
    let mut rows = problem(result);
    rows.extend(optimum(result));
    rows.extend(flatness(result));
    rows.extend(uniqueness(result));
    rows.extend(accuracy(result));
    rows
}

/// How the run came about; the same kind of rows.
pub(crate) fn provenance(result: &ResultFile) -> Vec<Row> {
    let method = result.method.as_deref();
    vec![
        text("version", &result.version, "of flatmin"),
        text(
            "objective",
            &result.objective,
            "what was minimised (option --objective)",
        ),
        text(
            "fit",
            &result.fit,
            "how the data are to be met (--exact, --epsilon or --lambda)",
        ),
        text(
            "method",
            method.unwrap_or("–"),
            if method.is_some() {
                "of the solver"
            } else {
                "no solver ran, or none is recorded"
            },
        ),
        text(
            "seed",
            &result.seed.to_string(),
            "of all random choices (--seed)",
        ),
        text("threads", &result.threads.to_string(), "used (--threads)"),
        text("iterations", &count(result.iterations), "of the solver"),
        text(
            "seconds",
            &long(result.seconds),
            "of wall-clock time, the whole run",
        ),
    ]
}

fn problem(result: &ResultFile) -> Vec<Row> {
    let (rows, columns) = result.shape;
    vec![
        text("model", &result.model, "the kind of measurements A"),
        text(
            "shape",
            &format!("{} × {}", count(rows), count(columns)),
            "rows and columns of the matrix, d1 × d2",
        ),
        text(
            "measurements",
            &count(result.measurements),
            "m, the length of y",
        ),
        text(
            "rank",
            &count(result.rank),
            "columns of the factors that are not zero",
        ),
        text(
            "status",
            status(result),
            "how the solver ended; certified means that gap ≤ tolerance is proved",
        ),
    ]
}

fn status(result: &ResultFile) -> &str {
    result.status.as_deref().unwrap_or("–")
}

fn optimum(result: &ResultFile) -> Vec<Row> {
    let bound = "no bound was computed";
    vec![
        number("value", result.value, value_meaning(result), "not computed"),
        number(
            "lower_bound",
            result.lower_bound,
            "proved: no admissible matrix has a smaller value",
            bound,
        ),
        number(
            "gap",
            result.gap,
            "(value − lower_bound) / value",
            "it needs a lower bound",
        ),
        number(
            "residual",
            result.residual,
            "‖A(X) − y‖₂ / ‖y‖₂",
            "undefined for y = 0, or not computed",
        ),
    ]
}

fn value_meaning(result: &ResultFile) -> &'static str {
    match (result.fit.as_str(), result.objective.as_str()) {
        ("lambda", _) => "the penalised objective: half the squared misfit plus λ times the norm",
        (_, "nuclear") => "the nuclear norm ‖X‖∗",
        (_, "flat") => "‖D1 X D2‖∗, the nuclear norm of the rescaled matrix",
        _ => "the nuclear norm of the matrix rescaled by powers of D1 and D2",
    }
}

fn flatness(result: &ResultFile) -> Vec<Row> {
    let none = "not computed";
    vec![
        number(
            "scaled_trace",
            result.scaled_trace,
            "trace_left / d1 + trace_right / d2: the smaller, the flatter",
            none,
        ),
        number(
            "trace",
            result.trace,
            "of the Hessian of f(L, R) = ‖A(LRᵀ) − y‖² at the factors",
            none,
        ),
        number(
            "trace_left",
            result.trace_left,
            "the part of it in the block of L",
            none,
        ),
        number(
            "trace_right",
            result.trace_right,
            "the part of it in the block of R",
            none,
        ),
        number(
            "excess_flatness",
            result.excess_flatness,
            "scaled_trace over its proved minimum, minus 1: how much sharper than the flattest, at most",
            "it needs a lower bound on the scaled trace",
        ),
        number(
            "lambda_max",
            result.lambda_max,
            "the largest eigenvalue of that Hessian",
            none,
        ),
        number(
            "balancedness",
            result.balancedness,
            "‖LᵀL − RᵀR‖ / ‖X‖∗ (Frobenius over nuclear norm); 0 is balanced",
            "undefined for X = 0, or not computed",
        ),
        number(
            "squared_norm",
            result.squared_norm,
            "‖L‖² + ‖R‖² (Frobenius)",
            none,
        ),
        number(
            "condition_d1",
            result.condition_d1,
            "condition number of D1; near 1, flat and norm-minimal nearly agree",
            &singular("D1", result.unobserved_rows, "row"),
        ),
        number(
            "condition_d2",
            result.condition_d2,
            "condition number of D2, likewise",
            &singular("D2", result.unobserved_columns, "column"),
        ),
    ]
}

/// Why a condition number is missing.
fn singular(name: &str, unobserved: Option<usize>, what: &str) -> String {
    match unobserved {
        Some(1..) => format!("infinite: {name} is singular, for some {what} has no observation"),
        _ => format!("{name} is singular, or it was not computed"),
    }
}

fn uniqueness(result: &ResultFile) -> Vec<Row> {
    let unique = match result.unique {
        Some(true) => "yes",
        Some(false) => "no",
        None => "–",
    };
    let meaning = if result.unique.is_some() {
        "whether this matrix is the only solution"
    } else {
        "whether this matrix is the only solution: not decided"
    };
    vec![
        text("unique", unique, meaning),
        number(
            "unique_margin",
            result.unique_margin,
            "the smaller of the two margins that decide it; the larger, the clearer",
            "not measured",
        ),
    ]
}

/// Rows that make sense for some runs only stand only there.
fn accuracy(result: &ResultFile) -> Vec<Row> {
    let truth = "no truth was given";
    let mut rows = vec![
        number("error", result.error, "‖X − truth‖ (Frobenius)", truth),
        number(
            "relative_error",
            result.relative_error,
            "‖X − truth‖ / ‖truth‖ (Frobenius)",
            truth,
        ),
    ];
    let reals = [
        ("epsilon", result.epsilon, "the misfit ‖A(X) − y‖₂ allowed"),
        (
            "lambda",
            result.lambda,
            "the weight λ of the norm in the penalised objective",
        ),
        (
            "train_rmse",
            result.train_rmse,
            "root mean square error on the data of the fit",
        ),
        (
            "test_rmse",
            result.test_rmse,
            "root mean square error on the entries held out",
        ),
        (
            "test_mae",
            result.test_mae,
            "mean absolute error on the entries held out",
        ),
    ];
    let counts = [
        (
            "test_count",
            result.test_count,
            "entries held out that were scored",
        ),
        (
            "unobserved_rows",
            result.unobserved_rows,
            "rows without an observation: X is zero there",
        ),
        (
            "unobserved_columns",
            result.unobserved_columns,
            "columns without an observation: X is zero there",
        ),
    ];
    rows.extend(
        reals
            .into_iter()
            .filter(|(_, value, _)| value.is_some())
            .map(|(key, value, meaning)| number(key, value, meaning, "")),
    );
    rows.extend(
        counts
            .into_iter()
            .filter_map(|(key, value, meaning)| Some(text(key, &count(value?), meaning))),
    );
    rows
}

fn text(key: &'static str, value: &str, meaning: &str) -> Row {
    Row {
        key,
        value: value.to_owned(),
        meaning: meaning.to_owned(),
    }
}

/// A dash and the reason where the number is unknown.
fn number(key: &'static str, value: Option<f64>, meaning: &str, why_unknown: &str) -> Row {
    match value.filter(|value| value.is_finite()) {
        Some(value) => text(key, &long(value), meaning),
        None => Row {
            key,
            value: "–".to_owned(),
            meaning: format!("{meaning} (unknown: {why_unknown})"),
        },
    }
}
