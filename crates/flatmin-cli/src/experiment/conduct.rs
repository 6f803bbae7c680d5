//! Runs what is missing, keeps what is done, reports what there is.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Instant;

use anyhow::Result;
use flatmin::experiment::{self, Ending as Ended, Job, Row as _};
use indicatif::{ProgressBar, ProgressStyle};

use super::{Shown, Table, config, page, rows};
use crate::args::ExperimentArgs;
use crate::commands::Ending;
use crate::failure::{Failure, OrInput as _};
use crate::interrupt;
use crate::output::files::OutputDir;
use crate::output::run_files;
use crate::report::Rendered;

/// One experiment from the command line to its report.
pub(super) fn conduct<E: Shown>(args: &ExperimentArgs) -> Result<Ending, Failure> {
    let started = Instant::now();
    let experiment: E = config::load(args).or_input()?;
    let out = args
        .out
        .as_deref()
        .map(OutputDir::create)
        .transpose()
        .or_input()?;
    let jobs = experiment.jobs();
    let mut done: Vec<E::Row> = Vec::new();
    if let Some(out) = &out {
        done = rows::read(out.path(), &jobs).or_input()?;
        config::write(out, &experiment)?;
        rows::write(out, &done)?;
    }
    let missing = missing(&jobs, &done);
    let ended = run(&experiment, &missing, args, out.as_ref(), started, &mut done)?;
    let done = rows::sorted(done, &jobs);
    if let Some(out) = &out {
        rows::write(out, &done)?;
        run_files::write_report(out, &page::render(&experiment, &done)?)?;
    }
    print(&experiment, &done, args, out.as_ref())?;
    Ok(match ended {
        Ended::Done => Ending::Done,
        Ended::Interrupted | Ended::Broken => Ending::StoppedEarly,
    })
}

/// The jobs without rows.
fn missing<R: experiment::Row>(jobs: &[Job], done: &[R]) -> Vec<Job> {
    let have: std::collections::HashSet<(&str, u64)> = done.iter().map(|row| row.job()).collect();
    let lacks = |job: &&Job| !have.contains(&(job.cell.as_str(), job.trial));
    jobs.iter().filter(lacks).cloned().collect()
}

/// Runs the jobs; each that ends is on the disk before the next is counted.
fn run<E: Shown>(
    experiment: &E,
    jobs: &[Job],
    args: &ExperimentArgs,
    out: Option<&OutputDir>,
    started: Instant,
    done: &mut Vec<E::Row>,
) -> Result<Ended, Failure> {
    let interrupt = interrupt::listen()?;
    let mut appender = out.map(rows::Appender::open).transpose()?;
    let progress = Progress::new(args, jobs);
    let mut broken = None;
    let threads = args
        .threads
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get));
    let ended = experiment::run(experiment, jobs, threads, interrupt, |rows| {
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
pub(super) fn redraw<E: Shown>(dir: &Path) -> Result<Rendered> {
    let experiment: E = config::read_folder(dir)?;
    let rows = rows::read(dir, &experiment.jobs())?;
    page::render(&experiment, &rows)
}

/// What was found, and the table.
fn print<E: Shown>(
    experiment: &E,
    rows: &[E::Row],
    args: &ExperimentArgs,
    out: Option<&OutputDir>,
) -> Result<(), Failure> {
    if args.quiet {
        return Ok(());
    }
    for finding in experiment.findings(rows) {
        println!("{finding}");
    }
    println!("{}", plain(&experiment.table(rows)));
    if let Some(out) = out {
        println!("{}", out.path().join("report.html").display());
    }
    Ok(())
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
