//! Plain Douglas-Rachford: the naive twin of the production methods.
//!
//! It alternates singular value shrinkage with the proximal step of the fit, which needs one factorisation of the m×m
//! matrix ⟨B_i, B_j⟩. The dual comes free: at a fixed point (v − X)/t = B*(λ).

use faer::{Mat, MatRef};

use super::Settings;
use super::instance::{Instance, Outcome};
use super::monitor::Monitor;
use crate::error::Error;
use crate::linalg::dense::{Svd, product, symmetric_eigen, thin_svd};
use crate::linalg::vector::{axpy, dot, norm};
use crate::map::Gram;
use crate::problem::Fit;

/// ⟨B_i, B_j⟩ = E diag(e) Eᵀ: the proximal step of any fit is a scalar problem in these coordinates.
struct Fitting {
    values: Vec<f64>,
    /// `None`: the identity.
    vectors: Option<Mat<f64>>,
    /// Eᵀ b.
    b: Vec<f64>,
}

impl Fitting {
    fn new(instance: &Instance<'_>) -> Result<Self, Error> {
        match instance.map.measurement_gram() {
            Gram::Diagonal(values) => Ok(Fitting {
                values,
                vectors: None,
                b: instance.b.clone(),
            }),
            Gram::Dense(gram) => {
                let (values, vectors) = symmetric_eigen(gram.as_ref())?;
                let b = column(product(vectors.transpose(), as_matrix(&instance.b)));
                Ok(Fitting {
                    values,
                    vectors: Some(vectors),
                    b,
                })
            }
        }
    }

    fn into_basis(&self, w: &[f64]) -> Vec<f64> {
        self.vectors
            .as_ref()
            .map_or_else(|| w.to_vec(), |e| column(product(e.transpose(), as_matrix(w))))
    }

    fn out_of_basis(&self, w: &[f64]) -> Vec<f64> {
        self.vectors
            .as_ref()
            .map_or_else(|| w.to_vec(), |e| column(product(e.as_ref(), as_matrix(w))))
    }

    /// w such that the proximal point of the fit at v is v − B*(w), given B(v).
    fn multiplier(&self, fit: Fit, image: &[f64], t: f64) -> Vec<f64> {
        let misfit: Vec<f64> = self
            .into_basis(image)
            .iter()
            .zip(&self.b)
            .map(|(c, b)| c - b)
            .collect();
        let largest = self.values.iter().fold(0.0, |m: f64, v| m.max(*v));
        let ridge = match fit {
            Fit::Exact => 0.0,
            Fit::Penalised(mu) => mu / t,
            Fit::Ball(epsilon) => self.ball_ridge(&misfit, epsilon),
        };
        let solve = |(c, e): (&f64, &f64)| {
            // Directions that no measurement reaches carry no multiplier.
            if ridge == 0.0 && *e <= 1e-12 * largest {
                0.0
            } else {
                c / (e + ridge)
            }
        };
        let w: Vec<f64> = if ridge.is_infinite() {
            vec![0.0; misfit.len()]
        } else {
            misfit.iter().zip(&self.values).map(solve).collect()
        };
        self.out_of_basis(&w)
    }

    /// ν with ‖ν(E + νI)⁻¹ c‖ = ε, by bisection on its logarithm; infinite where v lies in the ball already.
    fn ball_ridge(&self, misfit: &[f64], epsilon: f64) -> f64 {
        if norm(misfit) <= epsilon {
            return f64::INFINITY;
        }
        let left = |nu: f64| {
            misfit
                .iter()
                .zip(&self.values)
                .map(|(c, e)| (nu * c / (e + nu)).powi(2))
                .sum::<f64>()
                .sqrt()
        };
        let (mut low, mut high) = (-80.0_f64, 80.0_f64);
        for _ in 0..120 {
            let middle = 0.5 * (low + high);
            if left(middle.exp()) > epsilon {
                high = middle
            } else {
                low = middle
            }
        }
        (0.5 * (low + high)).exp()
    }
}

