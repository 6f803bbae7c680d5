//! `flatmin predict`: a solution of completion applied to new rows, to places, to the top of each row.

mod predictor;
mod tables;

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::Ending;
use crate::args::PredictArgs;
use crate::completion::score::of_predictions;
use crate::failure::{Failure, OrInput as _, usage};
use crate::input;
use crate::output::files::OutputDir;
use crate::terminal::{self, say};
use predictor::{New, Predictor};

/// The numbers of one run, `predict.json`.
#[derive(Debug, Default, Serialize)]
struct Summary {
    /// Rows that were fitted to the entries of NEW (with `--columns`: columns).
    fitted: usize,
    /// The entries they were fitted to.
    entries: usize,
    /// Entries of NEW left out because the model lacks their column (with `--columns`: row).
    entries_left_out: usize,
    /// Places predicted.
    pairs: usize,
    /// Of these, places whose row neither the model nor NEW has: predicted by the mean and the bias of the column.
    pairs_of_unknown_rows: usize,
    /// Likewise of the columns.
    pairs_of_unknown_columns: usize,
    test_rmse: Option<f64>,
    test_mae: Option<f64>,
    /// Places whose value is known.
    test_count: usize,
    threads: usize,
    seconds: f64,
}

/// Runs the command.
pub(crate) fn predict(args: &PredictArgs) -> Result<Ending, Failure> {
    let tables = usize::from(args.pairs.is_some()) + usize::from(args.top.is_some());
    if args.out.is_none() && tables != 1 {
        return Err(usage(format!(
            "found {}, expected one of --pairs and --top to print, or --out",
            ["neither --pairs nor --top", "", "--pairs and --top"][tables]
        )));
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(args.threads.unwrap_or(0))
        .build()
        .context("the threads cannot be started")?;
    pool.install(|| run(args))?;
    Ok(Ending::Done)
}

fn run(args: &PredictArgs) -> Result<(), Failure> {
    let started = Instant::now();
    let out = args.out.as_deref().map(OutputDir::claim).transpose().or_input()?;
    let mut model = input::read_model(&args.model).or_input()?;
    if args.columns {
        model = model.transposed();
    }
    let new = args
        .new
        .as_deref()
        .map(|path| New::read(path, &model, args.columns))
        .transpose()
        .or_input()?;
    let predictor =
        Predictor::new(model, new, args.clip).map_err(|error| Failure::about(&args.model, error))?;
    let mut summary = Summary {
        threads: rayon::current_num_threads(),
        ..Summary::default()
    };
    if let Some(new) = &predictor.new {
        summary.fitted = new.ids.len();
        summary.entries = new.entries.iter().map(Vec::len).sum();
        summary.entries_left_out = new.left_out;
    }
    let to = To {
        out: out.as_ref(),
        silent: args.json,
    };
    if let Some(path) = &args.pairs {
        pairs(&predictor, path, args.columns, &to, &mut summary)?;
    }
    if let Some(count) = args.top {
        to.table("top.csv", |file| {
            tables::write_top(file, &predictor, count, args.columns)
        })?;
    }
    if let (Some(out), Some(new)) = (&out, &predictor.new) {
        tables::write_factors(out, &predictor, new, args.columns)?;
    }
    summary.seconds = started.elapsed().as_secs_f64();
    let json = serde_json::to_string_pretty(&summary).context("the summary cannot be written")? + "\n";
    if let Some(out) = &out {
        out.write("predict.json", |file| Ok(file.write_all(json.as_bytes())?))?;
    }
    if args.json {
        terminal::print(&json)?;
    } else if !args.quiet {
        warn(&summary, args.columns);
    }
    Ok(())
}

/// Where tables go.
struct To<'a> {
    out: Option<&'a OutputDir>,
    silent: bool,
}

impl To<'_> {
    /// To a file, or where no folder is to be written and no summary is to be printed, to standard output.
    fn table(&self, name: &str, write: impl FnOnce(&mut dyn std::io::Write) -> Result<()>) -> Result<()> {
        match self.out {
            Some(out) => out.write(name, |file| write(file)),
            None if self.silent => Ok(()),
            None => {
                let mut out = std::io::BufWriter::new(std::io::stdout().lock());
                let written = write(&mut out).and_then(|()| Ok(out.flush()?));
                terminal::printed(written)
            }
        }
    }
}

fn pairs(
    predictor: &Predictor,
    path: &Path,
    columns: bool,
    to: &To<'_>,
    summary: &mut Summary,
) -> Result<(), Failure> {
    let places = predictor.places(path, columns).or_input()?;
    let predictions = predictor.at_places(&places);
    summary.pairs = predictions.len();
    summary.pairs_of_unknown_rows = places.unknown_rows();
    summary.pairs_of_unknown_columns = places.unknown_columns();
    if columns {
        std::mem::swap(
            &mut summary.pairs_of_unknown_rows,
            &mut summary.pairs_of_unknown_columns,
        );
    }
    let known = predictions.iter().copied().zip(places.values.iter().copied());
    if let Some(score) = of_predictions(known.filter(|(_, y)| y.is_finite())) {
        summary.test_rmse = Some(score.rmse);
        summary.test_mae = Some(score.mae);
        summary.test_count = score.count;
    }
    to.table("predictions.csv", |file| {
        tables::write_pairs(file, &places, &predictions, columns)
    })?;
    Ok(())
}

/// What the user should know of a run that says nothing else.
fn warn(summary: &Summary, columns: bool) {
    let (lacking, fitted) = if columns {
        ("row", "columns")
    } else {
        ("column", "rows")
    };
    if summary.fitted > 0 {
        say(&format!(
            "flatmin: {} {fitted} were fitted to {} entries",
            summary.fitted, summary.entries
        ));
    }
    if summary.entries_left_out > 0 {
        let count = summary.entries_left_out;
        say(&format!(
            "flatmin: {count} entries have a {lacking} that the model lacks; they were left out"
        ));
    }
    let (rows, cols) = (summary.pairs_of_unknown_rows, summary.pairs_of_unknown_columns);
    if rows + cols > 0 {
        say(&format!(
            "flatmin: of {} places {rows} have a row and {cols} a column that the model lacks; they are predicted without",
            summary.pairs
        ));
    }
    if let (Some(rmse), Some(mae)) = (summary.test_rmse, summary.test_mae) {
        say(&format!(
            "flatmin: on {} values RMSE {rmse:.6}, MAE {mae:.6}",
            summary.test_count
        ));
    }
}
