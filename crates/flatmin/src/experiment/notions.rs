//! Flat, norm-minimal and balanced coincide where every entry is measured and part as the measurements get fewer (the subject
//! of Figure 2 of Ding et al. 2024): the distances between the three against the share m/(d1·d2).

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::cell::{Cell, Instance, Model, unknown_cell};
use super::comparison::Comparison;
use super::{Experiment, Job, check, repeated, settings};
use crate::domain::Domain;
use crate::error::Error;
use crate::linalg::dense::singular_values;
use crate::map::{Identity, row_major};
use crate::random::Stream;
use crate::theory::Regularity;

/// The lines and the rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Of all random numbers.
    pub seed: u64,
    /// Repetitions of each cell.
    pub trials: u64,
    /// Which models: those whose X is any matrix. The identity map is always run besides.
    pub models: Vec<Model>,
    /// Rows and columns.
    pub d: usize,
    /// Rank of the truth.
    pub rank: usize,
    /// Shares m/d²: that many of the entries in completion, that many measurements otherwise.
    pub shares: Vec<f64>,
    /// Largest relative gap of a certified solution.
    pub tolerance: f64,
    /// Most steps of the solver a solution.
    pub max_iterations: usize,
}

/// As rows name the identity map.
pub const IDENTITY: &str = "identity";

impl Config {
    fn shape(&self) -> (usize, usize) {
        (self.d, self.d)
    }

    /// The cells, in the order of the table.
    pub fn cells(&self) -> Vec<Cell> {
        let size = (self.d * self.d) as f64;
        let mut cells = Vec::new();
        for &model in &self.models {
            for share in &self.shares {
                cells.push(Cell {
                    model,
                    shape: self.shape(),
                    rank: model.rank(self.rank, self.shape()),
                    m: ((share * size).round() as usize).max(1),
                    p: None,
                });
            }
        }
        cells.dedup();
        cells
    }

    /// The instance of a job, and the name of its map.
    fn draw(&self, job: &Job) -> Result<(&'static str, Option<Instance>), Error> {
        let mut stream = Stream::of_trial(self.seed, Self::NAME, &job.cell, job.trial);
        if job.cell == IDENTITY {
            let truth = stream.low_rank(self.shape(), self.rank.min(self.d), 1.0);
            let map = Box::new(Identity::new(self.shape()));
            let y = row_major(truth.as_ref());
            return Ok((IDENTITY, Some(Instance { map, y, truth })));
        }
        let cells = self.cells();
        let cell = cells.iter().find(|cell| cell.name() == job.cell);
        let cell = cell.ok_or_else(|| unknown_cell(&job.cell))?;
        Ok((cell.model.name(), cell.draw(&mut stream)?))
    }
}

/// One instance, solved for flat and norm-minimal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Row {
    /// The cell, as text.
    pub cell: String,
    /// The model, or `identity`.
    pub map: String,
    /// Rows and columns of X.
    pub d: usize,
    /// Rank of the truth M.
    pub rank: usize,
    /// Measurements.
    pub m: usize,
    /// m/d².
    pub share: f64,
    /// Which repetition.
    pub trial: u64,
    /// `--seed`.
    pub seed: u64,
    /// `certified` if both solutions are, else what the first that is not became; `singular`: D1 or D2 is.
    pub status: String,
    /// The larger of the relative gaps of the two solutions.
    pub gap: Option<f64>,
    /// ‖X_flat − X_nuclear‖_F/‖X_nuclear‖_F.
    pub difference: Option<f64>,
    /// (‖L‖_F² + ‖R‖_F²)/(2‖X_nuclear‖_*) − 1 of the flat factors.
    pub norm_excess: Option<f64>,
    /// ‖LᵀL − RᵀR‖_*/‖M‖_* of the flat factors.
    pub imbalance: Option<f64>,
    /// Excess flatness of the norm-minimal factors.
    pub excess_of_norm_minimal: Option<f64>,
    /// Excess flatness of the balanced factors of X_flat.
    pub excess_of_balanced: Option<f64>,
    /// The largest eigenvalue of D1 and D2 over the smallest.
    pub kappa: Option<f64>,
    /// Wall-clock seconds of both solves.
    pub seconds: f64,
}

impl super::Row for Row {
    fn job(&self) -> (&str, u64) {
        (&self.cell, self.trial)
    }
}

impl Experiment for Config {
    type Row = Row;
    const NAME: &'static str = "notions";

    /// About half a minute.
    fn quick() -> Self {
        Config {
            trials: 5,
            d: 16,
            ..Config::paper()
        }
    }

