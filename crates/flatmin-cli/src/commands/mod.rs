//! The subcommands, one a file.

pub(crate) mod generate;
pub(crate) mod measure;
pub(crate) mod outcome;
pub(crate) mod predict;
pub(crate) mod report;
mod robust;
pub(crate) mod run;
pub(crate) mod solve;

/// How a command ended that did what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Exit code 0.
    Done,
    /// A budget or Ctrl-C stopped the solver; what was found is written: exit code 3.
    StoppedEarly,
}
