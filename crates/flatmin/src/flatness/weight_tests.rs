//! Weights against their definition.

use faer::{Mat, MatRef};
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use super::{Rescaled, Weight, Weights};
use crate::error::Error;
use crate::linalg::dense::{frobenius, product, symmetric_eigen};
use crate::linalg::vector::norm;
use crate::map::{Dense, Entries, Gram, Identity, MeasurementMap, RankOne, column_major};
use crate::parametrisation::Parametrisation;
use crate::problem::Objective;

const SHAPE: (usize, usize) = (4, 3);

fn normals(count: usize, seed: u64) -> Vec<f64> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| StandardNormal.sample(&mut rng)).collect()
}

fn normal(rows: usize, cols: usize, seed: u64) -> Mat<f64> {
    MatRef::from_column_major_slice(&normals(rows * cols, seed), rows, cols).to_owned()
}

fn entries() -> Entries {
    let (rows, cols) = ([0, 0, 1, 1, 2, 2, 3], [0, 2, 0, 1, 1, 2, 1]);
    Entries::new(&rows, &cols, &[0.0; 7], SHAPE).unwrap().0
}

fn maps() -> Vec<(&'static str, Box<dyn MeasurementMap>)> {
    vec![
        (
            "dense",
            Box::new(Dense::new(normals(7 * 12, 1), 7, SHAPE).unwrap()),
        ),
        (
            "rank one",
            Box::new(RankOne::new(&normals(36, 2), &normals(27, 3), 9, SHAPE).unwrap()),
        ),
        ("entries", Box::new(entries())),
        ("identity", Box::new(Identity::new(SHAPE))),
    ]
}

