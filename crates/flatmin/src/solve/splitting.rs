//! Plain Douglas-Rachford: the naive twin of the production methods.
//!
//! It alternates shrinkage of singular values (eigenvalues, in a symmetric domain) with the proximal step of the fit, which
//! needs one factorisation of the m×m matrix ⟨B_i, B_j⟩. The dual comes free: at a fixed point (v − X)/t = B*(λ).

use faer::{Mat, MatRef};

use super::Settings;
use super::anderson::Anderson;
use super::instance::{Instance, Outcome};
use super::monitor::Monitor;
use super::robust::Level;
use crate::error::Error;
use crate::linalg::dense::{Cholesky, Svd, product, symmetric_eigen};
use crate::linalg::vector::{axpy, dot, max_abs, norm};
use crate::map::{Gram, column_major};
use crate::problem::Fit;

/// The proximal step of the fit: v − B*(w) with (⟨B_i, B_j⟩ + νI) w = B(v) − b; ν = 0 for exact data, μ/t for a penalty,
/// and for a ball the ν that puts the result on its sphere. For an absolute fit w = clamp(B(v) − b, ±level).
struct Fitting<'a> {
    b: &'a [f64],
    system: System,
}

enum System {
    /// ⟨B_i, B_j⟩ is diagonal, and ν is 0 or μ/t.
    Diagonal(Vec<f64>),
    /// ⟨B_i, B_j⟩ = I and an absolute fit: w is the misfit clamped to the level.
    Clamped { level: Level, t: f64 },
    /// ν is 0 or μ/t, and the matrix positive definite.
    Factored(Cholesky),
    /// ⟨B_i, B_j⟩ = E diag(e) Eᵀ: for a ball, whose ν changes, and for dependent measurements, whose null space is left alone.
    Eigen {
        values: Vec<f64>,
        vectors: Mat<f64>,
        ridge: f64,
        epsilon: f64,
    },
}

/// Eigenvalues of ⟨B_i, B_j⟩ at or below this share of the largest belong to dependent measurements.
const DEPENDENT: f64 = 1e-12;

impl<'a> Fitting<'a> {
    fn new(instance: &'a Instance<'_>, t: f64) -> Result<Self, Error> {
        let b = &instance.b;
        let (ridge, epsilon) = match instance.fit {
            Fit::Exact => (0.0, 0.0),
            Fit::Penalised(mu) => (mu / t, 0.0),
            Fit::Ball(epsilon) => (0.0, epsilon),
            Fit::Absolute(_) | Fit::AbsoluteBall(_) => {
                let level = Level::new(instance)?;
                let system = System::Clamped { level, t };
                return Ok(Fitting { b, system });
            }
        };
        let gram = match instance.map.measurement_gram() {
            Gram::Diagonal(values) if epsilon == 0.0 => {
                let system = System::Diagonal(values.iter().map(|v| v + ridge).collect());
                return Ok(Fitting { b, system });
            }
            Gram::Diagonal(values) => {
                Mat::from_fn(b.len(), b.len(), |i, j| if i == j { values[i] } else { 0.0 })
            }
            Gram::Dense(gram) => gram,
        };
        if epsilon == 0.0 {
            let mut shifted = gram.clone();
            (0..b.len()).for_each(|i| shifted[(i, i)] += ridge);
            if let Some(factor) = Cholesky::new(shifted).filter(|f| f.diagonal_ratio() > DEPENDENT.sqrt()) {
                return Ok(Fitting {
                    b,
                    system: System::Factored(factor),
                });
            }
        }
        let (values, vectors) = symmetric_eigen(gram.as_ref())?;
        Ok(Fitting {
            b,
            system: System::Eigen {
                values,
                vectors,
                ridge,
                epsilon,
            },
        })
    }

