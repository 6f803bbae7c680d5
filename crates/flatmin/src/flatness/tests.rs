//! Traces, Hessian and weights against finite differences and their formulas.

use faer::{Mat, MatRef};
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use super::*;
use crate::error::Error;
use crate::factors::Factors;
use crate::linalg::dense::{frobenius, inner, product, symmetric_eigen};
use crate::linalg::vector::{dot, norm};
use crate::map::{Dense, Entries, Gram, Identity, MeasurementMap, RankOne, column_major};
use crate::problem::Objective;

fn normals(count: usize, seed: u64) -> Vec<f64> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| StandardNormal.sample(&mut rng)).collect()
}

fn normal(rows: usize, cols: usize, seed: u64) -> Mat<f64> {
    MatRef::from_column_major_slice(&normals(rows * cols, seed), rows, cols).to_owned()
}

fn maps() -> Vec<(&'static str, Box<dyn MeasurementMap>)> {
    let (rows, cols): (Vec<u32>, Vec<u32>) = (0..4u32)
        .flat_map(|a| (0..3u32).map(move |b| (a, b)))
        .filter(|(a, b)| (a + b) % 3 != 1)
        .unzip();
    let entries = Entries::new(&rows, &cols, &vec![0.0; rows.len()], (4, 3))
        .unwrap()
        .0;
    vec![
        (
            "dense",
            Box::new(Dense::new(normals(7 * 4 * 3, 1), 7, (4, 3)).unwrap()),
        ),
        (
            "rank one",
            Box::new(RankOne::new(&normals(9 * 4, 2), &normals(9 * 3, 3), 9, (4, 3)).unwrap()),
        ),
        ("entries", Box::new(entries)),
        ("identity", Box::new(Identity::new((4, 3)))),
    ]
}

/// A random point with k columns, and data that it meets exactly or misses.
fn points(map: &dyn MeasurementMap, k: usize) -> Vec<(&'static str, Factors, Vec<f64>)> {
    let x = Factors::new(normal(4, k, 10), normal(3, k, 11)).unwrap();
    let met = map.apply_factored(x.l.as_ref(), x.r.as_ref());
    let missed = met
        .iter()
        .zip(normals(met.len(), 12))
        .map(|(a, b)| a + b)
        .collect();
    vec![("solution", x.clone(), met), ("random point", x, missed)]
}

fn flatten(x: &Factors) -> Vec<f64> {
    [column_major(x.l.as_ref()), column_major(x.r.as_ref())].concat()
}

fn loss(map: &dyn MeasurementMap, y: &[f64], k: usize, at: &[f64]) -> f64 {
    let (l, r) = at.split_at(4 * k);
    let image = map.apply_factored(
        MatRef::from_column_major_slice(l, 4, k),
        MatRef::from_column_major_slice(r, 3, k),
    );
    image.iter().zip(y).map(|(a, y)| (a - y).powi(2)).sum()
}

/// The Hessian by central differences. The loss is of degree 4, with differences exact to h²; h trades that for rounding.
fn numerical_hessian(map: &dyn MeasurementMap, y: &[f64], x: &Factors) -> Mat<f64> {
    let (k, at, h) = (x.columns(), flatten(x), 1e-3);
    let moved = |i: usize, a: f64, j: usize, b: f64| {
        let mut to = at.clone();
        to[i] += a * h;
        to[j] += b * h;
        loss(map, y, k, &to)
    };
    let second = |i: usize, j: usize, s: f64| {
        let mixed = moved(i, s, j, s) - moved(i, s, j, -s) - moved(i, -s, j, s) + moved(i, -s, j, -s);
        mixed / (4.0 * s * s * h * h)
    };
    // One Richardson step removes the h² term, and nothing is left of a polynomial of degree 4.
    Mat::from_fn(at.len(), at.len(), |i, j| {
        (4.0 * second(i, j, 1.0) - second(i, j, 2.0)) / 3.0
    })
}

fn explicit(map: &dyn MeasurementMap, x: &Factors, y: &[f64]) -> Mat<f64> {
    let hessian = Hessian::new(map, x, y);
    let n = hessian.dimension();
    let mut out = Mat::zeros(n, n);
    for j in 0..n {
        let unit: Vec<f64> = (0..n).map(|i| f64::from(u8::from(i == j))).collect();
        out.col_as_slice_mut(j).copy_from_slice(&hessian.apply(&unit));
    }
    out
}

