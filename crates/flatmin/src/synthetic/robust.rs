//! Robust PCA: Y = X + S, X of rank r with entries of size about 1, S with a few entries ±1.

use faer::Mat;

use super::Recipe;
use crate::random::Stream;

/// The matrix Y, the truth X, and S.
#[derive(Clone, Debug)]
pub struct Robust {
    /// d1 × d2: X + S and noise.
    pub y: Mat<f64>,
    /// d1 × d2, of Frobenius norm √(d1·d2).
    pub truth: Mat<f64>,
    /// d1 × d2: 0, +1 or −1.
    pub outliers: Mat<f64>,
}

impl Robust {
    /// Every entry gets an outlier with probability `share`, of either sign alike.
    pub fn draw(stream: &mut Stream, shape: (usize, usize), share: f64, recipe: &Recipe) -> Self {
        let (d1, d2) = shape;
        let unit = stream.low_rank(shape, recipe.rank, recipe.condition);
        let truth = faer::Scale(((d1 * d2) as f64).sqrt()) * unit;
        let drawn: Vec<f64> = (0..d1 * d2).map(|_| outlier(stream.uniform(), share)).collect();
        let outliers = Mat::from_fn(d1, d2, |i, j| drawn[i * d2 + j]);
        let mut noise = vec![0.0; d1 * d2];
        stream.disturb(&mut noise, recipe.noise);
        let y = Mat::from_fn(d1, d2, |i, j| {
            truth[(i, j)] + outliers[(i, j)] + noise[i * d2 + j]
        });
        Robust { y, truth, outliers }
    }
}

/// ±1 where a number between 0 and 1 is below `share`.
fn outlier(uniform: f64, share: f64) -> f64 {
    if uniform < 0.5 * share {
        1.0
    } else if uniform < share {
        -1.0
    } else {
        0.0
    }
}
