//! Which share of random instances is recovered, by model, size and number of measurements (Figure 3 of Ding et al. 2024).
//!
//! A truth of rank r and Frobenius norm 1 counts as recovered if ‖X − M‖_F ≤ `success`, and a trial counts at all only if its
//! solution is certified: the rest is shown as unproved.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use faer::Mat;
use serde::{Deserialize, Serialize};

use super::{Experiment, Job, status_name};
use crate::domain::Domain;
use crate::error::Error;
use crate::linalg::dense::frobenius;
use crate::map::MeasurementMap;
use crate::problem::{Fit, Objective, Problem};
use crate::random::Stream;
use crate::solve::{Observer, Settings, Solution, Status, solve};
use crate::synthetic::{Bilinear, Completion, Observed, Recipe, Sensing, Symmetric};

/// The models that can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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
        }
    }

    /// Whether X is a symmetric matrix: square, and seen through x_i x_iᵀ.
    pub fn is_symmetric(self) -> bool {
        matches!(self, Model::Network | Model::Covariance | Model::Phase)
    }

    fn domain(self) -> Domain {
        match self {
            Model::Network => Domain::Symmetric,
            Model::Covariance | Model::Phase => Domain::Semidefinite,
            _ => Domain::General,
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

/// Largest size that an experiment may ask for.
const MOST: usize = 10_000;

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
    /// Which norms: `flat`, `nuclear`, `smoothed:ALPHA`.
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
    /// Completion: probabilities that an entry is observed.
    pub p: Vec<f64>,
    /// Largest ‖X − M‖_F of a recovered truth.
    pub success: f64,
    /// Largest relative gap of a certified solution.
    pub tolerance: f64,
    /// Most steps of the solver a trial.
    pub max_iterations: usize,
}

impl Config {
    /// About a minute on two cores.
    pub fn quick() -> Self {
        Config {
            trials: 5,
            d: vec![10, 20, 30],
            m: (1..=10).map(|i| 30 * i).collect(),
            p: (1..=9).map(|i| f64::from(i) / 10.0).collect(),
            ..Config::paper()
        }
    }

    /// The paper's protocol: rank 2, for the network 3, ten trials a cell.
    pub fn paper() -> Self {
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
            success: 1e-6,
            tolerance: 1e-7,
            max_iterations: 2000,
        }
    }

    /// Up to d = 100, and rectangular matrices.
    pub fn large() -> Self {
        Config {
            d: vec![20, 40, 60, 80, 100],
            aspect: vec![1.0, 1.5],
            m: (1..=16).map(|i| 75 * i).collect(),
            ..Config::paper()
        }
    }

    /// Refuses what cannot be run, naming the key.
    ///
    /// # Errors
    /// An empty list, a size of zero, a probability outside (0, 1], an unknown objective, a tolerance outside (0, 1).
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |name, found: String, expected| {
            Err(Error::Setting {
                name,
                found,
                expected,
            })
        };
        if self.trials == 0 {
            return refuse("trials", "0".to_owned(), "at least 1");
        }
        let lists = [
            ("models", self.models.is_empty()),
            ("objectives", self.objectives.is_empty()),
            ("d", self.d.is_empty()),
            ("aspect", self.aspect.is_empty()),
        ];
        if let Some((name, _)) = lists.iter().find(|(_, empty)| *empty) {
            return refuse(name, "an empty list".to_owned(), "at least one value");
        }
        for (name, sizes) in [
            ("d", &self.d),
            ("m", &self.m),
            ("rank", &vec![self.rank, self.network_rank]),
        ] {
            if let Some(size) = sizes.iter().find(|size| !(1..=MOST).contains(*size)) {
                return refuse(name, size.to_string(), "sizes from 1 to 10,000");
            }
        }
        if let Some(p) = self.p.iter().find(|p| !(**p > 0.0 && **p <= 1.0)) {
            return refuse("p", p.to_string(), "probabilities above 0, at most 1");
        }
        if let Some(aspect) = self
            .aspect
            .iter()
            .find(|aspect| !(0.01..=100.0).contains(*aspect))
        {
            return refuse("aspect", aspect.to_string(), "ratios from 0.01 to 100");
        }
        if !(self.tolerance > 0.0 && self.tolerance < 1.0) {
            return refuse(
                "tolerance",
                self.tolerance.to_string(),
                "a number between 0 and 1",
            );
        }
        if !(self.success > 0.0 && self.success.is_finite()) {
            return refuse("success", self.success.to_string(), "a positive number");
        }
        self.objectives
            .iter()
            .try_for_each(|name| objective(name).map(|_| ()))
    }

    /// The cells, in the order of the table.
    pub fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for &model in &self.models {
            for &aspect in &self.aspect {
                for &d1 in &self.d {
                    let shape = (d1, ((aspect * d1 as f64).round() as usize).max(1));
                    if !(model.is_symmetric() && shape.0 != shape.1) {
                        self.column(model, shape, &mut cells);
                    }
                }
            }
        }
        cells
    }

    /// The cells of one model and shape.
    fn column(&self, model: Model, shape: (usize, usize), cells: &mut Vec<Cell>) {
        let size = shape.0 * shape.1;
        let wanted = match model {
            Model::Network => self.network_rank,
            Model::Phase => 1,
            _ => self.rank,
        };
        let rank = wanted.min(shape.0).min(shape.1);
        let cell = |m, p| Cell {
            model,
            shape,
            rank,
            m,
            p,
        };
        if model == Model::Completion {
            cells.extend(
                self.p
                    .iter()
                    .map(|p| cell((p * size as f64).round() as usize, Some(*p))),
            );
        } else {
            let m = self.m.iter().filter(|m| **m <= model.most(shape));
            cells.extend(m.map(|m| cell(*m, None)));
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
    /// Rank of the truth.
    pub rank: usize,
    /// How many measurements; in completion, expected.
    pub m: usize,
    /// Completion: the probability that an entry is observed.
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
    fn cost(&self) -> f64 {
        let (m, size) = (self.m as f64, (self.shape.0 * self.shape.1) as f64);
        match self.model {
            Model::Completion => m * self.shape.0 as f64,
            _ => size * m + m.powi(3) / 10.0,
        }
    }

    /// The instance of a trial; `None` where nothing came out as observed.
    fn instance(&self, stream: &mut Stream) -> Result<Option<Instance>, Error> {
        let (recipe, shape) = (Recipe::plain(self.rank), self.shape);
        let (map, y, truth) = match self.model {
            Model::Completion => {
                let observed = self.p.map_or(Observed::Count(self.m), Observed::Each);
                let made = Completion::draw(stream, shape, observed, &recipe);
                if made.y.is_empty() {
                    return Ok(None);
                }
                (made.map()?, made.y, made.truth)
            }
            Model::Bilinear => {
                let made = Bilinear::draw(stream, shape, self.m, &recipe)?;
                (made.map()?, made.y, made.truth)
            }
            Model::Sensing => {
                let made = Sensing::draw(stream, shape, self.m, &recipe);
                let (y, truth) = (made.y.clone(), made.truth.clone());
                (made.map()?, y, truth)
            }
            Model::Network | Model::Covariance | Model::Phase => {
                let negative = if self.model == Model::Network {
                    self.rank / 3
                } else {
                    0
                };
                let made = Symmetric::draw(stream, shape.0, self.m, negative, &recipe)?;
                (made.map()?, made.y, made.truth)
            }
        };
        Ok(Some(Instance { map, y, truth }))
    }
}

/// What a trial is given.
struct Instance {
    map: Box<dyn MeasurementMap>,
    y: Vec<f64>,
    truth: Mat<f64>,
}

/// One solved instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The cell, as text.
    pub cell: String,
    /// The model.
    pub model: Model,
    /// Rows of X.
    pub d1: usize,
    /// Columns of X.
    pub d2: usize,
    /// Rank of the truth.
    pub rank: usize,
    /// Measurements.
    pub m: usize,
    /// Completion: the probability that an entry is observed.
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
    /// ‖X − M‖_F.
    pub error: Option<f64>,
    /// The convex objective.
    pub value: Option<f64>,
    /// Its proved lower bound.
    pub lower_bound: Option<f64>,
    /// (value − lower_bound)/value.
    pub gap: Option<f64>,
    /// Whether X is the only solution.
    pub unique: Option<bool>,
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

/// As the configuration and the rows name it.
fn objective(name: &str) -> Result<Objective, Error> {
    let smoothed = |power: &str| power.parse().ok().map(Objective::Smoothed);
    let known = match name {
        "flat" => Some(Objective::Flat),
        "nuclear" => Some(Objective::Nuclear),
        _ => name
            .strip_prefix("smoothed:")
            .and_then(smoothed)
            .filter(|objective| (0.0..=1.0).contains(&objective.power())),
    };
    known.ok_or_else(|| Error::Setting {
        name: "objectives",
        found: name.to_owned(),
        expected: "flat, nuclear or smoothed:ALPHA",
    })
}

impl Experiment for Config {
    type Row = Row;

    fn jobs(&self) -> Vec<Job> {
        let job = |cell: &Cell, trial| Job {
            cell: cell.name(),
            trial,
            rows: self.objectives.len(),
            cost: cell.cost(),
        };
        let cells = self.cells();
        cells
            .iter()
            .flat_map(|cell| (0..self.trials).map(move |trial| job(cell, trial)))
            .collect()
    }

    fn run(&self, job: &Job, interrupt: &AtomicBool) -> Result<Vec<Row>, Error> {
        let cells = self.cells();
        let Some(cell) = cells.iter().find(|cell| cell.name() == job.cell) else {
            return Err(Error::Setting {
                name: "cell",
                found: job.cell.clone(),
                expected: "a cell of the configuration",
            });
        };
        let mut stream = Stream::of_trial(self.seed, "recovery", &job.cell, job.trial);
        let Some(Instance { map, y, truth }) = cell.instance(&mut stream)? else {
            return Ok(self
                .objectives
                .iter()
                .map(|name| self.blank(cell, job, name))
                .collect());
        };
        let settings = Settings::default()
            .with_tolerance(self.tolerance)
            .with_max_iterations(self.max_iterations);
        let observer = Observer {
            interrupt: Some(interrupt),
            ..Observer::default()
        };
        let mut problem = Problem::new(map, y, Fit::Exact, Objective::Flat)?.over(cell.model.domain())?;
        let mut rows = Vec::with_capacity(self.objectives.len());
        for name in &self.objectives {
            problem = problem.with(Fit::Exact, objective(name)?)?;
            let mut row = self.blank(cell, job, name);
            row.m = problem.data().len();
            let start = Instant::now();
            let solution = solve(&problem, &settings, &observer);
            row.seconds = start.elapsed().as_secs_f64();
            row.fill(solution, &truth, self.success)?;
            rows.push(row);
        }
        Ok(rows)
    }
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
    fn fill(
        &mut self,
        solution: Result<Solution, Error>,
        truth: &Mat<f64>,
        success: f64,
    ) -> Result<(), Error> {
        let solution = match solution {
            Ok(solution) => solution,
            Err(Error::SingularRescaling { .. }) => {
                self.status = "singular".to_owned();
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let error = frobenius((solution.factors.dense() - truth).as_ref());
        let certificate = &solution.certificate;
        self.status = status_name(solution.status).to_owned();
        self.recovered = (solution.status == Status::Certified).then_some(error <= success);
        self.error = Some(error);
        self.value = Some(certificate.value);
        self.lower_bound = Some(certificate.lower_bound);
        self.gap = Some(certificate.gap).filter(|gap| gap.is_finite());
        self.unique = certificate.uniqueness.unique;
        self.rank_found = Some(solution.factors.columns());
        self.iterations = Some(solution.iterations);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Row as _;
    use std::ops::ControlFlow;

    fn tiny() -> Config {
        Config {
            trials: 2,
            d: vec![6],
            m: vec![20, 36],
            p: vec![0.5, 1.0],
            rank: 1,
            network_rank: 2,
            ..Config::paper()
        }
    }

    fn rows(config: &Config, jobs: &[Job], threads: usize) -> Vec<Row> {
        let mut rows = Vec::new();
        super::super::run(config, jobs, threads, &AtomicBool::new(false), |mut more| {
            more.iter_mut().for_each(|row: &mut Row| row.seconds = 0.0);
            rows.extend(more);
            ControlFlow::Continue(())
        })
        .unwrap();
        rows.sort_by(|a, b| (&a.cell, a.trial).cmp(&(&b.cell, b.trial)));
        rows
    }

    #[test]
    fn rows_depend_on_nothing_but_configuration_and_seed() {
        let config = tiny();
        let jobs = config.jobs();
        let all = rows(&config, &jobs, 2);
        assert_eq!(all.len(), 2 * jobs.len());
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
            if row.m == 36 {
                assert_eq!(row.recovered, Some(true), "{row:?}");
            }
        }
    }
}
