//! Sensing: y_i = ⟨A_i, X⟩ with normal A_i.

use faer::Mat;

use super::Recipe;
use crate::error::Error;
use crate::linalg::vector::dot;
use crate::map::{Dense, MeasurementMap, row_major};
use crate::random::Stream;

/// Matrices A_i, data y, truth X.
#[derive(Clone, Debug)]
pub struct Sensing {
    /// m·d1·d2 numbers, one A_i after the other, row after row.
    pub a: Vec<f64>,
    /// m.
    pub y: Vec<f64>,
    /// d1 × d2.
    pub truth: Mat<f64>,
}

impl Sensing {
    /// m measurements of a d1×d2 matrix.
    pub fn draw(stream: &mut Stream, shape: (usize, usize), m: usize, recipe: &Recipe) -> Self {
        let truth = stream.low_rank(shape, recipe.rank, recipe.condition);
        let size = shape.0 * shape.1;
        let a = stream.normals(m * size);
        let x = row_major(truth.as_ref());
        let mut y: Vec<f64> = a.chunks_exact(size).map(|a| dot(a, &x)).collect();
        stream.disturb(&mut y, recipe.noise);
        Sensing { a, y, truth }
    }

    /// The measurement map.
    ///
    /// # Errors
    /// Empty shapes.
    pub fn map(self) -> Result<Box<dyn MeasurementMap>, Error> {
        Ok(Box::new(Dense::new(self.a, self.y.len(), self.truth.shape())?))
    }
}