#[test]
fn hessian_and_traces_are_those_of_finite_differences() {
    for (name, map) in maps() {
        for k in [1, 2, 5] {
            for (kind, x, y) in points(map.as_ref(), k) {
                let numerical = numerical_hessian(map.as_ref(), &y, &x);
                let operator = explicit(map.as_ref(), &x, &y);
                let size = frobenius(numerical.as_ref());
                let error = frobenius((&operator - &numerical).as_ref());
                assert!(
                    error <= 1e-6 * size,
                    "{name}, {kind}, k = {k}: off by {error:e} of {size:e}"
                );
                let skew = frobenius((&operator - operator.transpose()).as_ref());
                assert!(skew <= 1e-13 * size, "{name}, {kind}, k = {k}: skew {skew:e}");
                let trace = |range: std::ops::Range<usize>| range.map(|i| operator[(i, i)]).sum::<f64>();
                let (left, right) = (trace(0..4 * k), trace(4 * k..7 * k));
                let found = Traces::new(&map.left_gram(), &map.right_gram(), &x);
                for (found, expected) in [
                    (found.left, left),
                    (found.right, right),
                    (found.total(), left + right),
                    (found.scaled, left / 4.0 + right / 3.0),
                ] {
                    assert!((found / expected - 1.0).abs() <= 1e-12, "{name}, {kind}, k = {k}");
                }
            }
        }
    }
}

#[test]
fn scaled_trace_is_the_weighted_norm_of_the_factors() {
    for (name, map) in maps() {
        let weights = Weights::new(map.as_ref(), Objective::Flat).unwrap();
        let m = map.measurements() as f64;
        for (_, x, _) in points(map.as_ref(), 3) {
            let (l, r) = weights.rescale(x.l.as_ref(), x.r.as_ref());
            let sum = l.squared_norm_l2() + r.squared_norm_l2();
            let found = Traces::new(&map.left_gram(), &map.right_gram(), &x).scaled;
            assert!((found / (2.0 * m * sum) - 1.0).abs() <= 1e-12, "{name}");
        }
        // Balanced factors of Z give 4m·‖Z‖_*, and no others less.
        let z = Factors::new(normal(4, 3, 30), normal(3, 3, 31))
            .unwrap()
            .svd()
            .unwrap();
        let flat = Factors::balanced(&z, 0.0);
        let (l, r) = weights.restore(flat.l.as_ref(), flat.r.as_ref());
        let found = Traces::new(&map.left_gram(), &map.right_gram(), &Factors { l, r }).scaled;
        assert!(
            (found / (4.0 * m * z.s.iter().sum::<f64>()) - 1.0).abs() <= 1e-12,
            "{name}"
        );
    }
}

/// f(x + tv) against its Taylor polynomials: halving t divides what is left by 4 and by 8.
#[test]
fn taylor_slopes_are_two_and_three() {
    for (name, map) in maps() {
        for (kind, x, y) in points(map.as_ref(), 2) {
            let (at, v) = (flatten(&x), normals(14, 40));
            let mut residual = map.apply_factored(x.l.as_ref(), x.r.as_ref());
            residual.iter_mut().zip(&y).for_each(|(r, y)| *r -= y);
            let (left, right) = map.adjoint_thin(&residual, x.l.as_ref(), x.r.as_ref());
            let gradient: Vec<f64> = [column_major(left.as_ref()), column_major(right.as_ref())].concat();
            let slope = 2.0 * dot(&gradient, &v);
            let curvature = dot(&Hessian::new(map.as_ref(), &x, &y).apply(&v), &v);
            let rest = |t: f64, order: usize| {
                let to: Vec<f64> = at.iter().zip(&v).map(|(a, v)| a + t * v).collect();
                let f = loss(map.as_ref(), &y, 2, &to) - loss(map.as_ref(), &y, 2, &at) - t * slope;
                (if order == 2 {
                    f
                } else {
                    f - 0.5 * t * t * curvature
                })
                .abs()
            };
            for order in [2, 3] {
                let found = (rest(1e-3, order) / rest(5e-4, order)).log2();
                assert!(
                    (found - order as f64).abs() < 0.1,
                    "{name}, {kind}: slope {found}, not {order}"
                );
            }
        }
    }
}

