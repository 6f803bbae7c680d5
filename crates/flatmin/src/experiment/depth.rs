//! Depth: what more than two factors do to recovery, of sparse vectors by Hadamard products and of matrices of low rank by
//! chains, on the same axis (the closing point of Ding et al. 2024).
//!
//! The flattest x = v_1 ⊙ … ⊙ v_K minimises Σ ‖a_l‖²·|x_l|^{2 − 2/K}: weighted ℓ1 at K = 2, strictly convex and blind to
//! sparsity beyond, weighted least squares as K → ∞. The flattest chain W_1 ⋯ W_K minimises ‖X‖_* at every depth where A is
//! the identity, and nearly so where A is nearly an isometry.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use faer::{Mat, MatRef};
use serde::{Deserialize, Serialize};

use super::cell::{Cell, Instance, Model, unknown_cell};
use super::{Experiment, Job, attempt, check, repeated, settings};
use crate::depth::chain::{self, Search};
use crate::depth::hadamard;
use crate::error::{Error, check_positive};
use crate::linalg::dense::{frobenius, singular_values};
use crate::linalg::vector::{max_abs, norm};
use crate::problem::{Fit, Objective, Problem};
use crate::random::Stream;
use crate::solve::{Observer, Settings};
use crate::synthetic::Sparse;

/// Coordinates, or singular values, above this share of the largest count as nonzero.
const NONZERO: f64 = 1e-4;

/// What is a product of K factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// x = v_1 ⊙ … ⊙ v_K, y = A x.
    Vector,
    /// X = W_1 ⋯ W_K, y_i = ⟨A_i, X⟩.
    Matrix,
}

/// The lines and the rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Of all random numbers.
    pub seed: u64,
    /// Repetitions of each cell.
    pub trials: u64,
    /// Length of x.
    pub vector_d: usize,
    /// Nonzeros of the true x.
    pub nonzeros: usize,
    /// Depths K of the Hadamard products; the limit K → ∞ is always run besides.
    pub vector_depths: Vec<usize>,
    /// Measurements of x.
    pub vector_m: Vec<usize>,
    /// Rows and columns of X.
    pub matrix_d: usize,
    /// Rank of the true X.
    pub rank: usize,
    /// Depths K of the chains.
    pub matrix_depths: Vec<usize>,
    /// Measurements of X.
    pub matrix_m: Vec<usize>,
    /// Random starts of each search for a chain of more than two factors, beside the one at the two-factor solution.
    pub random_starts: usize,
    /// Largest ‖x − truth‖₂, or ‖X − truth‖_F, of a recovered truth, which has norm 1.
    pub success: f64,
    /// Largest relative gap of a certified solution; of a chain of more than two factors, the largest residual.
    pub tolerance: f64,
    /// Most steps of the solver a solution.
    pub max_iterations: usize,
}

impl Config {
    fn settings(&self) -> Settings {
        settings(self.tolerance, self.max_iterations)
    }

    fn matrix_cell(&self, m: usize) -> Cell {
        let shape = (self.matrix_d, self.matrix_d);
        Cell {
            model: Model::Sensing,
            shape,
            rank: Model::Sensing.rank(self.rank, shape),
            m,
            p: None,
        }
    }

    /// Name, kind and number of measurements of each cell, in the order of the table.
    fn cells(&self) -> Vec<(String, Kind, usize)> {
        let nonzeros = self.nonzeros.min(self.vector_d);
        let vector = |m: &usize| {
            let name = format!("vector-d{}-s{nonzeros}-m{m}", self.vector_d);
            (name, Kind::Vector, *m)
        };
        let matrix = |m: &usize| (self.matrix_cell(*m).name(), Kind::Matrix, *m);
        let mut cells: Vec<_> = self.vector_m.iter().map(vector).collect();
        cells.extend(self.matrix_m.iter().map(matrix));
        let mut seen = std::collections::HashSet::new();
        cells.retain(|(name, ..)| seen.insert(name.clone()));
        cells
    }
}

fn steps(from: usize, to: usize, by: usize) -> Vec<usize> {
    (from..=to).step_by(by).collect()
}

