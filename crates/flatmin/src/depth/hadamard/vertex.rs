//! From a nearly right x to an exact vertex of the weighted ℓ1 problem.
//!
//! On a support S with signs s, linearly independent columns A_S and the smallest h with A_Sᵀh = s, the optimality
//! conditions have closed forms:
//!
//!   exact:      x_S = A_S⁺ y,                          λ the nearest to a given one with A_Sᵀλ = s;
//!   penalised:  x_S = A_S⁺ (y − h),                    λ = y − A_S x_S;
//!   ball:       x_S = A_S⁺ (y − t·h),                  λ = (y − A_S x_S)/t,   t‖h‖ = √(ε² − ‖(I − UUᵀ)y‖²),
//!
//! through the decomposition A_S = U Σ Vᵀ·diag(‖a_l‖): with columns of unit length their scale costs no digits.

use faer::{Mat, MatRef};

use super::canonical::Canonical;
use crate::error::Error;
use crate::linalg::dense::{Svd, full_svd, product, thin_svd};
use crate::linalg::vector::{axpy, dot, max_abs, norm};
use crate::problem::Fit;

/// Singular values of the chosen columns below this share of the largest count as zero.
const RANK: f64 = 1e-11;
/// Coordinates that explain less of the data than this share of the largest are the rounding of zero.
const ROUNDING: f64 = 1e-13;
/// Most steps from a point with dependent columns to a vertex.
const MOVES: usize = 64;
/// ‖Â x − ŷ‖/‖ŷ‖ beyond which the support does not explain exact data.
const MISFIT: f64 = 1e-11;

/// A vertex and the multiplier that goes with it.
pub(super) struct Vertex {
    pub(super) x: Vec<f64>,
    pub(super) lambda: Vec<f64>,
}

/// The vertex with the support and signs of `x`, or one next to it if the columns there are dependent; `None` where there
/// is none: x is not near enough to a solution.
pub(super) fn complete(canonical: &Canonical, x: &[f64], lambda: &[f64]) -> Result<Option<Vertex>, Error> {
    let mut x = x.to_vec();
    loop {
        let Some(face) = Face::of(canonical, &mut x)? else {
            return Ok(None);
        };
        let Some((part, lambda)) = face.optimal(canonical, lambda) else {
            return Ok(None);
        };
        // A coordinate too many comes out as rounding, of either sign.
        let explained: Vec<f64> = part.iter().zip(&face.sizes).map(|(x, s)| x * s).collect();
        let floor = ROUNDING * max_abs(&explained);
        let (mut signs_kept, mut dropped) = (true, false);
        for (j, l) in face.support.iter().enumerate() {
            let rounding = explained[j].abs() <= floor;
            x[*l] = if rounding { 0.0 } else { part[j] };
            dropped |= rounding;
            signs_kept &= rounding || part[j] * face.signs[j] > 0.0;
        }
        if !signs_kept {
            return Ok(None);
        }
        if dropped {
            continue;
        }
        let mut misfit = canonical.apply(&x);
        axpy(-1.0, &canonical.y, &mut misfit);
        let met = canonical.fit != Fit::Exact || norm(&misfit) <= MISFIT * norm(&canonical.y);
        return Ok(met.then_some(Vertex { x, lambda }));
    }
}

/// The λ on the way from `lambda` to h whose |u_l| off the support are least. Both are right on the support; the dual
/// solutions form a face, methods end on its boundary, and uniqueness shows inside it. (h is the least-norm dual vector of
/// Fuchs, IEEE Trans. Inf. Theory 50, 2004; it need not be feasible.)
fn towards_the_interior(canonical: &Canonical, support: &[usize], lambda: Vec<f64>, h: &[f64]) -> Vec<f64> {
    let (mut from, mut to) = (canonical.adjoint(&lambda), canonical.adjoint(h));
    for l in support {
        (from[*l], to[*l]) = (0.0, 0.0);
    }
    let largest = |t: f64| {
        let sizes = from.iter().zip(&to).map(|(a, b)| ((1.0 - t) * a + t * b).abs());
        sizes.fold(0.0, f64::max)
    };
    let steps = [0.0, 0.01, 0.03, 0.1, 0.2, 0.4, 0.7, 1.0];
    let t = steps
        .into_iter()
        .min_by(|s, t| largest(*s).total_cmp(&largest(*t)))
        .unwrap_or(0.0);
    lambda.iter().zip(h).map(|(a, b)| (1.0 - t) * a + t * b).collect()
}

