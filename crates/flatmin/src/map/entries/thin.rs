//! Thin matrices row after row, as products with sparse matrices read them.

use faer::{Mat, MatRef};

/// Rows are padded with zeros to a multiple of this: a whole number of vectors of any instruction set.
pub(crate) const TILE: usize = 8;

/// A matrix of few columns.
#[derive(Clone, Debug)]
pub(crate) struct Thin {
    rows: usize,
    columns: usize,
    stride: usize,
    values: Vec<f64>,
}

impl Thin {
    pub(crate) fn zeros(rows: usize, columns: usize) -> Self {
        let stride = columns.next_multiple_of(TILE);
        Thin {
            rows,
            columns,
            stride,
            values: vec![0.0; rows * stride],
        }
    }

    pub(crate) fn from_mat(a: MatRef<'_, f64>) -> Self {
        let mut out = Thin::zeros(a.nrows(), a.ncols());
        for j in 0..a.ncols() {
            for i in 0..a.nrows() {
                out.values[i * out.stride + j] = a[(i, j)];
            }
        }
        out
    }

    /// The pieces one below the other, each read row after row; they have so many columns.
    pub(crate) fn stacked(pieces: &[MatRef<'_, f64>], columns: usize) -> Self {
        let mut out = Thin::zeros(pieces.iter().map(|piece| piece.nrows()).sum(), columns);
        let stride = out.stride.max(1);
        let rows = pieces.iter().flat_map(|piece| piece.row_iter());
        for (row, out) in rows.zip(out.values.chunks_exact_mut(stride)) {
            row.iter().zip(out).for_each(|(x, out)| *out = *x);
        }
        out
    }

    pub(crate) fn to_mat(&self) -> Mat<f64> {
        Mat::from_fn(self.rows, self.columns, |i, j| self.values[i * self.stride + j])
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    #[inline(always)]
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Numbers from one row to the next.
    #[inline(always)]
    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    #[inline(always)]
    pub(crate) fn row(&self, a: usize) -> &[f64] {
        &self.values[a * self.stride..(a + 1) * self.stride]
    }

    /// All rows, padding included.
    pub(crate) fn values(&self) -> &[f64] {
        &self.values
    }

    /// The same to write to; the padding has to stay zero.
    pub(crate) fn values_mut(&mut self) -> &mut [f64] {
        &mut self.values
    }
}
