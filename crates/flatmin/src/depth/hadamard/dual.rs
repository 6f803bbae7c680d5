//! Damped Newton on a smooth dual function
//!
//!   φ(λ) = h*(λ) − ⟨λ, ŷ⟩ + Σ ψ(u_l),   u = Âᵀλ,   h*(λ) = 0, ε̂‖λ‖ or ½‖λ‖²,
//!
//! whose gradient is Â x − ŷ + ∇h* with x_l = ψ′(u_l): at the minimum, x is primal feasible. For K ≥ 3, ψ is the conjugate
//! of |x|^p itself, so that this is the whole method: r×r systems, whatever d is.

use faer::Mat;

use super::Outcome;
use super::canonical::Canonical;
use crate::linalg::dense::{Cholesky, row_gram};
use crate::linalg::vector::{axpy, dot, norm};
use crate::problem::Fit;
use crate::solve::{Monitor, Status};

/// Most Newton steps of one minimisation.
const STEPS: usize = 100;

/// ψ, the conjugate of what x pays for.
#[derive(Clone, Copy)]
pub(super) enum Conjugate<'a> {
    /// Of |x|^p: (p − 1)(|u|/p)^q, q = p/(p − 1).
    Power(f64),
    /// Of |x_l| + (x_l − z_l)²/(2σ_l), less a constant: soft(z_l + σ_l u, σ_l)²/(2σ_l).
    Proximal {
        /// z, d numbers.
        centre: &'a [f64],
        /// σ, d numbers.
        sigmas: &'a [f64],
    },
}

impl Conjugate<'_> {
    /// ψ, ψ′ and ψ″ of coordinate l.
    fn at(self, l: usize, u: f64) -> (f64, f64, f64) {
        match self {
            Conjugate::Power(p) => {
                let x = (u.abs() / p).powf(1.0 / (p - 1.0));
                let curvature = if u == 0.0 { 0.0 } else { x / (u.abs() * (p - 1.0)) };
                ((p - 1.0) / p * x * u.abs(), x.copysign(u), curvature)
            }
            Conjugate::Proximal { centre, sigmas } => {
                let sigma = sigmas[l];
                let shifted = centre[l] + sigma * u;
                let size = shifted.abs() - sigma;
                if size > 0.0 && sigma > 0.0 {
                    (0.5 * size * size / sigma, size.copysign(shifted), sigma)
                } else {
                    (0.0, 0.0, 0.0)
                }
            }
        }
    }
}

/// φ at one λ, with what its derivatives need.
pub(super) struct Point {
    pub(super) lambda: Vec<f64>,
    pub(super) x: Vec<f64>,
    pub(super) gradient: Vec<f64>,
    value: f64,
    curvature: Vec<f64>,
}

/// φ.
pub(super) struct Dual<'a> {
    pub(super) canonical: &'a Canonical,
    pub(super) conjugate: Conjugate<'a>,
}

/// The minimum of φ for K ≥ 3; of exact data the last rounding of the residual is put right.
pub(super) fn solve(canonical: &Canonical, monitor: &mut Monitor<'_>) -> Outcome {
    let p = canonical.power;
    let dual = Dual {
        canonical,
        conjugate: Conjugate::Power(p),
    };
    let mut point = dual.evaluate(dual.first(p));
    let stopped = dual.minimise(&mut point, 1e-15 * norm(&canonical.y), STEPS, monitor);
    let mut x = point.x;
    if canonical.fit == Fit::Exact {
        for _ in 0..2 {
            let mut missing = canonical.y.clone();
            axpy(-1.0, &canonical.apply(&x), &mut missing);
            axpy(1.0, &canonical.right_inverse(&missing), &mut x);
        }
    }
    Outcome {
        x,
        lambda: point.lambda,
        stopped,
    }
}

