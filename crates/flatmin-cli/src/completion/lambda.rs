//! λ, and where that is asked for the objective, chosen on entries held out: solve down a geometric grid until the error
//! on them has risen twice. The entries held out are one tenth, or with K folds each of K parts in turn.

use std::time::{Duration, Instant};

use faer::MatRef;
use flatmin::flatness::{Rescaled, Weights};
use flatmin::linalg::lanczos::{self, top_singular};
use flatmin::linalg::vector::norm;
use flatmin::map::{Adjoint, Entries};
use flatmin::solve::{Observer, Settings, Solution, Status, solve};
use flatmin::{Error, Factors, Fit, Objective, Problem};

use super::centre::Centre;
use super::score::score;
use super::split::{hold_out, parts, pick};
use crate::input::TestEntries;

/// The share held out.
const SHARE: f64 = 0.1;
/// From one λ to the next.
const RATIO: f64 = 0.4;
/// The grid ends here, relative to its start: what is still better there is as good as noiseless.
const FLOOR: f64 = 1e-6;
/// The error may rise this often in a row before the search ends.
const RISES: usize = 2;
/// One rise above the best by this share ends it as well.
const STEEP: f64 = 0.02;
/// The gap of a solve within the search: the error on held-out entries moves less than that.
const TOLERANCE: f64 = 1e-3;
/// Most columns within the search, unless a rank is asked for.
const RANK: usize = 32;

/// How to search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search<'a> {
    /// Those to choose from, at least one.
    pub(crate) objectives: &'a [Objective],
    /// Parts held out in turn; `None`: one tenth is.
    pub(crate) folds: Option<usize>,
    pub(crate) rank: Option<usize>,
    pub(crate) seed: u64,
    /// Most time for the whole search.
    pub(crate) time_limit: Option<Duration>,
    pub(crate) observer: Observer<'a>,
}

/// What the search found.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) objective: Objective,
    pub(crate) lambda: f64,
    /// The root mean square error on what was held out.
    pub(crate) error: f64,
    /// The error still fell at the smallest λ.
    pub(crate) noiseless: bool,
    /// The values of λ tried.
    pub(crate) tried: usize,
    /// The solution on the entries kept, at this λ; `None` where it is zero. Of the first fold, where there are several.
    pub(crate) solution: Option<Solution>,
}

/// The entries kept, and those held out.
struct Fold {
    problem: Problem<'static>,
    held_out: TestEntries,
    /// The solution at the last λ.
    start: Option<Factors>,
}

/// Chooses for the entries and their values; `None` where no entry can be held out.
pub(crate) fn choose(
    entries: &Entries,
    y: &[f64],
    shape: (usize, usize),
    search: &Search<'_>,
) -> Result<Option<Choice>, Error> {
    let mut folds = folds(entries, y, shape, search)?;
    if folds.is_empty() {
        return Ok(None);
    }
    let deadline = search.time_limit.map(|limit| Instant::now() + limit);
    let mut best: Option<Choice> = None;
    for objective in search.objectives {
        let choice;
        (choice, folds) = descend(folds, *objective, deadline, search)?;
        if best.as_ref().is_none_or(|best| choice.error < best.error) {
            best = Some(choice);
        }
    }
    Ok(best)
}

/// Empty where no entry can be held out.
fn folds(
    entries: &Entries,
    y: &[f64],
    shape: (usize, usize),
    search: &Search<'_>,
) -> Result<Vec<Fold>, Error> {
    let (rows, columns) = (entries.rows(), entries.columns());
    let marks = match search.folds {
        None => vec![hold_out(rows, columns, shape, SHARE, search.seed)],
        Some(count) => parts(y.len(), count, search.seed),
    };
    let some = |marked: &&Vec<bool>| marked.contains(&true) && marked.contains(&false);
    marks
        .iter()
        .filter(some)
        .map(|marked| Fold::new(entries, y, shape, marked))
        .collect()
}

impl Fold {
    fn new(entries: &Entries, y: &[f64], shape: (usize, usize), marked: &[bool]) -> Result<Self, Error> {
        let (rows, columns) = (entries.rows(), entries.columns());
        let held_out = TestEntries {
            rows: pick(rows, marked, true),
            cols: pick(columns, marked, true),
            y: pick(y, marked, true),
            unknown: 0,
            merged: 0,
        };
        let kept = |from: &[u32]| pick(from, marked, false);
        let (map, data) = Entries::new(&kept(rows), &kept(columns), &pick(y, marked, false), shape)?;
        Ok(Fold {
            problem: Problem::new(Box::new(map), data, Fit::Exact, Objective::Flat)?,
            held_out,
            start: None,
        })
    }

