//! The solvers of  min ‖W1 X W2‖_*  under the fit of the problem.
//!
//! Production methods and a naive twin, all in the variable Z = W1 X W2, one a file:
//!
//! * `path`: factored path-following with rank growth, for what is large, structured or of low rank;
//! * `alternating`: alternating least squares with quasi-Newton steps, for penalised completion of many entries;
//! * `augmented_lagrangian`: semismooth Newton on the dual, for the small and the hard (below and on the phase
//!   transition, where the solution's rank is high and the dual system is the smaller one);
//! * `robust`: for robust PCA, where the misfit is a sum of magnitudes: splitting with partial decompositions, then the
//!   equations that hold exactly once rank and outliers are known;
//! * `splitting`: plain Douglas-Rachford, the twin that all are tested against.
//!
//! [`solve`] chooses, finishes and certifies.

mod alternating;
mod anderson;
mod augmented_lagrangian;
mod cone;
mod elimination;
mod instance;
mod monitor;
mod newton;
mod path;
mod polish;
mod preconditioner;
mod rank_constrained;
mod robust;
mod shrinkage;
mod splitting;
mod widths;

pub use monitor::{Observer, Record};
pub use rank_constrained::LocalUniqueness;

use std::time::Duration;

use crate::certificate::{Certificate, certify_beside};
use crate::domain::Domain;
use crate::error::Error;
use crate::factors::Factors;
use crate::flatness::Weights;
use crate::linalg::vector::max_abs;
use crate::map::Entries;
use crate::problem::{Fit, Problem};
use crate::signed::SignedFactors;
use instance::{Instance, Outcome};
pub(crate) use monitor::Monitor;
use rank_constrained::{Constrained, Search};
use widths::Widths;

/// How a run ended. None of these is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// The relative gap, and the infeasibility, are proved to be at most the tolerance.
    Certified,
    /// The method ended by its own criterion, but the proof is not that tight.
    Converged,
    /// The steps or the time ran out.
    Budget,
    /// The observer asked to stop.
    Interrupted,
}

impl Status {
    /// As results and rows say it.
    pub fn name(self) -> &'static str {
        match self {
            Status::Certified => "certified",
            Status::Converged => "converged",
            Status::Budget => "budget",
            Status::Interrupted => "interrupted",
        }
    }
}

/// Which method to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// By predicted cost.
    #[default]
    Auto,
    /// Factored path-following.
    Path,
    /// Alternating least squares, for penalised completion; other problems are solved as by `Auto`.
    Alternating,
    /// Semismooth Newton on the dual, m×m systems.
    AugmentedLagrangian,
    /// Plain Douglas-Rachford: slow and simple.
    Splitting,
}

/// Settings of a run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Relative gap at which the run may stop. Default 1e-8: six digits of X on a well-posed problem.
    pub tolerance: f64,
    /// Most steps (Newton steps, or iterations of the splitting). Default 20,000: the twin's worst case at the transition.
    pub max_iterations: usize,
    /// Most wall-clock time. Default: none.
    pub time_limit: Option<Duration>,
    /// Most columns of the factors. Default: as many as the convex solution needs.
    pub rank: Option<usize>,
    /// Of exact data: the fewest columns that meet them, at most `rank` of them.
    pub fewest: bool,
    /// Of what is random: only the restarts of a search for few columns.
    pub seed: u64,
    /// Most columns of U1 in X = U1U1ᵀ − U2U2ᵀ, in the symmetric domains. Default: no limit of its own.
    pub positive: Option<usize>,
    /// Most columns of U2.
    pub negative: Option<usize>,
    /// Default: by predicted cost.
    pub method: Method,
    /// Factors of an X near the solution, as of a neighbouring λ, for alternating least squares to begin with; the other
    /// methods have no use for them. Default: none.
    pub start: Option<Factors>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            tolerance: 1e-8,
            max_iterations: 20_000,
            time_limit: None,
            rank: None,
            fewest: false,
            seed: 0,
            positive: None,
            negative: None,
            method: Method::Auto,
            start: None,
        }
    }
}

impl Settings {
    /// With another tolerance.
    pub fn with_tolerance(self, tolerance: f64) -> Self {
        Settings { tolerance, ..self }
    }

