//! What the numbers say, in sentences; never more than they say.

use super::number::{at_most, count, counted, short};
use crate::output::result::ResultFile;

/// A relative residual up to which "exact" data count as met: far above rounding, far below anything visible.
const MET: f64 = 1e-6;

/// The most important sentence, and those that follow it.
pub(crate) struct Headline {
    pub(crate) lead: String,
    pub(crate) rest: Vec<String>,
}

pub(crate) fn headline(result: &ResultFile) -> Headline {
    let rest = [
        Some(found(result)),
        Some(fit(result)),
        truth(result),
        Some(uniqueness(result)),
        unobserved(result),
        singular(result),
        held_out(result),
    ];
    Headline {
        lead: optimality(result),
        rest: rest.into_iter().flatten().collect(),
    }
}

/// How near to the optimum the result is proved to be.
enum Proof {
    /// Relative excess over the smallest possible, at most.
    Within(f64),
    /// The value is below the bound, by no more than the misfit of the data explains.
    Agrees(f64),
    /// The value is below the bound by this much (relative): the data are not met well enough to compare them.
    Below(f64),
    /// The bound is zero or negative: every value is above it.
    Trivial,
    Unknown,
}

fn proof(result: &ResultFile) -> Proof {
    let excess = if is_flat(result) {
        known(result.excess_flatness)
    } else {
        None
    };
    match (known(result.gap), excess) {
        (Some(gap), _) if gap < 0.0 => below(-gap),
        (Some(gap), _) if gap >= 1.0 => Proof::Trivial,
        (_, Some(excess)) if excess < 0.0 => below(-excess),
        (_, Some(excess)) => Proof::Within(excess),
        // value / bound − 1, from (value − bound) / value.
        (Some(gap), None) => Proof::Within(gap / (1.0 - gap)),
        (None, None) => Proof::Unknown,
    }
}

fn below(size: f64) -> Proof {
    if size <= MET {
        Proof::Agrees(size)
    } else {
        Proof::Below(size)
    }
}

fn known(number: Option<f64>) -> Option<f64> {
    number.filter(|number| number.is_finite())
}

fn is_flat(result: &ResultFile) -> bool {
    result.objective == "flat" && result.fit != "lambda"
}

fn is_measured(result: &ResultFile) -> bool {
    result.status.is_none()
}

/// The lead: how the run ended, and what is proved.
fn optimality(result: &ResultFile) -> String {
    let proof = proof(result);
    let statement = statement(result, &proof);
    let Some(status) = result.status.as_deref() else {
        return statement;
    };
    match (status, proof) {
        ("certified", Proof::Within(_) | Proof::Agrees(_)) => statement + only_one(result),
        ("certified", _) => {
            format!("The run is marked as certified, but its numbers do not show it. {statement}")
        }
        ("converged", _) => {
            format!("The solver converged, without the proof that was asked for. {statement}")
        }
        ("budget", _) => {
            format!("The budget of time or iterations ran out; this is the best found. {statement}")
        }
        ("interrupted", _) => {
            format!("The run was interrupted; this is the best found. {statement}")
        }
        (other, _) => format!("The run ended with the unknown status “{other}”. {statement}"),
    }
}

/// The proof as a sentence, complete with what is compared with what.
fn statement(result: &ResultFile, proof: &Proof) -> String {
    let (subject, best) = (subject(result), best(result));
    match proof {
        Proof::Within(excess) if *excess > 1.0 => {
            let times = at_most(1.0 + excess);
            let sharp = if is_flat(result) { "as sharp as " } else { "" };
            format!("{subject} is proved to be at most {times} times {sharp}{best}.")
        }
        Proof::Within(excess) => {
            format!(
                "{subject} is proved to be within {} (relative) of {best}.",
                at_most(*excess)
            )
        }
        Proof::Agrees(size) => format!(
            "{subject} is proved to agree with {best} to {} (relative), which is how far it is below the proved lower bound: the data are met only to rounding.",
            at_most(*size)
        ),
        Proof::Below(size) => format!(
            "The value is below the proved lower bound by {} (relative), as it can be only where the data are not met: it cannot be compared with {best}.",
            at_most(*size)
        ),
        Proof::Trivial => {
            format!(
                "The proved lower bound is not positive, which says nothing about how near it is to {best}."
            )
        }
        Proof::Unknown => format!("Nothing is proved about how near it is to {best}."),
    }
}

/// Only said in the lead where the proof is complete.
fn only_one(result: &ResultFile) -> &'static str {
    if result.unique == Some(true) {
        " It is the only one."
    } else {
        ""
    }
}

fn subject(result: &ResultFile) -> String {
    let whose = if is_measured(result) {
        "of the given factors"
    } else {
        "found"
    };
    match (is_flat(result), known(result.excess_flatness)) {
        (true, Some(_)) if is_measured(result) => "The given factorisation".to_owned(),
        (true, Some(_)) => "The factorisation found".to_owned(),
        (true, None) => format!("The flattest factorisation of the matrix {whose}"),
        (false, _) if result.fit == "lambda" => {
            format!(
                "The penalised objective, ½‖A(X) − y‖² + λ·{}, at the matrix {whose}",
                norm(result)
            )
        }
        (false, _) => format!("The norm {} of the matrix {whose}", norm(result)),
    }
}

