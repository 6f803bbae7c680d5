//! The flattest chain on the zero-loss set: min T(W) s.t. r(W) = 0, by an augmented Lagrangian
//!
//!   T(W) + ⟨ν, r(W)⟩ + σ/2·‖r(W)‖²,   ν ← ν + σ·r,
//!
//! minimised by L-BFGS, from the flattest chain of the two-factor solution and from random ones. The problem is not convex:
//! the least of the stationary points found is returned, and no bound is claimed.

use faer::Mat;

use super::objective::{Evaluation, Objective};
use super::{Chain, flattest};
use crate::domain::Domain;
use crate::error::Error;
use crate::linalg::quasi_newton::Memory;
use crate::linalg::vector::{axpy, dot, norm};
use crate::problem::{Fit, Problem};
use crate::random::Stream;
use crate::solve::{Monitor, Observer, Record, Settings, Status};

/// ‖∇T + Jᵀν‖/‖∇T‖ at which a point is stationary: the trace is then off by about the square.
const STATIONARY: f64 = 1e-6;
/// First σ over T, and its growth when the residual has not fallen to a quarter.
const FIRST: f64 = 10.0;
/// See [`FIRST`].
const GROWTH: f64 = 4.0;
/// Largest σ over T: beyond, the subproblems are too stiff for L-BFGS.
const LARGEST: f64 = 1e5;
/// Rounds of one start, and the most steps of one round.
const ROUNDS: usize = 40;
/// See [`ROUNDS`].
const STEPS: usize = 400;

/// Where to search.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Search {
    /// K, at least 2.
    pub depth: usize,
    /// All hidden widths. Default: min(d_0, d_K), beyond which no chain is flatter.
    pub width: Option<usize>,
    /// Random starting points beside that of the two-factor solution. Default 1: where it ends at the same trace, the other
    /// start was no accident.
    pub random_starts: usize,
    /// Of the random numbers.
    pub seed: u64,
}

impl Search {
    /// The default search at this depth.
    pub fn new(depth: usize) -> Self {
        Search {
            depth,
            width: None,
            random_starts: 1,
            seed: 0,
        }
    }

    /// The same with hidden layers of `width` columns each.
    pub fn with_width(self, width: Option<usize>) -> Self {
        Search { width, ..self }
    }

    /// The same with so many random starts.
    pub fn with_random_starts(self, random_starts: usize) -> Self {
        Search {
            random_starts,
            ..self
        }
    }

    /// The same with other random numbers.
    pub fn with_seed(self, seed: u64) -> Self {
        Search { seed, ..self }
    }

    /// d_0, …, d_K.
    fn widths(&self, shape: (usize, usize)) -> Result<Vec<usize>, Error> {
        let hidden = self.width.unwrap_or(shape.0.min(shape.1));
        for (name, value, least, expected) in [
            ("depth", self.depth, 2, "at least 2"),
            ("width", hidden, 1, "at least 1"),
        ] {
            if value < least {
                return Err(Error::Setting {
                    name,
                    found: value.to_string(),
                    expected,
                });
            }
        }
        let mut widths = vec![hidden; self.depth + 1];
        (widths[0], widths[self.depth]) = shape;
        Ok(widths)
    }
}

/// What a search found. Nothing here is proved.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Solution {
    /// The flattest chain found.
    pub chain: Chain,
    /// tr D²f there.
    pub trace: f64,
    /// ‖A(X) − y‖₂ / ‖y‖₂.
    pub residual: f64,
    /// ‖∇T + Jᵀν‖/‖∇T‖ with the best ν.
    pub stationarity: f64,
    /// tr D²f at the end of every start that ended on the zero-loss set, that of the two-factor solution first if it has one.
    pub ends: Vec<f64>,
    /// `Converged`, `Budget` or `Interrupted`; never `Certified`.
    pub status: Status,
    /// L-BFGS steps taken.
    pub iterations: usize,
    /// The course of the run: traces, residuals.
    pub history: Vec<Record>,
}

