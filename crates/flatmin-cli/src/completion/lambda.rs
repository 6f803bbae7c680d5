//! λ chosen on entries held out: solve down a geometric grid until the error on them has risen twice.

use std::time::{Duration, Instant};

use faer::MatRef;
use flatmin::flatness::{Rescaled, Weights};
use flatmin::linalg::lanczos::top_singular;
use flatmin::linalg::vector::norm;
use flatmin::map::{Adjoint, Entries};
use flatmin::solve::{Observer, Settings, Solution, Status, solve};
use flatmin::{Error, Fit, Objective, Problem};

use super::centre::Centre;
use super::score::score;
use super::split::{hold_out, pick};
use crate::input::TestEntries;

/// The share held out.
const SHARE: f64 = 0.1;
/// From one λ to the next.
const RATIO: f64 = 0.4;
/// The grid ends here, relative to its start: what is still better there is as good as noiseless.
const FLOOR: f64 = 1e-6;
/// The error may rise this often in a row before the search ends.
const RISES: usize = 2;
/// The gap of a solve within the search: the error on held-out entries moves less than that.
const TOLERANCE: f64 = 1e-3;
/// Most columns within the search, unless a rank is asked for.
const RANK: usize = 32;

/// How to search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search<'a> {
    pub(crate) objective: Objective,
    pub(crate) rank: Option<usize>,
    pub(crate) seed: u64,
    /// Most time for the whole search.
    pub(crate) time_limit: Option<Duration>,
    pub(crate) observer: Observer<'a>,
}

/// What the search found.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) lambda: f64,
    /// The error still fell at the smallest λ.
    pub(crate) noiseless: bool,
    /// The values of λ tried.
    pub(crate) tried: usize,
    /// The solution on the entries kept, at this λ; `None` where it is zero.
    pub(crate) solution: Option<Solution>,
}

/// Chooses λ for the entries and their values; `None` where no entry can be held out.
pub(crate) fn choose(
    entries: &Entries,
    y: &[f64],
    shape: (usize, usize),
    search: &Search<'_>,
) -> Result<Option<Choice>, Error> {
    let (rows, columns) = (entries.rows(), entries.columns());
    let marked = hold_out(rows, columns, shape, SHARE, search.seed);
    let held_out = TestEntries {
        rows: pick(rows, &marked, true),
        cols: pick(columns, &marked, true),
        y: pick(y, &marked, true),
        unknown: 0,
        merged: 0,
    };
    if held_out.y.is_empty() {
        return Ok(None);
    }
    let kept = |from: &[u32]| pick(from, &marked, false);
    let (map, data) = Entries::new(&kept(rows), &kept(columns), &pick(y, &marked, false), shape)?;
    let start = zero_from(&map, &data, search.objective)?;
    if start == 0.0 {
        // All values are zero; so is the solution, for every λ.
        return Ok(Some(Choice::zero(1.0)));
    }
    let problem = Problem::new(Box::new(map), data, Fit::Penalised(start), search.objective)?;
    descend(problem, start, &held_out, search).map(Some)
}

/// The smallest λ at which the solution is zero: ‖W̃1⁻¹ A*(y) W̃2⁻¹‖_op.
fn zero_from(map: &Entries, y: &[f64], objective: Objective) -> Result<f64, Error> {
    let weights = Weights::new(map, objective)?;
    let adjoint = Rescaled::new(map, &weights).adjoint(y);
    let shape = adjoint.shape();
    let times = |m: &Adjoint<'_>, v: &[f64]| {
        m.times(MatRef::from_column_major_slice(v, v.len(), 1))
            .col_as_slice(0)
            .to_vec()
    };
    let back = |m: &Adjoint<'_>, u: &[f64]| {
        let u = MatRef::from_column_major_slice(u, u.len(), 1);
        m.transpose_times(u).col_as_slice(0).to_vec()
    };
    let top = top_singular(shape, 1, |v| times(&adjoint, v), |u| back(&adjoint, u))?;
    Ok(top.s.first().copied().unwrap_or(0.0) / weights.penalty_scale)
}

/// Down the grid from `start`, where the solution and every prediction are zero.
fn descend(
    mut problem: Problem,
    start: f64,
    held_out: &TestEntries,
    search: &Search<'_>,
) -> Result<Choice, Error> {
    let deadline = search.time_limit.map(|limit| Instant::now() + limit);
    let mut best = Choice::zero(start);
    let mut smallest_error = norm(&held_out.y) / (held_out.y.len() as f64).sqrt();
    let (mut lambda, mut rises) = (start, 0);
    while lambda * RATIO >= FLOOR * start && rises < RISES {
        lambda *= RATIO;
        problem = problem.with(Fit::Penalised(lambda), search.objective)?;
        let solution = solve(&problem, &settings(search, deadline), &search.observer)?;
        if matches!(solution.status, Status::Interrupted | Status::Budget) {
            return Ok(best);
        }
        let error = rmse(&solution, held_out);
        best.tried += 1;
        if error < smallest_error {
            (smallest_error, rises) = (error, 0);
            (best.lambda, best.solution) = (lambda, Some(solution));
        } else {
            rises += 1;
        }
    }
    best.noiseless = rises == 0;
    Ok(best)
}

impl Choice {
    fn zero(lambda: f64) -> Self {
        Choice {
            lambda,
            noiseless: false,
            tried: 0,
            solution: None,
        }
    }
}

fn settings(search: &Search<'_>, deadline: Option<Instant>) -> Settings {
    let mut settings = Settings::default();
    settings.tolerance = TOLERANCE;
    settings.rank = Some(search.rank.unwrap_or(RANK));
    settings.time_limit = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    settings
}

fn rmse(solution: &Solution, held_out: &TestEntries) -> f64 {
    score(&solution.factors, &Centre::default(), None, held_out).map_or(f64::INFINITY, |score| score.rmse)
}
