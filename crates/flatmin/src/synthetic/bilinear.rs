//! Bilinear sensing: y_i = a_iᵀ X b_i with normal a_i and b_i.

use faer::Mat;

use super::Recipe;
use crate::error::Error;
use crate::map::{MeasurementMap, RankOne};
use crate::random::Stream;

/// Vectors a_i and b_i, data y, truth X.
#[derive(Clone, Debug)]
pub struct Bilinear {
    /// m·d1 numbers, one a_i after the other.
    pub a: Vec<f64>,
    /// m·d2 numbers, one b_i after the other.
    pub b: Vec<f64>,
    /// m.
    pub y: Vec<f64>,
    /// d1 × d2.
    pub truth: Mat<f64>,
}

impl Bilinear {
    /// m measurements of a d1×d2 matrix.
    ///
    /// # Errors
    /// Empty shapes.
    pub fn draw(
        stream: &mut Stream,
        shape: (usize, usize),
        m: usize,
        recipe: &Recipe,
    ) -> Result<Self, Error> {
        let truth = stream.low_rank(shape, recipe.rank, recipe.condition);
        let (a, b) = (stream.normals(m * shape.0), stream.normals(m * shape.1));
        let mut y = RankOne::new(&a, &b, m, shape)?.apply_dense(truth.as_ref());
        stream.disturb(&mut y, recipe.noise);
        Ok(Bilinear { a, b, y, truth })
    }

    /// The measurement map.
    ///
    /// # Errors
    /// None beyond those of [`draw`](Self::draw).
    pub fn map(&self) -> Result<Box<dyn MeasurementMap>, Error> {
        let map = RankOne::new(&self.a, &self.b, self.y.len(), self.truth.shape())?;
        Ok(Box::new(map))
    }
}
