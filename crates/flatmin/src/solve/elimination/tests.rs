//! The products against dense twins, the derivatives against differences.

use faer::Mat;

use super::dual::{balanced_point, margin, multiplier};
use super::kernels::{Row, gradient, inner, matrix_of, rows_of};
use super::newton::{Objective, Schur};
use super::pattern::{LeftOut, Pattern};
use crate::linalg::dense::{Cholesky, product, symmetric_eigen};
use crate::map::{Entries, MeasurementMap};
use crate::random::Stream;

const SHAPE: (usize, usize) = (9, 7);
/// Columns, of which the kernels make four.
const K: usize = 3;

/// About two thirds of the entries of a matrix, the data noise.
fn entries(seed: u64) -> (Entries, Vec<f64>) {
    let mut stream = Stream::new(seed);
    let places: Vec<usize> = (0..SHAPE.0 * SHAPE.1)
        .filter(|_| stream.uniform() < 0.7)
        .collect();
    let rows: Vec<u32> = places.iter().map(|p| (p / SHAPE.1) as u32).collect();
    let columns: Vec<u32> = places.iter().map(|p| (p % SHAPE.1) as u32).collect();
    Entries::new(&rows, &columns, &stream.normals(places.len()), SHAPE).unwrap()
}

fn weights(seed: u64) -> (Vec<f64>, Vec<f64>) {
    let mut stream = Stream::new(seed);
    let mut some = |n| (0..n).map(|_| 0.5 + stream.uniform()).collect();
    (some(SHAPE.0), some(SHAPE.1))
}

fn start(seed: u64) -> Vec<Row<4>> {
    rows_of(Stream::new(seed).normal_matrix(SHAPE.1, K).as_ref())
}

/// The transposed Jacobian of (L, R) ↦ P_Ω(L Rᵀ), row after row of L and then of R.
fn jacobian(map: &Entries, l: &Mat<f64>, r: &Mat<f64>) -> Mat<f64> {
    let mut j = Mat::zeros((SHAPE.0 + SHAPE.1) * K, map.measurements());
    for i in 0..map.measurements() {
        let (a, b) = map.entry(i).unwrap();
        for c in 0..K {
            j[(a * K + c, i)] = r[(b, c)];
            j[((SHAPE.0 + b) * K + c, i)] = l[(a, c)];
        }
    }
    j
}

/// B − Cᵀ A⁻¹ C of JᵀJ + μ·W², and B.
fn dense_schur(map: &Entries, objective: &Objective<'_>, l: &Mat<f64>, r: &Mat<f64>) -> (Mat<f64>, Mat<f64>) {
    let j = jacobian(map, l, r);
    let mut gram = product(j.as_ref(), j.transpose());
    for (i, w) in objective.weights.0.iter().chain(&objective.weights.1).enumerate() {
        (0..K).for_each(|c| gram[(i * K + c, i * K + c)] += objective.mu * w * w);
    }
    let split = SHAPE.0 * K;
    let rest = SHAPE.1 * K;
    let (a, b) = (
        gram.submatrix(0, 0, split, split),
        gram.submatrix(split, split, rest, rest),
    );
    let c = gram.submatrix(0, split, split, rest);
    let mut solved = c.to_owned();
    Cholesky::new(a.to_owned()).unwrap().solve_matrix(solved.as_mut());
    (b - product(c.transpose(), solved.as_ref()), b.to_owned())
}

/// I − R (RᵀR)⁻¹ Rᵀ for each column, in the order of the rows of R.
fn off_space(r: &Mat<f64>) -> Mat<f64> {
    let mut inverse = Mat::identity(K, K);
    Cholesky::new(product(r.transpose(), r.as_ref()))
        .unwrap()
        .solve_matrix(inverse.as_mut());
    let space = product(product(r.as_ref(), inverse.as_ref()).as_ref(), r.transpose());
    Mat::from_fn(SHAPE.1 * K, SHAPE.1 * K, |i, j| {
        let same = if i % K == j % K {
            space[(i / K, j / K)]
        } else {
            0.0
        };
        f64::from(u8::from(i == j)) - same
    })
}