fn depths(name: &'static str, depths: &[usize]) -> Result<(), Error> {
    check::not_empty(name, depths)?;
    match depths.iter().find(|depth| !(2..=64).contains(*depth)) {
        Some(depth) => Err(Error::Setting {
            name,
            found: depth.to_string(),
            expected: "depths from 2 to 64",
        }),
        None => Ok(()),
    }
}

/// One instance at one depth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Row {
    /// The cell, as text.
    pub cell: String,
    /// Vector or matrix.
    pub kind: Kind,
    /// K; empty for the limit K → ∞.
    pub depth: Option<usize>,
    /// Length of x, or rows and columns of X.
    pub d: usize,
    /// Nonzeros, or rank, of the truth.
    pub size: usize,
    /// Measurements.
    pub m: usize,
    /// Which repetition.
    pub trial: u64,
    /// `--seed`.
    pub seed: u64,
    /// `certified`, `converged`, `budget`; `closed form` at infinite depth; `singular`: D1 or D2 of the two-factor problem is.
    /// Chains of more than two factors are never certified.
    pub status: String,
    /// The relative gap, where there is a certificate.
    pub gap: Option<f64>,
    /// Whether the distance to the truth is at most `success`; with or without a proof.
    pub recovered: Option<bool>,
    /// ‖x − truth‖₂ or ‖X − truth‖_F.
    pub error: Option<f64>,
    /// ‖A x − y‖₂/‖y‖₂.
    pub residual: Option<f64>,
    /// Coordinates of x, or singular values of X, above 1e-4 of the largest.
    pub size_found: Option<usize>,
    /// Chains: the largest trace at the end of a start over the smallest, minus 1.
    pub disagreement: Option<f64>,
    /// Steps of the solver.
    pub iterations: Option<usize>,
    /// Wall-clock seconds.
    pub seconds: f64,
}

impl super::Row for Row {
    fn job(&self) -> (&str, u64) {
        (&self.cell, self.trial)
    }
}

impl Experiment for Config {
    type Row = Row;
    const NAME: &'static str = "depth";

    /// Less than half a minute.
    fn quick() -> Self {
        Config {
            trials: 5,
            vector_d: 60,
            nonzeros: 4,
            vector_m: steps(6, 60, 6),
            matrix_d: 10,
            rank: 1,
            matrix_depths: vec![2, 3],
            matrix_m: steps(20, 100, 10),
            ..Config::paper()
        }
    }

    /// Ten trials of ten nonzeros among 200, and of rank 1 at d = 16.
    fn paper() -> Self {
        Config {
            seed: 0,
            trials: 10,
            vector_d: 200,
            nonzeros: 10,
            vector_depths: vec![2, 3, 4, 8],
            vector_m: steps(10, 200, 10),
            matrix_d: 16,
            rank: 1,
            matrix_depths: vec![2, 3],
            matrix_m: steps(32, 256, 16),
            random_starts: 1,
            success: 1e-6,
            tolerance: 1e-9,
            max_iterations: 2000,
        }
    }

    /// Twenty trials and chains of four factors.
    fn large() -> Self {
        Config {
            trials: 20,
            vector_m: steps(5, 200, 5),
            matrix_depths: vec![2, 3, 4],
            ..Config::paper()
        }
    }

    /// Refuses what cannot be run, naming the key.
    ///
    /// # Errors
    /// An empty list, a size of zero, a depth below 2, a tolerance outside (0, 1).
    fn check(&self) -> Result<(), Error> {
        check::trials(self.trials)?;
        check::sizes("vector_d", &[self.vector_d])?;
        check::sizes("nonzeros", &[self.nonzeros])?;
        depths("vector_depths", &self.vector_depths)?;
        check::sizes("vector_m", &self.vector_m)?;
        check::sizes("matrix_d", &[self.matrix_d])?;
        check::sizes("rank", &[self.rank])?;
        depths("matrix_depths", &self.matrix_depths)?;
        check::sizes("matrix_m", &self.matrix_m)?;
        check_positive("success", self.success)?;
        check::tolerance(self.tolerance)
    }

