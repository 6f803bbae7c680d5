//! The first sentence: how the run ended and what is proved.

use super::proof::{Proof, is_optimal, proof};
use super::{is_flat, is_measured, is_vector, known, noun};
use crate::output::result::ResultFile;
use crate::report::number::at_most;

/// The lead: how the run ended, and what is proved.
pub(super) fn lead(result: &ResultFile) -> String {
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
        ("converged", _) if result.model == "deep" => {
            format!("The search ended at a stationary point, the flattest of those it found. {statement}")
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
        Proof::Trivial => format!(
            "The proved lower bound is not positive, which says nothing about how near {} is to {best}.",
            decapitalised(&subject)
        ),
        Proof::Unknown => format!(
            "Nothing is proved about how near {} is to {best}.",
            decapitalised(&subject)
        ),
    }
}

/// For use inside a sentence; every subject starts with "The".
fn decapitalised(subject: &str) -> String {
    subject.replacen("The ", "the ", 1)
}

/// Only said in the lead where the proof is complete.
fn only_one(result: &ResultFile) -> &'static str {
    if result.unique == Some(true) && is_optimal(result) {
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
    let what = noun(result);
    match (is_flat(result), known(result.excess_flatness)) {
        (true, None) if result.model == "deep" => format!("The trace of the Hessian of the chain {whose}"),
        (true, Some(_)) if is_measured(result) => "The given factorisation".to_owned(),
        (true, Some(_)) => "The factorisation found".to_owned(),
        (true, None) => format!("The flattest factorisation of the {what} {whose}"),
        (false, _) if result.fit == "lambda" => {
            format!(
                "The penalised objective, ½‖A(X) − y‖² + λ·{}, at the {what} {whose}",
                norm(result)
            )
        }
        (false, _) => format!("The norm {} of the {what} {whose}", norm(result)),
    }
}

fn best(result: &ResultFile) -> String {
    let best = if result.model == "deep" {
        "the smallest possible on the zero-loss set"
    } else if is_flat(result) {
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
    let tilde = if result.fit == "lambda" { "\u{303}" } else { "" };
    if is_vector(result) {
        return "Σ ‖a‖²|x|^(2 − 2/K)".to_owned();
    }
    match result.objective.split_once(':') {
        Some((_, power)) => format!("‖D{tilde}1^{power} X D{tilde}2^{power}‖∗"),
        None if result.objective == "nuclear" => "‖X‖∗".to_owned(),
        None => format!("‖D{tilde}1 X D{tilde}2‖∗"),
    }
}
