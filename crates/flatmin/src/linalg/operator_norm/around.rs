//! Upper bounds on ‖W‖_op for sparse W of many rows and columns, whose Gram matrix would be too large to factor.
//!
//! With orthonormal U and V that span the leading singular spaces roughly, ‖W‖_op is at most the norm of the 2×2 matrix
//!
//!   [ ‖UᵀWV‖   ‖UᵀWV_⊥‖  ]
//!   [ ‖U_⊥ᵀWV‖ ‖U_⊥ᵀWV_⊥‖ ]
//!
//! of the norms of its blocks. Three of them are thin: one product each, and a small decomposition. The last is the norm
//! of what is left, which lies well below where U and V are good, so that a loose bound will do: the largest Ritz value of
//! a block Krylov space with a random start, raised by what it may fall short of with a stated probability (see
//! [`shortfall`]). The start is drawn from a fixed stream of the generator, so that the bound is the same in
//! every run; the probability is over that draw, which knows nothing of W.

use faer::{Mat, MatRef};

use super::{UP, by_decomposition, projection_rounding, raised, scaled};
use crate::error::Error;
use crate::linalg::dense::{frobenius, orthonormalise, orthonormality_defect, product, project_off};
use crate::linalg::krylov::{KrylovSpace, block_krylov, gaussian, shortfall};
use crate::linalg::vector::power_of_two;
use crate::map::{Adjoint, GramOperator, gamma};

/// The probability with which one bound may fail: half of what a certificate allows.
pub(crate) const FAILURE: f64 = 5e-13;
/// Random vectors of a block: they share the cost of a pass.
const BLOCK: usize = 8;
/// Applications of WᵀW after which the rest is looked at, until it is known to lie below the leading part.
const STEPS: [usize; 4] = [24, 48, 96, 192];
/// Applications of WᵀW to the vectors given.
const REFINEMENTS: usize = 8;
/// Where the rest is the larger part by this share, or the norm larger than what is allowed, knowing it to as much is
/// enough: no gap will close.
const LOOSE: f64 = 1e-2;
/// The stream of the start.
const STREAM: u64 = 100;

