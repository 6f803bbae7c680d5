//! The commands as functions on arrays in memory: what a program in another language calls.
//!
//! Options are words of the command line, such as `["--rank", "3", "--lambda", "auto"]`, and data have the keys of the
//! `.npz` files: what is wrong is said in the same words, less the name of a file. Nothing is printed but what `--verbose`
//! asks for, and no signal is listened to.

use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use clap::Parser;
use ndarray::ArrayD;

use crate::args::{self, DrawingArgs, ExperimentArgs, Model, Options};
use crate::commands::measure::{Asked, measured};
use crate::commands::outcome::Outcome;
use crate::commands::run::Run;
use crate::commands::{generate as generator, solve as solver};
use crate::experiment::{self, parts};
use crate::failure::{Failure, OrInput as _};
use crate::input::Source;
pub use crate::input::{Array, Arrays};
use crate::output::files::OutputDir;
use crate::output::npz::Member;
use crate::output::run_files;
use crate::report;

/// An array that is given back.
#[derive(Clone, Debug)]
pub enum Numbers {
    /// In C order.
    Reals(ArrayD<f64>),
    /// Of one dimension.
    Integers(Vec<i64>),
}

/// What `solve` and `measure` give.
#[derive(Clone, Debug)]
pub struct Answer {
    /// `result.json`.
    pub result: String,
    /// `report.json`: what the report is drawn from.
    pub report: String,
    /// The members of `factors.npz`; of robust PCA also `low_rank` and `sparse`. Of `measure` none.
    pub arrays: Vec<(String, Numbers)>,
    /// What the command would have warned of.
    pub warnings: Vec<String>,
}

#[derive(Parser)]
#[command(name = "flatmin", no_binary_name = true)]
struct SolveLine {
    model: Model,
    #[command(flatten)]
    options: Options,
}

#[derive(Parser)]
#[command(name = "flatmin", no_binary_name = true)]
struct MeasureLine {
    model: Model,
    #[arg(long)]
    no_bound: bool,
    #[command(flatten)]
    options: Options,
}

#[derive(Parser)]
#[command(name = "flatmin", no_binary_name = true)]
struct GenerateLine {
    model: Model,
    #[command(flatten)]
    drawing: DrawingArgs,
}

#[derive(Parser)]
#[command(name = "flatmin", no_binary_name = true)]
struct ExperimentLine {
    #[command(flatten)]
    args: ExperimentArgs,
}

/// `flatmin solve`; `words` are the model and the options. Once `interrupt` is set the solver stops at its next step.
///
/// # Errors
/// Whatever the command ends on with exit code 1 or 2.
pub fn solve(words: &[String], data: &Arrays<'_>, interrupt: &AtomicBool) -> Result<Answer, Failure> {
    let SolveLine { model, options } = parse(words)?;
    let run = Run::new(model, Source::Arrays(data), &options, true, interrupt)?;
    let out = claimed(&options)?;
    answer(&run, out, run.outcome(solver::solved)?)
}

/// `flatmin measure` of `factors`.
///
/// # Errors
/// Whatever the command ends on with exit code 1 or 2.
pub fn measure(
    words: &[String],
    data: &Arrays<'_>,
    factors: &Arrays<'_>,
    interrupt: &AtomicBool,
) -> Result<Answer, Failure> {
    let line: MeasureLine = parse(words)?;
    let asked = Asked {
        factors: Source::Arrays(factors),
        no_bound: line.no_bound,
    };
    let run = Run::new(line.model, Source::Arrays(data), &line.options, true, interrupt)?;
    let out = claimed(&line.options)?;
    let outcome = run.outcome(|run| measured(run, &asked))?;
    answer(&run, out, outcome)
}

/// `flatmin generate`: the arrays of an instance.
///
/// # Errors
/// An option out of its range, or of another model.
pub fn generate(words: &[String]) -> Result<Vec<(String, Numbers)>, Failure> {
    let GenerateLine { model, drawing } = parse(words)?;
    let members = generator::drawn(model, &drawing)?.into_iter();
    Ok(members
        .map(|(key, member)| (key.to_owned(), member.into()))
        .collect())
}

/// `report.html` of an [`Answer`].
///
/// # Errors
/// Texts that are not those of an answer.
pub fn report(result: &str, report: &str) -> Result<String, Failure> {
    let result = serde_json::from_str(result).context("result").or_input()?;
    let report = serde_json::from_str(report).context("report").or_input()?;
    Ok(report::render(&result, &report)?.html)
}

/// `flatmin experiment`: its rows, a JSON list of objects.
///
/// # Errors
/// Whatever the command ends on with exit code 1 or 2.
pub fn experiment(words: &[String], interrupt: &AtomicBool) -> Result<String, Failure> {
    let ExperimentLine { args } = parse(words)?;
    experiment::with(args.name, parts::Whole(&args, interrupt))
}

/// The jobs of an experiment whose rows its folder lacks: a JSON list of [cell, trial, cost].
///
/// # Errors
/// As of [`experiment`].
pub fn experiment_jobs(words: &[String]) -> Result<String, Failure> {
    let ExperimentLine { args } = parse(words)?;
    experiment::with(args.name, parts::Missing(&args))
}

/// The rows of one job: the same wherever it runs.
///
/// # Errors
/// As of [`experiment`]; a job that the experiment has not.
pub fn experiment_job(words: &[String], job: (&str, u64), interrupt: &AtomicBool) -> Result<String, Failure> {
    let ExperimentLine { args } = parse(words)?;
    experiment::with(args.name, parts::OfJob(&args, job, interrupt))
}

/// All rows in order, once other processes have run the missing jobs, whose rows are `rows`; with `--out` the files.
///
/// # Errors
/// As of [`experiment`]; rows that are not those of the experiment.
pub fn experiment_rows(words: &[String], rows: &str) -> Result<String, Failure> {
    let ExperimentLine { args } = parse(words)?;
    experiment::with(args.name, parts::Gathered(&args, rows))
}

/// The folder of `--out`, before anything is computed.
fn claimed(options: &Options) -> Result<Option<OutputDir>, Failure> {
    let out = options.run.out.as_deref().map(OutputDir::claim);
    out.transpose().or_input()
}

fn answer(run: &Run<'_>, out: Option<OutputDir>, mut outcome: Outcome) -> Result<Answer, Failure> {
    if let Some(out) = out {
        run_files::write(&out, &outcome)?;
    }
    let factors = std::mem::take(&mut outcome.factors).into_iter();
    let mut arrays: Vec<(String, Numbers)> = factors.map(|(key, member)| (key, member.into())).collect();
    if let Some(separated) = outcome.separated {
        arrays.push((
            "low_rank".to_owned(),
            Numbers::Reals(separated.low_rank.into_dyn()),
        ));
        arrays.push(("sparse".to_owned(), Numbers::Reals(separated.sparse.into_dyn())));
    }
    let report = serde_json::to_string(&outcome.report.unwrap_or_default());
    Ok(Answer {
        result: outcome.result.json()?,
        report: report.context("the report cannot be written")?,
        arrays,
        warnings: run.warnings(),
    })
}

impl From<Member<'static>> for Numbers {
    fn from(member: Member<'static>) -> Self {
        match member {
            Member::Reals(array) => Numbers::Reals(array.into_owned()),
            Member::Integers(values) => Numbers::Integers(values),
        }
    }
}

/// The words as the command line reads them.
fn parse<P: Parser>(words: &[String]) -> Result<P, Failure> {
    args::parse(words).map_err(|error| args::refusal(&error))
}
