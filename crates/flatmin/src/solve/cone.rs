//! Are there positive semidefinite Z with B(Z) = b? Least squares over the cone tells.
//!
//! At its solution the residual ρ = b − B(Z) has B*(ρ) ⪯ 0 and ⟨ρ, b⟩ = ‖ρ‖². If ρ ≠ 0, then no Z′ ⪰ 0 fits: it would have
//! ‖ρ‖² = ⟨ρ, B(Z′)⟩ = ⟨B*(ρ), Z′⟩ ≤ 0. Short of the solution λ_max(B*(ρ)) is a little positive, and tr Z′ at least
//! ⟨ρ, b⟩/λ_max(B*(ρ)).

use faer::Mat;

use super::instance::Instance;
use super::splitting::shrink;
use crate::error::Error;
use crate::linalg::lanczos::largest_eigenvalue;
use crate::linalg::vector::{axpy, dot, norm};

/// Most steps.
const STEPS: usize = 2000;
/// Steps between two looks.
const PERIOD: usize = 20;
/// A Z′ that fits would have to be this many times as large as the Z that nearly does: there is none.
const LARGER: f64 = 1e3;

/// ‖B(Z) − b‖/‖b‖ of the nearest Z ⪰ 0, if that shows the data to be out of reach; `None` if not.
///
/// Accelerated projected gradients (Beck and Teboulle, SIAM J. Imaging Sci. 2, 2009), restarted where they turn uphill.
pub(super) fn infeasibility(instance: &Instance<'_>) -> Result<Option<f64>, Error> {
    let (map, size) = (&instance.map, norm(&instance.b));
    let curvature = largest_eigenvalue(instance.b.len(), |w| {
        map.apply_dense(map.adjoint(w).to_dense().as_ref())
    })?;
    let residual = |z: &Mat<f64>| {
        let mut rho: Vec<f64> = map.apply_dense(z.as_ref()).iter().map(|v| -v).collect();
        axpy(1.0, &instance.b, &mut rho);
        rho
    };
    let (d, _) = map.shape();
    let mut z = Mat::<f64>::zeros(d, d);
    let (mut ahead, mut momentum) = (z.clone(), 1.0f64);
    for step in 1..=STEPS {
        let uphill = map.adjoint(&residual(&ahead)).to_dense();
        let moved = &ahead + faer::Scale(0.99 / curvature) * uphill;
        let next = shrink(&instance.domain.decompose(moved.as_ref())?, 0.0);
        let change = &next - &z;
        let turned = crate::linalg::dense::inner((&ahead - &next).as_ref(), change.as_ref()) > 0.0;
        let grown = if turned {
            1.0
        } else {
            0.5 * (1.0 + (1.0 + 4.0 * momentum * momentum).sqrt())
        };
        let share = if turned { 0.0 } else { (momentum - 1.0) / grown };
        ahead = &next + faer::Scale(share) * change;
        (z, momentum) = (next, grown);
        if step % PERIOD == 0 {
            let rho = residual(&z);
            let trace: f64 = (0..d).map(|i| z[(i, i)]).sum();
            if norm(&rho) <= 1e-6 * size {
                return Ok(None);
            }
            if instance.dual_norm(&rho)?.max(0.0) * trace * LARGER <= dot(&rho, &instance.b) {
                return Ok(Some(norm(&rho) / size));
            }
        }
    }
    Ok(None)
}
