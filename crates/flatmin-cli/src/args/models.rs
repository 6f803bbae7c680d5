//! The models, and the options that only some of them have.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::values;
use crate::failure::{Failure, usage};

/// What the data are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Model {
    /// y_i = ⟨A_i, X⟩ for known matrices A_i
    Sensing,
    /// y_i = a_iᵀ X b_i for known vectors a_i, b_i
    Bilinear,
    /// Some of the entries of X
    Completion,
    /// y = A x for x = v_1 ⊙ … ⊙ v_K, an entrywise product of K vectors
    Sparse,
    /// y_i = ⟨A_i, X⟩ for X = W_1 ⋯ W_K, a product of K matrices
    Deep,
}

impl Model {
    /// As the command line and `result.json` name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Model::Sensing => "sensing",
            Model::Bilinear => "bilinear",
            Model::Completion => "completion",
            Model::Sparse => "sparse",
            Model::Deep => "deep",
        }
    }
}

/// The options that only some models have.
#[derive(Debug, Args)]
pub(crate) struct ModelArgs {
    #[command(flatten)]
    pub(crate) completion: CompletionArgs,
    #[command(flatten)]
    pub(crate) depth: DepthArgs,
}

impl ModelArgs {
    /// Refuses an option that was given with a model that has none of that name.
    pub(crate) fn check(&self, model: Model) -> Result<(), Failure> {
        let completion = &self.completion;
        let depth = &self.depth;
        let given: [(&str, bool, &[Model]); 6] = [
            ("--test", completion.test.is_some(), &[Model::Completion]),
            ("--hide", completion.hide.is_some(), &[Model::Completion]),
            ("--center", completion.center.is_some(), &[Model::Completion]),
            ("--depth", depth.depth.is_some(), &[Model::Sparse, Model::Deep]),
            ("--width", depth.width.is_some(), &[Model::Deep]),
            ("--starts", depth.starts.is_some(), &[Model::Deep]),
        ];
        for (option, given, models) in given {
            if given && !models.contains(&model) {
                let names: Vec<_> = models.iter().map(|model| model.name()).collect();
                return Err(usage(format!(
                    "{option}: found with {}, expected only with {}",
                    model.name(),
                    names.join(", ")
                )));
            }
        }
        Ok(())
    }
}

/// Options of completion.
#[derive(Debug, Args)]
#[command(next_help_heading = "Completion")]
pub(crate) struct CompletionArgs {
    /// Score the result on the entries of another file
    #[arg(long, value_name = "FILE")]
    pub(crate) test: Option<PathBuf>,
    /// Take this share of the known entries away at random (by --seed) before solving, and score the result on them
    #[arg(long, value_name = "SHARE", value_parser = values::share, conflicts_with = "test")]
    pub(crate) hide: Option<f64>,
    /// What to subtract before solving and to add to predictions [default: none]
    #[arg(long, value_name = "WHAT")]
    pub(crate) center: Option<Centring>,
}

/// Options of the models of more than two factors.
#[derive(Debug, Args)]
#[command(next_help_heading = "Depth")]
pub(crate) struct DepthArgs {
    /// Number K of factors [default: 2 for sparse, 3 for deep]
    #[arg(long, value_name = "K", value_parser = values::depth)]
    pub(crate) depth: Option<usize>,
    /// Columns of every hidden layer of a deep chain [default: min(d1, d2), beyond which no chain is flatter]
    #[arg(long, value_name = "N", value_parser = values::dimension)]
    pub(crate) width: Option<usize>,
    /// Random starting points of a deep chain beside that of the two-factor solution [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) starts: Option<usize>,
}

/// What is subtracted from the entries before the fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Centring {
    /// Nothing
    #[default]
    None,
    /// The mean of all entries
    Global,
    /// The mean, and damped means of each row and column
    Bias,
}

impl Centring {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Centring::None => "none",
            Centring::Global => "global",
            Centring::Bias => "bias",
        }
    }
}
