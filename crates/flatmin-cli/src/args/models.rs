//! The models, and the options that only some of them have.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use flatmin::Domain;

use super::values::{self, Range};
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
    /// y_i = x_iᵀ M x_i for known vectors x_i and a covariance M = U Uᵀ
    Covariance,
    /// y_i = (x_iᵀ u)² for known vectors x_i: M = u uᵀ
    Phase,
    /// y_i = Σ_j ±(u_jᵀ x_i)²: a hidden layer of squares, M = U1 U1ᵀ − U2 U2ᵀ
    Network,
    /// Robust PCA: Y = X + S, a few entries of it far off
    Rpca,
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
            Model::Covariance => "covariance",
            Model::Phase => "phase",
            Model::Network => "network",
            Model::Rpca => "rpca",
        }
    }

    /// Among which matrices X is sought. A network without negative units is a positive semidefinite matrix.
    pub(crate) fn domain(self, options: &ModelArgs) -> Domain {
        match self {
            Model::Network if options.network.negative == Some(0) => Domain::Semidefinite,
            Model::Network => Domain::Symmetric,
            Model::Covariance | Model::Phase => Domain::Semidefinite,
            _ => Domain::General,
        }
    }

    /// Whether X is a symmetric matrix M, measured as x_iᵀ M x_i.
    pub(crate) fn is_symmetric(self) -> bool {
        matches!(self, Model::Covariance | Model::Phase | Model::Network)
    }
}

/// The options that only some models have.
#[derive(Debug, Args)]
pub(crate) struct ModelArgs {
    /// Estimate from below the restricted isometry constant of the measurements at the rank found (a search of some seconds)
    #[arg(long, help_heading = "Diagnostics")]
    pub(crate) isometry: bool,
    #[command(flatten)]
    pub(crate) completion: CompletionArgs,
    #[command(flatten)]
    pub(crate) depth: DepthArgs,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    #[command(flatten)]
    pub(crate) robust: RobustArgs,
    /// Score the result on other data: entries (completion), or x and y (network)
    #[arg(long, value_name = "FILE", help_heading = "Completion and network")]
    pub(crate) test: Option<PathBuf>,
}

impl ModelArgs {
    /// Refuses an option that was given with a model that has none of that name.
    pub(crate) fn check(&self, model: Model) -> Result<(), Failure> {
        let (completion, network, robust, depth) =
            (&self.completion, &self.network, &self.robust, &self.depth);
        let given: [(&str, bool, &[Model]); 13] = [
            (
                "--isometry",
                self.isometry,
                &[Model::Sensing, Model::Bilinear, Model::Completion],
            ),
            (
                "--test",
                self.test.is_some(),
                &[Model::Completion, Model::Network],
            ),
            ("--positive", network.positive.is_some(), &[Model::Network]),
            ("--negative", network.negative.is_some(), &[Model::Network]),
            ("--hide", completion.hide.is_some(), &[Model::Completion]),
            ("--center", completion.center.is_some(), &[Model::Completion]),
            ("--folds", completion.folds.is_some(), &[Model::Completion]),
            ("--clip", completion.clip.is_some(), &[Model::Completion]),
            ("--theta", robust.theta.is_some(), &[Model::Rpca]),
            ("--radius", robust.radius.is_some(), &[Model::Rpca]),
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
                    names.join(" or ")
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
    /// Take this share of the known entries away at random (by --seed) before solving, and score the result on them
    #[arg(long, value_name = "SHARE", value_parser = values::share, conflicts_with = "test")]
    pub(crate) hide: Option<f64>,
    /// What to subtract before solving and to add to predictions [default: none]
    #[arg(long, value_name = "WHAT")]
    pub(crate) center: Option<Centring>,
    /// Choose λ (and with --objective auto the objective) by K-fold cross-validation instead of on one tenth of the entries
    #[arg(long, value_name = "K", value_parser = values::folds)]
    pub(crate) folds: Option<usize>,
    /// Score predictions that are at least LOW and at most HIGH
    #[arg(long, value_name = "LOW,HIGH", value_parser = values::range, allow_hyphen_values = true)]
    pub(crate) clip: Option<Range>,
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
    #[arg(long, value_name = "N", value_parser = values::count)]
    pub(crate) starts: Option<usize>,
}

/// Options of the quadratic network.
#[derive(Debug, Args)]
#[command(next_help_heading = "Network")]
pub(crate) struct NetworkArgs {
    /// Most hidden units with output weight +1 [default: as many as the convex solution needs]
    #[arg(long, value_name = "K1", value_parser = values::count)]
    pub(crate) positive: Option<usize>,
    /// Most hidden units with output weight −1 [default: as many as the convex solution needs]
    #[arg(long, value_name = "K2", value_parser = values::count)]
    pub(crate) negative: Option<usize>,
}

/// Options of robust PCA.
#[derive(Debug, Args)]
#[command(next_help_heading = "Robust PCA")]
pub(crate) struct RobustArgs {
    /// Minimise ‖X‖_* + V·‖Y − X‖_1 [default: 1/√max(d1, d2)]
    #[arg(long, value_name = "V", value_parser = values::positive)]
    pub(crate) theta: Option<f64>,
    /// Minimise ‖X‖_* under ‖Y − X‖_1 ≤ T
    #[arg(long, value_name = "T", value_parser = values::positive, conflicts_with = "theta")]
    pub(crate) radius: Option<f64>,
}

/// What is subtracted from the entries before the fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Centring {
    /// Nothing
    #[default]
    None,
    /// The mean of all entries
    Global,
    /// The mean, and a bias of each row and column; with a penalty λ they are fitted together with X
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