fn best(result: &ResultFile) -> String {
    let best = if is_flat(result) {
        "the flattest possible one"
    } else {
        "its smallest possible value"
    };
    let among = if result.fit == "epsilon" {
        " within the misfit allowed"
    } else {
        ""
    };
    format!("{best}{among}")
}

/// The norm that the objective minimises, as a formula; a penalty weighs with the counts themselves (tilde).
fn norm(result: &ResultFile) -> String {
    let tilde = if result.fit == "lambda" {
        "\u{303}"
    } else {
        ""
    };
    match result.objective.split_once(':') {
        Some((_, power)) => format!("‖D{tilde}1^{power} X D{tilde}2^{power}‖∗"),
        None if result.objective == "nuclear" => "‖X‖∗".to_owned(),
        None => format!("‖D{tilde}1 X D{tilde}2‖∗"),
    }
}

/// What there is, whoever made it.
fn found(result: &ResultFile) -> String {
    let (rows, columns) = result.shape;
    let verb = if is_measured(result) {
        "measured"
    } else {
        "found"
    };
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
        other => other,
    }
}

fn fit(result: &ResultFile) -> String {
    let Some(residual) = known(result.residual) else {
        return "How well it meets the data is not known.".to_owned();
    };
    let misfit = format!("a relative residual of {}", short(residual));
    match (
        result.fit.as_str(),
        known(result.epsilon),
        known(result.lambda),
    ) {
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

fn truth(result: &ResultFile) -> Option<String> {
    let error = known(result.relative_error).map(|error| format!("{} (relative", short(error)));
    let error =
        error.or_else(|| known(result.error).map(|error| format!("{} (absolute", short(error))))?;
    Some(format!(
        "It differs from the true matrix by {error}, in the Frobenius norm)."
    ))
}

fn uniqueness(result: &ResultFile) -> String {
    let margin = known(result.unique_margin).map(short);
    let with_margin = margin
        .as_ref()
        .map_or(String::new(), |margin| format!(" (margin {margin})"));
    let certified = result.status.as_deref() == Some("certified");
    let optimal = certified && matches!(proof(result), Proof::Within(_) | Proof::Agrees(_));
    match (result.unique, optimal) {
        (Some(true), true) => {
            let margin = margin.map_or(String::new(), |margin| {
                format!(", with a margin of {margin}")
            });
            format!(
                "That no other matrix does as well is shown{margin}; its factors are determined up to a rotation common to both."
            )
        }
        (Some(true), false) => format!(
            "The test of uniqueness passed at this matrix{with_margin}, but it speaks of optimal matrices, which this one is not proved to be."
        ),
        (Some(false), _) => {
            format!("It is not the only solution{with_margin}: other matrices do as well.")
        }
        (None, _) => "Whether it is the only solution was not decided.".to_owned(),
    }
}

fn unobserved(result: &ResultFile) -> Option<String> {
    let (rows, columns) = (
        result.unobserved_rows.unwrap_or(0),
        result.unobserved_columns.unwrap_or(0),
    );
    let what = match (rows, columns) {
        (0, 0) => return None,
        (rows, 0) => counted(rows, "row"),
        (0, columns) => counted(columns, "column"),
        (rows, columns) => format!(
            "{} and {}",
            counted(rows, "row"),
            counted(columns, "column")
        ),
    };
    let verb = if rows + columns == 1 { "has" } else { "have" };
    Some(format!(
        "{what} of the matrix {verb} no observation: the data say nothing about them, and the zeros that stand there are no prediction."
    ))
}

/// A condition number that is unknown may be infinite; unobserved rows and columns are spoken of already.
fn singular(result: &ResultFile) -> Option<String> {
    let unexplained = |condition: Option<f64>, unobserved: Option<usize>| {
        known(condition).is_none() && unobserved.unwrap_or(0) == 0
    };
    let left = unexplained(result.condition_d1, result.unobserved_rows);
    let right = unexplained(result.condition_d2, result.unobserved_columns);
    let which = match (left, right) {
        (false, false) => return None,
        (true, false) => "D1 has",
        (false, true) => "D2 has",
        (true, true) => "D1 and D2 have",
    };
    Some(format!(
        "{which} no known condition number; if singular, there are directions which no measurement sees and in which flatness decides nothing."
    ))
}

fn held_out(result: &ResultFile) -> Option<String> {
    let rmse = known(result.test_rmse)?;
    let absolute = known(result.test_mae).map_or(String::new(), |mae| {
        format!(" and a mean absolute error of {}", short(mae))
    });
    let entries = result
        .test_count
        .map_or("the entries".to_owned(), |entries| counted_entries(entries));
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
