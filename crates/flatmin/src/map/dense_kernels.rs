//! The inner loops of dense measurements, compiled once for each instruction set and chosen at run time.
//!
//! Written with explicit vectors: left to itself the compiler split these sums into registers of two numbers.

use faer::{MatMut, MatRef};
use pulp::{Arch, Simd, WithSimd};

use crate::linalg::dense::product_into;

/// w ← w + Σ weight_i A_i over consecutive matrices.
pub(super) fn add_weighted(matrices: &[f64], weights: &[f64], w: &mut [f64]) {
    Arch::new().dispatch(AddWeighted { matrices, weights, w });
}

/// out_i ← ⟨A_i, X⟩ over consecutive matrices.
pub(super) fn inner_products(matrices: &[f64], x: &[f64], out: &mut [f64]) {
    Arch::new().dispatch(InnerProducts { matrices, x, out });
}

/// One pass over consecutive matrices A_i, all of whose products are taken while it is in cache.
pub(super) struct Linearise<'a> {
    pub(super) matrices: &'a [f64],
    pub(super) factors: &'a ThinFactors<'a>,
    pub(super) y: &'a [f64],
    /// Column i is (vec A_i R, vec A_iᵀ L).
    pub(super) jacobian: MatMut<'a, f64>,
    /// ⟨A_i, L Rᵀ⟩ − y_i.
    pub(super) residual: &'a mut [f64],
    /// Σ residual_i A_i, row after row.
    pub(super) adjoint: &'a mut [f64],
}

impl Linearise<'_> {
    pub(super) fn run(self) {
        Arch::new().dispatch(self);
    }
}

/// Factors L (d1 × k) and R (d2 × k) laid out for the pass.
pub(super) struct ThinFactors<'a> {
    pub(super) l: MatRef<'a, f64>,
    pub(super) r: MatRef<'a, f64>,
    /// L, row after row.
    pub(super) l_rows: Vec<f64>,
    /// L and R, column after column.
    pub(super) l_columns: Vec<f64>,
    pub(super) r_columns: Vec<f64>,
}

/// Columns up to which row-by-row products beat the general matrix product on one A_i.
const FEW: usize = 4;

impl ThinFactors<'_> {
    /// `left` ← vec(A R), `right` ← vec(Aᵀ L) for one matrix A, row after row.
    #[inline(always)]
    fn products<S: Simd>(&self, simd: S, matrix: &[f64], left: &mut [f64], right: &mut [f64]) {
        let (d1, d2, k) = (self.l.nrows(), self.r.nrows(), self.l.ncols());
        if k > FEW {
            let a = MatRef::from_row_major_slice(matrix, d1, d2);
            product_into(MatMut::from_column_major_slice_mut(left, d1, k), 1.0, a, self.r);
            product_into(
                MatMut::from_column_major_slice_mut(right, d2, k),
                1.0,
                a.transpose(),
                self.l,
            );
            return;
        }
        right.fill(0.0);
        for (a, row) in matrix.chunks_exact(d2).enumerate() {
            for c in 0..k {
                let column = c * d2..(c + 1) * d2;
                let (r, out) = (&self.r_columns[column.clone()], &mut right[column]);
                left[c * d1 + a] = dot_and_axpy(simd, row, r, self.l_rows[a * k + c], out);
            }
        }
    }
}

struct AddWeighted<'a> {
    matrices: &'a [f64],
    weights: &'a [f64],
    w: &'a mut [f64],
}

impl WithSimd for AddWeighted<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let size = self.w.len();
        for (group, weights) in self.matrices.chunks(GROUP * size).zip(self.weights.chunks(GROUP)) {
            add_group(simd, group, weights, self.w);
        }
    }
}

struct InnerProducts<'a> {
    matrices: &'a [f64],
    x: &'a [f64],
    out: &'a mut [f64],
}

impl WithSimd for InnerProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for (out, matrix) in self.out.iter_mut().zip(self.matrices.chunks_exact(self.x.len())) {
            *out = dot(simd, matrix, self.x);
        }
    }
}

impl WithSimd for Linearise<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let x = self.factors;
        let (size, split) = (self.adjoint.len(), x.l_columns.len());
        let matrices = self.matrices.chunks_exact(size);
        for ((i, matrix), column) in matrices.enumerate().zip(self.jacobian.col_iter_mut()) {
            // A matrix of our own making: its columns are contiguous.
            let Some(column) = column.try_as_col_major_mut() else {
                return;
            };
            let (left, right) = column.as_slice_mut().split_at_mut(split);
            x.products(simd, matrix, left, right);
            self.residual[i] = dot(simd, left, &x.l_columns) - self.y[i];
            // The group is still in the second-level cache.
            let done = i + 1;
            if done % GROUP == 0 || done == self.y.len() {
                let first = i - i % GROUP;
                add_group(
                    simd,
                    &self.matrices[first * size..done * size],
                    &self.residual[first..done],
                    self.adjoint,
                );
            }
        }
    }
}

