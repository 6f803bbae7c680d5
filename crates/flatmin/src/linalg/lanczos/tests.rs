//! Lanczos against dense decompositions, and on the operators that make it break down.

use super::*;
use crate::linalg::dense::{frobenius, product, singular_values};

fn normal(rows: usize, cols: usize, seed: u64) -> Mat<f64> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    Mat::from_fn(rows, cols, |_, _| StandardNormal.sample(&mut rng))
}

fn times(a: &Mat<f64>, v: &[f64]) -> Vec<f64> {
    product(a.as_ref(), MatRef::from_column_major_slice(v, v.len(), 1))
        .col_as_slice(0)
        .to_vec()
}

/// The operators that close a Krylov space early, and ordinary ones.
fn operators() -> Vec<(String, Mat<f64>)> {
    let mut out = Vec::new();
    for n in [1, 2, 5, 40, 150] {
        let g = normal(n, n, n as u64);
        let low = normal(n, 1, 7);
        let symmetric = &g + g.transpose();
        let positive = product(g.as_ref(), g.transpose());
        out.push((format!("zero {n}"), Mat::zeros(n, n)));
        out.push((format!("identity {n}"), Mat::identity(n, n)));
        out.push((
            format!("minus identity {n}"),
            faer::Scale(-1.0) * Mat::<f64>::identity(n, n),
        ));
        out.push((format!("ones {n}"), Mat::from_fn(n, n, |_, _| 1.0)));
        out.push((format!("rank one {n}"), product(low.as_ref(), low.transpose())));
        out.push((
            format!("minus rank one {n}"),
            faer::Scale(-1.0) * product(low.as_ref(), low.transpose()),
        ));
        out.push((
            format!("two values {n}"),
            Mat::from_fn(n, n, |i, j| {
                if i == j {
                    1.0 + f64::from(u8::from(i == n - 1))
                } else {
                    0.0
                }
            }),
        ));
        out.push((format!("negative definite {n}"), faer::Scale(-1.0) * &positive));
        out.push((format!("positive definite {n}"), positive));
        out.push((format!("symmetric {n}"), symmetric));
    }
    out
}

#[test]
fn the_largest_eigenvalue_is_that_of_the_dense_decomposition() {
    for (name, a) in operators() {
        for scale in [1.0, 1e120, 1e-120] {
            let a = faer::Scale(scale) * &a;
            let (values, _) = symmetric_eigen((faer::Scale(1.0 / scale) * &a).as_ref()).unwrap();
            let n = a.nrows();
            let found = largest_eigenvalue(n, |v| times(&a, v)).unwrap() / scale;
            let size = values[0].abs().max(values[n - 1].abs());
            let error = (found - values[n - 1]).abs();
            assert!(
                error <= 1e-9 * size,
                "{name}, {scale:e}: {found} instead of {}",
                values[n - 1]
            );
        }
    }
    assert_eq!(largest_eigenvalue(0, |v| v.to_vec()).unwrap(), 0.0);
}

#[test]
fn operators_that_close_at_once_cost_a_few_products() {
    let calls = std::cell::Cell::new(0);
    let found = largest_eigenvalue(100_000, |v| {
        calls.set(calls.get() + 1);
        v.to_vec()
    });
    assert!(
        (found.unwrap() - 1.0).abs() < 1e-12 && calls.get() < 10,
        "{} products",
        calls.get()
    );
}

#[test]
fn the_top_singular_triplets_are_those_of_the_dense_decomposition() {
    let mut matrices = operators();
    for (rows, cols) in [(1, 7), (7, 1), (30, 12), (12, 30), (200, 90)] {
        matrices.push((format!("{rows} x {cols}"), normal(rows, cols, 3)));
    }
    for (name, a) in matrices {
        let s = singular_values(a.as_ref()).unwrap();
        for count in [0, 1, 3, 1000] {
            let transpose = a.transpose().to_owned();
            let top = top_singular(
                a.shape(),
                count,
                TOLERANCE,
                |v| times(&a, v),
                |u| times(&transpose, u),
            )
            .unwrap();
            let count = count.min(s.len());
            assert_eq!(
                (top.s.len(), top.u.ncols(), top.v.ncols()),
                (count, count, count),
                "{name}"
            );
            // Where values repeat, one copy may be all that is found: only the first is promised.
            if count > 0 {
                assert!(
                    (top.s[0] - s[0]).abs() <= 1e-9 * s[0],
                    "{name}: {} instead of {}",
                    top.s[0],
                    s[0]
                );
                let (u, v) = (top.u.as_ref().subcols(0, 1), top.v.as_ref().subcols(0, 1));
                let miss = product(a.as_ref(), v) - faer::Scale(top.s[0]) * u;
                assert!(frobenius(miss.as_ref()) <= 1e-6 * s[0].max(1e-300), "{name}");
            }
        }
    }
}
