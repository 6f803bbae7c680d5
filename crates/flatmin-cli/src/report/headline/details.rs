//! The sentences after the first: one function each, `None` where there is nothing to say.

use super::proof::is_optimal;
use super::{MET, is_measured, is_vector, known, noun};
use crate::output::result::ResultFile;
use crate::report::number::{count, counted, short};

/// What there is, whoever made it.
pub(super) fn found(result: &ResultFile) -> String {
    let (rows, columns) = result.shape;
    let verb = if is_measured(result) { "measured" } else { "found" };
    if is_vector(result) {
        return format!(
            "The vector {verb} has {} entries, {} of them not zero; the data are {} ({}).",
            count(rows),
            count(result.rank),
            counted(result.measurements, "measurement"),
            model(result)
        );
    }
    format!(
        "The matrix {verb} is {} × {} and has rank {}; the data are {} ({}).",
        count(rows),
        count(columns),
        result.rank,
        counted(result.measurements, "measurement"),
        model(result)
    )
}

fn model(result: &ResultFile) -> &str {
    match result.model.as_str() {
        "sensing" => "matrix sensing",
        "bilinear" => "bilinear sensing",
        "completion" => "matrix completion",
        "rpca" => "robust PCA",
        "sparse" => "an entrywise product of vectors",
        "deep" => "a product of matrices",
        other => other,
    }
}

pub(super) fn fit(result: &ResultFile) -> String {
    let Some(residual) = known(result.residual) else {
        return "How well it meets the data is not known.".to_owned();
    };
    let misfit = format!("a relative residual of {}", short(residual));
    if let (Some(radius), Some(outliers)) = (known(result.radius), result.outliers) {
        return format!(
            "What it leaves of the data, S, has {}, whose magnitudes sum up to {}.",
            counted(outliers, "nonzero"),
            short(radius)
        );
    }
    match (result.fit.as_str(), known(result.epsilon), known(result.lambda)) {
        ("epsilon", Some(epsilon), _) => {
            format!(
                "It meets the data up to {misfit}; a misfit ‖A(X) − y‖₂ of {} was allowed.",
                short(epsilon)
            )
        }
        ("epsilon", None, _) => {
            format!("It meets the data up to {misfit}; how much was allowed is not recorded.")
        }
        ("lambda", _, Some(lambda)) => {
            format!(
                "The penalty λ = {} trades misfit for a smaller norm: {misfit} is left.",
                short(lambda)
            )
        }
        ("lambda", _, None) => {
            format!("The penalty λ trades misfit for a smaller norm: {misfit} is left.")
        }
        _ if residual <= MET => format!("It meets the data, up to {misfit}."),
        _ => format!(
            "It does not meet the data exactly: there is {misfit}, and any comparison with matrices that do meet them holds no better than that."
        ),
    }
}

pub(super) fn truth(result: &ResultFile) -> Option<String> {
    let error = known(result.relative_error).map(|error| format!("{} (relative", short(error)));
    let error = error.or_else(|| known(result.error).map(|error| format!("{} (absolute", short(error))))?;
    Some(format!(
        "It differs from the true {} by {error}, in the {} norm).",
        noun(result),
        if is_vector(result) {
            "Euclidean"
        } else {
            "Frobenius"
        }
    ))
}

pub(super) fn uniqueness(result: &ResultFile) -> String {
    let what = noun(result);
    let margin = known(result.unique_margin).map(short);
    let with_margin = margin
        .as_ref()
        .map_or(String::new(), |margin| format!(" (margin {margin})"));
    match (result.unique, is_optimal(result)) {
        (Some(true), true) => {
            let margin = margin.map_or(String::new(), |margin| format!(", with a margin of {margin}"));
            format!(
                "That no other {what} does as well is shown{margin}; its factors are determined up to {}.",
                match result.model.as_str() {
                    _ if is_vector(result) => "signs",
                    "covariance" | "phase" | "network" => "a rotation of U1 and one of U2",
                    _ => "a rotation common to both",
                }
            )
        }
        (Some(true), false) => format!(
            "The test of uniqueness passed at this {what}{with_margin}, but it speaks of optimal ones, which this one is not proved to be."
        ),
        (Some(false), _) => {
            format!("It is not the only solution{with_margin}: others do as well.")
        }
        (None, _) => "Whether it is the only solution was not decided.".to_owned(),
    }
}

pub(super) fn unobserved(result: &ResultFile) -> Option<String> {
    let (rows, columns) = (
        result.unobserved_rows.unwrap_or(0),
        result.unobserved_columns.unwrap_or(0),
    );
    let what = match (rows, columns) {
        (0, 0) => return None,
        (rows, 0) => counted(rows, "row"),
        (0, columns) => counted(columns, "column"),
        (rows, columns) => format!("{} and {}", counted(rows, "row"), counted(columns, "column")),
    };
    let verb = if rows + columns == 1 { "has" } else { "have" };
    Some(format!(
        "{what} of the matrix {verb} no observation: the data say nothing about them, and the zeros that stand there are no prediction."
    ))
}

pub(super) fn components(result: &ResultFile) -> Option<String> {
    let components = result.components.filter(|components| *components > 1)?;
    Some(format!(
        "The entries fall into {} groups that share no row or column: the blocks of the matrix between them are not determined.",
        count(components)
    ))
}

/// A condition number that is unknown may be infinite; unobserved rows and columns are spoken of already,
/// and the nuclear norm does not use D1 and D2.
pub(super) fn singular(result: &ResultFile) -> Option<String> {
    let unexplained = |condition: Option<f64>, unobserved: Option<usize>| {
        known(condition).is_none() && unobserved.unwrap_or(0) == 0
    };
    let left = unexplained(result.condition_d1, result.unobserved_rows);
    let right = unexplained(result.condition_d2, result.unobserved_columns);
    let which = match (left, right) {
        _ if result.objective == "nuclear" || result.depth.is_some() => return None,
        (false, false) => return None,
        (true, false) => "D1 has",
        (false, true) => "D2 has",
        (true, true) => "D1 and D2 have",
    };
    Some(format!(
        "{which} no known condition number; if singular, there are directions which no measurement sees and in which flatness decides nothing."
    ))
}

pub(super) fn held_out(result: &ResultFile) -> Option<String> {
    let rmse = known(result.test_rmse)?;
    let absolute = known(result.test_mae).map_or(String::new(), |mae| {
        format!(" and a mean absolute error of {}", short(mae))
    });
    let entries = result
        .test_count
        .map_or("the entries".to_owned(), counted_entries);
    Some(format!(
        "On {entries} held out, it has a root mean square error of {}{absolute}.",
        short(rmse)
    ))
}

fn counted_entries(entries: usize) -> String {
    if entries == 1 {
        "the one entry".to_owned()
    } else {
        format!("the {} entries", count(entries))
    }
}
