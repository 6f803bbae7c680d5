//! From a nearly right pair (X, λ) to an exact one, once the rank p and the support Ω of the outliers have settled.
//!
//! Off Ω the entries are exact equations, X[a, b] = Y[a, b]: completion at rank p, by Gauss-Newton on the manifold of
//! rank-p matrices. With T its tangent space at X = U Σ Vᵀ and P_Ω the entries in Ω or not observed, a step H ∈ T solves
//!
//!   (I − P_T P_Ω P_T) H = P_T P_{Ω^c}(Y − X).
//!
//! The dual W = A*(λ) has to be θ·sign(S) on Ω, 0 where nothing is observed, and U Vᵀ on T. The correction of a given W
//! nearest to it that achieves this solves the same system (Candès, Li, Ma and Wright 2011, section 2.4). The operator is
//! positive definite exactly if T ∩ Ω = {0}; it costs O(|Ω|·p), and with few outliers it is close to I.

use faer::{Mat, MatMut, MatRef};

use super::observations::{Observations, form};
use crate::error::Error;
use crate::factors::Factors;
use crate::linalg::conjugate_gradients::conjugate_gradients;
use crate::linalg::dense::{Svd, add_product, beside, product, project_off};
use crate::linalg::vector::{dot, max_abs, norm};
use crate::map::{Entries, MeasurementMap, column_major};

/// Most Gauss-Newton steps: convergence is quadratic or the rank or the support is wrong.
const STEPS: usize = 8;
/// A step has to reduce the misfit by this factor: where rank and support are right, it is squared.
const FALL: f64 = 0.1;
/// A misfit of this share of Y is rounding.
const EXACT: f64 = 1e-13;
/// Most steps of conjugate gradients in one system: more are needed only where T and Ω nearly meet.
const INNER: usize = 200;
/// Entries of S below this share of the largest entry of Y are rounding.
const ZERO: f64 = 1e-10;

/// A point that meets its equations.
pub(super) struct Completed {
    /// X.
    pub(super) x: Svd,
    /// The same formed, column after column.
    pub(super) dense: Vec<f64>,
    /// A*(λ), column after column.
    pub(super) w: Vec<f64>,
}

impl Completed {
    /// P_{T⊥} W = W − U Vᵀ.
    pub(super) fn off_tangent(&self) -> Vec<f64> {
        let (d1, d2) = (self.x.u.nrows(), self.x.v.nrows());
        let mut left = self.w.clone();
        let target = MatMut::from_column_major_slice_mut(&mut left, d1, d2);
        add_product(target, -1.0, self.x.u.as_ref(), self.x.v.transpose());
        left
    }
}

/// The exact pair near (X, W), with |λ| = `level` on the support; `None` if there seems to be none.
pub(super) fn complete(
    data: &Observations,
    start: &Svd,
    w: &[f64],
    level: f64,
) -> Result<Option<Completed>, Error> {
    let (d1, d2) = data.shape;
    let p = start.s.len();
    let fixed: Vec<usize> = data.fixed(w, level * (1.0 - 1e-6));
    let free = d1 * d2 - fixed.len();
    if p == 0 || fixed.is_empty() || p * (d1 + d2 - p) > free {
        return Ok(None);
    }
    let Some((x, dense)) = fit_free_entries(data, start, &fixed)? else {
        return Ok(None);
    };
    let remainder = data.remainder(&dense);
    // The support may have been taken too large.
    let zero = ZERO * max_abs(&data.y);
    let fixed: Vec<usize> = (0..d1 * d2)
        .filter(|i| remainder[*i].abs() > zero || data.is_unobserved(*i))
        .collect();
    if fixed.is_empty() {
        return Ok(None);
    }
    let mut w = w.to_vec();
    for i in &fixed {
        let outlier = !data.is_unobserved(*i);
        w[*i] = if outlier {
            level * remainder[*i].signum()
        } else {
            0.0
        };
    }
    let tangent = Tangent::new(data.shape, &x, &fixed)?;
    // U Vᵀ − P_T W: the part along U Aᵀ is V − WᵀU, the part along B Vᵀ is −(I − U Uᵀ) W V.
    let mut missing = tangent.project(MatRef::from_column_major_slice(&w, d1, d2));
    missing.iter_mut().for_each(|m| *m = -*m);
    for (m, v) in missing.iter_mut().zip(column_major(x.v.as_ref())) {
        *m += v;
    }
    let Some(correction) = tangent.solve(&missing, 1e-12) else {
        return Ok(None);
    };
    let change = tangent.form(&correction);
    let mut next = 0;
    for (i, (w, change)) in w.iter_mut().zip(&change).enumerate() {
        if next < fixed.len() && fixed[next] == i {
            next += 1;
        } else {
            *w += change;
        }
    }
    Ok(Some(Completed { x, dense, w }))
}

