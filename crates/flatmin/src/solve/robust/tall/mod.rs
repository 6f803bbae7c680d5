//! Relaxed splitting (Eckstein, Bertsekas, Math. Program. 55, 1992) on a tall recording in single precision: films, where a
//! step in double precision costs twice the time and the memory, and a gap of 1e-5 is far above the rounding of either.
//!
//! What is proved of the outcome is computed from it in double precision, as of any other.

mod blocks;
mod spectrum;

use faer::Mat;
use rayon::prelude::*;

use super::super::instance::{Instance, Outcome};
use super::super::monitor::Monitor;
use super::super::{Settings, Status};
use super::Level;
use crate::error::Error;
use crate::linalg::dense::product;
use blocks::{Move, Rows, Sums};
use spectrum::Spectrum;

/// Below this tolerance single precision would not do.
const LEAST_TOLERANCE: f64 = 1e-5;
/// From this ratio of sides on, the Gram matrix of the shorter side is the cheaper way to the singular values.
const TALL: usize = 3;
/// The first t is this share of ‖Y‖_op, as in the augmented Lagrangian method, and falls by this factor a step.
const FIRST: [f64; 2] = [0.8, 1.5];
/// The t, in mean magnitudes of Y, that the relaxed steps start at, and what it falls by at a look and to: a large t brings λ
/// near its end sooner, a small one X. On films.
const RELAXED: [f64; 3] = [4.0, 1.4, 0.5];
/// The length of a relaxed step; it has to be below 2.
const RELAXATION: f64 = 1.8;
/// Steps between two looks at the gap.
const CHECK: usize = 10;
/// Projections of a multiplier divide what its bound falls short of by ten to fifty: where that is more than this many times the
/// tolerance they are not tried.
const HOPE: f64 = 50.0;
/// Most projections of a multiplier onto each of its conditions.
const ROUNDS: usize = 8;
/// A round that adds a smaller share than this of what all have gained is the last.
const GAIN: f64 = 1e-2;
/// The share of the tolerance at which a run ends: the certificate rounds otherwise.
const MARGIN: f64 = 0.97;
/// Rows of a piece of X V.
const PIECE: usize = 256;
/// Singular directions that are kept apart in a Gram matrix.
const LEADING: usize = 16;

/// Whether [`solve`] is meant for this: far more entries one way than the other, and a tolerance above the rounding.
pub(super) fn serves(instance: &Instance<'_>, settings: &Settings) -> bool {
    let (d1, d2) = instance.map.shape();
    let threshold = matches!(Level::new(instance), Ok(Level::Threshold(_)));
    threshold && d1.max(d2) >= TALL * d1.min(d2) && settings.tolerance >= LEAST_TOLERANCE
}

/// An outcome, and a λ that proves more than its own.
pub(super) type Found = (Outcome, Option<Vec<f64>>);

/// Solves the instance.
///
/// # Errors
/// A failed decomposition, or another fit than θ‖A(X) − y‖_1 with observed entries.
pub(super) fn solve(
    instance: &Instance<'_>,
    settings: &Settings,
    monitor: &mut Monitor<'_>,
) -> Result<Found, Error> {
    let mut run = Run::new(instance)?;
    let first = (RELAXED[0] * run.mean).min(run.t);
    while run.t > first {
        if let Some(status) = monitor.step() {
            run.look(run.t)?;
            return Ok(run.outcome(None, Some(status)));
        }
        let sums = run.step((run.t / FIRST[1]).max(first), 1.0)?;
        run.record(monitor, sums, 0.0);
    }
    let mut best: Option<(Vec<f32>, f64)> = None;
    for step in 1.. {
        let stopped = monitor.step();
        if stopped.is_none() && step % CHECK != 0 {
            run.step(run.t, RELAXATION)?;
            continue;
        }
        let next = (run.t / RELAXED[1]).max(RELAXED[2] * run.mean).min(run.t);
        let (judged, sums) = run.look(next)?;
        let near = run.approach(&judged, settings.tolerance)?;
        best = match (best, near) {
            (Some(best), Some(near)) if near.1 < best.1 => Some(best),
            (best, near) => near.or(best),
        };
        let bound = best.as_ref().map_or(judged.bound(), |best| best.1);
        run.record(monitor, sums, bound);
        if judged.is_closed_by(bound, settings.tolerance) || stopped.is_some() {
            return Ok(run.outcome(best.map(|best| best.0), stopped));
        }
    }
    Ok(run.outcome(None, None))
}

