//! Where training goes: the course of gradient descent, stochastic gradients, label noise, sharpness-aware steps and weight
//! decay through loss, flatness and error, and flatness against error over many zero-loss points.
//!
//! Factors are as wide as the matrix (k = d columns; the network d hidden units of each sign), so that every zero-loss X can
//! be reached and the flat problem's bound is the least scaled trace over all zero-loss points. All methods but the first
//! start at one large random point; every run ends with steps of plain gradient descent, which bring it onto the zero-loss
//! set. Losses, sharpness and learning rates are of the mean loss (1/m)‖A(X) − y‖², traces of the sum ‖A(X) − y‖².

mod trial;

use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use super::cell::Model;
use super::{Experiment, Job, check, repeated};
use crate::error::{Error, check_positive};
use crate::random::Stream;

/// A run: the method and its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Training {
    /// Gradient descent from the small start.
    GdSmall,
    /// Gradient descent.
    Gd,
    /// Stochastic gradients.
    Sgd,
    /// Label noise.
    LabelNoise,
    /// Sharpness-aware minimisation with stochastic gradients.
    Sam,
    /// Gradient descent with weight decay.
    WeightDecay,
}

impl Training {
    /// All of them.
    pub const ALL: [Training; 6] = [
        Training::GdSmall,
        Training::Gd,
        Training::Sgd,
        Training::LabelNoise,
        Training::Sam,
        Training::WeightDecay,
    ];

    /// As rows name it.
    pub fn name(self) -> &'static str {
        match self {
            Training::GdSmall => "gd-small",
            Training::Gd => "gd",
            Training::Sgd => "sgd",
            Training::LabelNoise => "label-noise",
            Training::Sam => "sam",
            Training::WeightDecay => "weight-decay",
        }
    }
}

/// Sizes, methods and their settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Of all random numbers.
    pub seed: u64,
    /// Instances of each model.
    pub trials: u64,
    /// `sensing` and `network`.
    pub models: Vec<Model>,
    /// Which runs.
    pub methods: Vec<Training>,
    /// Sensing: rows and columns of X.
    pub d: usize,
    /// Sensing: rank of the truth.
    pub rank: usize,
    /// Sensing: measurements.
    pub m: usize,
    /// Network: rows and columns of M.
    pub network_d: usize,
    /// Network: rank of the truth, a third of whose eigenvalues (rounded down) are negative.
    pub network_rank: usize,
    /// Network: measurements.
    pub network_m: usize,
    /// Steps of a run.
    pub steps: usize,
    /// The last of them, which are plain gradient descent in every run.
    pub settle: usize,
    /// Records along a run, evenly in log(step); those that fall on one step count once.
    pub records: usize,
    /// Norm of the small start over that of the flat factors.
    pub small: f64,
    /// Norm of the large start over that of the flat factors.
    pub large: f64,
    /// Learning rate η over 2/λ_max, the larger λ_max of those at the start and at the flat factors.
    pub rate: f64,
    /// Stochastic gradients and sharpness-aware steps: measurements of a batch.
    pub batch: usize,
    /// Their learning rate over that of the others: the largest eigenvalue of a batch's Hessian exceeds λ_max.
    pub batch_rate: f64,
    /// Label noise: standard deviation over the root mean square of y.
    pub noise: f64,
    /// Sharpness-aware steps: their radius over the norm of the flat factors.
    pub radius: f64,
    /// Weight decay: ω.
    pub decay: f64,
    /// Further zero-loss points from gradient descent at starts from `small` to `large`.
    pub starts: usize,
    /// Steps of these descents, before the projection onto the zero-loss set.
    pub start_steps: usize,
    /// Further zero-loss points from random displacements of the flat factors, projected; by up to `large` times their norm.
    pub displacements: usize,
    /// Largest relative gap of a certified flat solution.
    pub tolerance: f64,
    /// Most steps of the flat solver.
    pub max_iterations: usize,
}

/// Sizes that an experiment may ask for: every step streams m·d² numbers.
const LARGEST: usize = 200;

