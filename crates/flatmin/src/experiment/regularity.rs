//! How far flat solutions are from norm-minimal and from balanced, by model, size and number of measurements (Figure 4 of
//! Ding et al. 2024), beside the bounds of their Theorem 3.3 for the D1 and D2 of each instance.
//!
//! Instances with a singular D1 or D2 have no flat problem and no bound: their rows say `singular` and hold no distance.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::cell::{Cell, Instance, Model, column, find};
use super::comparison::Comparison;
use super::{Experiment, Job, check, repeated, settings};
use crate::domain::Domain;
use crate::error::{Error, check_positive};
use crate::linalg::dense::{frobenius, singular_values};
use crate::random::Stream;
use crate::theory::Regularity;

/// The grid and the rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Of all random numbers.
    pub seed: u64,
    /// Repetitions of each cell.
    pub trials: u64,
    /// Which models: those whose X is any matrix.
    pub models: Vec<Model>,
    /// Rows and columns.
    pub d: Vec<usize>,
    /// Rank of the truth.
    pub rank: usize,
    /// Numbers of measurements. Cells with more than there are entries are not run.
    pub m: Vec<usize>,
    /// Completion: probabilities that an entry is observed.
    pub p: Vec<f64>,
    /// Largest ‖X − M‖_F of a recovered truth.
    pub success: f64,
    /// Largest relative gap of a certified solution.
    pub tolerance: f64,
    /// Most steps of the solver a solution.
    pub max_iterations: usize,
}

impl Config {
    /// The cells, in the order of the table.
    pub fn cells(&self) -> Vec<Cell> {
        let shapes = self
            .models
            .iter()
            .flat_map(|model| self.d.iter().map(move |d| (*model, (*d, *d))));
        shapes
            .flat_map(|(model, shape)| column(model, shape, self.rank, &self.m, &self.p))
            .collect()
    }
}

/// One instance, solved for both notions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Row {
    /// The cell, as text.
    pub cell: String,
    /// The model.
    pub model: Model,
    /// Rows of X.
    pub d1: usize,
    /// Columns of X.
    pub d2: usize,
    /// Rank of the truth M.
    pub rank: usize,
    /// Measurements.
    pub m: usize,
    /// Completion: the probability that an entry is observed.
    pub p: Option<f64>,
    /// Which repetition.
    pub trial: u64,
    /// `--seed`.
    pub seed: u64,
    /// `certified` if both solutions are, else what the first that is not became; `singular`: D1 or D2 is; `empty`: nothing
    /// observed.
    pub status: String,
    /// The larger of the relative gaps of the two solutions.
    pub gap: Option<f64>,
    /// ‖X − M‖_F of the flat solution.
    pub error: Option<f64>,
    /// Whether the flat solution recovered M: known of certified solutions alone.
    pub recovered: Option<bool>,
    /// (‖L‖_F² + ‖R‖_F²)/(2‖X_nuclear‖_*) − 1 of the flat factors.
    pub norm_excess: Option<f64>,
    /// What theory bounds it by.
    pub norm_bound: Option<f64>,
    /// ‖LᵀL − RᵀR‖_*/‖M‖_* of the flat factors.
    pub imbalance: Option<f64>,
    /// What theory bounds it by.
    pub imbalance_bound: Option<f64>,
    /// The largest eigenvalue of D1 and D2 over the smallest.
    pub kappa: Option<f64>,
    /// Wall-clock seconds of both solves.
    pub seconds: f64,
}

impl Row {
    /// Whether the distances are proved to be what the row says.
    pub fn is_certified(&self) -> bool {
        self.status == "certified"
    }
}

impl super::Row for Row {
    fn job(&self) -> (&str, u64) {
        (&self.cell, self.trial)
    }
}

impl Experiment for Config {
    type Row = Row;
    const NAME: &'static str = "regularity";

    /// About half a minute.
    fn quick() -> Self {
        Config {
            trials: 3,
            d: vec![10, 20, 30],
            m: (1..=10).map(|i| 30 * i).collect(),
            p: (1..=9).map(|i| f64::from(i) / 10.0).collect(),
            ..Config::paper()
        }
    }

    /// The paper's protocol: rank 2, ten trials a cell.
    fn paper() -> Self {
        Config {
            seed: 0,
            trials: 10,
            models: vec![Model::Sensing, Model::Bilinear, Model::Completion],
            d: vec![20, 30, 40, 50],
            rank: 2,
            m: (1..=12).map(|i| 40 * i).collect(),
            p: (1..=10).map(|i| f64::from(i) / 10.0).collect(),
            success: 1e-6,
            tolerance: 1e-8,
            max_iterations: 2000,
        }
    }

