//! Dense measurements  A(X)_i = ⟨A_i, X⟩ with any matrices A_i   (matrix sensing).
//!
//! Storage m·d1·d2, one A_i contiguous, row after row: every product streams the data once. The passes run over fixed
//! blocks of measurements, so that their bits do not depend on the number of threads.

use std::borrow::Cow;

use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::dense_kernels::{Linearise, ThinFactors, add_weighted, inner_products};
use super::{Adjoint, Gram, Linearisation, MeasurementMap, column_major, gamma, row_major};
use crate::error::{Error, check_finite, check_magnitude, check_product, check_shape};
use crate::linalg::dense::{product, product_into, row_gram};
use crate::linalg::vector::{axpy, safe_norm};

/// X ↦ (⟨A_1, X⟩, …, ⟨A_m, X⟩) on R^{d1×d2}.
#[derive(Clone, Debug)]
pub struct Dense<'a> {
    shape: (usize, usize),
    measurements: usize,
    /// m × d1 × d2, row-major.
    matrices: Cow<'a, [f64]>,
}

/// The largest magnitude of an entry, unless all are zero, is between 1/LARGEST and LARGEST: the Grams square it.
const LARGEST: f64 = 1e140;

/// Numbers of one parallel piece of a pass: 2 MiB.
const PIECE: usize = 1 << 18;

impl<'a> Dense<'a> {
    /// From `matrices` (m × d1 × d2), the last index fastest, owned or borrowed: they are kept as they are.
    ///
    /// # Errors
    /// m, d1 or d2 zero; another length than m·d1·d2; NaN or infinity; a largest magnitude beyond 1e140 or below 1e-140.
    ///
    /// ```
    /// use flatmin::map::{Dense, MeasurementMap as _};
    ///
    /// // The trace, and the sum of all entries, of 2 × 2 matrices.
    /// let map = Dense::new(vec![1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0], 2, (2, 2))?;
    /// let x = faer::mat![[1.0, 2.0], [3.0, 4.0]];
    /// assert_eq!(map.apply_dense(x.as_ref()), [5.0, 10.0]);
    /// # Ok::<(), flatmin::Error>(())
    /// ```
    pub fn new(
        matrices: impl Into<Cow<'a, [f64]>>,
        measurements: usize,
        shape: (usize, usize),
    ) -> Result<Self, Error> {
        let matrices = matrices.into();
        check_shape(shape, measurements)?;
        check_product("A", matrices.len(), &[measurements, shape.0, shape.1])?;
        check_finite("A", &matrices)?;
        check_magnitude("A", &matrices, LARGEST)?;
        Ok(Dense {
            shape,
            measurements,
            matrices,
        })
    }

    fn size(&self) -> usize {
        self.shape.0 * self.shape.1
    }

    /// Measurements of one parallel piece: it depends on the shape alone.
    fn piece(&self) -> usize {
        (PIECE / self.size().max(1)).max(1)
    }

    /// Sums `term` over the pieces of the data, in order.
    fn sum_of_pieces(&self, size: usize, term: impl Fn(usize, &[f64], &mut [f64]) + Sync) -> Vec<f64> {
        let (piece, length) = (self.piece(), self.size().max(1));
        let partial: Vec<Vec<f64>> = self
            .matrices
            .par_chunks(piece * length)
            .enumerate()
            .map(|(index, matrices)| {
                let mut out = vec![0.0; size];
                term(index * piece, matrices, &mut out);
                out
            })
            .collect();
        let mut total = vec![0.0; size];
        for part in partial {
            axpy(1.0, &part, &mut total);
        }
        total
    }

    /// Sums symmetric size×size matrices, of which `add` adds the lower triangle, over all A_i.
    fn sum_of_grams(&self, size: usize, add: impl Fn(MatRef<'_, f64>, MatMut<'_, f64>) + Sync) -> Gram {
        let (d1, d2) = self.shape;
        let sum = self.sum_of_pieces(size * size, |_, matrices, out| {
            let mut out = MatMut::from_column_major_slice_mut(out, size, size);
            for a in matrices.chunks_exact((d1 * d2).max(1)) {
                add(MatRef::from_row_major_slice(a, d1, d2), out.as_mut());
            }
        });
        let mut gram = MatRef::from_column_major_slice(&sum, size, size).to_owned();
        crate::linalg::dense::mirror_lower(&mut gram);
        Gram::Dense(gram)
    }
}