/// A matrix W known by products with it, such as one that lies in pieces on many machines. Its entries are finite, of a
/// magnitude whose squares are in range; every number of a product is a sum over a line of W in any order, every term of
/// it rounded once or twice.
pub trait Products {
    /// (d1, d2).
    fn shape(&self) -> (usize, usize);
    /// ‖W‖_F, added up in any order.
    fn frobenius(&self) -> f64;
    /// W·V.
    fn times(&self, v: MatRef<'_, f64>) -> Mat<f64>;
    /// Wᵀ·U.
    fn transpose_times(&self, u: MatRef<'_, f64>) -> Mat<f64>;
    /// W·Wᵀ·X.
    fn left_gram(&self, x: MatRef<'_, f64>) -> Mat<f64>;
    /// Wᵀ·W·X.
    fn right_gram(&self, x: MatRef<'_, f64>) -> Mat<f64>;
    /// The smaller of W·Wᵀ and Wᵀ·W itself, where it is small enough to be formed and factored.
    fn formed_gram(&self) -> Option<Mat<f64>> {
        None
    }
}

/// A matrix in memory.
struct Local<'a> {
    w: &'a Adjoint<'a>,
    gram: GramOperator<'a>,
}

impl<'a> Local<'a> {
    fn new(w: &'a Adjoint<'a>) -> Self {
        Local {
            w,
            gram: w.gram_operator(),
        }
    }
}

impl Products for Local<'_> {
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
        self.gram.left(x)
    }

    fn right_gram(&self, x: MatRef<'_, f64>) -> Mat<f64> {
        self.gram.right(x)
    }
}

fn frobenius_above(w: &dyn Products) -> f64 {
    raised(w.frobenius(), w.shape())
}

/// ‖W‖_op from above, but for a probability of [`FAILURE`], for nearly orthonormal U (d1 × p) and V (d2 × p); p may be 0.
/// Once it is known to exceed `level` clearly, it is not looked at more closely.
///
/// # Errors
/// [`Error::Numerical`] if a decomposition fails.
pub(super) fn by_blocks(
    w: Adjoint<'_>,
    near: (MatRef<'_, f64>, MatRef<'_, f64>),
    level: f64,
) -> Result<f64, Error> {
    let level = level / power_of_two(w.max_abs());
    scaled(w, |w| by_products(&Local::new(w), near, level))
}

/// The same of a W that is known by products.
///
/// # Errors
/// [`Error::Numerical`] if a decomposition fails.
pub(crate) fn by_products(
    w: &dyn Products,
    (u, v): (MatRef<'_, f64>, MatRef<'_, f64>),
    level: f64,
) -> Result<f64, Error> {
    let (u, v) = refined(w, u, v)?;
    let (u, v) = (u.as_ref(), v.as_ref());
    let thin = Thin::new(w, u, v)?;
    let mut bound = frobenius_above(w);
    let mut space = Remainder::new(w, u, v);
    for steps in STEPS {
        let rest = space.after(steps)?;
        bound = bound.min(thin.with_rest(rest.above));
        let least = rest.below.max(thin.corner);
        let idle = rest.below > (1.0 + LOOSE) * thin.corner || least > (1.0 + LOOSE) * level;
        let known = idle && rest.above <= (1.0 + LOOSE) * least;
        if known || bound <= thin.with_rest(0.99 * thin.corner) {
            break;
        }
    }
    Ok(bound)
}

/// Orthonormal U and V nearer to the leading singular spaces of W than those given: as many Ritz vectors of the space that W
/// makes of them, on the shorter side, and their images. Those of a candidate are off by its gradient, and the thin blocks
/// of that size.
fn refined(w: &dyn Products, u: MatRef<'_, f64>, v: MatRef<'_, f64>) -> Result<(Mat<f64>, Mat<f64>), Error> {
    let (rows, cols) = w.shape();
    if u.ncols() == 0 || v.ncols() == 0 {
        return Ok((Mat::zeros(rows, 0), Mat::zeros(cols, 0)));
    }
    if rows < cols {
        let u = block_krylov(u.to_owned(), (REFINEMENTS, u.ncols()), |x| w.left_gram(x))?.vectors;
        let (v, _) = orthonormalise(w.transpose_times(u.as_ref()).as_ref());
        return Ok((u, v));
    }
    let v = block_krylov(v.to_owned(), (REFINEMENTS, v.ncols()), |x| w.right_gram(x))?.vectors;
    let (u, _) = orthonormalise(w.times(v.as_ref()).as_ref());
    Ok((u, v))
}

/// ‖U_⊥ᵀ W V_⊥‖ likewise, as tight as it takes to tell that it is at most `target`, or that it is not.
pub(super) fn rest_by_krylov(
    w: Adjoint<'_>,
    u: MatRef<'_, f64>,
    v: MatRef<'_, f64>,
    target: f64,
) -> Result<f64, Error> {
    let target = target / power_of_two(w.max_abs());
    scaled(w, |w| {
        let w = Local::new(w);
        let mut bound = f64::INFINITY;
        let mut space = Remainder::new(&w, u, v);
        for steps in STEPS {
            let rest = space.after(steps)?;
            bound = bound.min(rest.above);
            if bound <= target || rest.below > target {
                break;
            }
        }
        Ok(bound)
    })
}

/// Singular values of W off U and V (of U_⊥ᵀWV_⊥, at least on the shorter side), largest first and each from below.
///
/// # Errors
/// [`Error::Numerical`] if a decomposition fails.
pub(crate) fn singular_values_off(
    w: &Adjoint<'_>,
    u: MatRef<'_, f64>,
    v: MatRef<'_, f64>,
) -> Result<Vec<f64>, Error> {
    singular_values_off_products(&Local::new(w), u, v)
}

/// The same of a W that is known by products.
///
/// # Errors
/// [`Error::Numerical`] if a decomposition fails.
pub(crate) fn singular_values_off_products(
    w: &dyn Products,
    u: MatRef<'_, f64>,
    v: MatRef<'_, f64>,
) -> Result<Vec<f64>, Error> {
    let mut space = Remainder::new(w, u, v);
    space.grow(STEPS[0]);
    let values = space.krylov.ritz(0)?.values;
    Ok(values.iter().map(|v| v.max(0.0).sqrt()).collect())
}

/// What so many steps say of ‖U_⊥ᵀ W V_⊥‖.
struct Rest {
    /// What it exceeds but for rounding.
    below: f64,
    /// What it does not exceed.
    above: f64,
}

/// A Krylov space of (I − VVᵀ)WᵀW(I − VVᵀ), or of the like with U where W has fewer rows: ‖U_⊥ᵀ W V_⊥‖ is no larger than
/// with one projection.
struct Remainder<'a> {
    w: &'a dyn Products,
    basis: MatRef<'a, f64>,
    wide: bool,
    krylov: KrylovSpace,
    /// What ‖W‖_F does not exceed, and in units of its square what products and projections round, and what the basis is
    /// off.
    size: f64,
    rounding: f64,
}

