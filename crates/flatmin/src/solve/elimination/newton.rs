//! Newton's method on the objective with L eliminated (variable projection: Golub and Pereyra, SIAM J. Numer. Anal. 10,
//! 1973, DOI 10.1137/0710036):
//!
//!   f(R) = min_L ½‖P_Ω(L Rᵀ) − y‖² + μ/2·(‖W1 L‖² + ‖W2 R‖²).
//!
//! The gradient is that of the joint objective in R at the best L. The Gauss-Newton Hessian is the Schur complement
//! S = B − Cᵀ A⁻¹ C of the joint one, A and B its block-diagonal parts (one k×k block a line) and C the coupling of rows
//! with columns; it is applied by two passes over the entries. f does not change, but for the penalty, when R moves within
//! its column space, so that the step is looked for off that space, and the penalty is minimised over it by balancing.
//! The damping is in the mean block of B: that of a factor in the metric of the other, whatever their conditioning.

use super::kernels::{
    Block, Remove, Row, Solve, Subtract, Weigh, add, best_response, blocks, cholesky, coupling, cross_gram,
    dot, each_row, factored, gradient, inner, matrix_of, misfits, rows_of, solve,
};
use super::pattern::Pattern;
use crate::error::Error;
use crate::factors::Factors;
use crate::linalg::conjugate_gradients::conjugate_gradients;
use crate::solve::Status;
use crate::solve::monitor::Monitor;

/// What is minimised.
pub(super) struct Objective<'a> {
    pub(super) pattern: &'a Pattern,
    pub(super) mu: f64,
    /// The diagonals of W1 and W2.
    pub(super) weights: &'a (Vec<f64>, Vec<f64>),
    /// Columns of the factors.
    pub(super) k: usize,
}

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goal {
    /// Most steps.
    pub(super) steps: usize,
    /// A step that lowers the objective by less than this share of ½‖residual‖² is the last.
    pub(super) decrease: f64,
    /// Relative residual of the conjugate gradients.
    pub(super) inner: f64,
    /// Most of their steps.
    pub(super) inner_steps: usize,
}

/// A misfit of this size, relative to the data, is rounding.
const FITS: f64 = 2e-14;
/// Relative residual of the conjugate gradients while the misfit is large.
const FIRST_INNER: f64 = 1e-2;
/// The damping is not lowered below this.
const LEAST_DAMPING: f64 = 1e-12;
/// From here on the step is as good as nothing.
const MOST_DAMPING: f64 = 1e4;
/// Dampings tried for one step.
const TRIALS: usize = 12;

/// R, and what follows from it.
pub(super) struct State<const W: usize> {
    pub(super) l: Vec<Row<W>>,
    pub(super) r: Vec<Row<W>>,
    /// Cholesky factors of the blocks of A.
    pub(super) left: Vec<Block<W>>,
    /// ‖P_Ω(L Rᵀ) − y‖².
    pub(super) misfit: f64,
    /// f(R).
    value: f64,
}

#[cfg(test)]
impl<const W: usize> State<W> {
    pub(super) fn value(&self) -> f64 {
        self.value
    }
}

