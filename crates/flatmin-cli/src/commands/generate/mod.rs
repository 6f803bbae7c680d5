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
use crate::args::{GenerateArgs, Model};
use crate::failure::{Failure, usage};

/// Runs the command.
pub(crate) fn generate(args: &GenerateArgs) -> Result<Ending, Failure> {
    let given = [
        ("p", args.p.is_some(), Model::Completion),
        ("ratings", args.ratings.is_some(), Model::Completion),
        ("test", args.test.is_some(), Model::Completion),
        ("outliers", args.outliers.is_some(), Model::Rpca),
        ("negative", args.negative.is_some(), Model::Network),
    ];
    for (option, given, model) in given {
        if given && model != args.model {
            let (found, expected) = (args.model.name(), model.name());
            return Err(usage(format!(
                "--{option}: found with {found}, expected only with {expected}"
            )));
        }
    }
    match args.model {
        Model::Sensing | Model::Deep => sensing::generate(args)?,
        Model::Bilinear => bilinear::generate(args)?,
        Model::Completion => completion::generate(args)?,
        Model::Sparse => sparse::generate(args)?,
        Model::Covariance | Model::Phase | Model::Network => symmetric::generate(args)?,
        Model::Rpca => robust::generate(args)?,
    }
    Ok(Ending::Done)
}
