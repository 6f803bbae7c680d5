//! What `solve` and `measure` have in common: the threads, the watchers, the choice of the fit, the ending.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use flatmin::certificate::certify;
use flatmin::flatness::Weights;
use flatmin::solve::{self, Observer, Record, Settings, Solution, Status};
use flatmin::{Error, Fit, Objective, Problem};

use super::Ending;
use super::outcome::Outcome;
use crate::args::{FitChoice, Lambda, Model, ObjectiveChoice, Options, Rank};
use crate::completion::lambda::{Choice, Search, choose};
use crate::failure::{Failure, OrInput as _, usage};
use crate::input::Source;
use crate::instance::{self, Instance};
use crate::output::files::OutputDir;
use crate::output::result::ResultFile;
use crate::output::run_files;
use crate::progress::Progress;
use crate::terminal::{self, say};
use crate::{interrupt, summary};

/// The default of `--tol`, and that with `--lambda`: noisy data do not deserve more.
const TOLERANCE: f64 = 1e-8;
const TOLERANCE_PENALISED: f64 = 1e-4;

/// Those that `--objective auto` chooses from.
const OBJECTIVES: [Objective; 3] = [Objective::Flat, Objective::Smoothed(0.5), Objective::Nuclear];

/// How the data are to be met, and what is minimised.
pub(super) struct Chosen {
    pub(super) fit: Fit,
    pub(super) objective: Objective,
    /// Most columns of the factors.
    pub(super) rank: Option<usize>,
    /// A solution on a part of the entries.
    pub(super) known: Option<Solution>,
}

/// One run: what is asked for, and who watches.
pub(crate) struct Run<'a> {
    pub(super) model: Model,
    pub(super) data: Source<'a>,
    pub(super) options: &'a Options,
    pub(super) progress: Progress,
    /// Whether what files and reports are made of is wanted.
    pub(super) whole: bool,
    interrupt: &'a AtomicBool,
    started: Instant,
}

impl<'a> Run<'a> {
    /// The clock of the run starts here.
    ///
    /// # Errors
    /// An option that the model does not have.
    pub(crate) fn new(
        model: Model,
        data: Source<'a>,
        options: &'a Options,
        whole: bool,
        interrupt: &'a AtomicBool,
    ) -> Result<Self, Failure> {
        options.of_model.check(model)?;
        Ok(Run {
            model,
            data,
            options,
            progress: Progress::new(&options.run),
            whole,
            interrupt,
            started: Instant::now(),
        })
    }

