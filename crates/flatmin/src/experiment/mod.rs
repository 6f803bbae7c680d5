//! Experiments: a configuration and a seed give rows, the same ones however they are run. One experiment a file.
//!
//! An experiment is a list of [`Job`]s. A job draws its random numbers from the stream of (seed, experiment, cell, trial)
//! alone (see [`Stream::of_trial`](crate::random::Stream::of_trial)) and runs on one thread, so that any subset of jobs, in
//! any order and on any number of threads, gives the same rows. What can go wrong with a trial is a value in its row.

mod cell;
mod check;
mod comparison;
pub mod depth;
pub mod fewest;
mod frontier;
pub mod landscape;
pub mod noise;
pub mod notions;
pub mod overparameterization;
pub mod recovery;
pub mod regularity;
pub mod trajectories;

pub use cell::{Cell, Model};
pub use frontier::{Frontier, frontier};

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::problem::Problem;
use crate::solve::{Observer, Settings, Solution, solve};

/// One unit of work, which gives all its rows or none.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// What is varied, as text: the same in every row of the job.
    pub cell: String,
    /// Which repetition.
    pub trial: u64,
    /// How many rows it gives.
    pub rows: usize,
    /// Predicted work, in any unit: the longest jobs go first.
    pub cost: f64,
}

impl Job {
    /// The first repetition.
    fn new(cell: String, rows: usize, cost: f64) -> Self {
        Job {
            cell,
            trial: 0,
            rows,
            cost,
        }
    }
}

/// Each of `jobs` with `trials` repetitions.
fn repeated(jobs: impl IntoIterator<Item = Job>, trials: u64) -> Vec<Job> {
    let repetitions = |job: Job| (0..trials).map(move |trial| Job { trial, ..job.clone() });
    jobs.into_iter().flat_map(repetitions).collect()
}

/// Of a trial: no clock may stop it, or its row would depend on the machine.
fn settings(tolerance: f64, max_iterations: usize) -> Settings {
    Settings::default()
        .with_tolerance(tolerance)
        .with_max_iterations(max_iterations)
}

/// A row of an experiment: one line of a table, empty where a number is unknown.
pub trait Row: Serialize + DeserializeOwned + Clone + Send {
    /// Cell and trial of the job that gave it.
    fn job(&self) -> (&str, u64);
}

/// A configuration that knows its jobs.
pub trait Experiment: Sized + Sync {
    /// What a job gives.
    type Row: Row;

    /// As the command line and the streams of random numbers name it.
    const NAME: &'static str;

    /// A configuration that takes about a minute at most, with the seed 0.
    fn quick() -> Self;

    /// The protocol of the paper, or what comes nearest to it.
    fn paper() -> Self;

    /// Beyond the paper.
    fn large() -> Self;

    /// Refuses what cannot be run, naming the key.
    ///
    /// # Errors
    /// An empty list, a size of zero, a number out of its range.
    fn check(&self) -> Result<(), Error>;

    /// All jobs, in the order of the finished table.
    fn jobs(&self) -> Vec<Job>;

    /// The rows of one job. `interrupt` is passed on to the solvers; the rows of an interrupted job are thrown away.
    ///
    /// # Errors
    /// A failure that no trial should meet; what a trial may meet stands in its row.
    fn run(&self, job: &Job, interrupt: &AtomicBool) -> Result<Vec<Self::Row>, Error>;
}

/// How a call of [`run`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// All jobs are done.
    Done,
    /// `interrupt` was set: jobs in flight are lost, and no others.
    Interrupted,
    /// The sink broke off.
    Broken,
}

/// Runs `jobs` on `threads` threads, each job on one, the longest first; `sink` gets the rows of each as it ends.
///
/// # Errors
/// The first failure of a job; threads that cannot be started.
pub fn run<E: Experiment>(
    experiment: &E,
    jobs: &[Job],
    threads: usize,
    interrupt: &AtomicBool,
    sink: impl FnMut(Vec<E::Row>) -> ControlFlow<()> + Send,
) -> Result<Ending, Error> {
    let mut order: Vec<&Job> = jobs.iter().collect();
    order.sort_by(|a, b| b.cost.total_cmp(&a.cost));
    let shared = Shared {
        next: AtomicUsize::new(0),
        broken: AtomicBool::new(false),
        failure: Mutex::new(None),
        sink: Mutex::new(sink),
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, order.len().max(1)) {
            scope.spawn(|| shared.work(experiment, &order, interrupt));
        }
    });
    if let Some(error) = shared
        .failure
        .into_inner()
        .unwrap_or_else(|lock| lock.into_inner())
    {
        return Err(error);
    }
    Ok(
        match (interrupt.load(Ordering::Relaxed), shared.broken.into_inner()) {
            (_, true) => Ending::Broken,
            (true, _) => Ending::Interrupted,
            _ => Ending::Done,
        },
    )
}

