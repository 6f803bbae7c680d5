//! `flatmin solve`: recover, certify, report. One family of models a file.

mod deep;
mod linear;
mod robust;
mod sparse;

use super::Ending;
use super::run::run;
use crate::args::{Model, SolveArgs};
use crate::failure::Failure;

/// Runs the command.
pub(crate) fn solve(args: &SolveArgs) -> Result<Ending, Failure> {
    args.of_model.check(args.model)?;
    run(&args.run, |run| match args.model {
        Model::Sensing
        | Model::Bilinear
        | Model::Completion
        | Model::Covariance
        | Model::Phase
        | Model::Network => linear::solve(run, args),
        Model::Rpca => robust::solve(run, args),
        Model::Sparse => sparse::solve(run, args),
        Model::Deep => deep::solve(run, args),
    })
}
