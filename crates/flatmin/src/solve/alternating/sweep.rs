//! The two half-steps of alternating least squares for
//!
//!   F(L, R) = ½‖A(L Rᵀ) − b‖² + μ/2·(‖W1 L‖_F² + ‖W2 R‖_F²)
//!
//! over observed entries with diagonal weights: with R given, every row of L is a ridge regression on the rows of R, and
//! the other way round. The factor with more rows is the *inner* one: it is always the best for the *outer* one, which is
//! the only unknown. Everything here is in X, the weights are in the ridges.

use faer::Mat;

use crate::error::Error;
use crate::linalg::dense::{product, symmetric_eigen};
use crate::linalg::vector::dot;
use crate::map::{Entries, Lines, Thin, gradient, regress, solve_lines};
use crate::solve::instance::Instance;

/// From so many columns on, the systems of the outer factor are not formed to precondition with.
const MANY: usize = 64;

/// One side: its lines, and what belongs to each of them.
struct Side<'a> {
    lines: Lines<'a>,
    /// μw².
    ridge: Vec<f64>,
    /// w, zero where nothing is observed.
    weight: Vec<f64>,
}

impl<'a> Side<'a> {
    fn new(lines: Lines<'a>, inverse_weight: &[f64], mu: f64) -> Self {
        let weight: Vec<f64> = inverse_weight
            .iter()
            .map(|p| if *p > 0.0 { 1.0 / p } else { 0.0 })
            .collect();
        Side {
            lines,
            ridge: weight.iter().map(|w| mu * w * w).collect(),
            weight,
        }
    }

    /// ½Σ ridge_a·‖x_a‖².
    fn penalty(&self, x: &Thin) -> f64 {
        let own = |(a, ridge): (usize, &f64)| ridge * dot(x.row(a), x.row(a));
        0.5 * self.ridge.iter().enumerate().map(own).sum::<f64>()
    }

    /// Every number of a row times `scale` of its weight.
    fn scaled(&self, x: &Thin, scale: impl Fn(f64) -> f64) -> Thin {
        let mut out = x.clone();
        let stride = out.stride().max(1);
        for (row, w) in out.values_mut().chunks_exact_mut(stride).zip(&self.weight) {
            let by = scale(*w);
            row.iter_mut().for_each(|v| *v *= by);
        }
        out
    }

    /// W·x.
    fn rescale(&self, x: &Thin) -> Thin {
        self.scaled(x, |w| w)
    }

    /// W⁻¹·z.
    fn restore(&self, z: &Thin) -> Thin {
        self.scaled(z, |w| if w > 0.0 { 1.0 / w } else { 0.0 })
    }
}

/// The problem as its two sides.
pub(super) struct Sweep<'a> {
    inner: Side<'a>,
    outer: Side<'a>,
    /// Whether the inner factor is R.
    turned: bool,
    /// ½‖b‖².
    energy: f64,
    entries: &'a Entries,
    mu: f64,
}

/// W = B*(λ), as a matrix from the outer side to the inner one.
pub(super) struct DualMatrix<'a> {
    inner: Lines<'a>,
    outer: Lines<'a>,
    sides: &'a Sweep<'a>,
}

impl DualMatrix<'_> {
    /// W·y for y on the outer side.
    pub(super) fn times(&self, y: &Thin) -> Thin {
        let sides = self.sides;
        sides.inner.restore(&self.inner.times(&sides.outer.restore(y)))
    }

    /// Wᵀ·x for x on the inner side.
    pub(super) fn transpose_times(&self, x: &Thin) -> Thin {
        let sides = self.sides;
        sides.outer.restore(&self.outer.times(&sides.inner.restore(x)))
    }
}

impl<'a> Sweep<'a> {
    pub(super) fn new(instance: &'a Instance<'_>, entries: &'a Entries, mu: f64) -> Self {
        let (d1, d2) = instance.map.shape();
        let ones = |d: usize| Mat::from_fn(d, 1, |_, _| 1.0);
        let (p, q) = instance.map.restore(ones(d1).as_ref(), ones(d2).as_ref());
        let rows = Side::new(entries.row_lines(&instance.b), p.col_as_slice(0), mu);
        let columns = Side::new(entries.column_lines(&instance.b), q.col_as_slice(0), mu);
        let turned = d1 < d2;
        let (inner, outer) = if turned { (columns, rows) } else { (rows, columns) };
        Sweep {
            inner,
            outer,
            turned,
            energy: 0.5 * dot(&instance.b, &instance.b),
            entries,
            mu,
        }
    }

    /// Rows of the outer factor.
    pub(super) fn outer_rows(&self) -> usize {
        self.outer.lines.count()
    }

    /// The inner factor that is best for `outer`, and F there.
    pub(super) fn inner_step(&self, outer: &Thin) -> (Thin, f64) {
        let (inner, fall) = regress(&self.inner.lines, outer, &self.inner.ridge);
        (inner, self.energy + self.outer.penalty(outer) - fall)
    }

