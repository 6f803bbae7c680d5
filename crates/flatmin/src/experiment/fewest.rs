//! How few measurements suffice where the rank is told: the frontier of success of the rank-constrained flat solution.
//!
//! The matrices of rank r have r(d1 + d2 − r) degrees of freedom (symmetric ones r(2d + 1 − r)/2); ρ is the number of
//! measurements over that. No method can do with ρ < 1, and the convex relaxation needs a multiple. An instance is solved by
//! several methods on the same data. Completion observes at least r entries in every row and column, for fewer leave a
//! line open, as in the comparison of Kümmerle and Mayrink Verdun (ICML 2021, arXiv 2106.02119).

mod grid;

pub use grid::{Grid, Method, Sampling};

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::cell::{Model, unknown_cell};
use super::{Experiment, Job, attempt, check, repeated, settings};
use crate::error::{Error, check_positive};
use crate::factors::Factors;
use crate::problem::Fit;
use crate::random::Stream;
use crate::solve::Solution;
use grid::{completion, draw, gaussian, told};

/// Relative misfit of a matrix that meets the data but for rounding, as the solver counts it.
const FITS: f64 = 1e-12;
/// The grids and the rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Of all random numbers.
    pub seed: u64,
    /// Repetitions of each cell.
    pub trials: u64,
    /// Largest ‖X − M‖_F/‖M‖_F of a recovered truth.
    pub success: f64,
    /// Largest relative gap of a certified solution.
    pub tolerance: f64,
    /// Most steps of the solver a solution.
    pub max_iterations: usize,
    /// What is run.
    pub grids: Vec<Grid>,
}

/// How a solution compares with truth and data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The truth.
    Recovered,
    /// It meets the data but for rounding, and is another matrix. If the truth's rank was told, then the data allow two matrices
    /// of it, and do not determine the truth.
    Another,
    /// Neither.
    Missed,
}

/// One instance solved by one method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Row {
    /// The cell, as text.
    pub cell: String,
    /// The model.
    pub model: Model,
    /// Which entries are observed.
    pub sampling: Sampling,
    /// Rows and columns.
    pub n: usize,
    /// Of the truth M.
    pub rank: usize,
    /// Of the truth.
    pub condition: f64,
    /// ρ, as the configuration asks for it.
    pub ratio: f64,
    /// Measurements.
    pub m: usize,
    /// What was asked.
    pub method: Method,
    /// Which repetition.
    pub trial: u64,
    /// `--seed`.
    pub seed: u64,
    /// `certified`: nothing flatter fits, of any rank; else `converged`, `budget`; `singular`: D1 or D2 is.
    pub status: String,
    /// Against truth and data.
    pub outcome: Option<Outcome>,
    /// ‖X − M‖_F/‖M‖_F.
    pub error: Option<f64>,
    /// ‖A(X) − y‖₂/‖y‖₂.
    pub misfit: Option<f64>,
    /// How often the search was started again.
    pub restarts: Option<usize>,
    /// Whether the solver holds its solution for the only one of its rank nearby.
    pub locally_unique: Option<bool>,
    /// How clearly, from 0 to 1.
    pub margin: Option<f64>,
    /// Steps of the solver.
    pub iterations: Option<usize>,
    /// Wall-clock seconds of the solve.
    pub seconds: f64,
}

impl super::Row for Row {
    fn job(&self) -> (&str, u64) {
        (&self.cell, self.trial)
    }
}

impl Experiment for Config {
    type Row = Row;
    const NAME: &'static str = "fewest";

    /// Some seconds.
    fn quick() -> Self {
        let ratios = &[1.05, 1.2, 1.5, 2.0, 3.0];
        Config {
            trials: 5,
            grids: vec![
                completion(Sampling::Uniform, 300, 3, &[10.0], &[1.2, 1.5, 2.0, 3.0]),
                completion(Sampling::Uniform, 300, 3, &[1e5], &[2.0, 2.5, 3.0]),
                completion(Sampling::Uneven, 300, 3, &[10.0], &[2.0, 3.0]),
                gaussian(Model::Sensing, 20, 2, ratios),
                gaussian(Model::Bilinear, 20, 2, ratios),
                gaussian(Model::Network, 20, 3, ratios),
            ],
            ..Config::paper()
        }
    }

    /// Completion as in the comparison of Kümmerle and Mayrink Verdun; the other models beside their convex frontiers.
    fn paper() -> Self {
        let ratios = &[1.05, 1.1, 1.2, 1.3, 1.5, 2.0, 2.5, 3.0, 3.5];
        Config {
            seed: 0,
            trials: 10,
            success: 1e-6,
            tolerance: 1e-8,
            max_iterations: 20_000,
            grids: vec![
                completion(
                    Sampling::Uniform,
                    1000,
                    5,
                    &[10.0],
                    &[1.1, 1.2, 1.3, 1.4, 1.5, 1.7, 2.1, 2.5, 3.0, 4.0],
                ),
                completion(
                    Sampling::Uniform,
                    1000,
                    5,
                    &[1e5],
                    &[1.3, 1.5, 1.7, 1.9, 2.1, 2.5, 3.0, 4.0],
                ),
                completion(
                    Sampling::Uneven,
                    1000,
                    5,
                    &[10.0],
                    &[1.2, 1.5, 1.8, 2.1, 2.5, 3.0],
                ),
                gaussian(Model::Sensing, 30, 2, ratios),
                gaussian(Model::Bilinear, 30, 2, ratios),
                gaussian(Model::Network, 30, 3, ratios),
            ],
        }
    }