fn flat(rows: &[Row<4>]) -> Mat<f64> {
    Mat::from_fn(rows.len() * K, 1, |i, _| rows[i / K][i % K])
}

fn close(a: &Mat<f64>, b: &Mat<f64>, tolerance: f64) {
    let (missed, size) = ((a - b).norm_l2(), b.norm_l2());
    assert!(missed <= tolerance * size, "missed by {missed:.2e} of {size:.2e}");
}

#[test]
fn the_gradient_is_that_of_the_reduced_objective() {
    let (map, data) = entries(1);
    let (pattern, weights) = (Pattern::new(&map, &data), weights(2));
    let objective = Objective {
        pattern: &pattern,
        mu: 0.3,
        weights: &weights,
        k: K,
    };
    let (r, d) = (start(3), start(4));
    let value = |t: f64| {
        let moved = r
            .iter()
            .zip(&d)
            .map(|(r, d)| std::array::from_fn(|c| r[c] + t * d[c]))
            .collect();
        objective.at::<4>(moved).value()
    };
    let state = objective.at::<4>(r.clone());
    let mut slope = gradient(&pattern.columns, &state.r, &state.l);
    for ((g, r), w) in slope.iter_mut().zip(&r).zip(&weights.1) {
        (0..4).for_each(|c| g[c] += 0.3 * w * w * r[c]);
    }
    let slope = inner(&slope, &d);
    // The remainder of a first-order model falls with the square of the step.
    let remainder = |t: f64| (value(t) - value(0.0) - t * slope).abs();
    let ratio = remainder(1e-3) / remainder(5e-4);
    assert!((ratio - 4.0).abs() < 0.05, "{ratio}");
}

#[test]
fn schur_products_and_steps_equal_the_dense_ones() {
    let (map, data) = entries(5);
    let (pattern, weights) = (Pattern::new(&map, &data), weights(6));
    let objective = Objective {
        pattern: &pattern,
        mu: 0.2,
        weights: &weights,
        k: K,
    };
    let state = objective.at::<4>(start(7));
    let (l, r) = (matrix_of(&state.l, K), matrix_of(&state.r, K));
    let (dense, _) = dense_schur(&map, &objective, &l, &r);
    let (off, schur) = (off_space(&r), Schur::new(&objective, &state));
    let w: Vec<Row<4>> = start(8);
    let got = schur.times(&w);
    let expected = product(off.as_ref(), product(dense.as_ref(), flat(&w).as_ref()).as_ref());
    close(&flat(got.as_chunks().0), &expected, 1e-12);

    let exact = super::newton::Goal {
        steps: 1,
        decrease: 0.0,
        inner: 1e-13,
        inner_steps: 200,
    };
    let step = flat(&schur.solve(&w, exact));
    let projected = product(off.as_ref(), flat(&w).as_ref());
    let back = product(off.as_ref(), product(dense.as_ref(), step.as_ref()).as_ref());
    close(&back, &-&projected, 1e-9);
    close(&product(off.as_ref(), step.as_ref()), &step, 1e-12);
}

#[test]
fn balancing_keeps_the_matrix_and_lowers_the_penalty() {
    let (map, data) = entries(9);
    let (pattern, weights) = (Pattern::new(&map, &data), weights(10));
    let objective = Objective {
        pattern: &pattern,
        mu: 0.5,
        weights: &weights,
        k: K,
    };
    let before = objective.at::<4>(start(11));
    let after = balanced_point(&objective, before.r.clone()).unwrap();
    assert!(after.value() <= before.value() * (1.0 + 1e-14));
    // The space of R is the same.
    let (r, turned) = (matrix_of(&before.r, K), matrix_of(&after.r, K));
    let outside = product(off_space(&r).as_ref(), flat(&after.r).as_ref());
    assert!(outside.norm_l2() <= 1e-12 * turned.norm_l2());
}

