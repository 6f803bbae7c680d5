//! A trial of the sparse model: weighted ℓ1, which is what flat means for x = v_1 ⊙ v_2.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::Row;
use crate::depth::hadamard::{Problem, solve};
use crate::error::Error;
use crate::linalg::vector::norm;
use crate::problem::Fit;
use crate::random::Stream;
use crate::solve::{Observer, Settings, Status};
use crate::synthetic::Sparse;

/// Draws the instance that the row asks for and solves it.
pub(super) fn solved(
    row: Row,
    m: usize,
    stream: &mut Stream,
    success: f64,
    settings: &Settings,
    interrupt: &AtomicBool,
) -> Result<Row, Error> {
    let made = Sparse::draw(stream, row.d1, m, row.rank, 0.0);
    let problem = Problem::new(made.matrix(), made.y, 2, Fit::Exact)?;
    let observer = Observer {
        interrupt: Some(interrupt),
        ..Observer::default()
    };
    let start = Instant::now();
    let solution = solve(&problem, settings, &observer)?;
    let seconds = start.elapsed().as_secs_f64();
    let difference: Vec<f64> = solution.x.iter().zip(&made.truth).map(|(x, t)| x - t).collect();
    let error = norm(&difference) / norm(&made.truth);
    let certificate = &solution.certificate;
    Ok(Row {
        m,
        status: solution.status.name().to_owned(),
        recovered: (solution.status == Status::Certified).then_some(error <= success),
        error: Some(error),
        value: Some(certificate.value),
        lower_bound: Some(certificate.lower_bound),
        gap: Some(certificate.gap).filter(|gap| gap.is_finite()),
        unique: certificate.uniqueness.unique,
        rank_found: Some(certificate.support),
        iterations: Some(solution.iterations),
        seconds,
        ..row
    })
}
