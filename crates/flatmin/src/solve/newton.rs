//! Damped Newton on the factored penalised objective
//!
//!   F_μ(L, R) = μ/2·(‖L‖_F² + ‖R‖_F²) + ½‖B(L Rᵀ) − b‖²,
//!
//! whose gradient is (μL + W R, μR + Wᵀ L) with W = B*(B(L Rᵀ) − b), and whose Hessian is μI + JᵀJ plus the coupling of
//! the two blocks by W. In a symmetric domain (L, R) = (U, U S), and all of these are restricted to U
//! ([`Parametrisation`]). Small systems are formed and factored; large ones are solved by preconditioned conjugate
//! gradients through products alone.

use faer::{Mat, MatRef};

use super::Status;
use super::instance::Instance;
use super::monitor::Monitor;
use super::preconditioner::Preconditioner;
use crate::linalg::conjugate_gradients::conjugate_gradients;
use crate::linalg::dense::{Cholesky, beside, product, row_gram};
use crate::linalg::vector::{axpy, dot, norm};
use crate::map::{Adjoint, column_major};
use crate::parametrisation::Parametrisation;

/// Numbers of the Jacobian, and unknowns, up to which the Newton system may be formed: 256 MiB, and 128 MiB.
pub(super) const FORMED_JACOBIAN: usize = 1 << 25;
/// See [`FORMED_JACOBIAN`].
pub(super) const FORMED_UNKNOWNS: usize = 4000;
/// Conjugate gradient steps of a typical Newton step.
const TYPICAL_INNER: f64 = 20.0;

/// Whether a Newton step at rank k is cheaper with a formed system: n²m + n³/3 operations against about twenty products
/// with the Jacobian and its adjoint, which cost four times a product with k columns for a pair (L, R), and half that for U.
fn form_system(instance: &Instance<'_>, unknowns: &Parametrisation, k: usize) -> bool {
    let (n, m) = (unknowns.unknowns(instance.map.shape(), k), instance.b.len());
    let formed = (n * n) as f64 * (m as f64 + n as f64 / 3.0);
    let products = match unknowns {
        Parametrisation::Pair => 4.0,
        Parametrisation::Signed(_) => 2.0,
    };
    let applied = TYPICAL_INNER * products * instance.map.map().cost_factored(k);
    n <= FORMED_UNKNOWNS && n * m <= FORMED_JACOBIAN && formed <= applied
}

/// A point (L, R) with what is known there.
pub(super) struct Point<'a> {
    pub(super) l: Mat<f64>,
    pub(super) r: Mat<f64>,
    pub(super) unknowns: Parametrisation,
    /// B(L Rᵀ) − b.
    pub(super) residual: Vec<f64>,
    /// In the unknowns and transposed, where the system is formed.
    pub(super) jacobian: Option<Mat<f64>>,
    /// B*(residual).
    pub(super) adjoint: Adjoint<'a>,
}

impl<'a> Point<'a> {
    /// Evaluates the map at (L, R) for the data `b`.
    pub(super) fn new(instance: &Instance<'a>, l: Mat<f64>, r: Mat<f64>, b: &[f64]) -> Self {
        let unknowns = Parametrisation::of(instance.domain, l.as_ref(), r.as_ref());
        if form_system(instance, &unknowns, l.ncols()) {
            let at = instance.map.linearise(&unknowns, (l.as_ref(), r.as_ref()), b);
            return Point {
                l,
                r,
                unknowns,
                residual: at.residual,
                jacobian: Some(at.jacobian),
                adjoint: at.adjoint,
            };
        }
        let mut residual = instance.map.apply_factored(l.as_ref(), r.as_ref());
        axpy(-1.0, b, &mut residual);
        let adjoint = instance.map.adjoint(&residual);
        Point {
            l,
            r,
            unknowns,
            residual,
            jacobian: None,
            adjoint,
        }
    }

    /// (L, R) + step.
    pub(super) fn moved(&self, step: &[f64]) -> (Mat<f64>, Mat<f64>) {
        let (left, right) = self.embed(step);
        (&self.l + left, &self.r + right)
    }

