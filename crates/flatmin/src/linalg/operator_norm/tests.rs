//! Bounds on matrices whose norm is known: never below it, and above by 1e-9 of it at most.

use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use super::*;
use crate::map::Entries;

fn normal(rows: usize, cols: usize, seed: u64) -> Mat<f64> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    Mat::from_fn(rows, cols, |_, _| StandardNormal.sample(&mut rng))
}

/// I − 2vvᵀ/‖v‖²: orthogonal to rounding.
fn reflect(a: &Mat<f64>, seed: u64) -> Mat<f64> {
    let v = normal(a.nrows(), 1, seed);
    let size = v.squared_norm_l2();
    let along = product(v.transpose(), a.as_ref());
    a - faer::Scale(2.0 / size) * product(v.as_ref(), along.as_ref())
}

/// orthogonal × diag(s) × orthogonal.
fn with_singular_values(rows: usize, cols: usize, s: impl Fn(usize) -> f64) -> Mat<f64> {
    let diagonal = Mat::from_fn(rows, cols, |i, j| if i == j { s(i) } else { 0.0 });
    let left = reflect(&reflect(&diagonal, 1), 2);
    let right = reflect(&reflect(&left.transpose().to_owned(), 3), 4);
    right.transpose().to_owned()
}

/// Every entry stored.
fn with_sparse_copy(a: &Mat<f64>, check: impl Fn(&str, &Adjoint<'_>)) {
    check("dense", &Adjoint::Dense(a.clone()));
    let (rows, cols) = a.shape();
    let (i, j): (Vec<u32>, Vec<u32>) = (0..rows as u32)
        .flat_map(|i| (0..cols as u32).map(move |j| (i, j)))
        .unzip();
    let values: Vec<f64> = i
        .iter()
        .zip(&j)
        .map(|(i, j)| a[(*i as usize, *j as usize)])
        .collect();
    let (entries, values) = Entries::new(&i, &j, &values, (rows, cols)).unwrap();
    check(
        "sparse",
        &Adjoint::Sparse {
            entries: &entries,
            values,
        },
    );
}

/// `norm` up to the relative error `known` with which the matrix has it.
fn assert_bounds(name: &str, w: &Adjoint<'_>, norm: f64, known: f64) {
    let bound = upper_bound(w.clone()).unwrap();
    assert!(
        bound >= norm * (1.0 - known),
        "{name}: {bound:e} is below {norm:e}"
    );
    assert!(
        bound <= norm * (1.0 + 1e-9),
        "{name}: {bound:e} is far above {norm:e}"
    );
}

#[test]
fn never_below_norms_that_are_exact() {
    // Hadamard matrices: orthogonal up to the factor √n, with entries ±1.
    for n in [1usize, 2, 16, 64, 512] {
        let h = Mat::from_fn(n, n, |i, j| {
            if (i & j).count_ones().is_multiple_of(2) {
                1.0
            } else {
                -1.0
            }
        });
        with_sparse_copy(&h, |kind, w| {
            let bound = upper_bound(w.clone()).unwrap();
            // √n may itself have been rounded up.
            assert!(
                bound * bound * (1.0 + f64::EPSILON) >= n as f64,
                "Hadamard {n}, {kind}: {bound}"
            );
            assert!(
                bound <= (n as f64).sqrt() * (1.0 + 1e-9),
                "Hadamard {n}, {kind}: {bound}"
            );
        });
    }
    // u vᵀ with the Pythagorean vectors (3, 4, 0, …), (5, 12, 0, …), and a permuted diagonal.
    for (rows, cols) in [(2, 2), (5, 3), (3, 7), (300, 280)] {
        let mut one = Mat::zeros(rows, cols);
        for (i, x) in [3.0, 4.0].into_iter().enumerate() {
            for (j, y) in [5.0, 12.0].into_iter().enumerate() {
                one[(i, j)] = x * y;
            }
        }
        with_sparse_copy(&one, |kind, w| assert_bounds(kind, w, 65.0, 0.0));
        let diagonal = Mat::from_fn(rows, cols, |i, j| {
            if i == j {
                1.0 / (1.0 + ((i + 1) % rows.min(cols)) as f64)
            } else {
                0.0
            }
        });
        with_sparse_copy(&diagonal, |kind, w| assert_bounds(kind, w, 1.0, 0.0));
    }
    for (rows, cols) in [(1, 9), (9, 1), (1, 400), (1, 1)] {
        let ones = Mat::from_fn(rows, cols, |_, _| 1.0);
        with_sparse_copy(&ones, |kind, w| {
            assert_bounds(kind, w, ((rows * cols) as f64).sqrt(), 1e-16)
        });
    }
}

#[test]
fn zero_has_norm_zero_and_what_is_not_finite_is_unbounded() {
    for shape in [(3, 4), (300, 310)] {
        with_sparse_copy(&Mat::zeros(shape.0, shape.1), |kind, w| {
            assert_eq!(upper_bound(w.clone()).unwrap(), 0.0, "{kind} {shape:?}");
        });
        for bad in [f64::NAN, f64::INFINITY] {
            let mut broken = Mat::zeros(shape.0, shape.1);
            broken[(1, 2)] = bad;
            with_sparse_copy(&broken, |kind, w| {
                assert_eq!(upper_bound(w.clone()).unwrap(), f64::INFINITY, "{kind} {shape:?}");
            });
        }
    }
}

#[test]
fn tight_for_every_spectrum_and_size() {
    type Spectrum = fn(usize) -> f64;
    let spectra: [(&str, Spectrum); 5] = [
        ("separated", |i| 1.0 / (1.0 + i as f64)),
        ("clustered", |i| if i < 20 { 1.0 - 1e-11 * i as f64 } else { 0.7 }),
        ("all equal", |_| 1.0),
        ("rank three", |i| if i < 3 { 1.0 } else { 0.0 }),
        ("decaying to nothing", |i| 0.1f64.powi(i as i32)),
    ];
    for (rows, cols) in [(4, 4), (30, 20), (20, 45), (300, 400), (400, 300)] {
        for (name, s) in spectra {
            let w = Adjoint::Dense(with_singular_values(rows, cols, s));
            assert_bounds(&format!("{name} {rows} x {cols}"), &w, 1.0, 1e-13);
        }
    }
}

#[test]
fn sizes_at_the_ends_of_the_range_keep_the_bound() {
    for (rows, cols) in [(6, 5), (270, 260)] {
        let a = with_singular_values(rows, cols, |i| 1.0 / (1.0 + i as f64));
        for exponent in [498, -498, 1000, -900] {
            let scaled = faer::Scale(2f64.powi(exponent)) * &a;
            with_sparse_copy(&scaled, |kind, w| {
                assert_bounds(&format!("{kind} 2^{exponent}"), w, 2f64.powi(exponent), 1e-13);
            });
        }
    }
    let tiny = Adjoint::Dense(Mat::from_fn(2, 2, |_, _| 5e-324));
    assert!(upper_bound(tiny.clone()).unwrap() >= 1e-323);
    // One entry dwarfs the rest.
    let mut mixed = Mat::from_fn(3, 3, |_, _| 1e-200);
    mixed[(1, 1)] = 1e100;
    assert_bounds("mixed", &Adjoint::Dense(mixed), 1e100, 0.0);
}

#[test]
fn off_the_leading_spaces_the_next_singular_value_is_left() {
    for (rows, cols) in [(12, 9), (9, 12), (280, 270), (270, 280)] {
        let a = with_singular_values(rows, cols, |i| if i < 2 { 3.0 } else { 1.0 / (i - 1) as f64 });
        let spaces = |a: &Mat<f64>| thin_svd(a.as_ref()).unwrap();
        let svd = spaces(&a);
        let (u, v) = (svd.u.as_ref().subcols(0, 2), svd.v.as_ref().subcols(0, 2));
        for exponent in [0, 490, -490] {
            let unit = 2f64.powi(exponent);
            with_sparse_copy(&(faer::Scale(unit) * &a), |kind, w| {
                let bound = upper_bound_off(w.clone(), u, v).unwrap() / unit;
                let name = format!("{kind} {rows} x {cols} 2^{exponent}: {bound}");
                assert!((1.0 - 1e-12..1.0 + 1e-7).contains(&bound), "{name}");
                let none = upper_bound_off(w.clone(), u.subcols(0, 0), v.subcols(0, 0)).unwrap() / unit;
                assert!(
                    (3.0 - 1e-12..3.0 + 3e-9).contains(&none),
                    "{name}, nothing off: {none}"
                );
            });
        }
    }
}

#[test]
fn bases_that_are_not_orthonormal_widen_the_bound_off_them() {
    // U is too short by 1e-6, so that U Uᵀ leaves 2e-6 of the norm 1 that lies along it.
    let w = Adjoint::Dense(Mat::from_fn(2, 2, |i, j| {
        if i == j { 1.0 - 0.5 * i as f64 } else { 0.0 }
    }));
    let e = Mat::from_fn(2, 1, |i, _| if i == 0 { 1.0 - 1e-6 } else { 0.0 });
    let bound = upper_bound_off(w.clone(), e.as_ref(), e.as_ref()).unwrap();
    assert!((0.5..0.51).contains(&bound), "{bound}");
}

#[test]
fn largest_eigenvalues_are_bounded_tightly_whatever_the_others_are() {
    for n in [1, 5, 40, 300] {
        let g = Mat::from_fn(n, n, |i, j| {
            ((i * 37 + j * 101 + i * j) % 113) as f64 / 113.0 - 0.4
        });
        let q = g.qr().compute_thin_Q();
        for (top, rest) in [
            (2.0, -1.0),
            (1.0, -1e6),
            (1e-3, -1.0),
            (1.0, 1.0 - 1e-9),
            (-1.0, -2.0),
        ] {
            let spectrum = |j: usize| if j == 0 { top } else { rest };
            let scaled = Mat::from_fn(n, n, |i, j| q[(i, j)] * spectrum(j));
            let w = Adjoint::Dense(product(scaled.as_ref(), q.transpose()));
            let size = w.frobenius();
            let bound = largest_eigenvalue_above(w.clone()).unwrap();
            // Q is orthonormal to a few roundings only, and so is the spectrum known.
            let slack = 1e-11 * size;
            assert!(
                bound >= top.max(0.0) - 1e-14 * size * n as f64,
                "{n}: {bound} of {top}"
            );
            assert!(bound <= top.max(0.0) + slack, "{n}, {rest}: {bound} of {top}");
            let off = largest_eigenvalue_off(w.clone(), q.as_ref().subcols(0, 1)).unwrap();
            let expected = if n == 1 { 0.0 } else { rest.max(0.0) };
            assert!(
                off >= expected - 1e-14 * size * n as f64 && off <= expected + slack,
                "{n}: {off} of {expected}"
            );
        }
    }
    assert_eq!(
        largest_eigenvalue_above(Adjoint::Dense(Mat::zeros(3, 3))).unwrap(),
        0.0
    );
    let nan = Adjoint::Dense(Mat::from_fn(2, 2, |_, _| f64::NAN));
    assert_eq!(largest_eigenvalue_above(nan.clone()).unwrap(), f64::INFINITY);
}
