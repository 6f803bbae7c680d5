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
mod recovery;
mod regularity;
mod rows;
mod statistics;
mod status;
mod trajectories;

use std::path::Path;

use anyhow::Result;
use flatmin::experiment::Experiment;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::{ExperimentArgs, ExperimentName};
use crate::commands::Ending;
use crate::failure::Failure;
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
    match args.name {
        ExperimentName::Recovery => conduct::conduct::<recovery::Config>(args),
        ExperimentName::Trajectories => conduct::conduct::<trajectories::Config>(args),
        ExperimentName::Regularity => conduct::conduct::<regularity::Config>(args),
        ExperimentName::Notions => conduct::conduct::<notions::Config>(args),
        ExperimentName::Noise => conduct::conduct::<noise::Config>(args),
        ExperimentName::Overparameterization => conduct::conduct::<overparameterization::Config>(args),
        ExperimentName::Depth => conduct::conduct::<depth::Config>(args),
        ExperimentName::Fewest => conduct::conduct::<fewest::Config>(args),
        ExperimentName::Landscape => conduct::conduct::<landscape::Config>(args),
    }
}

/// The report of an experiment's folder; `None` where there is none.
pub(crate) fn redraw(dir: &Path) -> Result<Option<Rendered>> {
    let Some(name) = config::name_in(dir)? else {
        return Ok(None);
    };
    match name.as_str() {
        recovery::Config::NAME => conduct::redraw::<recovery::Config>(dir).map(Some),
        trajectories::Config::NAME => conduct::redraw::<trajectories::Config>(dir).map(Some),
        regularity::Config::NAME => conduct::redraw::<regularity::Config>(dir).map(Some),
        notions::Config::NAME => conduct::redraw::<notions::Config>(dir).map(Some),
        noise::Config::NAME => conduct::redraw::<noise::Config>(dir).map(Some),
        overparameterization::Config::NAME => conduct::redraw::<overparameterization::Config>(dir).map(Some),
        depth::Config::NAME => conduct::redraw::<depth::Config>(dir).map(Some),
        fewest::Config::NAME => conduct::redraw::<fewest::Config>(dir).map(Some),
        landscape::Config::NAME => conduct::redraw::<landscape::Config>(dir).map(Some),
        other => Err(config::unknown(dir, other)),
    }
}
