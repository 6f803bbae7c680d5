//! The error of flat and norm-minimal solutions against the noise (Appendix A of Ding et al. 2024): y = A(M) + σξ with
//! standard normal ξ.
//!
//! σ is `level` times the root mean square of the exact data, ‖A(M)‖₂/√m, so that a level says the same in every model. Two
//! fits are compared, both told σ as theory supposes:
//!
//! * `ball`: ‖A(X) − y‖₂ ≤ ε with ε = σ√m, about the norm of the noise;
//! * `penalised`: ½‖A(X) − y‖₂² + λ‖W̃1 X W̃2‖_* with λ = `lambda_factor`·σ·‖W̃1⁻¹ A*(ξ′) W̃2⁻¹‖_op for noise ξ′ drawn afresh:
//!   the dual norm of the noise's gradient, below which the penalty fits noise (Negahban and Wainwright, Annals of
//!   Statistics 39(2), 2011, Theorem 1, DOI 10.1214/10-AOS850, where the factor is 2).

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use faer::Mat;
use serde::{Deserialize, Serialize};

use super::cell::{Cell, Instance, Model, unknown_cell};
use super::{Experiment, Job, attempt, check, repeated, settings};
use crate::error::{Error, check_positive};
use crate::flatness::{Rescaled, Weights};
use crate::linalg::dense::{frobenius, singular_values};
use crate::linalg::vector::norm;
use crate::map::MeasurementMap;
use crate::problem::{Fit, Objective, Problem};
use crate::random::Stream;

/// The two ways to fit noisy data.
const FITS: [&str; 2] = ["ball", "penalised"];
/// The two norms.
const OBJECTIVES: [(&str, Objective); 2] = [("flat", Objective::Flat), ("nuclear", Objective::Nuclear)];

/// The lines and the rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Of all random numbers.
    pub seed: u64,
    /// Repetitions of each cell.
    pub trials: u64,
    /// Which models.
    pub models: Vec<Model>,
    /// Rows and columns.
    pub d: usize,
    /// Rank of the truth.
    pub rank: usize,
    /// Rank of the network's truth, a third of whose eigenvalues (rounded down) are negative.
    pub network_rank: usize,
    /// Measurements over degrees of freedom of the truth; as many as there are independent ones at most.
    pub oversampling: f64,
    /// σ over the root mean square of the exact data.
    pub levels: Vec<f64>,
    /// λ over the dual norm of noise.
    pub lambda_factor: f64,
    /// Largest relative gap of a certified solution.
    pub tolerance: f64,
    /// Most steps of the solver a solution.
    pub max_iterations: usize,
}

impl Config {
    /// What a model measures, whatever the noise.
    pub fn cell(&self, model: Model) -> Cell {
        let shape = (self.d, self.d);
        let wanted = if model == Model::Network {
            self.network_rank
        } else {
            self.rank
        };
        let rank = model.rank(wanted, shape);
        let m = (self.oversampling * model.freedom(shape, rank) as f64).round() as usize;
        Cell {
            model,
            shape,
            rank,
            m: m.clamp(1, model.most(shape)),
            p: None,
        }
    }

    /// The cells by name, in the order of the table.
    fn cells(&self) -> Vec<(String, Cell, f64)> {
        let mut cells = Vec::new();
        for model in &self.models {
            let cell = self.cell(*model);
            for level in &self.levels {
                cells.push((format!("{}-s{level}", cell.name()), cell, *level));
            }
        }
        cells
    }
}

