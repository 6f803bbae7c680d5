//! Alternating least squares with quasi-Newton steps and rank growth, for penalised completion of many entries.
//!
//! Minimised over the factor with more rows, the *inner* one, F is a function of the *outer* one alone (variable projection:
//! Golub and Pereyra, SIAM J. Numer. Anal. 10(2), 1973, DOI 10.1137/0710036). A sweep of alternating least squares is a
//! gradient step on that function, preconditioned by the k×k blocks of its rows; limited-memory pairs on top of the same
//! preconditioner make a quasi-Newton method of it, at the cost of a line search that nearly always takes the first step.
//! F falls with every step and is known without a further pass over the entries.
//!
//! Steps go on until what one gains is small; then the dual matrix W = B*(b − B(L Rᵀ)) is looked at: singular values above
//! μ off the spaces of L and R refute global optimality, and their vectors are the new columns.
//!
//! A step costs O(m·k² + (d1 + d2)·k³) and is shared by all threads. Memory: 12 bytes an entry (the entries a second time,
//! column after column) and some sixty outer factors.

mod dual;
mod sweep;

use faer::Mat;

use super::instance::{Instance, Outcome};
use super::monitor::Monitor;
use super::{Settings, Status};
use crate::error::Error;
use crate::factors::Factors;
use crate::linalg::dense::beside;
use crate::linalg::quasi_newton::Memory;
use crate::linalg::vector::{axpy, dot};
use crate::map::{Entries, Thin};
use dual::Dual;
use sweep::Sweep;

/// Most steps for one set of columns.
const STEPS: usize = 300;
/// Relative gain of a step at which the columns are looked at for the first time.
const LOOSE: f64 = 1e-3;
/// Factor between successive such gains.
const FACTOR: f64 = 0.1;
/// Smallest gain, as the gradient tells it: the objective itself cannot.
const FINEST: f64 = 1e-20;
/// Objectives closer than this, relatively, are the same to rounding; the gradient still falls.
const UNSEEN: f64 = 1e-13;
/// The last gain where the columns allowed are too few to close the gap, over the tolerance. Gains of successive steps fall
/// by a few percent, so that what is left to gain is about the tolerance.
const CAPPED: f64 = 0.03;
/// A gap of this share of the tolerance is closed: the certificate's own is a little wider.
const CLOSED: f64 = 0.8;
/// Columns to begin with where their number is free.
const FIRST: usize = 8;
/// Most columns to begin with, and to add at once.
const MOST_NEW: usize = 64;
/// Most rounds of growth and tightening.
const ROUNDS: usize = 100;
/// Singular values of Z below this share of the largest belong to dead columns.
const DEAD: f64 = 1e-6;

/// A point; the inner factor is the best for the outer one.
struct Point {
    inner: Thin,
    outer: Thin,
    /// F.
    objective: f64,
}

/// Minimises ½‖B(Z) − b‖² + μ‖Z‖_* over Z of at most `limit` columns.
pub(super) fn solve(
    instance: &Instance<'_>,
    (entries, mu): (&Entries, f64),
    (settings, limit): (&Settings, usize),
    monitor: &mut Monitor<'_>,
) -> Result<Outcome, Error> {
    let (d1, d2) = instance.map.shape();
    let sweep = Sweep::new(instance, entries, mu);
    let mut run = Run {
        point: match &settings.start {
            Some(start) => Point::start(&sweep, start, instance.scale()),
            None => Point::zero(&sweep),
        },
        instance,
        sweep,
        tolerance: settings.tolerance,
        limit,
        // A cap is filled at once: that many columns are expected.
        first: if limit < d1.min(d2) {
            limit.min(MOST_NEW)
        } else {
            FIRST
        },
        gain: LOOSE,
    };
    let stopped = run.follow(monitor)?;
    let Factors { l, r } = run.point.factors(&run.sweep);
    Ok(Outcome {
        lambda: run.sweep.residual(&l, &r, instance),
        l,
        r,
        stopped,
        method: "alternating",
    })
}

struct Run<'a, 'b> {
    instance: &'b Instance<'a>,
    sweep: Sweep<'b>,
    point: Point,
    tolerance: f64,
    /// Most columns, and those to begin with.
    limit: usize,
    first: usize,
    /// The relative gain of a step to stop at.
    gain: f64,
}

impl Run<'_, '_> {
    /// Descends, grows and tightens until the gap is closed or nothing is left to do.
    fn follow(&mut self, monitor: &mut Monitor<'_>) -> Result<Option<Status>, Error> {
        let enough = CAPPED * self.tolerance;
        if self.point.columns() > 0 {
            // A start is the end of another problem.
            self.drop_columns()?;
            if let Some(status) = self.minimise(monitor) {
                return Ok(Some(status));
            }
        }
        for _ in 0..ROUNDS {
            if let Some(status) = monitor.stopped() {
                return Ok(Some(status));
            }
            let columns = self.point.columns();
            let room = (self.limit - columns).min(columns.clamp(self.first, MOST_NEW));
            let z = self.point.factors(&self.sweep);
            let dual = Dual::new(&self.sweep, self.instance, &z, room)?;
            dual.record(self.instance, monitor, columns);
            if dual.relative_gap() <= CLOSED * self.tolerance {
                break;
            }
            let newcomers = dual.newcomers(room, self.gain);
            let full = room == 0 && dual.asks_for_more(self.gain);
            if newcomers == 0 && (self.gain <= FINEST || (full && self.gain <= enough)) {
                break;
            }
            // While the columns double, loose steps do; a few that come and go are no reason to stay at them.
            if 2 * newcomers <= columns {
                self.gain = (self.gain * FACTOR).max(FINEST);
            }
            if newcomers > 0 {
                let outer = self.sweep.outer_of(&z.l, &z.r);
                let outer = beside(outer.as_ref(), dual.columns(newcomers).as_ref());
                self.point = Point::at(&self.sweep, &outer);
            }
            if self.point.columns() == self.limit {
                self.gain = self.gain.min(enough);
            }
            if let Some(status) = self.minimise(monitor) {
                return Ok(Some(status));
            }
            self.drop_columns()?;
        }
        Ok(None)
    }

