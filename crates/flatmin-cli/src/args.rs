//! The command line.

mod experiment;
mod models;
mod predict;
mod refusal;
mod values;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use flatmin::synthetic::RatingsShape;

pub(crate) use experiment::{ExperimentArgs, ExperimentName};
pub(crate) use models::{Centring, Model, ModelArgs, NetworkArgs};
pub(crate) use predict::PredictArgs;
pub(crate) use refusal::refusal;
pub(crate) use values::{Lambda, ObjectiveChoice, Range, Rank};

/// Recover low-rank matrices by the flattest factorisation, with a proof
///
/// Many factorisations X = L Rᵀ fit the same measurements; flatmin finds the flattest, the one with the smallest scaled
/// trace of the Hessian of ‖A(L Rᵀ) − y‖², and proves how far from the flattest it is at most.
///
/// Exit codes: 0 done, 1 internal error, 2 wrong usage or bad input, 3 stopped by a budget or by Ctrl-C (results written).
#[derive(Debug, Parser)]
#[command(name = "flatmin", version, verbatim_doc_comment)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Reads a command line.
pub(crate) fn parse<P: Parser>(
    words: impl IntoIterator<Item = impl Into<OsString> + Clone>,
) -> Result<P, clap::Error> {
    let matches = with_negative(P::command()).try_get_matches_from(words)?;
    P::from_arg_matches(&matches)
}

/// A negative number is a value: the range of its option says what is wrong with it.
fn with_negative(command: clap::Command) -> clap::Command {
    let of_arg = |arg: clap::Arg| {
        let valued = arg.get_action().takes_values();
        if valued {
            arg.allow_negative_numbers(true)
        } else {
            arg
        }
    };
    command.mut_args(of_arg).mut_subcommands(with_negative)
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Recover a matrix, certify it, report it
    Solve(SolveArgs),
    /// Say how flat given factors are, against the flattest that fit as well
    Measure(MeasureArgs),
    /// Predict entries by a solution of completion: for new rows or columns without solving again, for pairs, or the top of
    /// each row
    Predict(PredictArgs),
    /// Make a synthetic instance with a known answer
    Generate(GenerateArgs),
    /// Run an experiment over many random instances; the same command goes on where it was stopped
    Experiment(ExperimentArgs),
    /// Draw figures and report.html again from the files of an earlier run
    Report {
        /// Folder that `solve --out`, `measure --out` or `experiment --out` wrote
        dir: PathBuf,
    },
    /// Print the completion script of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SolveArgs {
    /// What the data are
    pub(crate) model: Model,
    /// The data: .npz; for completion also .npy, .csv, .tsv, .data, .dat, .mtx (text also with .gz); for rpca .npy, .csv, .tsv,
    /// .mtx (array), or a folder of images, one frame a file
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) options: Options,
}

/// The options of `solve` and of `measure`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) fit: FitArgs,
    #[command(flatten)]
    pub(crate) of_model: ModelArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Args)]
pub(crate) struct MeasureArgs {
    /// What the data are
    pub(crate) model: Model,
    /// The data, as for `solve`
    pub(crate) data: PathBuf,
    /// The factors: .npz with L (d1, k) and R (d2, k); for symmetric models U1 (d, k1) and U2 (d, k2); for sparse V (K, d);
    /// for deep W1, W2, …
    pub(crate) factors: PathBuf,
    /// Measure the factors alone: do not solve for the flattest to compare them with
    #[arg(long)]
    pub(crate) no_bound: bool,
    #[command(flatten)]
    pub(crate) options: Options,
}

/// How closely the data are to be met; at most one.
#[derive(Debug, Args)]
#[group(multiple = false)]
#[command(
    next_help_heading = "Fit (solve: --exact, for completion --lambda auto; measure: as well as the factors do)"
)]
pub(crate) struct FitArgs {
    /// Meet the data exactly: A(X) = y
    #[arg(long)]
    pub(crate) exact: bool,
    /// Meet the data to within ‖A(X) − y‖₂ ≤ E
    #[arg(long, value_name = "E", value_parser = values::positive)]
    pub(crate) epsilon: Option<f64>,
    /// Minimise ½‖A(X) − y‖² + V·norm; `auto` chooses V on held-out entries (completion)
    #[arg(long, value_name = "V|auto", value_parser = values::lambda)]
    pub(crate) lambda: Option<Lambda>,
}

/// How the data are to be met, as asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum FitChoice {
    Exact,
    Epsilon(f64),
    Lambda(Lambda),
}

impl FitArgs {
    /// What was asked for, if anything.
    pub(crate) fn choice(&self) -> Option<FitChoice> {
        let epsilon = self.epsilon.map(FitChoice::Epsilon);
        let lambda = self.lambda.map(FitChoice::Lambda);
        self.exact.then_some(FitChoice::Exact).or(epsilon).or(lambda)
    }
}

