//! Lanczos methods with full reorthogonalisation: the largest eigenvalue of a symmetric operator, and the largest
//! singular triplets of a matrix known by its products.
//!
//! Both start from a fixed pseudo-random vector, stop on the residual of the Ritz pair, and restart with a fresh
//! direction when the Krylov space closes early (zero, identity and low-rank operators). Values come from below: where an
//! upper bound is needed, as in certificates, `operator_norm` gives one.

use faer::{Mat, MatRef};
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use super::dense::{Svd, symmetric_eigen, thin_svd};
use super::vector::{axpy, dot, norm};
use crate::error::Error;

/// Steps before giving up on more digits.
const MAX_STEPS: usize = 400;
/// Relative residual at which a Ritz value is accepted; its error is about the square.
pub const TOLERANCE: f64 = 1e-7;

/// A unit vector orthogonal to `basis`, or `None` when there is none left.
fn fresh_direction(
    dimension: usize,
    basis: &[Vec<f64>],
    rng: &mut rand_chacha::ChaCha8Rng,
) -> Option<Vec<f64>> {
    if basis.len() >= dimension {
        return None;
    }
    let mut v: Vec<f64> = (0..dimension).map(|_| StandardNormal.sample(rng)).collect();
    orthogonalise(&mut v, basis);
    let size = norm(&v);
    v.iter_mut().for_each(|x| *x /= size);
    Some(v)
}

/// Removes the components along an orthonormal basis; twice is enough.
pub(super) fn orthogonalise(v: &mut [f64], basis: &[Vec<f64>]) {
    for _ in 0..2 {
        for q in basis {
            let c = dot(q, v);
            axpy(-c, q, v);
        }
    }
}

/// The largest (signed) eigenvalue of the symmetric operator `apply` on R^dimension; 0 for dimension 0.
pub fn largest_eigenvalue(dimension: usize, apply: impl Fn(&[f64]) -> Vec<f64>) -> Result<f64, Error> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    let mut basis: Vec<Vec<f64>> = Vec::new();
    let (mut diagonal, mut off) = (Vec::new(), Vec::new());
    // The largest value when the Krylov space last closed: a second closure that adds nothing ends the search, for the
    // space of a random vector holds every eigenvalue.
    let mut at_closure: Option<f64> = None;
    let Some(mut v) = fresh_direction(dimension, &basis, &mut rng) else {
        return Ok(0.0);
    };
    loop {
        let mut w = apply(&v);
        diagonal.push(dot(&w, &v));
        basis.push(v);
        orthogonalise(&mut w, &basis);
        let beta = norm(&w);
        let steps = diagonal.len();
        let scale = diagonal
            .iter()
            .chain(&off)
            .fold(0.0, |m: f64, x: &f64| m.max(x.abs()));
        let closed = beta <= 1e-13 * scale;
        if closed || steps % 5 == 0 || steps >= MAX_STEPS.min(dimension) {
            let t = Mat::from_fn(steps, steps, |i, j| match i.abs_diff(j) {
                0 => diagonal[i],
                1 => off[i.min(j)],
                _ => 0.0,
            });
            let (values, vectors) = symmetric_eigen(t.as_ref())?;
            let (ritz, last) = (values[steps - 1], vectors[(steps - 1, steps - 1)].abs());
            let converged = !closed && beta * last <= TOLERANCE * ritz.abs();
            let settled = closed && at_closure.is_some_and(|before| ritz <= before + 1e-12 * scale);
            if converged || settled || steps >= MAX_STEPS.min(dimension) {
                return Ok(ritz);
            }
            if closed {
                at_closure = Some(ritz);
            }
        }
        if closed {
            let Some(next) = fresh_direction(dimension, &basis, &mut rng) else {
                return Err(Error::Numerical("Lanczos iteration"));
            };
            off.push(0.0);
            v = next;
        } else {
            w.iter_mut().for_each(|x| *x /= beta);
            off.push(beta);
            v = w;
        }
    }
}