impl Objective<'_> {
    fn ridge(&self, weights: &[f64]) -> Vec<f64> {
        weights.iter().map(|w| self.mu * w * w).collect()
    }

    /// The best L for R.
    pub(super) fn at<const W: usize>(&self, r: Vec<Row<W>>) -> State<W> {
        let ridge = self.ridge(&self.weights.0);
        let (l, left) = best_response(&self.pattern.rows, &r, self.k, &ridge);
        let misfit: f64 = misfits(&self.pattern.rows, &l, &r).iter().sum();
        let penalty = |ridge: &[f64], rows: &[Row<W>]| -> f64 {
            ridge.iter().zip(rows).map(|(ridge, x)| ridge * dot(x, x)).sum()
        };
        let penalty = if self.mu > 0.0 {
            penalty(&ridge, &l) + penalty(&self.ridge(&self.weights.1), &r)
        } else {
            0.0
        };
        State {
            l,
            r,
            left,
            misfit,
            value: 0.5 * (misfit + penalty),
        }
    }

    /// The point with the same L Rᵀ where W1 L and W2 R are balanced, which is where the penalty is least.
    pub(super) fn balanced<const W: usize>(&self, state: &State<W>) -> Result<Vec<Row<W>>, Error> {
        let scaled = |rows: &[Row<W>], weights: &[f64]| {
            let mut a = matrix_of(rows, self.k);
            for c in 0..self.k {
                a.col_as_slice_mut(c)
                    .iter_mut()
                    .zip(weights)
                    .for_each(|(v, w)| *v *= w);
            }
            a
        };
        let z = Factors {
            l: scaled(&state.l, &self.weights.0),
            r: scaled(&state.r, &self.weights.1),
        };
        let r = Factors::balanced(&z.svd()?, 0.0).r;
        let mut rows = rows_of(r.as_ref());
        for (row, w) in rows.iter_mut().zip(&self.weights.1) {
            row.iter_mut()
                .for_each(|v| *v = if *w > 0.0 { *v / w } else { 0.0 });
        }
        Ok(rows)
    }
}

/// Minimises f from `r`. `damping` is kept between calls. The status is that of a run that had to stop.
pub(super) fn minimise<const W: usize>(
    objective: &Objective<'_>,
    r: Vec<Row<W>>,
    damping: &mut f64,
    goal: Goal,
    monitor: &mut Monitor<'_>,
) -> Result<(State<W>, Option<Status>), Error> {
    let size = objective.pattern.squared_size();
    let mut state = objective.at(r);
    for _ in 0..goal.steps {
        if state.misfit <= FITS * FITS * size {
            break;
        }
        if let Some(status) = monitor.step() {
            return Ok((state, Some(status)));
        }
        let before = (state.value, state.misfit);
        // Near a point that fits, a step need not be better than the square of the misfit before it.
        let inner = (state.misfit / size)
            .sqrt()
            .clamp(goal.inner, goal.inner.max(FIRST_INNER));
        let Some(next) = step(objective, &state, damping, Goal { inner, ..goal }) else {
            break;
        };
        state = next;
        let decrease = before.0 - state.value;
        if objective.mu > 0.0 {
            state = objective.at(objective.balanced(&state)?);
        }
        if decrease < goal.decrease * 0.5 * before.1 {
            break;
        }
    }
    Ok((state, None))
}

/// A step that decreases the objective, with as much damping as it takes.
fn step<const W: usize>(
    objective: &Objective<'_>,
    state: &State<W>,
    damping: &mut f64,
    goal: Goal,
) -> Option<State<W>> {
    let ridge = objective.ridge(&objective.weights.1);
    let mut slope = gradient(&objective.pattern.columns, &state.r, &state.l);
    for ((g, x), ridge) in slope.iter_mut().zip(&state.r).zip(&ridge) {
        (0..W).for_each(|c| g[c] += ridge * x[c]);
    }
    let undamped = Schur::new(objective, state);
    let mean = mean_block(&undamped.right, objective.k);
    for _ in 0..TRIALS {
        let schur = undamped.damped(&mean, *damping);
        let move_ = schur.solve(&slope, goal);
        let next = objective.at(state.r.iter().zip(&move_).map(|(x, d)| sum(x, d)).collect());
        // Half of the slope along a solution of the model is what the model promises.
        let ratio = (state.value - next.value) / (-0.5 * inner(&slope, &move_)).max(f64::MIN_POSITIVE);
        if next.value < state.value {
            let factor = match ratio {
                r if r > 0.75 => 0.2,
                r if r < 0.25 => 3.0,
                _ => 0.6,
            };
            *damping = (*damping * factor).max(LEAST_DAMPING);
            return Some(next);
        }
        *damping = (*damping * 5.0).max(1e-8);
        if *damping > MOST_DAMPING {
            return None;
        }
    }
    None
}

