//! Anderson acceleration (type II) of a fixed-point iteration v ↦ v + f(v): the affine combination of the last iterates
//! whose combined residual is smallest (Walker, Ni, SIAM J. Numer. Anal. 49, 2011).

use faer::Mat;

use crate::linalg::dense::Cholesky;
use crate::linalg::vector::{axpy, dot};

pub(super) struct Anderson {
    capacity: usize,
    /// Differences of successive residuals f, and of successive images v + f.
    residual_steps: Vec<Vec<f64>>,
    image_steps: Vec<Vec<f64>>,
    /// Inner products of the residual steps, in the same order.
    gram: Vec<Vec<f64>>,
    last: Option<(Vec<f64>, Vec<f64>)>,
}

impl Anderson {
    pub(super) fn new(capacity: usize) -> Self {
        let (residual_steps, image_steps, gram) = (Vec::new(), Vec::new(), Vec::new());
        Anderson {
            capacity,
            residual_steps,
            image_steps,
            gram,
            last: None,
        }
    }

    /// Forgets everything: the model has failed.
    pub(super) fn clear(&mut self) {
        *self = Anderson::new(self.capacity);
    }

    /// Learns f at v and extrapolates; `None` while there is too little to go by.
    pub(super) fn extrapolate(&mut self, v: &[f64], f: &[f64]) -> Option<Vec<f64>> {
        let image: Vec<f64> = v.iter().zip(f).map(|(v, f)| v + f).collect();
        if let Some((last_f, last_image)) = &self.last {
            self.push(difference(f, last_f), difference(&image, last_image));
        }
        self.last = Some((f.to_vec(), image.clone()));
        let k = self.residual_steps.len();
        if k < 2 {
            return None;
        }
        let trace: f64 = (0..k).map(|i| self.gram[i][i]).sum();
        // Regularised a little: the steps become parallel near the end.
        let system = Mat::from_fn(k, k, |i, j| {
            self.gram[i.max(j)][i.min(j)] + if i == j { 1e-10 * trace } else { 0.0 }
        });
        let mut weights: Vec<f64> = self.residual_steps.iter().map(|s| dot(s, f)).collect();
        Cholesky::new(system)?.solve(&mut weights);
        let mut next = image;
        for (weight, step) in weights.iter().zip(&self.image_steps) {
            axpy(-weight, step, &mut next);
        }
        Some(next)
    }

    fn push(&mut self, residual_step: Vec<f64>, image_step: Vec<f64>) {
        if self.residual_steps.len() == self.capacity {
            self.residual_steps.remove(0);
            self.image_steps.remove(0);
            self.gram.remove(0);
            self.gram.iter_mut().for_each(|row| {
                row.remove(0);
            });
        }
        self.residual_steps.push(residual_step);
        self.image_steps.push(image_step);
        let newest = &self.residual_steps[self.residual_steps.len() - 1];
        self.gram
            .push(self.residual_steps.iter().map(|s| dot(s, newest)).collect());
    }
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}