/// Matrices added at a time: the sum, which need not fit the first-level cache, is then read and written once for four.
const GROUP: usize = 4;

/// w ← w + Σ weight_i A_i for at most [`GROUP`] matrices.
#[inline(always)]
fn add_group<S: Simd>(simd: S, matrices: &[f64], weights: &[f64], w: &mut [f64]) {
    let size = w.len();
    let [a, b, c, d] = *weights else {
        for (matrix, weight) in matrices.chunks_exact(size).zip(weights) {
            axpy(simd, *weight, matrix, w);
        }
        return;
    };
    let scales = [a, b, c, d].map(|s| simd.splat_f64s(s));
    let parts: [&[f64]; GROUP] = std::array::from_fn(|i| &matrices[i * size..(i + 1) * size]);
    let simds = parts.map(|part| S::as_simd_f64s(part));
    let (w, w_rest) = S::as_mut_simd_f64s(w);
    let [x0, x1, x2, x3] = simds.map(|(x, _)| x);
    for ((((w, x0), x1), x2), x3) in w.iter_mut().zip(x0).zip(x1).zip(x2).zip(x3) {
        let one = simd.mul_add_e_f64s(scales[0], *x0, *w);
        let two = simd.mul_f64s(scales[1], *x1);
        let one = simd.mul_add_e_f64s(scales[2], *x2, one);
        *w = simd.add_f64s(one, simd.mul_add_e_f64s(scales[3], *x3, two));
    }
    for (i, w) in w_rest.iter_mut().enumerate() {
        *w += simds
            .iter()
            .zip([a, b, c, d])
            .map(|((_, rest), s)| s * rest[i])
            .sum::<f64>();
    }
}

/// ⟨a, b⟩, in two interleaved sums.
#[inline(always)]
fn dot<S: Simd>(simd: S, a: &[f64], b: &[f64]) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (S::as_simd_f64s(a), S::as_simd_f64s(b));
    let ((a_pairs, a_last), (b_pairs, b_last)) = (a.as_chunks::<2>(), b.as_chunks::<2>());
    let mut sum = [simd.splat_f64s(0.0); 2];
    for (a, b) in a_pairs.iter().zip(b_pairs) {
        sum[0] = simd.mul_add_e_f64s(a[0], b[0], sum[0]);
        sum[1] = simd.mul_add_e_f64s(a[1], b[1], sum[1]);
    }
    for (a, b) in a_last.iter().zip(b_last) {
        sum[0] = simd.mul_add_e_f64s(*a, *b, sum[0]);
    }
    if !a_rest.is_empty() {
        let (a, b) = (simd.partial_load_f64s(a_rest), simd.partial_load_f64s(b_rest));
        sum[1] = simd.mul_add_e_f64s(a, b, sum[1]);
    }
    simd.reduce_sum_f64s(simd.add_f64s(sum[0], sum[1]))
}

/// out ← out + s·row.
#[inline(always)]
fn axpy<S: Simd>(simd: S, s: f64, row: &[f64], out: &mut [f64]) {
    let ((row, row_rest), (out, out_rest)) = (S::as_simd_f64s(row), S::as_mut_simd_f64s(out));
    let scale = simd.splat_f64s(s);
    for (x, out) in row.iter().zip(out) {
        *out = simd.mul_add_e_f64s(scale, *x, *out);
    }
    for (x, out) in row_rest.iter().zip(out_rest) {
        *out += s * x;
    }
}

/// ⟨row, r⟩, and out ← out + s·row on the way.
#[inline(always)]
fn dot_and_axpy<S: Simd>(simd: S, row: &[f64], r: &[f64], s: f64, out: &mut [f64]) -> f64 {
    let ((row, row_rest), (r, r_rest)) = (S::as_simd_f64s(row), S::as_simd_f64s(r));
    let (out, out_rest) = S::as_mut_simd_f64s(out);
    let scale = simd.splat_f64s(s);
    let mut sum = simd.splat_f64s(0.0);
    for ((x, r), out) in row.iter().zip(r).zip(out) {
        sum = simd.mul_add_e_f64s(*x, *r, sum);
        *out = simd.mul_add_e_f64s(scale, *x, *out);
    }
    if !row_rest.is_empty() {
        let (x, r) = (simd.partial_load_f64s(row_rest), simd.partial_load_f64s(r_rest));
        sum = simd.mul_add_e_f64s(x, r, sum);
        // Number by number: a masked store would not be forwarded to the load of the next row.
        for (x, out) in row_rest.iter().zip(out_rest) {
            *out += s * x;
        }
    }
    simd.reduce_sum_f64s(sum)
}