/// The lower triangle of out ← out + b bᵀ.
fn add_gram(b: MatRef<'_, f64>, out: MatMut<'_, f64>) {
    use faer::linalg::matmul::triangular::{BlockStructure::*, matmul};
    matmul(
        out,
        TriangularLower,
        Accum::Add,
        b,
        Rectangular,
        b.transpose(),
        Rectangular,
        1.0,
        Par::Seq,
    );
}

impl MeasurementMap for Dense<'_> {
    fn shape(&self) -> (usize, usize) {
        self.shape
    }

    fn measurements(&self) -> usize {
        self.measurements
    }

    /// By comparing every A_i with its transpose.
    fn is_symmetric(&self) -> bool {
        let (d1, d2) = self.shape;
        d1 == d2
            && self
                .matrices
                .chunks_exact(self.size())
                .all(|a| (0..d1).all(|i| (0..i).all(|j| a[i * d1 + j] == a[j * d1 + i])))
    }

    /// The d1×d2 product is formed: it is m times smaller than the data.
    fn apply_factored(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Vec<f64> {
        self.apply_dense(product(l, r.transpose()).as_ref())
    }

    /// One pass: while an A_i is in cache, all of its products are taken.
    fn apply_each(&self, pairs: &[(MatRef<'_, f64>, MatRef<'_, f64>)]) -> Vec<Vec<f64>> {
        let size = self.size().max(1);
        let of = |(l, r): &(MatRef<'_, f64>, MatRef<'_, f64>)| row_major(product(*l, r.transpose()).as_ref());
        let x: Vec<Vec<f64>> = pairs.iter().map(of).collect();
        // Row i holds what A_i sees of each.
        let mut seen = vec![0.0; self.measurements * x.len()];
        seen.par_chunks_mut((self.piece() * x.len()).max(1))
            .zip(self.matrices.par_chunks(self.piece() * size))
            .for_each(|(seen, matrices)| {
                for (seen, a) in seen.chunks_exact_mut(x.len()).zip(matrices.chunks_exact(size)) {
                    for (seen, x) in seen.iter_mut().zip(&x) {
                        inner_products(a, x, std::slice::from_mut(seen));
                    }
                }
            });
        let column = |j: usize| seen.iter().skip(j).step_by(x.len()).copied().collect();
        (0..x.len()).map(column).collect()
    }

    fn apply_dense(&self, x: MatRef<'_, f64>) -> Vec<f64> {
        let (x, size) = (row_major(x), self.size().max(1));
        let mut out = vec![0.0; self.measurements];
        out.par_chunks_mut(self.piece())
            .zip(self.matrices.par_chunks(self.piece() * size))
            .for_each(|(out, a)| {
                inner_products(a, &x, out);
            });
        out
    }

    fn adjoint(&self, w: &[f64]) -> Adjoint<'_> {
        let sum = self.sum_of_pieces(self.size(), |start, matrices, out| {
            add_weighted(matrices, &w[start..start + matrices.len() / out.len()], out);
        });
        Adjoint::Dense(MatRef::from_row_major_slice(&sum, self.shape.0, self.shape.1).to_owned())
    }

    /// Σ A_i A_iᵀ.
    fn left_gram(&self) -> Gram {
        self.sum_of_grams(self.shape.0, add_gram)
    }

    /// Σ A_iᵀ A_i: the Gram matrix of the columns of all A_i stacked.
    fn right_gram(&self) -> Gram {
        let (d1, d2) = self.shape;
        let sum = self.sum_of_pieces(d2 * d2, |_, matrices, out| {
            let stacked = MatRef::from_column_major_slice(matrices, d2, matrices.len() / d2.max(1));
            out.copy_from_slice(&column_major(row_gram(stacked).as_ref()));
        });
        debug_assert_eq!(self.matrices.len(), self.measurements * d1 * d2);
        Gram::Dense(MatRef::from_column_major_slice(&sum, d2, d2).to_owned())
    }

    fn left_gram_through(&self, q: MatRef<'_, f64>) -> Gram {
        self.sum_of_grams(self.shape.0, |a, out| add_gram(product(a, q).as_ref(), out))
    }

    fn right_gram_through(&self, p: MatRef<'_, f64>) -> Gram {
        self.sum_of_grams(self.shape.1, |a, out| {
            add_gram(product(a.transpose(), p).as_ref(), out);
        })
    }

    fn jacobian(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Mat<f64> {
        self.linearise(l, r, &vec![0.0; self.measurements]).jacobian
    }

    /// One pass: while an A_i is in cache, A_i R, A_iᵀ L, the residual and its share of A*(residual) are all taken.
    fn linearise(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>, y: &[f64]) -> Linearisation<'_> {
        let ((d1, d2), k, size) = (self.shape, l.ncols(), self.size());
        let rows = (d1 + d2) * k;
        let (l_columns, r_columns) = (column_major(l), column_major(r));
        let x = ThinFactors {
            l,
            r,
            l_rows: row_major(l),
            l_columns,
            r_columns,
        };
        let mut jacobian = Mat::zeros(rows, self.measurements);
        let mut residual = vec![0.0; self.measurements];
        let piece = self.piece();
        let partial: Vec<Vec<f64>> = jacobian
            .par_col_chunks_mut(piece)
            .zip(residual.par_chunks_mut(piece))
            .zip(self.matrices.par_chunks(piece * size).zip(y.par_chunks(piece)))
            .map(|((jacobian, residual), (matrices, y))| {
                let mut adjoint = vec![0.0; size];
                let pass = Linearise {
                    matrices,
                    factors: &x,
                    y,
                    jacobian,
                    residual,
                    adjoint: &mut adjoint,
                };
                pass.run();
                adjoint
            })
            .collect();
        let mut adjoint = vec![0.0; size];
        for part in partial {
            axpy(1.0, &part, &mut adjoint);
        }
        Linearisation {
            residual,
            jacobian,
            adjoint: Adjoint::Dense(MatRef::from_row_major_slice(&adjoint, d1, d2).to_owned()),
        }
    }

    /// From A_i R, the left half of the Jacobian.
    fn compress(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Mat<f64> {
        let (d1, k) = (self.shape.0, l.ncols());
        let jacobian = self.jacobian(l, r);
        let mut out = Mat::zeros(k * k, self.measurements);
        for c in 0..k {
            let block = out.as_mut().subrows_mut(c * k, k);
            product_into(block, 1.0, l.transpose(), jacobian.as_ref().subrows(c * d1, d1));
        }
        out
    }

    /// ⟨A_i, P A_j Q⟩, a block of columns at a time.
    fn measurement_gram(&self, p: &Gram, q: &Gram) -> Gram {
        let ((d1, d2), m, size) = (self.shape, self.measurements, self.size());
        let all = MatRef::from_column_major_slice(&self.matrices, size, m);
        let mut out = Mat::zeros(m, m);
        out.par_col_chunks_mut(64)
            .enumerate()
            .for_each(|(block, columns)| {
                let mut weighted = Mat::zeros(size, columns.ncols());
                for j in 0..columns.ncols() {
                    let start = (block * 64 + j) * size;
                    let a = MatRef::from_row_major_slice(&self.matrices[start..start + size], d1, d2);
                    let paq = q.times(p.times(a).transpose());
                    weighted
                        .col_as_slice_mut(j)
                        .copy_from_slice(&column_major(paq.as_ref()));
                }
                product_into(columns, 1.0, all.transpose(), weighted.as_ref());
            });
        Gram::Dense(out)
    }

    /// Each entry is a sum of m products: |error| ≤ γ·Σ |w_i||A_i| entry by entry. γ_{m+2} rather than γ_m also covers
    /// the rounding of this very sum, of second order.
    fn adjoint_rounding(&self, w: &[f64]) -> f64 {
        let magnitude: f64 = self
            .matrices
            .par_chunks_exact(self.size())
            .zip(w)
            .map(|(a, w)| w.abs() * safe_norm(a))
            .collect::<Vec<_>>()
            .iter()
            .sum();
        gamma(self.measurements + 2) * magnitude
    }

    /// An entry of the left Gram goes through d2 products, one addition a matrix of its piece and one a piece; the right
    /// one through the d1 products of each matrix of a piece in an order of its own, and one a piece.
    fn gram_rounding(&self) -> (f64, f64) {
        let piece = self.piece().min(self.measurements);
        let pieces = self.measurements.div_ceil(piece);
        (
            gamma(self.shape.1 + piece + pieces + 2),
            gamma(self.shape.0 * piece + pieces + 2),
        )
    }

    fn cost_factored(&self, _k: usize) -> f64 {
        (8 * self.matrices.len()) as f64
    }
}
