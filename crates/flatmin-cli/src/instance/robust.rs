//! Robust PCA: the entries of a matrix, all or some.

use flatmin::map::{Entries, Identity, MeasurementMap};

use super::Extras;
use crate::failure::{Failure, OrInput as _};
use crate::input::{self, Source};

/// The map, its data and what the file knows beside them.
pub(super) type Loaded = (Box<dyn MeasurementMap>, Vec<f64>, Extras);

/// Reads the matrix.
pub(super) fn load(source: Source<'_>) -> Result<Loaded, Failure> {
    let data = input::read_robust(source).or_input()?;
    let extras = Extras {
        truth: data.truth,
        frames: data.frames,
        ..Extras::default()
    };
    let shape = data.y.dim();
    if data.y.iter().all(|value| !value.is_nan()) {
        // The readers give C order from the start of the allocation.
        let y = data.y.into_raw_vec_and_offset().0;
        return Ok((Box::new(Identity::new(shape)), y, extras));
    }
    let (mut rows, mut columns, mut y) = (Vec::new(), Vec::new(), Vec::new());
    for ((a, b), value) in data.y.indexed_iter().filter(|(_, value)| !value.is_nan()) {
        // A dimension beyond 32 bits saturates here and is refused below.
        rows.push(u32::try_from(a).unwrap_or(u32::MAX));
        columns.push(u32::try_from(b).unwrap_or(u32::MAX));
        y.push(*value);
    }
    let (map, y) = Entries::new(&rows, &columns, &y, shape).map_err(|error| Failure::about(source, error))?;
    Ok((Box::new(map), y, extras))
}