    /// The gradient of F in the outer factor; where the inner one is the best, that of min over it of F.
    pub(super) fn gradient(&self, inner: &Thin, outer: &Thin) -> Thin {
        gradient(&self.outer.lines, inner, &self.outer.ridge, outer)
    }

    /// The Hessian of F in the outer factor, inverse, times v: about that of many columns, whose systems are dear.
    ///
    /// # Errors
    /// [`Error::Numerical`] if a decomposition fails.
    pub(super) fn precondition(&self, inner: &Thin, v: &mut Thin) -> Result<(), Error> {
        if v.columns() < MANY {
            solve_lines(&self.outer.lines, inner, &self.outer.ridge, v);
            return Ok(());
        }
        *v = self.precondition_alike(inner, v)?;
        Ok(())
    }

    /// (n_b C + ρ_b I)⁻¹ v_b, as if the n_b entries of every line met the mean C of l_a l_aᵀ over all entries.
    fn precondition_alike(&self, inner: &Thin, v: &Thin) -> Result<Thin, Error> {
        let size = |lines: &Lines<'_>, a: usize| lines.line(a).0.len() as f64;
        let total: f64 = (0..inner.rows()).map(|a| size(&self.inner.lines, a)).sum();
        let weighted = Mat::from_fn(inner.rows(), inner.columns(), |a, j| {
            (size(&self.inner.lines, a) / total).sqrt() * inner.row(a)[j]
        });
        let mean = product(weighted.transpose(), weighted.as_ref());
        let (values, basis) = symmetric_eigen(mean.as_ref())?;
        let mut turned = product(v.to_mat().as_ref(), basis.as_ref());
        for (j, value) in values.iter().enumerate() {
            let column = turned.col_as_slice_mut(j).iter_mut().enumerate();
            column.for_each(|(b, x)| {
                let curvature = size(&self.outer.lines, b) * value.max(0.0) + self.outer.ridge[b];
                *x = if curvature > 0.0 { *x / curvature } else { 0.0 };
            });
        }
        Ok(Thin::from_mat(
            product(turned.as_ref(), basis.transpose()).as_ref(),
        ))
    }

    /// μ/2·(‖W1 L‖² + ‖W2 R‖²).
    pub(super) fn penalty(&self, inner: &Thin, outer: &Thin) -> f64 {
        self.inner.penalty(inner) + self.outer.penalty(outer)
    }

    /// The outer factor in X.
    pub(super) fn restore_outer(&self, outer: &Thin) -> Thin {
        self.outer.restore(outer)
    }

    /// (L, R) in Z.
    pub(super) fn factors(&self, inner: &Thin, outer: &Thin) -> (Mat<f64>, Mat<f64>) {
        let (inner, outer) = (
            self.inner.rescale(inner).to_mat(),
            self.outer.rescale(outer).to_mat(),
        );
        if self.turned {
            (outer, inner)
        } else {
            (inner, outer)
        }
    }

    /// μ.
    pub(super) fn mu(&self) -> f64 {
        self.mu
    }

    /// b − B(L Rᵀ).
    pub(super) fn residual(&self, l: &Mat<f64>, r: &Mat<f64>, instance: &Instance<'_>) -> Vec<f64> {
        let mut out = instance.map.apply_factored(l.as_ref(), r.as_ref());
        out.iter_mut()
            .zip(instance.b.iter())
            .for_each(|(x, b)| *x = b - *x);
        out
    }

    /// B*(λ).
    pub(super) fn dual_matrix<'b>(&'b self, lambda: &'b [f64]) -> DualMatrix<'b>
    where
        'a: 'b,
    {
        let rows = self.entries.row_lines(lambda);
        let by_column = self.entries.in_columns(lambda);
        let (inner, outer) = if self.turned {
            (self.inner.lines.with_values(by_column), rows)
        } else {
            (rows, self.outer.lines.with_values(by_column))
        };
        DualMatrix {
            inner,
            outer,
            sides: self,
        }
    }

    /// ‖B(u_j v_jᵀ)‖² for the columns v_j of `outer` and u_j of `inner` divided by `sizes`.
    pub(super) fn curvatures(&self, inner: &Thin, outer: &Thin, sizes: &[f64]) -> Vec<f64> {
        let squared = |x: Thin| {
            let mut x = x;
            x.values_mut().iter_mut().for_each(|v| *v *= *v);
            x
        };
        let (u, v) = (
            squared(self.inner.restore(inner)),
            squared(self.outer.restore(outer)),
        );
        let sums = self.inner.lines.sums(&v);
        let column = |j: usize| -> f64 { (0..u.rows()).map(|a| u.row(a)[j] * sums.row(a)[j]).sum() };
        (0..u.columns())
            .map(|j| column(j) / (sizes[j] * sizes[j]))
            .collect()
    }

    /// The outer one of (L, R).
    pub(super) fn outer_of<'b>(&self, l: &'b Mat<f64>, r: &'b Mat<f64>) -> &'b Mat<f64> {
        if self.turned { l } else { r }
    }
}
