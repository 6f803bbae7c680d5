//! The search's objective and constraint, with their derivatives, in units where ‖y‖ and the mean square of A are 1:
//!
//!   T(W) = Σ_j t_j/c,   r(W) = (A(X) − y)/√c,   X = W_1 ⋯ W_K.

use faer::{Mat, MatRef};

use super::Chain;
use crate::linalg::conjugate_gradients::conjugate_gradients;
use crate::linalg::dense::product;
use crate::map::{Gram, MeasurementMap, column_major};

pub(super) struct Objective<'a> {
    map: &'a dyn MeasurementMap,
    /// y over its unit.
    y: Vec<f64>,
    /// √c.
    root: f64,
    /// Σ A_i A_iᵀ and Σ A_iᵀ A_i.
    left: Gram,
    right: Gram,
}

/// T and r at a chain, with the products that their derivatives need.
pub(super) struct Evaluation {
    pub(super) chain: Chain,
    pub(super) trace: f64,
    pub(super) residual: Vec<f64>,
    p: Vec<Mat<f64>>,
    q: Vec<Mat<f64>>,
    /// ∂T/∂P_j for j = 1, …, K − 1, at fixed Q; ∂T/∂Q_j likewise, at fixed P.
    dp: Vec<Mat<f64>>,
    dq: Vec<Mat<f64>>,
}

impl<'a> Objective<'a> {
    /// `y` is to be in units of √c times the entries of X.
    pub(super) fn new(map: &'a dyn MeasurementMap, y: Vec<f64>) -> Self {
        let (left, right) = (map.left_gram(), map.right_gram());
        let (d0, dk) = map.shape();
        Objective {
            map,
            y,
            root: (left.trace() / (d0 * dk) as f64).sqrt(),
            left,
            right,
        }
    }

    pub(super) fn evaluate(&self, chain: Chain) -> Evaluation {
        let (p, q, depth) = (chain.prefixes(), chain.suffixes(), chain.depth());
        let c = self.root * self.root;
        let mut trace = 0.0;
        let (mut dp, mut dq) = (Vec::new(), Vec::new());
        for cut in 1..depth {
            // Q_cut belongs to t_cut, P_cut to t_{cut+1}.
            let (before, after);
            let through_p = if cut == 1 {
                &self.right
            } else {
                before = self.map.right_gram_through(p[cut - 2].as_ref());
                &before
            };
            dq.push(faer::Scale(2.0 / c) * through_p.times(q[cut].transpose()).transpose());
            let through_q = if cut + 1 == depth {
                &self.left
            } else {
                after = self.map.left_gram_through(q[cut + 1].transpose());
                &after
            };
            let image = through_q.times(p[cut - 1].as_ref());
            trace += inner(p[cut - 1].as_ref(), image.as_ref()) / c;
            dp.push(faer::Scale(2.0 / c) * image);
            if cut == 1 {
                trace += 0.5 * inner(q[1].as_ref(), dq[0].as_ref());
            }
        }
        let mut residual = self.map.apply_dense(p[depth - 1].as_ref());
        residual
            .iter_mut()
            .zip(&self.y)
            .for_each(|(r, y)| *r = *r / self.root - y);
        Evaluation {
            chain,
            trace,
            residual,
            p,
            q,
            dp,
            dq,
        }
    }

    /// ∇T + Jᵀν, J the Jacobian of r, by the chain rule through all P_j and all Q_j.
    pub(super) fn gradient(&self, at: &Evaluation, nu: &[f64]) -> Vec<f64> {
        let (depth, layers) = (at.chain.depth(), &at.chain.layers);
        let mut gradient: Vec<Mat<f64>> = Vec::new();
        let mut pull = self.pull(nu);
        for j in (1..depth).rev() {
            gradient.push(product(at.p[j - 1].transpose(), pull.as_ref()));
            pull = &at.dp[j - 1] + product(pull.as_ref(), layers[j].transpose());
        }
        gradient.push(pull);
        gradient.reverse();
        let mut push = at.dq[0].clone();
        for j in 1..depth {
            if j + 1 == depth {
                gradient[j] += &push;
            } else {
                gradient[j] += product(push.as_ref(), at.q[j + 1].transpose());
                push = &at.dq[j] + product(layers[j].transpose(), push.as_ref());
            }
        }
        gradient.iter().flat_map(|g| column_major(g.as_ref())).collect()
    }

    /// A*(ν)/√c.
    fn pull(&self, nu: &[f64]) -> Mat<f64> {
        faer::Scale(1.0 / self.root) * self.map.adjoint(nu).to_dense()
    }

    /// J u.
    pub(super) fn jacobian_times(&self, at: &Evaluation, u: &[f64]) -> Vec<f64> {
        let (u, depth) = (at.chain.with_entries(u).layers, at.chain.depth());
        let mut moved = u[0].clone();
        for (j, u) in u.iter().enumerate().skip(1) {
            moved = product(moved.as_ref(), at.chain.layers[j].as_ref())
                + product(at.p[j - 1].as_ref(), u.as_ref());
        }
        debug_assert_eq!(depth, u.len());
        let mut out = self.map.apply_dense(moved.as_ref());
        out.iter_mut().for_each(|v| *v /= self.root);
        out
    }

    /// Jᵀ ν: its j-th part is P_{j−1}ᵀ A*(ν) Q_jᵀ/√c.
    pub(super) fn jacobian_adjoint(&self, at: &Evaluation, nu: &[f64]) -> Vec<f64> {
        let (depth, pull) = (at.chain.depth(), self.pull(nu));
        let mut out = Vec::new();
        for j in 0..depth {
            let right = if j + 1 == depth {
                pull.clone()
            } else {
                product(pull.as_ref(), at.q[j + 1].transpose())
            };
            let part = if j == 0 {
                right
            } else {
                product(at.p[j - 1].transpose(), right.as_ref())
            };
            out.extend(column_major(part.as_ref()));
        }
        out
    }

    /// (J Jᵀ)⁻¹ b, by conjugate gradients.
    pub(super) fn solve_normal(&self, at: &Evaluation, b: &[f64], tolerance: f64) -> Vec<f64> {
        let apply = |v: &[f64]| self.jacobian_times(at, &self.jacobian_adjoint(at, v));
        let steps = 4 * b.len().max(50);
        conjugate_gradients(apply, <[f64]>::to_vec, b, tolerance, steps).x
    }
}

fn inner(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> f64 {
    crate::linalg::dense::inner(a, b)
}