    fn jobs(&self) -> Vec<Job> {
        let job = |(cell, kind, m): (String, Kind, usize)| match kind {
            Kind::Vector => {
                let cost = (m * m * self.vector_d) as f64;
                Job::new(cell, self.vector_depths.len() + 1, cost)
            }
            Kind::Matrix => {
                // A search takes hundreds of passes over the data.
                let cost = 1000.0 * (m * self.matrix_d * self.matrix_d) as f64;
                Job::new(cell, self.matrix_depths.len(), cost)
            }
        };
        repeated(self.cells().into_iter().map(job), self.trials)
    }

    fn run(&self, job: &Job, interrupt: &AtomicBool) -> Result<Vec<Row>, Error> {
        let cells = self.cells();
        let found = cells.iter().find(|(name, ..)| *name == job.cell);
        let (_, kind, m) = found.ok_or_else(|| unknown_cell(&job.cell))?;
        let mut stream = Stream::of_trial(self.seed, Self::NAME, &job.cell, job.trial);
        match kind {
            Kind::Vector => self.vectors(job, *m, &mut stream, interrupt),
            Kind::Matrix => self.matrices(job, *m, &mut stream, interrupt),
        }
    }
}

impl Config {
    /// A row before its trial is run.
    fn blank(&self, job: &Job, kind: Kind, depth: Option<usize>, m: usize) -> Row {
        let (d, size) = match kind {
            Kind::Vector => (self.vector_d, self.nonzeros.min(self.vector_d)),
            Kind::Matrix => (self.matrix_d, self.rank.min(self.matrix_d)),
        };
        Row {
            cell: job.cell.clone(),
            kind,
            depth,
            d,
            size,
            m,
            trial: job.trial,
            seed: self.seed,
            status: "singular".to_owned(),
            gap: None,
            recovered: None,
            error: None,
            residual: None,
            size_found: None,
            disagreement: None,
            iterations: None,
            seconds: 0.0,
        }
    }

    /// How far what was found is from the truth.
    fn compare(&self, row: &mut Row, error: f64, sizes: &[f64]) {
        let floor = NONZERO * max_abs(sizes);
        row.error = Some(error);
        row.recovered = Some(error <= self.success);
        row.size_found = Some(sizes.iter().filter(|s| s.abs() > floor).count());
    }

    /// One sparse vector, at every depth.
    fn vectors(
        &self,
        job: &Job,
        m: usize,
        stream: &mut Stream,
        interrupt: &AtomicBool,
    ) -> Result<Vec<Row>, Error> {
        let nonzeros = self.nonzeros.min(self.vector_d);
        let drawn = Sparse::draw(stream, self.vector_d, m, nonzeros, 0.0);
        let a = drawn.matrix();
        let observer = Observer {
            interrupt: Some(interrupt),
            ..Observer::default()
        };
        let mut rows = Vec::new();
        for depth in self.vector_depths.iter().map(|depth| Some(*depth)).chain([None]) {
            let mut row = self.blank(job, Kind::Vector, depth, m);
            let start = Instant::now();
            let x = match depth {
                Some(depth) => {
                    let problem = hadamard::Problem::new(a.clone(), drawn.y.clone(), depth, Fit::Exact)?;
                    let solution = hadamard::solve(&problem, &self.settings(), &observer)?;
                    row.status = solution.status.name().to_owned();
                    row.gap = Some(solution.certificate.gap);
                    row.iterations = Some(solution.iterations);
                    solution.x
                }
                None => {
                    row.status = "closed form".to_owned();
                    hadamard::limit(a.as_ref(), &drawn.y)?
                }
            };
            row.seconds = start.elapsed().as_secs_f64();
            row.residual = Some(misfit(a.as_ref(), &x, &drawn.y));
            let difference: Vec<f64> = x.iter().zip(&drawn.truth).map(|(x, t)| x - t).collect();
            self.compare(&mut row, norm(&difference), &x);
            rows.push(row);
        }
        Ok(rows)
    }

