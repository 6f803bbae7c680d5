//! What stops, times and records a run: the same for every method.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{Settings, Status};

/// One record of a run's course, in the scale of the data; `None` where a method does not know the number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Record {
    /// Steps so far.
    pub iteration: usize,
    /// Seconds since the start.
    pub seconds: f64,
    /// The convex objective at the iterate.
    pub value: Option<f64>,
    /// The best lower bound so far, as the method estimates it (the certificate proves its own).
    pub lower_bound: Option<f64>,
    /// ‖A(X) − y‖ / ‖y‖.
    pub residual: Option<f64>,
    /// Columns of the factors.
    pub rank: usize,
}

/// Who watches a run and may stop it. Written as `Observer { interrupt: Some(&flag), ..Observer::default() }`, so that it
/// may grow.
#[derive(Clone, Copy, Default)]
pub struct Observer<'a> {
    /// Set to true to stop at the next step.
    pub interrupt: Option<&'a AtomicBool>,
    /// Called with each record.
    pub progress: Option<&'a (dyn Fn(&Record) + Sync)>,
}

impl std::fmt::Debug for Observer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observer")
            .field("interrupt", &self.interrupt)
            .finish_non_exhaustive()
    }
}

pub(crate) struct Monitor<'a> {
    observer: &'a Observer<'a>,
    start: Instant,
    time_limit: Option<Duration>,
    max_iterations: usize,
    iterations: usize,
    history: Vec<Record>,
}

impl<'a> Monitor<'a> {
    pub(crate) fn new(settings: &Settings, observer: &'a Observer<'a>) -> Self {
        Monitor {
            observer,
            start: Instant::now(),
            time_limit: settings.time_limit,
            max_iterations: settings.max_iterations,
            iterations: 0,
            history: Vec::new(),
        }
    }

    /// Counts a step; says whether the run has to stop before it.
    pub(crate) fn step(&mut self) -> Option<Status> {
        let stopped = self.stopped();
        if stopped.is_none() {
            self.iterations += 1;
        }
        stopped
    }

    /// Whether the run has to stop.
    pub(crate) fn stopped(&self) -> Option<Status> {
        if self
            .observer
            .interrupt
            .is_some_and(|flag| flag.load(Ordering::Relaxed))
        {
            return Some(Status::Interrupted);
        }
        let late = self.time_limit.is_some_and(|limit| self.start.elapsed() >= limit);
        if late || self.iterations >= self.max_iterations {
            return Some(Status::Budget);
        }
        None
    }

    /// Keeps a record; the bound never falls.
    pub(crate) fn record(&mut self, value: f64, lower_bound: f64, residual: f64, rank: usize) {
        let best = self
            .history
            .iter()
            .filter_map(|r| r.lower_bound)
            .fold(lower_bound, f64::max);
        self.keep(value, Some(best), residual, rank);
    }

    /// Keeps a record of a method that knows no bound.
    pub(crate) fn record_unbounded(&mut self, value: f64, residual: f64, rank: usize) {
        self.keep(value, None, residual, rank);
    }

    fn keep(&mut self, value: f64, lower_bound: Option<f64>, residual: f64, rank: usize) {
        let record = Record {
            iteration: self.iterations,
            seconds: self.start.elapsed().as_secs_f64(),
            value: Some(value),
            lower_bound,
            residual: Some(residual),
            rank,
        };
        if let Some(progress) = self.observer.progress {
            progress(&record);
        }
        self.history.push(record);
    }

    pub(crate) fn iterations(&self) -> usize {
        self.iterations
    }

    pub(crate) fn into_history(self) -> Vec<Record> {
        self.history
    }
}
