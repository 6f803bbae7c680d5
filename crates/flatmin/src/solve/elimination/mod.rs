//! Completion with k columns: the rank-constrained flat problem on observed entries,
//!
//!   min ‖W1 L‖² + ‖W2 R‖²  over L (d1×k), R (d2×k) with P_Ω(L Rᵀ) = y,
//!
//! which needs far fewer entries than its convex relaxation. The columns come one at a time, each from the top singular
//! pair of what the fewer ones leave, in the metric of the weights; at each rank the penalty falls along a short path, at
//! the last one to nothing. Every point of the path is a minimum over L and R by Newton's method with L eliminated
//! (`newton.rs`); lines that would mislead it are left out and filled in at the end (`core.rs`).
//!
//! The problem is not convex: a run that ends beside the data is started again, more patiently and from disturbed
//! columns. That none of them fits is a result too, and reported.

mod core;
mod dual;
mod kernels;
mod newton;
mod pattern;
#[cfg(test)]
mod tests;

use faer::Mat;

use self::core::Core;
use super::Status;
use super::instance::Instance;
use super::monitor::Monitor;
use crate::error::Error;
use crate::factors::Factors;
use crate::linalg::vector::norm;
use crate::map::Entries;
use crate::random::Stream;
use crate::solve::rank_constrained::{FITS, Found, Search};
use kernels::{Row, matrix_of, rows_of};
use newton::{Goal, Objective, State, minimise};
use pattern::Pattern;

/// Most columns that the kernels are made for.
pub(super) const MOST_COLUMNS: usize = 64;

/// Penalties at a rank that is not the last, relative to the singular value that it grew from.
const QUICK: &[f64] = &[0.3, 0.1, 0.03];
/// The same for a second and later start: the wells of the objective are wider under a larger penalty.
const PATIENT: &[f64] = &[1.0, 0.3, 0.1, 0.03, 0.01];
/// Penalties at the last rank; then none.
const LAST: &[f64] = &[0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3, 1e-4, 1e-5, 1e-7];
/// From this penalty on a line may be judged by its leverage: before, the penalty keeps all of them small.
const JUDGED: f64 = 0.03;
/// After this many Newton steps or fewer at a penalty the next one is passed over.
const EASY: usize = 2;
/// A new column is only a start: residual of its singular pair, relative to the singular value.
const GROWN: f64 = 0.03;
/// At this penalty the misfit has fallen with it, or the columns are wrong ...
const ABANDONED: f64 = 1e-3;
/// ... which this share of the squared misfit at JUDGED tells.
const STUCK: f64 = 0.25;
/// On the way a minimum need not be accurate.
const ON_THE_WAY: Goal = Goal {
    steps: 12,
    decrease: 1e-2,
    inner: 1e-2,
    inner_steps: 100,
};
/// Without a penalty.
const AT_THE_END: Goal = Goal {
    steps: 60,
    decrease: 1e-4,
    inner: 1e-5,
    inner_steps: 300,
};
/// The core without its suspects.
const REPAIR: Goal = Goal {
    steps: 15,
    decrease: 0.2,
    inner: 1e-3,
    inner_steps: 200,
};
/// All lines, from a point that fits but for rounding.
const POLISH: Goal = Goal {
    steps: 30,
    decrease: 1e-3,
    inner: 1e-6,
    inner_steps: 500,
};
/// Relative misfit of a core that fits.
const CORE_FITS: f64 = 1e-11;
/// Relative misfit that another step would not lower.
const ROUNDING: f64 = 1e-13;
/// Relative misfit beyond which leaving lines out will not help.
const HOPELESS: f64 = 0.02;
/// Most times that suspects are left out.
const REPAIRS: usize = 12;
/// Most lines left out for good, relative to all.
const MOST_LEFT_OUT: f64 = 0.1;
/// Size of the disturbance of a new column, relative to it, in later starts.
const DISTURBANCE: f64 = 0.5;
/// Starts in all.
const STARTS: usize = 6;

/// The problem and what all starts share.
struct Completion<'a, 'b> {
    instance: &'b Instance<'a>,
    pattern: Pattern,
    /// The diagonals of W1 and W2.
    weights: (Vec<f64>, Vec<f64>),
}

/// Where a level or a start ended: factors of X, in the instance's scale.
struct Reached {
    factors: Factors,
    stopped: Option<Status>,
}

