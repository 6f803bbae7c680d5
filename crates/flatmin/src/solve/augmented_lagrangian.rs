//! Semismooth Newton augmented Lagrangian on the dual.
//!
//! With h* the conjugate of the fit (0 for exact data, ε‖λ‖ for a ball, μ/2·‖λ‖² for the penalised fit, whose objective
//! is divided by μ), each round minimises the smooth convex function
//!
//!   φ(λ) = h*(λ) − ⟨λ, b⟩ + ‖prox(Z + σ B*(λ))‖_F² / (2σ),     prox = shrinkage by σ,
//!
//! then sets Z ← prox(Z + σ B*(λ)). Its gradient is B(prox) − b + ∇h*, and its generalised Hessian is
//! σ·B∘∂prox∘B* + ∇²h*. As σ grows the rounds converge superlinearly, whatever the rank of the solution (proximal point
//! method: Rockafellar, SIAM J. Control Optim. 14, 1976; Newton on nuclear norms: Jiang, Sun, Toh, SIAM J. Optim. 22,
//! 2012). The Newton systems are solved by conjugate gradients, preconditioned by the last Hessian that was factored.

use faer::Mat;

use super::instance::{Instance, Outcome};
use super::monitor::Monitor;
use super::shrinkage::Shrunken;
use super::{DIVERGED, Settings, Status, polish, robust};
use crate::error::Error;
use crate::factors::Factors;
use crate::linalg::conjugate_gradients::conjugate_gradients;
use crate::linalg::dense::{Cholesky, product};
use crate::linalg::vector::{axpy, dot, norm};
use crate::problem::Fit;

/// First σ over the size of Z: small enough that the first subproblem is easy.
const FIRST: f64 = 1.0;
/// Largest σ over the size of Z: shrinkage by σ loses that many digits of Z.
const LARGEST: f64 = 1e3;
/// Growth of σ after an easy round; its root after a middling one.
const GROWTH: f64 = 3.0;
/// Fall of σ after a round that missed its target: the small singular values of a noisy Z take a σ of their own size.
const SHRINK: f64 = 10.0;
/// Newton steps of an easy round, and of a middling one.
const EASY: usize = 4;
/// See [`EASY`].
const MIDDLING: usize = 10;
/// ‖∇φ‖/‖b‖ that ends the first round, and the factor by which each later round tightens it.
const LOOSE: f64 = 1e-2;
/// See [`LOOSE`].
const TIGHTEN: f64 = 0.3;
/// Most Newton steps a round: one that needs more has too large a σ.
const STEPS: usize = 25;
/// Rounds in a row that may miss their target, each with a smaller σ, before the run ends.
const FAILURES: usize = 8;
/// A relative change of Z that is rounding.
const STILL: f64 = 1e-12;
/// Conjugate gradient steps that a preconditioner has to do with, else it is renewed: renewing costs about as much.
const INNER: usize = 10;
/// Accuracy of a Newton step.
const FORCING: f64 = 0.1;

/// φ at one λ, with what its derivatives need.
struct Dual {
    lambda: Vec<f64>,
    /// prox(Z + σ B*(λ)).
    shrunken: Shrunken,
    value: f64,
    gradient: Vec<f64>,
}

struct State<'a, 'b> {
    instance: &'b Instance<'a>,
    /// h*(λ) = ridge/2·‖λ‖² + epsilon·‖λ‖.
    ridge: f64,
    epsilon: f64,
    z: Mat<f64>,
    sigma: f64,
    /// Of the Hessian at some earlier point: the preconditioner.
    factor: Option<Cholesky>,
}

