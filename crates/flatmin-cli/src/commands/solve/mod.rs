//! `flatmin solve`: recover, certify, report. One family of models a file.

mod deep;
mod linear;
mod robust;
mod sparse;

use super::Ending;
use super::outcome::Outcome;
use super::run::{Run, run};
use crate::args::{Model, SolveArgs};
use crate::failure::Failure;

/// Runs the command.
pub(crate) fn solve(args: &SolveArgs) -> Result<Ending, Failure> {
    run(args.model, (&args.data).into(), &args.options, solved)
}

/// The solution, whatever becomes of it.
pub(crate) fn solved(run: &Run<'_>) -> Result<Outcome, Failure> {
    match run.model {
        Model::Sensing
        | Model::Bilinear
        | Model::Completion
        | Model::Covariance
        | Model::Phase
        | Model::Network => linear::solve(run),
        Model::Rpca => robust::solve(run),
        Model::Sparse => sparse::solve(run),
        Model::Deep => deep::solve(run),
    }
}
