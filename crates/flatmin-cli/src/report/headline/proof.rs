//! What the gap proves about a result.

use super::{MET, is_flat, known};
use crate::output::result::ResultFile;

/// How near to the optimum the result is proved to be.
pub(super) enum Proof {
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

pub(super) fn proof(result: &ResultFile) -> Proof {
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

/// The largest relative excess that still counts as optimal when uniqueness is spoken of.
const CLOSE: f64 = 1e-3;

/// Whether the matrix is proved to be a solution: certified, by numbers that bear it out, and meeting exact data.
pub(super) fn is_optimal(result: &ResultFile) -> bool {
    let certified = result.status.as_deref() == Some("certified");
    let close = match proof(result) {
        Proof::Within(excess) | Proof::Agrees(excess) => excess <= CLOSE,
        _ => false,
    };
    let met = result.fit != "exact" || known(result.residual).is_some_and(|residual| residual <= MET);
    certified && close && met
}
