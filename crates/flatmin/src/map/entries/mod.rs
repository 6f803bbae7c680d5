//! Observed entries  A(X)_i = X[row_i, col_i]   (matrix completion).
//!
//! Storage O(m); products with thin matrices cost O(m·k) and run over fixed blocks of rows or columns, so that their bits
//! do not depend on the number of threads.

mod lines;
mod normal;
mod thin;

use faer::{Mat, MatMut, MatRef};
use rayon::prelude::*;

pub(crate) use lines::Lines;
pub(crate) use normal::{gradient, regress, solve_lines};
pub(crate) use thin::Thin;

use super::{Adjoint, Gram, MeasurementMap, RowBlocks, row_major};
use crate::error::Error;
use crate::linalg::vector::dot;

/// X ↦ (X[a, b] for the observed (a, b)) on R^{d1×d2}; entries are in row order, each observed once.
#[derive(Clone, Debug)]
pub struct Entries {
    shape: (usize, usize),
    /// Column of each entry, row after row, ascending within a row.
    columns: Vec<u32>,
    /// Row of each entry.
    rows: Vec<u32>,
    /// Row a owns entries row_start[a]..row_start[a + 1].
    row_start: Vec<usize>,
    /// The entries column after column.
    by_column: Vec<u32>,
    /// Column b owns by_column[column_start[b]..column_start[b + 1]].
    column_start: Vec<usize>,
}

/// Rows (or columns) of one parallel piece.
const BLOCK: usize = 256;

impl Entries {
    /// Sorts the entries by row and column. Returns the map and the data in its order.
    ///
    /// # Errors
    /// d1 or d2 zero or beyond 2³²; no entries; `rows`, `columns` and `data` of different lengths; an index outside the
    /// shape; an entry observed twice.
    ///
    /// ```
    /// use flatmin::map::Entries;
    ///
    /// let (map, y) = Entries::new(&[1, 0], &[0, 1], &[3.0, 2.0], (2, 2))?;
    /// // Row after row, whatever the order they came in.
    /// assert_eq!((map.rows(), map.columns(), y), (&[0, 1][..], &[1, 0][..], vec![2.0, 3.0]));
    /// # Ok::<(), flatmin::Error>(())
    /// ```
    pub fn new(
        rows: &[u32],
        columns: &[u32],
        data: &[f64],
        shape: (usize, usize),
    ) -> Result<(Self, Vec<f64>), Error> {
        crate::error::check_length("cols", columns.len(), rows.len())?;
        crate::error::check_length("y", data.len(), rows.len())?;
        crate::error::check_shape(shape, rows.len())?;
        for (what, indices, size) in [("row", rows, shape.0), ("column", columns, shape.1)] {
            if let Some(entry) = indices.iter().position(|i| *i as usize >= size) {
                return Err(Error::OutOfRange {
                    what,
                    entry,
                    index: indices[entry] as usize,
                    size,
                });
            }
        }
        if let Some(size) = [rows.len(), shape.0, shape.1]
            .iter()
            .find(|n| **n > u32::MAX as usize)
        {
            return Err(Error::Shape {
                what: "entries, rows or columns",
                found: size.to_string(),
                expected: "fewer than 2^32".into(),
            });
        }
        // Sorting by column and then, stably, by row leaves the columns ascending within each row.
        let (by_column, _) = bucket(columns, shape.1, 0..rows.len() as u32);
        let (order, row_start) = bucket(rows, shape.0, by_column.iter().copied());
        let pick = |from: &[u32]| order.iter().map(|i| from[*i as usize]).collect::<Vec<_>>();
        let (rows, columns) = (pick(rows), pick(columns));
        let data: Vec<f64> = order.iter().map(|i| data[*i as usize]).collect();
        if let Some(i) = (1..rows.len()).find(|i| rows[*i] == rows[i - 1] && columns[*i] == columns[i - 1]) {
            let (row, column) = (rows[i] as usize, columns[i] as usize);
            return Err(Error::Duplicate {
                row,
                column,
                first: data[i - 1],
                second: data[i],
            });
        }
        let (by_column, column_start) = bucket(&columns, shape.1, 0..rows.len() as u32);
        Ok((
            Entries {
                shape,
                columns,
                rows,
                row_start,
                by_column,
                column_start,
            },
            data,
        ))
    }

    /// Row of each entry.
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// Column of each entry.
    pub fn columns(&self) -> &[u32] {
        &self.columns
    }

    /// Entries of row a, by position.
    pub fn row_range(&self, a: usize) -> std::ops::Range<usize> {
        self.row_start[a]..self.row_start[a + 1]
    }

    /// The positions of the entries of column b.
    pub fn column_entries(&self, b: usize) -> &[u32] {
        &self.by_column[self.column_start[b]..self.column_start[b + 1]]
    }

    fn counts(start: &[usize]) -> Gram {
        Gram::Diagonal(start.windows(2).map(|w| (w[1] - w[0]) as f64).collect())
    }

