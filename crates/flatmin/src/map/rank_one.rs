//! Rank-one measurements  A(X)_i = ⟨a_i b_iᵀ, X⟩ = a_iᵀ X b_i   (bilinear sensing).
//!
//! Storage m·(d1 + d2); products with thin matrices cost O(m·(d1 + d2)·k).
//! Source: Ding et al. (2024), section 4 (bilinear sensing), DOI 10.1093/imaiai/iaae009.

use faer::{Mat, MatMut, MatRef};

use super::{Adjoint, Gram, MeasurementMap, gamma};
use crate::error::{Error, check_finite, check_magnitude, check_product, check_shape};
use crate::linalg::dense::{product, row_gram};
use crate::linalg::vector::{dot, norm, safe_norm};

/// The largest magnitude in a and in b, unless all are zero, is between 1/LARGEST and LARGEST: the Grams hold fourth powers.
const LARGEST: f64 = 1e70;

/// X ↦ (a_1ᵀ X b_1, …, a_mᵀ X b_m) on R^{d1×d2}.
#[derive(Clone, Debug)]
pub struct RankOne {
    /// d1 × m, column i is a_i.
    left: Mat<f64>,
    /// d2 × m, column i is b_i.
    right: Mat<f64>,
}

impl RankOne {
    /// From `a` (m × d1) and `b` (m × d2), both row after row: one a_i, one b_i contiguous.
    ///
    /// # Errors
    /// m, d1 or d2 zero; other lengths than m·d1 and m·d2; NaN or infinity; a largest magnitude of a or of b beyond 1e70 or
    /// below 1e-70.
    ///
    /// ```
    /// use flatmin::map::{MeasurementMap as _, RankOne};
    ///
    /// // (1, 1) X (1, 0)ᵀ: the sum of the first column.
    /// let map = RankOne::new(&[1.0, 1.0], &[1.0, 0.0], 1, (2, 2))?;
    /// let x = faer::mat![[1.0, 2.0], [3.0, 4.0]];
    /// assert_eq!(map.apply_dense(x.as_ref()), [4.0]);
    /// # Ok::<(), flatmin::Error>(())
    /// ```
    pub fn new(a: &[f64], b: &[f64], measurements: usize, shape: (usize, usize)) -> Result<Self, Error> {
        check_shape(shape, measurements)?;
        for (what, vectors, size) in [("a", a, shape.0), ("b", b, shape.1)] {
            check_product(what, vectors.len(), &[measurements, size])?;
            check_finite(what, vectors)?;
            check_magnitude(what, vectors, LARGEST)?;
        }
        Ok(RankOne {
            left: MatRef::from_column_major_slice(a, shape.0, measurements).to_owned(),
            right: MatRef::from_column_major_slice(b, shape.1, measurements).to_owned(),
        })
    }
}

/// Column i of `vectors` times w_i.
pub(super) fn scaled(vectors: &Mat<f64>, w: impl Fn(usize) -> f64) -> Mat<f64> {
    let mut out = vectors.clone();
    for i in 0..out.ncols() {
        let w = w(i);
        out.col_as_slice_mut(i).iter_mut().for_each(|v| *v *= w);
    }
    out
}

/// Σ_c p[c, i]·q[c, i] for every column i.
pub(super) fn column_dots(p: &Mat<f64>, q: &Mat<f64>) -> Vec<f64> {
    (0..p.ncols())
        .map(|i| dot(p.col_as_slice(i), q.col_as_slice(i)))
        .collect()
}

impl MeasurementMap for RankOne {
    fn shape(&self) -> (usize, usize) {
        (self.left.nrows(), self.right.nrows())
    }

    fn measurements(&self) -> usize {
        self.left.ncols()
    }

    /// A(L Rᵀ)_i = (Lᵀ a_i)·(Rᵀ b_i).
    fn apply_factored(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Vec<f64> {
        let left = product(l.transpose(), self.left.as_ref());
        let right = product(r.transpose(), self.right.as_ref());
        column_dots(&left, &right)
    }

    /// A(X)_i = (Xᵀ a_i)·b_i.
    fn apply_dense(&self, x: MatRef<'_, f64>) -> Vec<f64> {
        column_dots(&product(x.transpose(), self.left.as_ref()), &self.right)
    }

    /// A*(w) = Σ w_i a_i b_iᵀ.
    fn adjoint(&self, w: &[f64]) -> Adjoint<'_> {
        Adjoint::Dense(product(
            scaled(&self.left, |i| w[i]).as_ref(),
            self.right.transpose(),
        ))
    }

    /// Σ ‖b_i‖² a_i a_iᵀ.
    fn left_gram(&self) -> Gram {
        Gram::Dense(row_gram(
            scaled(&self.left, |i| norm(self.right.col_as_slice(i))).as_ref(),
        ))
    }

    /// Σ ‖a_i‖² b_i b_iᵀ.
    fn right_gram(&self) -> Gram {
        Gram::Dense(row_gram(
            scaled(&self.right, |i| norm(self.left.col_as_slice(i))).as_ref(),
        ))
    }

