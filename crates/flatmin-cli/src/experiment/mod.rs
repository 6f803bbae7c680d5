//! `flatmin experiment`: configuration and seed in, rows, figures and a report out; the same command goes on where it stopped.
//!
//! | file | what it holds |
//! |---|---|
//! | `config.toml` | the experiment's name and its configuration, every default written out |
//! | `rows.csv` | one row a trial and objective; while the experiment runs, in the order in which they end |
//! | `figures/*.svg`, `*.png`, `report.html` | drawn from the rows alone |

mod conduct;
mod config;
mod depth;
mod fewest;
mod grid;
mod landscape;
mod noise;
mod notions;
mod overparameterization;
mod page;
pub(crate) mod parts;
mod recovery;
mod regularity;
mod rows;
mod statistics;
mod status;
mod trajectories;

use std::path::Path;

use clap::ValueEnum as _;
use flatmin::experiment::Experiment;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::{ExperimentArgs, ExperimentName};
use crate::commands::Ending;
use crate::failure::{Failure, OrInput as _};
use crate::report::Rendered;
use crate::report::draw::text::Font;
use crate::report::figures::Panel;

/// How large an experiment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Preset {
    /// About a minute on two cores
    Quick,
    /// The protocol of the paper
    Paper,
    /// Beyond the paper, up to twenty minutes
    Large,
}

impl Preset {
    /// Its configuration.
    fn of<E: Experiment>(self) -> E {
        match self {
            Preset::Quick => E::quick(),
            Preset::Paper => E::paper(),
            Preset::Large => E::large(),
        }
    }
}

/// An experiment that the command can run and draw.
pub(crate) trait Shown: Experiment + Serialize + DeserializeOwned {
    /// What the report is headed with.
    const TITLE: &'static str;

    /// What the rows show, in sentences, the most important first.
    fn findings(&self, rows: &[Self::Row]) -> Vec<String>;

    /// The figures.
    fn panels(&self, rows: &[Self::Row], font: &Font) -> Vec<Panel>;

    /// The numbers behind the figures.
    fn table(&self, rows: &[Self::Row]) -> Table;
}

/// A table of text, for the report and for standard output.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) head: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<String>>,
}

/// Runs the command.
pub(crate) fn experiment(args: &ExperimentArgs) -> Result<Ending, Failure> {
    with(args.name, conduct::Conduct(args))
}

/// What is done with an experiment, whichever it is.
pub(crate) trait Action {
    /// What it gives.
    type Output;

    /// Does it with the one of configuration E.
    fn of<E: Shown>(self) -> Result<Self::Output, Failure>;
}

/// Does it with the experiment of this name.
pub(crate) fn with<A: Action>(name: ExperimentName, action: A) -> Result<A::Output, Failure> {
    match name {
        ExperimentName::Recovery => action.of::<recovery::Config>(),
        ExperimentName::Trajectories => action.of::<trajectories::Config>(),
        ExperimentName::Regularity => action.of::<regularity::Config>(),
        ExperimentName::Notions => action.of::<notions::Config>(),
        ExperimentName::Noise => action.of::<noise::Config>(),
        ExperimentName::Overparameterization => action.of::<overparameterization::Config>(),
        ExperimentName::Depth => action.of::<depth::Config>(),
        ExperimentName::Fewest => action.of::<fewest::Config>(),
        ExperimentName::Landscape => action.of::<landscape::Config>(),
    }
}

/// Whether the folder is an experiment's.
pub(crate) fn is_in(dir: &Path) -> Result<bool, Failure> {
    Ok(config::name_in(dir).or_input()?.is_some())
}

/// The report of an experiment's folder; `None` where there is none.
pub(crate) fn redraw(dir: &Path) -> Result<Option<Rendered>, Failure> {
    let Some(name) = config::name_in(dir).or_input()? else {
        return Ok(None);
    };
    let known = ExperimentName::from_str(&name, false).map_err(|_| config::unknown(dir, &name));
    with(known.or_input()?, conduct::Redraw(dir)).map(Some)
}
