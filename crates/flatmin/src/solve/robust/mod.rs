//! Robust PCA:  min ‖X‖_* + θ‖A(X) − y‖_1,  or  min ‖X‖_* s.t. ‖A(X) − y‖_1 ≤ τ,  where A observes entries of X, all or some.
//!
//! 1. Douglas-Rachford splitting with a falling step t (which is the augmented Lagrangian method of Lin, Chen and Ma,
//!    arXiv 1009.5055, with penalty 1/t): it finds the rank and the outliers in a few steps, each a partial decomposition
//!    started from the last one.
//! 2. Once those have settled, the exact equations that they leave (`completion`).
//! 3. Where that fails, because the data are noisy or the outliers too many, the same splitting at a fixed step to the end:
//!    with Anderson acceleration or, where its memory would be too large, relaxed (Eckstein, Bertsekas, Math. Program. 55,
//!    1992).
//!
//! Large recordings, far longer one way than the other, take relaxed steps from the start, in single precision (`tall`).

mod completion;
mod level;
mod observations;
mod rows;
mod singular;
mod tall;

pub(super) use level::Level;

use faer::{Mat, MatRef};

use super::anderson::Anderson;
use super::instance::{Instance, Outcome};
use super::monitor::Monitor;
use super::rank_constrained::Constrained;
use super::{Settings, Status};
use crate::certificate::{ROUNDS, approach};
use crate::error::Error;
use crate::linalg::dense::Svd;
use crate::linalg::operator_norm::upper_bound;
use crate::linalg::vector::{dot, max_abs};
use observations::{Observations, form};
use rows::relaxed_step;
use singular::{Shrinkage, is_tall, rough_norm};

/// The first t is this share of ‖Y‖_op, as in the augmented Lagrangian method.
const FIRST: f64 = 0.8;
/// t falls by this factor a step.
const FALL: f64 = 1.5;
/// The last t is this many mean magnitudes of Y: between a quarter and twice as many made little difference where
/// recovery fails, and where it succeeds the rank and the outliers are known before.
const LAST: f64 = 2.0;
/// Steps at the last t before the acceleration starts.
const PLAIN: usize = 10;
/// The t, in mean magnitudes of Y, that data too large for the acceleration start their relaxed steps at, and what it falls by
/// at a look and to: a large t brings λ near its end sooner, a small one X. On films.
const RELAXED: [f64; 3] = [4.0, 1.4, 0.5];
/// The steps before those at the first t.
const PLAIN_RELAXED: usize = 2;
/// Iterates kept for the extrapolation.
const MEMORY: usize = 15;
/// The usual limits: a recording of 4 million entries takes seconds in single precision, and minutes to extrapolate.
const LIMITS: Limits = Limits {
    memory: 1 << 26,
    large: 1 << 22,
};
/// Fewer iterates than this are no help.
const LEAST_MEMORY: usize = 4;
/// The length of a relaxed step; it has to be below 2.
const RELAXATION: f64 = 1.8;
/// Steps between two looks at the gap.
const CHECK: usize = 10;
/// Relative change of v below which the exact equations are tried, and the fall of it before they are tried again.
const SETTLED: f64 = 1e-2;
/// See [`SETTLED`].
const AGAIN: f64 = 0.25;
/// Projections of a multiplier divide what its bound falls short of by ten to fifty: where that is more than this many times the
/// tolerance they are not tried.
const HOPE: f64 = 50.0;
/// A rough norm below this leaves no doubt that the norm is below 1.
const CLEARLY_BELOW: f64 = 0.97;
/// The share of the tolerance at which a run ends: the certificate rounds otherwise.
const MARGIN: f64 = 0.9;
/// Relative change of v that is rounding.
const ROUNDING: f64 = 1e-15;

/// What decides among the methods.
#[derive(Clone, Copy)]
struct Limits {
    /// The most numbers that the iterates kept for the extrapolation may take.
    memory: usize,
    /// Entries from which on tall matrices are kept in single precision.
    large: usize,
}

/// The error of a method that cannot treat an absolute fit.
pub(super) fn unsupported(method: &str) -> Error {
    Error::Setting {
        name: "the method for an absolute fit (robust PCA)",
        found: method.into(),
        expected: "auto or splitting",
    }
}

/// Solves the instance.
///
/// # Errors
/// A map that does not observe single entries; a rank below that of the convex solution; a failed decomposition.
pub(super) fn solve(
    instance: &Instance<'_>,
    settings: &Settings,
    monitor: &mut Monitor<'_>,
) -> Result<Constrained, Error> {
    solve_within(LIMITS, instance, settings, monitor)
}

