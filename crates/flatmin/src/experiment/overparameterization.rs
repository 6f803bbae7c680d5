//! The width of the factors: from k = r, the rank of the truth, to k = d, where the rank of X is free and the problem convex,
//! at numbers of measurements around the convex transition.
//!
//! With k columns the flat problem is min ‖D1 X D2‖_* over A(X) = y and rank X ≤ k. Its convex relaxation bounds it from
//! below, whatever k, so that every row carries a proved bound; but where k is less than the rank of the relaxation's
//! solution the problem is not convex, what is found may be a local minimum, and the gap need not close. Below the
//! transition (the statistical dimension δ of [`dimension::nuclear`]) the relaxation does not recover the truth; a small k
//! may, down to the degrees of freedom r(d1 + d2 − r).

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use faer::Mat;
use serde::{Deserialize, Serialize};

use super::cell::{Cell, Instance, Model, unknown_cell};
use super::{Experiment, Job, attempt, check, repeated, settings};
use crate::error::{Error, check_positive};
use crate::linalg::dense::frobenius;
use crate::problem::{Fit, Objective, Problem};
use crate::random::Stream;
use crate::solve::Solution;
use crate::theory::dimension;

/// The lines and the rules.
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
    pub d: usize,
    /// Rank of the truth.
    pub rank: usize,
    /// Widths k of the factors.
    pub widths: Vec<usize>,
    /// m over the statistical dimension; in completion that many entries. As many as there are entries at most.
    pub shares: Vec<f64>,
    /// Largest ‖X − M‖_F of a recovered truth.
    pub success: f64,
    /// Largest ‖A(X) − y‖₂/‖y‖₂ of factors that fit the data.
    pub fits: f64,
    /// Largest relative gap of a certified solution.
    pub tolerance: f64,
    /// Most steps of the solver a solution.
    pub max_iterations: usize,
}

impl Config {
    /// δ, the number of Gaussian measurements at which the convex problem begins to recover.
    ///
    /// # Errors
    /// None: the rank is at most d.
    pub fn dimension(&self) -> Result<f64, Error> {
        dimension::nuclear((self.d, self.d), self.rank.min(self.d))
    }

    /// The cells with their shares, in the order of the table.
    fn cells(&self) -> Result<Vec<(f64, Cell)>, Error> {
        let (shape, delta) = ((self.d, self.d), self.dimension()?);
        let mut cells: Vec<(f64, Cell)> = Vec::new();
        for &model in &self.models {
            for &share in &self.shares {
                let cell = Cell {
                    model,
                    shape,
                    rank: model.rank(self.rank, shape),
                    m: ((share * delta).round() as usize).clamp(1, model.most(shape)),
                    p: None,
                };
                if cells.iter().all(|(_, known)| *known != cell) {
                    cells.push((share, cell));
                }
            }
        }
        Ok(cells)
    }
}