    /// With another number of steps.
    pub fn with_max_iterations(self, max_iterations: usize) -> Self {
        Settings {
            max_iterations,
            ..self
        }
    }

    /// With another time limit.
    pub fn with_time_limit(self, time_limit: Option<Duration>) -> Self {
        Settings { time_limit, ..self }
    }

    /// With another rank.
    pub fn with_rank(self, rank: Option<usize>) -> Self {
        Settings { rank, ..self }
    }

    /// With the fewest columns that meet exact data.
    pub fn with_fewest(self, fewest: bool) -> Self {
        Settings { fewest, ..self }
    }

    /// With another seed.
    pub fn with_seed(self, seed: u64) -> Self {
        Settings { seed, ..self }
    }

    /// With at most `positive` columns of U1 and `negative` ones of U2 (the hidden units of a quadratic network).
    pub fn with_widths(self, positive: Option<usize>, negative: Option<usize>) -> Self {
        Settings {
            positive,
            negative,
            ..self
        }
    }

    /// With another method.
    pub fn with_method(self, method: Method) -> Self {
        Settings { method, ..self }
    }

    /// With factors to begin with.
    pub fn with_start(self, start: Option<Factors>) -> Self {
        Settings { start, ..self }
    }

    pub(crate) fn check(&self, domain: Domain) -> Result<(), Error> {
        if !(self.tolerance > 0.0 && self.tolerance < 1.0) {
            let found = self.tolerance.to_string();
            return Err(Error::Setting {
                name: "tol",
                found,
                expected: "a number between 0 and 1",
            });
        }
        if self.rank == Some(0) {
            return Err(Error::Setting {
                name: "rank",
                found: "0".into(),
                expected: "at least 1",
            });
        }
        if (self.positive.is_some() || self.negative.is_some()) && !domain.is_symmetric() {
            return Err(Error::Setting {
                name: "widths",
                found: "some".into(),
                expected: "none, unless X is symmetric",
            });
        }
        Ok(())
    }
}

/// What a run found, with its proof.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Solution {
    /// Flat factors of X: W1 L and W2 R are balanced. In a symmetric domain they are ([U1 U2], [U1 −U2]), see
    /// [`SignedFactors`], each part largest first. Their columns are the rank of X, padded with zeros to the rank asked
    /// for where that is larger.
    pub factors: Factors,
    /// λ, one number a measurement.
    pub dual: Vec<f64>,
    /// The weights of the problem's objective, which cost a pass or two over the data.
    pub weights: Weights,
    /// What is proved.
    pub certificate: Certificate,
    /// How the run ended.
    pub status: Status,
    /// Steps taken.
    pub iterations: usize,
    /// How often a search for few columns was started again.
    pub restarts: usize,
    /// Of a search for few columns: whether other matrices of that rank meet the data nearby.
    pub local: Option<LocalUniqueness>,
    /// The method that gave the result.
    pub method: &'static str,
    /// The course of the run.
    pub history: Vec<Record>,
}

impl Solution {
    /// S of an absolute fit, one number a measurement: y − A(X) where the multiplier is at its level, which is where S may
    /// differ from zero; exactly zero elsewhere. What y − A(X) is there is the error of the solution.
    pub fn outliers(&self, problem: &Problem) -> Vec<f64> {
        let image = problem
            .map()
            .apply_factored(self.factors.l.as_ref(), self.factors.r.as_ref());
        let level = max_abs(&self.dual) * (1.0 - 1e-9);
        let outlier = |((y, x), lambda): ((&f64, f64), &f64)| {
            if lambda.abs() >= level { y - x } else { 0.0 }
        };
        problem
            .data()
            .iter()
            .zip(image)
            .zip(&self.dual)
            .map(outlier)
            .collect()
    }
}