    /// Σ ‖Qᵀb_i‖² a_i a_iᵀ.
    fn left_gram_through(&self, q: MatRef<'_, f64>) -> Gram {
        let images = product(q.transpose(), self.right.as_ref());
        Gram::Dense(row_gram(
            scaled(&self.left, |i| norm(images.col_as_slice(i))).as_ref(),
        ))
    }

    /// Σ ‖Pᵀa_i‖² b_i b_iᵀ.
    fn right_gram_through(&self, p: MatRef<'_, f64>) -> Gram {
        let images = product(p.transpose(), self.left.as_ref());
        Gram::Dense(row_gram(
            scaled(&self.right, |i| norm(images.col_as_slice(i))).as_ref(),
        ))
    }

    /// A_i R = a_i (Rᵀ b_i)ᵀ and A_iᵀ L = b_i (Lᵀ a_i)ᵀ.
    fn jacobian(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Mat<f64> {
        let ((d1, d2), k) = (self.shape(), l.ncols());
        let la = product(l.transpose(), self.left.as_ref());
        let rb = product(r.transpose(), self.right.as_ref());
        let mut out = Mat::zeros((d1 + d2) * k, self.measurements());
        for i in 0..self.measurements() {
            let column = out.col_as_slice_mut(i);
            let (left, right) = column.split_at_mut(d1 * k);
            outer(left, self.left.col_as_slice(i), rb.col_as_slice(i));
            outer(right, self.right.col_as_slice(i), la.col_as_slice(i));
        }
        out
    }

    /// Without A*(w): left·diag(w)·(rightᵀ R) and right·diag(w)·(leftᵀ L).
    fn adjoint_thin(&self, w: &[f64], l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> (Mat<f64>, Mat<f64>) {
        let la = scaled(&product(l.transpose(), self.left.as_ref()), |i| w[i]);
        let rb = scaled(&product(r.transpose(), self.right.as_ref()), |i| w[i]);
        (
            product(self.left.as_ref(), rb.transpose()),
            product(self.right.as_ref(), la.transpose()),
        )
    }

    /// (Lᵀ a_i)(Rᵀ b_i)ᵀ.
    fn compress(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Mat<f64> {
        let la = product(l.transpose(), self.left.as_ref());
        let rb = product(r.transpose(), self.right.as_ref());
        let mut out = Mat::zeros(l.ncols() * r.ncols(), self.measurements());
        for i in 0..self.measurements() {
            outer(out.col_as_slice_mut(i), la.col_as_slice(i), rb.col_as_slice(i));
        }
        out
    }

    /// (a_iᵀ P a_j)(b_iᵀ Q b_j).
    fn measurement_gram(&self, p: &Gram, q: &Gram) -> Gram {
        Gram::Dense(measurement_gram((&self.left, p), (&self.right, q)))
    }

    /// Each entry is a sum of m products of three numbers.
    fn adjoint_rounding(&self, w: &[f64]) -> f64 {
        let magnitude: f64 = w
            .iter()
            .enumerate()
            .map(|(i, w)| {
                w.abs() * safe_norm(self.left.col_as_slice(i)) * safe_norm(self.right.col_as_slice(i))
            })
            .sum();
        gamma(self.measurements() + 3) * magnitude
    }

    /// ‖b_i‖ has d2/2 + 2 roundings and enters squared, the product with a_i one, squared too; then a sum of m products.
    fn gram_rounding(&self) -> (f64, f64) {
        let (d1, d2) = self.shape();
        let m = self.measurements();
        (gamma(m + d2 + 8), gamma(m + d1 + 8))
    }

    fn cost_factored(&self, k: usize) -> f64 {
        (2 * self.measurements() * (self.left.nrows() + self.right.nrows()) * k) as f64
    }
}

/// out ← vec(x tᵀ).
pub(super) fn outer(out: &mut [f64], x: &[f64], t: &[f64]) {
    let columns = MatMut::from_column_major_slice_mut(out, x.len(), t.len());
    for (c, column) in columns.col_iter_mut().enumerate() {
        for (out, x) in column.iter_mut().zip(x) {
            *out = x * t[c];
        }
    }
}

/// (a_iᵀ P a_j)(b_iᵀ Q b_j), m × m, for the columns a_i and b_i.
pub(super) fn measurement_gram((a, p): (&Mat<f64>, &Gram), (b, q): (&Mat<f64>, &Gram)) -> Mat<f64> {
    let (left, right) = (p.times(a.as_ref()), q.times(b.as_ref()));
    let mut out = product(a.transpose(), left.as_ref());
    // The second factor a few columns at a time: m × m numbers once are enough.
    for start in (0..out.ncols()).step_by(64) {
        let width = 64.min(out.ncols() - start);
        let other = product(b.transpose(), right.as_ref().subcols(start, width));
        for j in 0..width {
            let column = out.col_as_slice_mut(start + j);
            column
                .iter_mut()
                .zip(other.col_as_slice(j))
                .for_each(|(o, s)| *o *= s);
        }
    }
    out
}