/// Searches the zero-loss set of `problem`, whose fit has to be exact, for its flattest chain. Of the settings, `rank` and
/// `method` have no meaning here; `tolerance` is that of the residual.
///
/// # Errors
/// Settings out of range; a fit other than exact; contradictory data.
pub fn solve(
    problem: &Problem,
    search: &Search,
    settings: &Settings,
    observer: &Observer<'_>,
) -> Result<Solution, Error> {
    settings.check(Domain::General)?;
    if problem.fit() != Fit::Exact {
        return Err(Error::Setting {
            name: "fit",
            found: format!("{:?}", problem.fit()),
            expected: "exact data: flatness is measured on the zero-loss set",
        });
    }
    let map = problem.map();
    let widths = search.widths(map.shape())?;
    let (d0, dk) = map.shape();
    let energy = map.left_gram().trace() / (d0 * dk) as f64;
    let unit = norm(problem.data()) / energy.sqrt();
    if unit == 0.0 || energy == 0.0 {
        return Ok(zero(&widths));
    }
    let y = problem.data().iter().map(|y| y / norm(problem.data())).collect();
    let mut run = Run {
        objective: Objective::new(map, y),
        // T in the units of tr D²f: W_j scales with the K-th root of X.
        trace_unit: 2.0 * energy * unit.powf(2.0 - 2.0 / search.depth as f64),
        tolerance: settings.tolerance,
        width: widths[1],
        monitor: Monitor::new(settings, observer),
    };
    let mut ends = Vec::new();
    for start in starts(problem, &widths, search, settings, observer, unit)? {
        let end = run.minimise(start);
        let stopped = end.stopped;
        ends.push(end);
        if stopped.is_some() {
            break;
        }
    }
    run.conclude(ends, unit)
}

/// X = 0 needs no search.
fn zero(widths: &[usize]) -> Solution {
    Solution {
        chain: Chain {
            layers: widths.windows(2).map(|w| Mat::zeros(w[0], w[1])).collect(),
        },
        trace: 0.0,
        residual: 0.0,
        stationarity: 0.0,
        ends: vec![0.0],
        status: Status::Converged,
        iterations: 0,
        history: Vec::new(),
    }
}

/// The flattest chain (for A = identity) of the two-factor solution, over `unit`, where there is one that fits the widths;
/// random chains of norm about 1.
fn starts(
    problem: &Problem,
    widths: &[usize],
    search: &Search,
    settings: &Settings,
    observer: &Observer<'_>,
    unit: f64,
) -> Result<Vec<Chain>, Error> {
    let quiet = Observer {
        progress: None,
        ..*observer
    };
    let two = Settings::default().with_time_limit(settings.time_limit);
    let mut starts = match crate::solve::solve(problem, &two, &quiet) {
        Ok(two) => {
            let mut x = two.factors.svd()?;
            x.s.iter_mut().for_each(|s| *s /= unit);
            flattest(&x, widths).into_iter().collect()
        }
        // Two factors may leave D1 or D2 singular; the search goes on without them.
        Err(Error::SingularRescaling { .. }) => Vec::new(),
        Err(error) => return Err(error),
    };
    let random = search.random_starts.max(usize::from(starts.is_empty()));
    for stream in 0..random {
        let mut stream = Stream::of_trial(search.seed, "chain", "start", stream as u64);
        let layers = widths.windows(2).map(|w| stream.normal_matrix(w[0], w[1]));
        let chain = Chain {
            layers: layers.collect(),
        };
        let by = chain.product().norm_l2().powf(-1.0 / search.depth as f64);
        let entries: Vec<f64> = chain.flatten().iter().map(|v| v * by).collect();
        starts.push(chain.with_entries(&entries));
    }
    Ok(starts)
}

/// Where one start ended.
struct End {
    at: Evaluation,
    stationarity: f64,
    stopped: Option<Status>,
}

struct Run<'a> {
    objective: Objective<'a>,
    trace_unit: f64,
    tolerance: f64,
    width: usize,
    monitor: Monitor<'a>,
}