#[test]
fn the_largest_eigenvalue_is_that_of_the_explicit_hessian() {
    for (name, map) in maps() {
        for k in [0, 1, 3] {
            for (kind, x, y) in points(map.as_ref(), k) {
                let found = Hessian::new(map.as_ref(), &x, &y).largest_eigenvalue().unwrap();
                let expected = if k == 0 {
                    0.0
                } else {
                    symmetric_eigen(explicit(map.as_ref(), &x, &y).as_ref())
                        .unwrap()
                        .0[7 * k - 1]
                };
                assert!(
                    (found - expected).abs() <= 1e-9 * expected,
                    "{name}, {kind}: {found}, {expected}"
                );
            }
        }
        // At the origin with y = 0 the Hessian vanishes.
        let zero = Factors::new(Mat::zeros(4, 2), Mat::zeros(3, 2)).unwrap();
        assert_eq!(
            Hessian::new(map.as_ref(), &zero, &vec![0.0; map.measurements()])
                .largest_eigenvalue()
                .unwrap(),
            0.0
        );
    }
}

#[test]
fn a_change_of_basis_moves_the_traces_as_predicted_and_nothing_else() {
    let t = &normal(2, 2, 50) + faer::Scale(2.0) * Mat::<f64>::identity(2, 2);
    let determinant = t[(0, 0)] * t[(1, 1)] - t[(0, 1)] * t[(1, 0)];
    // T⁻ᵀ of a 2×2 matrix.
    let cofactors = [[t[(1, 1)], -t[(1, 0)]], [-t[(0, 1)], t[(0, 0)]]];
    let inverse = Mat::from_fn(2, 2, |i, j| cofactors[i][j] / determinant);
    for (name, map) in maps() {
        for (kind, x, y) in points(map.as_ref(), 2) {
            let moved = Factors::new(
                product(x.l.as_ref(), t.as_ref()),
                product(x.r.as_ref(), inverse.as_ref()),
            )
            .unwrap();
            let change = frobenius((moved.dense() - x.dense()).as_ref());
            assert!(change <= 1e-13 * frobenius(x.dense().as_ref()), "{name}");
            let (before, after) = (
                loss(map.as_ref(), &y, 2, &flatten(&x)),
                loss(map.as_ref(), &y, 2, &flatten(&moved)),
            );
            assert!(
                (before - after).abs() <= 1e-12 * before.max(norm(&y).powi(2)),
                "{name}, {kind}"
            );
            let predicted = |gram: Gram, factor: &Mat<f64>, basis: &Mat<f64>| {
                let core = product(factor.transpose(), gram.times(factor.as_ref()).as_ref());
                2.0 * inner(basis.as_ref(), product(core.as_ref(), basis.as_ref()).as_ref())
            };
            let found = Traces::new(&map.left_gram(), &map.right_gram(), &moved);
            let (left, right) = (
                predicted(map.right_gram(), &x.r, &inverse),
                predicted(map.left_gram(), &x.l, &t),
            );
            assert!((found.left / left - 1.0).abs() <= 1e-12, "{name}");
            assert!((found.right / right - 1.0).abs() <= 1e-12, "{name}");
        }
    }
}

#[test]
fn audit_measures_and_refuses_what_does_not_fit() {
    for (name, map) in maps() {
        let weights = Weights::new(map.as_ref(), Objective::Flat).unwrap();
        let (_, x, y) = points(map.as_ref(), 2).remove(1);
        let found = audit(map.as_ref(), &weights, &y, &x).unwrap();
        let misfit = loss(map.as_ref(), &y, 2, &flatten(&x)).sqrt();
        assert!((found.misfit / misfit - 1.0).abs() <= 1e-12, "{name}");
        assert!(
            (found.squared_norm / norm(&flatten(&x)).powi(2) - 1.0).abs() <= 1e-12,
            "{name}"
        );
        let balanced = Factors::balanced(&x.svd().unwrap(), 0.0);
        let flat = audit(map.as_ref(), &weights, &y, &balanced).unwrap();
        assert!(flat.balancedness <= 1e-13 && found.balancedness > 1e-3, "{name}");
        assert!(audit(map.as_ref(), &weights, &y[1..], &x).is_err());
        let wrong = Factors::new(normal(3, 2, 1), normal(4, 2, 2)).unwrap();
        assert!(
            matches!(
                audit(map.as_ref(), &weights, &y, &wrong),
                Err(Error::Shape { .. })
            ),
            "{name}"
        );
        let mut broken = x.clone();
        broken.r[(1, 1)] = f64::NAN;
        let error = audit(map.as_ref(), &weights, &y, &broken).unwrap_err();
        assert!(
            matches!(
                error,
                Error::NotFinite {
                    what: "R",
                    index: 4,
                    ..
                }
            ),
            "{error}"
        );
    }
}