impl Config {
    /// Refuses sizes of matrices, and numbers of measurements that these do not have.
    fn check_sizes(&self) -> Result<(), Error> {
        for (name, size) in [
            ("d", self.d),
            ("network_d", self.network_d),
            ("rank", self.rank),
            ("network_rank", self.network_rank),
        ] {
            if !(1..=LARGEST).contains(&size) {
                return check::refuse(name, size.to_string(), "a size from 1 to 200");
            }
        }
        for (name, m, model) in [
            ("m", self.m, Model::Sensing),
            ("network_m", self.network_m, Model::Network),
        ] {
            let d = self.size(model).0;
            if !(1..=model.most((d, d))).contains(&m) {
                let expected = "from 1 to the number of independent measurements";
                return check::refuse(name, m.to_string(), expected);
            }
        }
        Ok(())
    }

    /// Refuses lengths of the runs.
    fn check_counts(&self) -> Result<(), Error> {
        check::trials(self.trials)?;
        for (name, count) in [("steps", self.steps), ("records", self.records)] {
            if count == 0 {
                return check::refuse(name, "0".to_owned(), "at least 1");
            }
        }
        if self.settle > self.steps {
            return check::refuse("settle", self.settle.to_string(), "at most the steps");
        }
        if !(1..=self.m.min(self.network_m)).contains(&self.batch) {
            let expected = "from 1 to the measurements of each model";
            return check::refuse("batch", self.batch.to_string(), expected);
        }
        Ok(())
    }

    /// (d, rank, m) of a model.
    fn size(&self, model: Model) -> (usize, usize, usize) {
        match model {
            Model::Network => (
                self.network_d,
                self.network_rank.min(self.network_d),
                self.network_m,
            ),
            _ => (self.d, self.rank.min(self.d), self.m),
        }
    }

    /// As rows name it.
    fn cell(&self, model: Model) -> String {
        let (d, rank, m) = self.size(model);
        format!("{}-{d}x{d}-r{rank}-m{m}", model.name())
    }

    /// The numbers of steps after which a run is looked at: 0, then evenly in their logarithm, and where the method's own steps
    /// end.
    pub fn looks(&self) -> Vec<usize> {
        let last = (self.records - 1).max(1) as f64;
        let at = |i: usize| (self.steps as f64).powf(i as f64 / last).round() as usize;
        let mut looks: Vec<usize> = [0].into_iter().chain((0..self.records).map(at)).collect();
        looks.extend([self.steps - self.settle, self.steps]);
        looks.sort_unstable();
        looks.dedup();
        looks
    }

    /// Zero-loss points of a trial.
    fn ends(&self) -> usize {
        self.methods.len() + self.starts + self.displacements
    }
}

/// One look at a run (`kind` record), or one zero-loss point (`kind` end).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Row {
    /// The model and its sizes, as text.
    pub cell: String,
    /// The model.
    pub model: Model,
    /// Which instance.
    pub trial: u64,
    /// `--seed`.
    pub seed: u64,
    /// `record` or `end`.
    pub kind: String,
    /// The run; of ends also `start` (gradient descent from a random start) and `displacement` (of the flat factors).
    pub method: String,
    /// Norm of the start, or of the displacement, over that of the flat factors.
    pub scale: f64,
    /// Steps taken.
    pub step: usize,
    /// `running`, `finished`, `diverged`; of ends `exact`, and `missed` where the projection did not meet the data; `singular`
    /// where the flat problem is degenerate. Figures are left out of what diverged, missed or is singular.
    pub status: String,
    /// `certified`, or how else the flat solver ended.
    pub flat: String,
    /// (1/m)‖A(X) − y‖².
    pub loss: Option<f64>,
    /// Scaled trace of the Hessian of ‖A(X) − y‖².
    pub scaled_trace: Option<f64>,
    /// A proved lower bound on it over the zero-loss points: 4m times that of the flat problem, for the network 8m times.
    pub minimum: Option<f64>,
    /// scaled_trace/minimum − 1.
    pub excess: Option<f64>,
    /// λ_max of the Hessian of the mean loss. Records only.
    pub sharpness: Option<f64>,
    /// 2/η: where λ_max exceeds it, gradient descent is unstable. Records only.
    pub stability: Option<f64>,
    /// ‖X − M‖_F.
    pub error: Option<f64>,
    /// Mean squared error of a new measurement: ‖X − M‖_F² (sensing), 2‖X − M‖_F² + (tr(X − M))² (network).
    pub generalisation: Option<f64>,
    /// Wall-clock seconds of the run up to here.
    pub seconds: f64,
}

