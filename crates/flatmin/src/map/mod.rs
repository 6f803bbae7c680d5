//! Measurement maps  A : R^{d1×d2} → R^m,  A(X)_i = ⟨A_i, X⟩, and their adjoints  A*(w) = Σ w_i A_i.
//!
//! One map a file. Every map obeys the same laws, tested for all of them in one place: ⟨A(X), w⟩ = ⟨X, A*(w)⟩; factored
//! and dense arguments agree; Grams and Jacobians equal those of the dense twin.

mod dense;
mod dense_kernels;
mod entries;
mod identity;
mod rank_one;
mod symmetric;

pub use dense::Dense;
pub use entries::Entries;
pub(crate) use entries::{Lines, Thin, gradient, regress, solve_lines};
pub use identity::Identity;
pub use rank_one::RankOne;
pub use symmetric::SymmetricRankOne;

use faer::{Mat, MatRef};

use crate::linalg::dense::{parallel_product, product};
use crate::linalg::vector::dot;

/// A linear map from d1×d2 matrices to m numbers.
///
/// Implementors give the products; nothing larger than the map's own data may be formed, save a d1×d2 matrix where the
/// data are at least as large.
pub trait MeasurementMap: Send + Sync + std::fmt::Debug {
    /// (d1, d2).
    fn shape(&self) -> (usize, usize);

    /// m.
    fn measurements(&self) -> usize;

    /// Whether every A_i is symmetric. The map sees nothing antisymmetric then, and its two Grams are one.
    fn is_symmetric(&self) -> bool {
        false
    }

