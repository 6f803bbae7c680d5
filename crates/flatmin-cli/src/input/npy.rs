//! Completion and robust PCA from a `.npy` file, or one array of an archive: a matrix with NaN where nothing was observed.

use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use ndarray::{Array2, ArrayD, Ix2};

use super::entries::{Entries, Places};
use super::numpy::{read_numbers, shown_shape};

pub(crate) fn read_completion(path: &Path) -> Result<Entries> {
    let file = super::open_file(path)?;
    let size = file.metadata().context("cannot be read")?.len();
    let array = read_numbers(file, size)?;
    entries(array)
}

/// A matrix as it stands.
pub(super) fn read_matrix(path: &Path) -> Result<Array2<f64>> {
    let file = super::open_file(path)?;
    let size = file.metadata().context("cannot be read")?.len();
    matrix(read_numbers(file, size)?)
}

/// An array of two dimensions.
pub(super) fn matrix(array: ArrayD<f64>) -> Result<Array2<f64>> {
    let shape = array.shape().to_vec();
    array
        .into_dimensionality::<Ix2>()
        .map_err(|_| anyhow!("found shape {}, expected a matrix (d1, d2)", shown_shape(&shape)))
}

/// The numbers of a matrix that are not NaN.
pub(super) fn entries(array: ArrayD<f64>) -> Result<Entries> {
    let shape = array.shape().to_vec();
    let matrix = matrix(array)?;
    ensure!(
        !shape.contains(&0),
        "found shape {}, expected no dimension 0",
        shown_shape(&shape)
    );
    let (d1, d2) = matrix.dim();
    ensure!(
        u32::try_from(d1.max(d2)).is_ok(),
        "found shape {}, expected dimensions of 32 bits",
        shown_shape(&[d1, d2])
    );
    let mut entries = Entries::empty((d1, d2), Places::Entries);
    for ((i, j), &value) in matrix.indexed_iter().filter(|(_, value)| !value.is_nan()) {
        ensure!(
            value.is_finite(),
            "found {value} at ({i}, {j}), expected a finite number, or NaN for unobserved"
        );
        // Both indices are below dimensions of 32 bits.
        entries.push(i as u32, j as u32, value);
    }
    ensure!(
        !entries.y.is_empty(),
        "found NaN everywhere, expected at least one observed number"
    );
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::super::numpy::craft::{f8, floats, npy};
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Result<Entries> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.npy");
        std::fs::write(&path, bytes).unwrap();
        read_completion(&path)
    }

    #[test]
    fn nan_is_unobserved_in_either_order() {
        let nan = f64::NAN;
        for bytes in [
            floats("(2, 3)", &[1., nan, 2., nan, nan, 3.]),
            npy("'<f8'", true, "(2, 3)", &f8(&[1., nan, nan, nan, 2., 3.])),
        ] {
            let entries = read(&bytes).unwrap();
            assert_eq!(
                (entries.rows, entries.cols, entries.y),
                (vec![0, 0, 1], vec![0, 2, 2], vec![1., 2., 3.])
            );
            assert_eq!(entries.shape, (2, 3));
        }
    }

    #[test]
    fn what_is_no_matrix_of_observations_is_refused() {
        let refusal = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
        assert_eq!(
            refusal(&floats("(2,)", &[1., 2.])),
            "found shape (2,), expected a matrix (d1, d2)"
        );
        assert_eq!(
            refusal(&floats("(0, 3)", &[])),
            "found shape (0, 3), expected no dimension 0"
        );
        assert!(refusal(&floats("(1, 2)", &[1., f64::INFINITY])).starts_with("found inf at (0, 1)"));
        assert!(refusal(&floats("(1, 1)", &[f64::NAN])).starts_with("found NaN everywhere"));
        assert!(refusal(b"").contains("found no numpy array"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120), shape in "\\([0-9]{0,2}, [0-9]{0,2}\\)") {
            let _ = read(&bytes);
            let _ = read(&npy("'|i1'", false, &shape, &bytes));
        }
    }
}