/// The same within other limits.
fn solve_within(
    limits: Limits,
    instance: &Instance<'_>,
    settings: &Settings,
    monitor: &mut Monitor<'_>,
) -> Result<Constrained, Error> {
    let (d1, d2) = instance.map.shape();
    let capacity = MEMORY.min(limits.memory / (2 * d1 * d2));
    let (outcome, moved) = if d1 * d2 >= limits.large && tall::serves(instance, settings) {
        tall::solve(instance, settings, monitor)?
    } else {
        let mut run = Run::new(instance, settings, capacity)?;
        let outcome = match run.fall(monitor)? {
            Some(outcome) => outcome,
            None => run.accelerate(monitor)?,
        };
        (outcome, None)
    };
    if outcome.stopped.is_none() && settings.rank.is_some_and(|rank| rank < outcome.l.ncols()) {
        return Err(Error::Setting {
            name: "rank",
            found: settings.rank.unwrap_or(0).to_string(),
            expected: "at least the rank of the convex solution, below which robust PCA is another problem",
        });
    }
    Ok(Constrained {
        moved,
        ..outcome.into()
    })
}

struct Run<'a, 'b> {
    instance: &'b Instance<'a>,
    settings: &'b Settings,
    /// Iterates that the acceleration may keep.
    capacity: usize,
    data: Observations,
    shrinkage: Shrinkage,
    t: f64,
    /// The variable of the splitting.
    v: Vec<f64>,
    /// Its proximal step X, and that matrix formed.
    x: Svd,
    dense: Vec<f64>,
    /// (v − X)/t = A*(λ) after a step.
    step: Step,
    /// The relative change at the last attempt at the exact equations.
    attempted: f64,
}

/// What a step leaves.
#[derive(Clone, Copy)]
struct Step {
    /// ‖change of v‖/‖Y‖.
    change: f64,
    /// max |λ_i|.
    level: f64,
    /// The rank before it.
    last_rank: usize,
}

/// Value, bound and violation of a candidate, by ordinary arithmetic.
struct Judged {
    value: f64,
    bound: f64,
    violation: f64,
}

impl<'a, 'b> Run<'a, 'b> {
    fn new(instance: &'b Instance<'a>, settings: &'b Settings, capacity: usize) -> Result<Self, Error> {
        let data = Observations::new(instance)?;
        let ((d1, d2), size) = (data.shape, rough_norm(&data.y, data.shape));
        // v = t·W with a feasible W along Y.
        let price = match data.level {
            Level::Threshold(theta) => max_abs(&data.y) / theta,
            Level::Ball(_) => 0.0,
        };
        let t = FIRST * size;
        let share = t / size.max(price);
        Ok(Run {
            v: data.y.iter().map(|y| share * y).collect(),
            instance,
            settings,
            capacity,
            data,
            shrinkage: Shrinkage::new(),
            t,
            dense: vec![0.0; d1 * d2],
            x: Svd {
                u: Mat::zeros(d1, 0),
                s: Vec::new(),
                v: Mat::zeros(d2, 0),
            },
            step: Step {
                change: f64::INFINITY,
                level: 0.0,
                last_rank: 0,
            },
            attempted: SETTLED / AGAIN,
        })
    }

    /// One evaluation of the splitting at `v`, from step t to `next`: v after it, the rest in `self`.
    fn advance(&mut self, v: Vec<f64>, next: f64) -> Result<Vec<f64>, Error> {
        self.advance_relaxed(v, next, 1.0)
    }

    fn advance_relaxed(&mut self, mut v: Vec<f64>, next: f64, relaxation: f64) -> Result<Vec<f64>, Error> {
        let (d1, d2) = self.data.shape;
        let last_rank = self.x.s.len();
        self.x = self
            .shrinkage
            .apply(MatRef::from_column_major_slice(&v, d1, d2), self.t)?;
        form(&self.x, &mut self.dense);
        let (change, level) = self
            .data
            .advance(&mut v, &self.dense, (next / self.t, next), relaxation);
        self.t = next;
        self.step = Step {
            change: change / self.data.size,
            level: level / next,
            last_rank,
        };
        Ok(v)
    }

    /// Phase 1; `None`: neither exact nor stopped.
    fn fall(&mut self, monitor: &mut Monitor<'_>) -> Result<Option<Outcome>, Error> {
        let (last, most) = if self.capacity < LEAST_MEMORY {
            (RELAXED[0], PLAIN_RELAXED)
        } else {
            (LAST, PLAIN)
        };
        let last = (last * self.data.mean).min(self.t);
        let mut plain = 0;
        while plain < most {
            if let Some(status) = monitor.step() {
                return Ok(Some(self.outcome(Some(status))));
            }
            let v = std::mem::take(&mut self.v);
            self.v = self.advance(v, (self.t / FALL).max(last))?;
            plain += usize::from(self.t == last);
            self.record(monitor, 0.0);
            if let Some(outcome) = self.try_exact(monitor)? {
                return Ok(Some(outcome));
            }
        }
        Ok(None)
    }

