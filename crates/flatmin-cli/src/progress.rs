//! What a run says on standard error while it lasts.

use std::io::IsTerminal as _;
use std::sync::Mutex;
use std::time::Duration;

use flatmin::solve::Record;
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::RunArgs;
use crate::terminal::say;

/// A line of progress where someone looks on, log lines where they are asked for, warnings unless all is to be quiet.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    quiet: bool,
    verbose: bool,
    kept: Mutex<Vec<String>>,
}

impl Progress {
    pub(crate) fn new(args: &RunArgs) -> Self {
        let watched = std::io::stderr().is_terminal() && !args.quiet && !args.verbose;
        Progress {
            bar: watched.then(bar),
            quiet: args.quiet,
            verbose: args.verbose,
            kept: Mutex::default(),
        }
    }

    /// What the run is doing now.
    pub(crate) fn stage(&self, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_prefix(what.to_owned());
            bar.set_message("");
        }
        if self.verbose {
            say(what);
        }
    }

    /// Something that those who ask for logs want to know.
    pub(crate) fn log(&self, message: &str) {
        if self.verbose {
            say(message);
        }
    }

    /// A record of the solver.
    pub(crate) fn record(&self, record: &Record) {
        if let Some(bar) = &self.bar {
            bar.set_message(line(record));
        }
        if self.verbose {
            say(&format!("{:9.3} s  {}", record.seconds, line(record)));
        }
    }

    /// All that was worth a warning, said or not.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.kept.lock().map_or_else(|_| Vec::new(), |kept| kept.clone())
    }

    /// Something the user should know.
    pub(crate) fn warn(&self, message: &str) {
        if let Ok(mut kept) = self.kept.lock() {
            kept.push(message.to_owned());
        }
        if self.quiet {
            return;
        }
        let print = || say(&format!("flatmin: {message}"));
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// Clears the line.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {prefix}  {wide_msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn line(record: &Record) -> String {
    let shown = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.6e}"));
    let gap = record
        .value
        .zip(record.lower_bound)
        .filter(|(value, _)| *value > 0.0)
        .map(|(value, bound)| (value - bound) / value);
    let brief = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.1e}"));
    format!(
        "step {:4}  rank {:3}  value {}  bound {}  residual {}  gap {}",
        record.iteration,
        record.rank,
        shown(record.value),
        shown(record.lower_bound),
        brief(record.residual),
        brief(gap)
    )
}
