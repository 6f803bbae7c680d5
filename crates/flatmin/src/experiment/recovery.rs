//! Which share of random instances is recovered, by model, size and number of measurements (Figure 3 of Ding et al. 2024).
//!
//! A truth M counts as recovered if ‖X − M‖_F ≤ `success`·‖M‖_F, and a trial counts at all only if its solution is certified:
//! the rest is shown as unproved.

mod sparse;

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use faer::Mat;
use serde::{Deserialize, Serialize};

use super::cell::{Cell, Instance, Model, column, find};
use super::{Experiment, Job, attempt, check, repeated, settings};
use crate::error::{Error, check_positive};
use crate::linalg::dense::frobenius;
use crate::map::row_major;
use crate::problem::{Fit, Objective, Problem};
use crate::random::Stream;
use crate::solve::{Solution, Status};

/// The grid and the rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Of all random numbers.
    pub seed: u64,
    /// Repetitions of each cell.
    pub trials: u64,
    /// Which models.
    pub models: Vec<Model>,
    /// Which norms: `flat`, `nuclear`, `smoothed:ALPHA`. Robust PCA and the sparse model are solved for `flat` alone.
    pub objectives: Vec<String>,
    /// Rows d1.
    pub d: Vec<usize>,
    /// Columns over rows, d2/d1, rounded to whole columns; symmetric models have the square cells alone.
    pub aspect: Vec<f64>,
    /// Rank of the truth.
    pub rank: usize,
    /// Rank of the network's truth, a third of whose eigenvalues (rounded down) are negative.
    pub network_rank: usize,
    /// Numbers of measurements. Cells with more than there are independent ones are not run.
    pub m: Vec<usize>,
    /// Completion: probabilities that an entry is observed; robust PCA: that it has no outlier.
    pub p: Vec<f64>,
    /// Sparse: lengths of the vector.
    pub vector_d: Vec<usize>,
    /// Sparse: nonzeros of the truth.
    pub nonzeros: usize,
    /// Sparse: numbers of measurements, up to the length.
    pub vector_m: Vec<usize>,
    /// Largest ‖X − M‖_F/‖M‖_F of a recovered truth.
    pub success: f64,
    /// Largest relative gap of a certified solution.
    pub tolerance: f64,
    /// Most steps of the solver a trial.
    pub max_iterations: usize,
}

impl Config {
    /// Rows d1, or lengths.
    pub fn sizes(&self, model: Model) -> &[usize] {
        match model {
            Model::Sparse => &self.vector_d,
            _ => &self.d,
        }
    }

    /// Numbers of measurements.
    pub fn measurements(&self, model: Model) -> &[usize] {
        match model {
            Model::Sparse => &self.vector_m,
            _ => &self.m,
        }
    }

    /// (d1, d2) for `d1` rows and a ratio of `aspect`; `None` where the model has no such matrix. Vectors have one column,
    /// whatever the ratio: they belong to the first.
    pub fn shape(&self, model: Model, d1: usize, aspect: f64) -> Option<(usize, usize)> {
        if model == Model::Sparse {
            return (self.aspect.first() == Some(&aspect)).then_some((d1, 1));
        }
        let d2 = ((aspect * d1 as f64).round() as usize).max(1);
        (!model.is_symmetric() || d1 == d2).then_some((d1, d2))
    }

    /// The cells, in the order of the table.
    pub fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for &model in &self.models {
            let wanted = match model {
                Model::Network => self.network_rank,
                Model::Sparse => self.nonzeros,
                _ => self.rank,
            };
            for &aspect in &self.aspect {
                for &d1 in self.sizes(model) {
                    if let Some(shape) = self.shape(model, d1, aspect) {
                        cells.extend(column(model, shape, wanted, self.measurements(model), &self.p));
                    }
                }
            }
        }
        cells
    }

    /// By name. In robust PCA D1 and D2 are multiples of I, so that every norm is the flat one; the sparse model knows no other.
    fn objectives(&self, model: Model) -> Vec<&str> {
        if model.is_linear() {
            self.objectives.iter().map(String::as_str).collect()
        } else {
            vec!["flat"]
        }
    }
}

/// One solved instance.
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
    /// Rank of the truth; sparse: its nonzeros.
    pub rank: usize,
    /// Measurements; robust PCA: entries without an outlier.
    pub m: usize,
    /// Completion: the probability that an entry is observed; robust PCA: that it has no outlier.
    pub p: Option<f64>,
    /// Which repetition.
    pub trial: u64,
    /// `--seed`.
    pub seed: u64,
    /// The norm that was minimised.
    pub objective: String,
    /// `certified`, `converged`, `budget`; `singular`: D1 or D2 is, and the flat problem degenerate; `empty`: nothing observed.
    pub status: String,
    /// Whether the truth was recovered: known of certified solutions alone.
    pub recovered: Option<bool>,
    /// ‖X − M‖_F/‖M‖_F.
    pub error: Option<f64>,
    /// The convex objective.
    pub value: Option<f64>,
    /// Its proved lower bound.
    pub lower_bound: Option<f64>,
    /// (value − lower_bound)/value.
    pub gap: Option<f64>,
    /// Whether X is the only solution.
    pub unique: Option<bool>,
    /// Columns of the factors found; sparse: nonzeros.
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

