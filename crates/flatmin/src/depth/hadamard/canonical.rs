//! The problem without weights and units:  min Σ|x̂_l|^p  under the fit of Â x̂ to ŷ.
//!
//! With y = τ·y′ and a price s, x_l = (s/ω_l)^{1/p}·x̂_l turns Σ ω_l|x_l|^p into s·Σ|x̂_l|^p and A into a matrix G of
//! columns of size about 1 (ω = w, or μ·w for the penalised fit, where s = τ²). With C = diag(‖g_l‖) and the
//! decomposition G C⁻¹ = U Σ Vᵀ, cut at its rank, Â = VᵀC and ŷ = Σ⁻¹Uᵀy′ for exact data, Â = ΣVᵀC and ŷ = Uᵀy′
//! otherwise: dependent rows and more rows than columns leave no trace, and the scale of the columns costs no digits.

use faer::{Mat, MatRef};

use super::{Outcome, Problem};
use crate::error::Error;
use crate::linalg::dense::{Svd, product, thin_svd};
use crate::linalg::vector::{axpy, dot, norm, safe_norm};
use crate::problem::Fit;

/// Data that miss the range of A by this share of ‖y‖ contradict each other.
const INCONSISTENT: f64 = 1e-9;

pub(super) struct Canonical {
    /// Â, r × d.
    pub(super) a: Mat<f64>,
    /// C², d numbers: for exact data Â C⁻² Âᵀ = I.
    squares: Vec<f64>,
    /// ŷ, r numbers.
    pub(super) y: Vec<f64>,
    /// p.
    pub(super) power: f64,
    /// Exact, or ‖Â x̂ − ŷ‖ ≤ ε̂, or ½‖Â x̂ − ŷ‖² + Σ|x̂|^p.
    pub(super) fit: Fit,
    /// x = columns ⊙ x̂.
    columns: Vec<f64>,
    /// U Σ⁻¹, or U: m × r.
    lift: Mat<f64>,
    /// What U does not reach of y/τ.
    outside: Vec<f64>,
    /// λ = price·λ̂, and the objective is value_unit times the canonical one.
    price: f64,
    /// See `price`.
    pub(super) value_unit: f64,
}

impl Canonical {
    /// `problem` is to have y ≠ 0.
    pub(super) fn new(problem: &Problem) -> Result<Self, Error> {
        let (power, tau) = (problem.power(), safe_norm(problem.data()));
        let largest = problem.weights().iter().fold(0.0, |m: f64, w| m.max(*w));
        let (mu, value_unit) = match problem.fit() {
            Fit::Penalised(mu) => (mu, tau * tau),
            _ => (1.0, largest * (tau / largest.sqrt()).powf(power)),
        };
        let columns: Vec<f64> = problem
            .weights()
            .iter()
            .map(|w| {
                if *w > 0.0 {
                    (value_unit / (mu * w)).powf(1.0 / power)
                } else {
                    0.0
                }
            })
            .collect();
        let (m, d) = problem.a().shape();
        let mut unit = Mat::from_fn(m, d, |i, l| problem.a()[(i, l)] * (columns[l] / tau));
        let sizes: Vec<f64> = unit.col_iter().map(|g| g.norm_l2()).collect();
        for (l, size) in sizes.iter().enumerate().filter(|(_, size)| **size > 0.0) {
            unit.col_as_slice_mut(l).iter_mut().for_each(|g| *g /= size);
        }
        let mut svd = thin_svd(unit.as_ref())?;
        cut_at_rank(&mut svd, m.max(d));
        let data: Vec<f64> = problem.data().iter().map(|y| y / tau).collect();
        let inside = transpose_times(&svd.u, &data);
        let mut outside = data;
        (0..svd.s.len()).for_each(|j| axpy(-inside[j], svd.u.col_as_slice(j), &mut outside));
        let fit = reduced_fit(problem.fit(), tau, norm(&outside))?;
        let over = |j: usize| if fit == Fit::Exact { svd.s[j] } else { 1.0 };
        let rank = svd.s.len();
        Ok(Canonical {
            a: Mat::from_fn(rank, d, |j, l| svd.v[(l, j)] * (svd.s[j] / over(j)) * sizes[l]),
            squares: sizes.iter().map(|s| s * s).collect(),
            y: (0..rank).map(|j| inside[j] / over(j)).collect(),
            power,
            fit,
            columns,
            lift: Mat::from_fn(m, rank, |i, j| svd.u[(i, j)] / over(j)),
            outside,
            price: value_unit / tau,
            value_unit,
        })
    }

