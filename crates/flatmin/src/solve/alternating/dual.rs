//! What the dual matrix W = B*(b − B(Z)) says of a point Z = L Rᵀ: a bound, and the columns that are missing.
//!
//! At the optimum W is μ on the spaces of L and R and below it off them. On them it is known from one product with a basis;
//! off them its largest singular values are estimated, from below, in a block Krylov space.

use faer::{Mat, MatRef};

use super::LOOSE;
use super::sweep::Sweep;
use crate::error::Error;
use crate::factors::Factors;
use crate::linalg::dense::{beside, orthonormalise, project_off, singular_values};
use crate::linalg::krylov::{block_krylov, gaussian};
use crate::linalg::vector::dot;
use crate::map::Thin;
use crate::solve::instance::Instance;
use crate::solve::monitor::Monitor;

/// Random vectors beyond the columns looked for.
const SPARE: usize = 4;
/// Applications of WᵀW to each, while steps still gain more than a share `FINE`, and after that: then what is missed of the
/// largest singular value is missed by the gap.
const STEPS: usize = 6;
/// At zero for the first time: what the steps start from may be rough.
const FIRST_STEPS: usize = 2;
const FINAL_STEPS: usize = 12;
const FINE: f64 = 1e-6;
/// Singular values may exceed μ by this share while steps are still loose, and less as the root of the gain.
const VIOLATION: f64 = 1e-2;

pub(super) struct Dual {
    value: f64,
    bound: f64,
    misfit: f64,
    mu: f64,
    /// Singular values of W off the spaces, largest first, from below.
    off: Vec<f64>,
    /// Their vectors on the outer side, scaled to be balanced columns.
    columns: Mat<f64>,
}

impl Dual {
    /// Looks for `count` columns, where a step gains `gain`.
    pub(super) fn new(
        sweep: &Sweep<'_>,
        instance: &Instance<'_>,
        z: &Factors,
        (count, gain): (usize, f64),
    ) -> Result<Self, Error> {
        let mu = sweep.mu();
        let lambda = sweep.residual(&z.l, &z.r, instance);
        let w = sweep.dual_matrix(&lambda);
        let (basis, _) = orthonormalise(sweep.outer_of(&z.l, &z.r).as_ref());
        let on = w.times(&Thin::from_mat(basis.as_ref())).to_mat();
        let off_basis = |y: MatRef<'_, f64>| project_off(basis.as_ref(), y);
        let width = (count + SPARE).next_multiple_of(8);
        let start = off_basis(gaussian(basis.nrows(), width, 1).as_ref());
        let steps = if basis.ncols() == 0 && gain >= LOOSE {
            FIRST_STEPS
        } else if gain > FINE {
            STEPS
        } else {
            FINAL_STEPS
        };
        let ritz = block_krylov(start, (steps, width), |y| {
            let image = w.transpose_times(&w.times(&Thin::from_mat(y)));
            off_basis(image.to_mat().as_ref())
        })?;
        let off: Vec<f64> = ritz.values.iter().map(|v| v.max(0.0).sqrt()).collect();
        let above = off.iter().take_while(|s| **s > mu).count().min(count);
        let vectors = ritz
            .vectors
            .as_ref()
            .subcols(0, above.max(SPARE).min(ritz.vectors.ncols()));
        let images = w.times(&Thin::from_mat(vectors));
        // W on both together: before the gradient vanishes they are not orthogonal.
        let whole = beside(on.as_ref(), images.to_mat().as_ref());
        let top = singular_values(orthonormalise(whole.as_ref()).1.as_ref())?;
        let top = top.first().copied().unwrap_or(0.0).max(mu);
        let curvature = sweep.curvatures(&images, &Thin::from_mat(vectors), &off);
        let size = |j: usize| ((off[j] - mu) / curvature[j]).sqrt();
        let columns = Mat::from_fn(vectors.nrows(), above, |i, j| size(j) * vectors[(i, j)]);
        let misfit = dot(&lambda, &lambda).sqrt();
        let nuclear = Factors::svd(z)?.s.iter().sum::<f64>();
        let scale = (mu / top).min(dot(&lambda, &instance.b) / (misfit * misfit).max(f64::MIN_POSITIVE));
        Ok(Dual {
            value: mu * nuclear + 0.5 * misfit * misfit,
            bound: scale * (dot(&lambda, &instance.b) - 0.5 * scale * misfit * misfit),
            misfit,
            mu,
            off,
            columns,
        })
    }

    pub(super) fn relative_gap(&self) -> f64 {
        (self.value - self.bound) / self.value
    }

    /// What singular values may exceed without being missed, while a step still gains that much.
    fn allowed(&self, gain: f64) -> f64 {
        self.mu * (1.0 + VIOLATION * (gain / LOOSE).sqrt().min(1.0))
    }

    /// How many columns to add, at most `room`.
    pub(super) fn newcomers(&self, room: usize, gain: f64) -> usize {
        let allowed = self.allowed(gain);
        let found = self.off.iter().take(self.columns.ncols().min(room));
        found.filter(|s| **s > allowed).count()
    }

    /// Whether the optimum has more columns.
    pub(super) fn asks_for_more(&self, gain: f64) -> bool {
        self.off.first().is_some_and(|s| *s > self.allowed(gain))
    }

    /// The leading `count` new columns of the outer factor, in Z.
    pub(super) fn columns(&self, count: usize) -> Mat<f64> {
        self.columns.as_ref().subcols(0, count).to_owned()
    }

    pub(super) fn record(&self, instance: &Instance<'_>, monitor: &mut Monitor<'_>, rank: usize) {
        instance.record(monitor, self.value, self.bound, self.misfit, rank);
    }
}