    /// w, given B(v).
    fn multiplier(&self, image: &[f64]) -> Vec<f64> {
        let mut misfit: Vec<f64> = image.iter().zip(self.b).map(|(c, b)| c - b).collect();
        match &self.system {
            System::Diagonal(values) => misfit.iter_mut().zip(values).for_each(|(c, e)| *c /= e),
            System::Clamped { level, t } => {
                let level = level.of(&misfit, *t);
                misfit.iter_mut().for_each(|c| *c = c.clamp(-level, level));
            }
            System::Factored(factor) => factor.solve(&mut misfit),
            System::Eigen {
                values,
                vectors,
                ridge,
                epsilon,
            } => {
                let turned = column_major(product(vectors.transpose(), as_matrix(&misfit)).as_ref());
                let nu = if *epsilon > 0.0 {
                    ball_ridge(values, &turned, *epsilon)
                } else {
                    *ridge
                };
                let dependent = DEPENDENT * values.iter().fold(0.0, |m: f64, v| m.max(*v));
                let solve = |(c, e): (&f64, &f64)| {
                    if nu == 0.0 && *e <= dependent {
                        0.0
                    } else {
                        c / (e + nu)
                    }
                };
                let w: Vec<f64> = turned.iter().zip(values).map(solve).collect();
                misfit = column_major(product(vectors.as_ref(), as_matrix(&w)).as_ref());
            }
        }
        misfit
    }
}