    /// Runs `body` with the threads asked for, and takes the time.
    pub(crate) fn outcome(
        &self,
        body: impl FnOnce(&Self) -> Result<Outcome, Failure> + Send,
    ) -> Result<Outcome, Failure> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.options.run.threads.unwrap_or(0))
            .build()
            .context("the threads cannot be started")?;
        let mut outcome = pool.install(|| body(self))?;
        outcome.result.seconds = self.started.elapsed().as_secs_f64();
        self.progress.finish();
        Ok(outcome)
    }

    /// What was worth a warning, where warnings are kept.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.progress.warnings()
    }

    /// An error of the library about the data.
    pub(super) fn about(&self, error: Error) -> Failure {
        Failure::about(self.data, error)
    }

    /// The result with the keys that every run has.
    pub(super) fn result(&self, shape: (usize, usize), measurements: usize) -> ResultFile {
        ResultFile {
            model: self.model.name().to_owned(),
            objective: self.options.run.objective.name(),
            shape,
            measurements,
            seed: self.options.run.seed,
            threads: rayon::current_num_threads(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..ResultFile::default()
        }
    }

    /// Reads the instance.
    pub(super) fn load(&self) -> Result<Instance<'_>, Failure> {
        let (of_model, seed) = (&self.options.of_model, self.options.run.seed);
        instance::load(self.model, self.data, of_model, seed, &self.progress)
    }

    /// The solver's settings: the options, the default tolerance of the fit, and what is left of the time.
    pub(super) fn settings(&self, fit: Fit) -> Settings {
        let default = match fit {
            Fit::Penalised(_) => TOLERANCE_PENALISED,
            _ => TOLERANCE,
        };
        Settings::default()
            .with_tolerance(self.options.run.tol.unwrap_or(default))
            .with_max_iterations(self.options.run.max_iter)
            .with_time_limit(self.time_left())
            .with_rank(self.options.run.rank.and_then(Rank::limit))
            .with_fewest(self.options.run.rank == Some(Rank::Auto) && fit == Fit::Exact)
            .with_seed(self.options.run.seed)
    }

    /// Solves within what is left of the budget.
    pub(super) fn solve(&self, problem: &Problem, settings: &Settings) -> Result<Solution, Failure> {
        self.progress.stage("solving");
        let record = |record: &Record| self.progress.record(record);
        let solution =
            solve::solve(problem, settings, &self.observer(&record)).map_err(|error| self.about(error))?;
        if !solution.certificate.value.is_finite() {
            // Nothing that is not a number may pass for a result.
            return Err(anyhow!(
                "{}the solver ({}) broke down: its objective is no number",
                self.data.prefix(),
                solution.method
            )
            .into());
        }
        Ok(solution)
    }

    /// The same from `known`, or where Ctrl-C came before it could begin, `known` with its proof for this problem.
    pub(super) fn solve_or_keep(
        &self,
        problem: &Problem,
        known: Option<Solution>,
        settings: &Settings,
    ) -> Result<Solution, Failure> {
        match known {
            Some(known) if self.interrupt.load(Ordering::Relaxed) => {
                interrupted(problem, known).map_err(|error| self.about(error))
            }
            _ => {
                let start = known.map(|known| known.factors);
                self.solve(problem, &settings.clone().with_start(start))
            }
        }
    }

    /// Who watches the solver: the progress bar, and Ctrl-C.
    pub(super) fn observer<'b>(&self, record: &'b (dyn Fn(&Record) + Sync)) -> Observer<'b>
    where
        'a: 'b,
    {
        Observer {
            interrupt: Some(self.interrupt),
            progress: Some(record),
        }
    }

    /// Of `--time-limit`, which counts from the start of the command.
    fn time_left(&self) -> Option<Duration> {
        let limit = self.options.run.time_limit?;
        Some(limit.saturating_sub(self.started.elapsed()))
    }

    /// The fit and objective asked for; λ and the objective are chosen here where that is asked for, and then there may be
    /// a solution to go on with should the run be interrupted.
    pub(super) fn fit(&self, choice: FitChoice, instance: &Instance) -> Result<Chosen, Failure> {
        let fit = match choice {
            FitChoice::Lambda(Lambda::Auto) => return self.search(instance),
            FitChoice::Exact => Fit::Exact,
            FitChoice::Epsilon(epsilon) => Fit::Ball(epsilon),
            FitChoice::Lambda(Lambda::Given(lambda)) => Fit::Penalised(lambda),
        };
        if self.options.of_model.completion.folds.is_some() {
            return Err(usage(
                "--folds: found without --lambda auto, expected with it".to_owned(),
            ));
        }
        Ok(Chosen {
            fit,
            objective: self.options.run.objective.given()?,
            rank: self.options.run.rank.and_then(Rank::limit),
            known: None,
        })
    }

    /// λ by held-out entries; half of the time is kept for the solve that follows.
    fn search(&self, instance: &Instance) -> Result<Chosen, Failure> {
        self.progress.stage("choosing λ");
        let Some(entries) = instance.map.as_entries() else {
            let model = self.model.name();
            return Err(usage(format!(
                "--lambda: found auto with {model}, expected a number: only completion has entries to hold out"
            )));
        };
        let record = |record: &Record| self.progress.record(record);
        let objectives = match self.options.run.objective {
            ObjectiveChoice::Auto => OBJECTIVES.to_vec(),
            ObjectiveChoice::Given(objective) => vec![objective],
        };
        let search = Search {
            objectives: &objectives,
            folds: self.options.of_model.completion.folds,
            rank: self.options.run.rank.and_then(Rank::limit),
            seed: self.options.run.seed,
            time_limit: self.time_left().map(|left| left / 2),
            observer: self.observer(&record),
        };
        let choice =
            choose(entries, &instance.y, instance.map.shape(), &search).map_err(|error| self.about(error))?;
        let Some(choice) = choice else {
            return Err(usage(format!(
                "{}found no entry whose row and column have another, expected some to choose λ on, or --lambda V or --exact",
                self.data.prefix()
            )));
        };
        self.comment(&choice);
        Ok(Chosen {
            fit: Fit::Penalised(choice.lambda),
            objective: choice.objective,
            rank: match &choice.solution {
                // What was held out has judged λ and the number of columns together.
                Some(solution) if self.options.run.rank == Some(Rank::Auto) => {
                    Some(solution.certificate.singular_values.len().max(1))
                }
                _ => self.options.run.rank.and_then(Rank::limit),
            },
            known: choice.solution,
        })
    }

    fn comment(&self, choice: &Choice) {
        if choice.noiseless {
            self.progress.warn(&format!(
                "the held-out error fell to the smallest λ tried, {:.3e}: the data look noiseless, for which --exact is the better fit",
                choice.lambda
            ));
        } else if self.options.run.verbose {
            say(&format!(
                "{} and λ = {:.4e}, the best of {} tried, leave an error of {:.6e} on what was held out",
                choice.objective.name(),
                choice.lambda,
                choice.tried,
                choice.error
            ));
        }
    }

    /// The weights D1, D2 for the numbers that need them.
    pub(super) fn flat_weights(&self, problem: &Problem) -> Result<Option<Weights>, Failure> {
        crate::assess::flat_weights(problem).map_err(|error| self.about(error))
    }
}