    /// Up to d = 80; the few trials at the frontier that take longer than these iterations take very long.
    fn large() -> Self {
        Config {
            max_iterations: 500,
            d: vec![20, 40, 60, 80],
            m: (1..=14).map(|i| 75 * i).collect(),
            p: (1..=20).map(|i| f64::from(i) / 20.0).collect(),
            ..Config::paper()
        }
    }

    /// Refuses what cannot be run, naming the key.
    ///
    /// # Errors
    /// An empty list, a size of zero, a probability outside (0, 1], a symmetric model, a tolerance outside (0, 1).
    fn check(&self) -> Result<(), Error> {
        check::trials(self.trials)?;
        check::not_empty("models", &self.models)?;
        check::general("models", &self.models)?;
        check::sizes("d", &self.d)?;
        check::sizes("rank", &[self.rank])?;
        check::amounts(&self.m, &self.p)?;
        check_positive("success", self.success)?;
        check::tolerance(self.tolerance)
    }

    fn jobs(&self) -> Vec<Job> {
        let job = |cell: Cell| Job::new(cell.name(), 1, cell.cost());
        repeated(self.cells().into_iter().map(job), self.trials)
    }

    fn run(&self, job: &Job, interrupt: &AtomicBool) -> Result<Vec<Row>, Error> {
        let cells = self.cells();
        let cell = find(&cells, &job.cell)?;
        let mut row = self.blank(cell, job);
        let mut stream = Stream::of_trial(self.seed, Self::NAME, &job.cell, job.trial);
        let Some(Instance { map, y, truth }) = cell.draw(&mut stream)? else {
            return Ok(vec![row]);
        };
        row.m = y.len();
        let settings = settings(self.tolerance, self.max_iterations);
        let start = Instant::now();
        let comparison = Comparison::solve(map, y, Domain::General, &settings, interrupt)?;
        row.seconds = start.elapsed().as_secs_f64();
        let Some(comparison) = comparison else {
            row.status = "singular".to_owned();
            return Ok(vec![row]);
        };
        let error = frobenius((comparison.flat.factors.dense() - &truth).as_ref());
        let size = singular_values(truth.as_ref())?.iter().sum();
        let bounds = Regularity::new(&comparison.flat.weights);
        row.status = comparison.status().to_owned();
        row.gap = Some(comparison.gap());
        row.error = Some(error);
        row.recovered = row.is_certified().then_some(error <= self.success);
        row.norm_excess = Some(comparison.norm_excess());
        row.norm_bound = bounds.map(|bounds| bounds.squared_norm_bound() - 1.0);
        row.imbalance = Some(comparison.imbalance(size)?);
        row.imbalance_bound = bounds.map(|bounds| bounds.imbalance_bound());
        row.kappa = bounds.map(|bounds| bounds.kappa());
        Ok(vec![row])
    }
}

impl Config {
    /// A row before its trial is run.
    fn blank(&self, cell: &Cell, job: &Job) -> Row {
        Row {
            cell: job.cell.clone(),
            model: cell.model,
            d1: cell.shape.0,
            d2: cell.shape.1,
            rank: cell.rank,
            m: 0,
            p: cell.p,
            trial: job.trial,
            seed: self.seed,
            status: "empty".to_owned(),
            gap: None,
            error: None,
            recovered: None,
            norm_excess: None,
            norm_bound: None,
            imbalance: None,
            imbalance_bound: None,
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
            d: vec![6, 8],
            m: vec![5, 20, 36],
            p: vec![0.1, 0.6, 1.0],
            rank: 1,
            ..Config::paper()
        }
    }

    #[test]
    fn rows_depend_on_nothing_but_configuration_and_seed() {
        assert_reproducible(&tiny(), |row| row.seconds = 0.0);
    }

    #[test]
    fn the_bounds_hold_and_singular_instances_say_so() {
        let rows = gather(&tiny(), &tiny().jobs(), 2);
        for row in rows.iter().filter(|row| row.is_certified()) {
            let slack = 1e-6;
            assert!(
                row.norm_excess.unwrap() <= row.norm_bound.unwrap() + slack,
                "{row:?}"
            );
            assert!(row.norm_excess.unwrap() >= -1e-12, "{row:?}");
            assert!(
                row.imbalance.unwrap() <= row.imbalance_bound.unwrap() + slack,
                "{row:?}"
            );
            if row.p == Some(1.0) {
                assert!(
                    row.norm_excess.unwrap() < 1e-6 && row.imbalance.unwrap() < 1e-6,
                    "{row:?}"
                );
                assert_eq!(row.kappa.unwrap(), 1.0);
            }
        }
        let count = |status: &str| rows.iter().filter(|row| row.status == status).count();
        // Five rank-one measurements of 6 rows, and a tenth of the entries, leave D singular.
        assert!(count("singular") >= 8 && count("certified") >= 16, "{rows:?}");
        assert_eq!(
            rows.len(),
            count("certified") + count("singular") + count("empty"),
            "{rows:?}"
        );
    }
}
