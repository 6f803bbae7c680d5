//! Limited-memory quasi-Newton directions (Nocedal and Wright, *Numerical Optimization*, 2006, Algorithm 7.4).

use super::vector::{axpy, dot};

/// Pairs kept.
const MEMORY: usize = 30;

/// The last steps s and changes of the gradient z.
#[derive(Default)]
pub(crate) struct Memory {
    pairs: Vec<(Vec<f64>, Vec<f64>)>,
}

impl Memory {
    /// Keeps the pair, if the function curves upwards along it.
    pub(crate) fn push(&mut self, s: Vec<f64>, z: Vec<f64>) {
        let curvature = dot(&s, &z);
        if curvature.is_nan() || curvature <= 1e-12 * (dot(&s, &s) * dot(&z, &z)).sqrt() {
            return;
        }
        if self.pairs.len() == MEMORY {
            self.pairs.remove(0);
        }
        self.pairs.push((s, z));
    }

    pub(crate) fn clear(&mut self) {
        self.pairs.clear();
    }

    /// −H·gradient, H the inverse Hessian that the pairs make of the multiple of I that fits the last of them; of unit
    /// length without pairs.
    pub(crate) fn direction(&self, gradient: &[f64]) -> Vec<f64> {
        let scale = match self.pairs.last() {
            Some((s, z)) => dot(s, z) / dot(z, z),
            None => 1.0 / dot(gradient, gradient).sqrt().max(1.0),
        };
        self.preconditioned(gradient, |mut v| {
            v.iter_mut().for_each(|v| *v *= scale);
            v
        })
    }

    /// −H·gradient, H the inverse Hessian that the pairs make of `inverse`, an approximation of it that may be another one
    /// each time.
    pub(crate) fn preconditioned(
        &self,
        gradient: &[f64],
        inverse: impl FnOnce(Vec<f64>) -> Vec<f64>,
    ) -> Vec<f64> {
        let mut out: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut weights = Vec::with_capacity(self.pairs.len());
        for (s, z) in self.pairs.iter().rev() {
            let weight = dot(s, &out) / dot(s, z);
            axpy(-weight, z, &mut out);
            weights.push(weight);
        }
        let mut out = inverse(out);
        for ((s, z), weight) in self.pairs.iter().zip(weights.iter().rev()) {
            axpy(weight - dot(z, &out) / dot(s, z), s, &mut out);
        }
        out
    }
}