/// From `start`, whose λ is used if it is not zero.
pub(super) fn solve(
    instance: &Instance<'_>,
    settings: &Settings,
    start: Outcome,
    monitor: &mut Monitor<'_>,
) -> Result<Outcome, Error> {
    let (ridge, epsilon) = match instance.fit {
        Fit::Exact => (0.0, 0.0),
        Fit::Ball(epsilon) => (0.0, epsilon),
        Fit::Penalised(mu) => (mu, 0.0),
        Fit::Absolute(_) | Fit::AbsoluteBall(_) => {
            return Err(robust::unsupported("semismooth Newton on the dual"));
        }
    };
    let z = product(start.l.as_ref(), start.r.transpose());
    let mut state = State {
        instance,
        ridge,
        epsilon,
        z,
        sigma: 1.0,
        factor: None,
    };
    state.sigma = FIRST * state.scale();
    let lambda = state.first_multiplier(start.lambda)?;
    state.iterate(lambda, settings, monitor)
}

impl State<'_, '_> {
    /// λ made feasible, of about unit dual norm; along b where none is given.
    fn first_multiplier(&self, given: Vec<f64>) -> Result<Vec<f64>, Error> {
        let mut lambda = if norm(&given) > 0.0 {
            given
        } else {
            self.instance.b.to_vec()
        };
        let size = self.instance.size_of_multiplier(&lambda)?;
        lambda.iter_mut().for_each(|l| *l /= size);
        Ok(lambda)
    }

    /// The size of Z: of the present one, or of one that would explain the data.
    fn scale(&self) -> f64 {
        self.z
            .norm_l2()
            .max(0.3 * norm(&self.instance.b) / self.instance.mean_square.sqrt())
    }

    fn evaluate(&self, lambda: Vec<f64>) -> Result<Dual, Error> {
        let shifted = &self.z + faer::Scale(self.sigma) * self.instance.map.adjoint(&lambda).to_dense();
        let shrunken = Shrunken::new(self.instance.domain, shifted.as_ref(), self.sigma)?;
        let size = norm(&lambda);
        let conjugate = 0.5 * self.ridge * size * size + self.epsilon * size;
        let value = conjugate - dot(&lambda, &self.instance.b) + shrunken.squared_norm() / (2.0 * self.sigma);
        let (l, r) = shrunken.factors();
        let mut gradient = self.instance.map.apply_factored(l.as_ref(), r.as_ref());
        axpy(-1.0, &self.instance.b, &mut gradient);
        axpy(self.pull(&lambda), &lambda, &mut gradient);
        Ok(Dual {
            lambda,
            shrunken,
            value,
            gradient,
        })
    }

    fn iterate(
        &mut self,
        lambda: Vec<f64>,
        settings: &Settings,
        monitor: &mut Monitor<'_>,
    ) -> Result<Outcome, Error> {
        let size = norm(&self.instance.b);
        let floor = 1e-3 * settings.tolerance.min(1e-6) * size;
        let (mut dual, mut moved, mut accuracy, mut failures) = (self.evaluate(lambda)?, 1.0, LOOSE, 0);
        loop {
            let target = (0.1 * moved * size).min(accuracy * size).max(floor);
            let before = monitor.iterations();
            let stopped = self.minimise(&mut dual, target, monitor)?;
            let steps = monitor.iterations() - before;
            let solved = norm(&dual.gradient) <= target;
            // So does one that changes nothing any more: rounding is what is left of the gap.
            let idle = steps == 0 && moved <= STILL;
            failures = if solved && !idle { 0 } else { failures + 1 };
            let stopped = stopped.or_else(|| monitor.stopped());
            let (value, bound) = self.judge(&dual, monitor)?;
            let closed = value > 0.0 && value - bound <= 0.3 * settings.tolerance * value;
            let done = norm(&dual.gradient) <= 0.1 * settings.tolerance * size && closed;
            let diverged = self.ridge == 0.0 && bound > DIVERGED * self.scale();
            if stopped.is_some() || done || diverged || failures > FAILURES {
                return Ok(self.outcome(&dual, stopped));
            }
            if solved {
                if let Some(complete) = self.complete(&dual, settings, monitor)? {
                    return Ok(complete);
                }
                moved = self.advance(&dual, steps);
                accuracy *= TIGHTEN;
            } else {
                self.sigma /= SHRINK;
            }
            dual = self.evaluate(dual.lambda)?;
        }
    }

