//! The identity  A(X) = X: every entry measured once, y_{a·d2 + b} = X[a, b] (row after row).
//!
//! Here flat, norm-minimal and balanced coincide (theory: Ding et al. 2024, section 2).

use faer::{Mat, MatMut, MatRef};

use super::{Adjoint, Gram, MeasurementMap, row_major};
use crate::linalg::dense::parallel_product_into;

/// X ↦ X on R^{d1×d2}.
#[derive(Clone, Debug)]
pub struct Identity {
    shape: (usize, usize),
}

impl Identity {
    /// The identity on d1×d2 matrices.
    ///
    /// ```
    /// use flatmin::map::{Identity, MeasurementMap as _};
    ///
    /// let x = faer::mat![[1.0, 2.0], [3.0, 4.0]];
    /// assert_eq!(Identity::new((2, 2)).apply_dense(x.as_ref()), [1.0, 2.0, 3.0, 4.0]);
    /// ```
    pub fn new(shape: (usize, usize)) -> Self {
        Identity { shape }
    }
}

impl MeasurementMap for Identity {
    fn shape(&self) -> (usize, usize) {
        self.shape
    }

    /// A shape too large to index saturates here and is refused by [`Problem`](crate::Problem).
    fn measurements(&self) -> usize {
        self.shape.0.saturating_mul(self.shape.1)
    }

    fn apply_factored(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Vec<f64> {
        let (d1, d2) = self.shape;
        let mut out = vec![0.0; d1 * d2];
        let rows = MatMut::from_row_major_slice_mut(&mut out, d1, d2);
        parallel_product_into(rows, l, r.transpose());
        out
    }

    fn apply_dense(&self, x: MatRef<'_, f64>) -> Vec<f64> {
        row_major(x)
    }

    fn adjoint(&self, w: &[f64]) -> Adjoint<'_> {
        Adjoint::Dense(MatRef::from_row_major_slice(w, self.shape.0, self.shape.1).to_owned())
    }

    /// Σ e_a e_bᵀ e_b e_aᵀ = d2·I.
    fn left_gram(&self) -> Gram {
        Gram::Diagonal(vec![self.shape.1 as f64; self.shape.0])
    }

    /// d1·I.
    fn right_gram(&self) -> Gram {
        Gram::Diagonal(vec![self.shape.0 as f64; self.shape.1])
    }

    /// Σ e_a e_bᵀ Q Qᵀ e_b e_aᵀ = ‖Q‖_F²·I.
    fn left_gram_through(&self, q: MatRef<'_, f64>) -> Gram {
        Gram::Diagonal(vec![q.squared_norm_l2(); self.shape.0])
    }

    /// ‖P‖_F²·I.
    fn right_gram_through(&self, p: MatRef<'_, f64>) -> Gram {
        Gram::Diagonal(vec![p.squared_norm_l2(); self.shape.1])
    }

    fn jacobian(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Mat<f64> {
        let ((d1, d2), k) = (self.shape, l.ncols());
        let mut out = Mat::zeros((d1 + d2) * k, d1 * d2);
        for a in 0..d1 {
            for b in 0..d2 {
                for c in 0..k {
                    out[(c * d1 + a, a * d2 + b)] = r[(b, c)];
                    out[(k * d1 + c * d2 + b, a * d2 + b)] = l[(a, c)];
                }
            }
        }
        out
    }

    fn compress(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Mat<f64> {
        let ((_, d2), k) = (self.shape, l.ncols());
        Mat::from_fn(k * k, self.measurements(), |j, i| {
            l[(i / d2, j % k)] * r[(i % d2, j / k)]
        })
    }

    /// ⟨e_a e_bᵀ, P e_c e_dᵀ Q⟩ = P[a, c]·Q[d, b].
    fn measurement_gram(&self, p: &Gram, q: &Gram) -> Gram {
        let (d1, d2) = self.shape;
        match (p, q) {
            (Gram::Diagonal(p), Gram::Diagonal(q)) => {
                Gram::Diagonal(p.iter().flat_map(|p| q.iter().map(move |q| p * q)).collect())
            }
            _ => {
                let p = p.times(Mat::<f64>::identity(d1, d1).as_ref());
                let q = q.times(Mat::<f64>::identity(d2, d2).as_ref());
                Gram::Dense(Mat::from_fn(d1 * d2, d1 * d2, |i, j| {
                    p[(i / d2, j / d2)] * q[(j % d2, i % d2)]
                }))
            }
        }
    }

    /// Every entry of A*(w) is one of the w_i.
    fn adjoint_rounding(&self, _w: &[f64]) -> f64 {
        0.0
    }

    /// d1 and d2 are exact.
    fn gram_rounding(&self) -> (f64, f64) {
        (0.0, 0.0)
    }

    fn entry(&self, i: usize) -> Option<(usize, usize)> {
        Some((i / self.shape.1, i % self.shape.1))
    }

    fn cost_factored(&self, k: usize) -> f64 {
        (2 * self.measurements() * k) as f64
    }
}