/// A look at an iterate.
struct Judged {
    /// Of the objective.
    value: f64,
    /// ⟨λ, y⟩.
    inner: f64,
    /// Of λ as a matrix.
    spectrum: Spectrum,
}

impl Judged {
    /// The bound of λ itself.
    fn bound(&self) -> f64 {
        self.inner / self.spectrum.norm().max(1.0)
    }

    /// Whether that bound leaves no gap that matters.
    fn is_closed_by(&self, bound: f64, tolerance: f64) -> bool {
        self.value - bound <= MARGIN * tolerance * self.value
    }
}

struct Run<'a, 'b> {
    instance: &'b Instance<'a>,
    rows: Rows,
    theta: f64,
    /// The mean magnitude of what is observed.
    mean: f64,
    t: f64,
    /// The variable of the splitting.
    v: Vec<f32>,
    spectrum: Spectrum,
    lambda: Vec<f32>,
    /// Of the last look: the nuclear singular values of X, and their right vectors.
    x: (Vec<f64>, Mat<f64>),
}

impl<'a, 'b> Run<'a, 'b> {
    fn new(instance: &'b Instance<'a>) -> Result<Self, Error> {
        let Level::Threshold(theta) = Level::new(instance)? else {
            return Err(super::unsupported("splitting in single precision"));
        };
        let (d1, d2) = instance.map.shape();
        let mut y = vec![f32::NAN; d1 * d2];
        for (i, value) in instance.b.iter().enumerate() {
            if let Some(place) = place(instance, i) {
                y[place] = *value as f32;
            }
        }
        let rows = Rows {
            y,
            columns: d1.min(d2),
        };
        let spectrum = Spectrum::of(&rows.gram())?;
        let largest = instance.b.iter().fold(0.0, |m: f64, b| m.max(b.abs()));
        // v = t·W with a feasible W along Y.
        let t = FIRST[0] * spectrum.norm();
        let share = t / spectrum.norm().max(largest / theta);
        let by = share as f32;
        Ok(Run {
            v: rows
                .y
                .iter()
                .map(|y| if y.is_nan() { 0.0 } else { by * y })
                .collect(),
            lambda: vec![0.0; rows.y.len()],
            rows,
            theta,
            mean: instance.b.iter().map(|b| b.abs()).sum::<f64>() / instance.b.len() as f64,
            t,
            spectrum: spectrum.scaled(share),
            x: (Vec::new(), Mat::zeros(d1.min(d2), 0)),
            instance,
        })
    }

    /// One step, from t to `next`.
    fn step(&mut self, next: f64, relaxation: f64) -> Result<Sums, Error> {
        self.x.0 = self.spectrum.lowered(self.t).collect();
        let by = Move {
            ratio: (next / self.t) as f32,
            level: (self.theta * next) as f32,
            relaxation: relaxation as f32,
        };
        let filter = self.spectrum.shrinkage(self.t);
        let leading = self.spectrum.leading(LEADING);
        let (gram, sums) = self.rows.step(&mut self.v, &filter, by, leading.as_ref());
        self.spectrum = near_or_all(&gram, &self.spectrum, next)?;
        self.t = next;
        Ok(sums)
    }

    /// A plain step that keeps λ and X, and after which t is `next`.
    fn look(&mut self, next: f64) -> Result<(Judged, Sums), Error> {
        self.x = (
            self.spectrum.lowered(self.t).collect(),
            self.spectrum.right(self.t),
        );
        let filter = self.spectrum.shrinkage(self.t);
        let leading = self.spectrum.leading(LEADING);
        let by = (self.t as f32, next as f32, below(self.theta));
        let both = (&mut self.v[..], &mut self.lambda[..]);
        let (own, dual, sums) = self.rows.look(both, &filter, by, leading.as_ref());
        self.spectrum = Spectrum::of(&own)?;
        self.t = next;
        let judged = Judged {
            value: self.value(sums),
            inner: sums.inner,
            spectrum: Spectrum::of(&dual)?,
        };
        Ok((judged, sums))
    }

