//! Semismooth Newton augmented Lagrangian on the dual.
//!
//! With h* the conjugate of the fit (0 for exact data, ε‖λ‖ for a ball, ½‖λ‖² for the penalised fit, in which the
//! objective is divided by μ), each round minimises the smooth convex function
//!
//!   φ(λ) = h*(λ) − ⟨λ, b⟩ + ‖prox(Z + σ B*(λ))‖_F² / (2σ),     prox = singular value shrinkage by σ,
//!
//! then sets Z ← prox(Z + σ B*(λ)). Its gradient is B(prox) − b + ∇h*, and its generalised Hessian σ·B∘∂prox∘B* + ∇²h*
//! is an m×m matrix, formed through the p shrunken singular vectors only. With growing σ the rounds converge
//! superlinearly whatever the rank of the solution (proximal point method: Rockafellar, SIAM J. Control Optim. 14, 1976;
//! the Newton method for nuclear norms: Jiang, Sun, Toh, SIAM J. Optim. 22, 2012).

use faer::{Mat, MatRef};

use super::instance::{Instance, Outcome};
use super::monitor::Monitor;
use super::{Settings, Status, polish};
use crate::error::Error;
use crate::factors::Factors;
use crate::linalg::dense::{Cholesky, Svd, full_svd, product, row_gram};
use crate::linalg::vector::{axpy, dot, norm};
use crate::problem::Fit;

/// First σ over ‖Z‖_F: small enough that the first subproblem is easy.
const FIRST: f64 = 1.0;
/// Growth of σ a round.
const GROWTH: f64 = 3.0;
/// Most Newton steps a round.
const STEPS: usize = 50;

/// φ at one λ, with the decomposition that its derivatives need.
struct Dual {
    lambda: Vec<f64>,
    /// Of Z + σ B*(λ), with square U and V.
    svd: Svd,
    /// Singular values above σ.
    active: usize,
    value: f64,
    gradient: Vec<f64>,
}

struct State<'a, 'b> {
    instance: &'b Instance<'a>,
    /// The misfit term: h*(λ) = ½ρ‖λ‖² (penalised), or ε‖λ‖.
    ridge: f64,
    epsilon: f64,
    z: Mat<f64>,
    sigma: f64,
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
        // min ½‖B(Z) − b‖² + μ‖Z‖_*, divided by μ: h*(λ) = μ/2·‖λ‖².
        Fit::Penalised(mu) => (mu, 0.0),
    };
    let z = product(start.l.as_ref(), start.r.transpose());
    let mut state = State {
        instance,
        ridge,
        epsilon,
        z,
        sigma: 1.0,
    };
    let lambda = state.first_multiplier(start.lambda)?;
    state.iterate(lambda, settings, monitor)
}