/// Options of every run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
pub(crate) struct RunArgs {
    /// What to minimise: flat (the scaled Hessian trace), nuclear (the norm ‖X‖_*) or smoothed:ALPHA, weights D^ALPHA
    /// between nuclear (0) and flat (1); `auto` chooses between the three on held-out entries (completion, --lambda auto)
    #[arg(long, default_value = "flat", value_parser = values::objective,
          value_name = "flat|nuclear|smoothed:ALPHA|auto")]
    pub(crate) objective: ObjectiveChoice,
    /// Most columns of the factors; `auto`: with --exact the fewest that fit the data, with --lambda auto as many as were
    /// best on the held-out entries [default: as many as the convex solution needs]
    #[arg(long, value_parser = values::rank, value_name = "K|auto")]
    pub(crate) rank: Option<Rank>,
    /// Relative gap at which the result counts as certified [default: 1e-8; with --lambda 1e-4]
    #[arg(long, value_name = "GAP", value_parser = values::tolerance)]
    pub(crate) tol: Option<f64>,
    /// Most steps of the solver
    #[arg(long, default_value_t = 20_000, value_name = "N", value_parser = values::count)]
    pub(crate) max_iter: usize,
    /// Most seconds, from the start of the command; then the best found is written [default: no limit]
    #[arg(long, value_name = "SECONDS", value_parser = values::seconds)]
    pub(crate) time_limit: Option<Duration>,
    /// Threads; the result does not depend on them [default: all cores]
    #[arg(long, value_name = "N", value_parser = values::threads)]
    pub(crate) threads: Option<usize>,
    /// Of all random choices
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = values::seed)]
    pub(crate) seed: u64,
    /// Folder to write result.json, factors.npz and report.html to [default: nothing is written]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Print result.json, and nothing else, on standard output
    #[arg(long)]
    pub(crate) json: bool,
    /// Print nothing on success
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Log every record of the solver on standard error
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    /// What the data are
    pub(crate) model: Model,
    #[command(flatten)]
    pub(crate) drawing: DrawingArgs,
    /// Completion: write a tenth of the entries, at random, to this file instead; every row and column keeps one
    #[arg(long, value_name = "FILE")]
    pub(crate) test: Option<PathBuf>,
    /// File to write: .npz, with the matrix as `truth`; completion also .csv, .tsv, .mtx (entries alone)
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// What is drawn at random.
#[derive(Clone, Debug, Args)]
pub(crate) struct DrawingArgs {
    /// Rows of the matrix; for sparse the length of the vector
    #[arg(long, default_value_t = 30, value_parser = values::dimension)]
    pub(crate) d1: usize,
    /// Columns of the matrix [default: as many as rows]
    #[arg(long, value_parser = values::dimension)]
    pub(crate) d2: Option<usize>,
    /// Rank of the matrix; for sparse the number of non-zeros [default: 2; phase 1]
    #[arg(long, value_parser = values::dimension)]
    pub(crate) rank: Option<usize>,
    /// Number of measurements [default: three a degree of freedom, rank·(d1 + d2 − rank) of them; symmetric models four of
    /// rank·(2d − rank + 1)/2; completion five, at most all entries; sparse 2·rank·ln(d1/rank) + 2·rank + 1]
    #[arg(long, value_parser = values::dimension, conflicts_with = "p")]
    pub(crate) m: Option<usize>,
    /// Network: how many of the eigenvalues of M are negative [default: half of them]
    #[arg(long, value_name = "N", value_parser = values::count)]
    pub(crate) negative: Option<usize>,
    /// Completion: each entry is observed with this probability
    #[arg(long, value_parser = values::probability)]
    pub(crate) p: Option<f64>,
    /// Rpca: this share of the entries gets an outlier, +1 or −1 [default: 0.05]
    #[arg(long, value_name = "SHARE", value_parser = values::share)]
    pub(crate) outliers: Option<f64>,
    /// Of the random numbers; the same seed gives the same file
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = values::seed)]
    pub(crate) seed: u64,
    /// Standard deviation of the normal noise on each measurement (the matrix itself has Frobenius norm 1, for rpca
    /// √(d1·d2))
    #[arg(long, default_value_t = 0.0, value_name = "SIGMA", value_parser = values::not_negative)]
    pub(crate) noise: f64,
    /// Largest over smallest of the matrix's nonzero singular values, which fall geometrically between
    #[arg(long, default_value_t = 1.0, value_name = "KAPPA", value_parser = values::condition)]
    pub(crate) condition: f64,
    /// Completion: ratings with few popular items and few busy users, in half stars from 0.5 to 5, as many as MovieLens 1M,
    /// 10M or 20M has, or USERSxITEMSxRATINGS
    #[arg(long, value_name = "1m|10m|20m|SIZES", value_parser = values::ratings,
          conflicts_with_all = ["d1", "d2", "rank", "m", "p", "noise", "condition"])]
    pub(crate) ratings: Option<RatingsShape>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::with_negative(super::Cli::command()).debug_assert();
    }
}