/// The command from its options to its files and its summary.
pub(super) fn run(
    model: Model,
    data: Source<'_>,
    options: &Options,
    body: impl FnOnce(&Run<'_>) -> Result<Outcome, Failure> + Send,
) -> Result<Ending, Failure> {
    let whole = options.run.out.is_some();
    let run = Run::new(model, data, options, whole, interrupt::listen()?)?;
    // Whether the folder can be written is known before anything is computed.
    let out = options.run.out.as_deref().map(OutputDir::claim);
    let out = out.transpose().or_input()?;
    let outcome = run.outcome(body)?;
    if let Some(out) = &out {
        run_files::write(out, &outcome)?;
    }
    if options.run.json {
        terminal::print(&outcome.result.json()?)?;
    } else if !options.run.quiet {
        let path = out.as_ref().map(OutputDir::path);
        terminal::print(&summary::summary(&outcome.result, path))?;
    }
    Ok(outcome.ending)
}

/// A solution on fewer entries as one of the penalised problem: y − A(X) is a dual vector for any X.
fn interrupted(problem: &Problem, mut known: Solution) -> Result<Solution, Error> {
    let (weights, x) = (Weights::new(problem.map(), problem.objective())?, &known.factors);
    let fitted = problem.map().apply_factored(x.l.as_ref(), x.r.as_ref());
    let dual: Vec<f64> = problem
        .data()
        .iter()
        .zip(fitted)
        .map(|(y, fitted)| y - fitted)
        .collect();
    known.certificate = certify(problem, &weights, x, &dual)?;
    (known.dual, known.weights) = (dual, weights);
    known.status = Status::Interrupted;
    Ok(known)
}

/// Sets the keys of the fit.
pub(super) fn describe_fit(result: &mut ResultFile, fit: Fit) {
    let (name, epsilon, lambda) = match fit {
        Fit::Ball(epsilon) => ("epsilon", Some(epsilon), None),
        Fit::Penalised(lambda) => ("lambda", None, Some(lambda)),
        _ => ("exact", None, None),
    };
    result.fit = name.to_owned();
    result.epsilon = epsilon;
    result.lambda = lambda;
}

/// The ending that belongs to a status.
pub(super) fn ending(status: Status) -> Ending {
    match status {
        Status::Budget | Status::Interrupted => Ending::StoppedEarly,
        _ => Ending::Done,
    }
}
