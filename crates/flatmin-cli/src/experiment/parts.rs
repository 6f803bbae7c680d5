//! An experiment in parts: its jobs, the rows of one of them, all rows put together. Other processes may run the jobs.
//!
//! Rows and jobs go in and out as JSON.

use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, anyhow};
use flatmin::experiment::{self, Ending as Ended};
use serde::Serialize;

use super::conduct::{self, Plan};
use super::{Action, Shown};
use crate::args::ExperimentArgs;
use crate::failure::{Failure, OrInput as _, usage};

/// All rows, here.
#[derive(Debug)]
pub(crate) struct Whole<'a>(pub(crate) &'a ExperimentArgs, pub(crate) &'a AtomicBool);

/// The jobs whose rows are missing: [cell, trial, cost].
#[derive(Debug)]
pub(crate) struct Missing<'a>(pub(crate) &'a ExperimentArgs);

/// The rows of one job, by its cell and trial.
#[derive(Debug)]
pub(crate) struct OfJob<'a>(
    pub(crate) &'a ExperimentArgs,
    pub(crate) (&'a str, u64),
    pub(crate) &'a AtomicBool,
);

/// These rows, and those that the folder has: written, and given back in order.
#[derive(Debug)]
pub(crate) struct Gathered<'a>(pub(crate) &'a ExperimentArgs, pub(crate) &'a str);

impl Action for Whole<'_> {
    type Output = String;

    fn of<E: Shown>(self) -> Result<String, Failure> {
        let mut plan: Plan<E> = Plan::of(self.0)?;
        conduct::run(&mut plan, self.0, self.1)?;
        plan.finish()?;
        json(&plan.done)
    }
}

impl Action for Missing<'_> {
    type Output = String;

    fn of<E: Shown>(self) -> Result<String, Failure> {
        let missing = Plan::<E>::of(self.0)?.missing();
        let jobs: Vec<_> = missing
            .into_iter()
            .map(|job| (job.cell, job.trial, job.cost))
            .collect();
        json(&jobs)
    }
}

impl Action for OfJob<'_> {
    type Output = String;

    fn of<E: Shown>(self) -> Result<String, Failure> {
        let OfJob(args, (cell, trial), interrupt) = self;
        let plan: Plan<E> = Plan::of(args)?;
        let job = plan
            .jobs
            .iter()
            .find(|job| job.cell == cell && job.trial == trial);
        let job = job.ok_or_else(|| {
            usage(format!(
                "found the job {cell:?}, {trial}, expected one of the experiment"
            ))
        })?;
        let mut rows = Vec::new();
        let ended = experiment::run(
            &plan.experiment,
            std::slice::from_ref(job),
            1,
            interrupt,
            |more| {
                rows = more;
                std::ops::ControlFlow::Continue(())
            },
        );
        match ended.map_err(anyhow::Error::from)? {
            Ended::Done => json(&rows),
            _ => Err(anyhow!("the job {cell:?}, {trial} was interrupted").into()),
        }
    }
}

impl Action for Gathered<'_> {
    type Output = String;

    fn of<E: Shown>(self) -> Result<String, Failure> {
        let mut plan: Plan<E> = Plan::of(self.0)?;
        let more: Vec<E::Row> = serde_json::from_str(self.1).context("rows").or_input()?;
        plan.done.extend(more);
        plan.finish()?;
        json(&plan.done)
    }
}

fn json(value: &impl Serialize) -> Result<String, Failure> {
    Ok(serde_json::to_string(value).context("rows as JSON")?)
}