/// Gauss-Newton until X meets Y off `fixed` to rounding: X, and X formed.
fn fit_free_entries(
    data: &Observations,
    start: &Svd,
    fixed: &[usize],
) -> Result<Option<(Svd, Vec<f64>)>, Error> {
    let (d1, d2) = data.shape;
    let size = norm(&data.y);
    let mut x = start.clone();
    let mut dense = vec![0.0; d1 * d2];
    let mut last = f64::INFINITY;
    for _ in 0..STEPS {
        form(&x, &mut dense);
        let mut error = data.remainder(&dense);
        fixed.iter().for_each(|i| error[*i] = 0.0);
        let misfit = norm(&error);
        if misfit <= EXACT * size {
            return Ok(Some((x, dense)));
        }
        if misfit.is_nan() || misfit > FALL * last {
            return Ok(None);
        }
        last = misfit;
        let tangent = Tangent::new(data.shape, &x, fixed)?;
        let rhs = tangent.project(MatRef::from_column_major_slice(&error, d1, d2));
        let forcing = (misfit / size).clamp(1e-9, 1e-2);
        let Some(step) = tangent.solve(&rhs, forcing) else {
            return Ok(None);
        };
        x = tangent.retract(&x, &step)?;
    }
    Ok(None)
}

/// T at X and the entries off which P_T has to be inverted. Its elements H = U Aᵀ + B Vᵀ, UᵀB = 0, are stored as (A, B).
struct Tangent<'a> {
    u: MatRef<'a, f64>,
    v: MatRef<'a, f64>,
    omega: Entries,
}

impl<'a> Tangent<'a> {
    fn new((d1, d2): (usize, usize), x: &'a Svd, fixed: &[usize]) -> Result<Self, Error> {
        let rows: Vec<u32> = fixed.iter().map(|i| (i % d1) as u32).collect();
        let columns: Vec<u32> = fixed.iter().map(|i| (i / d1) as u32).collect();
        let (omega, _) = Entries::new(&rows, &columns, &vec![0.0; fixed.len()], (d1, d2))?;
        let (u, v) = (x.u.as_ref(), x.v.as_ref());
        Ok(Tangent { u, v, omega })
    }

    /// [U B] and [A V], with H = [U B]·[A V]ᵀ.
    fn factors(&self, h: &[f64]) -> (Mat<f64>, Mat<f64>) {
        let (p, d2) = (self.u.ncols(), self.v.nrows());
        let a = MatRef::from_column_major_slice(&h[..d2 * p], d2, p);
        let b = MatRef::from_column_major_slice(&h[d2 * p..], self.u.nrows(), p);
        (beside(self.u, b), beside(a, self.v))
    }

    fn form(&self, h: &[f64]) -> Vec<f64> {
        let (l, r) = self.factors(h);
        column_major(product(l.as_ref(), r.transpose()).as_ref())
    }

    /// P_T M.
    fn project(&self, m: MatRef<'_, f64>) -> Vec<f64> {
        self.packed(product(m.transpose(), self.u), product(m, self.v))
    }

    fn packed(&self, a: Mat<f64>, mv: Mat<f64>) -> Vec<f64> {
        let mut out = column_major(a.as_ref());
        out.extend(column_major(project_off(self.u, mv.as_ref()).as_ref()));
        out
    }

    /// (I − P_T P_Ω P_T) H.
    fn apply(&self, h: &[f64]) -> Vec<f64> {
        let (l, r) = self.factors(h);
        let values = self.omega.apply_factored(l.as_ref(), r.as_ref());
        let inside = self.packed(
            self.omega.sparse_transpose_times(&values, self.u),
            self.omega.sparse_times(&values, self.v),
        );
        h.iter().zip(&inside).map(|(h, i)| h - i).collect()
    }

    fn solve(&self, rhs: &[f64], tolerance: f64) -> Option<Vec<f64>> {
        let found = conjugate_gradients(|h| self.apply(h), <[f64]>::to_vec, rhs, tolerance, INNER);
        (found.converged && dot(&found.x, &found.x).is_finite()).then_some(found.x)
    }

    /// The nearest matrix of rank p to X + H.
    fn retract(&self, x: &Svd, h: &[f64]) -> Result<Svd, Error> {
        let (l, mut r) = self.factors(h);
        for j in 0..x.s.len() {
            for (r, v) in r.col_as_slice_mut(j).iter_mut().zip(x.v.col_as_slice(j)) {
                *r += x.s[j] * v;
            }
        }
        let moved = Factors { l, r }.svd()?;
        let p = x.s.len();
        Ok(Svd {
            u: moved.u.as_ref().subcols(0, p).to_owned(),
            s: moved.s[..p].to_vec(),
            v: moved.v.as_ref().subcols(0, p).to_owned(),
        })
    }
}