/// Solves the problem and certifies what it found.
///
/// ```
/// use flatmin::map::Dense;
/// use flatmin::random::Stream;
/// use flatmin::solve::{Observer, Settings, Status, solve};
/// use flatmin::{Fit, Objective, Problem};
///
/// // A 6 × 5 matrix of rank one from 28 random measurements.
/// let mut stream = Stream::new(1);
/// let truth = stream.low_rank((6, 5), 1, 1.0);
/// let map = Dense::new(stream.normals(28 * 30), 28, (6, 5))?;
/// let y = flatmin::map::MeasurementMap::apply_dense(&map, truth.as_ref());
/// let problem = Problem::new(Box::new(map), y, Fit::Exact, Objective::Flat)?;
///
/// let settings = Settings::default().with_tolerance(1e-9);
/// let solution = solve(&problem, &settings, &Observer::default())?;
/// assert_eq!(solution.status, Status::Certified);
/// assert!((solution.factors.dense() - truth).norm_l2() < 1e-6);
/// # Ok::<(), flatmin::Error>(())
/// ```
///
/// # Errors
/// Settings out of range, a start of another shape, a singular D1 or D2 under a weighted objective, contradictory exact data.
/// Running out of steps or time is a [`Status`].
pub fn solve(problem: &Problem, settings: &Settings, observer: &Observer<'_>) -> Result<Solution, Error> {
    settings.check(problem.domain())?;
    if let Some(start) = &settings.start {
        start.check(problem.map().shape())?;
    }
    let weights = Weights::new(problem.map(), problem.objective())?;
    let mut monitor = Monitor::new(settings, observer);
    let instance = Instance::new(problem, &weights, settings.tolerance);
    let constrained = if instance.is_trivial() {
        instance.zero().into()
    } else {
        run(&instance, settings, &mut monitor)?
    };
    let outcome = &constrained.outcome;
    let capped = settings.fewest || Widths::asked(settings, problem.map().shape()).is_some();
    if outcome.stopped.is_none() && problem.fit() == Fit::Exact && !capped {
        instance.check_consistency(outcome)?;
    }
    let found = instance.unscale(constrained)?;
    finish(problem, weights, settings, found, monitor)
}

/// Where the m×m systems of the augmented Lagrangian end: their memory and cubic cost.
const DUAL_LIMIT: usize = 6000;
/// Entries from which alternating least squares are faster to a gap of [`COARSE`] or more, the sooner the higher the rank.
const COARSE_LIMIT: usize = 1000;
/// See [`COARSE_LIMIT`].
const COARSE: f64 = 1e-5;
/// Where its d1×d2 decompositions end.
const DENSE_LIMIT: usize = 1 << 21;

/// Relative residual of the splitting that starts the augmented Lagrangian, and the most evaluations spent on it: each costs a
/// tenth of a Newton step, and saves about as much.
const WARM: f64 = 1e-4;
/// See [`WARM`].
const WARM_EVALUATIONS: usize = 100;

/// A lower bound this many times the size of Z shows that nothing fits the data: the dual problem is unbounded.
const DIVERGED: f64 = 1e4;

/// The one place where a method is chosen.
///
/// The path costs a system of (d1 + d2)p unknowns a step (d·p in a symmetric domain), the augmented Lagrangian one of m: the
/// path goes first, because above the transition p is small, and hands over once p has grown so far that the dual system is
/// the smaller one.
///
/// A rank below that of the convex solution makes another problem: for exact data see `rank_constrained`.
fn run(
    instance: &Instance<'_>,
    settings: &Settings,
    monitor: &mut Monitor<'_>,
) -> Result<Constrained, Error> {
    if instance.fit.is_absolute() && settings.method == Method::Auto {
        return robust::solve(instance, settings, monitor);
    }
    let (d1, d2) = instance.map.shape();
    if let Some((entries, mu)) = penalised_entries(instance, settings) {
        let limit = settings.rank.unwrap_or(usize::MAX).min(d1).min(d2);
        return Ok(alternating::solve(instance, (entries, mu), (settings, limit), monitor)?.into());
    }
    let dual_fits = instance.b.len() <= DUAL_LIMIT && d1 * d2 <= DENSE_LIMIT;
    let asked = Widths::asked(settings, (d1, d2));
    if instance.fit == Fit::Exact && (settings.fewest || asked.is_some()) {
        let search = Search::new(instance, settings, asked);
        return rank_constrained::solve(instance, &search, dual_fits, monitor);
    }
    let outcome = match asked {
        None => run_convex(instance, settings, dual_fits, monitor)?,
        Some(widths) => {
            let limits = path::Limits {
                widths,
                unknowns: usize::MAX,
            };
            path::follow(instance, settings, limits, monitor)?.outcome()
        }
    };
    Ok(outcome.into())
}