/// One solution of one noisy instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Row {
    /// The cell, as text.
    pub cell: String,
    /// The model.
    pub model: Model,
    /// Rows and columns of X.
    pub d: usize,
    /// Rank of the truth M, of Frobenius norm 1.
    pub rank: usize,
    /// Measurements.
    pub m: usize,
    /// σ over the root mean square of the exact data.
    pub level: f64,
    /// σ, in the units of the data.
    pub sigma: f64,
    /// Which repetition.
    pub trial: u64,
    /// `--seed`.
    pub seed: u64,
    /// `ball` or `penalised`.
    pub fit: String,
    /// `flat` or `nuclear`.
    pub objective: String,
    /// ε or λ.
    pub parameter: Option<f64>,
    /// `certified`, `converged`, `budget`; `singular`: D1 or D2 is.
    pub status: String,
    /// ‖X − M‖_F.
    pub error: Option<f64>,
    /// The convex objective.
    pub value: Option<f64>,
    /// Its proved lower bound.
    pub lower_bound: Option<f64>,
    /// (value − lower_bound)/value.
    pub gap: Option<f64>,
    /// Columns of the factors found.
    pub rank_found: Option<usize>,
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
    const NAME: &'static str = "noise";

    /// About half a minute.
    fn quick() -> Self {
        Config {
            trials: 3,
            d: 16,
            levels: vec![1e-4, 1e-3, 1e-2, 1e-1],
            ..Config::paper()
        }
    }

    /// Ten trials of rank 2 (network 3) at d = 30, three measurements a degree of freedom.
    fn paper() -> Self {
        Config {
            seed: 0,
            trials: 10,
            models: vec![Model::Sensing, Model::Bilinear, Model::Completion, Model::Network],
            d: 30,
            rank: 2,
            network_rank: 3,
            oversampling: 4.0,
            levels: vec![1e-5, 1e-4, 1e-3, 1e-2, 1e-1],
            lambda_factor: 1.0,
            tolerance: 1e-6,
            max_iterations: 2000,
        }
    }

    /// Twenty trials at d = 40, covariance estimation too.
    fn large() -> Self {
        Config {
            trials: 20,
            d: 40,
            models: vec![
                Model::Sensing,
                Model::Bilinear,
                Model::Completion,
                Model::Network,
                Model::Covariance,
            ],
            ..Config::paper()
        }
    }

    /// Refuses what cannot be run, naming the key.
    ///
    /// # Errors
    /// An empty list, a size of zero, a level or factor that is not positive, a tolerance outside (0, 1).
    fn check(&self) -> Result<(), Error> {
        check::trials(self.trials)?;
        check::not_empty("models", &self.models)?;
        check::linear("models", &self.models)?;
        check::sizes("d", &[self.d])?;
        check::sizes("rank", &[self.rank, self.network_rank])?;
        check_positive("oversampling", self.oversampling)?;
        check::not_empty("levels", &self.levels)?;
        check::each("levels", &self.levels, "noise from 1e-12 to 1e3", |v| {
            (1e-12..=1e3).contains(&v)
        })?;
        check_positive("lambda_factor", self.lambda_factor)?;
        check::tolerance(self.tolerance)
    }

    fn jobs(&self) -> Vec<Job> {
        let rows = FITS.len() * OBJECTIVES.len();
        let job = |(name, cell, _): (String, Cell, f64)| Job::new(name, rows, cell.cost());
        repeated(self.cells().into_iter().map(job), self.trials)
    }

    fn run(&self, job: &Job, interrupt: &AtomicBool) -> Result<Vec<Row>, Error> {
        let cells = self.cells();
        let found = cells.iter().find(|(name, ..)| *name == job.cell);
        let (_, cell, level) = found.ok_or_else(|| unknown_cell(&job.cell))?;
        let mut stream = Stream::of_trial(self.seed, Self::NAME, &job.cell, job.trial);
        let Some(Instance { map, mut y, truth }) = cell.draw(&mut stream)? else {
            return Err(Error::Numerical(
                "an instance of the noise experiment: it has no data",
            ));
        };
        let root = (y.len() as f64).sqrt();
        let sigma = level * norm(&y) / root;
        stream.disturb(&mut y, sigma);
        let fresh: Vec<f64> = stream.normals(y.len()).iter().map(|v| sigma * v).collect();
        let mut problem = Problem::new(map, y, Fit::Exact, Objective::Flat)?.over(cell.model.domain())?;
        let mut rows = Vec::new();
        for kind in FITS {
            for (name, objective) in OBJECTIVES {
                let mut row = self.blank(cell, job, *level, sigma);
                row.fit = kind.to_owned();
                row.objective = name.to_owned();
                row.m = fresh.len();
                let fit = if kind == "ball" {
                    Some(Fit::Ball(sigma * root))
                } else {
                    let norm = dual_norm(problem.map(), objective, &fresh)?;
                    norm.map(|norm| Fit::Penalised(self.lambda_factor * norm))
                };
                if let Some(fit) = fit {
                    problem = problem.with(fit, objective)?;
                    self.solve(&problem, &truth, &mut row, interrupt)?;
                }
                rows.push(row);
            }
        }
        Ok(rows)
    }
}