fn sum<const W: usize>(a: &Row<W>, b: &Row<W>) -> Row<W> {
    std::array::from_fn(|c| a[c] + b[c])
}

fn mean_block<const W: usize>(blocks: &[Block<W>], k: usize) -> Block<W> {
    let mut mean = [[0.0; W]; W];
    for block in blocks {
        for c in 0..k {
            for d in 0..k {
                mean[c][d] += block[c][d] / blocks.len() as f64;
            }
        }
    }
    mean
}

/// The Schur complement at a point.
pub(super) struct Schur<'a, const W: usize> {
    objective: &'a Objective<'a>,
    state: &'a State<W>,
    /// The blocks of B, and their Cholesky factors: the preconditioner.
    right: Vec<Block<W>>,
    factors: Vec<Block<W>>,
    /// The Cholesky factor of RᵀR.
    space: Block<W>,
}

impl<'a, const W: usize> Schur<'a, W> {
    pub(super) fn new(objective: &'a Objective<'a>, state: &'a State<W>) -> Self {
        let ridge = objective.ridge(&objective.weights.1);
        let right = blocks(&objective.pattern.columns, &state.l, objective.k, &ridge);
        let mut space = cross_gram(&state.r, &state.r);
        (objective.k..W).for_each(|c| space[c][c] = 1.0);
        cholesky(&mut space);
        Schur {
            objective,
            state,
            factors: factored(&right),
            right,
            space,
        }
    }

    /// With `damping` times the block `mean` added to every block of B.
    fn damped(&self, mean: &Block<W>, damping: f64) -> Self {
        let mut right = self.right.clone();
        for block in &mut right {
            (0..W).for_each(|c| add(&mut block[c], damping, &mean[c]));
        }
        Schur {
            factors: factored(&right),
            right,
            ..*self
        }
    }

    /// B w.
    pub(super) fn weigh(&self, w: &[Row<W>]) -> Vec<Row<W>> {
        let mut out = vec![[0.0; W]; w.len()];
        each_row(&mut out, &Weigh(&self.right, w));
        out
    }

    /// −S⁻¹ slope off the column space of R, to the accuracy of the goal.
    pub(super) fn solve(&self, slope: &[Row<W>], goal: Goal) -> Vec<Row<W>> {
        let mut downhill: Vec<Row<W>> = slope.iter().map(|g| g.map(|v| -v)).collect();
        self.project(&mut downhill);
        let found = conjugate_gradients(
            |v| self.times(v.as_chunks().0),
            |v| self.precondition(v.as_chunks().0),
            downhill.as_flattened(),
            goal.inner,
            goal.inner_steps,
        );
        found.x.as_chunks().0.to_vec()
    }

    /// S w = B w − Cᵀ A⁻¹ C w.
    pub(super) fn times(&self, w: &[Row<W>]) -> Vec<f64> {
        let (pattern, state) = (self.objective.pattern, self.state);
        let mut eliminated = coupling(&pattern.rows, &state.l, w, &state.r);
        each_row(&mut eliminated, &Solve(&state.left));
        let back = coupling(&pattern.columns, &state.r, &eliminated, &state.l);
        let mut out = self.weigh(w);
        each_row(&mut out, &Subtract(&back));
        self.project(&mut out);
        out.into_flattened()
    }

    fn precondition(&self, v: &[Row<W>]) -> Vec<f64> {
        let mut out = v.to_vec();
        each_row(&mut out, &Solve(&self.factors));
        self.project(&mut out);
        out.into_flattened()
    }

    /// w ← w − R (RᵀR)⁻¹ Rᵀ w.
    pub(super) fn project(&self, w: &mut [Row<W>]) {
        let r = &self.state.r;
        let mut inside = cross_gram(w, r);
        inside.iter_mut().for_each(|line| solve(&self.space, line));
        each_row(w, &Remove(r, &inside));
    }
}