impl<'a> State<'a, '_> {
    /// λ in this method's scale (the penalised dual divided by μ); b itself, made feasible, where there is none.
    fn first_multiplier(&mut self, given: Vec<f64>) -> Result<Vec<f64>, Error> {
        let mut lambda = given;
        if norm(&lambda) == 0.0 {
            lambda = self.instance.b.clone();
        }
        let top = self.instance.leading(&self.instance.map.adjoint(&lambda), 1)?.s[0];
        lambda.iter_mut().for_each(|l| *l /= top);
        let typical = norm(&self.instance.b) / self.instance.mean_square.sqrt();
        self.sigma = std::env::var("FIRST")
            .map(|v| v.parse().unwrap())
            .unwrap_or(FIRST)
            * self.z.norm_l2().max(0.1 * typical);
        Ok(lambda)
    }

    fn evaluate(&self, lambda: Vec<f64>) -> Result<Dual, Error> {
        let sigma = self.sigma;
        let shifted = &self.z + faer::Scale(sigma) * self.instance.map.adjoint(&lambda).to_dense();
        let svd = full_svd(shifted.as_ref())?;
        let active = svd.s.iter().take_while(|s| **s > sigma).count();
        let size = norm(&lambda);
        let shrunk: f64 = svd.s[..active].iter().map(|s| (s - sigma).powi(2)).sum();
        let conjugate = 0.5 * self.ridge * size * size + self.epsilon * size;
        let value = conjugate - dot(&lambda, &self.instance.b) + shrunk / (2.0 * sigma);
        let (l, r) = shrunken(&svd, active, sigma);
        let mut gradient = self.instance.map.apply_factored(l.as_ref(), r.as_ref());
        axpy(-1.0, &self.instance.b, &mut gradient);
        let pull = self.ridge + if size > 0.0 { self.epsilon / size } else { 0.0 };
        axpy(pull, &lambda, &mut gradient);
        Ok(Dual {
            lambda,
            svd,
            active,
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
        let floor = 1e-3 * settings.tolerance.min(1e-6);
        let (mut dual, mut moved) = (self.evaluate(lambda)?, 1.0);
        let mut stalled = 0;
        let mut outer = 0;
        loop {
            let env = |k: &str, d: f64| std::env::var(k).map(|v| v.parse().unwrap()).unwrap_or(d);
            let target = (env("T1", 0.1) * moved * size)
                .min(1e-2 * env("T2", 0.3).powi(outer) * size)
                .max(floor * size);
            outer += 1;
            let before = monitor.iterations();
            let stopped = self.minimise(&mut dual, target, monitor)?;
            let steps = monitor.iterations() - before;
            eprintln!(
                "  al sigma/Z {:.2e} steps {} target {:.1e} grad {:.1e} active {}",
                self.sigma / self.z.norm_l2(),
                steps,
                target / size,
                norm(&dual.gradient) / size,
                dual.active
            );
            let (l, r) = shrunken(&dual.svd, dual.active, self.sigma);
            let z = product(l.as_ref(), r.transpose());
            moved = (&z - &self.z).norm_l2() / z.norm_l2().max(f64::MIN_POSITIVE);
            self.z = z;
            let judged = self.judge(&dual, monitor)?;
            let feasible = norm(&dual.gradient) <= 0.1 * settings.tolerance * size;
            let outcome = |lambda: &[f64], l: Mat<f64>, r: Mat<f64>, stopped: Option<Status>| {
                let by = if self.ridge > 0.0 { self.ridge } else { 1.0 };
                let lambda = lambda.iter().map(|v| v * by).collect();
                Outcome {
                    l,
                    r,
                    lambda,
                    stopped,
                    method: "augmented lagrangian",
                }
            };
            if stopped.is_some() {
                return Ok(outcome(&dual.lambda, l, r, stopped));
            }
            if let Some(done) = self.complete(&dual, settings, &l, &r, monitor)? {
                return Ok(done);
            }
            stalled = if norm(&dual.gradient) > target {
                stalled + 1
            } else {
                0
            };
            if (feasible && judged <= 0.3 * settings.tolerance) || stalled > 8 {
                return Ok(outcome(&dual.lambda, l, r, None));
            }
            let env = |k: &str, d: f64| std::env::var(k).map(|v| v.parse().unwrap()).unwrap_or(d);
            self.sigma *= if steps <= env("S1", 4.) as usize {
                env("G1", 3.)
            } else if steps <= env("S2", 10.) as usize {
                env("G2", 1.7)
            } else {
                env("G3", 1.)
            };
            self.sigma = self.sigma.min(env("CAP", 1e3) * self.z.norm_l2());
            dual = self.evaluate(dual.lambda)?;
        }
    }

    /// Relative gap by ordinary arithmetic; records it.
    fn judge(&self, dual: &Dual, monitor: &mut Monitor<'_>) -> Result<f64, Error> {
        let instance = self.instance;
        let nuclear: f64 = dual.svd.s[..dual.active].iter().map(|s| s - self.sigma).sum();
        let top = instance.leading(&instance.map.adjoint(&dual.lambda), 1)?.s[0].max(1.0);
        let size = norm(&dual.lambda);
        let inner = dot(&dual.lambda, &instance.b);
        let mut misfit = dual.gradient.clone();
        axpy(
            -(self.ridge + if size > 0.0 { self.epsilon / size } else { 0.0 }),
            &dual.lambda,
            &mut misfit,
        );
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
        instance.record(monitor, value, bound, misfit, dual.active);
        Ok((value - bound) / value)
    }

    /// Where the solution is determined by its rank, the last digits come from completing it.
    fn complete(
        &self,
        dual: &Dual,
        settings: &Settings,
        l: &Mat<f64>,
        r: &Mat<f64>,
        monitor: &mut Monitor<'_>,
    ) -> Result<Option<Outcome>, Error> {
        let (d1, d2) = self.instance.map.shape();
        let p = dual.active;
        let determined = p > 0 && p * (d1 + d2 - p) <= self.instance.b.len();
        if self.instance.fit != Fit::Exact
            || !determined
            || norm(&dual.gradient) > 1e-3 * norm(&self.instance.b)
        {
            return Ok(None);
        }
        let near = Factors {
            l: l.clone(),
            r: r.clone(),
        };
        let Some(mut outcome) = polish::complete(self.instance, near, &dual.lambda, monitor)? else {
            return Ok(None);
        };
        outcome.method = "augmented lagrangian";
        let judged = polish::judge(self.instance, &outcome)?;
        Ok(judged.proves(0.5 * settings.tolerance).then_some(outcome))
    }

    /// Newton steps on φ until ‖∇φ‖ ≤ target.
    fn minimise(
        &self,
        dual: &mut Dual,
        target: f64,
        monitor: &mut Monitor<'_>,
    ) -> Result<Option<Status>, Error> {
        for _ in 0..std::env::var("MAXI").map(|v| v.parse().unwrap()).unwrap_or(STEPS) {
            let size = norm(&dual.gradient);
            if size <= target {
                break;
            }
            if let Some(status) = monitor.step() {
                return Ok(Some(status));
            }
            let Some(step) = self.newton_step(dual, size) else {
                break;
            };
            let Some(next) = self.search(dual, &step)? else {
                break;
            };
            *dual = next;
        }
        Ok(None)
    }

    /// −(∇²φ + shift)⁻¹ ∇φ.
    fn newton_step(&self, dual: &Dual, size: f64) -> Option<Vec<f64>> {
        let features = self.curvature_features(dual);
        let mut hessian = row_gram(features.as_ref());
        hessian *= faer::Scale(self.sigma);
        let m = dual.lambda.len();
        let length = norm(&dual.lambda);
        let pull = self.ridge + if length > 0.0 { self.epsilon / length } else { 0.0 };
        let mean = (0..m).map(|i| hessian[(i, i)]).sum::<f64>() / m as f64;
        let relative = size / norm(&self.instance.b);
        let mut shift = f64::min(1e-3, 0.1 * relative) * mean + 1e-14 * (mean + pull);
        if self.epsilon > 0.0 && length > 0.0 {
            let unit: Vec<f64> = dual.lambda.iter().map(|l| l / length).collect();
            let unit = MatRef::from_column_major_slice(&unit, m, 1);
            crate::linalg::dense::add_product(
                hessian.as_mut(),
                -self.epsilon / length,
                unit,
                unit.transpose(),
            );
        }
        for _ in 0..30 {
            let mut system = hessian.clone();
            (0..m).for_each(|i| system[(i, i)] += pull + shift);
            if let Some(cholesky) = Cholesky::new(system) {
                let mut step: Vec<f64> = dual.gradient.iter().map(|g| -g).collect();
                cholesky.solve(&mut step);
                return Some(step);
            }
            shift = f64::max(shift * 10.0, 1e-12 * mean);
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
            let allowed = 1e-4 * length * slope + 1e-13 * dual.value.abs();
            if next.value <= dual.value + allowed {
                return Ok(Some(next));
            }
            length *= 0.5;
        }
        Ok(None)
    }

    /// K with B∘∂prox∘B* = K Kᵀ: the measurement matrices in the singular bases, entries (i, j) with i ≤ p or j ≤ p, each
    /// weighted by the root of its derivative. For i, j both within the square part, the derivative of shrinkage acts on
    /// the symmetric and on the antisymmetric part, by (f_i − f_j)/(s_i − s_j) and (f_i + f_j)/(s_i + s_j),
    /// f = (s − σ)₊; beyond it, by f_i/s_i.
    fn curvature_features(&self, dual: &Dual) -> Mat<f64> {
        let (svd, p) = (&dual.svd, dual.active);
        let (d1, d2) = self.instance.map.shape();
        let (q, m) = (d1.min(d2), dual.lambda.len());
        let (up, vp) = (svd.u.as_ref().subcols(0, p), svd.v.as_ref().subcols(0, p));
        let jacobian = self.instance.map.jacobian(up, vp);
        // Row i, column j: (Uᵀ B_i V)[j, c] of the block for column c of V, (Uᵀ B_i V)[c, j] of that for column c of U.
        let rotate = |basis: &Mat<f64>, start: usize| {
            product(
                jacobian.as_ref().subrows(start, basis.nrows()).transpose(),
                basis.as_ref(),
            )
        };
        let shrink = |j: usize| (svd.s[j] - self.sigma).max(0.0);
        let mut features = Mat::zeros(m, p * (d1 + d2 - p));
        let mut next = 0;
        let mut push = |weight: f64, a: &[f64], sign: f64, b: &[f64]| {
            let target = features.col_as_slice_mut(next);
            for ((out, a), b) in target.iter_mut().zip(a).zip(b) {
                *out = weight * (a + sign * b);
            }
            next += 1;
        };
        for c in 0..p {
            let column = rotate(&svd.u, c * d1);
            let line = rotate(&svd.v, p * d1 + c * d2);
            push(1.0, column.col_as_slice(c), 0.0, column.col_as_slice(c));
            for j in c + 1..q {
                let (a, b) = (column.col_as_slice(j), line.col_as_slice(j));
                let difference = (svd.s[c] - svd.s[j]).max(f64::MIN_POSITIVE);
                let symmetric = if j < p {
                    1.0
                } else {
                    (shrink(c) / difference).min(1.0)
                };
                let antisymmetric = (shrink(c) + shrink(j)) / (svd.s[c] + svd.s[j]);
                push((0.5 * symmetric).sqrt(), a, 1.0, b);
                push((0.5 * antisymmetric).sqrt(), a, -1.0, b);
            }
            let beyond = (shrink(c) / svd.s[c]).sqrt();
            (q..d1).for_each(|j| push(beyond, column.col_as_slice(j), 0.0, column.col_as_slice(j)));
            (q..d2).for_each(|j| push(beyond, line.col_as_slice(j), 0.0, line.col_as_slice(j)));
        }
        features
    }
}

/// Factors of the shrunken matrix.
fn shrunken(svd: &Svd, active: usize, sigma: f64) -> (Mat<f64>, Mat<f64>) {
    let scale = |basis: &Mat<f64>| {
        Mat::from_fn(basis.nrows(), active, |i, j| {
            basis[(i, j)] * (svd.s[j] - sigma).max(0.0).sqrt()
        })
    };
    (scale(&svd.u), scale(&svd.v))
}
