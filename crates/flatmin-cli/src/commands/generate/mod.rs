//! `flatmin generate`: an instance whose answer is known. One model a file.
//!
//! What is drawn, and how, is the library's [`synthetic`](flatmin::synthetic); here are the files.

mod bilinear;
mod completion;
mod robust;
mod sensing;
mod size;
mod sparse;
mod symmetric;
mod target;

use super::Ending;
use crate::args::{DrawingArgs, GenerateArgs, Model};
use crate::failure::{Failure, usage};
use crate::output::npz::Member;
use target::Target;

/// Runs the command.
pub(crate) fn generate(args: &GenerateArgs) -> Result<Ending, Failure> {
    check("test", args.test.is_some(), Model::Completion, args.model)?;
    check_options(args.model, &args.drawing)?;
    if args.model == Model::Completion {
        completion::generate(args)?;
    } else {
        let target = Target::new("--out", &args.out, args.model)?;
        target.archive(&drawn(args.model, &args.drawing)?)?;
    }
    Ok(Ending::Done)
}

/// Arrays by key.
pub(crate) type Members = Vec<(&'static str, Member<'static>)>;

/// The arrays of an instance, whatever becomes of them.
pub(crate) fn drawn(model: Model, options: &DrawingArgs) -> Result<Members, Failure> {
    check_options(model, options)?;
    match model {
        Model::Sensing | Model::Deep => sensing::draw(model, options),
        Model::Bilinear => bilinear::draw(model, options),
        Model::Completion => completion::draw(options),
        Model::Sparse => sparse::draw(model, options),
        Model::Covariance | Model::Phase | Model::Network => symmetric::draw(model, options),
        Model::Rpca => robust::draw(model, options),
    }
}

/// Refuses an option of another model.
fn check_options(model: Model, options: &DrawingArgs) -> Result<(), Failure> {
    check("p", options.p.is_some(), Model::Completion, model)?;
    check("ratings", options.ratings.is_some(), Model::Completion, model)?;
    check("outliers", options.outliers.is_some(), Model::Rpca, model)?;
    check("negative", options.negative.is_some(), Model::Network, model)
}

fn check(option: &str, given: bool, expected: Model, model: Model) -> Result<(), Failure> {
    if given && model != expected {
        let (found, expected) = (model.name(), expected.name());
        return Err(usage(format!(
            "--{option}: found with {found}, expected only with {expected}"
        )));
    }
    Ok(())
}
