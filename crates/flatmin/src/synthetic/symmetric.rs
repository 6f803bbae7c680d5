//! Covariance estimation, phase retrieval, quadratic networks: y_i = x_iᵀ M x_i with normal x_i.

use faer::Mat;

use super::Recipe;
use crate::error::Error;
use crate::map::{MeasurementMap, SymmetricRankOne};
use crate::random::Stream;

/// Vectors x_i, data y, truth M.
#[derive(Clone, Debug)]
pub struct Symmetric {
    /// m·d numbers, one x_i after the other.
    pub x: Vec<f64>,
    /// m.
    pub y: Vec<f64>,
    /// d × d, symmetric.
    pub truth: Mat<f64>,
}

impl Symmetric {
    /// m measurements of a d×d matrix, `negative` of whose `recipe.rank` nonzero eigenvalues are negative.
    ///
    /// # Errors
    /// Empty shapes.
    pub fn draw(
        stream: &mut Stream,
        d: usize,
        m: usize,
        negative: usize,
        recipe: &Recipe,
    ) -> Result<Self, Error> {
        let signs = (recipe.rank - negative, negative);
        let truth = stream.symmetric_low_rank(d, signs, recipe.condition);
        let x = stream.normals(m * d);
        let mut y = SymmetricRankOne::new(&x, m, d)?.apply_dense(truth.as_ref());
        stream.disturb(&mut y, recipe.noise);
        Ok(Symmetric { x, y, truth })
    }

    /// The measurement map.
    ///
    /// # Errors
    /// None beyond those of [`draw`](Self::draw).
    pub fn map(&self) -> Result<Box<dyn MeasurementMap>, Error> {
        let map = SymmetricRankOne::new(&self.x, self.y.len(), self.truth.nrows())?;
        Ok(Box::new(map))
    }
}
