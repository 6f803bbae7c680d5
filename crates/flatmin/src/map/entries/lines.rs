//! The entries from one side: line after line, for each its entries' place across and value.

use std::borrow::Cow;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::Entries;
use super::thin::Thin;

/// Lines of one parallel piece.
const PIECE: usize = 64;

/// A sparse matrix as its rows, or as its columns.
#[derive(Clone, Debug)]
pub(crate) struct Lines<'a> {
    start: Cow<'a, [usize]>,
    across: Cow<'a, [u32]>,
    values: Cow<'a, [f64]>,
}

impl Lines<'_> {
    /// Line a owns the places and values start[a]..start[a + 1].
    pub(crate) fn new(start: Vec<usize>, across: Vec<u32>, values: Vec<f64>) -> Lines<'static> {
        Lines {
            start: Cow::Owned(start),
            across: Cow::Owned(across),
            values: Cow::Owned(values),
        }
    }

    /// The same of arrays that others hold: 0 ≤ start[0] ≤ … ≤ the number of entries.
    pub(crate) fn borrowed<'b>(start: Vec<usize>, across: &'b [u32], values: &'b [f64]) -> Lines<'b> {
        Lines {
            start: Cow::Owned(start),
            across: Cow::Borrowed(across),
            values: Cow::Borrowed(values),
        }
    }

    /// With all that is borrowed copied.
    pub(crate) fn into_owned(self) -> Lines<'static> {
        Lines::new(
            self.start.into_owned(),
            self.across.into_owned(),
            self.values.into_owned(),
        )
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.start.len() - 1
    }

    /// The values of all entries, line after line.
    pub(crate) fn values(&self) -> &[f64] {
        &self.values
    }

    /// The places and the values of the entries of line a.
    #[inline(always)]
    pub(crate) fn line(&self, a: usize) -> (&[u32], &[f64]) {
        let range = self.start[a]..self.start[a + 1];
        (&self.across[range.clone()], &self.values[range])
    }

    /// The same places with other values, in their order.
    pub(crate) fn with_values(&self, values: Vec<f64>) -> Lines<'_> {
        Lines {
            start: Cow::Borrowed(&self.start),
            across: Cow::Borrowed(&self.across),
            values: Cow::Owned(values),
        }
    }

    /// Row a of the result is the sum of the rows of x that line a names.
    pub(crate) fn sums(&self, x: &Thin) -> Thin {
        let mut out = Thin::zeros(self.count(), x.columns());
        let rows = out.values_mut().par_chunks_mut(x.stride().max(1)).enumerate();
        rows.for_each(|(a, out)| {
            for b in self.line(a).0 {
                out.iter_mut()
                    .zip(x.row(*b as usize))
                    .for_each(|(sum, v)| *sum += v);
            }
        });
        out
    }

    /// The entries in no line that is out, on either side; the lines keep their numbers.
    pub(crate) fn without(&self, own_out: &[bool], across_out: &[bool]) -> Lines<'static> {
        let (mut start, mut across, mut values) = (vec![0], Vec::new(), Vec::new());
        for (a, out) in own_out.iter().enumerate() {
            let (places, data) = self.line(a);
            for (b, value) in places.iter().zip(data) {
                if !out && !across_out[*b as usize] {
                    across.push(*b);
                    values.push(*value);
                }
            }
            start.push(across.len());
        }
        Lines::new(start, across, values)
    }

    /// The sparse matrix times x: row a of the product is the sum of the rows of x that line a names, times its values.
    pub(crate) fn times(&self, x: &Thin) -> Thin {
        let mut out = Thin::zeros(self.count(), x.columns());
        let stride = x.stride().max(1);
        let pieces = out.values_mut().par_chunks_mut(PIECE * stride).enumerate();
        pieces.for_each(|(piece, out)| {
            Arch::new().dispatch(Product {
                lines: self,
                x,
                first: piece * PIECE,
                out,
            })
        });
        out
    }
}

/// A few lines of a product.
struct Product<'a> {
    lines: &'a Lines<'a>,
    x: &'a Thin,
    first: usize,
    out: &'a mut [f64],
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let stride = self.x.stride();
        for (i, out) in self.out.chunks_exact_mut(stride).enumerate() {
            let (across, values) = self.lines.line(self.first + i);
            let (out, _) = S::as_mut_simd_f64s(out);
            for (v, out) in out.iter_mut().enumerate() {
                let mut sum = simd.splat_f64s(0.0);
                for (b, value) in across.iter().zip(values) {
                    let (row, _) = S::as_simd_f64s(self.x.row(*b as usize));
                    sum = simd.mul_add_e_f64s(simd.splat_f64s(*value), row[v], sum);
                }
                *out = sum;
            }
        }
    }
}

impl Entries {
    /// Row after row: nothing is copied.
    pub(crate) fn row_lines<'a>(&'a self, values: &'a [f64]) -> Lines<'a> {
        Lines {
            start: Cow::Borrowed(&self.row_start),
            across: Cow::Borrowed(&self.columns),
            values: Cow::Borrowed(values),
        }
    }

    /// One number an entry, column after column.
    pub(crate) fn in_columns<T: Copy + Send + Sync>(&self, values: &[T]) -> Vec<T> {
        self.by_column.par_iter().map(|i| values[*i as usize]).collect()
    }

    /// Column after column: 12 bytes an entry, so that a pass reads memory in its order.
    pub(crate) fn column_lines<'a>(&'a self, values: &[f64]) -> Lines<'a> {
        Lines {
            start: Cow::Borrowed(&self.column_start),
            across: Cow::Owned(self.in_columns(&self.rows)),
            values: Cow::Owned(self.in_columns(values)),
        }
    }
}