impl<'a> Remainder<'a> {
    fn new(w: &'a dyn Products, u: MatRef<'a, f64>, v: MatRef<'a, f64>) -> Self {
        let (rows, cols) = w.shape();
        let wide = rows < cols;
        let (basis, n) = if wide { (u, rows) } else { (v, cols) };
        let tilt = orthonormality_defect(basis);
        let start = gaussian(n, BLOCK.min(n), STREAM);
        Remainder {
            w,
            basis,
            wide,
            krylov: KrylovSpace::new(project_off(basis, start.as_ref())),
            size: frobenius_above(w),
            rounding: 2.0 * gamma(rows + cols + 4)
                + 4.0 * tilt * (1.0 + tilt)
                + 2.0 * projection_rounding(n, basis.ncols()),
        }
    }

    /// To `steps` applications in all.
    fn grow(&mut self, steps: usize) {
        let (w, basis, wide) = (self.w, self.basis, self.wide);
        self.krylov.grow(steps, |x| {
            let image = if wide { w.left_gram(x) } else { w.right_gram(x) };
            project_off(basis, image.as_ref())
        });
    }

    /// What `steps` applications say, one of `STEPS`. Each of them may fail with its part of the probability.
    fn after(&mut self, steps: usize) -> Result<Rest, Error> {
        let n = self.basis.nrows();
        let Some(share) = shortfall(n, BLOCK.min(n), steps, FAILURE / STEPS.len() as f64) else {
            return Ok(Rest {
                below: 0.0,
                above: self.size,
            });
        };
        self.grow(steps);
        let values = self.krylov.ritz(0)?.values;
        let error = (self.rounding + gamma(BLOCK * steps + 4)) * self.size * self.size;
        let largest = values.first().copied().unwrap_or(0.0).max(0.0);
        Ok(Rest {
            below: largest.sqrt(),
            above: ((largest + error) / (1.0 - share)).sqrt() * UP,
        })
    }
}

/// The three thin blocks.
struct Thin {
    /// ‖UᵀWV‖, ‖UᵀWV_⊥‖, ‖U_⊥ᵀWV‖, from above.
    corner: f64,
    right: f64,
    below: f64,
}

impl Thin {
    fn new(w: &dyn Products, u: MatRef<'_, f64>, v: MatRef<'_, f64>) -> Result<Self, Error> {
        if u.ncols() == 0 || v.ncols() == 0 {
            return Ok(Thin {
                corner: 0.0,
                right: 0.0,
                below: 0.0,
            });
        }
        let (rows, cols) = w.shape();
        let size = frobenius_above(w);
        let (along, across) = (w.times(v), w.transpose_times(u));
        let core = product(u.transpose(), along.as_ref());
        // U and V are that far from orthonormal ones, and products round that much, in units of ‖W‖_F.
        let (left, right) = (orthonormality_defect(u), orthonormality_defect(v));
        let tilt = 2.0 * (left + right) * (1.0 + left + right);
        let root = (u.ncols().max(v.ncols()) as f64).sqrt() * (1.0 + tilt);
        let n = rows.max(cols);
        let error =
            (tilt + 2.0 * root * gamma(n + 4) + root * projection_rounding(n, u.ncols().max(v.ncols())))
                * size
                * UP;
        Ok(Thin {
            corner: by_decomposition(core.as_ref())? + error,
            right: thin_norm(project_off(v, across.as_ref()).as_ref())? + error,
            below: thin_norm(project_off(u, along.as_ref()).as_ref())? + error,
        })
    }

    /// The norm of the 2×2 matrix with `rest` in the last place: σ1² = (s + √(s² − 4δ²))/2, s the sum of squares, δ the
    /// determinant.
    fn with_rest(&self, rest: f64) -> f64 {
        let (a, b, c, d) = (self.corner, self.right, self.below, rest);
        // The discriminant as a sum, without cancellation.
        let first = ((a + d).powi(2) + (b - c).powi(2)).sqrt();
        let second = ((a - d).powi(2) + (b + c).powi(2)).sqrt();
        0.5 * (first + second) * UP
    }
}