    /// A vector of unknowns as a pair of matrices.
    fn embed(&self, v: &[f64]) -> (Mat<f64>, Mat<f64>) {
        self.unknowns.embed(v, (self.l.nrows(), self.r.nrows()))
    }

    /// F_μ.
    fn objective(&self, mu: f64) -> f64 {
        0.5 * mu * (self.l.squared_norm_l2() + self.r.squared_norm_l2())
            + 0.5 * dot(&self.residual, &self.residual)
    }

    /// Its gradient in the unknowns.
    fn gradient(&self, mu: f64) -> Vec<f64> {
        let left = faer::Scale(mu) * &self.l + self.adjoint.times(self.r.as_ref());
        let right = faer::Scale(mu) * &self.r + self.adjoint.transpose_times(self.l.as_ref());
        self.unknowns.restrict(left.as_ref(), right.as_ref())
    }

    /// Jᵀ w.
    pub(super) fn jacobian_adjoint(&self, instance: &Instance<'a>, w: &[f64]) -> Vec<f64> {
        match &self.jacobian {
            Some(j) => {
                column_major(product(j.as_ref(), MatRef::from_column_major_slice(w, w.len(), 1)).as_ref())
            }
            None => self.applied_adjoint(instance, w),
        }
    }

    /// J v.
    pub(super) fn jacobian_times(&self, instance: &Instance<'a>, v: &[f64]) -> Vec<f64> {
        match &self.jacobian {
            Some(j) => {
                column_major(product(j.transpose(), MatRef::from_column_major_slice(v, v.len(), 1)).as_ref())
            }
            None => self.applied_times(instance, v),
        }
    }

    /// Jᵀ w by products.
    fn applied_adjoint(&self, instance: &Instance<'a>, w: &[f64]) -> Vec<f64> {
        match self.unknowns {
            Parametrisation::Pair => {
                let (left, right) = instance.map.adjoint_thin(w, self.l.as_ref(), self.r.as_ref());
                self.unknowns.restrict(left.as_ref(), right.as_ref())
            }
            Parametrisation::Signed(_) => {
                let half = instance.map.adjoint_times(w, self.r.as_ref());
                column_major((faer::Scale(2.0) * half).as_ref())
            }
        }
    }

    /// J v by products.
    fn applied_times(&self, instance: &Instance<'a>, v: &[f64]) -> Vec<f64> {
        let (u, w) = self.embed(v);
        match self.unknowns {
            Parametrisation::Pair => {
                let left = beside(u.as_ref(), self.l.as_ref());
                let right = beside(self.r.as_ref(), w.as_ref());
                instance.map.apply_factored(left.as_ref(), right.as_ref())
            }
            Parametrisation::Signed(_) => {
                let mut image = instance.map.apply_factored(u.as_ref(), self.r.as_ref());
                image.iter_mut().for_each(|v| *v *= 2.0);
                image
            }
        }
    }
}

/// How a minimisation ended.
pub(super) enum End {
    /// The gradient is small enough.
    Stationary,
    /// No step decreases the objective any more: as good as the arithmetic allows.
    Stalled,
    /// `max_steps` were taken.
    Steps,
    /// The monitor asks to stop.
    Stopped(Status),
}

/// Minimises F_μ for the data `b` until ‖∇F‖ ≤ tolerance·μ·‖(L, R)‖.
///
/// `damping` is kept between calls: it is the memory of how far the quadratic model can be trusted.
pub(super) fn minimise<'a>(
    instance: &Instance<'a>,
    point: &mut Point<'a>,
    b: &[f64],
    mu: f64,
    (tolerance, max_steps): (f64, usize),
    damping: &mut f64,
    monitor: &mut Monitor<'_>,
) -> End {
    for _ in 0..max_steps {
        let gradient = point.gradient(mu);
        let size = mu * (point.l.squared_norm_l2() + point.r.squared_norm_l2()).sqrt();
        if norm(&gradient) <= tolerance * size {
            return End::Stationary;
        }
        if let Some(status) = monitor.step() {
            return End::Stopped(status);
        }
        let next = if point.jacobian.is_some() {
            damped_step(instance, point, b, mu, &gradient, damping)
        } else {
            inexact_step(instance, point, b, mu, &gradient)
        };
        match next {
            Some(next) => *point = next,
            None => return End::Stalled,
        }
    }
    End::Steps
}