impl Run<'_> {
    fn minimise(&mut self, start: Chain) -> End {
        let mut at = self.objective.evaluate(start);
        let mut nu = vec![0.0; at.residual.len()];
        if norm(&at.residual) <= 1e-4 {
            nu = self.multiplier(&at);
        }
        let (mut sigma, mut accuracy) = (FIRST * at.trace.max(1.0), 1e-2);
        let mut stopped = None;
        for _ in 0..ROUNDS {
            let before = norm(&at.residual);
            (at, stopped) = self.round(at, &nu, sigma, accuracy);
            if stopped.is_some() {
                break;
            }
            axpy(sigma, &at.residual, &mut nu);
            let after = norm(&at.residual);
            let finished = after <= 0.1 * self.tolerance && accuracy <= STATIONARY;
            if finished {
                break;
            }
            if after > 0.25 * before && after > 0.1 * self.tolerance {
                sigma = (GROWTH * sigma).min(LARGEST * at.trace.max(1.0));
            }
            accuracy = (0.2 * accuracy).max(0.5 * STATIONARY);
        }
        at = self.restore(at);
        let stationarity = self.stationarity(&at);
        End {
            at,
            stationarity,
            stopped,
        }
    }

    /// L-BFGS on the augmented Lagrangian until its gradient is `accuracy` times that of T.
    fn round(
        &mut self,
        mut at: Evaluation,
        nu: &[f64],
        sigma: f64,
        accuracy: f64,
    ) -> (Evaluation, Option<Status>) {
        let value = |at: &Evaluation| {
            at.trace + dot(nu, &at.residual) + 0.5 * sigma * dot(&at.residual, &at.residual)
        };
        let pulled = |at: &Evaluation| {
            let mut pull = nu.to_vec();
            axpy(sigma, &at.residual, &mut pull);
            pull
        };
        let size = norm(&self.objective.gradient(&at, &vec![0.0; nu.len()]));
        let mut gradient = self.objective.gradient(&at, &pulled(&at));
        let mut memory = Memory::default();
        for _ in 0..STEPS {
            if norm(&gradient) <= accuracy * size {
                break;
            }
            if let Some(status) = self.monitor.step() {
                return (at, Some(status));
            }
            let mut direction = memory.direction(&gradient);
            if dot(&direction, &gradient) >= 0.0 {
                memory.clear();
                direction = memory.direction(&gradient);
            }
            let slope = dot(&direction, &gradient);
            let (here, entries) = (value(&at), at.chain.flatten());
            let mut length = 1.0;
            let next = loop {
                let mut moved = entries.clone();
                axpy(length, &direction, &mut moved);
                let next = self.objective.evaluate(at.chain.with_entries(&moved));
                if value(&next) <= here + 1e-4 * length * slope + 1e-14 * here.abs() {
                    break Some(next);
                }
                length *= 0.5;
                if length < 1e-10 {
                    break None;
                }
            };
            let Some(next) = next else { break };
            let turned = self.objective.gradient(&next, &pulled(&next));
            let mut change = turned.clone();
            axpy(-1.0, &gradient, &mut change);
            direction.iter_mut().for_each(|d| *d *= length);
            memory.push(direction, change);
            (at, gradient) = (next, turned);
            self.monitor
                .record_unbounded(self.trace_unit * at.trace, norm(&at.residual), self.width);
        }
        (at, None)
    }

    /// Back onto the zero-loss set: Gauss-Newton steps of least length.
    fn restore(&self, mut at: Evaluation) -> Evaluation {
        for _ in 0..4 {
            let misfit = norm(&at.residual);
            if misfit <= 1e-14 {
                break;
            }
            let step = self
                .objective
                .jacobian_adjoint(&at, &self.objective.solve_normal(&at, &at.residual, 1e-10));
            let mut entries = at.chain.flatten();
            axpy(-1.0, &step, &mut entries);
            let next = self.objective.evaluate(at.chain.with_entries(&entries));
            let after = norm(&next.residual);
            if after.is_nan() || after >= misfit {
                break;
            }
            at = next;
        }
        at
    }

    /// The ν that brings ∇T + Jᵀν nearest to zero.
    fn multiplier(&self, at: &Evaluation) -> Vec<f64> {
        let gradient = self.objective.gradient(at, &vec![0.0; at.residual.len()]);
        let mut nu = self
            .objective
            .solve_normal(at, &self.objective.jacobian_times(at, &gradient), 1e-10);
        nu.iter_mut().for_each(|v| *v = -*v);
        nu
    }

    fn stationarity(&self, at: &Evaluation) -> f64 {
        let size = norm(&self.objective.gradient(at, &vec![0.0; at.residual.len()]));
        let rest = self.objective.gradient(at, &self.multiplier(at));
        if size > 0.0 { norm(&rest) / size } else { 0.0 }
    }

    /// The least trace among the ends that fit the data, else the end nearest to them.
    fn conclude(self, ends: Vec<End>, unit: f64) -> Result<Solution, Error> {
        let fits = |end: &End| norm(&end.at.residual) <= self.tolerance;
        let traces = ends
            .iter()
            .filter(|end| fits(end))
            .map(|end| self.trace_unit * end.at.trace)
            .collect();
        let stopped = ends.last().and_then(|end| end.stopped);
        let better = |a: &End, b: &End| match (fits(a), fits(b)) {
            (true, true) => a.at.trace < b.at.trace,
            (true, false) => true,
            (false, true) => false,
            (false, false) => norm(&a.at.residual) < norm(&b.at.residual),
        };
        let best = ends
            .into_iter()
            .reduce(|best, end| if better(&end, &best) { end } else { best })
            .ok_or(Error::Numerical("a search without starts"))?;
        let converged = fits(&best) && best.stationarity <= 10.0 * STATIONARY;
        let by = unit.powf(1.0 / best.at.chain.depth() as f64);
        let entries: Vec<f64> = best.at.chain.flatten().iter().map(|v| v * by).collect();
        Ok(Solution {
            chain: best.at.chain.with_entries(&entries),
            trace: self.trace_unit * best.at.trace,
            residual: norm(&best.at.residual),
            stationarity: best.stationarity,
            ends: traces,
            status: match stopped {
                Some(status) => status,
                None if converged => Status::Converged,
                None => Status::Budget,
            },
            iterations: self.monitor.iterations(),
            history: self.monitor.into_history(),
        })
    }
}
