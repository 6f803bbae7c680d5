//! `flatmin generate`: an instance whose answer is known. One model a file.
//!
//! A low-rank truth is U diag(s) Vᵀ with random orthonormal U, V and geometrically falling s, of Frobenius norm 1.

mod bilinear;
mod completion;
mod draw;
mod sensing;
mod size;
mod sparse;
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
    match args.model {
        Model::Sensing | Model::Deep => sensing::generate(args)?,
        Model::Bilinear => bilinear::generate(args)?,
        Model::Completion => completion::generate(args)?,
        Model::Sparse => sparse::generate(args)?,
    }
    Ok(Ending::Done)
}