/// As the configuration names it.
fn objective(name: &str) -> Result<Objective, Error> {
    Objective::named(name).ok_or_else(|| Error::Setting {
        name: "objectives",
        found: name.to_owned(),
        expected: "flat, nuclear or smoothed:ALPHA",
    })
}

impl Experiment for Config {
    type Row = Row;
    const NAME: &'static str = "recovery";

    /// About a minute on two cores.
    fn quick() -> Self {
        Config {
            trials: 5,
            d: vec![10, 20, 30],
            m: (1..=10).map(|i| 30 * i).collect(),
            p: (1..=9).map(|i| f64::from(i) / 10.0).collect(),
            vector_d: vec![50, 100],
            nonzeros: 5,
            vector_m: (1..=10).map(|i| 5 * i).collect(),
            ..Config::paper()
        }
    }

    /// The paper's protocol: rank 2, for the network 3, ten trials a cell.
    fn paper() -> Self {
        Config {
            seed: 0,
            trials: 10,
            models: vec![Model::Sensing, Model::Bilinear, Model::Completion, Model::Network],
            objectives: vec!["flat".to_owned(), "nuclear".to_owned()],
            d: vec![20, 30, 40, 50, 60],
            aspect: vec![1.0],
            rank: 2,
            network_rank: 3,
            m: (1..=17).map(|i| 40 * i).collect(),
            p: (1..=19).map(|i| f64::from(i) / 20.0).collect(),
            vector_d: vec![50, 100, 150, 200, 250],
            nonzeros: 10,
            vector_m: (1..=12).map(|i| 10 * i).collect(),
            success: 1e-6,
            tolerance: 1e-7,
            max_iterations: 500,
        }
    }

    /// Up to d = 100, matrices half as wide as high, and sparse vectors.
    fn large() -> Self {
        let mut models = Config::paper().models;
        models.push(Model::Sparse);
        Config {
            models,
            d: vec![20, 40, 60, 80, 100],
            aspect: vec![1.0, 0.5],
            m: (1..=16).map(|i| 75 * i).collect(),
            ..Config::paper()
        }
    }

    /// Refuses what cannot be run, naming the key.
    ///
    /// # Errors
    /// An empty list, a size of zero, a probability outside (0, 1], an unknown objective, a tolerance outside (0, 1).
    fn check(&self) -> Result<(), Error> {
        check::trials(self.trials)?;
        check::not_empty("models", &self.models)?;
        check::not_empty("objectives", &self.objectives)?;
        check::sizes("d", &self.d)?;
        check::not_empty("aspect", &self.aspect)?;
        check::each("aspect", &self.aspect, "ratios from 0.01 to 100", |v| {
            (0.01..=100.0).contains(&v)
        })?;
        check::amounts(&self.m, &self.p)?;
        check::sizes("rank", &[self.rank, self.network_rank])?;
        check::sizes("vector_d", &self.vector_d)?;
        check::sizes("nonzeros", &[self.nonzeros])?;
        check::sizes("vector_m", &self.vector_m)?;
        check::tolerance(self.tolerance)?;
        check_positive("success", self.success)?;
        self.objectives
            .iter()
            .try_for_each(|name| objective(name).map(|_| ()))
    }

    fn jobs(&self) -> Vec<Job> {
        let job = |cell: Cell| Job::new(cell.name(), self.objectives(cell.model).len(), cell.cost());
        repeated(self.cells().into_iter().map(job), self.trials)
    }

    fn run(&self, job: &Job, interrupt: &AtomicBool) -> Result<Vec<Row>, Error> {
        let cells = self.cells();
        let cell = find(&cells, &job.cell)?;
        let mut stream = Stream::of_trial(self.seed, Self::NAME, &job.cell, job.trial);
        let settings = settings(self.tolerance, self.max_iterations);
        if cell.model == Model::Sparse {
            let row = self.blank(cell, job, "flat");
            return Ok(vec![sparse::solved(
                row,
                cell.m,
                &mut stream,
                self.success,
                &settings,
                interrupt,
            )?]);
        }
        let blanks = self.objectives(cell.model);
        let mut rows: Vec<Row> = blanks.iter().map(|name| self.blank(cell, job, name)).collect();
        let Some(Instance { map, y, truth }) = cell.draw(&mut stream)? else {
            return Ok(rows);
        };
        let m = if cell.model == Model::Rpca {
            clean(&y, &truth)
        } else {
            y.len()
        };
        let (fit, first) = formulation(cell);
        let mut problem = Problem::new(map, y, fit, first)?.over(cell.model.domain())?;
        for row in &mut rows {
            if cell.model.is_linear() {
                problem = problem.with(fit, objective(&row.objective)?)?;
            }
            row.m = m;
            let start = Instant::now();
            let solution = attempt(&problem, &settings, interrupt)?;
            row.seconds = start.elapsed().as_secs_f64();
            row.fill(solution.as_ref(), &truth, self.success);
        }
        Ok(rows)
    }
}

