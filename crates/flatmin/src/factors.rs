//! Factored matrices  X = L Rᵀ,  L ∈ R^{d1×k}, R ∈ R^{d2×k}.

use faer::Mat;

use crate::error::{Error, check_finite};
use crate::linalg::dense::{self, beside, frobenius, orthonormalise, product, thin_svd};
use crate::map::column_major;

/// A pair (L, R) with the same number of columns.
#[derive(Clone, Debug)]
pub struct Factors {
    /// d1 × k.
    pub l: Mat<f64>,
    /// d2 × k.
    pub r: Mat<f64>,
}

impl Factors {
    /// Pairs L with R after checking that they fit together and are finite.
    ///
    /// # Errors
    /// Different numbers of columns; NaN or infinity, at the index that counts column after column.
    ///
    /// ```
    /// use flatmin::Factors;
    ///
    /// let x = Factors::new(faer::mat![[1.0], [2.0]], faer::mat![[3.0], [4.0], [5.0]])?;
    /// assert_eq!((x.shape(), x.columns(), x.entry(1, 2)), ((2, 3), 1, 10.0));
    /// # Ok::<(), flatmin::Error>(())
    /// ```
    pub fn new(l: Mat<f64>, r: Mat<f64>) -> Result<Self, Error> {
        let factors = Factors { l, r };
        factors.check(factors.shape())?;
        Ok(factors)
    }

    /// Refuses factors of another shape than `shape` = (d1, d2), with different numbers of columns, or not finite.
    pub(crate) fn check(&self, shape: (usize, usize)) -> Result<(), Error> {
        let columns = self.l.ncols();
        for (what, factor, rows) in [("L", &self.l, shape.0), ("R", &self.r, shape.1)] {
            if factor.shape() != (rows, columns) {
                return Err(Error::Shape {
                    what,
                    found: format!("{} x {}", factor.nrows(), factor.ncols()),
                    expected: format!("{rows} x {columns}"),
                });
            }
            check_finite(what, &column_major(factor.as_ref()))?;
        }
        Ok(())
    }

    /// The zero matrix with no columns.
    pub fn empty(shape: (usize, usize)) -> Self {
        Factors {
            l: Mat::zeros(shape.0, 0),
            r: Mat::zeros(shape.1, 0),
        }
    }

    /// (d1, d2).
    pub fn shape(&self) -> (usize, usize) {
        (self.l.nrows(), self.r.nrows())
    }

    /// k.
    pub fn columns(&self) -> usize {
        self.l.ncols()
    }

    /// L Rᵀ, formed.
    pub fn dense(&self) -> Mat<f64> {
        product(self.l.as_ref(), self.r.transpose())
    }

    /// (L Rᵀ)_ij.
    pub fn entry(&self, i: usize, j: usize) -> f64 {
        (0..self.columns()).map(|c| self.l[(i, c)] * self.r[(j, c)]).sum()
    }

    /// ‖L Rᵀ − L' R'ᵀ‖_F, never formed: the difference is [L, −L'] [R, R']ᵀ, and the triangles of the two have its norm, to
    /// the rounding of the matrices themselves.
    pub fn distance(&self, other: &Factors) -> f64 {
        let opposite = faer::Scale(-1.0) * &other.l;
        let left = orthonormalise(beside(self.l.as_ref(), opposite.as_ref()).as_ref()).1;
        let right = orthonormalise(beside(self.r.as_ref(), other.r.as_ref()).as_ref()).1;
        frobenius(product(left.as_ref(), right.transpose()).as_ref())
    }

    /// The thin singular value decomposition of L Rᵀ from two small QR factorisations: O((d1 + d2)k²).
    pub fn svd(&self) -> Result<dense::Svd, Error> {
        let (left, right) = (orthonormalise(self.l.as_ref()), orthonormalise(self.r.as_ref()));
        let core = thin_svd(product(left.1.as_ref(), right.1.transpose()).as_ref())?;
        Ok(dense::Svd {
            u: product(left.0.as_ref(), core.u.as_ref()),
            s: core.s,
            v: product(right.0.as_ref(), core.v.as_ref()),
        })
    }

    /// The balanced factors (U√Σ, V√Σ) of UΣVᵀ, less the singular values at or below `drop` times the largest.
    pub fn balanced(svd: &dense::Svd, drop: f64) -> Self {
        let largest = svd.s.first().copied().unwrap_or(0.0);
        let kept = svd
            .s
            .iter()
            .take_while(|s| **s > drop * largest && **s > 0.0)
            .count();
        let scale =
            |basis: &Mat<f64>| Mat::from_fn(basis.nrows(), kept, |i, j| basis[(i, j)] * svd.s[j].sqrt());
        Factors {
            l: scale(&svd.u),
            r: scale(&svd.v),
        }
    }

    /// The same matrix with `columns` columns, the new ones zero.
    pub fn padded(&self, columns: usize) -> Self {
        let pad = |a: &Mat<f64>| {
            Mat::from_fn(a.nrows(), columns.max(a.ncols()), |i, j| {
                if j < a.ncols() { a[(i, j)] } else { 0.0 }
            })
        };
        Factors {
            l: pad(&self.l),
            r: pad(&self.r),
        }
    }

    /// ‖L‖_F² + ‖R‖_F².
    pub fn squared_norm(&self) -> f64 {
        frobenius(self.l.as_ref()).powi(2) + frobenius(self.r.as_ref()).powi(2)
    }

    /// LᵀL − RᵀR, k × k: zero for balanced factors.
    pub(crate) fn gram_difference(&self) -> Mat<f64> {
        let left = product(self.l.transpose(), self.l.as_ref());
        let right = product(self.r.transpose(), self.r.as_ref());
        left - right
    }

    /// ‖LᵀL − RᵀR‖_F.
    pub fn imbalance(&self) -> f64 {
        frobenius(self.gram_difference().as_ref())
    }
}
