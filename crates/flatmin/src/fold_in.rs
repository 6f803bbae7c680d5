//! New rows of a completed matrix, fitted to the columns it has (and, the matrix transposed, new columns to its rows).
//!
//! The penalised problem  min ½‖A(X) − y‖² + λ‖W̃1 X W̃2‖_*  is, at its solution X = L Rᵀ,
//!
//! ```text
//! min over L, R of  ½‖A(L Rᵀ) − y‖² + λ/2·(‖W̃1 L‖_F² + ‖W̃2 R‖_F²),      W̃1² = s²·diag(n_a^α)
//! ```
//!
//! (Srebro and Shraibman 2005, DOI 10.1007/11503415_37), so that each row of L solves a ridge problem with R fixed, that of
//! its own entries. A row that was not there has one too, with n_a the number of its entries; where rows have biases, it has
//! one, with a penalty of its own:
//!
//! ```text
//! min over b, l of  ½ Σ_i (y_i − b − l·r_i)² + ½ρ(n)‖l‖² + ½β·b²,         ρ(n) = λ s²·n^α.
//! ```
//!
//! Cost: O(n k² + k³) a row.

use faer::{Mat, MatRef};

use crate::error::{Error, check_length};
use crate::linalg::dense::{Cholesky, thin_svd};
use crate::linalg::vector::dot;
use crate::map::MeasurementMap;
use crate::problem::Fit;
use crate::solve::Solution;

/// ρ(n) = scale·n^power, the ridge of a row (column) with n entries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ridge {
    /// λ s²; 0 where the fit was not penalised: then rows are fitted by least squares of the smallest norm.
    pub scale: f64,
    /// α.
    pub power: f64,
}

impl Ridge {
    /// The ridges of the rows and of the columns in a solution of a completion problem.
    pub fn of(solution: &Solution, map: &dyn MeasurementMap, fit: Fit, power: f64) -> [Ridge; 2] {
        let Fit::Penalised(lambda) = fit else {
            return [Ridge { scale: 0.0, power }; 2];
        };
        let weights = &solution.weights;
        let sides = [
            (&weights.left, map.left_gram()),
            (&weights.right, map.right_gram()),
        ];
        sides.map(|(weight, counts)| {
            let n = counts.dimension();
            let ones = Mat::<f64>::full(n, 1, 1.0);
            // W̃ is a power of the counts: any row that is observed tells the factor.
            let (sizes, counts) = (weight.times(ones.as_ref()), counts.times(ones.as_ref()));
            let factor = (0..n)
                .find(|a| counts[(*a, 0)] > 0.0)
                .map_or(0.0, |a| sizes[(a, 0)].powi(2) / counts[(a, 0)].powf(power));
            Ridge {
                scale: lambda * weights.penalty_scale * factor,
                power,
            }
        })
    }

    /// ρ(n).
    pub(crate) fn of_count(&self, n: usize) -> f64 {
        self.scale * (n as f64).powf(self.power)
    }
}

/// Fits rows to a fixed right factor.
#[derive(Clone, Debug)]
pub struct FoldIn {
    /// d2 × k, row after row.
    right: Vec<f64>,
    columns: usize,
    k: usize,
    ridge: Ridge,
    /// β; `None` where rows have no bias.
    bias: Option<f64>,
}

/// A row that was fitted.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Row {
    /// b, zero where rows have none.
    pub bias: f64,
    /// l, k numbers.
    pub factor: Vec<f64>,
}

impl FoldIn {
    /// For the right factor R (d2 × k).
    ///
    /// # Errors
    /// A number that is not finite, a ridge or a penalty of the bias that is negative.
    pub fn new(right: MatRef<'_, f64>, ridge: Ridge, bias: Option<f64>) -> Result<Self, Error> {
        let numbers = [ridge.scale, ridge.power, bias.unwrap_or(0.0)];
        if !right.is_all_finite() || !numbers.iter().all(|v| v.is_finite() && *v >= 0.0) {
            return Err(Error::Numerical(
                "a factor or a ridge: it is not finite, or negative",
            ));
        }
        Ok(FoldIn {
            right: (0..right.nrows())
                .flat_map(|b| right.row(b).iter().copied().collect::<Vec<_>>())
                .collect(),
            columns: right.nrows(),
            k: right.ncols(),
            ridge,
            bias,
        })
    }

    /// The row with entries `y` in `columns`; zero without entries.
    ///
    /// # Errors
    /// Different lengths; a column that R has not; a singular value decomposition that fails.
    pub fn row(&self, columns: &[u32], y: &[f64]) -> Result<Row, Error> {
        check_length("y", y.len(), columns.len())?;
        if let Some(entry) = columns.iter().position(|b| *b as usize >= self.columns) {
            return Err(Error::OutOfRange {
                what: "column",
                entry,
                index: columns[entry] as usize,
                size: self.columns,
            });
        }
        let mut x = self
            .by_cholesky(columns, y)
            .map_or_else(|| self.by_svd(columns, y), Ok)?;
        let bias = self.bias.and_then(|_| x.pop()).unwrap_or(0.0);
        Ok(Row { bias, factor: x })
    }

    /// How many unknowns: those of l, and b.
    fn unknowns(&self) -> usize {
        self.k + usize::from(self.bias.is_some())
    }

    fn factor(&self, b: u32) -> &[f64] {
        &self.right[b as usize * self.k..][..self.k]
    }