    /// Near λ one with the larger bound that alternating projections onto its two conditions find (see
    /// `certificate/projections.rs`), where that may do.
    fn approach(&self, judged: &Judged, tolerance: f64) -> Result<Option<(Vec<f32>, f64)>, Error> {
        let first = judged.bound();
        let closes = |bound: f64| judged.is_closed_by(bound, tolerance);
        if judged.value - first > HOPE * tolerance * judged.value {
            return Ok(None);
        }
        let (mut lambda, mut bound) = (self.lambda.clone(), first);
        let mut moved: Option<Spectrum> = None;
        for _ in 0..ROUNDS {
            let last = moved.as_ref().unwrap_or(&judged.spectrum);
            let filter = last.projection(1.0);
            let (gram, inner) = self.rows.project(&mut lambda, &filter, below(self.theta));
            let mut spectrum = near_or_all(&gram, last, 1.0)?;
            if closes(inner / spectrum.norm().max(1.0)) {
                // Iterated from the last vectors a norm is known from below: what would end the run is decided by all of it.
                spectrum = Spectrum::of(&gram)?;
            }
            let next = inner / spectrum.norm().max(1.0);
            let gain = next - bound;
            bound = next;
            if closes(bound) || gain.is_nan() || gain <= GAIN * (bound - first) {
                break;
            }
            moved = Some(spectrum);
        }
        Ok(Some((lambda, bound)))
    }

    fn value(&self, sums: Sums) -> f64 {
        // The empty sum is −0.
        self.x.0.iter().sum::<f64>() + 0.0 + self.theta * sums.total
    }

    fn record(&self, monitor: &mut Monitor<'_>, sums: Sums, bound: f64) {
        let misfit = sums.squares.sqrt();
        self.instance
            .record(monitor, self.value(sums), bound, misfit, self.x.0.len());
    }

    /// X V of the last look, where X = v − t·λ: U Σ.
    fn left(&self) -> Mat<f64> {
        let (columns, right, t) = (self.rows.columns, &self.x.1, self.t as f32);
        let pieces = self
            .v
            .par_chunks(PIECE * columns)
            .zip(self.lambda.par_chunks(PIECE * columns));
        let pieces: Vec<Mat<f64>> = pieces
            .map(|(v, lambda)| {
                let x = Mat::from_fn(v.len() / columns, columns, |i, j| {
                    f64::from(v[i * columns + j] - t * lambda[i * columns + j])
                });
                product(x.as_ref(), right.as_ref())
            })
            .collect();
        Mat::from_fn(self.v.len() / columns, right.ncols(), |i, j| {
            pieces[i / PIECE][(i % PIECE, j)]
        })
    }

    /// X and λ of the last look; `moved` proves more.
    fn outcome(self, moved: Option<Vec<f32>>, stopped: Option<Status>) -> Found {
        let left = self.left();
        let Run {
            v,
            rows,
            lambda,
            x: (s, right),
            instance,
            ..
        } = self;
        // What follows is as large.
        drop((v, rows));
        let root = |j: usize| s[j].sqrt();
        let left = Mat::from_fn(left.nrows(), s.len(), |i, j| left[(i, j)] / root(j));
        let right = Mat::from_fn(right.nrows(), s.len(), |i, j| right[(i, j)] * root(j));
        let turned = instance.map.shape().0 != left.nrows();
        let (l, r) = if turned { (right, left) } else { (left, right) };
        let list = |lambda: Vec<f32>| -> Vec<f64> {
            let places = (0..instance.b.len()).filter_map(|i| place(instance, i));
            places.map(|place| f64::from(lambda[place])).collect()
        };
        let moved = moved.map(list);
        let outcome = Outcome {
            l,
            r,
            lambda: list(lambda),
            stopped,
            method: "robust splitting",
        };
        (outcome, moved)
    }
}

/// The spectrum of a matrix near one of spectrum `last`, at least as far as it exceeds t.
fn near_or_all(gram: &Mat<f64>, last: &Spectrum, t: f64) -> Result<Spectrum, Error> {
    match Spectrum::near(gram, last, t)? {
        Some(found) => Ok(found),
        None => Spectrum::of(gram),
    }
}

/// The largest number of single precision that is not above.
fn below(v: f64) -> f32 {
    let near = v as f32;
    if f64::from(near) > v {
        near.next_down()
    } else {
        near
    }
}

/// Where measurement i stands, rows of the shorter side one after the other.
fn place(instance: &Instance<'_>, i: usize) -> Option<usize> {
    let (d1, d2) = instance.map.shape();
    let (a, b) = instance.map.map().entry(i)?;
    Some(if d1 >= d2 { a * d2 + b } else { b * d1 + a })
}
