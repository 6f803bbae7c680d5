//! Maps over cells: sizes from left to right, amounts of data upwards.

use flatmin::experiment::Model;

use crate::report::draw::axis::Axis;
use crate::report::draw::chart::Tile;
use crate::report::draw::colour::Colour;

/// The centres of the cells of one model.
pub(super) struct Grid {
    amount: &'static str,
    /// Whether the axis of amounts begins at 0.
    from_zero: bool,
    sizes: Vec<f64>,
    amounts: Vec<f64>,
}

/// How a cell is painted.
pub(super) struct Shade {
    /// `None`: hatched.
    pub(super) fill: Option<Colour>,
    pub(super) crossed: bool,
}

impl Grid {
    /// Over `d` and the numbers of measurements `m`; in completion and robust PCA over the chances `p`.
    pub(super) fn new(model: Model, d: &[usize], m: &[usize], p: &[f64]) -> Self {
        if model.has_shares() {
            let share = match model {
                Model::Rpca => "share of entries without outlier, p",
                _ => "share of entries observed, p",
            };
            return Grid::over(share, d, p);
        }
        let m: Vec<f64> = m.iter().map(|m| *m as f64).collect();
        Grid {
            from_zero: true,
            ..Grid::over("measurements m", d, &m)
        }
    }

    /// Over other sizes and amounts.
    pub(super) fn over(amount: &'static str, sizes: &[usize], amounts: &[f64]) -> Self {
        Grid {
            amount,
            from_zero: false,
            sizes: rising(sizes.iter().map(|size| *size as f64)),
            amounts: rising(amounts.iter().copied()),
        }
    }

    pub(super) fn axes(&self, size: &str) -> (Axis, Axis) {
        let ends = |edges: &[f64]| match edges {
            [first, .., last] => (*first, *last),
            _ => (0.0, 1.0),
        };
        let (xs, (low, high)) = (edges(&self.sizes), ends(&edges(&self.amounts)));
        let x = Axis::stops(&self.sizes, ends(&xs), size);
        let low = if self.from_zero { 0.0 } else { low };
        let y = Axis::linear([low, high], self.amount)
            .unwrap_or_else(|| Axis::stops(&self.amounts, (low, high), self.amount));
        (x, y)
    }

    /// A tile a cell, painted by size and amount.
    pub(super) fn tiles(&self, shade: impl Fn(f64, f64) -> Shade) -> Vec<Tile> {
        let (xs, ys) = (edges(&self.sizes), edges(&self.amounts));
        let mut tiles = Vec::new();
        for (size, x) in self.sizes.iter().zip(xs.windows(2)) {
            for (amount, y) in self.amounts.iter().zip(ys.windows(2)) {
                let Shade { fill, crossed } = shade(*size, *amount);
                tiles.push(Tile {
                    from: (x[0], y[0]),
                    to: (x[1], y[1]),
                    fill,
                    crossed,
                });
            }
        }
        tiles
    }
}

/// In order, each once.
fn rising(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    values
}

/// The edges of cells around rising centres: half-way between neighbours, and as far beyond the ends.
fn edges(centres: &[f64]) -> Vec<f64> {
    let [first, .., last] = centres else {
        return centres.iter().flat_map(|c| [c - 0.5, c + 0.5]).collect();
    };
    let between = centres.windows(2).map(|pair| 0.5 * (pair[0] + pair[1]));
    let inner: Vec<f64> = between.collect();
    let mut edges = vec![2.0 * first - inner[0]];
    edges.extend(&inner);
    edges.push(2.0 * last - inner[inner.len() - 1]);
    edges
}
