//! What the numbers say, in sentences; never more than they say.

use crate::output::result::ResultFile;

mod details;
mod lead;
mod proof;
#[cfg(test)]
mod tests;

/// A relative residual up to which "exact" data count as met: far above rounding, far below anything visible.
const MET: f64 = 1e-6;

/// The most important sentence, and those that follow it.
pub(crate) struct Headline {
    pub(crate) lead: String,
    pub(crate) rest: Vec<String>,
}

pub(crate) fn headline(result: &ResultFile) -> Headline {
    let rest = [
        Some(details::found(result)),
        Some(details::fit(result)),
        details::truth(result),
        Some(details::uniqueness(result)),
        details::unobserved(result),
        details::components(result),
        details::singular(result),
        details::held_out(result),
    ];
    Headline {
        lead: lead::lead(result),
        rest: rest.into_iter().flatten().collect(),
    }
}

/// JSON has no NaN, but a number may come from elsewhere.
fn known(number: Option<f64>) -> Option<f64> {
    number.filter(|number| number.is_finite())
}

fn is_flat(result: &ResultFile) -> bool {
    result.objective == "flat" && result.fit != "lambda"
}

/// The sparse model speaks of a vector.
fn is_vector(result: &ResultFile) -> bool {
    result.model == "sparse"
}

fn noun(result: &ResultFile) -> &'static str {
    if is_vector(result) { "vector" } else { "matrix" }
}

fn is_measured(result: &ResultFile) -> bool {
    result.status.is_none()
}
