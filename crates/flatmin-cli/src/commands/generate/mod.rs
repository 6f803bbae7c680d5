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
    if args.p.is_some() && args.model != Model::Completion {
        let model = args.model.name();
        return Err(usage(format!(
            "--p: found with {model}, expected only with completion"
        )));
    }
    if args.outliers.is_some() && args.model != Model::Rpca {
        let model = args.model.name();
        return Err(usage(format!(
            "--outliers: found with {model}, expected only with rpca"
        )));
    }
    if args.negative.is_some() && args.model != Model::Network {
        let model = args.model.name();
        return Err(usage(format!(
            "--negative: found with {model}, expected only with network"
        )));
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
