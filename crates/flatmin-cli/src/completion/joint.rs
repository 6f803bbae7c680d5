//! Biases fitted together with X:
//!
//! ```text
//! min over X, u, v, μ of  F = ½ Σ_i (y_i − μ − u_a − v_b − X[a, b])² + λ‖W̃1 X W̃2‖_* + ½β(‖u‖² + ‖v‖²)
//! ```
//!
//! with (a, b) the place of entry i and β = [`DAMPING`]. F is convex. The biases of the start minimise it at X = 0; then X
//! and the biases are minimised over in turn, so that F never rises. A round whose X is solved to a gap may raise F by that
//! gap: it is undone, and the last one.

use flatmin::Problem;
use flatmin::solve::{Solution, Status};

use super::centre::{Centre, DAMPING};
use crate::failure::Failure;
use crate::input::Source;

/// Most rounds: each solves for X once.
const ROUNDS: usize = 8;
/// A round that lowers F by less than this share of it is the last.
const ENOUGH: f64 = 1e-4;

/// Goes on from the solution at the biases `centre`; `centre` and the data of the problem change with them. `solve` is given
/// the last solution to begin with.
pub(crate) fn fit<'a>(
    mut problem: Problem<'a>,
    mut solution: Solution,
    centre: &mut Centre,
    solve: impl Fn(&Problem, &Solution) -> Result<Solution, Failure>,
    source: Source<'_>,
) -> Result<(Problem<'a>, Solution), Failure> {
    let about = |error| Failure::about(source, error);
    for _ in 0..ROUNDS {
        if matches!(solution.status, Status::Budget | Status::Interrupted) {
            break;
        }
        let Some((next, data)) = updated(&problem, &solution, centre) else {
            break;
        };
        let before = problem.data().to_vec();
        problem = problem.with_data(data).map_err(about)?;
        let found = solve(&problem, &solution)?;
        let iterations = solution.iterations + found.iterations;
        let old = solution.certificate.value + ridge(centre);
        let new = found.certificate.value + ridge(&next);
        if new < old {
            solution = found;
            *centre = next;
        } else {
            problem = problem.with_data(before).map_err(about)?;
            if matches!(found.status, Status::Budget | Status::Interrupted) {
                solution.status = found.status;
            }
        }
        solution.iterations = iterations;
        // Written so that NaN ends it too.
        let goes_on = new < (1.0 - ENOUGH) * old;
        if !goes_on {
            break;
        }
    }
    Ok((problem, solution))
}

/// The biases that are best for X, and the data less them; `None` for data that are no entries.
fn updated(problem: &Problem, solution: &Solution, centre: &Centre) -> Option<(Centre, Vec<f64>)> {
    let entries = problem.map().as_entries()?;
    let places = || entries.rows().iter().zip(entries.columns());
    let at = |centre: &Centre, (a, b): (&u32, &u32)| centre.at(*a as usize, *b as usize);
    let raw: Vec<f64> = places()
        .zip(problem.data())
        .map(|(place, y)| y + at(centre, place))
        .collect();
    let x = &solution.factors;
    let fitted = problem.map().apply_factored(x.l.as_ref(), x.r.as_ref());
    let rest: Vec<f64> = raw.iter().zip(fitted).map(|(y, fitted)| y - fitted).collect();
    let next = centre.clone().refined(entries.rows(), entries.columns(), &rest);
    let data = places().zip(raw).map(|(place, y)| y - at(&next, place)).collect();
    Some((next, data))
}

/// ½β(‖u‖² + ‖v‖²).
fn ridge(centre: &Centre) -> f64 {
    let biases = centre.rows.iter().chain(&centre.columns);
    0.5 * DAMPING * biases.map(|bias| bias * bias).sum::<f64>()
}