/// One instance solved with one width.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Row {
    /// The cell, as text.
    pub cell: String,
    /// The model.
    pub model: Model,
    /// Rows and columns of X.
    pub d: usize,
    /// Rank of the truth M.
    pub rank: usize,
    /// Measurements.
    pub m: usize,
    /// m over the statistical dimension, as the configuration asks for it.
    pub share: f64,
    /// k: most columns of the factors.
    pub width: usize,
    /// Which repetition.
    pub trial: u64,
    /// `--seed`.
    pub seed: u64,
    /// `certified`: nothing flatter fits, of any rank; else `converged`, `budget`; `singular`: D1 or D2 is.
    pub status: String,
    /// Whether ‖X − M‖_F ≤ `success`; with or without a proof.
    pub recovered: Option<bool>,
    /// Whether ‖A(X) − y‖₂ ≤ `fits`·‖y‖₂.
    pub fits: Option<bool>,
    /// ‖X − M‖_F.
    pub error: Option<f64>,
    /// ‖A(X) − y‖₂/‖y‖₂.
    pub residual: Option<f64>,
    /// ‖D1 X D2‖_*.
    pub value: Option<f64>,
    /// A proved lower bound on it for all X that fit, of any rank.
    pub lower_bound: Option<f64>,
    /// value/lower_bound − 1.
    pub excess: Option<f64>,
    /// Columns of the factors that are not zero.
    pub rank_found: Option<usize>,
    /// Steps of the solver, those on the convex problem included.
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
    const NAME: &'static str = "overparameterization";

    /// About half a minute.
    fn quick() -> Self {
        Config {
            trials: 3,
            d: 12,
            widths: vec![2, 3, 4, 6, 12],
            ..Config::paper()
        }
    }

    /// Ten trials of rank 2 at d = 20.
    fn paper() -> Self {
        Config {
            seed: 0,
            trials: 10,
            models: vec![Model::Sensing, Model::Completion],
            d: 20,
            rank: 2,
            widths: vec![2, 3, 4, 6, 8, 12, 20],
            shares: vec![0.6, 0.8, 1.0, 1.2],
            success: 1e-6,
            fits: 1e-6,
            tolerance: 1e-7,
            max_iterations: 1000,
        }
    }

    /// Ten trials at d = 30 and more shares.
    fn large() -> Self {
        Config {
            d: 30,
            widths: vec![2, 3, 4, 6, 8, 12, 16, 30],
            shares: vec![0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2],
            ..Config::paper()
        }
    }

    /// Refuses what cannot be run, naming the key.
    ///
    /// # Errors
    /// An empty list, a size of zero, a width below the rank, a share that is not positive, a symmetric model, a tolerance
    /// outside (0, 1).
    fn check(&self) -> Result<(), Error> {
        check::trials(self.trials)?;
        check::not_empty("models", &self.models)?;
        check::general("models", &self.models)?;
        check::sizes("d", &[self.d])?;
        check::sizes("rank", &[self.rank])?;
        check::sizes("widths", &self.widths)?;
        if let Some(width) = self.widths.iter().find(|width| **width < self.rank.min(self.d)) {
            return Err(Error::Setting {
                name: "widths",
                found: width.to_string(),
                expected: "widths of at least the rank of the truth",
            });
        }
        check::not_empty("shares", &self.shares)?;
        check::each("shares", &self.shares, "shares from 0.01 to 100", |s| {
            (0.01..=100.0).contains(&s)
        })?;
        check_positive("success", self.success)?;
        check_positive("fits", self.fits)?;
        check::tolerance(self.tolerance)
    }

    fn jobs(&self) -> Vec<Job> {
        let cells = self.cells().unwrap_or_default().into_iter();
        let job = |(_, cell): (f64, Cell)| Job::new(cell.name(), self.widths.len(), cell.cost());
        repeated(cells.map(job), self.trials)
    }

    fn run(&self, job: &Job, interrupt: &AtomicBool) -> Result<Vec<Row>, Error> {
        let cells = self.cells()?;
        let found = cells.iter().find(|(_, cell)| cell.name() == job.cell);
        let (share, cell) = found.ok_or_else(|| unknown_cell(&job.cell))?;
        let mut stream = Stream::of_trial(self.seed, Self::NAME, &job.cell, job.trial);
        let blank = |width: &usize| self.blank(cell, *share, *width, job);
        let Some(Instance { map, y, truth }) = cell.draw(&mut stream)? else {
            return Ok(self.widths.iter().map(blank).collect());
        };
        let problem = Problem::new(map, y, Fit::Exact, Objective::Flat)?;
        let mut rows = Vec::with_capacity(self.widths.len());
        for width in &self.widths {
            let settings = settings(self.tolerance, self.max_iterations).with_rank(Some(*width));
            let mut row = blank(width);
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
    fn blank(&self, cell: &Cell, share: f64, width: usize, job: &Job) -> Row {
        Row {
            cell: job.cell.clone(),
            model: cell.model,
            d: self.d,
            rank: cell.rank,
            m: cell.m,
            share,
            width,
            trial: job.trial,
            seed: self.seed,
            status: "singular".to_owned(),
            recovered: None,
            fits: None,
            error: None,
            residual: None,
            value: None,
            lower_bound: None,
            excess: None,
            rank_found: None,
            iterations: None,
            seconds: 0.0,
        }
    }

    /// What the solver found.
    fn fill(&self, row: &mut Row, solution: &Solution, truth: &Mat<f64>) {
        let certificate = &solution.certificate;
        let error = frobenius((solution.factors.dense() - truth).as_ref());
        row.status = solution.status.name().to_owned();
        row.recovered = Some(error <= self.success);
        row.fits = Some(certificate.residual <= self.fits);
        row.error = Some(error);
        row.residual = Some(certificate.residual);
        row.value = Some(certificate.value);
        row.lower_bound = Some(certificate.lower_bound);
        row.excess =
            Some(certificate.value / certificate.lower_bound - 1.0).filter(|excess| excess.is_finite());
        let largest = certificate.singular_values.first().copied().unwrap_or(0.0);
        let used = |s: &&f64| **s > 1e-9 * largest;
        row.rank_found = Some(certificate.singular_values.iter().filter(used).count());
        row.iterations = Some(solution.iterations);
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
            widths: vec![1, 2, 8],
            shares: vec![0.7, 1.5],
            ..Config::paper()
        }
    }

    #[test]
    fn rows_depend_on_nothing_but_configuration_and_seed() {
        assert_reproducible(&tiny(), |row| row.seconds = 0.0);
    }

    #[test]
    fn width_does_no_harm_above_the_transition_and_values_respect_the_convex_bound() {
        let rows = gather(&tiny(), &tiny().jobs(), 2);
        for row in &rows {
            if row.fits == Some(true) {
                assert!(row.excess.unwrap() > -1e-6, "{row:?}");
            }
            if row.width == row.d {
                assert_eq!(row.status, "certified", "{row:?}");
            }
            if row.share > 1.0 && row.model == Model::Sensing {
                assert_eq!(row.recovered, Some(true), "{row:?}");
            }
        }
    }
}
