//! Sparse: y = A x with normal A and a few normal non-zeros in x, at random places, of unit norm.

use faer::{Mat, MatRef};

use crate::linalg::vector::{dot, norm};
use crate::random::Stream;

/// The matrix A, the data y, the truth x.
#[derive(Clone, Debug)]
pub struct Sparse {
    /// m·d numbers, row after row.
    pub a: Vec<f64>,
    /// m.
    pub y: Vec<f64>,
    /// d.
    pub truth: Vec<f64>,
}

impl Sparse {
    /// m measurements of `count` non-zeros among d, at most d, with noise of standard deviation `noise`.
    pub fn draw(stream: &mut Stream, d: usize, m: usize, count: usize, noise: f64) -> Self {
        let mut truth = vec![0.0; d];
        let values = stream.normals(count);
        let size = norm(&values);
        for (place, value) in stream.choose(d, count).into_iter().zip(values) {
            truth[place] = value / size;
        }
        let a = stream.normals(m * d);
        let mut y: Vec<f64> = a.chunks_exact(d).map(|row| dot(row, &truth)).collect();
        stream.disturb(&mut y, noise);
        Sparse { a, y, truth }
    }

    /// A, m × d.
    pub fn matrix(&self) -> Mat<f64> {
        MatRef::from_row_major_slice(&self.a, self.y.len(), self.truth.len()).to_owned()
    }
}