    /// One matrix of low rank, at every depth.
    fn matrices(
        &self,
        job: &Job,
        m: usize,
        stream: &mut Stream,
        interrupt: &AtomicBool,
    ) -> Result<Vec<Row>, Error> {
        let blank = |depth: &usize| self.blank(job, Kind::Matrix, Some(*depth), m);
        let Some(Instance { map, y, truth }) = self.matrix_cell(m).draw(stream)? else {
            return Ok(self.matrix_depths.iter().map(blank).collect());
        };
        let problem = Problem::new(map, y, Fit::Exact, Objective::Flat)?;
        let mut rows = Vec::new();
        for depth in &self.matrix_depths {
            let mut row = blank(depth);
            let start = Instant::now();
            let x = if *depth == 2 {
                self.flat_pair(&problem, &mut row, interrupt)?
            } else {
                Some(self.chain(&problem, *depth, job.trial, &mut row, interrupt)?)
            };
            row.seconds = start.elapsed().as_secs_f64();
            if let Some(x) = x {
                let singular_values = singular_values(x.as_ref())?;
                let error = frobenius((x - &truth).as_ref());
                self.compare(&mut row, error, &singular_values);
            }
            rows.push(row);
        }
        Ok(rows)
    }

    /// X of two factors, with its certificate.
    fn flat_pair(
        &self,
        problem: &Problem,
        row: &mut Row,
        interrupt: &AtomicBool,
    ) -> Result<Option<Mat<f64>>, Error> {
        let Some(solution) = attempt(problem, &self.settings(), interrupt)? else {
            return Ok(None);
        };
        row.status = solution.status.name().to_owned();
        row.gap = Some(solution.certificate.gap);
        row.residual = Some(solution.certificate.residual);
        row.iterations = Some(solution.iterations);
        Ok(Some(solution.factors.dense()))
    }

    /// X of the flattest chain found.
    fn chain(
        &self,
        problem: &Problem,
        depth: usize,
        trial: u64,
        row: &mut Row,
        interrupt: &AtomicBool,
    ) -> Result<Mat<f64>, Error> {
        let search = Search {
            random_starts: self.random_starts,
            seed: self.seed.wrapping_add(trial),
            ..Search::new(depth)
        };
        let observer = Observer {
            interrupt: Some(interrupt),
            ..Observer::default()
        };
        let found = chain::solve(problem, &search, &self.settings(), &observer)?;
        let least = found.ends.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = found.ends.iter().copied().fold(0.0, f64::max);
        row.status = found.status.name().to_owned();
        row.residual = Some(found.residual);
        row.disagreement = Some(greatest / least - 1.0).filter(|_| found.ends.len() > 1);
        row.iterations = Some(found.iterations);
        Ok(found.chain.product())
    }
}

/// ‖A x − y‖₂/‖y‖₂.
fn misfit(a: MatRef<'_, f64>, x: &[f64], y: &[f64]) -> f64 {
    let fitted = |i: usize| -> f64 { x.iter().enumerate().map(|(l, x)| a[(i, l)] * x).sum() };
    let residual: Vec<f64> = y.iter().enumerate().map(|(i, y)| fitted(i) - y).collect();
    norm(&residual) / norm(y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::tests::{assert_reproducible, gather};

    fn tiny() -> Config {
        Config {
            trials: 2,
            vector_d: 30,
            nonzeros: 1,
            vector_m: vec![15, 30],
            matrix_d: 5,
            matrix_m: vec![22],
            matrix_depths: vec![2, 3],
            ..Config::paper()
        }
    }

    #[test]
    fn rows_depend_on_nothing_but_configuration_and_seed() {
        assert_reproducible(&tiny(), |row| row.seconds = 0.0);
    }

    #[test]
    fn deep_vectors_lose_the_truth_and_deep_matrices_keep_it() {
        for row in gather(&tiny(), &tiny().jobs(), 2) {
            let expected = row.kind == Kind::Matrix || row.depth == Some(2) || row.m == row.d;
            assert_eq!(row.recovered, Some(expected), "{row:?}");
            assert!(row.residual.unwrap() < 1e-8, "{row:?}");
        }
    }
}
