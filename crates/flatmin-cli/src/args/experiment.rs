//! The options of `flatmin experiment`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::values;
use crate::experiment::Preset;

/// Which experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExperimentName {
    /// Which share of random instances is recovered, by size and number of measurements
    Recovery,
    /// How flat and how wrong gradient descent, label noise and others end, and how flatness and error go together
    Trajectories,
    /// How far flat solutions are from norm-minimal and balanced, beside what theory bounds it by
    Regularity,
    /// Flat, norm-minimal and balanced: how they part as the measurements get fewer
    Notions,
    /// Error against noise, of flat and nuclear, under two fits
    Noise,
    /// How few measurements suffice where the rank is told, beside the convex problem and published methods
    Fewest,
    /// The width of the factors, from the rank of the truth up
    Overparameterization,
    /// More than two factors, of sparse vectors and of matrices of low rank
    Depth,
    /// The loss around the flat, the norm-minimal and a sharp solution
    Landscape,
}

#[derive(Debug, Args)]
pub(crate) struct ExperimentArgs {
    /// Which experiment
    pub(crate) name: ExperimentName,
    /// How large [default: quick]
    #[arg(long)]
    pub(crate) preset: Option<Preset>,
    /// A configuration in TOML; keys that it lacks are those of the preset
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// One key of the configuration, in TOML: --set 'd = [20, 40]'; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Of all random numbers [default: 0]
    #[arg(long, value_name = "N", value_parser = values::seed)]
    pub(crate) seed: Option<u64>,
    /// Trials at a time, one thread each; the rows do not depend on it [default: all cores]
    #[arg(long, value_name = "N", value_parser = values::threads)]
    pub(crate) threads: Option<usize>,
    /// Most seconds; trials that have begun are finished, and the same command goes on later [default: no limit]
    #[arg(long, value_name = "SECONDS", value_parser = values::seconds)]
    pub(crate) time_limit: Option<Duration>,
    /// Folder for config.toml, rows.csv, figures and report.html [default: nothing is written]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Print nothing on success
    #[arg(short, long)]
    pub(crate) quiet: bool,
}
