//! The mean loss  f̄(w) = (1/m)‖A(X) − y‖²  of the unknowns w of X: (L, R) in X = L Rᵀ, or (U1, U2) in X = U1U1ᵀ − U2U2ᵀ.
//!
//! w is one vector, column after column, L before R and U1 before U2. With the residual ρ = A(X) − y and the Jacobian J of
//! w ↦ A(X) the gradient is (2/m)·Jᵀρ, where Jᵀv = (A*(v) R, A*(v)ᵀ L), or its restriction to U: two passes over the data.

use crate::error::{Error, check_length};
use crate::factors::Factors;
use crate::flatness::{Hessian, Traces};
use crate::linalg::vector::dot;
use crate::map::{Gram, MeasurementMap, column_major};
use crate::parametrisation::Parametrisation;
use crate::signed::SignedFactors;

/// f̄ for one map, one set of data and one kind of factors.
#[derive(Debug)]
pub struct Loss<'a> {
    map: &'a dyn MeasurementMap,
    y: &'a [f64],
    unknowns: Parametrisation,
}

impl<'a> Loss<'a> {
    /// Of (L, R), for any number of columns.
    ///
    /// # Errors
    /// y of another length than m.
    pub fn factored(map: &'a dyn MeasurementMap, y: &'a [f64]) -> Result<Self, Error> {
        check_length("y", y.len(), map.measurements())?;
        let unknowns = Parametrisation::Pair;
        Ok(Loss { map, y, unknowns })
    }

    /// Of (U1, U2) with k1 and k2 columns: a quadratic network with k1 positive and k2 negative hidden units.
    ///
    /// # Errors
    /// y of another length than m; a map whose A_i are not symmetric.
    pub fn signed(
        map: &'a dyn MeasurementMap,
        y: &'a [f64],
        (k1, k2): (usize, usize),
    ) -> Result<Self, Error> {
        check_length("y", y.len(), map.measurements())?;
        if !map.is_symmetric() {
            return Err(Error::Setting {
                name: "map",
                found: "one that is not symmetric".into(),
                expected: "measurements ⟨A_i, M⟩ with every A_i symmetric",
            });
        }
        let unknowns = Parametrisation::Signed([vec![1.0; k1], vec![-1.0; k2]].concat());
        Ok(Loss { map, y, unknowns })
    }

    /// m.
    pub fn measurements(&self) -> usize {
        self.y.len()
    }

    /// Refuses a vector that is no w.
    pub(super) fn check(&self, w: &[f64]) -> Result<(), Error> {
        let (d1, d2) = self.map.shape();
        match &self.unknowns {
            Parametrisation::Pair if w.len().is_multiple_of(d1 + d2) => Ok(()),
            Parametrisation::Pair => Err(Error::Shape {
                what: "w",
                found: format!("{} values", w.len()),
                expected: format!("a multiple of d1 + d2 = {}", d1 + d2),
            }),
            Parametrisation::Signed(signs) => check_length("w", w.len(), d1 * signs.len()),
        }
    }

    /// w as factors of X: (L, R), or ([U1 U2], [U1 −U2]).
    pub fn factors(&self, w: &[f64]) -> Factors {
        let (l, r) = self.unknowns.embed(w, self.map.shape());
        Factors { l, r }
    }

    /// The w of factors: their columns one after the other.
    pub fn point(&self, x: &Factors) -> Vec<f64> {
        match self.unknowns {
            Parametrisation::Pair => [column_major(x.l.as_ref()), column_major(x.r.as_ref())].concat(),
            Parametrisation::Signed(_) => column_major(x.l.as_ref()),
        }
    }

    /// w as (U1, U2): the columns of each sign.
    fn parts(&self, w: &[f64], signs: &[f64]) -> SignedFactors {
        let u = self.factors(w).l;
        let k1 = signs.iter().filter(|s| **s > 0.0).count();
        SignedFactors {
            u1: u.subcols(0, k1).to_owned(),
            u2: u.subcols(k1, signs.len() - k1).to_owned(),
        }
    }

    /// ρ = A(X) − y.
    pub fn residual(&self, w: &[f64]) -> Vec<f64> {
        let x = self.factors(w);
        let mut residual = self.map.apply_factored(x.l.as_ref(), x.r.as_ref());
        residual.iter_mut().zip(self.y).for_each(|(r, y)| *r -= y);
        residual
    }

    /// f̄(w).
    pub fn value(&self, w: &[f64]) -> f64 {
        self.mean_square(&self.residual(w))
    }

    /// f̄(0), the mean of y².
    pub fn at_zero(&self) -> f64 {
        self.mean_square(self.y)
    }

    /// ‖v‖²/m.
    pub(super) fn mean_square(&self, v: &[f64]) -> f64 {
        dot(v, v) / self.y.len() as f64
    }

    /// factor·Jᵀv at w, for any v ∈ R^m: with 2/m and the residual it is the gradient.
    pub fn pull(&self, w: &[f64], v: &[f64], factor: f64) -> Vec<f64> {
        let x = self.factors(w);
        let (l, r) = (x.l.as_ref(), x.r.as_ref());
        let (factor, mut out) = match self.unknowns {
            Parametrisation::Pair => {
                let (left, right) = self.map.adjoint_thin(v, l, r);
                (factor, self.unknowns.restrict(left.as_ref(), right.as_ref()))
            }
            Parametrisation::Signed(_) => (2.0 * factor, column_major(self.map.adjoint_times(v, r).as_ref())),
        };
        out.iter_mut().for_each(|g| *g *= factor);
        out
    }

    /// ∇f̄(w).
    pub fn gradient(&self, w: &[f64]) -> Vec<f64> {
        self.pull(w, &self.residual(w), 2.0 / self.y.len() as f64)
    }

    /// The transposed Jacobian at w, one column a measurement.
    pub(super) fn jacobian(&self, w: &[f64]) -> faer::Mat<f64> {
        let x = self.factors(w);
        self.unknowns.jacobian(self.map, x.l.as_ref(), x.r.as_ref())
    }

    /// λ_max(D²f̄): the largest eigenvalue of the Hessian of the mean loss.
    ///
    /// # Errors
    /// [`Error::Numerical`] if Lanczos fails.
    pub fn sharpness(&self, w: &[f64]) -> Result<f64, Error> {
        let hessian = match &self.unknowns {
            Parametrisation::Pair => Hessian::new(self.map, &self.factors(w), self.y),
            Parametrisation::Signed(signs) => Hessian::signed(self.map, &self.parts(w, signs), self.y),
        };
        Ok(hessian.largest_eigenvalue()? / self.y.len() as f64)
    }

    /// The traces of the Hessian of the *sum* m·f̄ at w, from the Grams of the map.
    pub fn traces(&self, (left, right): (&Gram, &Gram), w: &[f64]) -> Traces {
        match &self.unknowns {
            Parametrisation::Pair => Traces::new(left, right, &self.factors(w)),
            Parametrisation::Signed(signs) => Traces::signed(self.map, left, self.y, &self.parts(w, signs)),
        }
    }
}
