//! Matrices averaged over blocks, at most 256 × 256 of them; nothing larger is ever formed.
//!
//! The mean of L Rᵀ over a block of rows and columns is (mean row of L)·(mean row of R): exact, and O((d1 + d2)k).

use faer::{Mat, MatRef};
use flatmin::Factors;
use flatmin::map::{Entries, MeasurementMap as _};
use ndarray::Array2;

use crate::completion::centre::Centre;
use crate::output::result::Heatmap;

/// Most cells in each direction.
const CELLS: usize = 256;

/// n items in at most [`CELLS`] blocks of nearly equal size.
#[derive(Clone, Copy, Debug)]
struct Blocks {
    items: usize,
    blocks: usize,
}

impl Blocks {
    fn of(items: usize) -> Self {
        Blocks {
            items,
            blocks: items.min(CELLS),
        }
    }

    /// The block of item i.
    fn of_item(self, i: usize) -> usize {
        i * self.blocks / self.items
    }

    /// How many items each block has.
    fn sizes(self) -> Vec<f64> {
        let mut sizes = vec![0.0; self.blocks];
        (0..self.items).for_each(|i| sizes[self.of_item(i)] += 1.0);
        sizes
    }

    /// The mean of the values of each block; 0 where there are no values at all.
    fn means(self, values: &[f64]) -> Vec<f64> {
        let mut means = vec![0.0; self.blocks];
        let sizes = self.sizes();
        for (i, value) in values.iter().enumerate() {
            means[self.of_item(i)] += value / sizes[self.of_item(i)];
        }
        means
    }

    /// The mean row of each block of rows.
    fn mean_rows(self, a: MatRef<'_, f64>) -> Mat<f64> {
        let sizes = self.sizes();
        let mut means = Mat::zeros(self.blocks, a.ncols());
        for c in 0..a.ncols() {
            for i in 0..self.items {
                means[(self.of_item(i), c)] += a[(i, c)] / sizes[self.of_item(i)];
            }
        }
        means
    }
}

/// L Rᵀ and what was subtracted from the data.
pub(super) fn recovered(x: &Factors, centre: &Centre) -> Heatmap {
    let full_shape = x.shape();
    let (rows, columns) = (Blocks::of(full_shape.0), Blocks::of(full_shape.1));
    let (l, r) = (rows.mean_rows(x.l.as_ref()), columns.mean_rows(x.r.as_ref()));
    let (by_row, by_column) = (rows.means(&centre.rows), columns.means(&centre.columns));
    let value = |i: usize, j: usize| {
        let product: f64 = (0..x.columns()).map(|c| l[(i, c)] * r[(j, c)]).sum();
        product + centre.mean + by_row[i] + by_column[j]
    };
    let cells = (0..rows.blocks).flat_map(|i| (0..columns.blocks).map(move |j| (i, j)));
    Heatmap {
        shape: (rows.blocks, columns.blocks),
        full_shape,
        values: cells.map(|(i, j)| Some(value(i, j))).collect(),
    }
}

/// A matrix that is in memory already.
pub(crate) fn dense(matrix: &Array2<f64>) -> Heatmap {
    averaged(
        matrix.dim(),
        matrix.indexed_iter().map(|((a, b), value)| (a, b, *value)),
    )
}

/// The observed entries, with what was subtracted from them.
pub(super) fn observed(entries: &Entries, y: &[f64], centre: &Centre) -> Heatmap {
    let places = entries.rows().iter().zip(entries.columns());
    let values = places.zip(y).map(|((row, column), y)| {
        let (a, b) = (*row as usize, *column as usize);
        (a, b, y + centre.at(a, b))
    });
    averaged(entries.shape(), values)
}

/// Means over the entries given in each block; none where there are none.
fn averaged(full_shape: (usize, usize), entries: impl Iterator<Item = (usize, usize, f64)>) -> Heatmap {
    let (rows, columns) = (Blocks::of(full_shape.0), Blocks::of(full_shape.1));
    let mut cells = vec![(0.0, 0usize); rows.blocks * columns.blocks];
    for (a, b, value) in entries {
        let (sum, count) = &mut cells[rows.of_item(a) * columns.blocks + columns.of_item(b)];
        *sum += value;
        *count += 1;
    }
    let mean = |(sum, count): (f64, usize)| (count > 0).then(|| sum / count as f64);
    Heatmap {
        shape: (rows.blocks, columns.blocks),
        full_shape,
        values: cells.into_iter().map(mean).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factored_and_dense_means_agree() {
        let (d1, d2) = (300, 517);
        let l = Mat::from_fn(d1, 2, |i, c| ((i * (c + 2)) as f64).sin());
        let r = Mat::from_fn(d2, 2, |j, c| ((j + 3 * c) as f64).cos());
        let x = Factors::new(l, r).unwrap();
        let centre = Centre {
            mean: 2.0,
            rows: (0..d1).map(|i| i as f64 / 100.0).collect(),
            columns: (0..d2).map(|j| (j % 5) as f64).collect(),
        };
        let full = x.dense();
        let twin = dense(&Array2::from_shape_fn((d1, d2), |(a, b)| {
            full[(a, b)] + centre.at(a, b)
        }));
        let map = recovered(&x, &centre);
        assert_eq!((map.shape, map.full_shape), ((256, 256), (d1, d2)));
        for (fast, slow) in map.values.iter().zip(&twin.values) {
            assert!((fast.unwrap() - slow.unwrap()).abs() < 1e-12);
        }
    }

    #[test]
    fn a_block_without_entries_has_no_value() {
        let (entries, y) = Entries::new(&[0, 1], &[1, 0], &[3.0, 4.0], (2, 2)).unwrap();
        let map = observed(&entries, &y, &Centre::default());
        assert_eq!(map.values, [None, Some(3.0), Some(4.0), None]);
    }
}
