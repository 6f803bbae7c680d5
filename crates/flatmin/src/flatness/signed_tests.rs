//! Traces, Hessian and audit of f(U1, U2) = ‖A(U1U1ᵀ − U2U2ᵀ) − y‖² against finite differences and the formulas.

use faer::{Mat, MatRef};
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use super::*;
use crate::domain::Domain;
use crate::linalg::dense::{frobenius, symmetric_eigen};
use crate::map::{Dense, MeasurementMap, RankOne, SymmetricRankOne, column_major};
use crate::problem::Objective;
use crate::signed::SignedFactors;

const D: usize = 4;

fn normals(count: usize, seed: u64) -> Vec<f64> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| StandardNormal.sample(&mut rng)).collect()
}

fn normal(rows: usize, cols: usize, seed: u64) -> Mat<f64> {
    MatRef::from_column_major_slice(&normals(rows * cols, seed), rows, cols).to_owned()
}

/// x_i x_iᵀ, and symmetric A_i of full rank.
fn maps() -> Vec<(&'static str, Box<dyn MeasurementMap>)> {
    let m = 9;
    let matrices: Vec<f64> = (0..m)
        .flat_map(|i| {
            let g = normal(D, D, 50 + i);
            column_major((&g + g.transpose()).as_ref())
        })
        .collect();
    vec![
        (
            "symmetric rank one",
            Box::new(SymmetricRankOne::new(&normals(m as usize * D, 1), m as usize, D).unwrap()),
        ),
        (
            "dense",
            Box::new(Dense::new(matrices, m as usize, (D, D)).unwrap()),
        ),
    ]
}

/// A random point, and data that it meets exactly or misses.
fn points(
    map: &dyn MeasurementMap,
    (k1, k2): (usize, usize),
) -> Vec<(&'static str, SignedFactors, Vec<f64>)> {
    let x = SignedFactors::new(normal(D, k1, 10), normal(D, k2, 11)).unwrap();
    let met = map.apply_dense(x.dense().as_ref());
    let missed = met
        .iter()
        .zip(normals(met.len(), 12))
        .map(|(a, b)| a + b)
        .collect();
    vec![("solution", x.clone(), met), ("random point", x, missed)]
}

fn loss(map: &dyn MeasurementMap, y: &[f64], k1: usize, at: &[f64]) -> f64 {
    let part = |v: &[f64]| MatRef::from_column_major_slice(v, D, v.len() / D).to_owned();
    let (u1, u2) = at.split_at(D * k1);
    let m = SignedFactors {
        u1: part(u1),
        u2: part(u2),
    };
    let image = map.apply_dense(m.dense().as_ref());
    image.iter().zip(y).map(|(a, y)| (a - y).powi(2)).sum()
}

/// By central differences, with one Richardson step: exact for a polynomial of degree 4.
fn numerical_hessian(map: &dyn MeasurementMap, y: &[f64], x: &SignedFactors) -> Mat<f64> {
    let at = [column_major(x.u1.as_ref()), column_major(x.u2.as_ref())].concat();
    let moved = |i: usize, a: f64, j: usize, b: f64| {
        let (mut to, h) = (at.clone(), 1e-3);
        to[i] += a * h;
        to[j] += b * h;
        loss(map, y, x.u1.ncols(), &to)
    };
    let second = |i: usize, j: usize, s: f64| {
        let mixed = moved(i, s, j, s) - moved(i, s, j, -s) - moved(i, -s, j, s) + moved(i, -s, j, -s);
        mixed / (4e-6 * s * s)
    };
    Mat::from_fn(at.len(), at.len(), |i, j| {
        (4.0 * second(i, j, 1.0) - second(i, j, 2.0)) / 3.0
    })
}

