//! The `flatmin` command as a library: [`main`] is the command itself, [`call`] the same functions on arrays in memory, for
//! programs in other languages.
//!
//! What recovers, certifies and measures is the crate `flatmin`; here are files, options, figures and reports.
#![deny(missing_docs)]

mod args;
mod assess;
pub mod call;
mod commands;
mod completion;
mod depth;
mod experiment;
mod failure;
mod input;
mod instance;
mod interrupt;
mod memory;
mod output;
mod pictures;
mod progress;
mod report;
mod summary;
mod terminal;
mod theory;

use std::ffi::OsString;
use std::io::Write as _;

use clap::CommandFactory as _;

use args::{Cli, Command};
use commands::Ending;
pub use failure::Failure;

/// Reads `path`, which has the name of one of the files that the readers know: for programs that look for files on which
/// one of them fails.
///
/// # Errors
/// What is wrong with the file.
#[cfg(feature = "fuzzing")]
pub fn read(path: &std::path::Path) -> anyhow::Result<()> {
    let name = path.file_name().and_then(|name| name.to_str());
    let reader = input::every::READERS
        .iter()
        .find(|(known, _)| Some(*known) == name);
    reader.map_or(Ok(()), |(_, reader)| reader(path))
}

/// Runs the command line `arguments`, of which the first is the name of the program, and gives the exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let code = match args::parse::<Cli>(arguments) {
        Ok(cli) => code_of(run(&cli.command)),
        Err(error) if error.use_stderr() => code_of(Err(args::refusal(&error))),
        Err(help) => {
            // The version comes this way too. That they cannot be printed is nothing to report.
            let _ = help.print();
            0
        }
    };
    // Where this runs inside another program no end of the process does it.
    let _ = std::io::stdout().flush();
    code
}

/// The exit code, after the word that goes with it.
fn code_of(ended: Result<Ending, Failure>) -> u8 {
    match ended {
        Ok(Ending::Done) => 0,
        Ok(Ending::StoppedEarly) => 3,
        Err(failure) => {
            terminal::say(&format!("flatmin: {}", failure.message()));
            failure.code()
        }
    }
}

fn run(command: &Command) -> Result<Ending, Failure> {
    match command {
        Command::Solve(args) => commands::solve::solve(args),
        Command::Measure(args) => commands::measure::measure(args),
        Command::Predict(args) => commands::predict::predict(args),
        Command::Experiment(args) => experiment::experiment(args),
        Command::Generate(args) => commands::generate::generate(args),
        Command::Report { dir } => commands::report::report(dir),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "flatmin", &mut script);
            terminal::print(&String::from_utf8_lossy(&script))?;
            Ok(Ending::Done)
        }
    }
}
