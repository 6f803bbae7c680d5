//! Deep Hadamard products  x = v_1 ⊙ … ⊙ v_K ∈ R^d  with y = A x, and the flattest of them.
//!
//! For one x the trace of the Hessian is least where |v_{j,l}| = |x_l|^{1/K}, and then equals 2K·Σ w_l|x_l|^p with
//! w_l = ‖a_l‖² and p = 2 − 2/K. With u = Aᵀλ, flatness is therefore
//!
//! ```text
//! (P)  min Σ w_l|x_l|^p   s.t.  A x = y;   or  ‖A x − y‖₂ ≤ ε;   or  min ½‖A x − y‖₂² + μ·Σ w_l|x_l|^p;
//! (D)  K = 2:  max ⟨λ, y⟩ (− ε‖λ‖₂, − ½‖λ‖₂²)   s.t.  |u_l| ≤ w_l (μ·w_l);
//!      K ≥ 3:  max ⟨λ, y⟩ (− ε‖λ‖₂, − ½‖λ‖₂²) − Σ f_l*(u_l),   f_l*(u) = (p − 1)·w_l·(|u|/(p·w_l))^q,   q = p/(p − 1),
//! ```
//!
//! with μ·w_l in place of w_l for the penalised fit. K = 2 is weighted ℓ1 and finds sparse x; K ≥ 3 is strictly convex and
//! does not. Source: Ding et al. (2024), section on depth, DOI 10.1093/imaiai/iaae009.

mod canonical;
mod certificate;
mod dual;
mod limit;
mod point;
mod problem;
mod shrinkage;
mod vertex;

pub use certificate::{Certificate, certify};
pub use limit::limit;
pub use point::{Audit, Hessian, Point, audit};
pub use problem::Problem;

use crate::domain::Domain;
use crate::error::Error;
use crate::linalg::vector::safe_norm;
use crate::problem::Fit;
use crate::solve::{Monitor, Observer, Record, Settings, Status};
use canonical::Canonical;

/// What a run found, with its proof.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Solution {
    /// x, d numbers.
    pub x: Vec<f64>,
    /// The flattest factors of x.
    pub factors: Point,
    /// λ, one number a measurement.
    pub dual: Vec<f64>,
    /// What is proved.
    pub certificate: Certificate,
    /// How the run ended.
    pub status: Status,
    /// Newton steps taken.
    pub iterations: usize,
    /// The course of the run.
    pub history: Vec<Record>,
}

/// x̂ and λ̂ of the canonical problem, and why the run stopped early, if it did.
struct Outcome {
    x: Vec<f64>,
    lambda: Vec<f64>,
    stopped: Option<Status>,
}

/// Solves (P) and certifies what it found. Of the settings, `rank` and `method` have no meaning here.
///
/// Coordinates whose column of A is zero are set to zero: they cost nothing and measure nothing.
///
/// # Errors
/// Settings out of range, contradictory exact data. Running out of steps or time is a [`Status`].
pub fn solve(problem: &Problem, settings: &Settings, observer: &Observer<'_>) -> Result<Solution, Error> {
    settings.check(Domain::General)?;
    let mut monitor = Monitor::new(settings, observer);
    let (x, dual, stopped) = match problem.fit() {
        // x = 0 is as good as any: λ = 0 proves it, or λ = y does.
        Fit::Ball(epsilon) if safe_norm(problem.data()) <= epsilon => problem.zero(),
        _ if safe_norm(problem.data()) == 0.0 => problem.zero(),
        _ => {
            let canonical = Canonical::new(problem)?;
            let outcome = if problem.depth() == 2 {
                shrinkage::solve(&canonical, settings, &mut monitor)?
            } else {
                dual::solve(&canonical, &mut monitor)
            };
            let (x, lambda) = canonical.restore(&outcome);
            (x, lambda, outcome.stopped)
        }
    };
    let certificate = certify(problem, &x, &dual)?;
    let status = match stopped {
        _ if certificate.proves(settings.tolerance) => Status::Certified,
        Some(status) => status,
        None => Status::Converged,
    };
    Ok(Solution {
        factors: Point::flattest(&x, problem.depth()),
        x,
        dual,
        certificate,
        status,
        iterations: monitor.iterations(),
        history: monitor.into_history(),
    })
}