    /// Z ← prox, and σ by how hard the round was. Returns how far Z moved, relatively.
    fn advance(&mut self, dual: &Dual, steps: usize) -> f64 {
        let (l, r) = dual.shrunken.factors();
        let z = product(l.as_ref(), r.transpose());
        let moved = (&z - &self.z).norm_l2() / z.norm_l2().max(f64::MIN_POSITIVE);
        self.z = z;
        let growth = if steps <= EASY {
            GROWTH
        } else if steps <= MIDDLING {
            GROWTH.sqrt()
        } else {
            1.0
        };
        self.sigma = (self.sigma * growth).min(LARGEST * self.scale());
        moved
    }

    fn outcome(&self, dual: &Dual, stopped: Option<Status>) -> Outcome {
        let by = if self.ridge > 0.0 { self.ridge } else { 1.0 };
        let lambda = dual.lambda.iter().map(|v| v * by).collect();
        let (l, r) = dual.shrunken.factors();
        Outcome {
            l,
            r,
            lambda,
            stopped,
            method: "augmented lagrangian",
        }
    }

    /// Value and bound by ordinary arithmetic; records them.
    fn judge(&self, dual: &Dual, monitor: &mut Monitor<'_>) -> Result<(f64, f64), Error> {
        let nuclear = dual.shrunken.nuclear_norm();
        let top = self.instance.dual_norm(&dual.lambda)?.max(1.0);
        let (size, inner) = (norm(&dual.lambda), dot(&dual.lambda, &self.instance.b));
        let mut misfit = dual.gradient.clone();
        axpy(-self.pull(&dual.lambda), &dual.lambda, &mut misfit);
        let misfit = norm(&misfit);
        let (value, bound) = if self.ridge > 0.0 {
            let mu = self.ridge;
            (
                mu * nuclear + 0.5 * misfit * misfit,
                mu * inner / top - 0.5 * (mu * size / top).powi(2),
            )
        } else {
            (nuclear, (inner - self.epsilon * size) / top)
        };
        self.instance
            .record(monitor, value, bound, misfit, dual.shrunken.rank());
        Ok((value, bound))
    }

    /// Where the solution is determined by its rank, the last digits come from completing it.
    fn complete(
        &self,
        dual: &Dual,
        settings: &Settings,
        monitor: &mut Monitor<'_>,
    ) -> Result<Option<Outcome>, Error> {
        if self.instance.fit != Fit::Exact || norm(&dual.gradient) > 1e-3 * norm(&self.instance.b) {
            return Ok(None);
        }
        let (l, r) = dual.shrunken.factors();
        let Some(mut outcome) = polish::complete(self.instance, Factors { l, r }, &dual.lambda, monitor)?
        else {
            return Ok(None);
        };
        outcome.method = "augmented lagrangian";
        let judged = polish::judge(self.instance, &outcome)?;
        Ok(judged.proves(0.5 * settings.tolerance).then_some(outcome))
    }

    /// Newton steps on φ until ‖∇φ‖ ≤ target.
    fn minimise(
        &mut self,
        dual: &mut Dual,
        target: f64,
        monitor: &mut Monitor<'_>,
    ) -> Result<Option<Status>, Error> {
        for _ in 0..STEPS {
            if norm(&dual.gradient) <= target {
                break;
            }
            if let Some(status) = monitor.step() {
                return Ok(Some(status));
            }
            let Some(step) = self.newton_step(dual) else { break };
            let Some(next) = self.search(dual, &step)? else {
                break;
            };
            *dual = next;
        }
        Ok(None)
    }

