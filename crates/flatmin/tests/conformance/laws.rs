//! What the laws know of a model, and the tools of its implementations.

use faer::Mat;
use flatmin::Error;
use flatmin::random::Stream;
use flatmin::solve::Status;

/// What a run ended with, whatever the model.
pub(crate) struct Ended {
    pub(crate) status: Status,
    pub(crate) value: f64,
    pub(crate) lower_bound: f64,
    /// Every number of the result.
    pub(crate) bits: Vec<u64>,
}

/// A model as the laws see it.
pub(crate) trait Model: Sync {
    fn name(&self) -> &'static str;
    /// (⟨A(X), w⟩, ⟨X, A*(w)⟩) at random X and w.
    fn adjoint(&self) -> (f64, f64);
    /// The exact trace of the Hessian and that by differences of the loss, at random factors.
    fn traces(&self) -> (f64, f64);
    /// The same at the factors of the solution.
    fn traces_at_solution(&self) -> (f64, f64);
    fn solve(&self) -> Ended;
    /// Whether a dual bound exists for the model.
    fn is_certified(&self) -> bool;
    /// The bound that the optimal dual vector, moved by this share of its size in a random direction, gives.
    fn bound_of_moved_dual(&self, share: f64) -> f64;
    /// Whether the solution, moved by this share, still passes as certified to 1e-8.
    fn proves_moved(&self, share: f64) -> bool;
    /// What becomes of data that are not finite, too short, empty.
    fn refusals(&self) -> Vec<Error>;
}

pub(crate) fn bits(values: impl IntoIterator<Item = f64>) -> Vec<u64> {
    values.into_iter().map(f64::to_bits).collect()
}

pub(crate) fn entries(a: &Mat<f64>) -> impl Iterator<Item = f64> + '_ {
    a.col_iter().flat_map(|column| column.iter().copied())
}

/// Σ_j ∂²f/∂w_j², exact up to rounding for an f that is quartic along each coordinate.
pub(crate) fn trace_by_differences(w: &[f64], loss: impl Fn(&[f64]) -> f64) -> f64 {
    let second = |j: usize, h: f64| {
        let mut moved = w.to_vec();
        moved[j] = w[j] + h;
        let ahead = loss(&moved);
        moved[j] = w[j] - h;
        (ahead - 2.0 * loss(w) + loss(&moved)) / (h * h)
    };
    (0..w.len())
        .map(|j| (4.0 * second(j, 0.1) - second(j, 0.2)) / 3.0)
        .sum()
}

/// A vector moved by a share of its size in a random direction.
pub(crate) fn moved(v: &[f64], share: f64) -> Vec<f64> {
    let noise = Stream::new(9).normals(v.len());
    let size = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>().sqrt();
    let step = share * size(v) / size(&noise);
    v.iter().zip(&noise).map(|(v, n)| v + step * n).collect()
}

pub(crate) fn stream() -> Stream {
    Stream::new(11)
}
