//! At a factorisation that meets the data: the multiplier that comes nearest to proving it flattest, and how far it is from
//! having others beside it. Both come from the Schur complement S of `newton.rs` at μ = 0.

use super::kernels::{Row, Solve, Subtract, coupling, dot, each_row, inner, rows_of};
use super::newton::{Goal, Objective, Schur, State};
use crate::error::Error;
use crate::random::Stream;

/// For the multiplier: what it misses of the tangent space is added to its norm.
const MULTIPLIER: Goal = Goal {
    steps: 1,
    decrease: 0.0,
    inner: 1e-9,
    inner_steps: 500,
};
/// For a step of the inverse iteration.
const INVERSE: Goal = Goal {
    inner: 1e-2,
    inner_steps: 300,
    ..MULTIPLIER
};
/// Most steps of the inverse iteration.
const INVERSE_STEPS: usize = 8;
/// It ends when the quotient falls by less than this factor.
const SETTLED: f64 = 0.9;

/// A point with W1 L and W2 R balanced, which the conditions below are written for.
pub(super) fn balanced_point<const W: usize>(
    objective: &Objective<'_>,
    r: Vec<Row<W>>,
) -> Result<State<W>, Error> {
    let state = objective.at(r);
    Ok(objective.at(objective.balanced(&state)?))
}

/// The λ of least norm with P_T B*(λ) = U Vᵀ: λ = J x with JᵀJ x = (W1² L, W2² R), one number an entry.
pub(super) fn multiplier<const W: usize>(objective: &Objective<'_>, state: &State<W>) -> Vec<f64> {
    let pattern = objective.pattern;
    let weighted = |rows: &[Row<W>], w: &[f64]| -> Vec<Row<W>> {
        rows.iter().zip(w).map(|(x, w)| x.map(|v| w * w * v)).collect()
    };
    let eliminate = |rows: &mut [Row<W>]| each_row(rows, &Solve(&state.left));
    let goal = weighted(&state.l, &objective.weights.0);
    let mut first = goal.clone();
    eliminate(&mut first);
    // −(W2² R − Cᵀ A⁻¹ W1² L).
    let mut slope = coupling(&pattern.columns, &state.r, &first, &state.l);
    subtract(&mut slope, &weighted(&state.r, &objective.weights.1));
    let v = Schur::new(objective, state).solve(&slope, MULTIPLIER);
    let mut u = goal;
    subtract(&mut u, &coupling(&pattern.rows, &state.l, &v, &state.r));
    eliminate(&mut u);
    let mut lambda = Vec::with_capacity(pattern.rows.other.len());
    for (i, (u, l)) in u.iter().zip(&state.l).enumerate() {
        let line = pattern.rows.line(i).0.iter().map(|o| *o as usize);
        lambda.extend(line.map(|o| dot(u, &state.r[o]) + dot(l, &v[o])));
    }
    lambda
}

fn subtract<const W: usize>(a: &mut [Row<W>], b: &[Row<W>]) {
    each_row(a, &Subtract(b));
}

/// The square root of the smallest eigenvalue of S x = ρ B x off the column space of R, by inverse iteration from a fixed
/// random start: 0 where other factorisations of the same rank lead away from this one, 1 where the entries of a column
/// determine its row of R as well as if L were known. An estimate from above, as all Rayleigh quotients.
pub(super) fn margin<const W: usize>(objective: &Objective<'_>, state: &State<W>) -> f64 {
    let pattern = objective.pattern;
    let k = objective.k;
    let determined = |half: &super::pattern::Half| (0..half.lines()).all(|i| half.line(i).0.len() >= k);
    if !determined(&pattern.rows) || !determined(&pattern.columns) {
        return 0.0;
    }
    let schur = Schur::new(objective, state);
    let start = Stream::new(0).normal_matrix(state.r.len(), k);
    let mut x: Vec<Row<W>> = rows_of(start.as_ref());
    let mut least = f64::INFINITY;
    for _ in 0..INVERSE_STEPS {
        schur.project(&mut x);
        let weighted = schur.weigh(&x);
        let size = inner(&x, &weighted);
        let quotient = inner(&x, schur.times(&x).as_chunks().0) / size;
        let settled = quotient > SETTLED * least;
        least = least.min(quotient.max(0.0));
        if settled || !size.is_finite() || least == 0.0 {
            break;
        }
        let slope: Vec<Row<W>> = weighted.iter().map(|v| v.map(|v| -v / size.sqrt())).collect();
        x = schur.solve(&slope, INVERSE);
    }
    least.min(1.0).sqrt()
}