    /// −(∇²φ + shift)⁻¹ ∇φ: by conjugate gradients with the last factored Hessian as preconditioner, or, where that has
    /// aged too much, by factoring the present one.
    fn newton_step(&mut self, dual: &Dual) -> Option<Vec<f64>> {
        let downhill: Vec<f64> = dual.gradient.iter().map(|g| -g).collect();
        let shift = self.shift(dual);
        if let Some(factor) = &self.factor {
            let precondition = |v: &[f64]| {
                let mut out = v.to_vec();
                factor.solve(&mut out);
                out
            };
            let apply = |v: &[f64]| self.hessian_times(dual, v, shift);
            let step = conjugate_gradients(apply, precondition, &downhill, FORCING, INNER);
            if step.converged {
                return Some(step.x);
            }
        }
        // The old factor goes first: two of them are the method's memory.
        self.factor = None;
        let factor = self.factored_hessian(dual, shift)?;
        let mut step = downhill;
        factor.solve(&mut step);
        self.factor = Some(factor);
        Some(step)
    }

    /// A little of the identity, vanishing with the gradient: the Hessian is singular where the dual is not unique.
    fn shift(&self, dual: &Dual) -> f64 {
        let relative = norm(&dual.gradient) / norm(&self.instance.b);
        // The mean diagonal entry of σ·B∘∂prox∘B*, for entries of ∂prox of about 1 on the tangent space.
        let mean = self.sigma * self.instance.mean_square * dual.shrunken.tangent_dimension() as f64;
        (f64::min(1e-3, 0.1 * relative) + 1e-14) * mean / dual.lambda.len() as f64
    }

    /// The coefficient of the identity in ∇²h*, and of λ in ∇h*.
    fn pull(&self, lambda: &[f64]) -> f64 {
        self.ridge
            + if self.epsilon > 0.0 {
                self.epsilon / norm(lambda).max(f64::MIN_POSITIVE)
            } else {
                0.0
            }
    }

    /// (∇²φ + shift·I) v, by products.
    fn hessian_times(&self, dual: &Dual, v: &[f64], shift: f64) -> Vec<f64> {
        let direction = self.instance.map.adjoint(v).to_dense();
        let image = dual.shrunken.derivative(&direction);
        let mut out = self.instance.map.apply_dense(image.as_ref());
        out.iter_mut().for_each(|o| *o *= self.sigma);
        axpy(self.pull(&dual.lambda) + shift, v, &mut out);
        if self.epsilon > 0.0 {
            // ε‖λ‖ is straight along λ itself.
            let length = norm(&dual.lambda).max(f64::MIN_POSITIVE);
            axpy(
                -self.epsilon * dot(&dual.lambda, v) / length.powi(3),
                &dual.lambda,
                &mut out,
            );
        }
        out
    }

    /// The Cholesky factor of ∇²φ + shift·I, less the rank-one part of the ball (conjugate gradients see to that).
    fn factored_hessian(&self, dual: &Dual, mut shift: f64) -> Option<Cholesky> {
        let pull = self.pull(&dual.lambda);
        // More than one round takes a curvature that is singular to rounding; it is formed anew, since the factorisation
        // takes its place.
        for _ in 0..12 {
            let mut hessian = dual.shrunken.curvature(&self.instance.map);
            hessian *= faer::Scale(self.sigma);
            (0..hessian.nrows()).for_each(|i| hessian[(i, i)] += pull + shift);
            if let Some(cholesky) = Cholesky::new(hessian) {
                return Some(cholesky);
            }
            shift *= 100.0;
        }
        None
    }

    /// Backtracking on φ.
    fn search(&self, dual: &Dual, step: &[f64]) -> Result<Option<Dual>, Error> {
        let slope = dot(&dual.gradient, step);
        let mut length = 1.0;
        for _ in 0..25 {
            let mut lambda = dual.lambda.clone();
            axpy(length, step, &mut lambda);
            let next = self.evaluate(lambda)?;
            // Below the last term φ no longer resolves a step.
            if next.value <= dual.value + 1e-4 * length * slope + 1e-13 * dual.value.abs() {
                return Ok(Some(next));
            }
            length *= 0.5;
        }
        Ok(None)
    }
}