    /// Phase 3.
    fn accelerate(&mut self, monitor: &mut Monitor<'_>) -> Result<Outcome, Error> {
        if self.capacity < LEAST_MEMORY {
            return self.relax(monitor);
        }
        let mut memory = Anderson::new(self.capacity);
        let mut v = std::mem::take(&mut self.v);
        self.v = self.advance(v.clone(), self.t)?;
        for evaluation in 1.. {
            if let Some(status) = monitor.step() {
                return Ok(self.outcome(Some(status)));
            }
            if evaluation % CHECK == 0 || self.step.change <= ROUNDING {
                if let Some(outcome) = self.look(monitor)? {
                    return Ok(outcome);
                }
                if let Some(outcome) = self.try_exact(monitor)? {
                    return Ok(outcome);
                }
            }
            let (size, image) = (self.step.change, std::mem::take(&mut self.v));
            let change: Vec<f64> = image.iter().zip(&v).map(|(image, v)| image - v).collect();
            if let Some(candidate) = memory.extrapolate(&v, &change) {
                let tried = self.advance(candidate.clone(), self.t)?;
                if self.step.change <= size {
                    (v, self.v) = (candidate, tried);
                    continue;
                }
                memory.clear();
            }
            self.v = self.advance(image.clone(), self.t)?;
            v = image;
        }
        Ok(self.outcome(None))
    }

    /// Phase 3 without memory: relaxed steps, and a plain one before each look at the gap, which may take its bound from an
    /// earlier λ. The exact equations, which would take more memory yet, are not tried: data of this size that get here are
    /// noisy.
    fn relax(&mut self, monitor: &mut Monitor<'_>) -> Result<Outcome, Error> {
        let mut best: Option<(Vec<f64>, f64)> = None;
        for evaluation in 1.. {
            let stopped = monitor.step();
            if stopped.is_none() && evaluation % CHECK != 0 {
                self.relaxed_step()?;
                continue;
            }
            let v = std::mem::take(&mut self.v);
            self.v = self.advance(v, self.t)?;
            let (lambda, mut judged) = self.judge_iterate()?;
            let ended = self.step.change <= ROUNDING;
            let (lambda, bound) = match best.take() {
                // Of a ball the violation is priced by the λ at hand.
                Some((earlier, bound)) if bound > judged.bound && judged.violation == 0.0 => (earlier, bound),
                _ => (lambda, judged.bound),
            };
            judged.bound = bound;
            self.record(monitor, bound);
            if ended || stopped.is_some() || self.proves(&judged) {
                return Ok(self.finished(lambda, stopped));
            }
            best = Some((lambda, bound));
            let next = (self.t / RELAXED[1]).max(RELAXED[2] * self.data.mean).min(self.t);
            let v = std::mem::take(&mut self.v);
            self.v = self.advance(v, next)?;
        }
        Ok(self.outcome(None))
    }

    /// By blocks of rows where that serves.
    fn relaxed_step(&mut self) -> Result<(), Error> {
        let (shape, t) = (self.data.shape, self.t);
        match self.data.level {
            Level::Threshold(theta) if self.data.is_whole() && is_tall(shape, self.data.size, t) => {
                relaxed_step(&mut self.v, &self.data.y, shape, (t, theta * t), RELAXATION)
            }
            _ => {
                let v = std::mem::take(&mut self.v);
                self.v = self.advance_relaxed(v, t, RELAXATION)?;
                Ok(())
            }
        }
    }

    /// A look at the gap: the outcome if it is small enough, or if no more can be had.
    fn look(&mut self, monitor: &mut Monitor<'_>) -> Result<Option<Outcome>, Error> {
        let (lambda, judged) = self.judge_iterate()?;
        self.record(monitor, judged.bound);
        if self.step.change <= ROUNDING || self.proves(&judged) {
            return Ok(Some(self.finished(lambda, None)));
        }
        Ok(None)
    }

    /// (v − X)/t = A*(λ).
    fn multiplier(&self) -> Vec<f64> {
        let pairs = self.dense.iter().zip(&self.v);
        pairs.map(|(x, v)| (v - x) / self.t).collect()
    }

