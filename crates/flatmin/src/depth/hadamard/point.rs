//! Points (v_1, …, v_K) and the Hessian of f(v_1, …, v_K) = ‖A(v_1 ⊙ … ⊙ v_K) − y‖² (the sum, not the mean) there.
//!
//! The residual ρ = A x − y is linear in each single v_{j,l}, so that ∂²ρ/∂v_{j,l}² = 0 and the diagonal of D²f is
//! 2‖∂ρ/∂v_{j,l}‖² = 2‖a_l‖²·Π_{i≠j} v_{i,l}², on and off the solutions:
//!
//!   tr D²f = 2·Σ_j Σ_l w_l·Π_{i≠j} v_{i,l}².
//!
//! Between two layers of one coordinate l, D²f has the further term 2·(Aᵀρ)_l·Π_{h≠i,j} v_{h,l}.

use faer::Mat;

use super::Problem;
use crate::error::{Error, check_finite};
use crate::linalg::lanczos;
use crate::linalg::vector::safe_norm;
use crate::map::column_major;

/// K factors of x ∈ R^d.
#[derive(Clone, Debug)]
pub struct Point {
    /// K × d, one layer a row.
    pub v: Mat<f64>,
}

impl Point {
    /// # Errors
    /// Other than `depth` × `dimension`; NaN or infinity, at the index that counts row after row.
    pub fn new(v: Mat<f64>, depth: usize, dimension: usize) -> Result<Self, Error> {
        if v.shape() != (depth, dimension) {
            return Err(Error::Shape {
                what: "V",
                found: format!("{} x {}", v.nrows(), v.ncols()),
                expected: format!("{depth} x {dimension}"),
            });
        }
        check_finite("V", &column_major(v.transpose()))?;
        Ok(Point { v })
    }

    /// |v_{j,l}| = |x_l|^{1/K}, the sign in the first layer: by the inequality of the means, Σ_j Π_{i≠j} v_i² ≥ K|x|^{2−2/K}
    /// with equality there alone.
    pub fn flattest(x: &[f64], depth: usize) -> Self {
        let v = Mat::from_fn(depth, x.len(), |j, l| {
            let size = x[l].abs().powf(1.0 / depth as f64);
            if j == 0 { size.copysign(x[l]) } else { size }
        });
        Point { v }
    }

    /// x = v_1 ⊙ … ⊙ v_K.
    pub fn x(&self) -> Vec<f64> {
        self.v.col_iter().map(|column| column.iter().product()).collect()
    }

    /// The traces of the K diagonal blocks of D²f, one a layer.
    pub fn layer_traces(&self, weights: &[f64]) -> Vec<f64> {
        let mut traces = vec![0.0; self.v.nrows()];
        for (l, w) in weights.iter().enumerate() {
            let others = products_of_others(self.v.col_as_slice(l));
            for (trace, other) in traces.iter_mut().zip(others) {
                *trace += 2.0 * w * other * other;
            }
        }
        traces
    }

    /// Σ v_{j,l}².
    pub fn squared_norm(&self) -> f64 {
        self.v.squared_norm_l2()
    }
}

/// Π_{i≠j} v_i for every j, without division.
fn products_of_others(v: &[f64]) -> Vec<f64> {
    let mut out = vec![1.0; v.len()];
    let (mut before, mut after) = (1.0, 1.0);
    for j in 0..v.len() {
        let mirrored = v.len() - 1 - j;
        out[j] *= before;
        out[mirrored] *= after;
        before *= v[j];
        after *= v[mirrored];
    }
    out
}

/// D²f at one point, never formed.
#[derive(Debug)]
pub struct Hessian<'a> {
    problem: &'a Problem,
    /// ∂x_l/∂v_{j,l}, K × d.
    slopes: Mat<f64>,
    /// (Aᵀρ)_l·∂²x_l/∂v_{i,l}∂v_{j,l}, K² × d.
    coupling: Mat<f64>,
}

impl<'a> Hessian<'a> {
    /// The Hessian at `point`, which is to have the shape of the problem.
    pub fn new(problem: &'a Problem, point: &Point) -> Self {
        let (depth, dimension) = point.v.shape();
        let pull = problem.adjoint(&problem.residual(&point.x()));
        let mut slopes = Mat::zeros(depth, dimension);
        let mut coupling = Mat::zeros(depth * depth, dimension);
        for (l, pull) in pull.iter().enumerate() {
            let v = point.v.col_as_slice(l);
            slopes.col_as_slice_mut(l).copy_from_slice(&products_of_others(v));
            for i in 0..depth {
                let mut without = v.to_vec();
                without[i] = 1.0;
                let pairs = products_of_others(&without);
                for j in (0..depth).filter(|j| *j != i) {
                    coupling[(i * depth + j, l)] = pull * pairs[j];
                }
            }
        }
        Hessian {
            problem,
            slopes,
            coupling,
        }
    }

    /// K·d.
    pub fn dimension(&self) -> usize {
        self.slopes.nrows() * self.slopes.ncols()
    }

    /// D²f·u for u of K·d numbers, the K layers of a coordinate together.
    pub fn apply(&self, u: &[f64]) -> Vec<f64> {
        let depth = self.slopes.nrows();
        let moved: Vec<f64> = u
            .chunks_exact(depth)
            .enumerate()
            .map(|(l, u)| {
                u.iter()
                    .zip(self.slopes.col_as_slice(l))
                    .map(|(u, s)| u * s)
                    .sum()
            })
            .collect();
        let image = faer::MatRef::from_column_major_slice(&moved, moved.len(), 1);
        let image = crate::linalg::dense::product(self.problem.a(), image);
        let pulled = self.problem.adjoint(image.col_as_slice(0));
        let mut out = Vec::with_capacity(u.len());
        for (l, u) in u.chunks_exact(depth).enumerate() {
            let coupling = self.coupling.col_as_slice(l).chunks_exact(depth);
            for (slope, coupling) in self.slopes.col_as_slice(l).iter().zip(coupling) {
                let coupled: f64 = coupling.iter().zip(u).map(|(c, u)| c * u).sum();
                out.push(2.0 * (slope * pulled[l] + coupled));
            }
        }
        out
    }
}

/// Flatness of one point, solution or not.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Audit {
    /// The traces of the K diagonal blocks of D²f.
    pub layer_traces: Vec<f64>,
    /// tr D²f.
    pub trace: f64,
    /// The largest eigenvalue of D²f, to about 1e-9 of its size.
    pub lambda_max: f64,
    /// Σ v_{j,l}².
    pub squared_norm: f64,
    /// ‖A x − y‖₂, in the units of y.
    pub misfit: f64,
}

/// Measures anyone's factors.
///
/// # Errors
/// Factors of another shape than K × d or not finite; a decomposition that fails.
pub fn audit(problem: &Problem, point: &Point) -> Result<Audit, Error> {
    let point = Point::new(point.v.clone(), problem.depth(), problem.a().ncols())?;
    let hessian = Hessian::new(problem, &point);
    let layer_traces = point.layer_traces(problem.weights());
    Ok(Audit {
        trace: layer_traces.iter().sum(),
        layer_traces,
        lambda_max: lanczos::largest_eigenvalue(hessian.dimension(), |u| hessian.apply(u))?,
        squared_norm: point.squared_norm(),
        misfit: safe_norm(&problem.residual(&point.x())),
    })
}
