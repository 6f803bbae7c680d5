//! `flatmin report`: figures and report.html from the files of an earlier run.

use std::path::Path;

use super::Ending;
use crate::failure::{Failure, OrInput as _};
use crate::output::files::OutputDir;
use crate::output::run_files;
use crate::report::redraw;

/// Runs the command.
pub(crate) fn report(dir: &Path) -> Result<Ending, Failure> {
    // Read first: a folder that is missing must not be made.
    let rendered = redraw(dir)?;
    let out = OutputDir::create(dir).or_input()?;
    run_files::write_report(&out, &rendered)?;
    Ok(Ending::Done)
}
