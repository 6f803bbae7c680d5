//! At a factorisation that meets the data: the multiplier that comes nearest to proving it flattest, and how far it is from
//! having others beside it. Both come from the Schur complement S of `newton.rs` at μ = 0.

use super::kernels::{Row, Solve, Subtract, coupling, dot, each_row, inner, rows_of};
use super::newton::{Goal, Objective, Schur, State};
use super::pattern::LeftOut;
use crate::error::Error;
use crate::map::Lines;
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
    inner: 1e-3,
    inner_steps: 300,
    ..MULTIPLIER
};
/// Most steps of the inverse iteration.
const INVERSE_STEPS: usize = 10;
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
    let mut lambda = Vec::with_capacity(pattern.rows.values().len());
    for (i, (u, l)) in u.iter().zip(&state.l).enumerate() {
        let line = pattern.rows.line(i).0.iter().map(|o| *o as usize);
        lambda.extend(line.map(|o| dot(u, &state.r[o]) + dot(l, &v[o])));
    }
    lambda
}

fn subtract<const W: usize>(a: &mut [Row<W>], b: &[Row<W>]) {
    each_row(a, &Subtract(b));
}

/// The square root of the smallest eigenvalue of S x = ρ B x off the column space of R, by inverse iteration: 0 where other
/// factorisations of the same rank lead away from this one, 1 where the entries of a column determine its row of R as well
/// as if L were known. An estimate from above, as all Rayleigh quotients: `None` where it is too small to be trusted and
/// too large to be none.
///
/// From two fixed random starts. What the data leave open mostly lies in a few lines with few entries, of which a start in
/// all lines has only a trace: the other start is in those alone.
pub(super) fn margin<const W: usize>(objective: &Objective<'_>, state: &State<W>) -> Option<f64> {
    let pattern = objective.pattern;
    let k = objective.k;
    let determined = |lines: &Lines<'_>| (0..lines.count()).all(|i| lines.line(i).0.len() >= k);
    if !determined(&pattern.rows) || !determined(&pattern.columns) {
        return Some(0.0);
    }
    let schur = Schur::new(objective, state);
    let start = Stream::new(0).normal_matrix(state.r.len(), k);
    let everywhere: Vec<Row<W>> = rows_of(start.as_ref());
    let mut weak = everywhere.clone();
    LeftOut::weak_columns(pattern, k)
        .iter()
        .zip(&mut weak)
        .for_each(|(weak, row)| {
            if !weak {
                *row = [0.0; W];
            }
        });
    let found = smallest_quotient(&schur, everywhere).min(smallest_quotient(&schur, weak));
    let margin = found.clamp(0.0, 1.0).sqrt();
    (!(NONE..TRUSTED).contains(&margin)).then_some(margin)
}

/// A margin below this is none: rounding leaves the square of a vanishing one below 1e-12.
pub(in crate::solve) const NONE: f64 = 1e-4;
/// A margin above this is trusted.
const TRUSTED: f64 = 1e-2;

/// The least Rayleigh quotient of S against B along an inverse iteration from `x`; infinite if that is zero.
fn smallest_quotient<const W: usize>(schur: &Schur<'_, W>, mut x: Vec<Row<W>>) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..INVERSE_STEPS {
        schur.project(&mut x);
        let weighted = schur.weigh(&x);
        let size = inner(&x, &weighted);
        let quotient = inner(&x, schur.times(&x).as_chunks().0) / size;
        let settled = quotient > SETTLED * least;
        if size.is_normal() {
            least = least.min(quotient.max(0.0));
        }
        if settled || !size.is_normal() || least == 0.0 {
            break;
        }
        let slope: Vec<Row<W>> = weighted.iter().map(|v| v.map(|v| -v / size.sqrt())).collect();
        x = schur.solve(&slope, INVERSE);
    }
    least
}
