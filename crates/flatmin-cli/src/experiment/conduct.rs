//! Runs what is missing, keeps what is done, reports what there is.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::Result;
use flatmin::experiment::{self, Ending as Ended, Job, Row as _};
use indicatif::{ProgressBar, ProgressStyle};

use super::{Action, Shown, Table, config, page, rows};
use crate::args::ExperimentArgs;
use crate::commands::Ending;
use crate::failure::{Failure, OrInput as _};
use crate::interrupt;
use crate::output::files::OutputDir;
use crate::output::run_files;
use crate::report::Rendered;
use crate::terminal;

/// One experiment from the command line to its report.
pub(super) struct Conduct<'a>(pub(super) &'a ExperimentArgs);

impl Action for Conduct<'_> {
    type Output = Ending;

    fn of<E: Shown>(self) -> Result<Ending, Failure> {
        let Conduct(args) = self;
        let mut plan: Plan<E> = Plan::of(args)?;
        let ended = run(&mut plan, args, interrupt::listen()?)?;
        plan.finish()?;
        print(&plan, args)?;
        Ok(match ended {
            Ended::Done => Ending::Done,
            _ => Ending::StoppedEarly,
        })
    }
}

/// An experiment, and how far it is.
pub(super) struct Plan<E: Shown> {
    pub(super) experiment: E,
    pub(super) jobs: Vec<Job>,
    pub(super) done: Vec<E::Row>,
    out: Option<OutputDir>,
}

impl<E: Shown> Plan<E> {
    /// By the command line, with the rows that its folder has.
    pub(super) fn of(args: &ExperimentArgs) -> Result<Self, Failure> {
        let experiment: E = config::load(args).or_input()?;
        let out = args.out.as_deref().map(OutputDir::claim);
        let out = out.transpose().or_input()?;
        let jobs = experiment.jobs();
        let mut done: Vec<E::Row> = Vec::new();
        if let Some(out) = &out {
            done = rows::read(out.path(), &jobs).or_input()?;
            config::write(out, &experiment)?;
            rows::write(out, &done)?;
        }
        Ok(Plan {
            experiment,
            jobs,
            done,
            out,
        })
    }

    /// The jobs without rows.
    pub(super) fn missing(&self) -> Vec<Job> {
        let have: HashSet<(&str, u64)> = self.done.iter().map(|row| row.job()).collect();
        let lacks = |job: &&Job| !have.contains(&(job.cell.as_str(), job.trial));
        self.jobs.iter().filter(lacks).cloned().collect()
    }

    /// Puts the rows in order, and writes what is drawn from them.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        self.done = rows::sorted(std::mem::take(&mut self.done), &self.jobs);
        if let Some(out) = &self.out {
            rows::write(out, &self.done)?;
            run_files::write_report(out, &page::render(&self.experiment, &self.done)?)?;
        }
        Ok(())
    }
}

/// Runs the missing jobs; each that ends is on the disk before the next is counted.
pub(super) fn run<E: Shown>(
    plan: &mut Plan<E>,
    args: &ExperimentArgs,
    interrupt: &AtomicBool,
) -> Result<Ended, Failure> {
    let started = Instant::now();
    let jobs = plan.missing();
    let done = &mut plan.done;
    let mut appender = plan.out.as_ref().map(rows::Appender::open).transpose()?;
    let progress = Progress::new(args, &jobs);
    let mut broken = None;
    let threads = args
        .threads
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get));
    let ended = experiment::run(&plan.experiment, &jobs, threads, interrupt, |rows| {
        if let Some(Err(error)) = appender.as_mut().map(|appender| appender.add(&rows)) {
            broken = Some(error);
            return ControlFlow::Break(());
        }
        progress.count(rows.first().map(|row| row.job()));
        done.extend(rows);
        let late = args.time_limit.is_some_and(|limit| started.elapsed() >= limit);
        if late {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    progress.finish();
    if let Some(error) = broken {
        return Err(error.into());
    }
    let ended = ended.map_err(|error| Failure::from(anyhow::Error::from(error)))?;
    if interrupt.load(Ordering::Relaxed) {
        return Ok(Ended::Interrupted);
    }
    Ok(ended)
}

/// The report of an experiment's folder, from its files.
pub(super) struct Redraw<'a>(pub(super) &'a Path);

impl Action for Redraw<'_> {
    type Output = Rendered;

    fn of<E: Shown>(self) -> Result<Rendered, Failure> {
        let experiment: E = config::read_folder(self.0).or_input()?;
        let rows = rows::read(self.0, &experiment.jobs()).or_input()?;
        page::render(&experiment, &rows).or_input()
    }
}

/// What was found, and the table.
fn print<E: Shown>(plan: &Plan<E>, args: &ExperimentArgs) -> Result<(), Failure> {
    if args.quiet {
        return Ok(());
    }
    let findings = plan.experiment.findings(&plan.done);
    let mut text: String = findings.iter().map(|finding| format!("{finding}\n")).collect();
    text += &format!("{}\n", plain(&plan.experiment.table(&plan.done)));
    if let Some(out) = &plan.out {
        text += &format!("{}\n", out.path().join("report.html").display());
    }
    Ok(terminal::print(&text)?)
}

/// Columns aligned by spaces.
fn plain(table: &Table) -> String {
    let width = |column: usize| {
        let cells = table.rows.iter().map(|row| row[column].chars().count());
        cells
            .chain([table.head[column].chars().count()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..table.head.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        padded.join("  ").trim_end().to_owned() + "\n"
    };
    let mut text = line(&mut table.head.iter().copied());
    for row in &table.rows {
        text += &line(&mut row.iter().map(String::as_str));
    }
    text
}

/// How much of the work is done: a bar where someone looks on.
struct Progress {
    bar: Option<ProgressBar>,
    /// Predicted work of each job, scaled to whole numbers.
    work: std::collections::HashMap<(String, u64), u64>,
}

/// Steps of the bar.
const STEPS: f64 = 1e6;

impl Progress {
    fn new(args: &ExperimentArgs, jobs: &[Job]) -> Self {
        let total: f64 = jobs.iter().map(|job| job.cost).sum();
        let share = |job: &Job| (STEPS * job.cost / total.max(f64::MIN_POSITIVE)) as u64;
        let work = jobs
            .iter()
            .map(|job| ((job.cell.clone(), job.trial), share(job)))
            .collect();
        let watched = std::io::IsTerminal::is_terminal(&std::io::stderr()) && !args.quiet;
        let bar = watched.then(|| {
            let bar = ProgressBar::new(STEPS as u64);
            let template = "{elapsed} {wide_bar} {percent} %, {eta} left  {msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.enable_steady_tick(std::time::Duration::from_millis(200));
            bar
        });
        Progress { bar, work }
    }

    fn count(&self, job: Option<(&str, u64)>) {
        let (Some(bar), Some((cell, trial))) = (&self.bar, job) else {
            return;
        };
        bar.inc(self.work.get(&(cell.to_owned(), trial)).copied().unwrap_or(0));
        bar.set_message(cell.to_owned());
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
