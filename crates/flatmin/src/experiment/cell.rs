//! What most experiments vary: a model, a shape, a rank and a number of measurements; and the instances that have them.

use faer::Mat;
use serde::{Deserialize, Serialize};

use crate::domain::Domain;
use crate::error::Error;
use crate::map::{Identity, MeasurementMap, row_major};
use crate::random::Stream;
use crate::synthetic::{Bilinear, Completion, Observed, Recipe, Robust, Sensing, Symmetric};

/// The models that can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Model {
    /// y_i = ⟨A_i, X⟩.
    Sensing,
    /// y_i = a_iᵀ X b_i.
    Bilinear,
    /// Entries of X.
    Completion,
    /// y_i = x_iᵀ M x_i, M of both signs.
    Network,
    /// y_i = x_iᵀ M x_i, M ⪰ 0.
    Covariance,
    /// y_i = (x_iᵀ u)².
    Phase,
    /// Y = X + S, S with a few entries ±1.
    Rpca,
    /// y = A x for a vector x with few nonzeros, X being its column.
    Sparse,
}

impl Model {
    /// As the command line names it.
    pub fn name(self) -> &'static str {
        match self {
            Model::Sensing => "sensing",
            Model::Bilinear => "bilinear",
            Model::Completion => "completion",
            Model::Network => "network",
            Model::Covariance => "covariance",
            Model::Phase => "phase",
            Model::Rpca => "rpca",
            Model::Sparse => "sparse",
        }
    }

    /// Whether X is a symmetric matrix: square, and seen through x_i x_iᵀ.
    pub fn is_symmetric(self) -> bool {
        matches!(self, Model::Network | Model::Covariance | Model::Phase)
    }

    /// Whether X is a matrix of low rank in the data of a linear map, to be met exactly: not one beside outliers, nor a vector.
    pub(super) fn is_linear(self) -> bool {
        !matches!(self, Model::Rpca | Model::Sparse)
    }

    /// Whether the amount of data is a share of the entries.
    pub fn has_shares(self) -> bool {
        matches!(self, Model::Completion | Model::Rpca)
    }

    /// Where X is sought.
    pub(super) fn domain(self) -> Domain {
        match self {
            Model::Network => Domain::Symmetric,
            Model::Covariance | Model::Phase => Domain::Semidefinite,
            _ => Domain::General,
        }
    }

    /// The rank of a truth (sparse: its nonzeros) where `wanted` is asked for.
    pub(super) fn rank(self, wanted: usize, (d1, d2): (usize, usize)) -> usize {
        match self {
            Model::Phase => 1,
            Model::Sparse => wanted.min(d1),
            _ => wanted.min(d1).min(d2),
        }
    }

    /// The dimension of the matrices of that rank (vectors with that many nonzeros): fewer measurements determine none.
    pub fn freedom(self, (d1, d2): (usize, usize), rank: usize) -> usize {
        if self == Model::Sparse {
            rank
        } else if self.is_symmetric() {
            rank * (2 * d1 + 1 - rank) / 2
        } else {
            rank * (d1 + d2 - rank)
        }
    }

    /// The most independent measurements.
    pub fn most(self, (d1, d2): (usize, usize)) -> usize {
        if self.is_symmetric() {
            d1 * (d1 + 1) / 2
        } else {
            d1 * d2
        }
    }
}

/// One cell of the grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// The model.
    pub model: Model,
    /// (d1, d2).
    pub shape: (usize, usize),
    /// Rank of the truth; sparse: its nonzeros.
    pub rank: usize,
    /// How many measurements; in completion and robust PCA the expected number of entries observed, or without outliers.
    pub m: usize,
    /// Completion: the probability that an entry is observed; without it, exactly m are. Robust PCA: that it has no outlier.
    pub p: Option<f64>,
}

impl Cell {
    /// As rows name it.
    pub fn name(&self) -> String {
        let ((d1, d2), rank) = (self.shape, self.rank);
        let amount = match self.p {
            Some(p) => format!("p{p}"),
            None => format!("m{}", self.m),
        };
        format!("{}-{d1}x{d2}-r{rank}-{amount}", self.model.name())
    }