/// ν with ‖ν(E + νI)⁻¹ c‖ = ε, by bisection on its logarithm; infinite where v lies in the ball already.
fn ball_ridge(values: &[f64], misfit: &[f64], epsilon: f64) -> f64 {
    if norm(misfit) <= epsilon {
        return f64::INFINITY;
    }
    let left = |nu: f64| {
        misfit
            .iter()
            .zip(values)
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

/// The iteration v ↦ v + change(v), v ∈ R^{d1×d2} stored column after column.
struct Splitting<'a, 'b> {
    instance: &'b Instance<'a>,
    fitting: Fitting<'b>,
    /// B*(b), scaled so that B of it is about b: the first v.
    first: Vec<f64>,
    /// ‖first‖_F.
    scale: f64,
    /// Step: shrinkage by t.
    t: f64,
}

/// One evaluation of the map.
struct Step {
    /// Of v.
    svd: Svd,
    lambda: Vec<f64>,
    change: Vec<f64>,
}

impl<'a, 'b> Splitting<'a, 'b> {
    fn new(instance: &'b Instance<'a>) -> Result<Self, Error> {
        let adjoint = instance.map.adjoint(&instance.b).to_dense();
        let image = instance.map.apply_dense(adjoint.as_ref());
        let fitted = dot(&image, &instance.b) / dot(&image, &image).max(f64::MIN_POSITIVE);
        let first: Vec<f64> = column_major(adjoint.as_ref())
            .iter()
            .map(|v| fitted * v)
            .collect();
        let scale = norm(&first).max(f64::MIN_POSITIVE);
        let t = scale / 10.0;
        Ok(Splitting {
            instance,
            fitting: Fitting::new(instance, t)?,
            first,
            scale,
            t,
        })
    }

    fn step(&self, v: &[f64]) -> Result<Step, Error> {
        let (d1, d2) = self.instance.map.shape();
        let v = MatRef::from_column_major_slice(v, d1, d2);
        let svd = self.instance.domain.decompose(v)?;
        let x = shrink(&svd, self.t);
        let reflected = faer::Scale(2.0) * &x - v;
        // The objective is ‖Z‖_* alone: a penalised fit is divided by its μ.
        let w = self
            .fitting
            .multiplier(&self.instance.map.apply_dense(reflected.as_ref()));
        let change = reflected - self.instance.map.adjoint(&w).to_dense() - x;
        // At a fixed point (v − X)/t = −B*(w)/t.
        Ok(Step {
            svd,
            lambda: w.iter().map(|w| -w / self.t).collect(),
            change: column_major(change.as_ref()),
        })
    }
}

/// Runs to a relative fixed-point residual of a hundredth of the tolerance.
pub(super) fn douglas_rachford(
    instance: &Instance<'_>,
    settings: &Settings,
    monitor: &mut Monitor<'_>,
) -> Result<Outcome, Error> {
    let splitting = Splitting::new(instance)?;
    let mut v = splitting.first.clone();
    loop {
        let step = splitting.step(&v)?;
        let stopped = monitor.step();
        if stopped.is_some() || norm(&step.change) <= 0.01 * settings.tolerance * splitting.scale {
            return Ok(outcome(instance, &step.svd, splitting.t, step.lambda, stopped));
        }
        if monitor.iterations().is_multiple_of(50) {
            record(instance, &shrink(&step.svd, splitting.t), &step.lambda, monitor)?;
        }
        axpy(1.0, &step.change, &mut v);
    }
}

/// A start for a faster method: the same iteration from `start` with Anderson acceleration, to a relative residual of
/// `tolerance` or `evaluations`.
pub(super) fn warm_start(
    instance: &Instance<'_>,
    start: &Outcome,
    tolerance: f64,
    evaluations: usize,
    monitor: &mut Monitor<'_>,
) -> Result<Outcome, Error> {
    let splitting = Splitting::new(instance)?;
    let mut v = column_major(product(start.l.as_ref(), start.r.transpose()).as_ref());
    let size = instance.size_of_multiplier(&start.lambda)?;
    axpy(
        splitting.t / size,
        &column_major(instance.map.adjoint(&start.lambda).to_dense().as_ref()),
        &mut v,
    );
    let mut memory = Anderson::new(MEMORY);
    let mut step = splitting.step(&v)?;
    for _ in 0..evaluations {
        let stopped = monitor.step();
        let residual = norm(&step.change);
        if stopped.is_some() || residual <= tolerance * splitting.scale {
            return Ok(outcome(instance, &step.svd, splitting.t, step.lambda, stopped));
        }
        if let Some(candidate) = memory.extrapolate(&v, &step.change) {
            let tried = splitting.step(&candidate)?;
            if norm(&tried.change) <= residual {
                (v, step) = (candidate, tried);
                continue;
            }
            memory.clear();
        }
        axpy(1.0, &step.change, &mut v);
        step = splitting.step(&v)?;
    }
    Ok(outcome(instance, &step.svd, splitting.t, step.lambda, None))
}

/// Iterates kept for the extrapolation.
const MEMORY: usize = 15;

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
    let mut misfits = instance.map.apply_dense(x.as_ref());
    axpy(-1.0, &instance.b, &mut misfits);
    let misfit = norm(&misfits);
    // Of the shrunken matrix: in the semidefinite domain it is semidefinite.
    let singular = instance.domain.decompose(x.as_ref())?.s;
    let nuclear: f64 = singular.iter().sum();
    let top = instance.dual_norm(lambda)?.max(1.0);
    let (inner, size) = (dot(lambda, &instance.b) / top, norm(lambda) / top);
    let (value, bound) = match instance.fit {
        Fit::Exact => (nuclear, inner),
        Fit::Absolute(theta) => {
            let total: f64 = misfits.iter().map(|c| c.abs()).sum();
            (nuclear + theta * total, inner)
        }
        Fit::AbsoluteBall(radius) => (nuclear, inner - radius * max_abs(lambda) / top),
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

/// The matrix whose values are those of `svd` less t, none below zero.
pub(super) fn shrink(svd: &Svd, t: f64) -> Mat<f64> {
    let scaled = Mat::from_fn(svd.u.nrows(), svd.s.len(), |i, j| {
        svd.u[(i, j)] * (svd.s[j] - t).max(0.0)
    });
    product(scaled.as_ref(), svd.v.transpose())
}

fn as_matrix(v: &[f64]) -> MatRef<'_, f64> {
    MatRef::from_column_major_slice(v, v.len(), 1)
}
