//! Which instances are drawn, and what is asked of them.

use faer::Mat;
use serde::{Deserialize, Serialize};

use super::super::cell::{self, Cell, Model};
use super::super::check;
use crate::error::Error;
use crate::factors::Factors;
use crate::problem::{Fit, Objective, Problem};
use crate::random::Stream;
use crate::solve::Settings;
use crate::synthetic::{Completion, Observed, Recipe};

/// Of uneven sampling: rows and columns in proportion to 1/i^POWER.
const POWER: f64 = 0.7;

/// Which entries of a completion are observed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sampling {
    /// All alike.
    #[default]
    Uniform,
    /// The i-th row and column, in a random order, in proportion to 1/i^0.7.
    Uneven,
}

impl Sampling {
    /// As rows say it.
    pub fn name(self) -> &'static str {
        match self {
            Sampling::Uniform => "uniform",
            Sampling::Uneven => "uneven",
        }
    }
}

/// What is asked of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// The flattest of the told rank.
    Constrained,
    /// That of the least nuclear norm of the told rank: plain factorisation, by the same solver.
    Unweighted,
    /// The flattest of any rank. For small matrices only.
    Convex,
}

impl Method {
    /// As rows say it.
    pub fn name(self) -> &'static str {
        match self {
            Method::Constrained => "constrained",
            Method::Unweighted => "unweighted",
            Method::Convex => "convex",
        }
    }

    pub(super) fn objective(self) -> Objective {
        match self {
            Method::Constrained | Method::Convex => Objective::Flat,
            Method::Unweighted => Objective::Nuclear,
        }
    }
}

/// Cells of one model, n and rank: every condition with every ratio.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// The model.
    pub model: Model,
    /// Of completion alone.
    #[serde(default)]
    pub sampling: Sampling,
    /// Rows and columns.
    pub n: usize,
    /// Of the truth; in networks a third of it, rounded down, is negative.
    pub rank: usize,
    /// Largest over smallest nonzero singular value of the truth.
    pub conditions: Vec<f64>,
    /// Measurements over degrees of freedom.
    pub ratios: Vec<f64>,
    /// Each solves every instance.
    pub methods: Vec<Method>,
}

impl Grid {
    pub(super) fn cells(&self) -> impl Iterator<Item = (&Self, f64, f64)> {
        let ratios = move |condition: &f64| {
            let condition = *condition;
            self.ratios.iter().map(move |ratio| (self, condition, *ratio))
        };
        self.conditions.iter().flat_map(ratios)
    }

    /// The dimension of the matrices of the rank.
    pub fn freedom(&self) -> usize {
        self.model.freedom((self.n, self.n), self.rank)
    }

    pub(super) fn measurements(&self, ratio: f64) -> usize {
        (ratio * self.freedom() as f64).round() as usize
    }

    pub(super) fn name(&self, condition: f64, ratio: f64) -> String {
        let (model, n, rank, sampling) = (self.model.name(), self.n, self.rank, self.sampling.name());
        format!("{model}-{sampling}-n{n}-r{rank}-k{condition}-x{ratio}")
    }

    fn cell(&self, m: usize) -> Cell {
        Cell {
            model: self.model,
            shape: (self.n, self.n),
            rank: self.rank,
            m,
            p: None,
        }
    }