    /// Fifty trials, and larger matrices where all is Gaussian.
    fn large() -> Self {
        let ratios = &[1.02, 1.05, 1.1, 1.2, 1.3, 1.5, 2.0, 2.5, 3.0];
        let completions = Config::paper().grids.into_iter().take(3);
        let gaussians = [
            gaussian(Model::Sensing, 60, 2, ratios),
            gaussian(Model::Bilinear, 60, 2, ratios),
            gaussian(Model::Network, 60, 3, ratios),
        ];
        Config {
            trials: 50,
            grids: completions.chain(gaussians).collect(),
            ..Config::paper()
        }
    }

    /// Refuses what cannot be run, naming the key.
    ///
    /// # Errors
    /// An empty list, a size of zero, a rank above n, a ratio below 1 or beyond all measurements, a model or sampling that is
    /// not for it, a cell named twice, a tolerance outside (0, 1).
    fn check(&self) -> Result<(), Error> {
        check::trials(self.trials)?;
        check::not_empty("grids", &self.grids)?;
        let mut known = BTreeSet::new();
        for grid in &self.grids {
            grid.check()?;
            for (_, condition, ratio) in grid.cells() {
                let name = grid.name(condition, ratio);
                if !known.insert(name.clone()) {
                    return Err(Error::Setting {
                        name: "grids",
                        found: format!("{name} twice"),
                        expected: "each cell once",
                    });
                }
            }
        }
        check_positive("success", self.success)?;
        check::tolerance(self.tolerance)
    }

    fn jobs(&self) -> Vec<Job> {
        let job = |(grid, condition, ratio): (&Grid, f64, f64)| {
            Job::new(grid.name(condition, ratio), grid.methods.len(), grid.cost(ratio))
        };
        repeated(self.grids.iter().flat_map(Grid::cells).map(job), self.trials)
    }

    fn run(&self, job: &Job, interrupt: &AtomicBool) -> Result<Vec<Row>, Error> {
        let named = |(grid, condition, ratio): &(&Grid, f64, f64)| grid.name(*condition, *ratio) == job.cell;
        let (grid, condition, ratio) = (self.grids.iter().flat_map(Grid::cells))
            .find(named)
            .ok_or_else(|| unknown_cell(&job.cell))?;
        let m = grid.measurements(ratio);
        let mut stream = Stream::of_trial(self.seed, Self::NAME, &job.cell, job.trial);
        let (mut problem, truth) = draw(grid, condition, m, &mut stream)?;
        let mut rows = Vec::with_capacity(grid.methods.len());
        for method in &grid.methods {
            problem = problem.with(Fit::Exact, method.objective())?;
            let settings = told(grid, *method, settings(self.tolerance, self.max_iterations));
            let mut row = self.blank(grid, (condition, ratio, m), *method, job);
            let start = Instant::now();
            let solution = attempt(&problem, &settings, interrupt)?;
            row.seconds = start.elapsed().as_secs_f64();
            if let Some(solution) = solution {
                self.fill(&mut row, &solution, &truth);
            }
            rows.push(row);
        }
        Ok(rows)
    }
}

impl Config {
    /// A row before its trial is run.
    fn blank(&self, grid: &Grid, (condition, ratio, m): (f64, f64, usize), method: Method, job: &Job) -> Row {
        Row {
            cell: job.cell.clone(),
            model: grid.model,
            sampling: grid.sampling,
            n: grid.n,
            rank: grid.rank,
            condition,
            ratio,
            m,
            method,
            trial: job.trial,
            seed: self.seed,
            status: "singular".to_owned(),
            outcome: None,
            error: None,
            misfit: None,
            restarts: None,
            locally_unique: None,
            margin: None,
            iterations: None,
            seconds: 0.0,
        }
    }

    /// What the solver found.
    fn fill(&self, row: &mut Row, solution: &Solution, truth: &Factors) {
        // The truth is of norm 1.
        let (error, misfit) = (solution.factors.distance(truth), solution.certificate.residual);
        row.status = solution.status.name().to_owned();
        row.outcome = Some(match misfit <= FITS {
            _ if error <= self.success => Outcome::Recovered,
            true => Outcome::Another,
            false => Outcome::Missed,
        });
        row.error = Some(error);
        row.misfit = Some(misfit);
        row.restarts = Some(solution.restarts);
        row.locally_unique = solution.local.map(|local| local.unique);
        row.margin = solution.local.map(|local| local.margin);
        row.iterations = Some(solution.iterations);
    }
}

#[cfg(test)]
mod tests;
