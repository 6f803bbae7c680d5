//! `flatmin report`: figures and report.html from the files of an earlier run.

use std::path::Path;

use super::Ending;
use crate::experiment;
use crate::failure::{Failure, OrInput as _};
use crate::input::check_folder;
use crate::output::files::OutputDir;
use crate::output::run_files;
use crate::report::redraw;

/// Runs the command.
pub(crate) fn report(dir: &Path) -> Result<Ending, Failure> {
    // A folder that is missing must not be made.
    check_folder(dir, "a folder that flatmin wrote with --out").or_input()?;
    // An experiment may last for hours; its rows are whole at any time, and can be looked at meanwhile. The files of a solve
    // belong together: what one that ends meanwhile writes would be read by halves, and drawn over.
    let out = if experiment::is_in(dir)? {
        OutputDir::create(dir)
    } else {
        OutputDir::claim(dir)
    };
    let out = out.or_input()?;
    let rendered = redraw(dir)?;
    run_files::write_report(&out, &rendered)?;
    Ok(Ending::Done)
}