impl super::Row for Row {
    fn job(&self) -> (&str, u64) {
        (&self.cell, self.trial)
    }
}

impl Experiment for Config {
    type Row = Row;
    const NAME: &'static str = "trajectories";

    /// About half a minute.
    fn quick() -> Self {
        Config {
            trials: 2,
            d: 12,
            m: 120,
            network_d: 12,
            network_m: 70,
            steps: 50_000,
            settle: 10_000,
            records: 40,
            starts: 25,
            displacements: 25,
            batch: 5,
            ..Config::paper()
        }
    }

    /// Sizes of the paper's smallest cells, five instances a model.
    fn paper() -> Self {
        Config {
            seed: 0,
            trials: 5,
            models: vec![Model::Sensing, Model::Network],
            methods: Training::ALL.to_vec(),
            d: 20,
            rank: 2,
            m: 280,
            network_d: 15,
            network_rank: 3,
            network_m: 100,
            steps: 60_000,
            settle: 12_000,
            records: 60,
            small: 0.01,
            large: 3.0,
            rate: 0.8,
            batch: 20,
            batch_rate: 0.2,
            noise: 1.5,
            radius: 0.15,
            decay: 0.01,
            starts: 30,
            start_steps: 300,
            displacements: 30,
            tolerance: 1e-7,
            max_iterations: 2000,
        }
    }

    /// Twenty instances, longer runs.
    fn large() -> Self {
        Config {
            trials: 20,
            steps: 200_000,
            settle: 40_000,
            ..Config::paper()
        }
    }

    /// Refuses what cannot be run, naming the key.
    ///
    /// # Errors
    /// An empty list, another model, a size out of range, a number that is not positive, a share outside (0, 1).
    fn check(&self) -> Result<(), Error> {
        check::not_empty("models", &self.models)?;
        check::not_empty("methods", &self.methods)?;
        let known = |model: &Model| matches!(model, Model::Sensing | Model::Network);
        if let Some(model) = self.models.iter().find(|model| !known(model)) {
            return check::refuse("models", model.name().to_owned(), "sensing or network");
        }
        self.check_sizes()?;
        self.check_counts()?;
        for (name, value) in [
            ("small", self.small),
            ("large", self.large),
            ("rate", self.rate),
            ("batch_rate", self.batch_rate),
            ("noise", self.noise),
            ("radius", self.radius),
            ("decay", self.decay),
        ] {
            check_positive(name, value)?;
        }
        check::tolerance(self.tolerance)
    }

    fn jobs(&self) -> Vec<Job> {
        let rows = self.methods.len() * self.looks().len() + self.ends();
        let job = |model: &Model| {
            let (d, _, m) = self.size(*model);
            let products = if model.is_symmetric() { 20.0 } else { d as f64 };
            Job::new(self.cell(*model), rows, (m * d) as f64 * products)
        };
        repeated(self.models.iter().map(job), self.trials)
    }

    fn run(&self, job: &Job, interrupt: &AtomicBool) -> Result<Vec<Row>, Error> {
        let Some(model) = self.models.iter().find(|model| self.cell(**model) == job.cell) else {
            return Err(Error::Setting {
                name: "cell",
                found: job.cell.clone(),
                expected: "a cell of the configuration",
            });
        };
        let stream = Stream::of_trial(self.seed, Self::NAME, &job.cell, job.trial);
        trial::run(self, *model, job, stream, interrupt)
    }
}

#[cfg(test)]
mod tests;