/// Runs to a relative fixed-point residual of a hundredth of the tolerance.
pub(super) fn douglas_rachford(
    instance: &Instance<'_>,
    settings: &Settings,
    monitor: &mut Monitor<'_>,
) -> Result<Outcome, Error> {
    let fitting = Fitting::new(instance)?;
    let (d1, d2) = instance.map.shape();
    let zero = Mat::<f64>::zeros(d1, d2);
    let first = fitting.multiplier(Fit::Exact, &vec![0.0; instance.b.len()], 1.0);
    let mut v = &zero - instance.map.adjoint(&first).to_dense();
    let scale = v.norm_l2().max(f64::MIN_POSITIVE);
    let t = scale / 10.0;
    loop {
        let svd = thin_svd(v.as_ref())?;
        let x = shrink(&svd, t);
        let reflected = faer::Scale(2.0) * &x - &v;
        // The objective is ‖Z‖_* alone: a penalised fit is divided by its μ.
        let w = fitting.multiplier(instance.fit, &instance.map.apply_dense(reflected.as_ref()), t);
        let y = &reflected - instance.map.adjoint(&w).to_dense();
        let change = &y - &x;
        let stopped = monitor.step();
        // At the fixed point w/t is the multiplier, up to its sign.
        let lambda: Vec<f64> = w.iter().map(|w| -w / t).collect();
        if stopped.is_some() || change.norm_l2() <= 0.01 * settings.tolerance * scale {
            return Ok(outcome(instance, &svd, t, lambda, stopped));
        }
        if monitor.iterations() % 50 == 0 {
            record(instance, &x, &lambda, monitor)?;
        }
        v += change;
    }
}

fn outcome(
    instance: &Instance<'_>,
    svd: &Svd,
    t: f64,
    mut lambda: Vec<f64>,
    stopped: Option<super::Status>,
) -> Outcome {
    let active = svd.s.iter().take_while(|s| **s > t).count();
    let factor = |basis: &Mat<f64>| {
        Mat::from_fn(basis.nrows(), active, |i, j| {
            basis[(i, j)] * (svd.s[j] - t).sqrt()
        })
    };
    if let Fit::Penalised(mu) = instance.fit {
        lambda.iter_mut().for_each(|l| *l *= mu);
    }
    Outcome {
        l: factor(&svd.u),
        r: factor(&svd.v),
        lambda,
        stopped,
        method: "splitting",
    }
}

fn record(
    instance: &Instance<'_>,
    x: &Mat<f64>,
    lambda: &[f64],
    monitor: &mut Monitor<'_>,
) -> Result<(), Error> {
    let mut misfit = instance.map.apply_dense(x.as_ref());
    axpy(-1.0, &instance.b, &mut misfit);
    let misfit = norm(&misfit);
    let singular = crate::linalg::dense::singular_values(x.as_ref())?;
    let nuclear: f64 = singular.iter().sum();
    let top = instance.leading(&instance.map.adjoint(lambda), 1)?.s[0].max(1.0);
    let (inner, size) = (dot(lambda, &instance.b) / top, norm(lambda) / top);
    let (value, bound) = match instance.fit {
        Fit::Exact => (nuclear, inner),
        Fit::Ball(epsilon) => (nuclear, inner - epsilon * size),
        Fit::Penalised(mu) => (
            mu * nuclear + 0.5 * misfit * misfit,
            mu * inner - 0.5 * (mu * size).powi(2),
        ),
    };
    let rank = singular.iter().filter(|s| **s > 0.0).count();
    instance.record(monitor, value, bound, misfit, rank);
    Ok(())
}

fn shrink(svd: &Svd, t: f64) -> Mat<f64> {
    let scaled = Mat::from_fn(svd.u.nrows(), svd.s.len(), |i, j| {
        svd.u[(i, j)] * (svd.s[j] - t).max(0.0)
    });
    product(scaled.as_ref(), svd.v.transpose())
}

fn as_matrix(v: &[f64]) -> MatRef<'_, f64> {
    MatRef::from_column_major_slice(v, v.len(), 1)
}

fn column(a: Mat<f64>) -> Vec<f64> {
    a.col_as_slice(0).to_vec()
}