/// How the data are to be met, and a norm to begin with. Robust PCA: ‖X‖_* + θ‖Y − X‖_1 with the θ = 1/√max(d1, d2) of Candès,
/// Li, Ma and Wright (2011).
fn formulation(cell: &Cell) -> (Fit, Objective) {
    match cell.model {
        Model::Rpca => {
            let (d1, d2) = cell.shape;
            (
                Fit::Absolute(1.0 / (d1.max(d2) as f64).sqrt()),
                Objective::Nuclear,
            )
        }
        _ => (Fit::Exact, Objective::Flat),
    }
}

/// How many entries of Y are those of the truth, to the last bit.
fn clean(y: &[f64], truth: &Mat<f64>) -> usize {
    let truth = row_major(truth.as_ref());
    y.iter().zip(truth).filter(|(y, x)| **y == *x).count()
}

impl Config {
    /// A row before its trial is run.
    fn blank(&self, cell: &Cell, job: &Job, objective: &str) -> Row {
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
            objective: objective.to_owned(),
            status: "empty".to_owned(),
            recovered: None,
            error: None,
            value: None,
            lower_bound: None,
            gap: None,
            unique: None,
            rank_found: None,
            iterations: None,
            seconds: 0.0,
        }
    }
}

impl Row {
    /// What the solver found.
    fn fill(&mut self, solution: Option<&Solution>, truth: &Mat<f64>, success: f64) {
        let Some(solution) = solution else {
            self.status = "singular".to_owned();
            return;
        };
        let error = frobenius((solution.factors.dense() - truth).as_ref()) / frobenius(truth.as_ref());
        let certificate = &solution.certificate;
        self.status = solution.status.name().to_owned();
        self.recovered = (solution.status == Status::Certified).then_some(error <= success);
        self.error = Some(error);
        self.value = Some(certificate.value);
        self.lower_bound = Some(certificate.lower_bound);
        self.gap = Some(certificate.gap).filter(|gap| gap.is_finite());
        self.unique = certificate.uniqueness.unique;
        self.rank_found = Some(solution.factors.columns());
        self.iterations = Some(solution.iterations);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Row as _;
    use crate::experiment::tests::gather;

    fn tiny() -> Config {
        Config {
            trials: 2,
            d: vec![6],
            m: vec![20, 36],
            p: vec![0.5, 1.0],
            rank: 1,
            network_rank: 2,
            models: EVERY.to_vec(),
            vector_d: vec![12],
            nonzeros: 2,
            vector_m: vec![8, 12],
            ..Config::paper()
        }
    }

    const EVERY: [Model; 6] = [
        Model::Sensing,
        Model::Bilinear,
        Model::Completion,
        Model::Network,
        Model::Rpca,
        Model::Sparse,
    ];

    fn rows(config: &Config, jobs: &[Job], threads: usize) -> Vec<Row> {
        let mut rows = gather(config, jobs, threads);
        rows.iter_mut().for_each(|row| row.seconds = 0.0);
        rows
    }

    #[test]
    fn rows_depend_on_nothing_but_configuration_and_seed() {
        let config = tiny();
        let jobs = config.jobs();
        let all = rows(&config, &jobs, 2);
        assert_eq!(all.len(), jobs.iter().map(|job| job.rows).sum::<usize>());
        let mut backwards: Vec<Job> = jobs.iter().rev().cloned().collect();
        backwards.iter_mut().for_each(|job| job.cost = 1.0);
        assert_eq!(all, rows(&config, &backwards, 1));
        let alone = rows(&config, &jobs[3..4], 1);
        assert_eq!(
            alone[..],
            all.iter()
                .filter(|row| row.job() == alone[0].job())
                .cloned()
                .collect::<Vec<_>>()[..]
        );
        let other = Config { seed: 1, ..config };
        assert_ne!(all[0].value, rows(&other, &jobs[..1], 1)[0].value);
    }

    #[test]
    fn what_is_seen_whole_is_recovered() {
        let config = tiny();
        for row in rows(&config, &config.jobs(), 2) {
            let whole = if row.model == Model::Sparse { 12 } else { 36 };
            if row.m == whole {
                assert_eq!(row.recovered, Some(true), "{row:?}");
            }
        }
    }
}
