//! The inner loops of dense measurements, compiled once for each instruction set and chosen at run time.
//!
//! Functions of slices, since the same loops inside closures ran 2.5 times slower; everything is inlined into the caller of
//! [`dispatch`], whose instruction set it takes on.

use faer::{MatMut, MatRef};

use crate::linalg::dense::product_into;
use crate::linalg::vector::{LANES, axpy, dot, sum_of_lanes};

/// Runs `kernel` with the widest instructions of this machine.
pub(super) fn dispatch<R>(kernel: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(kernel)
}

/// w ← w + Σ weight_i A_i over consecutive matrices.
#[inline(always)]
pub(super) fn add_weighted(matrices: &[f64], weights: &[f64], w: &mut [f64]) {
    for (matrix, weight) in matrices.chunks_exact(w.len()).zip(weights) {
        axpy(*weight, matrix, w);
    }
}

/// out_i ← ⟨A_i, X⟩ over consecutive matrices.
#[inline(always)]
pub(super) fn inner_products(matrices: &[f64], x: &[f64], out: &mut [f64]) {
    for (out, matrix) in out.iter_mut().zip(matrices.chunks_exact(x.len())) {
        *out = dot(matrix, x);
    }
}

/// Factors L (d1 × k) and R (d2 × k) laid out for the passes.
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

/// `left` ← vec(A R), `right` ← vec(Aᵀ L) for one matrix A, row after row.
#[inline(always)]
pub(super) fn thin_products(matrix: &[f64], x: &ThinFactors<'_>, left: &mut [f64], right: &mut [f64]) {
    let (d1, d2, k) = (x.l.nrows(), x.r.nrows(), x.l.ncols());
    if k > FEW {
        let a = MatRef::from_row_major_slice(matrix, d1, d2);
        product_into(MatMut::from_column_major_slice_mut(left, d1, k), 1.0, a, x.r);
        product_into(
            MatMut::from_column_major_slice_mut(right, d2, k),
            1.0,
            a.transpose(),
            x.l,
        );
        return;
    }
    right.fill(0.0);
    for (a, row) in matrix.chunks_exact(d2).enumerate() {
        for c in 0..k {
            let (r, out) = (
                &x.r_columns[c * d2..(c + 1) * d2],
                &mut right[c * d2..(c + 1) * d2],
            );
            left[c * d1 + a] = dot_and_axpy(row, r, x.l_rows[a * k + c], out);
        }
    }
}

/// ⟨row, r⟩, and out ← out + s·row on the way.
#[inline(always)]
fn dot_and_axpy(row: &[f64], r: &[f64], s: f64, out: &mut [f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    let ((row, row_rest), (r, r_rest)) = (row.as_chunks::<LANES>(), r.as_chunks::<LANES>());
    let (out, out_rest) = out.as_chunks_mut::<LANES>();
    for ((x, r), out) in row.iter().zip(r).zip(out) {
        for i in 0..LANES {
            lanes[i] += x[i] * r[i];
            out[i] += s * x[i];
        }
    }
    for (((lane, x), r), out) in lanes.iter_mut().zip(row_rest).zip(r_rest).zip(out_rest) {
        *lane += x * r;
        *out += s * x;
    }
    sum_of_lanes(lanes)
}
