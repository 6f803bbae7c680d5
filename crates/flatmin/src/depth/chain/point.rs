//! Points (W_1, …, W_K), the exact traces of D²f there, and D²f as an operator.
//!
//! The residual is linear in each single W_j, so that it does not enter the diagonal blocks of D²f.

use faer::{Mat, MatRef};

use crate::error::{Error, check_finite, check_length};
use crate::linalg::dense::product;
use crate::linalg::lanczos;
use crate::linalg::vector::safe_norm;
use crate::map::{Adjoint, MeasurementMap, column_major};

/// X = W_1 ⋯ W_K.
#[derive(Clone, Debug)]
pub struct Chain {
    /// W_j, d_{j−1} × d_j.
    pub layers: Vec<Mat<f64>>,
}

impl Chain {
    /// # Errors
    /// Fewer than two layers; layers that do not chain from d_0 = `shape.0` to d_K = `shape.1`; NaN or infinity.
    pub fn new(layers: Vec<Mat<f64>>, shape: (usize, usize)) -> Result<Self, Error> {
        if layers.len() < 2 {
            return Err(Error::Setting {
                name: "depth",
                found: layers.len().to_string(),
                expected: "at least 2",
            });
        }
        let last = layers.len() - 1;
        let mut rows = shape.0;
        for (j, layer) in layers.iter().enumerate() {
            let fits = layer.nrows() == rows && layer.ncols() > 0 && (j < last || layer.ncols() == shape.1);
            if !fits {
                let columns = if j == last {
                    shape.1.to_string()
                } else {
                    "any".into()
                };
                return Err(Error::Shape {
                    what: "a layer W1, W2, ...",
                    found: format!("W{} of {} x {}", j + 1, layer.nrows(), layer.ncols()),
                    expected: format!("{rows} x {columns}"),
                });
            }
            check_finite("a layer W1, W2, ...", &column_major(layer.transpose()))?;
            rows = layer.ncols();
        }
        Ok(Chain { layers })
    }

    /// K.
    pub fn depth(&self) -> usize {
        self.layers.len()
    }

    /// (d_0, d_K).
    pub fn shape(&self) -> (usize, usize) {
        let last = self.layers.len() - 1;
        (self.layers[0].nrows(), self.layers[last].ncols())
    }

    /// X, formed.
    pub fn product(&self) -> Mat<f64> {
        let mut x = self.layers[0].clone();
        for layer in &self.layers[1..] {
            x = product(x.as_ref(), layer.as_ref());
        }
        x
    }

    /// P_1, …, P_K.
    pub(super) fn prefixes(&self) -> Vec<Mat<f64>> {
        let mut out = vec![self.layers[0].clone()];
        for layer in &self.layers[1..] {
            out.push(product(out[out.len() - 1].as_ref(), layer.as_ref()));
        }
        out
    }

    /// Q_0, …, Q_{K−1}.
    pub(super) fn suffixes(&self) -> Vec<Mat<f64>> {
        let mut out = vec![self.layers[self.depth() - 1].clone()];
        for layer in self.layers.iter().rev().skip(1) {
            out.push(product(layer.as_ref(), out[out.len() - 1].as_ref()));
        }
        out.reverse();
        out
    }

    /// 2t_1, …, 2t_K: the traces of the diagonal blocks of D²f, through the Grams of the map.
    pub fn layer_traces(&self, map: &dyn MeasurementMap) -> Vec<f64> {
        let (p, q) = (self.prefixes(), self.suffixes());
        let depth = self.depth();
        (1..=depth)
            .map(|j| {
                let t = if j == 1 {
                    map.right_gram().quadratic_form(q[1].transpose())
                } else if j == depth {
                    map.left_gram().quadratic_form(p[j - 2].as_ref())
                } else {
                    let gram = map.left_gram_through(q[j].transpose());
                    gram.quadratic_form(p[j - 2].as_ref())
                };
                2.0 * t
            })
            .collect()
    }

    /// Σ ‖W_j‖_F².
    pub fn squared_norm(&self) -> f64 {
        self.layers.iter().map(|w| w.squared_norm_l2()).sum()
    }

    /// The entries of W_1, …, W_K, column after column.
    pub(super) fn flatten(&self) -> Vec<f64> {
        self.layers
            .iter()
            .flat_map(|w| column_major(w.as_ref()))
            .collect()
    }

    /// A chain of these shapes from its entries.
    pub(super) fn with_entries(&self, entries: &[f64]) -> Chain {
        let mut start = 0;
        let layers = self
            .layers
            .iter()
            .map(|w| {
                let size = w.nrows() * w.ncols();
                start += size;
                MatRef::from_column_major_slice(&entries[start - size..start], w.nrows(), w.ncols())
                    .to_owned()
            })
            .collect();
        Chain { layers }
    }
}