    /// Work, roughly: reading the data, and systems with as many unknowns as there are measurements.
    pub(super) fn cost(&self) -> f64 {
        let (m, size) = (self.m as f64, (self.shape.0 * self.shape.1) as f64);
        match self.model {
            Model::Completion => m * self.shape.0 as f64,
            // Some hundred decompositions.
            Model::Rpca => 100.0 * size * self.shape.0 as f64,
            _ => size * m + m.powi(3) / 10.0,
        }
    }

    /// The instance of a trial, without noise; `None` where nothing came out as observed.
    ///
    /// # Errors
    /// The model of vectors: it has no matrix to draw.
    pub(super) fn draw(&self, stream: &mut Stream) -> Result<Option<Instance>, Error> {
        self.draw_by(&Recipe::plain(self.rank), stream)
    }

    /// The same after another recipe.
    pub(super) fn draw_by(&self, recipe: &Recipe, stream: &mut Stream) -> Result<Option<Instance>, Error> {
        let shape = self.shape;
        let (map, y, truth) = match self.model {
            Model::Completion => {
                let observed = self.p.map_or(Observed::Count(self.m), Observed::Each);
                let made = Completion::draw(stream, shape, observed, recipe)?;
                if made.y.is_empty() {
                    return Ok(None);
                }
                (made.map()?, made.y, made.truth.dense())
            }
            Model::Bilinear => {
                let made = Bilinear::draw(stream, shape, self.m, recipe)?;
                (made.map()?, made.y, made.truth)
            }
            Model::Sensing => {
                let made = Sensing::draw(stream, shape, self.m, recipe);
                let (y, truth) = (made.y.clone(), made.truth.clone());
                (made.map()?, y, truth)
            }
            Model::Network | Model::Covariance | Model::Phase => {
                let negative = if self.model == Model::Network {
                    self.rank / 3
                } else {
                    0
                };
                let made = Symmetric::draw(stream, shape.0, self.m, negative, recipe)?;
                (made.map()?, made.y, made.truth)
            }
            Model::Rpca => {
                let made = Robust::draw(stream, shape, 1.0 - self.p.unwrap_or(1.0), recipe);
                let map: Box<dyn MeasurementMap> = Box::new(Identity::new(shape));
                (map, row_major(made.y.as_ref()), made.truth)
            }
            Model::Sparse => return Err(unknown_cell(&self.name())),
        };
        Ok(Some(Instance { map, y, truth }))
    }
}

/// What a trial is given.
pub(super) struct Instance {
    pub(super) map: Box<dyn MeasurementMap>,
    pub(super) y: Vec<f64>,
    pub(super) truth: Mat<f64>,
}

/// The cells of one model and shape: one for each `p` in completion and robust PCA, one for each possible `m` otherwise. The
/// rank is `wanted` as far as the shape (and phase retrieval, of rank 1) allows.
pub(super) fn column(
    model: Model,
    shape: (usize, usize),
    wanted: usize,
    m: &[usize],
    p: &[f64],
) -> Vec<Cell> {
    let cell = |m, p| Cell {
        model,
        shape,
        rank: model.rank(wanted, shape),
        m,
        p,
    };
    if model.has_shares() {
        let size = (shape.0 * shape.1) as f64;
        return p
            .iter()
            .map(|p| cell((p * size).round() as usize, Some(*p)))
            .collect();
    }
    let possible = m.iter().filter(|m| **m <= model.most(shape));
    possible.map(|m| cell(*m, None)).collect()
}

/// The cell of that name.
pub(super) fn find<'a>(cells: &'a [Cell], name: &str) -> Result<&'a Cell, Error> {
    let found = cells.iter().find(|cell| cell.name() == name);
    found.ok_or_else(|| unknown_cell(name))
}

/// For a job of another configuration.
pub(super) fn unknown_cell(name: &str) -> Error {
    Error::Setting {
        name: "cell",
        found: name.to_owned(),
        expected: "a cell of the configuration",
    }
}