fn matrix(f: impl Fn(MatRef<'_, f64>) -> Mat<f64>, n: usize) -> Mat<f64> {
    f(Mat::<f64>::identity(n, n).as_ref())
}

fn assert_same(what: &str, found: &Mat<f64>, expected: &Mat<f64>, tolerance: f64) {
    let error = frobenius((found - expected).as_ref());
    assert!(
        error <= tolerance * frobenius(expected.as_ref()),
        "{what}: off by {error:e}"
    );
}

#[test]
fn weights_are_the_powers_of_d_and_invert() {
    for (name, map) in maps() {
        let m = map.measurements() as f64;
        for (alpha, objective) in [
            (1.0, Objective::Flat),
            (0.0, Objective::Nuclear),
            (0.5, Objective::Smoothed(0.5)),
            (0.3, Objective::Smoothed(0.3)),
        ] {
            let weights = Weights::new(map.as_ref(), objective).unwrap();
            let sides: [(&Weight, Gram, f64); 2] = [
                (&weights.left, map.left_gram(), m * 3.0),
                (&weights.right, map.right_gram(), m * 4.0),
            ];
            for (weight, gram, divisor) in sides {
                let n = gram.dimension();
                let identity = Mat::<f64>::identity(n, n);
                let w = matrix(|v| weight.times(v), n);
                let inverse = matrix(|v| weight.inverse_times(v), n);
                assert_same(name, &product(w.as_ref(), inverse.as_ref()), &identity, 1e-12);
                let squared = matrix(|v| weight.inverse_squared().times(v), n);
                assert_same(
                    name,
                    &product(inverse.as_ref(), inverse.as_ref()),
                    &squared,
                    1e-13,
                );
                // D^{2α} by the eigenvalues of the Gram matrix.
                let d2 = faer::Scale(1.0 / divisor) * matrix(|v| gram.times(v), n);
                let (values, vectors) = symmetric_eigen(d2.as_ref()).unwrap();
                let scaled = Mat::from_fn(n, n, |i, j| vectors[(i, j)] * values[j].powf(alpha));
                let expected = product(scaled.as_ref(), vectors.transpose());
                assert_same(name, &product(w.as_ref(), w.as_ref()), &expected, 1e-13);
                let condition = (values[n - 1] / values[0]).powf(alpha / 2.0);
                assert!((weight.condition() / condition - 1.0).abs() <= 1e-12, "{name}");
                let largest = values[0].powf(-alpha / 2.0);
                assert!((weight.inverse_norm() / largest - 1.0).abs() <= 1e-12, "{name}");
                assert!(weight.rounding() > 0.0 && weight.rounding() < 1e-10, "{name}");
            }
        }
    }
}

#[test]
fn weights_for_entries_are_diagonal_counts_and_skip_the_unobserved() {
    let (map, _) = Entries::new(&[0, 0, 2], &[0, 1, 0], &[0.0; 3], (4, 3)).unwrap();
    let weights = Weights::new(&map, Objective::Flat).unwrap();
    assert_eq!((weights.left.unobserved(), weights.right.unobserved()), (2, 1));
    assert_eq!(weights.left.condition(), f64::INFINITY);
    let ones = Mat::from_fn(4, 1, |_, _| 1.0);
    let expected: Vec<f64> = [2.0f64, 0.0, 1.0, 0.0].iter().map(|c| (c / 9.0).sqrt()).collect();
    let found = column_major(weights.left.times(ones.as_ref()).as_ref());
    assert!(
        found.iter().zip(&expected).all(|(f, e)| (f - e).abs() <= 1e-15),
        "{found:?}"
    );
    let inverse = column_major(weights.left.inverse_times(ones.as_ref()).as_ref());
    for (w, i) in expected.iter().zip(inverse) {
        assert!(if *w == 0.0 {
            i == 0.0
        } else {
            (w * i - 1.0).abs() <= 1e-15
        });
    }
    let nuclear = Weights::new(&map, Objective::Nuclear).unwrap();
    assert_eq!((nuclear.left.unobserved(), nuclear.left.condition()), (0, 1.0));
}

#[test]
fn smoothing_runs_from_nuclear_to_flat() {
    for (name, map) in maps() {
        for (alpha, end) in [(0.0, Objective::Nuclear), (1.0, Objective::Flat)] {
            let (smoothed, end) = (
                Weights::new(map.as_ref(), Objective::Smoothed(alpha)).unwrap(),
                Weights::new(map.as_ref(), end).unwrap(),
            );
            let (l, r) = (normal(4, 2, 5), normal(3, 2, 6));
            let (one, two) = (
                smoothed.rescale(l.as_ref(), r.as_ref()),
                end.rescale(l.as_ref(), r.as_ref()),
            );
            assert_same(name, &one.0, &two.0, 1e-15);
            assert_same(name, &one.1, &two.1, 1e-15);
            assert_eq!(smoothed.penalty_scale, end.penalty_scale, "{name}");
        }
        // ‖W̃1 X W̃2‖ = penalty_scale·‖W1 X W2‖: √(m·d2)·√(m·d1) where W̃² are the Grams themselves.
        let flat = Weights::new(map.as_ref(), Objective::Flat).unwrap();
        let expected = map.measurements() as f64 * 12f64.sqrt();
        assert!((flat.penalty_scale / expected - 1.0).abs() <= 1e-14, "{name}");
        // In between, tr(D̃² W̃²) = tr(D̃⁴) on each side, so that for the product of both as well.
        let half = Weights::new(map.as_ref(), Objective::Smoothed(0.3)).unwrap();
        let moment = |gram: &Gram, weight: &Weight| {
            let n = gram.dimension();
            let w = matrix(|v| weight.times(v), n);
            gram.quadratic_form(w.as_ref())
        };
        let (left, right) = (map.left_gram(), map.right_gram());
        let of = |w: &Weights| moment(&left, &w.left) * moment(&right, &w.right) * w.penalty_scale.powi(2);
        assert!((of(&half) / of(&flat) - 1.0).abs() <= 1e-12, "{name}");
    }
}

#[test]
fn a_singular_dense_d_is_refused_with_its_eigenvalues() {
    // Two rank-one measurements cannot see four directions.
    let map = RankOne::new(&normals(8, 7), &normals(6, 8), 2, SHAPE).unwrap();
    match Weights::new(&map, Objective::Flat) {
        Err(Error::SingularRescaling {
            side: "D1",
            smallest,
            largest,
        }) => {
            assert!(largest > 0.0 && smallest.abs() <= 1e-14 * largest);
        }
        other => panic!("{other:?}"),
    }
    assert!(Weights::new(&map, Objective::Smoothed(0.2)).is_err());
    assert!(Weights::new(&map, Objective::Nuclear).is_ok());
    let nothing = Dense::new(vec![0.0; 24], 2, SHAPE).unwrap();
    assert!(Weights::new(&nothing, Objective::Flat).is_err());
    assert!(Weights::new(&Identity::new((0, 3)), Objective::Flat).is_err());
}

#[test]
fn measurements_at_the_ends_of_the_range_scale_the_weights() {
    let matrices = normals(7 * 12, 1);
    let at = |unit: f64| {
        let scaled: Vec<f64> = matrices.iter().map(|v| v * unit).collect();
        Weights::new(&Dense::new(scaled, 7, SHAPE).unwrap(), Objective::Flat).unwrap()
    };
    let (plain, v) = (at(1.0), normal(4, 1, 9));
    for exponent in [460, -460] {
        let unit = 2f64.powi(exponent);
        let weights = at(unit);
        let found = faer::Scale(1.0 / unit) * weights.left.times(v.as_ref());
        assert_same("W", &found, &plain.left.times(v.as_ref()), 1e-13);
        assert!(weights.left.rounding() < 1e-10 && weights.right.rounding() < 1e-10);
    }
}

#[test]
fn the_rescaled_map_is_the_map_of_rescaled_matrices() {
    for (name, map) in maps() {
        for objective in [Objective::Flat, Objective::Nuclear, Objective::Smoothed(0.5)] {
            let weights = Weights::new(map.as_ref(), objective).unwrap();
            let b = Rescaled::new(map.as_ref(), &weights);
            let m = map.measurements();
            let (left, right) = (
                matrix(|v| weights.left.inverse_times(v), 4),
                matrix(|v| weights.right.inverse_times(v), 3),
            );
            let twin: Vec<f64> = (0..m)
                .flat_map(|i| {
                    let unit: Vec<f64> = (0..m).map(|j| f64::from(u8::from(i == j))).collect();
                    let a = map.adjoint(&unit).to_dense();
                    let scaled = product(product(left.as_ref(), a.as_ref()).as_ref(), right.as_ref());
                    column_major(scaled.transpose())
                })
                .collect();
            let twin = Dense::new(twin, m, SHAPE).unwrap();
            let (l, r, w) = (normal(4, 2, 20), normal(3, 2, 21), normals(m, 22));
            let (l, r) = (l.as_ref(), r.as_ref());
            let close = |what: &str, found: &[f64], expected: &[f64]| {
                let error: Vec<f64> = found.iter().zip(expected).map(|(f, e)| f - e).collect();
                assert!(
                    norm(&error) <= 1e-12 * norm(expected),
                    "{name}, {objective:?}: {what}"
                );
            };
            close("B(LRᵀ)", &b.apply_factored(l, r), &twin.apply_factored(l, r));
            let z = product(l, r.transpose());
            close("B(Z)", &b.apply_dense(z.as_ref()), &twin.apply_dense(z.as_ref()));
            assert_same(
                name,
                &b.adjoint(&w).to_dense(),
                &twin.adjoint(&w).to_dense(),
                1e-12,
            );
            let (thin, expected) = (b.adjoint_thin(&w, l, r), twin.adjoint_thin(&w, l, r));
            assert_same(name, &thin.0, &expected.0, 1e-12);
            assert_same(name, &thin.1, &expected.1, 1e-12);
            let (at, expected) = (
                b.linearise(&Parametrisation::Pair, (l, r), &w),
                twin.linearise(l, r, &w),
            );
            close("residual", &at.residual, &expected.residual);
            assert_same(name, &at.jacobian, &expected.jacobian, 1e-12);
            assert_same(name, &at.adjoint.to_dense(), &expected.adjoint.to_dense(), 1e-12);
            let identity = |n| Gram::Diagonal(vec![1.0; n]);
            let expected = twin.measurement_gram(&identity(4), &identity(3));
            let gram = matrix(|v| b.measurement_gram().times(v), m);
            assert_same(name, &gram, &matrix(|v| expected.times(v), m), 1e-12);
        }
    }
}