    /// Phase 2, where rank and outliers seem settled.
    fn try_exact(&mut self, monitor: &mut Monitor<'_>) -> Result<Option<Outcome>, Error> {
        let settled = self.step.last_rank == self.x.s.len() && self.step.change <= AGAIN * self.attempted;
        if !settled {
            return Ok(None);
        }
        self.attempted = self.step.change;
        let w = self.multiplier();
        let Some(exact) = completion::complete(&self.data, &self.x, &w, self.step.level)? else {
            return Ok(None);
        };
        let lambda = self.lambda(&exact.w);
        // W is U Vᵀ on T, to rounding: its norm is 1, unless what is left off T has a larger one.
        let left = exact.off_tangent();
        let top = if rough_norm(&left, self.data.shape) < CLEARLY_BELOW {
            1.0
        } else {
            self.instance.dual_norm(&lambda)?
        };
        let (total, _) = self.data.misfit(&exact.dense);
        let judged = self.judge(exact.x.s.iter().sum(), total, &lambda, top);
        if !self.proves(&judged) {
            return Ok(None);
        }
        (self.x, self.dense) = (exact.x, exact.dense);
        self.record(monitor, judged.bound);
        Ok(Some(self.finished(lambda, None)))
    }

    /// The iterate with its λ, judged by that λ or, where that may be good enough to end the run, by the one near it that the
    /// certificate will find; its norm is then bounded as the certificate will.
    fn judge_iterate(&self) -> Result<(Vec<f64>, Judged), Error> {
        let nuclear = self.x.s.iter().sum();
        let (total, _) = self.misfit();
        let lambda = self.lambda(&self.multiplier());
        let map = self.instance.map.map();
        let near = |rounds| {
            let about = (self.instance.fit, &*self.instance.b);
            approach(map, about, lambda.clone(), rounds)
        };
        let own = near(0)?;
        let mut judged = self.judge(nuclear, total, &own.lambda, own.norm);
        let open = judged.value - judged.bound;
        if open > HOPE * self.settings.tolerance * judged.value {
            return Ok((lambda, judged));
        }
        let best = if matches!(self.data.level, Level::Threshold(_)) && !self.proves(&judged) {
            near(ROUNDS)?
        } else {
            own
        };
        judged = self.judge(nuclear, total, &best.lambda, best.norm);
        if self.proves(&judged) {
            let top = upper_bound(map.adjoint(&best.lambda))?;
            judged = self.judge(nuclear, total, &best.lambda, top);
        }
        Ok((lambda, judged))
    }

    fn proves(&self, judged: &Judged) -> bool {
        let tolerance = MARGIN * self.settings.tolerance;
        judged.value - judged.bound <= tolerance * judged.value
            && judged.violation <= tolerance * judged.value.min(self.data.size)
    }

    /// λ with A*(λ) = `w`.
    fn lambda(&self, w: &[f64]) -> Vec<f64> {
        let (d1, d2) = self.data.shape;
        let w = MatRef::from_column_major_slice(w, d1, d2);
        self.instance.map.apply_dense(w)
    }

    /// What a point of nuclear norm `nuclear` and misfit `total` is worth with λ, of operator norm `top`.
    fn judge(&self, nuclear: f64, total: f64, lambda: &[f64], top: f64) -> Judged {
        let (inner, largest) = (dot(lambda, &self.instance.b), max_abs(lambda));
        match self.data.level {
            Level::Threshold(theta) => Judged {
                value: nuclear + theta * total,
                bound: inner / top.max(largest / theta),
                violation: 0.0,
            },
            Level::Ball(radius) => Judged {
                value: nuclear,
                bound: (inner - radius * largest) / top,
                violation: (total - radius).max(0.0) * (largest / top).max(1.0),
            },
        }
    }

    /// Σ|y − A(X)| and its sum of squares, at the iterate.
    fn misfit(&self) -> (f64, f64) {
        self.data.misfit(&self.dense)
    }

    fn record(&self, monitor: &mut Monitor<'_>, bound: f64) {
        let (total, squares) = self.misfit();
        let nuclear = self.x.s.iter().sum::<f64>() + 0.0;
        let value = match self.data.level {
            Level::Threshold(theta) => nuclear + theta * total,
            Level::Ball(_) => nuclear,
        };
        self.instance
            .record(monitor, value, bound, squares.sqrt(), self.x.s.len());
    }

    /// The present iterate.
    fn outcome(&self, stopped: Option<Status>) -> Outcome {
        self.finished(self.lambda(&self.multiplier()), stopped)
    }

    fn finished(&self, lambda: Vec<f64>, stopped: Option<Status>) -> Outcome {
        let x = &self.x;
        let factor = |basis: &Mat<f64>| {
            Mat::from_fn(basis.nrows(), x.s.len(), |i, j| {
                basis[(i, j)] * x.s[j].max(0.0).sqrt()
            })
        };
        Outcome {
            l: factor(&x.u),
            r: factor(&x.v),
            lambda,
            stopped,
            method: "robust splitting",
        }
    }
}

#[cfg(test)]
mod tests;