/// A step of the formed system with Levenberg damping, raised until the factorisation and the decrease succeed.
fn damped_step<'a>(
    instance: &Instance<'a>,
    point: &Point<'a>,
    b: &[f64],
    mu: f64,
    gradient: &[f64],
    damping: &mut f64,
) -> Option<Point<'a>> {
    let before = point.objective(mu);
    let hessian = formed_hessian(point, mu)?;
    for _ in 0..40 {
        let mut system = hessian.clone();
        (0..system.nrows()).for_each(|i| system[(i, i)] += *damping);
        let Some(cholesky) = Cholesky::new(system) else {
            *damping = f64::max(*damping * 6.0, 0.1 * mu);
            continue;
        };
        let mut step: Vec<f64> = gradient.iter().map(|g| -g).collect();
        cholesky.solve(&mut step);
        let (l, r) = point.moved(&step);
        let next = Point::new(instance, l, r, b);
        if next.objective(mu) <= before * (1.0 + 1e-15) || goes_down_unseen(&next, mu, before, gradient) {
            *damping = if *damping > 1e-6 * mu { *damping / 8.0 } else { 0.0 };
            return Some(next);
        }
        *damping = f64::max(*damping * 6.0, 1e-3 * mu);
    }
    None
}

/// Objectives closer than this, relatively, are the same to rounding.
const UNSEEN: f64 = 1e-13;

/// Whether a step halves the gradient where the objective no longer tells: close to a minimum it falls with the square.
fn goes_down_unseen(next: &Point<'_>, mu: f64, before: f64, gradient: &[f64]) -> bool {
    next.objective(mu) <= before * (1.0 + UNSEEN) && norm(&next.gradient(mu)) <= 0.5 * norm(gradient)
}

/// μI + JᵀJ + coupling, lower triangle.
fn formed_hessian(point: &Point<'_>, mu: f64) -> Option<Mat<f64>> {
    let mut hessian = row_gram(point.jacobian.as_ref()?.as_ref());
    let ridge = mu * point.unknowns.multiplicity();
    (0..hessian.nrows()).for_each(|i| hessian[(i, i)] += ridge);
    point
        .unknowns
        .add_coupling(&mut hessian, &point.adjoint, point.l.ncols());
    Some(hessian)
}

/// A truncated conjugate gradient step with a line search.
fn inexact_step<'a>(
    instance: &Instance<'a>,
    point: &Point<'a>,
    b: &[f64],
    mu: f64,
    gradient: &[f64],
) -> Option<Point<'a>> {
    let scale = mu * (point.l.squared_norm_l2() + point.r.squared_norm_l2()).sqrt();
    let forcing = (norm(gradient) / scale.max(f64::MIN_POSITIVE))
        .sqrt()
        .clamp(1e-6, 0.1);
    let hessian = |v: &[f64]| {
        let mut out = point.jacobian_adjoint(instance, &point.jacobian_times(instance, v));
        axpy(mu * point.unknowns.multiplicity(), v, &mut out);
        let (u, w) = point.embed(v);
        let (left, right) = (
            point.adjoint.times(w.as_ref()),
            point.adjoint.transpose_times(u.as_ref()),
        );
        axpy(
            1.0,
            &point.unknowns.restrict(left.as_ref(), right.as_ref()),
            &mut out,
        );
        out
    };
    let preconditioner = Preconditioner::new(instance, point, mu)?;
    let downhill: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let step = conjugate_gradients(hessian, |v| preconditioner.apply(v), &downhill, forcing, 200).x;
    let before = point.objective(mu);
    let slope = dot(gradient, &step);
    let mut length = 1.0;
    for _ in 0..30 {
        let scaled: Vec<f64> = step.iter().map(|s| s * length).collect();
        let (l, r) = point.moved(&scaled);
        let next = Point::new(instance, l, r, b);
        if next.objective(mu) <= before + 1e-4 * length * slope + 1e-15 * before
            || goes_down_unseen(&next, mu, before, gradient)
        {
            return Some(next);
        }
        length *= 0.5;
    }
    None
}
