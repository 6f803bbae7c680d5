//! Singular values of a tall matrix and their right vectors, from its Gram matrix, and the maps of its rows that lower them.
//!
//! All of a decomposition takes as long as a pass over the matrix, on one thread. Of the matrices that follow each other in an
//! iteration only the values above a threshold matter, and their vectors have hardly turned: two sweeps of subspace
//! iteration from the last ones find them, by products that run on all threads.

use faer::Mat;

use super::blocks::Filter;
use crate::error::Error;
use crate::linalg::dense::{orthonormalise, parallel_product, product, symmetric_eigen};

/// Sweeps from the vectors of a matrix before.
const SWEEPS: usize = 2;
/// So many values below the threshold have to be known, or some above it may be missing.
const LEAST_SPARE: usize = 4;

/// Singular values, ascending, and their right vectors: all, or the largest.
pub(super) struct Spectrum {
    values: Vec<f64>,
    vectors: Mat<f64>,
}

impl Spectrum {
    pub(super) fn of(gram: &Mat<f64>) -> Result<Self, Error> {
        let (values, vectors) = symmetric_eigen(gram.as_ref())?;
        Ok(Spectrum {
            values: values.iter().map(|v| v.max(0.0).sqrt()).collect(),
            vectors,
        })
    }

    /// The largest, some of them below t, from those of a matrix near this one; `None` where too few are known to begin with, or
    /// so many are wanted that all are had as soon.
    pub(super) fn near(gram: &Mat<f64>, last: &Spectrum, t: f64) -> Result<Option<Self>, Error> {
        let known = last.values.len();
        let wanted = with_spare(known - last.above(t));
        if wanted > known || 2 * wanted > gram.nrows() {
            return Ok(None);
        }
        let start = last.vectors.as_ref().subcols(known - wanted, wanted);
        let (mut basis, mut image) = (Mat::zeros(0, 0), parallel_product(gram.as_ref(), start));
        for _ in 0..SWEEPS {
            (basis, _) = orthonormalise(image.as_ref());
            image = parallel_product(gram.as_ref(), basis.as_ref());
        }
        let core = product(basis.transpose(), image.as_ref());
        let (values, turn) = symmetric_eigen(core.as_ref())?;
        let found = Spectrum {
            values: values.iter().map(|v| v.max(0.0).sqrt()).collect(),
            vectors: parallel_product(basis.as_ref(), turn.as_ref()),
        };
        Ok((found.above(t) >= LEAST_SPARE).then_some(found))
    }

    /// That of the matrix times `by`.
    pub(super) fn scaled(mut self, by: f64) -> Self {
        self.values.iter_mut().for_each(|v| *v *= by);
        self
    }

    pub(super) fn norm(&self) -> f64 {
        self.values.last().copied().unwrap_or(0.0)
    }

    /// Where the singular values above t begin.
    fn above(&self, t: f64) -> usize {
        self.values.partition_point(|s| *s <= t)
    }

    /// Singular values above t, less t.
    pub(super) fn lowered(&self, t: f64) -> impl Iterator<Item = f64> + '_ {
        self.values[self.above(t)..].iter().map(move |s| s - t)
    }

    /// The right vectors that belong to [`lowered`](Self::lowered).
    pub(super) fn right(&self, t: f64) -> Mat<f64> {
        let first = self.above(t);
        let count = self.values.len() - first;
        self.vectors.as_ref().subcols(first, count).to_owned()
    }

    /// σ ↦ (σ − t)₊: the proximal step of t‖·‖_*.
    pub(super) fn shrinkage(&self, t: f64) -> Filter {
        self.filter(t, 0.0, |s| 1.0 - t / s)
    }

    /// σ ↦ min(σ, unit)/unit: to the matrices of norm 1.
    pub(super) fn projection(&self, unit: f64) -> Filter {
        self.filter(unit, unit.recip(), |s| s.recip() - unit.recip())
    }

    fn filter(&self, t: f64, scale: f64, share: impl Fn(f64) -> f64) -> Filter {
        let first = self.above(t);
        let shape = (self.vectors.nrows(), self.values.len() - first);
        let part = |weight: &dyn Fn(usize) -> f64| {
            Mat::from_fn(shape.0, shape.1, |i, j| {
                (self.vectors[(i, first + j)] * weight(first + j)) as f32
            })
        };
        Filter {
            scale: scale as f32,
            basis: part(&|_| 1.0),
            shares: part(&|j| share(self.values[j])),
        }
    }

    /// The vectors of the `count` largest values.
    pub(super) fn leading(&self, count: usize) -> Mat<f32> {
        let known = self.values.len();
        let first = known - count.min(known);
        Mat::from_fn(self.vectors.nrows(), known - first, |i, j| {
            self.vectors[(i, first + j)] as f32
        })
    }
}

/// Columns beyond those above the threshold, which see others come.
fn with_spare(p: usize) -> usize {
    p + 2 * LEAST_SPARE + p / 8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::dense::{frobenius, row_gram};

    /// Of a matrix with singular values that fall by a twentieth each, about, `turn` away from another one.
    fn gram(turn: f64) -> Mat<f64> {
        let a = Mat::from_fn(300, 120, |i, j| {
            let place = (i * 120 + j) as f64;
            ((place * place * 0.37).sin() + turn * (place * 1.7).cos()) * 0.95f64.powi(j as i32)
        });
        row_gram(a.transpose())
    }

    fn map(filter: &Filter) -> Mat<f64> {
        let (basis, shares) = (filter.basis.as_ref(), filter.shares.as_ref());
        let wide = |m: faer::MatRef<'_, f32>| Mat::from_fn(m.nrows(), m.ncols(), |i, j| f64::from(m[(i, j)]));
        product(wide(basis).as_ref(), wide(shares).transpose())
    }

    #[test]
    fn sweeps_from_the_last_vectors_give_the_map_of_the_full_decomposition() {
        let (before, after) = (Spectrum::of(&gram(0.0)).unwrap(), gram(0.02));
        let all = Spectrum::of(&after).unwrap();
        for p in [3, 20, 40] {
            let t = 0.5 * (all.values[119 - p] + all.values[120 - p]);
            let mut found = Spectrum::near(&after, &before, t).unwrap().unwrap();
            let expected = map(&all.shrinkage(t));
            let apart = |found: &Spectrum| {
                frobenius((map(&found.shrinkage(t)) - &expected).as_ref()) / frobenius(expected.as_ref())
            };
            let first = apart(&found);
            assert!(first <= 2e-2, "{p}: {first}");
            for _ in 0..20 {
                found = Spectrum::near(&after, &found, t).unwrap().unwrap();
            }
            assert!(apart(&found) <= 1e-5, "{p}: {}", apart(&found));
            assert!((found.norm() / all.norm() - 1.0).abs() <= 1e-12);
        }
        assert!(
            Spectrum::near(&after, &before, 0.0).unwrap().is_none(),
            "all are above"
        );
    }
}