/// The entries and the μ of a problem for alternating least squares: penalised completion, by default where the systems of
/// the other methods are too large to be formed, or would cost more than they are worth at the gap asked for.
fn penalised_entries<'a>(instance: &Instance<'a>, settings: &Settings) -> Option<(&'a Entries, f64)> {
    let m = instance.b.len();
    let large = m > DUAL_LIMIT || (m > COARSE_LIMIT && settings.tolerance >= COARSE);
    let wanted = match settings.method {
        Method::Alternating => true,
        Method::Auto => large,
        _ => false,
    };
    match instance.fit {
        Fit::Penalised(mu) if wanted => Some((instance.map.map().as_entries()?, mu)),
        _ => None,
    }
}

/// The convex problem, whatever the rank of its solution.
fn run_convex(
    instance: &Instance<'_>,
    settings: &Settings,
    dual_fits: bool,
    monitor: &mut Monitor<'_>,
) -> Result<Outcome, Error> {
    let widths = Widths::free(instance.map.shape());
    let unknowns = if matches!(settings.method, Method::Auto | Method::Alternating) && dual_fits {
        instance.b.len()
    } else {
        usize::MAX
    };
    match settings.method {
        Method::Splitting => splitting::douglas_rachford(instance, settings, monitor),
        Method::AugmentedLagrangian => on_the_dual(instance, settings, instance.zero(), monitor),
        Method::Path | Method::Auto | Method::Alternating => {
            match path::follow(instance, settings, path::Limits { widths, unknowns }, monitor)? {
                path::End::Finished(outcome) => Ok(outcome),
                path::End::HandOver(start) => on_the_dual(instance, settings, start, monitor),
            }
        }
    }
}

/// The augmented Lagrangian after a warm start.
fn on_the_dual(
    instance: &Instance<'_>,
    settings: &Settings,
    start: Outcome,
    monitor: &mut Monitor<'_>,
) -> Result<Outcome, Error> {
    let start = splitting::warm_start(instance, &start, WARM, WARM_EVALUATIONS, monitor)?;
    augmented_lagrangian::solve(instance, settings, start, monitor)
}

/// Back to X; the proof; the status.
fn finish(
    problem: &Problem,
    weights: Weights,
    settings: &Settings,
    found: Constrained,
    monitor: Monitor<'_>,
) -> Result<Solution, Error> {
    let Constrained {
        outcome,
        restarts,
        local,
        moved,
    } = found;
    let z = Factors {
        l: outcome.l,
        r: outcome.r,
    };
    let factors = restore(problem, &weights, &z)?;
    let certificate = certify_beside(problem, &weights, &factors, (&outcome.lambda, moved))?;
    let status = match outcome.stopped {
        _ if certificate.proves(settings.tolerance) => Status::Certified,
        Some(status) => status,
        None => Status::Converged,
    };
    Ok(Solution {
        factors: match settings.rank {
            Some(k) => factors.padded(k),
            None => factors,
        },
        dual: outcome.lambda,
        weights,
        certificate,
        status,
        iterations: monitor.iterations(),
        restarts,
        local,
        method: outcome.method,
        history: monitor.into_history(),
    })
}

/// The factors of X from those of Z; in a symmetric domain positive columns first, and R = L S to the last bit.
fn restore(problem: &Problem, weights: &Weights, z: &Factors) -> Result<Factors, Error> {
    if !problem.domain().is_symmetric() {
        let (l, r) = weights.restore(z.l.as_ref(), z.r.as_ref());
        return Ok(Factors { l, r });
    }
    let parts = SignedFactors::of(z)?;
    let restored = SignedFactors {
        u1: weights.left.inverse_times(parts.u1.as_ref()),
        u2: weights.left.inverse_times(parts.u2.as_ref()),
    };
    Ok(restored.factors())
}
