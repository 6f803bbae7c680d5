//! `flatmin measure`: how flat are these factors, and how flat could they be? One family of models a file.

mod deep;
mod linear;
mod robust;
mod sparse;

use super::Ending;
use super::outcome::Outcome;
use super::run::{Run, run};
use crate::args::{MeasureArgs, Model};
use crate::failure::Failure;
use crate::input::Source;

/// Runs the command.
pub(crate) fn measure(args: &MeasureArgs) -> Result<Ending, Failure> {
    let asked = Asked {
        factors: (&args.factors).into(),
        no_bound: args.no_bound,
    };
    run(args.model, (&args.data).into(), &args.options, |run| {
        measured(run, &asked)
    })
}

/// What is measured.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) factors: Source<'a>,
    /// Not to solve for the flattest.
    pub(crate) no_bound: bool,
}

/// The numbers, whatever becomes of them.
pub(crate) fn measured(run: &Run<'_>, asked: &Asked<'_>) -> Result<Outcome, Failure> {
    match run.model {
        Model::Sensing
        | Model::Bilinear
        | Model::Completion
        | Model::Covariance
        | Model::Phase
        | Model::Network => linear::measure(run, asked),
        Model::Rpca => robust::measure(run, asked),
        Model::Sparse => sparse::measure(run, asked),
        Model::Deep => deep::measure(run, asked),
    }
}
