//! `flatmin measure`: how flat are these factors, and how flat could they be? One family of models a file.

mod deep;
mod linear;
mod robust;
mod sparse;

use super::Ending;
use super::run::run;
use crate::args::{MeasureArgs, Model};
use crate::failure::Failure;

/// Runs the command.
pub(crate) fn measure(args: &MeasureArgs) -> Result<Ending, Failure> {
    args.of_model.check(args.model)?;
    run(&args.run, |run| match args.model {
        Model::Sensing
        | Model::Bilinear
        | Model::Completion
        | Model::Covariance
        | Model::Phase
        | Model::Network => linear::measure(run, args),
        Model::Rpca => robust::measure(run, args),
        Model::Sparse => sparse::measure(run, args),
        Model::Deep => deep::measure(run, args),
    })
}
