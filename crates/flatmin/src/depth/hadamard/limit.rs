//! Infinite depth: p = 2 − 2/K tends to 2, and (P) to least squares.

use faer::MatRef;

use crate::error::{Error, check_finite, check_length};
use crate::linalg::dense::thin_svd;
use crate::linalg::vector::{axpy, dot, norm};
use crate::map::column_major;

/// The x of least Σ w_l·x_l², w_l = ‖a_l‖², among those with A x = y, the limit of the flat solutions as K → ∞.
///
/// With the normalised columns Â = A·diag(‖a_l‖)⁻¹ it is x = diag(‖a_l‖)⁻¹ Â⁺ y, in closed form by the singular value
/// decomposition of Â, cut at its rank. Where no x fits, the misfit ‖A x − y‖₂ is least. Coordinates whose column of A is
/// zero are zero.
///
/// # Errors
/// Data of another length than the rows of A; NaN or infinity; a decomposition that fails.
pub fn limit(a: MatRef<'_, f64>, y: &[f64]) -> Result<Vec<f64>, Error> {
    check_length("y", y.len(), a.nrows())?;
    check_finite("y", y)?;
    check_finite("A", &column_major(a))?;
    let mut unit = a.to_owned();
    let sizes: Vec<f64> = (0..a.ncols()).map(|l| norm(unit.col_as_slice(l))).collect();
    for (l, size) in sizes.iter().enumerate().filter(|(_, size)| **size > 0.0) {
        unit.col_as_slice_mut(l).iter_mut().for_each(|v| *v /= size);
    }
    let svd = thin_svd(unit.as_ref())?;
    let largest = svd.s.first().copied().unwrap_or(0.0);
    let floor = 4.0 * a.nrows().max(a.ncols()) as f64 * f64::EPSILON * largest;
    let mut x = vec![0.0; a.ncols()];
    for (j, s) in svd.s.iter().enumerate().take_while(|(_, s)| **s > floor) {
        axpy(dot(svd.u.col_as_slice(j), y) / s, svd.v.col_as_slice(j), &mut x);
    }
    let restored = x.iter().zip(&sizes);
    Ok(restored
        .map(|(x, size)| if *size > 0.0 { x / size } else { 0.0 })
        .collect())
}

#[cfg(test)]
mod tests {
    use faer::Mat;

    use super::*;
    use crate::random::Stream;

    #[test]
    fn it_fits_and_its_weighted_multiple_lies_in_the_row_space() {
        let mut stream = Stream::new(5);
        let a: Mat<f64> = stream.normal_matrix(4, 9);
        let y = stream.normals(4);
        let x = limit(a.as_ref(), &y).unwrap();
        for (i, y) in y.iter().enumerate() {
            let fitted: f64 = (0..9).map(|l| a[(i, l)] * x[l]).sum();
            assert!((fitted - y).abs() < 1e-12);
        }
        // ⟨W x, z⟩ = 0 for every z with A z = 0: any other solution x + z is longer.
        let svd = crate::linalg::dense::full_svd(a.as_ref()).unwrap();
        for j in 4..9 {
            let null = svd.v.col_as_slice(j);
            let weighted: f64 = (0..9).map(|l| a.col(l).squared_norm_l2() * x[l] * null[l]).sum();
            assert!(weighted.abs() < 1e-11);
        }
        assert!(limit(a.as_ref(), &y[1..]).is_err());
    }
}
