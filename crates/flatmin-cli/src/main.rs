//! The `flatmin` command.

mod args;
mod assess;
mod commands;
mod completion;
mod depth;
mod experiment;
mod failure;
mod input;
mod instance;
mod interrupt;
mod output;
mod pictures;
mod progress;
mod report;
mod summary;
mod theory;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use args::{Cli, Command};
use commands::Ending;
use failure::Failure;

fn main() -> ExitCode {
    match run(&Cli::parse().command) {
        Ok(Ending::Done) => ExitCode::SUCCESS,
        Ok(Ending::StoppedEarly) => ExitCode::from(3),
        Err(failure) => {
            eprintln!("{}", failure.line());
            ExitCode::from(failure.code())
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
            clap_complete::generate(*shell, &mut Cli::command(), "flatmin", &mut std::io::stdout());
            Ok(Ending::Done)
        }
    }
}