/// The `count` largest singular triplets of a `shape` matrix known by v ↦ M v and u ↦ Mᵀ u, with residuals of at most
/// `tolerance` times the largest singular value.
///
/// Golub-Kahan bidiagonalisation; singular values that agree to more than working precision may be found once only.
pub fn top_singular(
    shape: (usize, usize),
    count: usize,
    tolerance: f64,
    times: impl Fn(&[f64]) -> Vec<f64>,
    transpose_times: impl Fn(&[f64]) -> Vec<f64>,
) -> Result<Svd, Error> {
    if shape.0 >= shape.1 {
        return bidiagonalise(shape, count, tolerance, &times, &transpose_times);
    }
    let turned = bidiagonalise((shape.1, shape.0), count, tolerance, &transpose_times, &times)?;
    Ok(Svd {
        u: turned.v,
        s: turned.s,
        v: turned.u,
    })
}

/// [`top_singular`] of a matrix with at least as many rows as columns: min(d1, d2) steps then span the whole row space.
/// Of a wide matrix they would leave out the last β, and with it any accuracy.
fn bidiagonalise(
    shape: (usize, usize),
    count: usize,
    tolerance: f64,
    times: &dyn Fn(&[f64]) -> Vec<f64>,
    transpose_times: &dyn Fn(&[f64]) -> Vec<f64>,
) -> Result<Svd, Error> {
    let (rows, cols) = shape;
    let count = count.min(rows).min(cols);
    let limit = MAX_STEPS.min(rows).min(cols);
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    let (mut us, mut vs): (Vec<Vec<f64>>, Vec<Vec<f64>>) = (Vec::new(), Vec::new());
    let (mut alpha, mut beta) = (Vec::new(), Vec::new());
    let mut v = fresh_direction(cols, &vs, &mut rng);
    while let Some(direction) = v.take() {
        let mut u = times(&direction);
        vs.push(direction);
        orthogonalise(&mut u, &us);
        let a = norm(&u);
        let scale = alpha.iter().chain(&beta).fold(a, |m: f64, x: &f64| m.max(*x));
        if a > 1e-14 * scale {
            u.iter_mut().for_each(|x| *x /= a);
            alpha.push(a);
        } else {
            let Some(fresh) = fresh_direction(rows, &us, &mut rng) else {
                break;
            };
            u = fresh;
            alpha.push(0.0);
        }
        let mut w = transpose_times(&u);
        us.push(u);
        orthogonalise(&mut w, &vs);
        let b = norm(&w);
        let steps = alpha.len();
        if steps >= limit || (steps >= count + 2 && steps % 4 == 0) {
            let core = bidiagonal_svd(&alpha, &beta)?;
            let residual = (0..count)
                .map(|j| b * core.u[(steps - 1, j)].abs())
                .fold(0.0, f64::max);
            if steps >= limit || (b > 1e-14 * scale && residual <= tolerance * core.s[0]) {
                return Ok(ritz_triplets(&core, count, &us, &vs));
            }
        }
        if b > 1e-14 * scale {
            w.iter_mut().for_each(|x| *x /= b);
            beta.push(b);
            v = Some(w);
        } else {
            beta.push(0.0);
            v = fresh_direction(cols, &vs, &mut rng);
        }
    }
    let core = bidiagonal_svd(&alpha, &beta)?;
    Ok(ritz_triplets(&core, count.min(alpha.len()), &us, &vs))
}

fn bidiagonal_svd(alpha: &[f64], beta: &[f64]) -> Result<Svd, Error> {
    let n = alpha.len();
    let entry = |i: usize, j: usize| match j.wrapping_sub(i) {
        0 => alpha[i],
        1 => beta[i],
        _ => 0.0,
    };
    thin_svd(Mat::from_fn(n, n, entry).as_ref())
}

fn ritz_triplets(core: &Svd, count: usize, us: &[Vec<f64>], vs: &[Vec<f64>]) -> Svd {
    let combine = |basis: &[Vec<f64>], coefficients: MatRef<'_, f64>| {
        let rows = basis.first().map_or(0, Vec::len);
        let mut out = Mat::zeros(rows, count);
        for j in 0..count {
            for (i, q) in basis.iter().enumerate().take(coefficients.nrows()) {
                axpy(coefficients[(i, j)], q, out.col_as_slice_mut(j));
            }
        }
        out
    };
    Svd {
        u: combine(us, core.u.as_ref()),
        s: core.s[..count].to_vec(),
        v: combine(vs, core.v.as_ref()),
    }
}

#[cfg(test)]
mod tests;