/// D²f at one point, never formed.
#[derive(Debug)]
pub struct Hessian<'a> {
    map: &'a dyn MeasurementMap,
    at: &'a Chain,
    p: Vec<Mat<f64>>,
    q: Vec<Mat<f64>>,
    residual_adjoint: Adjoint<'a>,
}

impl<'a> Hessian<'a> {
    /// The Hessian at `at` for the data `y` (m numbers).
    pub fn new(map: &'a dyn MeasurementMap, at: &'a Chain, y: &[f64]) -> Self {
        let mut residual = map.apply_dense(at.product().as_ref());
        residual.iter_mut().zip(y).for_each(|(r, y)| *r -= y);
        Hessian {
            map,
            at,
            p: at.prefixes(),
            q: at.suffixes(),
            residual_adjoint: map.adjoint(&residual),
        }
    }

    /// Σ d_{j−1} d_j.
    pub fn dimension(&self) -> usize {
        self.at.layers.iter().map(|w| w.nrows() * w.ncols()).sum()
    }

    /// D²f·u, u in the order W_1, …, W_K, each column after column: the derivative along u of the gradient, whose j-th part
    /// is 2·P_{j−1}ᵀ A*(ρ) Q_jᵀ.
    pub fn apply(&self, u: &[f64]) -> Vec<f64> {
        let (u, layers, depth) = (self.at.with_entries(u).layers, &self.at.layers, self.at.depth());
        // How P_1, …, P_K and Q_0, …, Q_{K−1} move.
        let mut dp = vec![u[0].clone()];
        for j in 1..depth {
            let moved = product(dp[j - 1].as_ref(), layers[j].as_ref())
                + product(self.p[j - 1].as_ref(), u[j].as_ref());
            dp.push(moved);
        }
        let mut dq = vec![u[depth - 1].clone()];
        for j in (0..depth - 1).rev() {
            let moved = product(u[j].as_ref(), self.q[j + 1].as_ref())
                + product(layers[j].as_ref(), dq[dq.len() - 1].as_ref());
            dq.push(moved);
        }
        dq.reverse();
        let s = &self.residual_adjoint;
        let ds = self.map.adjoint(&self.map.apply_dense(dp[depth - 1].as_ref()));
        let mut out = Vec::with_capacity(self.dimension());
        for j in 0..depth {
            // S Q_jᵀ and its derivative, before P_{j−1}ᵀ; S = A*(ρ).
            let (sq, dsq) = if j + 1 == depth {
                (s.to_dense(), ds.to_dense())
            } else {
                let turned = self.q[j + 1].transpose();
                (s.times(turned), ds.times(turned) + s.times(dq[j + 1].transpose()))
            };
            let part = if j == 0 {
                dsq
            } else {
                product(dp[j - 1].transpose(), sq.as_ref()) + product(self.p[j - 1].transpose(), dsq.as_ref())
            };
            out.extend(column_major(part.as_ref()));
        }
        out.iter_mut().for_each(|v| *v *= 2.0);
        out
    }
}

/// Flatness of one chain, solution or not.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Audit {
    /// The traces of the K diagonal blocks of D²f.
    pub layer_traces: Vec<f64>,
    /// tr D²f.
    pub trace: f64,
    /// The largest eigenvalue of D²f, to about 1e-9 of its size.
    pub lambda_max: f64,
    /// Σ ‖W_j‖_F².
    pub squared_norm: f64,
    /// ‖A(X) − y‖₂, in the units of y.
    pub misfit: f64,
}

/// Measures anyone's chain against the data `y` (m numbers).
///
/// # Errors
/// Layers or data that do not fit the map or are not finite; a decomposition that fails.
pub fn audit(map: &dyn MeasurementMap, y: &[f64], chain: &Chain) -> Result<Audit, Error> {
    let chain = Chain::new(chain.layers.clone(), map.shape())?;
    check_length("y", y.len(), map.measurements())?;
    check_finite("y", y)?;
    let hessian = Hessian::new(map, &chain, y);
    let layer_traces = chain.layer_traces(map);
    let mut residual = map.apply_dense(chain.product().as_ref());
    residual.iter_mut().zip(y).for_each(|(r, y)| *r -= y);
    Ok(Audit {
        trace: layer_traces.iter().sum(),
        layer_traces,
        lambda_max: lanczos::largest_eigenvalue(hessian.dimension(), |u| hessian.apply(u))?,
        squared_norm: chain.squared_norm(),
        misfit: safe_norm(&residual),
    })
}