/// A factorisation within the limits that meets the data, the flattest that a descent finds.
///
/// # Errors
/// [`Error::Numerical`] if a decomposition fails.
pub(super) fn complete(
    instance: &Instance<'_>,
    entries: &Entries,
    search: &Search<'_>,
    monitor: &mut Monitor<'_>,
) -> Result<Found, Error> {
    let completion = Completion {
        instance,
        pattern: Pattern::new(entries, &instance.b),
        weights: instance.map.diagonal_weights(),
    };
    let mut best = Found::nothing(instance);
    for start in 0..STARTS {
        let stream =
            (start > 1).then(|| Stream::of_trial(search.settings.seed, "complete", "starts", start as u64));
        let middle = if start == 0 { QUICK } else { PATIENT };
        let reached = completion.run(search, middle, stream, monitor)?;
        let misfit = norm(&completion.residual(&reached.factors)) / norm(&instance.b);
        if misfit < best.misfit {
            best.z = completion.rescaled(&reached.factors);
            best.misfit = misfit;
        }
        (best.restarts, best.stopped) = (start, reached.stopped);
        if best.fits() || best.stopped.is_some() {
            break;
        }
    }
    best.method = "elimination";
    if best.fits() {
        completion.judge(&mut best)?;
    }
    Ok(best)
}

/// Calls `$self.$method::<W>($arguments)` with the smallest W that the kernels have for `$k` columns.
macro_rules! with_width {
    ($k:expr, $self:ident.$method:ident($($argument:expr),*)) => {
        match $k {
            0..=4 => $self.$method::<4>($($argument),*),
            5..=8 => $self.$method::<8>($($argument),*),
            9..=12 => $self.$method::<12>($($argument),*),
            13..=16 => $self.$method::<16>($($argument),*),
            17..=24 => $self.$method::<24>($($argument),*),
            25..=32 => $self.$method::<32>($($argument),*),
            _ => $self.$method::<MOST_COLUMNS>($($argument),*),
        }
    };
}

impl Completion<'_, '_> {
    /// y − A(X).
    fn residual(&self, x: &Factors) -> Vec<f64> {
        let mut residual = self.instance.map.map().apply_factored(x.l.as_ref(), x.r.as_ref());
        let data = residual.iter_mut().zip(self.instance.b.iter());
        data.for_each(|(r, b)| *r = b - *r);
        residual
    }

    /// Factors of Z from those of X.
    fn rescaled(&self, x: &Factors) -> Factors {
        let scale = |a: &Mat<f64>, w: &[f64]| Mat::from_fn(a.nrows(), a.ncols(), |i, j| w[i] * a[(i, j)]);
        Factors {
            l: scale(&x.l, &self.weights.0),
            r: scale(&x.r, &self.weights.1),
        }
    }

    /// One start: a level for each number of columns.
    fn run(
        &self,
        search: &Search<'_>,
        middle: &[f64],
        mut disturbance: Option<Stream>,
        monitor: &mut Monitor<'_>,
    ) -> Result<Reached, Error> {
        let mut reached = Reached {
            factors: Factors::empty(self.instance.map.shape()),
            stopped: None,
        };
        for k in 1..=search.widths.total {
            let residual = self.residual(&reached.factors);
            let z = self.rescaled(&reached.factors);
            self.instance
                .record_unbounded(monitor, 0.5 * z.squared_norm(), norm(&residual), k - 1);
            let Some((top, grown)) = self.grown(&reached.factors, &residual, disturbance.as_mut())? else {
                break;
            };
            let last = k == search.widths.total;
            if search.fewest && !last {
                let trial = with_width!(k, self.level(grown.clone(), top, None, monitor))?;
                let misfit = norm(&self.residual(&trial.factors)) / norm(&self.instance.b);
                if misfit <= FITS || trial.stopped.is_some() {
                    return Ok(trial);
                }
            }
            let path = (!last).then_some(middle);
            reached = with_width!(k, self.level(grown, top, path, monitor))?;
            if reached.stopped.is_some() {
                break;
            }
        }
        Ok(reached)
    }

    /// `x` with the top singular pair of B*(residual) as a new column, and its singular value; `None` where that is zero.
    fn grown(
        &self,
        x: &Factors,
        residual: &[f64],
        disturbance: Option<&mut Stream>,
    ) -> Result<Option<(f64, Factors)>, Error> {
        let adjoint = self.instance.map.adjoint(residual);
        let top = self.instance.leading_within(&adjoint, 1, GROWN)?;
        let s = top.s.first().copied().unwrap_or(0.0);
        if s <= 0.0 {
            return Ok(None);
        }
        let (left, mut right) = (top.u.col_as_slice(0).to_vec(), top.v.col_as_slice(0).to_vec());
        if let Some(stream) = disturbance {
            let size = DISTURBANCE / (right.len() as f64).sqrt();
            let noise = stream.normals(right.len());
            right.iter_mut().zip(noise).for_each(|(v, z)| *v += size * z);
        }
        let length = (s / self.instance.mean_square).sqrt();
        let append = |a: &Mat<f64>, column: &[f64], w: &[f64]| {
            let new = |i: usize| {
                if w[i] > 0.0 {
                    length * column[i] / w[i]
                } else {
                    0.0
                }
            };
            let k = a.ncols();
            Mat::from_fn(a.nrows(), k + 1, |i, j| if j < k { a[(i, j)] } else { new(i) })
        };
        let grown = Factors {
            l: append(&x.l, &left, &self.weights.0),
            r: append(&x.r, &right, &self.weights.1),
        };
        Ok(Some((s, grown)))
    }