/// ‖C‖_op of a thin matrix from above, from the decomposition of its Gram matrix.
fn thin_norm(c: MatRef<'_, f64>) -> Result<f64, Error> {
    let gram: Mat<f64> = product(c.transpose(), c);
    let rounding = gamma(c.nrows() + 2) * frobenius(c).powi(2) * UP;
    Ok((by_decomposition(gram.as_ref())? + rounding).sqrt() * UP)
}

#[cfg(test)]
mod tests {
    //! Matrices of known norm with leading spaces that are right, a little off, and drawn at random: the bound never falls
    //! below the norm, and is tight where the spaces are good.

    use super::*;
    use crate::linalg::vector::axpy;
    use crate::map::Entries;

    fn dense(rows: usize, cols: usize, s: &[f64]) -> (Mat<f64>, Mat<f64>, Mat<f64>) {
        let basis = |n: usize, stream| orthonormalise(gaussian(n, s.len(), stream).as_ref()).0;
        let (u, v) = (basis(rows, 1), basis(cols, 2));
        let scaled = Mat::from_fn(rows, s.len(), |i, j| u[(i, j)] * s[j]);
        (product(scaled.as_ref(), v.transpose()), u, v)
    }

    /// Orthonormal columns near those of `basis`.
    fn off_by(basis: MatRef<'_, f64>, size: f64) -> Mat<f64> {
        let noise = gaussian(basis.nrows(), basis.ncols(), 7);
        orthonormalise((basis + faer::Scale(size) * noise).as_ref()).0
    }

    #[test]
    fn never_below_the_norm_and_tight_near_the_leading_spaces() {
        for (rows, cols) in [(300, 200), (200, 300)] {
            // A cluster on top, then a dense spectrum below.
            let s: Vec<f64> = (0..150)
                .map(|i| if i < 10 { 1.0 } else { 0.95 - i as f64 / 200.0 })
                .collect();
            let (a, u, v) = dense(rows, cols, &s);
            let w = Adjoint::Dense(a);
            let (u, v) = (u.as_ref().subcols(0, 10), v.as_ref().subcols(0, 10));
            for (size, allowed) in [(0.0, 1e-9), (1e-6, 1e-7), (1e-4, 1e-3), (1e-2, 0.3)] {
                let (near_u, near_v) = (off_by(u, size), off_by(v, size));
                let bound = by_blocks(w.clone(), (near_u.as_ref(), near_v.as_ref()), f64::INFINITY).unwrap();
                assert!(bound >= 1.0 - 1e-13, "off by {size}: {bound}");
                assert!(bound <= 1.0 + allowed, "off by {size}: {bound}");
            }
            for columns in [0, 1, 10] {
                let random = |n, stream| orthonormalise(gaussian(n, columns, stream).as_ref()).0;
                let (u, v) = (random(rows, 11), random(cols, 12));
                let bound = by_blocks(w.clone(), (u.as_ref(), v.as_ref()), f64::INFINITY).unwrap();
                assert!(
                    (1.0 - 1e-13..1.5).contains(&bound),
                    "{columns} random columns: {bound}"
                );
            }
            // Only some of the cluster is known.
            let bound = by_blocks(w.clone(), (u.subcols(0, 4), v.subcols(0, 4)), f64::INFINITY).unwrap();
            assert!((1.0 - 1e-13..1.01).contains(&bound), "{bound}");
            // It is far above what would be allowed: roughly will do.
            let bound = by_blocks(w.clone(), (u.subcols(0, 4), v.subcols(0, 4)), 0.5).unwrap();
            assert!((1.0 - 1e-13..1.1).contains(&bound), "{bound}");
            let off = rest_by_krylov(w.clone(), u, v, 0.99).unwrap();
            assert!((s[10] - 1e-12..0.99).contains(&off), "{off}");
            let missing = singular_values_off(&w, u.subcols(0, 4), v.subcols(0, 4)).unwrap();
            assert_eq!(missing.iter().filter(|s| **s > 0.999).count(), 6);
        }
    }

    #[test]
    fn bases_that_are_not_orthonormal_keep_the_bound() {
        let (a, u, v) = dense(120, 100, &[1.0, 0.5, 0.2]);
        let w = Adjoint::Dense(a);
        for by in [0.5, 1.0 - 1e-4, 1.0 + 1e-4] {
            let (u, v) = (faer::Scale(by) * u.clone(), faer::Scale(by) * v.clone());
            let bound = by_blocks(
                w.clone(),
                (u.as_ref().subcols(0, 1), v.as_ref().subcols(0, 1)),
                f64::INFINITY,
            )
            .unwrap();
            assert!(bound >= 1.0 - 1e-13, "{by}: {bound}");
        }
    }