    /// Work, roughly; below ρ = 2 there are restarts.
    pub(super) fn cost(&self, ratio: f64) -> f64 {
        let m = self.measurements(ratio);
        let work = match self.model {
            Model::Completion => (m * self.rank.pow(2)) as f64 * 1e3,
            _ => self.cell(m).cost(),
        };
        work * self.methods.len() as f64 * if ratio < 2.0 { 5.0 } else { 1.0 }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let refuse = |found: String, expected| {
            Err(Error::Setting {
                name: "grids",
                found,
                expected,
            })
        };
        let known = [Model::Completion, Model::Sensing, Model::Bilinear, Model::Network];
        if !known.contains(&self.model) {
            let found = self.model.name().to_owned();
            return refuse(found, "completion, sensing, bilinear or network");
        }
        if self.sampling != Sampling::Uniform && self.model != Model::Completion {
            let found = format!("{} sampling of {}", self.sampling.name(), self.model.name());
            return refuse(found, "uneven sampling of completion alone");
        }
        check::not_empty("conditions", &self.conditions)?;
        check::each("conditions", &self.conditions, "numbers from 1 to 1e12", |c| {
            (1.0..=1e12).contains(&c)
        })?;
        check::not_empty("ratios", &self.ratios)?;
        check::each("ratios", &self.ratios, "numbers from 1 to 100", |r| {
            (1.0..=100.0).contains(&r)
        })?;
        check::not_empty("methods", &self.methods)?;
        if self.rank == 0 || self.rank > self.n || self.n > 1_000_000 {
            let found = format!("n = {} and rank = {}", self.n, self.rank);
            return refuse(found, "n up to 1,000,000 and a rank from 1 to n");
        }
        let most = self.model.most((self.n, self.n));
        match self.ratios.iter().find(|ratio| self.measurements(**ratio) > most) {
            Some(ratio) => refuse(
                format!("ratio {ratio} at n = {}, rank {}", self.n, self.rank),
                "no more measurements than there are independent ones",
            ),
            None => Ok(()),
        }
    }
}

/// The settings with what the method is told: the rank, or that of either sign.
pub(super) fn told(grid: &Grid, method: Method, settings: Settings) -> Settings {
    let negative = grid.rank / 3;
    match (method, grid.model) {
        (Method::Convex, _) => settings,
        (_, Model::Network) => settings.with_widths(Some(grid.rank - negative), Some(negative)),
        _ => settings.with_rank(Some(grid.rank)),
    }
}

/// An instance without noise, and its truth.
pub(super) fn draw(
    grid: &Grid,
    condition: f64,
    m: usize,
    stream: &mut Stream,
) -> Result<(Problem<'static>, Factors), Error> {
    let recipe = Recipe {
        rank: grid.rank,
        condition,
        noise: 0.0,
    };
    if grid.model == Model::Completion {
        let observed = Observed::Everywhere {
            count: m,
            least: grid.rank,
            power: match grid.sampling {
                Sampling::Uniform => 0.0,
                Sampling::Uneven => POWER,
            },
        };
        let made = Completion::draw(stream, (grid.n, grid.n), observed, &recipe)?;
        let problem = Problem::new(made.map()?, made.y, Fit::Exact, Objective::Flat)?;
        return Ok((problem, made.truth));
    }
    let cell::Instance { map, y, truth } = grid
        .cell(m)
        .draw_by(&recipe, stream)?
        .ok_or(Error::Numerical("an instance: nothing was measured"))?;
    let problem = Problem::new(map, y, Fit::Exact, Objective::Flat)?.over(grid.model.domain())?;
    let n = truth.ncols();
    let truth = Factors {
        l: truth,
        r: Mat::identity(n, n),
    };
    Ok((problem, truth))
}

/// Completion of n × n matrices with and without weights.
pub(super) fn completion(
    sampling: Sampling,
    n: usize,
    rank: usize,
    conditions: &[f64],
    ratios: &[f64],
) -> Grid {
    Grid {
        model: Model::Completion,
        sampling,
        n,
        rank,
        conditions: conditions.to_vec(),
        ratios: ratios.to_vec(),
        methods: vec![Method::Constrained, Method::Unweighted],
    }
}

/// A model of normal measurements, beside its convex relaxation.
pub(super) fn gaussian(model: Model, n: usize, rank: usize, ratios: &[f64]) -> Grid {
    Grid {
        model,
        sampling: Sampling::Uniform,
        n,
        rank,
        conditions: vec![1.0],
        ratios: ratios.to_vec(),
        methods: vec![Method::Constrained, Method::Unweighted, Method::Convex],
    }
}
