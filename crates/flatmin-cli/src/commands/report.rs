//! `flatmin report`: figures and report.html from the files of an earlier run.

use std::path::Path;

use super::Ending;
use crate::failure::{Failure, OrInput as _};
use crate::input::check_folder;
use crate::output::files::OutputDir;
use crate::output::run_files;
use crate::report::redraw;

/// Runs the command.
pub(crate) fn report(dir: &Path) -> Result<Ending, Failure> {
    // A folder that is missing must not be made.
    check_folder(dir, "a folder that flatmin wrote with --out").or_input()?;
    // Alone in it from here on: what a run that ends meanwhile writes would be read by halves, and drawn over.
    let out = OutputDir::claim(dir).or_input()?;
    let rendered = redraw(dir)?;
    run_files::write_report(&out, &rendered)?;
    Ok(Ending::Done)
}
