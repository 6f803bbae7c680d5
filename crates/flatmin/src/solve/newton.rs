//! Damped Newton on the factored penalised objective
//!
//!   F_μ(L, R) = μ/2·(‖L‖_F² + ‖R‖_F²) + ½‖B(L Rᵀ) − b‖²,
//!
//! whose gradient is (μL + W R, μR + Wᵀ L) with W = B*(B(L Rᵀ) − b), and whose Hessian is μI + JᵀJ plus the coupling of
//! the two blocks by W. Small systems are formed and factored; large ones are solved by preconditioned conjugate
//! gradients through products alone.

use faer::{Mat, MatRef};

use super::Status;
use super::instance::Instance;
use super::monitor::Monitor;
use super::preconditioner::Preconditioner;
use crate::flatness::add_coupling;
use crate::linalg::conjugate_gradients::conjugate_gradients;
use crate::linalg::dense::{Cholesky, product, row_gram};
use crate::linalg::vector::{axpy, dot, norm};
use crate::map::{Adjoint, column_major};

/// Numbers of the Jacobian, and unknowns, up to which the Newton system may be formed: 256 MiB, and 128 MiB.
const FORMED_JACOBIAN: usize = 1 << 25;
/// See [`FORMED_JACOBIAN`].
const FORMED_UNKNOWNS: usize = 4000;
/// Conjugate gradient steps of a typical Newton step.
const TYPICAL_INNER: f64 = 20.0;

/// Whether a Newton step at rank k is cheaper with a formed system: n²m + n³/3 operations against about twenty products
/// with the Jacobian and its adjoint, which cost four times a product with k columns.
fn form_system(instance: &Instance<'_>, k: usize) -> bool {
    let (d1, d2) = instance.map.shape();
    let (n, m) = ((d1 + d2) * k, instance.b.len());
    let formed = (n * n) as f64 * (m as f64 + n as f64 / 3.0);
    let applied = TYPICAL_INNER * 4.0 * instance.map.map().cost_factored(k);
    n <= FORMED_UNKNOWNS && n * m <= FORMED_JACOBIAN && formed <= applied
}

/// A point (L, R) with what is known there.
pub(super) struct Point<'a> {
    pub(super) l: Mat<f64>,
    pub(super) r: Mat<f64>,
    /// B(L Rᵀ) − b.
    pub(super) residual: Vec<f64>,
    /// Transposed, where the system is formed.
    pub(super) jacobian: Option<Mat<f64>>,
    /// B*(residual).
    pub(super) adjoint: Adjoint<'a>,
}

impl<'a> Point<'a> {
    /// Evaluates the map at (L, R) for the data `b`.
    pub(super) fn new(instance: &Instance<'a>, l: Mat<f64>, r: Mat<f64>, b: &[f64]) -> Self {
        if form_system(instance, l.ncols()) {
            let at = instance.map.linearise(l.as_ref(), r.as_ref(), b);
            return Point {
                l,
                r,
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
            residual,
            jacobian: None,
            adjoint,
        }
    }

    /// (vec L, vec R).
    pub(super) fn packed(&self) -> Vec<f64> {
        let mut x = column_major(self.l.as_ref());
        x.extend(column_major(self.r.as_ref()));
        x
    }

    /// (L, R) + step.
    fn moved(&self, step: &[f64]) -> (Mat<f64>, Mat<f64>) {
        let (left, right) = self.split(step);
        (&self.l + left, &self.r + right)
    }

    /// A packed vector as a pair of matrices.
    pub(super) fn split<'b>(&self, v: &'b [f64]) -> (MatRef<'b, f64>, MatRef<'b, f64>) {
        let (d1, d2, k) = (self.l.nrows(), self.r.nrows(), self.l.ncols());
        let (left, right) = v.split_at(d1 * k);
        (
            MatRef::from_column_major_slice(left, d1, k),
            MatRef::from_column_major_slice(right, d2, k),
        )
    }

    /// F_μ.
    fn objective(&self, mu: f64) -> f64 {
        0.5 * mu * (self.l.squared_norm_l2() + self.r.squared_norm_l2())
            + 0.5 * dot(&self.residual, &self.residual)
    }

    /// Its gradient, packed.
    fn gradient(&self, mu: f64) -> Vec<f64> {
        let mut g = self.packed();
        g.iter_mut().for_each(|v| *v *= mu);
        add_pair(
            &mut g,
            1.0,
            &self.adjoint.times(self.r.as_ref()),
            &self.adjoint.transpose_times(self.l.as_ref()),
        );
        g
    }

    /// Jᵀ w, packed.
    pub(super) fn jacobian_adjoint(&self, instance: &Instance<'a>, w: &[f64]) -> Vec<f64> {
        match &self.jacobian {
            Some(j) => {
                column_major(product(j.as_ref(), MatRef::from_column_major_slice(w, w.len(), 1)).as_ref())
            }
            None => {
                let (left, right) = instance.map.adjoint_thin(w, self.l.as_ref(), self.r.as_ref());
                let mut out = column_major(left.as_ref());
                out.extend(column_major(right.as_ref()));
                out
            }
        }
    }

    /// J v.
    pub(super) fn jacobian_times(&self, instance: &Instance<'a>, v: &[f64]) -> Vec<f64> {
        match &self.jacobian {
            Some(j) => {
                column_major(product(j.transpose(), MatRef::from_column_major_slice(v, v.len(), 1)).as_ref())
            }
            None => {
                let (u, w) = self.split(v);
                let (left, right) = (beside(u, self.l.as_ref()), beside(self.r.as_ref(), w));
                instance.map.apply_factored(left.as_ref(), right.as_ref())
            }
        }
    }
}

/// [a, b].
fn beside(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols() + b.ncols(), |i, j| {
        if j < a.ncols() {
            a[(i, j)]
        } else {
            b[(i, j - a.ncols())]
        }
    })
}

/// out ← out + s·(vec left, vec right).
fn add_pair(out: &mut [f64], s: f64, left: &Mat<f64>, right: &Mat<f64>) {
    let (first, second) = out.split_at_mut(left.nrows() * left.ncols());
    for (part, matrix) in [(first, left), (second, right)] {
        for (j, column) in part.chunks_exact_mut(matrix.nrows().max(1)).enumerate() {
            axpy(s, matrix.col_as_slice(j), column);
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
    (0..hessian.nrows()).for_each(|i| hessian[(i, i)] += mu);
    add_coupling(&mut hessian, &point.adjoint, point.l.ncols());
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
        axpy(mu, v, &mut out);
        let (u, w) = point.split(v);
        add_pair(
            &mut out,
            1.0,
            &point.adjoint.times(w),
            &point.adjoint.transpose_times(u),
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
