//! The bound of penalised completion whose entries lie in pieces on many machines: the same proof as of one in memory,
//! from products with W = W1⁻¹ A*(λ) W2⁻¹ and three sums over the entries.

use faer::{Mat, MatRef};

use super::MISSING;
use super::bound::{best_penalised, lowered};
use crate::error::Error;
use crate::flatness::Weights;
use crate::linalg::dense::product;
use crate::linalg::operator_norm::{FAILURE, Products, by_gram, by_products, singular_values_off_products};
use crate::map::gamma;

/// Sums over all entries, added up in any order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sums {
    /// Number of entries.
    pub count: usize,
    /// ⟨λ, y⟩.
    pub inner: f64,
    /// Σ|λ_i y_i|.
    pub magnitude: f64,
    /// ‖λ‖².
    pub square: f64,
}

/// What is proved, and what is missing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PiecesBound {
    /// No X has a smaller penalised objective.
    pub lower_bound: f64,
    /// What ‖W‖_op does not exceed.
    pub operator_norm: f64,
    /// The probability that both are wrong, over the random start of the bound on the norm; 0 where the Gram matrix was formed.
    pub failure_probability: f64,
    /// Singular values of W above μ off the spaces given: columns that the optimum has beyond those of X, at least.
    pub missing_columns: usize,
}

/// A lower bound on  min ½‖A(X) − y‖² + μ‖W1 X W2‖_*  from a λ of which `sums` and W are known. `w` is W/unit, with a power
/// of two that brings its largest entry into [1, 2), each entry made as (λ·(W1⁻¹)_aa)·(W2⁻¹)_bb with `weights` of
/// [`Weights::of_counts`]. (u, v), d1 × p and d2 × p, are orthonormal bases of the leading singular spaces of W1 X W2.
///
/// # Errors
/// [`Error::Numerical`] if a decomposition fails.
pub fn penalised_bound(
    (w, unit): (&dyn Products, f64),
    weights: &Weights,
    mu: f64,
    sums: Sums,
    (u, v): (MatRef<'_, f64>, MatRef<'_, f64>),
) -> Result<PiecesBound, Error> {
    let m = sums.count;
    let (left, right) = (&weights.left, &weights.right);
    // Two roundings an entry; what underflowed in the first was multiplied by an inverse weight.
    let underflow = m as f64 * (1.0 + right.inverse_norm()) * f64::MIN_POSITIVE / unit;
    let errors = (gamma(4) * w.frobenius() + underflow) * (1.0 + 1e-6);
    let exact = (1.0 + left.rounding()) * (1.0 + right.rounding()) * (1.0 + 8.0 * f64::EPSILON);
    let formed = w.formed_gram();
    let (computed, failure_probability) = match &formed {
        Some(gram) => (by_gram(gram, w.frobenius(), w.shape())?, 0.0),
        None => (by_products(w, (u, v), mu / unit)?, FAILURE),
    };
    let norm = ((computed + errors) * exact * unit).next_up();
    let operator_norm = if norm.is_nan() { f64::INFINITY } else { norm };
    let inner = sums.inner - gamma(m + 4) * sums.magnitude - 4.0 * m as f64 * f64::MIN_POSITIVE;
    let size = sums.square.sqrt() * (1.0 + gamma(m + 8));
    let mu_below = mu * (1.0 - 16.0 * f64::EPSILON);
    let level = mu * (1.0 + MISSING);
    let missing_columns = if operator_norm <= level {
        0
    } else {
        let off = match formed {
            Some(gram) => singular_values_off_products(&Formed { w, gram }, u, v)?,
            None => singular_values_off_products(w, u, v)?,
        };
        off.iter().filter(|s| **s * unit > level).count()
    };
    Ok(PiecesBound {
        lower_bound: lowered(best_penalised(mu_below, inner, size, operator_norm), 1.0).max(0.0),
        operator_norm,
        failure_probability,
        missing_columns,
    })
}

/// Products of a matrix whose smaller Gram matrix is at hand.
struct Formed<'a> {
    w: &'a dyn Products,
    gram: Mat<f64>,
}

impl Products for Formed<'_> {
    fn shape(&self) -> (usize, usize) {
        self.w.shape()
    }

    fn frobenius(&self) -> f64 {
        self.w.frobenius()
    }

    fn times(&self, v: MatRef<'_, f64>) -> Mat<f64> {
        self.w.times(v)
    }

    fn transpose_times(&self, u: MatRef<'_, f64>) -> Mat<f64> {
        self.w.transpose_times(u)
    }

    fn left_gram(&self, x: MatRef<'_, f64>) -> Mat<f64> {
        product(self.gram.as_ref(), x)
    }

    fn right_gram(&self, x: MatRef<'_, f64>) -> Mat<f64> {
        product(self.gram.as_ref(), x)
    }
}

#[cfg(test)]
mod tests {
    //! The proof by products against that of the whole matrix.

    use super::*;
    use crate::certificate::dual_bound;
    use crate::linalg::vector::{dot, max_abs, power_of_two};
    use crate::map::Entries;
    use crate::random::Stream;
    use crate::solve::{Observer, Settings, solve};
    use crate::{Fit, Objective, Problem};

    /// A dense matrix by its products.
    struct Whole(Mat<f64>, bool);