    /// The smallest λ at which the solution is zero: ‖W̃1⁻¹ A*(y) W̃2⁻¹‖_op.
    fn zero_from(&self, objective: Objective) -> Result<f64, Error> {
        let map = self.problem.map();
        let weights = Weights::new(map, objective)?;
        let adjoint = Rescaled::new(map, &weights).adjoint(self.problem.data());
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
        let top = top_singular(
            shape,
            1,
            lanczos::TOLERANCE,
            |v| times(&adjoint, v),
            |u| back(&adjoint, u),
        )?;
        Ok(top.s.first().copied().unwrap_or(0.0) / weights.penalty_scale)
    }
}

/// Down the grid from where the solutions and every prediction are zero.
fn descend(
    mut folds: Vec<Fold>,
    objective: Objective,
    deadline: Option<Instant>,
    search: &Search<'_>,
) -> Result<(Choice, Vec<Fold>), Error> {
    let mut start: f64 = 0.0;
    for fold in &mut folds {
        fold.start = None;
        start = start.max(fold.zero_from(objective)?);
    }
    let squares: f64 = folds.iter().map(|fold| norm(&fold.held_out.y).powi(2)).sum();
    let count: usize = folds.iter().map(|fold| fold.held_out.y.len()).sum();
    let mut best = Choice {
        objective,
        // Where all values are zero so is the solution, for every λ.
        lambda: if start > 0.0 { start } else { 1.0 },
        error: (squares / count as f64).sqrt(),
        noiseless: false,
        tried: 0,
        solution: None,
    };
    let (mut lambda, mut rises) = (start, 0);
    while start > 0.0 && lambda * RATIO >= FLOOR * start && rises < RISES {
        lambda *= RATIO;
        let solutions;
        (solutions, folds) = solve_all(folds, Fit::Penalised(lambda), objective, deadline, search)?;
        let Some((error, first)) = errors(&folds, solutions) else {
            return Ok((best, folds));
        };
        best.tried += 1;
        if error < best.error {
            rises = 0;
            (best.error, best.lambda, best.solution) = (error, lambda, first);
        } else {
            rises += if error > (1.0 + STEEP) * best.error {
                RISES
            } else {
                1
            };
        }
    }
    best.noiseless = rises == 0 && start > 0.0;
    Ok((best, folds))
}

/// The solution of every fold, as far as the time goes.
fn solve_all(
    folds: Vec<Fold>,
    fit: Fit,
    objective: Objective,
    deadline: Option<Instant>,
    search: &Search<'_>,
) -> Result<(Vec<Solution>, Vec<Fold>), Error> {
    let (mut solutions, mut done) = (Vec::new(), Vec::with_capacity(folds.len()));
    for fold in folds {
        let (problem, mut start) = (fold.problem.with(fit, objective)?, fold.start);
        if solutions.len() == done.len() {
            let settings = settings(search, deadline).with_start(start);
            let solution = solve(&problem, &settings, &search.observer)?;
            start = Some(solution.factors.clone());
            if !matches!(solution.status, Status::Interrupted | Status::Budget) {
                solutions.push(solution);
            }
        }
        done.push(Fold {
            problem,
            start,
            ..fold
        });
    }
    Ok((solutions, done))
}

/// The root mean square error over all that is held out, and the solution of the first fold; `None` where one is missing.
fn errors(folds: &[Fold], solutions: Vec<Solution>) -> Option<(f64, Option<Solution>)> {
    if solutions.len() < folds.len() {
        return None;
    }
    let (mut squares, mut count) = (0.0, 0);
    for (fold, solution) in folds.iter().zip(&solutions) {
        let score = score(&solution.factors, &Centre::default(), None, &fold.held_out)?;
        squares += score.rmse.powi(2) * score.count as f64;
        count += score.count;
    }
    Some(((squares / count as f64).sqrt(), solutions.into_iter().next()))
}

fn settings(search: &Search<'_>, deadline: Option<Instant>) -> Settings {
    let mut settings = Settings::default();
    settings.tolerance = TOLERANCE;
    settings.rank = Some(search.rank.unwrap_or(RANK));
    settings.time_limit = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    settings
}