#[test]
fn hessian_traces_and_audit_are_those_of_finite_differences() {
    for (name, map) in maps() {
        let weights = Weights::new(map.as_ref(), Objective::Flat).unwrap();
        for (k1, k2) in [(1, 0), (0, 1), (2, 1), (1, 3)] {
            for (kind, x, y) in points(map.as_ref(), (k1, k2)) {
                let what = format!("{name}, {kind}, {k1} + {k2}");
                let numerical = numerical_hessian(map.as_ref(), &y, &x);
                let hessian = Hessian::signed(map.as_ref(), &x, &y);
                let n = hessian.dimension();
                let mut operator = Mat::zeros(n, n);
                for j in 0..n {
                    let unit: Vec<f64> = (0..n).map(|i| f64::from(u8::from(i == j))).collect();
                    operator
                        .col_as_slice_mut(j)
                        .copy_from_slice(&hessian.apply(&unit));
                }
                let size = frobenius(numerical.as_ref());
                let error = frobenius((&operator - &numerical).as_ref());
                assert!(error <= 1e-6 * size, "{what}: off by {error:e} of {size:e}");
                let trace = |range: std::ops::Range<usize>| range.map(|i| operator[(i, i)]).sum::<f64>();
                let (left, right) = (trace(0..D * k1), trace(D * k1..n));
                let audit = audit_signed(map.as_ref(), &weights, &y, &x).unwrap();
                for (found, expected) in [
                    (audit.traces.left, left),
                    (audit.traces.right, right),
                    (audit.traces.scaled, (left + right) / D as f64),
                ] {
                    assert!(
                        (found - expected).abs() <= 1e-12 * (left.abs() + right.abs()),
                        "{what}"
                    );
                }
                let largest = symmetric_eigen(operator.as_ref()).unwrap().0[n - 1];
                assert!((audit.lambda_max / largest - 1.0).abs() <= 1e-8, "{what}");
                // The operator by products and the formed one are the same.
                let applied = crate::linalg::lanczos::largest_eigenvalue(n, |v| hessian.apply(v)).unwrap();
                assert!((applied / largest - 1.0).abs() <= 1e-8, "{what}");
                assert_eq!(audit.squared_norm, x.factors().squared_norm() / 2.0);
            }
        }
    }
}

#[test]
fn the_scaled_trace_is_smallest_at_balanced_factors_and_never_below_its_bound() {
    for (name, map) in maps() {
        let weights = Weights::new(map.as_ref(), Objective::Flat).unwrap();
        let m = map.measurements() as f64;
        for (k1, k2) in [(2, 1), (1, 3), (4, 0)] {
            for (kind, x, y) in points(map.as_ref(), (k1, k2)) {
                let factors = x.factors();
                let (l, r) = weights.rescale(factors.l.as_ref(), factors.r.as_ref());
                let z = Domain::Symmetric
                    .decompose_factors(&crate::Factors { l, r })
                    .unwrap();
                let nuclear: f64 = z.s.iter().sum();
                let scaled =
                    |x: &SignedFactors| Traces::signed(map.as_ref(), &weights.left_gram, &y, x).scaled;
                if kind == "solution" {
                    let (l, r) = {
                        let flat = crate::Factors::balanced(&z, 1e-13);
                        weights.restore(flat.l.as_ref(), flat.r.as_ref())
                    };
                    let signs = crate::domain::column_signs(l.as_ref(), r.as_ref());
                    let r = crate::domain::times_signs(l.as_ref(), &signs);
                    let flat = SignedFactors::of(&crate::Factors { l, r }).unwrap();
                    assert!(
                        (scaled(&flat) / (8.0 * m * nuclear) - 1.0).abs() <= 1e-10,
                        "{name}"
                    );
                    // Equal where all signs are the same.
                    assert!(scaled(&x) >= scaled(&flat) * (1.0 - 1e-12), "{name}");
                }
                // ‖D M D‖_* of the point itself is a bound for the points with its M.
                let misfit = audit_signed(map.as_ref(), &weights, &y, &x).unwrap().misfit;
                let bound = scaled_trace_bound(map.as_ref(), (k1, k2), nuclear, misfit).unwrap();
                assert!(bound <= scaled(&x) * (1.0 + 1e-13), "{name}, {kind}");
            }
        }
        assert!(scaled_trace_bound(map.as_ref(), (1, 1), -1.0, 0.0).is_err());
        assert!(scaled_trace_bound(map.as_ref(), (1, 1), 1.0, f64::NAN).is_err());
    }
    let general = RankOne::new(&normals(20, 1), &normals(20, 2), 5, (D, D)).unwrap();
    assert!(scaled_trace_bound(&general, (1, 1), 1.0, 0.0).is_err());
}

#[test]
fn predictions_and_their_error_over_gaussians_are_the_formulas() {
    let x = SignedFactors::new(normal(D, 2, 1), normal(D, 1, 2)).unwrap();
    let rows = normal(200_000, D, 3);
    let truth = {
        let g = normal(D, D, 4);
        &g + g.transpose()
    };
    let predicted = x.predict(rows.as_ref());
    let mut sum = 0.0;
    for (i, p) in predicted.iter().enumerate() {
        let row = rows.as_ref().subrows(i, 1);
        let of = |m: &Mat<f64>| (row * m * row.transpose())[(0, 0)];
        assert!((p - of(&x.dense())).abs() <= 1e-10 * (1.0 + p.abs()));
        sum += (p - of(&truth)).powi(2);
    }
    let (sampled, exact) = (
        sum / predicted.len() as f64,
        x.generalization_error(truth.as_ref()),
    );
    assert!((sampled / exact - 1.0).abs() <= 0.02, "{sampled} against {exact}");
    assert_eq!(x.generalization_error(x.dense().as_ref()), 0.0);
}