    #[test]
    fn sparse_and_dense_operators_agree() {
        let (d1, d2) = (60, 45);
        let (rows, columns): (Vec<u32>, Vec<u32>) = (0..d1)
            .flat_map(|a| (0..d2).map(move |b| (a, b)))
            .filter(|(a, b)| (a * 7 + b * 3) % 5 < 2)
            .unzip();
        let values = gaussian(rows.len(), 1, 3).col_as_slice(0).to_vec();
        let (entries, values) = Entries::new(&rows, &columns, &values, (d1 as usize, d2 as usize)).unwrap();
        let dense = entries.scatter(&values);
        let norm = crate::linalg::dense::singular_values(dense.as_ref()).unwrap()[0];
        let sparse = Adjoint::Sparse {
            entries: &entries,
            values,
        };
        let x = gaussian(d1 as usize, 3, 4);
        let y = gaussian(d2 as usize, 3, 5);
        let formed = Adjoint::Dense(dense);
        let (one, other) = (sparse.gram_operator(), formed.gram_operator());
        assert!((one.left(x.as_ref()) - other.left(x.as_ref())).norm_max() <= 1e-11);
        assert!((one.right(y.as_ref()) - other.right(y.as_ref())).norm_max() <= 1e-11);
        let none = |n: u32| Mat::zeros(n as usize, 0);
        let bound = by_blocks(
            sparse.clone(),
            (none(d1).as_ref(), none(d2).as_ref()),
            f64::INFINITY,
        )
        .unwrap();
        assert!(
            (norm * (1.0 - 1e-13)..norm * 1.05).contains(&bound),
            "{bound} of {norm}"
        );
    }

    #[test]
    fn a_space_grown_in_stages_is_the_same() {
        let n = 40;
        let apply = |x: MatRef<'_, f64>| Mat::from_fn(n, x.ncols(), |i, j| (1.0 + i as f64).ln() * x[(i, j)]);
        let at_once = block_krylov(gaussian(n, 3, 0), (6, 2), apply).unwrap();
        let mut space = KrylovSpace::new(gaussian(n, 3, 0));
        for steps in [1, 4, 6] {
            space.grow(steps, apply);
        }
        let staged = space.ritz(2).unwrap();
        assert_eq!(at_once.values, staged.values);
        assert_eq!(at_once.vectors, staged.vectors);
        // Once it is everything it grows no more.
        space.grow(30, apply);
        let all = space.ritz(0).unwrap().values;
        assert_eq!(all.len(), n);
        assert!((all[0] - (n as f64).ln()).abs() <= 1e-13);
    }

    #[test]
    fn ritz_values_fall_short_no_more_than_stated() {
        // M = diag(1, a dense spectrum below it): the worst case of the bound is of this kind.
        let n = 1000;
        let diagonal: Vec<f64> = (0..n)
            .map(|i| if i == 0 { 1.0 } else { 0.995 * i as f64 / n as f64 })
            .collect();
        for (b, steps) in [(1, 60), (8, 24), (8, 48)] {
            for stream in 0..3 {
                let ritz = block_krylov(gaussian(n, b, stream), (steps, 1), |x| {
                    Mat::from_fn(n, x.ncols(), |i, j| diagonal[i] * x[(i, j)])
                })
                .unwrap();
                let share = shortfall(n, b, steps, 1e-12).unwrap();
                assert!(ritz.values[0] <= 1.0 + 1e-12 && ritz.values[0] >= 1.0 - share);
                let mut image: Vec<f64> = (0..n).map(|i| diagonal[i] * ritz.vectors[(i, 0)]).collect();
                axpy(-ritz.values[0], ritz.vectors.col_as_slice(0), &mut image);
                assert!(crate::linalg::vector::norm(&image) <= 0.1);
            }
        }
        assert!(shortfall(n, 1, 10, 1e-12).is_none());
        // Eight vectors share the probability.
        assert!(shortfall(n, 8, 24, 1e-12).unwrap() < 0.2 * shortfall(n, 1, 24, 1e-12).unwrap_or(1.0));
    }
}