    /// S·V for the sparse matrix S with these entries' `values`.
    pub(crate) fn sparse_times(&self, values: &[f64], v: MatRef<'_, f64>) -> Mat<f64> {
        self.row_lines(values).times(&Thin::from_mat(v)).to_mat()
    }

    /// Sᵀ·U for the sparse matrix S with these entries' `values`. Of many products, [`column_lines`](Self::column_lines)
    /// are the faster way.
    pub(crate) fn sparse_transpose_times(&self, values: &[f64], u: MatRef<'_, f64>) -> Mat<f64> {
        let (k, u) = (u.ncols(), row_major(u));
        let mut out = vec![0.0; self.shape.1 * k];
        let pieces = out.par_chunks_mut((BLOCK * k).max(1)).enumerate();
        pieces.for_each(|(block, rows)| {
            // Compiled once for each instruction set: the order of additions is that of the source in all of them.
            pulp::Arch::new().dispatch(|| {
                for (b, out) in rows.chunks_exact_mut(k).enumerate() {
                    for i in self.column_entries(block * BLOCK + b) {
                        let a = self.rows[*i as usize] as usize;
                        accumulate(out, values[*i as usize], &u[a * k..(a + 1) * k]);
                    }
                }
            });
        });
        MatRef::from_row_major_slice(&out, self.shape.1, k).to_owned()
    }

    /// Column j of S Sᵀ (`of_rows`) or SᵀS from the diagonal down, added to `out`, n × 1.
    pub(crate) fn add_gram_column(&self, values: &[f64], of_rows: bool, j: usize, mut out: MatMut<'_, f64>) {
        if of_rows {
            for i in self.row_range(j) {
                let line = self.column_entries(self.columns[i] as usize);
                let from = line.partition_point(|e| (*e as usize) < i);
                for e in &line[from..] {
                    out[(self.rows[*e as usize] as usize, 0)] += values[i] * values[*e as usize];
                }
            }
        } else {
            for i in self.column_entries(j) {
                let (i, a) = (*i as usize, self.rows[*i as usize] as usize);
                for e in i..self.row_start[a + 1] {
                    out[(self.columns[e] as usize, 0)] += values[i] * values[e];
                }
            }
        }
    }

    /// The sparse matrix, formed.
    pub(crate) fn scatter(&self, values: &[f64]) -> Mat<f64> {
        let mut out = Mat::zeros(self.shape.0, self.shape.1);
        for (i, value) in values.iter().enumerate() {
            out[(self.rows[i] as usize, self.columns[i] as usize)] = *value;
        }
        out
    }
}

/// Counting sort: the items of `order` grouped by key, stably, and where each group starts.
fn bucket(keys: &[u32], size: usize, order: impl Iterator<Item = u32>) -> (Vec<u32>, Vec<usize>) {
    let mut start = vec![0usize; size + 1];
    for key in keys {
        start[*key as usize + 1] += 1;
    }
    for i in 0..size {
        start[i + 1] += start[i];
    }
    let mut next = start.clone();
    let mut sorted = vec![0u32; keys.len()];
    for item in order {
        let slot = &mut next[keys[item as usize] as usize];
        sorted[*slot] = item;
        *slot += 1;
    }
    (sorted, start)
}

fn squared_row_norms(a: MatRef<'_, f64>) -> Vec<f64> {
    (0..a.nrows()).map(|i| a.row(i).squared_norm_l2()).collect()
}

/// block ← block + x xᵀ.
fn add_outer(block: &mut [f64], x: &[f64]) {
    for (line, s) in block.chunks_exact_mut(x.len()).zip(x) {
        accumulate(line, *s, x);
    }
}

#[inline(always)]
fn accumulate(out: &mut [f64], s: f64, x: &[f64]) {
    for (o, x) in out.iter_mut().zip(x) {
        *o += s * x;
    }
}

impl MeasurementMap for Entries {
    fn shape(&self) -> (usize, usize) {
        self.shape
    }

    fn measurements(&self) -> usize {
        self.rows.len()
    }

    /// A(L Rᵀ)_i = (row of L)·(row of R).
    fn apply_factored(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Vec<f64> {
        let (k, l, r) = (l.ncols(), row_major(l), row_major(r));
        let mut out = vec![0.0; self.rows.len()];
        out.par_chunks_mut(BLOCK * 16)
            .enumerate()
            .for_each(|(block, out)| {
                pulp::Arch::new().dispatch(|| {
                    for (j, out) in out.iter_mut().enumerate() {
                        let i = block * BLOCK * 16 + j;
                        let (a, b) = (self.rows[i] as usize, self.columns[i] as usize);
                        *out = dot(&l[a * k..(a + 1) * k], &r[b * k..(b + 1) * k]);
                    }
                });
            });
        out
    }

    fn apply_dense(&self, x: MatRef<'_, f64>) -> Vec<f64> {
        self.rows
            .iter()
            .zip(&self.columns)
            .map(|(a, b)| x[(*a as usize, *b as usize)])
            .collect()
    }

    fn adjoint(&self, w: &[f64]) -> Adjoint<'_> {
        Adjoint::Sparse {
            entries: self,
            values: w.to_vec(),
        }
    }