    impl Products for Whole {
        fn shape(&self) -> (usize, usize) {
            self.0.shape()
        }
        fn frobenius(&self) -> f64 {
            self.0.norm_l2()
        }
        fn times(&self, v: MatRef<'_, f64>) -> Mat<f64> {
            product(self.0.as_ref(), v)
        }
        fn transpose_times(&self, u: MatRef<'_, f64>) -> Mat<f64> {
            product(self.0.transpose(), u)
        }
        fn left_gram(&self, x: MatRef<'_, f64>) -> Mat<f64> {
            self.times(self.transpose_times(x).as_ref())
        }
        fn right_gram(&self, x: MatRef<'_, f64>) -> Mat<f64> {
            self.transpose_times(self.times(x).as_ref())
        }
        fn formed_gram(&self) -> Option<Mat<f64>> {
            self.1.then(|| product(self.0.transpose(), self.0.as_ref()))
        }
    }

    fn problem(objective: Objective) -> Problem<'static> {
        let (rows, columns): (Vec<u32>, Vec<u32>) = (0..40)
            .flat_map(|a| (0..30).map(move |b| (a, b)))
            .filter(|(a, b)| (7 * a + 3 * b) % 5 < 2)
            .unzip();
        let y = Stream::new(9).normals(rows.len());
        let (map, y) = Entries::new(&rows, &columns, &y, (40, 30)).unwrap();
        Problem::new(Box::new(map), y, Fit::Penalised(0.3), objective).unwrap()
    }

    /// The bound that λ proves by products, with the singular spaces (u, v).
    fn bound(
        problem: &Problem,
        lambda: &[f64],
        near: (MatRef<'_, f64>, MatRef<'_, f64>),
        formed: bool,
    ) -> PiecesBound {
        let entries = problem.map().as_entries().unwrap();
        let count = |lines: usize, of: &[u32]| -> Vec<f64> {
            (0..lines as u32)
                .map(|a| of.iter().filter(|b| **b == a).count() as f64)
                .collect()
        };
        let (rows, columns) = (count(40, entries.rows()), count(30, entries.columns()));
        let weights = Weights::of_counts(&rows, &columns, problem.objective()).unwrap();
        let own = Weights::new(problem.map(), problem.objective()).unwrap();
        assert_eq!(weights.left.diagonal(), own.left.diagonal());
        assert_eq!(weights.right.diagonal(), own.right.diagonal());
        assert_eq!(weights.penalty_scale, own.penalty_scale);
        let w = crate::flatness::Rescaled::new(problem.map(), &own)
            .adjoint(lambda)
            .to_dense();
        let values: Vec<f64> = w.col_iter().flat_map(|c| c.iter().copied()).collect();
        let unit = power_of_two(max_abs(&values));
        let scaled = Mat::from_fn(40, 30, |i, j| w[(i, j)] / unit);
        let sums = Sums {
            count: lambda.len(),
            inner: dot(lambda, problem.data()),
            magnitude: lambda
                .iter()
                .zip(problem.data())
                .map(|(l, y)| (l * y).abs())
                .sum(),
            square: dot(lambda, lambda),
        };
        let mu = 0.3 * own.penalty_scale;
        penalised_bound((&Whole(scaled, formed), unit), &weights, mu, sums, near).unwrap()
    }

    #[test]
    fn products_prove_what_the_whole_matrix_proves() {
        for objective in [Objective::Flat, Objective::Nuclear, Objective::Smoothed(0.5)] {
            let problem = problem(objective);
            let solution = solve(&problem, &Settings::default(), &Observer::default()).unwrap();
            let whole = dual_bound(&problem, &solution.weights, &solution.dual).unwrap();
            let (l, r) = solution
                .weights
                .rescale(solution.factors.l.as_ref(), solution.factors.r.as_ref());
            let z = crate::Factors { l, r }.svd().unwrap();
            let value = solution.certificate.value;
            for (formed, loss) in [(true, 1e-7), (false, 1e-3)] {
                let found = bound(&problem, &solution.dual, (z.u.as_ref(), z.v.as_ref()), formed);
                assert!(found.lower_bound <= value);
                assert!(
                    found.lower_bound > whole.value - loss * value,
                    "{found:?}, {whole:?}"
                );
                assert!(found.operator_norm >= (1.0 - 1e-6) * whole.operator_norm);
                assert_eq!(found.missing_columns, 0);
                assert_eq!(found.failure_probability == 0.0, formed);
            }
        }
    }

    #[test]
    fn any_multiplier_proves_less_than_the_optimum() {
        let problem = problem(Objective::Flat);
        let solution = solve(&problem, &Settings::default(), &Observer::default()).unwrap();
        let none = (Mat::zeros(40, 0), Mat::zeros(30, 0));
        for (seed, size) in [(1, 1e-3), (2, 0.1), (3, 1.0), (4, 1e3)] {
            let noise = Stream::new(seed).normals(solution.dual.len());
            let lambda: Vec<f64> = solution
                .dual
                .iter()
                .zip(noise)
                .map(|(l, e)| l + size * e)
                .collect();
            for formed in [true, false] {
                let found = bound(&problem, &lambda, (none.0.as_ref(), none.1.as_ref()), formed);
                assert!((0.0..=solution.certificate.value).contains(&found.lower_bound));
            }
        }
        // The data themselves: the multiplier of X = 0, which lacks columns.
        let found = [true, false].map(|formed| {
            bound(
                &problem,
                problem.data(),
                (none.0.as_ref(), none.1.as_ref()),
                formed,
            )
            .missing_columns
        });
        assert!(found[0] > 0 && found[0] == found[1]);
    }
}