    /// The path at one rank: the penalties `path`, relative to `top`; at the last rank, where there is none, LAST and what
    /// follows.
    fn level<const W: usize>(
        &self,
        start: Factors,
        top: f64,
        path: Option<&[f64]>,
        monitor: &mut Monitor<'_>,
    ) -> Result<Reached, Error> {
        let k = start.columns();
        let mut core = match path {
            Some(_) => Core::whole(&self.pattern, k),
            None => Core::new(&self.pattern, k),
        };
        let mut r: Vec<Row<W>> = rows_of(start.r.as_ref());
        core.forget(&mut r);
        let mut damping = 1e-2;
        let mut judged = None;
        let mut shares = path.unwrap_or(LAST).iter();
        while let Some(share) = shares.next() {
            let objective = self.objective(&core.pattern, share * top, k);
            let before = monitor.iterations();
            let (state, stopped) = minimise(&objective, r, &mut damping, ON_THE_WAY, monitor)?;
            if stopped.is_some() {
                return Ok(reached(&state, k, stopped));
            }
            if path.is_none() && *share <= JUDGED {
                if *share <= ABANDONED && state.misfit > STUCK * *judged.get_or_insert(state.misfit) {
                    return Ok(reached(&state, k, None));
                }
                judged.get_or_insert(state.misfit);
                core.narrow(&state, false)?;
            }
            r = state.r;
            core.forget(&mut r);
            if path.is_none() && monitor.iterations() - before <= EASY {
                shares.next();
            }
        }
        let objective = self.objective(&core.pattern, 0.0, k);
        if path.is_some() {
            return Ok(reached(&objective.at(r), k, None));
        }
        let (state, stopped) = minimise(&objective, r, &mut damping, AT_THE_END, monitor)?;
        if stopped.is_some() {
            return Ok(reached(&state, k, stopped));
        }
        self.finish(core, state, k, monitor)
    }

    /// The multiplier of an exact factorisation, and its margin.
    fn judge(&self, found: &mut Found) -> Result<(), Error> {
        with_width!(found.z.columns(), self.judge_by(found))
    }

    fn judge_by<const W: usize>(&self, found: &mut Found) -> Result<(), Error> {
        let k = found.z.columns();
        let unscaled = |v: f64, w: f64| if w > 0.0 { v / w } else { 0.0 };
        let w = &self.weights.1;
        let r = Mat::from_fn(found.z.r.nrows(), k, |i, j| unscaled(found.z.r[(i, j)], w[i]));
        let objective = self.objective(&self.pattern, 0.0, k);
        let state = dual::balanced_point::<W>(&objective, rows_of(r.as_ref()))?;
        found.lambda = Some(dual::multiplier(&objective, &state));
        found.margin = dual::margin(&objective, &state);
        Ok(())
    }

    fn objective<'p>(&'p self, pattern: &'p Pattern, mu: f64, k: usize) -> Objective<'p> {
        Objective {
            pattern,
            mu,
            weights: &self.weights,
            k,
        }
    }

    /// Without penalty: suspects are left out until the core fits, then all is filled in and fitted.
    fn finish<const W: usize>(
        &self,
        mut core: Core<'_>,
        mut state: State<W>,
        k: usize,
        monitor: &mut Monitor<'_>,
    ) -> Result<Reached, Error> {
        let most = MOST_LEFT_OUT * (self.pattern.rows.count() + self.pattern.columns.count()) as f64;
        for _ in 0..REPAIRS {
            let misfit = (state.misfit / core.pattern.squared_size()).sqrt();
            if misfit <= CORE_FITS || misfit > HOPELESS || core.left_out() as f64 > most {
                break;
            }
            core.narrow(&state, true)?;
            let mut r = state.r;
            core.forget(&mut r);
            let objective = self.objective(&core.pattern, 0.0, k);
            let (next, stopped) = minimise(&objective, r, &mut 1e-3, REPAIR, monitor)?;
            if stopped.is_some() {
                return Ok(reached(&next, k, stopped));
            }
            state = next;
        }
        let rounding = ROUNDING * ROUNDING * core.pattern.squared_size();
        if core.left_out() == 0 && state.misfit <= rounding {
            return Ok(reached(&state, k, None));
        }
        let objective = self.objective(&self.pattern, 0.0, k);
        let (state, stopped) = minimise(&objective, core.fill(state), &mut 1e-10, POLISH, monitor)?;
        Ok(reached(&state, k, stopped))
    }
}

fn reached<const W: usize>(state: &State<W>, k: usize, stopped: Option<Status>) -> Reached {
    Reached {
        factors: Factors {
            l: matrix_of(&state.l, k),
            r: matrix_of(&state.r, k),
        },
        stopped,
    }
}
