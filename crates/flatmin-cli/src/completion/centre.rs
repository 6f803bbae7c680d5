//! What is subtracted from the entries before the fit: X[a, b] ≈ mean + row_a + column_b + (L Rᵀ)[a, b].

use crate::args::Centring;

/// The offsets; those of a kind that is not used are empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Centre {
    pub(crate) mean: f64,
    pub(crate) rows: Vec<f64>,
    pub(crate) columns: Vec<f64>,
}

/// A row's (a column's) offset is its mean as if this many more entries agreed with the rest: few entries move it little.
pub(crate) const DAMPING: f64 = 5.0;
/// Sweeps over rows and columns in turn: they settle by about a digit a sweep.
const SWEEPS: usize = 10;

impl Centre {
    /// Of the entries given.
    pub(crate) fn new(
        kind: Centring,
        rows: &[u32],
        columns: &[u32],
        y: &[f64],
        shape: (usize, usize),
    ) -> Self {
        if kind == Centring::None || y.is_empty() {
            return Centre::default();
        }
        let mean = y.iter().sum::<f64>() / y.len() as f64;
        if kind == Centring::Global {
            return Centre {
                mean,
                ..Centre::default()
            };
        }
        let centre = Centre {
            mean,
            rows: vec![0.0; shape.0],
            columns: vec![0.0; shape.1],
        };
        centre.refined(rows, columns, y)
    }

    /// Sweeps over the mean, the rows and the columns, each of which minimises, the others fixed,
    /// ½ Σ (y_i − mean − row_a − column_b)² + ½β(‖row‖² + ‖column‖²).
    pub(crate) fn refined(mut self, rows: &[u32], columns: &[u32], y: &[f64]) -> Self {
        let (d1, d2) = (self.rows.len(), self.columns.len());
        for _ in 0..SWEEPS {
            let mean = self.mean;
            self.rows = damped_means(rows, y, d1, |i| mean + self.columns[columns[i] as usize]);
            self.columns = damped_means(columns, y, d2, |i| mean + self.rows[rows[i] as usize]);
            let rest =
                |(i, y): (usize, &f64)| y - self.rows[rows[i] as usize] - self.columns[columns[i] as usize];
            self.mean = y.iter().enumerate().map(rest).sum::<f64>() / y.len() as f64;
        }
        self
    }

    /// What belongs to row `a` and column `b`.
    pub(crate) fn at(&self, a: usize, b: usize) -> f64 {
        let offset = |offsets: &[f64], i: usize| offsets.get(i).copied().unwrap_or(0.0);
        self.mean + offset(&self.rows, a) + offset(&self.columns, b)
    }
}

/// For each of `count` keys, the damped mean of y less `rest` over its entries.
fn damped_means(keys: &[u32], y: &[f64], count: usize, rest: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut sums = vec![(0.0, DAMPING); count];
    for (i, (key, y)) in keys.iter().zip(y).enumerate() {
        let (sum, weight) = &mut sums[*key as usize];
        *sum += y - rest(i);
        *weight += 1.0;
    }
    sums.into_iter().map(|(sum, weight)| sum / weight).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_of_a_large_table_are_found() {
        let (d1, d2) = (400, 300);
        let value = |a: u32, b: u32| 3.0 + f64::from(a % 7) - 3.0 + 0.5 * f64::from(b % 3) - 0.5;
        let cells: Vec<(u32, u32)> = (0..d1).flat_map(|a| (0..d2).map(move |b| (a, b))).collect();
        let (rows, columns): (Vec<u32>, Vec<u32>) = cells.iter().copied().unzip();
        let y: Vec<f64> = cells.iter().map(|&(a, b)| value(a, b)).collect();
        let shape = (d1 as usize, d2 as usize);
        let centre = Centre::new(Centring::Bias, &rows, &columns, &y, shape);
        let worst = cells
            .iter()
            .map(|&(a, b)| (value(a, b) - centre.at(a as usize, b as usize)).abs())
            .fold(0.0, f64::max);
        assert!(worst < 0.1, "{worst}");
        let global = Centre::new(Centring::Global, &rows, &columns, &y, shape);
        assert!((global.at(5, 6) - y.iter().sum::<f64>() / y.len() as f64).abs() < 1e-12);
        assert_eq!(
            Centre::new(Centring::None, &rows, &columns, &y, shape).at(1, 1),
            0.0
        );
    }
}