    /// diag(entries in each row).
    fn left_gram(&self) -> Gram {
        Self::counts(&self.row_start)
    }

    /// diag(entries in each column).
    fn right_gram(&self) -> Gram {
        Self::counts(&self.column_start)
    }

    /// Diagonal: row a of X meets the squared norms of the rows of Q that it is observed in.
    fn left_gram_through(&self, q: MatRef<'_, f64>) -> Gram {
        let sizes = squared_row_norms(q);
        let mut sums = vec![0.0; self.shape.0];
        for (a, b) in self.rows.iter().zip(&self.columns) {
            sums[*a as usize] += sizes[*b as usize];
        }
        Gram::Diagonal(sums)
    }

    /// Diagonal likewise.
    fn right_gram_through(&self, p: MatRef<'_, f64>) -> Gram {
        let sizes = squared_row_norms(p);
        let mut sums = vec![0.0; self.shape.1];
        for (a, b) in self.rows.iter().zip(&self.columns) {
            sums[*b as usize] += sizes[*a as usize];
        }
        Gram::Diagonal(sums)
    }

    fn jacobian(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Mat<f64> {
        let ((d1, d2), k) = (self.shape, l.ncols());
        let mut out = Mat::zeros((d1 + d2) * k, self.rows.len());
        for i in 0..self.rows.len() {
            let (a, b) = (self.rows[i] as usize, self.columns[i] as usize);
            let column = out.col_as_slice_mut(i);
            for c in 0..k {
                column[c * d1 + a] = r[(b, c)];
                column[k * d1 + c * d2 + b] = l[(a, c)];
            }
        }
        out
    }

    /// Row a of L meets Σ r_b r_bᵀ over its entries, row b of R meets Σ l_a l_aᵀ over its own.
    fn row_blocks(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Option<RowBlocks> {
        let (k, l, r) = (l.ncols(), row_major(l), row_major(r));
        let mut left = vec![0.0; self.shape.0 * k * k];
        let mut right = vec![0.0; self.shape.1 * k * k];
        if k > 0 {
            left.par_chunks_mut(k * k).enumerate().for_each(|(a, block)| {
                for b in &self.columns[self.row_range(a)] {
                    add_outer(block, &r[*b as usize * k..][..k]);
                }
            });
            right.par_chunks_mut(k * k).enumerate().for_each(|(b, block)| {
                for i in self.column_entries(b) {
                    add_outer(block, &l[self.rows[*i as usize] as usize * k..][..k]);
                }
            });
        }
        Some(RowBlocks { left, right })
    }

    /// Lᵀ e_a e_bᵀ R: the outer product of a row of L and a row of R.
    fn compress(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Mat<f64> {
        let k = l.ncols();
        Mat::from_fn(k * k, self.rows.len(), |j, i| {
            l[(self.rows[i] as usize, j % k)] * r[(self.columns[i] as usize, j / k)]
        })
    }

    /// ⟨e_a e_bᵀ, P e_c e_dᵀ Q⟩ = P[a, c]·Q[d, b].
    fn measurement_gram(&self, p: &Gram, q: &Gram) -> Gram {
        let (d1, d2) = self.shape;
        let m = self.rows.len();
        let at = |i: usize| (self.rows[i] as usize, self.columns[i] as usize);
        match (p, q) {
            (Gram::Diagonal(p), Gram::Diagonal(q)) => {
                Gram::Diagonal((0..m).map(|i| p[at(i).0] * q[at(i).1]).collect())
            }
            _ => {
                let p = p.times(Mat::<f64>::identity(d1, d1).as_ref());
                let q = q.times(Mat::<f64>::identity(d2, d2).as_ref());
                Gram::Dense(Mat::from_fn(m, m, |i, j| {
                    p[(at(i).0, at(j).0)] * q[(at(i).1, at(j).1)]
                }))
            }
        }
    }

    /// Every entry of A*(w) is one of the w_i.
    fn adjoint_rounding(&self, _w: &[f64]) -> f64 {
        0.0
    }

    /// Counts are exact.
    fn gram_rounding(&self) -> (f64, f64) {
        (0.0, 0.0)
    }

    fn entry(&self, i: usize) -> Option<(usize, usize)> {
        Some((self.rows[i] as usize, self.columns[i] as usize))
    }

    fn as_entries(&self) -> Option<&Entries> {
        Some(self)
    }

    fn cost_factored(&self, k: usize) -> f64 {
        (20 * self.rows.len() * k) as f64
    }
}

#[cfg(test)]
mod tests;