    /// Steps until one promises to gain no more than `gain`·F.
    fn minimise(&mut self, monitor: &mut Monitor<'_>) -> Option<Status> {
        let mut memory = Memory::default();
        let mut gradient = self.sweep.gradient(&self.point.inner, &self.point.outer);
        for _ in 0..STEPS {
            if let Some(status) = monitor.step() {
                return Some(status);
            }
            let direction = self.direction(&memory, &gradient);
            let slope = dot(gradient.values(), direction.values());
            if -0.5 * slope <= self.gain * self.point.objective {
                break;
            }
            let Some((next, length)) = self.search(&direction, slope) else {
                break;
            };
            self.point = next;
            let mut change = self.sweep.gradient(&self.point.inner, &self.point.outer);
            std::mem::swap(&mut change, &mut gradient);
            let step = direction.values().iter().map(|v| v * length).collect();
            let change = gradient
                .values()
                .iter()
                .zip(change.values())
                .map(|(new, old)| new - old)
                .collect();
            memory.push(step, change);
            self.record(monitor);
        }
        None
    }

    /// −H·gradient: without pairs in the memory, the step of a plain sweep.
    fn direction(&self, memory: &Memory, gradient: &Thin) -> Thin {
        let mut out = gradient.clone();
        let values = memory.preconditioned(gradient.values(), |v| {
            let mut solved = gradient.clone();
            solved.values_mut().copy_from_slice(&v);
            self.sweep.precondition(&self.point.inner, &mut solved);
            solved.values().to_vec()
        });
        out.values_mut().copy_from_slice(&values);
        out
    }

    /// The first point along `direction` that goes down enough for its `slope`, and how far along it is.
    fn search(&self, direction: &Thin, slope: f64) -> Option<(Point, f64)> {
        let mut length = 1.0;
        for _ in 0..20 {
            let mut outer = self.point.outer.clone();
            axpy(length, direction.values(), outer.values_mut());
            let next = Point::of(&self.sweep, outer);
            let change = next.objective - self.point.objective;
            // Near the minimum what a step gains is lost in the rounding of F.
            let unseen = -slope <= UNSEEN * next.objective && change <= UNSEEN * next.objective;
            if unseen || change <= 1e-4 * length * slope {
                return Some((next, length));
            }
            // The minimum of the parabola through what is known.
            let shorter = -0.5 * slope * length * length / (change - slope * length);
            length = shorter.clamp(0.1 * length, 0.5 * length);
        }
        None
    }

    /// Drops the dead columns, and those beyond the limit.
    fn drop_columns(&mut self) -> Result<(), Error> {
        let mut z = self.point.factors(&self.sweep).svd()?;
        let Some(largest) = z.s.first().copied() else {
            return Ok(());
        };
        let alive = largest > 0.0 && z.s.iter().all(|s| *s > DEAD * largest);
        if alive && z.s.len() <= self.limit {
            return Ok(());
        }
        z.s.truncate(self.limit);
        let Factors { l, r } = Factors::balanced(&z, DEAD);
        self.point = Point::at(&self.sweep, self.sweep.outer_of(&l, &r));
        Ok(())
    }

    fn record(&self, monitor: &mut Monitor<'_>) {
        let Point {
            inner,
            outer,
            objective,
        } = &self.point;
        let misfit = (2.0 * (objective - self.sweep.penalty(inner, outer)))
            .max(0.0)
            .sqrt();
        self.instance
            .record_unbounded(monitor, *objective, misfit, self.point.columns());
    }
}

impl Point {
    fn zero(sweep: &Sweep<'_>) -> Self {
        Point::of(sweep, Thin::zeros(sweep.outer_rows(), 0))
    }

    /// From factors of X in the scale of the data.
    fn start(sweep: &Sweep<'_>, x: &Factors, scale: f64) -> Self {
        let mut outer = Thin::from_mat(sweep.outer_of(&x.l, &x.r).as_ref());
        let root = scale.sqrt();
        outer.values_mut().iter_mut().for_each(|v| *v /= root);
        Point::of(sweep, outer)
    }

    fn of(sweep: &Sweep<'_>, outer: Thin) -> Self {
        let (inner, objective) = sweep.inner_step(&outer);
        Point {
            inner,
            outer,
            objective,
        }
    }

    /// From the outer factor in Z.
    fn at(sweep: &Sweep<'_>, outer: &Mat<f64>) -> Self {
        Point::of(sweep, sweep.restore_outer(&Thin::from_mat(outer.as_ref())))
    }

    fn columns(&self) -> usize {
        self.outer.columns()
    }

    /// In Z.
    fn factors(&self, sweep: &Sweep<'_>) -> Factors {
        let (l, r) = sweep.factors(&self.inner, &self.outer);
        Factors { l, r }
    }
}