    /// A(L Rᵀ).
    fn apply_factored(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Vec<f64>;

    /// A(L Rᵀ) of several pairs, in as few passes over the data as the map can.
    fn apply_each(&self, pairs: &[(MatRef<'_, f64>, MatRef<'_, f64>)]) -> Vec<Vec<f64>> {
        pairs.iter().map(|(l, r)| self.apply_factored(*l, *r)).collect()
    }

    /// A(X).
    fn apply_dense(&self, x: MatRef<'_, f64>) -> Vec<f64>;

    /// A*(w), dense or sparse as the map is.
    fn adjoint(&self, w: &[f64]) -> Adjoint<'_>;

    /// Σ A_i A_iᵀ  (d1 × d1).
    fn left_gram(&self) -> Gram;

    /// Σ A_iᵀ A_i  (d2 × d2).
    fn right_gram(&self) -> Gram;

    /// Σ A_i Q Qᵀ A_iᵀ  (d1 × d1) for Q with d2 rows: the left Gram seen through Q. By default one column of Q at a time.
    fn left_gram_through(&self, q: MatRef<'_, f64>) -> Gram {
        Gram::Dense(gram_through(q, self.shape().0, |q| {
            let none = Mat::zeros(self.shape().0, 1);
            self.jacobian(none.as_ref(), q)
                .subrows(0, self.shape().0)
                .to_owned()
        }))
    }

    /// Σ A_iᵀ P Pᵀ A_i  (d2 × d2) for P with d1 rows: the right Gram seen through P. By default one column of P at a time.
    fn right_gram_through(&self, p: MatRef<'_, f64>) -> Gram {
        let (d1, d2) = self.shape();
        Gram::Dense(gram_through(p, d2, |p| {
            let none = Mat::zeros(d2, 1);
            self.jacobian(p, none.as_ref()).subrows(d1, d2).to_owned()
        }))
    }

    /// The transposed Jacobian of (L, R) ↦ A(L Rᵀ): column i is (vec A_i R, vec A_iᵀ L), (d1 + d2)k × m.
    fn jacobian(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Mat<f64>;

    /// Its part that belongs to L: column i is vec A_i R, d1·k × m.
    fn left_jacobian(&self, r: MatRef<'_, f64>) -> Mat<f64> {
        let (d1, k) = (self.shape().0, r.ncols());
        let both = self.jacobian(Mat::zeros(d1, k).as_ref(), r);
        both.subrows(0, d1 * k).to_owned()
    }

    /// Residual, Jacobian and A*(residual) at (L, R), in as few passes over the data as the map can.
    fn linearise(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>, y: &[f64]) -> Linearisation<'_> {
        let jacobian = self.jacobian(l, r);
        let left = column_major(l);
        let residual: Vec<f64> = y
            .iter()
            .enumerate()
            .map(|(i, y)| dot(&jacobian.col_as_slice(i)[..left.len()], &left) - y)
            .collect();
        let adjoint = self.adjoint(&residual);
        Linearisation {
            residual,
            jacobian,
            adjoint,
        }
    }

    /// (A*(w) R, A*(w)ᵀ L): the adjoint of the Jacobian.
    fn adjoint_thin(&self, w: &[f64], l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> (Mat<f64>, Mat<f64>) {
        let adjoint = self.adjoint(w);
        (adjoint.times(r), adjoint.transpose_times(l))
    }

    /// A*(w) R, without the matrix where that is cheaper.
    fn adjoint_times(&self, w: &[f64], r: MatRef<'_, f64>) -> Mat<f64> {
        self.adjoint(w).times(r)
    }

    /// The diagonal blocks of Σ vec(A_i R, A_iᵀ L) vec(A_i R, A_iᵀ L)ᵀ that belong to one row of L or of R, k×k each, where
    /// they are cheap; `None` elsewhere.
    fn row_blocks(&self, _l: MatRef<'_, f64>, _r: MatRef<'_, f64>) -> Option<RowBlocks> {
        None
    }

    /// vec(Lᵀ A_i R), one column a measurement: k² × m.
    fn compress(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Mat<f64>;

    /// ⟨A_i, P A_j Q⟩ for symmetric P, Q  (m × m, or its diagonal where it is diagonal).
    fn measurement_gram(&self, p: &Gram, q: &Gram) -> Gram;

    /// A bound on ‖fl(A*(w)) − A*(w)‖_F, the rounding of [`adjoint`](Self::adjoint); certificates add it.
    fn adjoint_rounding(&self, w: &[f64]) -> f64;

    /// (γ, γ′): the computed Grams are off by at most γ·Σ|A_i||A_i|ᵀ and γ′·Σ|A_i|ᵀ|A_i|, entry by entry, hence by
    /// γ·tr and γ′·tr of themselves in Frobenius norm; certificates add it.
    fn gram_rounding(&self) -> (f64, f64);

    /// (a, b) where A_i = e_a e_bᵀ, so that A(X)_i = X[a, b] and no other measurement sees that entry; `None` for other maps.
    fn entry(&self, _i: usize) -> Option<(usize, usize)> {
        None
    }

    /// The map itself, if it observes entries of X.
    fn as_entries(&self) -> Option<&Entries> {
        None
    }

    /// The cost of one application to a factored matrix with k columns, in units of an operation of a dense matrix product:
    /// for choosing a method. Streaming and gathering count more than arithmetic.
    fn cost_factored(&self, k: usize) -> f64;
}

/// Σ over the columns of v of M Mᵀ, M = `images`(column), of `size` rows.
fn gram_through(v: MatRef<'_, f64>, size: usize, images: impl Fn(MatRef<'_, f64>) -> Mat<f64>) -> Mat<f64> {
    let mut sum = Mat::zeros(size, size);
    for c in 0..v.ncols() {
        crate::linalg::dense::add_row_gram(&mut sum, images(v.subcols(c, 1)).as_ref());
    }
    crate::linalg::dense::mirror_lower(&mut sum);
    sum
}

/// k×k blocks, one for each row of L and of R, one after the other.
#[derive(Clone, Debug)]
pub struct RowBlocks {
    /// d1·k² numbers.
    pub left: Vec<f64>,
    /// d2·k² numbers.
    pub right: Vec<f64>,
}

/// What a Newton step needs to know about A at a point (L, R).
#[derive(Debug)]
pub struct Linearisation<'a> {
    /// A(L Rᵀ) − y.
    pub residual: Vec<f64>,
    /// Transposed Jacobian, (d1 + d2)k × m: see [`MeasurementMap::jacobian`].
    pub jacobian: Mat<f64>,
    /// A*(residual).
    pub adjoint: Adjoint<'a>,
}

/// A symmetric positive semidefinite matrix, diagonal where its map makes it so.
#[derive(Clone, Debug)]
pub enum Gram {
    /// Its diagonal.
    Diagonal(Vec<f64>),
    /// All of it.
    Dense(Mat<f64>),
}

impl Gram {
    /// The number of rows.
    pub fn dimension(&self) -> usize {
        match self {
            Gram::Diagonal(d) => d.len(),
            Gram::Dense(a) => a.nrows(),
        }
    }

    /// tr G.
    pub fn trace(&self) -> f64 {
        match self {
            Gram::Diagonal(d) => d.iter().sum(),
            Gram::Dense(a) => (0..a.nrows()).map(|i| a[(i, i)]).sum(),
        }
    }

    /// G·V.
    pub fn times(&self, v: MatRef<'_, f64>) -> Mat<f64> {
        match self {
            Gram::Diagonal(d) => Mat::from_fn(v.nrows(), v.ncols(), |i, j| d[i] * v[(i, j)]),
            Gram::Dense(a) => product(a.as_ref(), v),
        }
    }

    /// tr(Vᵀ G V).
    pub(crate) fn quadratic_form(&self, v: MatRef<'_, f64>) -> f64 {
        crate::linalg::dense::inner(v, self.times(v).as_ref())
    }
}

/// A*(w) as a matrix: dense, or supported on the observed entries.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Adjoint<'a> {
    /// d1 × d2.
    Dense(Mat<f64>),
    /// One value an entry of the map.
    Sparse {
        /// The pattern.
        entries: &'a Entries,
        /// The values, in the order of the entries.
        values: Vec<f64>,
    },
}

impl Adjoint<'_> {
    /// (d1, d2).
    pub fn shape(&self) -> (usize, usize) {
        match self {
            Adjoint::Dense(a) => a.shape(),
            Adjoint::Sparse { entries, .. } => entries.shape(),
        }
    }