/// ‖W̃1⁻¹ A*(noise) W̃2⁻¹‖_op; `None` for singular weights.
fn dual_norm(map: &dyn MeasurementMap, objective: Objective, noise: &[f64]) -> Result<Option<f64>, Error> {
    let weights = match Weights::new(map, objective) {
        Ok(weights) => weights,
        Err(Error::SingularRescaling { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let gradient = Rescaled::new(map, &weights).adjoint(noise).to_dense();
    let largest = singular_values(gradient.as_ref())?;
    Ok(largest.first().map(|largest| largest / weights.penalty_scale))
}

impl Config {
    /// One solve, into its row; a singular weight leaves the row as it is.
    fn solve(
        &self,
        problem: &Problem,
        truth: &Mat<f64>,
        row: &mut Row,
        interrupt: &AtomicBool,
    ) -> Result<(), Error> {
        let settings = settings(self.tolerance, self.max_iterations);
        let start = Instant::now();
        let solution = attempt(problem, &settings, interrupt)?;
        row.seconds = start.elapsed().as_secs_f64();
        row.parameter = match problem.fit() {
            Fit::Ball(parameter) | Fit::Penalised(parameter) => Some(parameter),
            _ => None,
        };
        if let Some(solution) = solution {
            let certificate = &solution.certificate;
            row.status = solution.status.name().to_owned();
            row.error = Some(frobenius((solution.factors.dense() - truth).as_ref()));
            row.value = Some(certificate.value);
            row.lower_bound = Some(certificate.lower_bound);
            row.gap = Some(certificate.gap).filter(|gap| gap.is_finite());
            row.rank_found = Some(solution.factors.columns());
            row.iterations = Some(solution.iterations);
        }
        Ok(())
    }

    /// A row before its trial is run.
    fn blank(&self, cell: &Cell, job: &Job, level: f64, sigma: f64) -> Row {
        Row {
            cell: job.cell.clone(),
            model: cell.model,
            d: self.d,
            rank: cell.rank,
            m: 0,
            level,
            sigma,
            trial: job.trial,
            seed: self.seed,
            fit: String::new(),
            objective: String::new(),
            parameter: None,
            status: "singular".to_owned(),
            error: None,
            value: None,
            lower_bound: None,
            gap: None,
            rank_found: None,
            iterations: None,
            seconds: 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::tests::{assert_reproducible, gather};
    use crate::solve::Settings;

    fn tiny() -> Config {
        Config {
            trials: 2,
            d: 8,
            rank: 1,
            network_rank: 2,
            levels: vec![1e-4, 1e-2],
            ..Config::paper()
        }
    }

    #[test]
    fn rows_depend_on_nothing_but_configuration_and_seed() {
        assert_reproducible(&tiny(), |row| row.seconds = 0.0);
    }

    #[test]
    fn the_error_is_of_the_size_of_the_noise() {
        let rows = gather(&tiny(), &tiny().jobs(), 2);
        assert_eq!(rows.len(), 4 * tiny().jobs().len());
        for row in &rows {
            assert_eq!(row.status, "certified", "{row:?}");
            let error = row.error.unwrap() / row.level;
            assert!((0.01..30.0).contains(&error), "{error}: {row:?}");
        }
    }

    #[test]
    fn lambda_is_the_least_penalty_that_silences_noise() {
        let config = tiny();
        for model in config.models.clone() {
            let cell = config.cell(model);
            let mut stream = Stream::new(1);
            let instance = cell.draw(&mut stream).unwrap().unwrap();
            let noise = stream.normals(instance.y.len());
            for (_, objective) in OBJECTIVES {
                let lambda = dual_norm(instance.map.as_ref(), objective, &noise)
                    .unwrap()
                    .unwrap();
                let map = cell.draw(&mut Stream::new(1)).unwrap().unwrap().map;
                let mut problem = Problem::new(map, noise.clone(), Fit::Penalised(1.001 * lambda), objective)
                    .unwrap()
                    .over(model.domain())
                    .unwrap();
                let solve = |problem: &Problem| {
                    let solution = attempt(problem, &Settings::default(), &AtomicBool::new(false));
                    solution.unwrap().unwrap().factors.squared_norm()
                };
                assert!(solve(&problem) < 1e-12, "{model:?} {objective:?}");
                problem = problem.with(Fit::Penalised(0.98 * lambda), objective).unwrap();
                assert!(solve(&problem) > 1e-6, "{model:?} {objective:?}");
            }
        }
    }
}
