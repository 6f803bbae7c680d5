//! `flatmin predict`: what a solution of completion says of new rows and of places.

use std::path::PathBuf;

use clap::Args;

use super::values::{self, Range};

#[derive(Debug, Args)]
pub(crate) struct PredictArgs {
    /// Folder that `solve completion --out` wrote
    pub(crate) model: PathBuf,
    /// Entries of new rows, or of known ones that are to be fitted anew, in any of the formats of completion. Each row is
    /// fitted to its entries, with the columns as they are: nothing is solved again
    pub(crate) new: Option<PathBuf>,
    /// NEW has entries of new columns, which are fitted to the rows as they are
    #[arg(long, requires = "new")]
    pub(crate) columns: bool,
    /// Predict these places: a table of row id, column id and, where it is known, value, on which predictions are scored
    #[arg(long, value_name = "FILE")]
    pub(crate) pairs: Option<PathBuf>,
    /// For each row of NEW the N columns of the largest predictions that it has no entry in (with --columns: rows)
    #[arg(long, value_name = "N", value_parser = values::dimension, requires = "new")]
    pub(crate) top: Option<usize>,
    /// Predictions below LOW are LOW, those above HIGH are HIGH
    #[arg(long, value_name = "LOW,HIGH", value_parser = values::range, allow_hyphen_values = true)]
    pub(crate) clip: Option<Range>,
    /// Folder to write predictions.csv, top.csv, the factors of NEW and predict.json to [default: the table that is asked
    /// for is printed]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Print predict.json, and nothing else, on standard output
    #[arg(long)]
    pub(crate) json: bool,
    /// Print no warning
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Threads; the result does not depend on them [default: all cores]
    #[arg(long, value_name = "N", value_parser = values::threads)]
    pub(crate) threads: Option<usize>,
}