impl Dual<'_> {
    /// The multiple of ŷ at which ⟨λ, ŷ⟩ = ⟨u, x⟩ + ⟨λ, ∇h*⟩, about: φ is of the right size there.
    fn first(&self, p: f64) -> Vec<f64> {
        let y = &self.canonical.y;
        let u = self.canonical.adjoint(y);
        let q = p / (p - 1.0);
        // s·⟨y, y⟩ against s^q·Σ u·x(u) and s²·‖y‖².
        let size: f64 = u.iter().map(|u| p * (u.abs() / p).powf(q)).sum();
        let power = (dot(y, y) / size).powf(1.0 / (q - 1.0));
        let multiple = if self.canonical.ridge() > 0.0 {
            power.min(1.0)
        } else {
            power
        };
        y.iter().map(|y| multiple * y).collect()
    }

    pub(super) fn evaluate(&self, lambda: Vec<f64>) -> Point {
        let u = self.canonical.adjoint(&lambda);
        let (mut x, mut curvature, mut sum) = (vec![0.0; u.len()], vec![0.0; u.len()], 0.0);
        for (l, u) in u.iter().enumerate() {
            let value;
            (value, x[l], curvature[l]) = self.conjugate.at(l, *u);
            sum += value;
        }
        let size = norm(&lambda);
        let mut gradient = self.canonical.apply(&x);
        axpy(-1.0, &self.canonical.y, &mut gradient);
        axpy(self.pull(size), &lambda, &mut gradient);
        let conjugate = 0.5 * self.canonical.ridge() * size * size + self.canonical.radius() * size;
        Point {
            value: conjugate - dot(&lambda, &self.canonical.y) + sum,
            lambda,
            x,
            gradient,
            curvature,
        }
    }

    /// ∇h* = pull·λ.
    fn pull(&self, size: f64) -> f64 {
        self.canonical.ridge() + self.canonical.radius() / size.max(f64::MIN_POSITIVE)
    }

    /// Newton steps until ‖∇φ‖ ≤ target, or until they no longer help.
    pub(super) fn minimise(
        &self,
        point: &mut Point,
        target: f64,
        steps: usize,
        monitor: &mut Monitor<'_>,
    ) -> Option<Status> {
        for _ in 0..steps {
            if norm(&point.gradient) <= target {
                break;
            }
            if let Some(status) = monitor.step() {
                return Some(status);
            }
            let Some(step) = self.newton_step(point) else {
                break;
            };
            let Some(next) = self.search(point, &step) else {
                break;
            };
            *point = next;
            if let Conjugate::Power(p) = self.conjugate {
                self.record(point, p, monitor);
            }
        }
        None
    }

    fn record(&self, point: &Point, p: f64, monitor: &mut Monitor<'_>) {
        let canonical = self.canonical;
        let mut misfit = canonical.apply(&point.x);
        axpy(-1.0, &canonical.y, &mut misfit);
        let misfit = norm(&misfit);
        let value =
            point.x.iter().map(|x| x.abs().powf(p)).sum::<f64>() + 0.5 * canonical.ridge() * misfit * misfit;
        let unit = canonical.value_unit;
        let rank = point.x.iter().filter(|x| **x != 0.0).count();
        monitor.record(
            unit * value,
            -unit * point.value,
            misfit / norm(&canonical.y),
            rank,
        );
    }

    /// −(∇²φ + shift)⁻¹ ∇φ. The shift vanishes with the gradient; it is needed where fewer than r coordinates are curved.
    fn newton_step(&self, point: &Point) -> Option<Vec<f64>> {
        let a = &self.canonical.a;
        let curved: Vec<usize> = (0..a.ncols()).filter(|l| point.curvature[*l] > 0.0).collect();
        let roots: Vec<f64> = curved.iter().map(|l| point.curvature[*l].sqrt()).collect();
        let scaled = Mat::from_fn(a.nrows(), curved.len(), |i, j| a[(i, curved[j])] * roots[j]);
        let mut hessian = row_gram(scaled.as_ref());
        let size = norm(&point.lambda).max(f64::MIN_POSITIVE);
        let pull = self.pull(size);
        let straight = self.canonical.radius() / size.powi(3);
        for j in 0..hessian.ncols() {
            for i in 0..hessian.nrows() {
                hessian[(i, j)] -= straight * point.lambda[i] * point.lambda[j];
            }
            hessian[(j, j)] += pull;
        }
        let mean = (0..hessian.nrows()).map(|i| hessian[(i, i)]).sum::<f64>() / hessian.nrows() as f64;
        let relative = norm(&point.gradient) / norm(&self.canonical.y);
        let mut shift = (f64::min(1e-3, 0.1 * relative) + 1e-14) * mean.max(self.least_curvature());
        for _ in 0..12 {
            let mut shifted = hessian.clone();
            (0..shifted.nrows()).for_each(|i| shifted[(i, i)] += shift);
            if let Some(cholesky) = Cholesky::new(shifted) {
                let mut step: Vec<f64> = point.gradient.iter().map(|g| -g).collect();
                cholesky.solve(&mut step);
                return Some(step);
            }
            shift *= 100.0;
        }
        None
    }

    /// What ∇²φ is taken to be where no coordinate is curved: as if one were.
    fn least_curvature(&self) -> f64 {
        match self.conjugate {
            Conjugate::Power(_) => f64::MIN_POSITIVE,
            Conjugate::Proximal { sigmas, .. } => {
                let columns = self.canonical.a.col_iter().zip(sigmas);
                let sum: f64 = columns.map(|(a, sigma)| sigma * a.squared_norm_l2()).sum();
                sum / (self.canonical.a.nrows() * sigmas.len()) as f64
            }
        }
    }

    /// Backtracking on φ, or, where φ no longer resolves the step, on its gradient.
    fn search(&self, point: &Point, step: &[f64]) -> Option<Point> {
        let slope = dot(&point.gradient, step);
        let mut length = 1.0;
        for _ in 0..40 {
            let mut lambda = point.lambda.clone();
            axpy(length, step, &mut lambda);
            let next = self.evaluate(lambda);
            let descends = next.value <= point.value + 1e-4 * length * slope;
            if descends || norm(&next.gradient) <= 0.7 * norm(&point.gradient) {
                return Some(next);
            }
            length *= 0.5;
        }
        None
    }
}