/// What the threads of a run share.
struct Shared<S> {
    /// The next job that nobody has taken.
    next: AtomicUsize,
    broken: AtomicBool,
    failure: Mutex<Option<Error>>,
    sink: Mutex<S>,
}

impl<S> Shared<S> {
    /// Takes jobs until there are none, in a pool of one thread: nothing below it may use another.
    fn work<E: Experiment>(&self, experiment: &E, jobs: &[&Job], interrupt: &AtomicBool)
    where
        S: FnMut(Vec<E::Row>) -> ControlFlow<()> + Send,
    {
        let pool = match rayon::ThreadPoolBuilder::new().num_threads(1).build() {
            Ok(pool) => pool,
            Err(_) => {
                return self.fail(Error::Numerical(
                    "a thread of an experiment: it cannot be started",
                ));
            }
        };
        while let Some(job) = jobs.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            let over = || interrupt.load(Ordering::Relaxed) || self.broken.load(Ordering::Relaxed);
            if over() {
                return;
            }
            match pool.install(|| experiment.run(job, interrupt)) {
                // Set while the job ran, it may have cut it short.
                Ok(_) if interrupt.load(Ordering::Relaxed) => return,
                Ok(rows) => self.deliver(rows),
                Err(error) => return self.fail(error),
            }
        }
    }

    fn deliver<R>(&self, rows: Vec<R>)
    where
        S: FnMut(Vec<R>) -> ControlFlow<()>,
    {
        let mut sink = self.sink.lock().unwrap_or_else(|lock| lock.into_inner());
        if sink(rows).is_break() {
            self.broken.store(true, Ordering::Relaxed);
        }
    }

    fn fail(&self, error: Error) {
        let mut failure = self.failure.lock().unwrap_or_else(|lock| lock.into_inner());
        failure.get_or_insert(error);
        self.broken.store(true, Ordering::Relaxed);
    }
}

/// One solve of a trial; `None` where D1 or D2 is singular, and the flat problem degenerate.
pub(crate) fn attempt(
    problem: &Problem,
    settings: &Settings,
    interrupt: &AtomicBool,
) -> Result<Option<Solution>, Error> {
    let observer = Observer {
        interrupt: Some(interrupt),
        ..Observer::default()
    };
    match solve(problem, settings, &observer) {
        Ok(solution) => Ok(Some(solution)),
        Err(Error::SingularRescaling { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The rows of some jobs, in the order of cells and trials.
    pub(crate) fn gather<E: Experiment>(experiment: &E, jobs: &[Job], threads: usize) -> Vec<E::Row> {
        let mut rows = Vec::new();
        run(experiment, jobs, threads, &AtomicBool::new(false), |more| {
            rows.extend(more);
            ControlFlow::Continue(())
        })
        .unwrap();
        rows.sort_by(|a, b| a.job().cmp(&b.job()));
        rows
    }

    /// The rows depend on nothing but configuration and seed, neither on the order of the jobs nor on the threads.
    /// `still` takes the seconds out of a row.
    pub(crate) fn assert_reproducible<E>(experiment: &E, still: fn(&mut E::Row))
    where
        E: Experiment,
        E::Row: PartialEq + std::fmt::Debug,
    {
        let rows = |jobs: &[Job], threads| {
            let mut rows = gather(experiment, jobs, threads);
            rows.iter_mut().for_each(still);
            rows
        };
        let jobs = experiment.jobs();
        let backwards: Vec<Job> = jobs.iter().rev().cloned().collect();
        let all = rows(&jobs, 2);
        assert_eq!(all.len(), jobs.iter().map(|job| job.rows).sum::<usize>());
        assert_eq!(all, rows(&backwards, 1));
    }
}