#[test]
fn the_multiplier_meets_the_tangent_space() {
    let mut stream = Stream::new(12);
    let (map, _) = entries(13);
    let (l, r) = (stream.normal_matrix(SHAPE.0, 1), stream.normal_matrix(SHAPE.1, 1));
    let data = map.apply_factored(l.as_ref(), r.as_ref());
    let (pattern, weights) = (Pattern::new(&map, &data), weights(14));
    let objective = Objective {
        pattern: &pattern,
        mu: 0.0,
        weights: &weights,
        k: 1,
    };
    let state = balanced_point::<4>(&objective, rows_of(r.as_ref())).unwrap();
    let lambda = multiplier(&objective, &state);
    let (l, r) = (matrix_of(&state.l, 1), matrix_of(&state.r, 1));
    let (left, right) = map.adjoint_thin(&lambda, l.as_ref(), r.as_ref());
    // A*(λ) R = W1² L and A*(λ)ᵀ L = W2² R.
    let squared = |a: &Mat<f64>, w: &[f64]| Mat::from_fn(a.nrows(), 1, |i, _| w[i] * w[i] * a[(i, 0)]);
    close(&left, &squared(&l, &weights.0), 1e-9);
    close(&right, &squared(&r, &weights.1), 1e-9);
}

#[test]
fn the_margin_is_the_smallest_quotient() {
    let (map, data) = entries(15);
    let (pattern, weights) = (Pattern::new(&map, &data), weights(16));
    let objective = Objective {
        pattern: &pattern,
        mu: 0.0,
        weights: &weights,
        k: K,
    };
    let state = objective.at::<4>(start(17));
    let (l, r) = (matrix_of(&state.l, K), matrix_of(&state.r, K));
    let (schur, b) = dense_schur(&map, &objective, &l, &r);
    // On an orthonormal basis of the complement of the space: S x = ρ B x.
    let (values, vectors) = symmetric_eigen(off_space(&r).as_ref()).unwrap();
    let basis = vectors.subcols(K * K, values.len() - K * K);
    let reduced = |a: &Mat<f64>| product(product(basis.transpose(), a.as_ref()).as_ref(), basis);
    let (values, vectors) = symmetric_eigen(reduced(&b).as_ref()).unwrap();
    let half = Mat::from_fn(values.len(), values.len(), |i, j| {
        vectors[(i, j)] / values[j].sqrt()
    });
    let pencil = product(
        product(half.transpose(), reduced(&schur).as_ref()).as_ref(),
        half.as_ref(),
    );
    let expected = symmetric_eigen(pencil.as_ref()).unwrap().0[0].sqrt();
    let found = margin(&objective, &state).unwrap();
    assert!(
        found >= 0.999 * expected && found <= 1.2 * expected,
        "{found} against {expected}"
    );
}

/// A path of rows and columns hanging on a dense block is peeled away from its end, and filled from its root.
#[test]
fn peeling_leaves_the_core() {
    let mut places: Vec<(u32, u32)> = (0..4).flat_map(|a| (0..4).map(move |b| (a, b))).collect();
    places.extend([(4, 3), (4, 4), (5, 4)]);
    let (rows, columns): (Vec<u32>, Vec<u32>) = places.into_iter().unzip();
    let (map, data) = Entries::new(&rows, &columns, &vec![1.0; rows.len()], (6, 5)).unwrap();
    let pattern = Pattern::new(&map, &data);
    let mut out = LeftOut::nothing(&pattern);
    out.peel(&pattern, 3);
    assert_eq!(out.rows, [false, false, false, false, true, true]);
    assert_eq!(out.columns, [false, false, false, false, true]);
    assert_eq!(pattern.without(&out).rows.values().len(), 16);
    assert_eq!(out.best_known(&pattern), Some((true, 4)));
}