/// Linearly independent columns with their signs.
struct Face {
    support: Vec<usize>,
    signs: Vec<f64>,
    /// ‖a_l‖.
    sizes: Vec<f64>,
    /// a_l/‖a_l‖.
    columns: Mat<f64>,
    /// U Σ Vᵀ, of these.
    svd: Svd,
}

impl Face {
    /// Along the null vectors of the columns, x moves without changing Â x, never uphill, until a coordinate vanishes.
    fn of(canonical: &Canonical, x: &mut [f64]) -> Result<Option<Face>, Error> {
        for _ in 0..MOVES {
            let support: Vec<usize> = (0..x.len()).filter(|l| x[*l] != 0.0).collect();
            // Too far from a vertex for as many moves, and too many columns to decompose.
            if support.len() > canonical.a.nrows() + MOVES {
                return Ok(None);
            }
            let sizes: Vec<f64> = support
                .iter()
                .map(|l| norm(canonical.a.col_as_slice(*l)))
                .collect();
            let columns = Mat::from_fn(canonical.a.nrows(), support.len(), |i, j| {
                canonical.a[(i, support[j])] / sizes[j]
            });
            let wide = support.len() > columns.nrows();
            let svd = if wide {
                full_svd(columns.as_ref())?
            } else {
                thin_svd(columns.as_ref())?
            };
            let dependent = wide || svd.s.last().is_some_and(|smallest| *smallest <= RANK * svd.s[0]);
            if !dependent {
                let signs = support.iter().map(|l| x[*l].signum()).collect();
                return Ok(Some(Face {
                    support,
                    signs,
                    sizes,
                    columns,
                    svd,
                }));
            }
            let last = support.len() - 1;
            let null: Vec<f64> = svd
                .v
                .col_as_slice(last)
                .iter()
                .zip(&sizes)
                .map(|(n, s)| n / s)
                .collect();
            move_along(x, &support, &null);
        }
        Ok(None)
    }

    /// x_S and λ by the closed forms; `None` where the ball is too small for this support. `near` is a multiplier of exact
    /// data to start from.
    fn optimal(&self, canonical: &Canonical, near: &[f64]) -> Option<(Vec<f64>, Vec<f64>)> {
        let y = &canonical.y;
        let slope = self.lift(&self.signs);
        match canonical.fit {
            Fit::Exact => {
                let mut lambda = near.to_vec();
                for _ in 0..2 {
                    let mut missing = self.signs.clone();
                    axpy(-1.0, &self.transpose_times(&lambda), &mut missing);
                    axpy(1.0, &self.lift(&missing), &mut lambda);
                }
                let lambda = towards_the_interior(canonical, &self.support, lambda, &slope);
                Some((self.fit(y), lambda))
            }
            Fit::Penalised(_) => Some(self.shifted(y, &slope, 1.0)),
            Fit::Ball(epsilon) => {
                let (steepness, outside) = (norm(&slope), self.distance(y));
                let left = (epsilon - outside) * (epsilon + outside);
                if left.is_nan() || left <= 0.0 || steepness == 0.0 {
                    return None;
                }
                let t = left.sqrt() / steepness;
                let (part, mut misfit) = self.shifted(y, &slope, t);
                misfit.iter_mut().for_each(|r| *r /= t);
                Some((part, misfit))
            }
            // Absolute fits are refused by the problem.
            Fit::Absolute(_) | Fit::AbsoluteBall(_) => None,
        }
    }

    fn size(&self) -> usize {
        self.support.len()
    }