    /// Ten trials of rank 2 at d = 30.
    fn paper() -> Self {
        Config {
            seed: 0,
            trials: 10,
            models: vec![Model::Sensing, Model::Completion],
            d: 30,
            rank: 2,
            shares: (1..=20).map(|i| f64::from(i) / 20.0).collect(),
            tolerance: 1e-9,
            max_iterations: 2000,
        }
    }

    /// Twenty trials at d = 40, bilinear sensing too.
    fn large() -> Self {
        Config {
            trials: 20,
            models: vec![Model::Sensing, Model::Bilinear, Model::Completion],
            d: 40,
            ..Config::paper()
        }
    }

    /// Refuses what cannot be run, naming the key.
    ///
    /// # Errors
    /// An empty list, a size of zero, a share outside (0, 1], a symmetric model, a tolerance outside (0, 1).
    fn check(&self) -> Result<(), Error> {
        check::trials(self.trials)?;
        check::not_empty("models", &self.models)?;
        check::general("models", &self.models)?;
        check::sizes("d", &[self.d])?;
        check::sizes("rank", &[self.rank])?;
        check::not_empty("shares", &self.shares)?;
        check::each("shares", &self.shares, "shares above 0, at most 1", |s| {
            s > 0.0 && s <= 1.0
        })?;
        check::tolerance(self.tolerance)
    }

    fn jobs(&self) -> Vec<Job> {
        let cells = self.cells().into_iter();
        let jobs = cells.map(|cell| Job::new(cell.name(), 1, cell.cost()));
        repeated(jobs.chain([Job::new(IDENTITY.to_owned(), 1, 0.0)]), self.trials)
    }

    fn run(&self, job: &Job, interrupt: &AtomicBool) -> Result<Vec<Row>, Error> {
        let (map_name, instance) = self.draw(job)?;
        let mut row = self.blank(map_name, job);
        let Some(Instance { map, y, truth }) = instance else {
            return Ok(vec![row]);
        };
        row.m = y.len();
        row.share = y.len() as f64 / (self.d * self.d) as f64;
        let settings = settings(self.tolerance, self.max_iterations);
        let start = Instant::now();
        let comparison = Comparison::solve(map, y, Domain::General, &settings, interrupt)?;
        row.seconds = start.elapsed().as_secs_f64();
        let Some(comparison) = comparison else {
            row.status = "singular".to_owned();
            return Ok(vec![row]);
        };
        let size = singular_values(truth.as_ref())?.iter().sum();
        row.status = comparison.status().to_owned();
        row.gap = Some(comparison.gap());
        row.difference = Some(comparison.difference());
        row.norm_excess = Some(comparison.norm_excess());
        row.imbalance = Some(comparison.imbalance(size)?);
        row.excess_of_norm_minimal = Some(comparison.excess_of_norm_minimal());
        row.excess_of_balanced = Some(comparison.excess_of_balanced()?);
        row.kappa = Regularity::new(&comparison.flat.weights).map(|bounds| bounds.kappa());
        Ok(vec![row])
    }
}

impl Config {
    /// A row before its trial is run.
    fn blank(&self, map: &str, job: &Job) -> Row {
        Row {
            cell: job.cell.clone(),
            map: map.to_owned(),
            d: self.d,
            rank: self.rank.min(self.d),
            m: 0,
            share: 0.0,
            trial: job.trial,
            seed: self.seed,
            status: "empty".to_owned(),
            gap: None,
            difference: None,
            norm_excess: None,
            imbalance: None,
            excess_of_norm_minimal: None,
            excess_of_balanced: None,
            kappa: None,
            seconds: 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::tests::{assert_reproducible, gather};

    fn tiny() -> Config {
        Config {
            trials: 2,
            d: 8,
            rank: 1,
            shares: vec![0.4, 0.7, 1.0],
            ..Config::paper()
        }
    }

    #[test]
    fn rows_depend_on_nothing_but_configuration_and_seed() {
        assert_reproducible(&tiny(), |row| row.seconds = 0.0);
    }

    #[test]
    fn the_notions_coincide_for_the_identity_and_part_elsewhere() {
        for row in gather(&tiny(), &tiny().jobs(), 2) {
            assert_eq!(row.status, "certified", "{row:?}");
            let distances = [
                row.difference.unwrap(),
                row.norm_excess.unwrap(),
                row.imbalance.unwrap(),
                row.excess_of_norm_minimal.unwrap(),
                row.excess_of_balanced.unwrap(),
            ];
            if row.map == IDENTITY || (row.map == "completion" && row.share == 1.0) {
                assert!(distances.iter().all(|distance| *distance < 1e-6), "{row:?}");
            } else {
                // The matrices may agree, the factors never do.
                assert!(distances[1..].iter().all(|distance| *distance > 1e-5), "{row:?}");
            }
        }
    }
}
