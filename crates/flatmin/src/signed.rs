//! Symmetric matrices in factored form  M = U1 U1ᵀ − U2 U2ᵀ: a network x ↦ ‖U1ᵀx‖² − ‖U2ᵀx‖² with one hidden layer of
//! squares, k1 units that add and k2 that subtract.

use faer::{Mat, MatRef};

use crate::domain::{Domain, column_signs, times_signs};
use crate::error::{Error, check_finite};
use crate::factors::Factors;
use crate::linalg::dense::{frobenius, product};
use crate::map::column_major;

/// A pair (U1, U2) with the same number of rows.
#[derive(Clone, Debug)]
pub struct SignedFactors {
    /// d × k1.
    pub u1: Mat<f64>,
    /// d × k2.
    pub u2: Mat<f64>,
}

impl SignedFactors {
    /// Pairs U1 with U2 after checking that they fit together and are finite.
    ///
    /// # Errors
    /// Different numbers of rows; NaN or infinity, at the index that counts column after column.
    pub fn new(u1: Mat<f64>, u2: Mat<f64>) -> Result<Self, Error> {
        let factors = SignedFactors { u1, u2 };
        factors.check(factors.u1.nrows())?;
        Ok(factors)
    }

    /// Refuses factors of other than `dimension` rows, or not finite.
    pub(crate) fn check(&self, dimension: usize) -> Result<(), Error> {
        for (what, factor) in [("U1", &self.u1), ("U2", &self.u2)] {
            if factor.nrows() != dimension {
                return Err(Error::Shape {
                    what,
                    found: format!("{} rows", factor.nrows()),
                    expected: format!("{dimension}"),
                });
            }
            check_finite(what, &column_major(factor.as_ref()))?;
        }
        Ok(())
    }

    /// The two parts of factors (L, R) = (U, U S), in their order; columns of zeros count as U1's. The factors of a
    /// [`Solution`](crate::solve::Solution) in a symmetric domain are such.
    ///
    /// # Errors
    /// A column of R that is not ± the column of L.
    pub fn of(x: &Factors) -> Result<Self, Error> {
        Domain::Symmetric.check(x)?;
        let signs = column_signs(x.l.as_ref(), x.r.as_ref());
        let part = |sign: f64| {
            let columns: Vec<usize> = (0..signs.len()).filter(|j| signs[*j] == sign).collect();
            Mat::from_fn(x.l.nrows(), columns.len(), |i, j| x.l[(i, columns[j])])
        };
        Ok(SignedFactors {
            u1: part(1.0),
            u2: part(-1.0),
        })
    }

    /// ([U1 U2], [U1 −U2]).
    pub fn factors(&self) -> Factors {
        let k1 = self.u1.ncols();
        let l = Mat::from_fn(self.u1.nrows(), k1 + self.u2.ncols(), |i, j| {
            if j < k1 {
                self.u1[(i, j)]
            } else {
                self.u2[(i, j - k1)]
            }
        });
        let r = times_signs(l.as_ref(), &self.signs());
        Factors { l, r }
    }

    /// k1 times + and k2 times −.
    pub(crate) fn signs(&self) -> Vec<f64> {
        [vec![1.0; self.u1.ncols()], vec![-1.0; self.u2.ncols()]].concat()
    }

    /// The same matrix with at least (k1, k2) columns, the new ones zero.
    pub fn padded(&self, k1: usize, k2: usize) -> Self {
        let pad = |u: &Mat<f64>, k: usize| {
            Mat::from_fn(u.nrows(), k.max(u.ncols()), |i, j| {
                if j < u.ncols() { u[(i, j)] } else { 0.0 }
            })
        };
        SignedFactors {
            u1: pad(&self.u1, k1),
            u2: pad(&self.u2, k2),
        }
    }

    /// M, formed.
    pub fn dense(&self) -> Mat<f64> {
        product(self.u1.as_ref(), self.u1.transpose()) - product(self.u2.as_ref(), self.u2.transpose())
    }

    /// xᵀ M x for every row x of `rows` (n × d).
    pub fn predict(&self, rows: MatRef<'_, f64>) -> Vec<f64> {
        let (one, two) = (product(rows, self.u1.as_ref()), product(rows, self.u2.as_ref()));
        let square = |u: &Mat<f64>, i: usize| u.row(i).iter().map(|v| v * v).sum::<f64>();
        (0..rows.nrows())
            .map(|i| square(&one, i) - square(&two, i))
            .collect()
    }

    /// E(xᵀ M x − xᵀ `truth` x)² over x ~ N(0, I): with H the difference of the two matrices (its symmetric part), the
    /// fourth moments of a Gaussian make it 2‖H‖_F² + (tr H)².
    pub fn generalization_error(&self, truth: MatRef<'_, f64>) -> f64 {
        let m = self.dense();
        let difference = Mat::from_fn(m.nrows(), m.ncols(), |i, j| {
            m[(i, j)] - 0.5 * (truth[(i, j)] + truth[(j, i)])
        });
        let trace: f64 = (0..m.nrows()).map(|i| difference[(i, i)]).sum();
        2.0 * frobenius(difference.as_ref()).powi(2) + trace * trace
    }
}
