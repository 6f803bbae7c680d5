//! The rank-constrained end of the path: columns come one at a time, each from the top singular pair of what the fewer
//! ones leave, with a short path in μ at each rank, and at the last one down to nothing, where Gauss-Newton meets the data.

use super::{Limits, Path};
use crate::domain::column_signs;
use crate::error::Error;
use crate::linalg::vector::norm;
use crate::random::Stream;
use crate::solve::instance::Instance;
use crate::solve::monitor::Monitor;
use crate::solve::rank_constrained::{Found, Search};
use crate::solve::{Status, newton, polish};

/// Values of μ at a rank that is not the last, relative to the singular value that it grew from.
const MIDDLE: &[f64] = &[0.3, 0.1];
/// The same for every other start: the wells of the objective are wider under a larger penalty.
const PATIENT: &[f64] = &[1.0, 0.3, 0.1, 0.03];
/// At the last one.
const LAST: &[f64] = &[0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3, 1e-4, 1e-6];
/// Relative gradient on the way.
const LOOSE: f64 = 0.1;
/// Newton steps for one μ.
const STEPS: usize = 60;
/// First damping, relative to the singular value grown from.
const DAMPING: f64 = 1e-3;
/// Size of the disturbance of a new column, relative to it, in later starts.
const DISTURBANCE: f64 = 0.5;
/// Starts in all.
const STARTS: usize = 8;

/// Factors within the limits that meet the data, the flattest that a descent finds.
pub(in crate::solve) fn complete(
    instance: &Instance<'_>,
    search: &Search<'_>,
    monitor: &mut Monitor<'_>,
) -> Result<Found, Error> {
    let mut best = Found::nothing(instance);
    for start in 0..STARTS {
        let middle = if start % 2 == 0 { MIDDLE } else { PATIENT };
        let stream =
            (start > 1).then(|| Stream::of_trial(search.settings.seed, "path", "starts", start as u64));
        let limits = Limits {
            widths: search.widths,
            unknowns: usize::MAX,
        };
        let mut path = Path::new(instance, search.settings, limits)?;
        let stopped = path.descend((search.fewest, middle), stream, &mut best, monitor)?;
        (best.restarts, best.stopped) = (start, stopped);
        if best.fits() || stopped.is_some() {
            break;
        }
    }
    Ok(best)
}

impl Path<'_, '_> {
    /// One start. Leaves what fits better than `best` there.
    fn descend(
        &mut self,
        (fewest, middle): (bool, &[f64]),
        mut disturbance: Option<Stream>,
        best: &mut Found,
        monitor: &mut Monitor<'_>,
    ) -> Result<Option<Status>, Error> {
        while let Some(top) = self.grow_by_one(disturbance.as_mut())? {
            let last = !self.has_room();
            if fewest || last {
                let (point, damping) = (self.factors(), self.damping);
                let stopped = self.fall(LAST, top, monitor);
                self.finish(best, monitor)?;
                if stopped.is_some() || best.fits() || last {
                    return Ok(stopped);
                }
                (self.point, self.damping) = (
                    newton::Point::new(self.instance, point.l, point.r, &self.target),
                    damping,
                );
            }
            let stopped = self.fall(middle, top, monitor);
            if stopped.is_some() {
                self.finish(best, monitor)?;
                return Ok(stopped);
            }
        }
        Ok(None)
    }

    /// Appends the largest triplet of B*(b − B(Z)) that there is room for, and returns its singular value.
    fn grow_by_one(&mut self, disturbance: Option<&mut Stream>) -> Result<Option<f64>, Error> {
        self.dual = self
            .instance
            .leading(&self.point.adjoint.divided(-1.0), self.columns() + 2)?;
        let signs = column_signs(self.dual.u.as_ref(), self.dual.v.as_ref());
        let mut room = self
            .limits
            .widths
            .room(self.point.l.as_ref(), self.point.r.as_ref());
        let chosen = (0..self.dual.s.len()).find(|j| self.dual.s[*j] > 0.0 && room.take(signs[*j]));
        let Some(chosen) = chosen else {
            return Ok(None);
        };
        if let Some(stream) = disturbance {
            let (u, v) = (&mut self.dual.u, &mut self.dual.v);
            let size = DISTURBANCE / (u.nrows() as f64).sqrt();
            let noise = stream.normals(u.nrows());
            // A column of V is ± one of U in a symmetric domain, and stays that.
            let symmetric = self.instance.domain.is_symmetric();
            for (i, z) in noise.into_iter().enumerate() {
                u[(i, chosen)] += size * z;
                if symmetric {
                    v[(i, chosen)] = signs[chosen] * u[(i, chosen)];
                }
            }
        }
        let top = self.dual.s[chosen];
        self.mu = MIDDLE[0] * top;
        self.grow(&[chosen]);
        self.damping = DAMPING * top;
        Ok(Some(top))
    }

    /// Whether another column may come, of either sign.
    fn has_room(&self) -> bool {
        let room = self
            .limits
            .widths
            .room(self.point.l.as_ref(), self.point.r.as_ref());
        room.total > 0 && (room.positive > 0 || room.negative > 0)
    }

    /// Newton along the values of μ.
    fn fall(&mut self, path: &[f64], top: f64, monitor: &mut Monitor<'_>) -> Option<Status> {
        for share in path {
            self.mu = share * top;
            let end = newton::minimise(
                self.instance,
                &mut self.point,
                &self.target,
                self.mu,
                (LOOSE, STEPS),
                &mut self.damping,
                monitor,
            );
            if let newton::End::Stopped(status) = end {
                return Some(status);
            }
        }
        None
    }

    /// Meets the data from where the path ended, if that is near enough.
    fn finish(&mut self, best: &mut Found, monitor: &mut Monitor<'_>) -> Result<(), Error> {
        let size = norm(&self.instance.b);
        let near = self.factors();
        let (mut z, mut misfit) = (near.clone(), norm(&self.misfit()) / size);
        if let Some(exact) = polish::fit_exactly(self.instance, near, monitor)? {
            misfit = norm(&exact.residual) / size;
            z.l = exact.l;
            z.r = exact.r;
        }
        let value = 0.5 * z.squared_norm();
        self.instance
            .record_unbounded(monitor, value, misfit * size, z.columns());
        if misfit < best.misfit {
            (best.z, best.misfit) = (z, misfit);
        }
        Ok(())
    }
}