    /// Â x.
    pub(super) fn apply(&self, x: &[f64]) -> Vec<f64> {
        let image = product(self.a.as_ref(), MatRef::from_column_major_slice(x, x.len(), 1));
        image.col_as_slice(0).to_vec()
    }

    /// Âᵀ λ.
    pub(super) fn adjoint(&self, lambda: &[f64]) -> Vec<f64> {
        transpose_times(&self.a, lambda)
    }

    /// C⁻²Âᵀ v: for exact data the x with Â x = v that is least in the scale of the columns.
    pub(super) fn right_inverse(&self, v: &[f64]) -> Vec<f64> {
        let pulled = self.adjoint(v).into_iter().zip(&self.squares);
        pulled.map(|(p, s)| if *s > 0.0 { p / s } else { 0.0 }).collect()
    }

    /// ε̂, 0 unless the fit is a ball.
    pub(super) fn radius(&self) -> f64 {
        match self.fit {
            Fit::Ball(epsilon) => epsilon,
            _ => 0.0,
        }
    }

    /// The coefficient of ½‖λ‖² in the dual: 1 for the penalised fit, else 0.
    pub(super) fn ridge(&self) -> f64 {
        f64::from(u8::from(matches!(self.fit, Fit::Penalised(_))))
    }

    /// x and λ in the units of the problem.
    pub(super) fn restore(&self, outcome: &Outcome) -> (Vec<f64>, Vec<f64>) {
        let x = outcome.x.iter().zip(&self.columns).map(|(x, c)| x * c).collect();
        let hat = &outcome.lambda;
        let lifted = product(
            self.lift.as_ref(),
            MatRef::from_column_major_slice(hat, hat.len(), 1),
        );
        let mut lambda = lifted.col_as_slice(0).to_vec();
        // λ is a multiple of the misfit y − A x, and of that `outside` is the part that no x changes.
        let multiple = match self.fit {
            Fit::Ball(epsilon) => norm(hat) / epsilon,
            Fit::Penalised(_) => 1.0,
            _ => 0.0,
        };
        axpy(multiple, &self.outside, &mut lambda);
        lambda.iter_mut().for_each(|l| *l *= self.price);
        (x, lambda)
    }
}

/// Drops the singular values that are zero to working precision.
fn cut_at_rank(svd: &mut Svd, size: usize) {
    let floor = 4.0 * size as f64 * f64::EPSILON * svd.s[0];
    let rank = svd.s.iter().take_while(|s| **s > floor).count();
    svd.s.truncate(rank);
    svd.u = svd.u.as_ref().subcols(0, rank).to_owned();
    svd.v = svd.v.as_ref().subcols(0, rank).to_owned();
}

/// The fit that is left once the part of y/τ outside the range of A, of norm `outside`, is paid for.
fn reduced_fit(fit: Fit, tau: f64, outside: f64) -> Result<Fit, Error> {
    match fit {
        Fit::Exact if outside > INCONSISTENT => Err(Error::Inconsistent { residual: outside }),
        Fit::Ball(epsilon) => {
            let left = (epsilon / tau - outside) * (epsilon / tau + outside);
            if left > 0.0 {
                return Ok(Fit::Ball(left.sqrt()));
            }
            Err(Error::Setting {
                name: "epsilon",
                found: format!("{epsilon:e}, where y is {:e} from the range of A", outside * tau),
                expected: "a larger radius than that",
            })
        }
        Fit::Penalised(_) => Ok(Fit::Penalised(1.0)),
        _ => Ok(Fit::Exact),
    }
}

fn transpose_times(a: &Mat<f64>, v: &[f64]) -> Vec<f64> {
    (0..a.ncols()).map(|j| dot(a.col_as_slice(j), v)).collect()
}
