//! The matrices among which X is sought, and what the nuclear norm and its dual constraint are on them.
//!
//! | domain | X | ‖Z‖_* | constraint on W = W1⁻¹ A*(λ) W2⁻¹ |
//! |---|---|---|---|
//! | general | R^{d1×d2} | Σ σ_j | ‖W‖_op ≤ 1 |
//! | symmetric | X = Xᵀ = U1U1ᵀ − U2U2ᵀ | Σ abs(θ_j) | ‖W‖_op ≤ 1 |
//! | semidefinite | X = U1U1ᵀ ⪰ 0 | tr Z | λ_max(W) ≤ 1 |
//!
//! with singular values σ and eigenvalues θ of Z. In the last two every A_i is symmetric, W1 = W2, and factors are pairs
//! (L, R) = (U, U S) with a sign for each column, S = diag(±1).
//!
//! For A_i = x_i x_iᵀ and exact data, tr(D M D) = Σ ‖x_i‖² y_i/(m·d) is the same for every M that fits: over M ⪰ 0 every
//! solution is flat, and flat minima recover M exactly where it is the only M ⪰ 0 that fits.

use faer::{Mat, MatRef};

use crate::error::Error;
use crate::factors::Factors;
use crate::linalg::dense::{Svd, full_svd, product, symmetric_eigen, thin_svd};

/// Which X may solve a problem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Domain {
    /// Every d1×d2 matrix.
    #[default]
    General,
    /// Symmetric matrices: quadratic networks.
    Symmetric,
    /// Symmetric positive semidefinite matrices: covariance estimation, phase retrieval.
    Semidefinite,
}

impl Domain {
    /// Whether X is symmetric.
    pub fn is_symmetric(self) -> bool {
        self != Domain::General
    }

    /// The dimension of the space that the domain spans.
    pub(crate) fn dimension(self, (d1, d2): (usize, usize)) -> usize {
        if self.is_symmetric() {
            d1 * (d1 + 1) / 2
        } else {
            d1 * d2
        }
    }

    /// The dimension of its matrices of rank p.
    pub(crate) fn dimension_of_rank(self, (d1, d2): (usize, usize), p: usize) -> usize {
        if self.is_symmetric() {
            p * (2 * d1 + 1 - p) / 2
        } else {
            p * (d1 + d2 - p)
        }
    }

    /// Z = u·diag(s)·vᵀ, largest s first: its norm is Σ s over the positive s, and the dual norm the first s.
    ///
    /// General: the thin singular value decomposition. Symmetric: s = |θ| and v = ±u, by the sign of θ. Semidefinite: s = θ,
    /// of either sign, and v = u. Of a symmetric matrix the lower triangle is read.
    pub(crate) fn decompose(self, z: MatRef<'_, f64>) -> Result<Svd, Error> {
        if self == Domain::General {
            return thin_svd(z);
        }
        let (values, vectors) = symmetric_eigen(z)?;
        let size = |i: &usize| match self {
            Domain::Symmetric => values[*i].abs(),
            _ => values[*i],
        };
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|i, j| size(j).total_cmp(&size(i)));
        let sign = |i: usize| {
            if self == Domain::Symmetric {
                1f64.copysign(values[i])
            } else {
                1.0
            }
        };
        let n = values.len();
        Ok(Svd {
            u: Mat::from_fn(n, n, |a, j| vectors[(a, order[j])]),
            s: order.iter().map(size).collect(),
            v: Mat::from_fn(n, n, |a, j| sign(order[j]) * vectors[(a, order[j])]),
        })
    }

    /// [`decompose`](Self::decompose) with square u and v.
    pub(crate) fn decompose_fully(self, z: MatRef<'_, f64>) -> Result<Svd, Error> {
        match self {
            Domain::General => full_svd(z),
            _ => self.decompose(z),
        }
    }

    /// The same of Z = L Rᵀ, from factorisations of the factors: of U S Uᵀ it keeps v = ±u to the last bit.
    pub(crate) fn decompose_factors(self, z: &Factors) -> Result<Svd, Error> {
        if self == Domain::General {
            return z.svd();
        }
        let signs = column_signs(z.l.as_ref(), z.r.as_ref());
        let (basis, triangle) = crate::factors::orthonormalise(z.l.as_ref());
        let core = product(
            times_signs(triangle.as_ref(), &signs).as_ref(),
            triangle.transpose(),
        );
        let core = self.decompose(core.as_ref())?;
        let u = product(basis.as_ref(), core.u.as_ref());
        let v = times_signs(u.as_ref(), &column_signs(core.u.as_ref(), core.v.as_ref()));
        Ok(Svd { u, s: core.s, v })
    }

    /// Refuses factors that are not (U, U S) to the last bit, or have a negative sign where X ⪰ 0.
    pub(crate) fn check(self, x: &Factors) -> Result<(), Error> {
        if self == Domain::General {
            return Ok(());
        }
        let refuse = |found: String, expected: &str| {
            Err(Error::Shape {
                what: "R",
                found,
                expected: expected.into(),
            })
        };
        let signs = column_signs(x.l.as_ref(), x.r.as_ref());
        for (j, sign) in signs.iter().enumerate() {
            let (l, r) = (x.l.col_as_slice(j), x.r.col_as_slice(j));
            if l.iter().zip(r).any(|(l, r)| sign * l != *r) {
                return refuse(
                    format!("column {j} that is not ± column {j} of L"),
                    "R = L S with signs S, so that X is symmetric",
                );
            }
            if self == Domain::Semidefinite && *sign < 0.0 {
                return refuse(
                    format!("column {j} = −column {j} of L"),
                    "R = L, so that X is positive semidefinite",
                );
            }
        }
        Ok(())
    }
}

/// The signs S of factors (U, U S): + for a column of zeros.
pub(crate) fn column_signs(l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Vec<f64> {
    let sign = |j: usize| {
        let negative = l.col(j).iter().zip(r.col(j).iter()).find(|(l, _)| **l != 0.0);
        match negative {
            Some((l, r)) if l * r < 0.0 => -1.0,
            _ => 1.0,
        }
    };
    (0..l.ncols()).map(sign).collect()
}

/// A·S.
pub(crate) fn times_signs(a: MatRef<'_, f64>, signs: &[f64]) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| signs[j] * a[(i, j)])
}