    /// A_S⁺ b, refined once.
    fn fit(&self, b: &[f64]) -> Vec<f64> {
        let mut x = self.pseudo_inverse(b);
        let mut rest = b.to_vec();
        axpy(-1.0, &self.times(&x), &mut rest);
        axpy(1.0, &self.pseudo_inverse(&rest), &mut x);
        x
    }

    /// A_S⁺ (y − t·h) and the misfit y − A_S x.
    fn shifted(&self, y: &[f64], slope: &[f64], t: f64) -> (Vec<f64>, Vec<f64>) {
        let mut goal = y.to_vec();
        axpy(-t, slope, &mut goal);
        let x = self.fit(&goal);
        let mut misfit = y.to_vec();
        axpy(-1.0, &self.times(&x), &mut misfit);
        (x, misfit)
    }

    /// A_S x.
    fn times(&self, x: &[f64]) -> Vec<f64> {
        let x: Vec<f64> = x.iter().zip(&self.sizes).map(|(x, s)| x * s).collect();
        let x = MatRef::from_column_major_slice(&x, x.len(), 1);
        product(self.columns.as_ref(), x).col_as_slice(0).to_vec()
    }

    /// A_Sᵀ v.
    fn transpose_times(&self, v: &[f64]) -> Vec<f64> {
        (0..self.size())
            .map(|j| self.sizes[j] * dot(self.columns.col_as_slice(j), v))
            .collect()
    }

    /// A_S⁺ b.
    fn pseudo_inverse(&self, b: &[f64]) -> Vec<f64> {
        let mut x = vec![0.0; self.size()];
        for j in 0..self.size() {
            let c = dot(self.svd.u.col_as_slice(j), b) / self.svd.s[j];
            axpy(c, self.svd.v.col_as_slice(j), &mut x);
        }
        x.iter_mut().zip(&self.sizes).for_each(|(x, s)| *x /= s);
        x
    }

    /// The smallest h with A_Sᵀh = s.
    fn lift(&self, s: &[f64]) -> Vec<f64> {
        let s: Vec<f64> = s.iter().zip(&self.sizes).map(|(s, size)| s / size).collect();
        let mut h = vec![0.0; self.columns.nrows()];
        for j in 0..self.size() {
            let c = dot(self.svd.v.col_as_slice(j), &s) / self.svd.s[j];
            axpy(c, self.svd.u.col_as_slice(j), &mut h);
        }
        h
    }

    /// ‖(I − UUᵀ) y‖.
    fn distance(&self, y: &[f64]) -> f64 {
        let mut rest = y.to_vec();
        for j in 0..self.size() {
            let u = self.svd.u.col_as_slice(j);
            let c = dot(u, &rest);
            axpy(-c, u, &mut rest);
        }
        norm(&rest)
    }
}

/// x ← x + t·n on the support, downhill in Σ|x_l|, as far as the first coordinate that vanishes.
fn move_along(x: &mut [f64], support: &[usize], null: &[f64]) {
    let uphill: f64 = support.iter().zip(null).map(|(l, n)| x[*l].signum() * n).sum();
    let shrinks_any = |way: f64| support.iter().zip(null).any(|(l, n)| way * n * x[*l] < 0.0);
    let way = match uphill {
        slope if slope > 0.0 => -1.0,
        slope if slope < 0.0 => 1.0,
        _ if shrinks_any(1.0) => 1.0,
        _ => -1.0,
    };
    let nearest = support
        .iter()
        .zip(null)
        .filter(|(l, n)| way * **n * x[**l] < 0.0)
        .map(|(l, n)| (x[*l].abs() / n.abs(), *l))
        .fold(
            (f64::INFINITY, None),
            |(t, at), (u, l)| {
                if u < t { (u, Some(l)) } else { (t, at) }
            },
        );
    if let (t, Some(vanishing)) = nearest {
        for (l, n) in support.iter().zip(null) {
            x[*l] += way * t * n;
        }
        x[vanishing] = 0.0;
    }
}