    /// (GᵀG + diag(ρ, …, ρ, β)) x = Gᵀy with the rows (r_i, 1) of G; `None` where that is not safely positive definite.
    fn by_cholesky(&self, columns: &[u32], y: &[f64]) -> Option<Vec<f64>> {
        let (k, n, ridge) = (self.k, self.unknowns(), self.ridge.of_count(columns.len()));
        let mut normal = Mat::zeros(n, n);
        let mut x = vec![0.0; n];
        for (b, y) in columns.iter().zip(y) {
            let r = self.factor(*b);
            for (j, s) in r.iter().enumerate() {
                let column = &mut normal.col_as_slice_mut(j)[j..k];
                column.iter_mut().zip(&r[j..]).for_each(|(out, r)| *out += s * r);
                x[j] += s * y;
            }
            if n > k {
                for (j, s) in r.iter().enumerate() {
                    normal[(k, j)] += s;
                }
                x[k] += y;
            }
        }
        (0..k).for_each(|j| normal[(j, j)] += ridge);
        if let Some(bias) = self.bias {
            normal[(k, k)] = columns.len() as f64 + bias;
        }
        let largest = (0..n).fold(0.0, |m: f64, j| m.max(normal[(j, j)]));
        // Squared condition numbers lose digits: with a ridge this small, orthogonal transformations are used.
        if !(ridge > 1e-10 * largest && self.bias.is_none_or(|bias| bias > 0.0)) {
            return None;
        }
        Cholesky::new(normal)?.solve(&mut x);
        Some(x)
    }

    /// The solution of the smallest norm among those that minimise ‖G x − y‖² + ρ‖l‖² + β b².
    fn by_svd(&self, columns: &[u32], y: &[f64]) -> Result<Vec<f64>, Error> {
        let (k, n, m) = (self.k, self.unknowns(), columns.len());
        let ridge = self.ridge.of_count(m).sqrt();
        let bias = self.bias.unwrap_or(0.0).sqrt();
        let g = Mat::from_fn(m + n, n, |i, j| match i.checked_sub(m) {
            None if j < k => self.factor(columns[i])[j],
            None => 1.0,
            Some(i) if i == j => {
                if j < k {
                    ridge
                } else {
                    bias
                }
            }
            Some(_) => 0.0,
        });
        let svd = thin_svd(g.as_ref())?;
        let least = svd.s.first().copied().unwrap_or(0.0) * (m + n) as f64 * f64::EPSILON;
        let mut x = vec![0.0; n];
        for (c, s) in svd.s.iter().enumerate().filter(|(_, s)| **s > least) {
            let part = dot(&svd.u.col_as_slice(c)[..m], y) / s;
            x.iter_mut()
                .zip(svd.v.col_as_slice(c))
                .for_each(|(x, v)| *x += part * v);
        }
        Ok(x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    fn fold_in(scale: f64, bias: Option<f64>) -> FoldIn {
        let right = Stream::new(3).normal_matrix(30, 4);
        FoldIn::new(right.as_ref(), Ridge { scale, power: 1.0 }, bias).unwrap()
    }

    fn gradient(fit: &FoldIn, columns: &[u32], y: &[f64], row: &Row) -> f64 {
        let (mut sum, mut bias) = (vec![0.0; fit.k], 0.0);
        for (b, y) in columns.iter().zip(y) {
            let error = row.bias + dot(fit.factor(*b), &row.factor) - y;
            sum.iter_mut()
                .zip(fit.factor(*b))
                .for_each(|(sum, r)| *sum += error * r);
            bias += error;
        }
        let ridge = fit.ridge.of_count(columns.len());
        let size = sum
            .iter()
            .zip(&row.factor)
            .map(|(g, l)| (g + ridge * l).abs())
            .fold(0.0, f64::max);
        size.max(fit.bias.map_or(0.0, |beta| (bias + beta * row.bias).abs()))
    }

    #[test]
    fn a_row_is_stationary_whatever_its_ridge() {
        let columns = [1, 5, 9, 11, 20, 21, 29];
        let y = Stream::new(8).normals(7);
        for bias in [None, Some(5.0)] {
            for scale in [0.0, 1e-13, 0.1, 10.0] {
                let fit = fold_in(scale, bias);
                let row = fit.row(&columns, &y).unwrap();
                let size = gradient(&fit, &columns, &y, &row);
                assert!(size < 1e-12, "{bias:?} {scale}: {size}");
            }
        }
    }

    #[test]
    fn both_ways_to_solve_agree() {
        let (fit, y) = (fold_in(0.3, Some(2.0)), [1.0, -2.0]);
        let (one, other) = (
            fit.by_cholesky(&[3, 4], &y).unwrap(),
            fit.by_svd(&[3, 4], &y).unwrap(),
        );
        assert!(one.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-12));
    }

    #[test]
    fn few_entries_without_a_ridge_give_the_smallest_row() {
        let fit = fold_in(0.0, None);
        let row = fit.row(&[7], &[3.0]).unwrap();
        let r = fit.factor(7);
        let scale = 3.0 / dot(r, r);
        assert!(
            row.factor
                .iter()
                .zip(r)
                .all(|(l, r)| (l - scale * r).abs() < 1e-13)
        );
        assert_eq!(fit.row(&[], &[]).unwrap().factor, [0.0; 4]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let fit = fold_in(1.0, None);
        assert!(fit.row(&[30], &[1.0]).is_err());
        assert!(fit.row(&[3], &[1.0, 2.0]).is_err());
        let right = Mat::from_fn(1, 1, |_, _| f64::NAN);
        assert!(
            FoldIn::new(
                right.as_ref(),
                Ridge {
                    scale: 1.0,
                    power: 0.0
                },
                None
            )
            .is_err()
        );
    }
}