    /// A*(w)·V.
    pub fn times(&self, v: MatRef<'_, f64>) -> Mat<f64> {
        match self {
            Adjoint::Dense(a) => parallel_product(a.as_ref(), v),
            Adjoint::Sparse { entries, values } => entries.sparse_times(values, v),
        }
    }

    /// A*(w)ᵀ·U.
    pub fn transpose_times(&self, u: MatRef<'_, f64>) -> Mat<f64> {
        match self {
            Adjoint::Dense(a) => parallel_product(a.transpose(), u),
            Adjoint::Sparse { entries, values } => entries.sparse_transpose_times(values, u),
        }
    }

    /// The matrix itself.
    pub fn to_dense(&self) -> Mat<f64> {
        match self {
            Adjoint::Dense(a) => a.clone(),
            Adjoint::Sparse { entries, values } => entries.scatter(values),
        }
    }

    /// The same without a copy.
    pub(crate) fn into_dense(self) -> Mat<f64> {
        match self {
            Adjoint::Dense(a) => a,
            Adjoint::Sparse { entries, values } => entries.scatter(&values),
        }
    }

    /// ‖A*(w)‖_F.
    pub fn frobenius(&self) -> f64 {
        match self {
            Adjoint::Dense(a) => a.norm_l2(),
            Adjoint::Sparse { values, .. } => crate::linalg::vector::safe_norm(values),
        }
    }

    /// The largest magnitude of an entry; NaN or infinite if an entry is.
    pub(crate) fn max_abs(&self) -> f64 {
        let larger = |m: f64, v: &f64| if v.abs() > m || v.is_nan() { v.abs() } else { m };
        match self {
            Adjoint::Dense(a) => a.col_iter().flat_map(|c| c.iter()).fold(0.0, larger),
            Adjoint::Sparse { values, .. } => values.iter().fold(0.0, larger),
        }
    }

    /// For many products with W Wᵀ and WᵀW.
    pub(crate) fn gram_operator(&self) -> GramOperator<'_> {
        match self {
            Adjoint::Dense(a) => GramOperator::Dense(a.as_ref()),
            Adjoint::Sparse { entries, values } => GramOperator::Sparse {
                rows: entries.row_lines(values),
                columns: entries.column_lines(values),
            },
        }
    }

    /// The same matrix divided by a power of two: exact short of underflow.
    pub(crate) fn divided(&self, unit: f64) -> Self {
        self.clone().into_divided(unit)
    }

    /// The same in place.
    pub(crate) fn into_divided(mut self, unit: f64) -> Self {
        match &mut self {
            Adjoint::Dense(a) => a
                .col_iter_mut()
                .for_each(|c| c.iter_mut().for_each(|v| *v /= unit)),
            Adjoint::Sparse { values, .. } => values.iter_mut().for_each(|v| *v /= unit),
        }
        self
    }
}

/// W Wᵀ and WᵀW by products.
pub(crate) enum GramOperator<'a> {
    Dense(MatRef<'a, f64>),
    Sparse { rows: Lines<'a>, columns: Lines<'a> },
}

impl GramOperator<'_> {
    /// W Wᵀ X.
    pub(crate) fn left(&self, x: MatRef<'_, f64>) -> Mat<f64> {
        match self {
            GramOperator::Dense(w) => product(*w, product(w.transpose(), x).as_ref()),
            GramOperator::Sparse { rows, columns } => rows.times(&columns.times(&Thin::from_mat(x))).to_mat(),
        }
    }

    /// WᵀW X.
    pub(crate) fn right(&self, x: MatRef<'_, f64>) -> Mat<f64> {
        match self {
            GramOperator::Dense(w) => product(w.transpose(), product(*w, x).as_ref()),
            GramOperator::Sparse { rows, columns } => columns.times(&rows.times(&Thin::from_mat(x))).to_mat(),
        }
    }
}

/// The unit roundoff of f64.
const UNIT_ROUNDOFF: f64 = f64::EPSILON / 2.0;

/// γ_n = n·u / (1 − n·u): the relative error of a sum or product of n terms (Higham, *Accuracy and Stability of Numerical
/// Algorithms*, 2002, section 3.1).
pub(crate) fn gamma(n: usize) -> f64 {
    let nu = n as f64 * UNIT_ROUNDOFF;
    nu / (1.0 - nu)
}

/// The entries of a matrix, column after column.
pub(crate) fn column_major(a: MatRef<'_, f64>) -> Vec<f64> {
    let mut out = Vec::with_capacity(a.nrows() * a.ncols());
    for column in a.col_iter() {
        match column.try_as_col_major() {
            Some(contiguous) => out.extend_from_slice(contiguous.as_slice()),
            None => out.extend(column.iter().copied()),
        }
    }
    out
}

/// The entries of a matrix, row after row.
pub(crate) fn row_major(a: MatRef<'_, f64>) -> Vec<f64> {
    column_major(a.transpose())
}

#[cfg(test)]
mod laws;
