//! The laws that every map obeys, checked against a twin that holds each A_i as a matrix and loops.

use faer::{Mat, MatRef};
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use super::*;
use crate::linalg::vector::norm;

mod through;

type Rng = rand_chacha::ChaCha8Rng;

fn rng(seed: u64) -> Rng {
    Rng::seed_from_u64(seed)
}

fn normals(count: usize, rng: &mut Rng) -> Vec<f64> {
    (0..count).map(|_| StandardNormal.sample(rng)).collect()
}

fn normal(rows: usize, cols: usize, rng: &mut Rng) -> Mat<f64> {
    MatRef::from_column_major_slice(&normals(rows * cols, rng), rows, cols).to_owned()
}

/// A map, and its A_i.
struct Case {
    name: String,
    map: Box<dyn MeasurementMap>,
    twin: Vec<Mat<f64>>,
}

fn unit(shape: (usize, usize), a: usize, b: usize) -> Mat<f64> {
    let mut out = Mat::zeros(shape.0, shape.1);
    out[(a, b)] = 1.0;
    out
}

fn dense(shape: (usize, usize), m: usize) -> Case {
    let data = normals(m * shape.0 * shape.1, &mut rng(1));
    let twin = data
        .chunks(shape.0 * shape.1)
        .map(|a| MatRef::from_row_major_slice(a, shape.0, shape.1).to_owned())
        .collect();
    Case {
        name: format!("dense {shape:?}, m = {m}"),
        map: Box::new(Dense::new(data, m, shape).unwrap()),
        twin,
    }
}

fn rank_one(shape: (usize, usize), m: usize) -> Case {
    let (a, b) = (
        normals(m * shape.0, &mut rng(2)),
        normals(m * shape.1, &mut rng(3)),
    );
    let twin = (0..m)
        .map(|i| Mat::from_fn(shape.0, shape.1, |p, q| a[i * shape.0 + p] * b[i * shape.1 + q]))
        .collect();
    Case {
        name: format!("rank one {shape:?}, m = {m}"),
        map: Box::new(RankOne::new(&a, &b, m, shape).unwrap()),
        twin,
    }
}

fn symmetric_rank_one(d: usize, m: usize) -> Case {
    let x = normals(m * d, &mut rng(4));
    let twin = x
        .chunks(d)
        .map(|x| Mat::from_fn(d, d, |p, q| x[p] * x[q]))
        .collect();
    Case {
        name: format!("symmetric rank one {d}, m = {m}"),
        map: Box::new(SymmetricRankOne::new(&x, m, d).unwrap()),
        twin,
    }
}

/// Every entry whose hash is below `share` in ten, given in reverse order.
fn entries(shape: (usize, usize), share: usize) -> Case {
    let kept: Vec<(u32, u32)> = (0..shape.0)
        .flat_map(|a| (0..shape.1).map(move |b| (a, b)))
        .filter(|(a, b)| (a * 7 + b * 13 + a * b * 3) % 10 < share)
        .map(|(a, b)| (a as u32, b as u32))
        .collect();
    let (rows, columns): (Vec<u32>, Vec<u32>) = kept.iter().rev().copied().unzip();
    let (map, _) = Entries::new(&rows, &columns, &vec![0.0; rows.len()], shape).unwrap();
    Case {
        name: format!("entries {shape:?}, {share} in ten"),
        map: Box::new(map),
        twin: kept
            .iter()
            .map(|(a, b)| unit(shape, *a as usize, *b as usize))
            .collect(),
    }
}

fn identity(shape: (usize, usize)) -> Case {
    Case {
        name: format!("identity {shape:?}"),
        map: Box::new(Identity::new(shape)),
        twin: (0..shape.0 * shape.1)
            .map(|i| unit(shape, i / shape.1, i % shape.1))
            .collect(),
    }
}

/// Square, tall, wide, one row, one column, one measurement, more measurements than entries.
fn cases() -> Vec<Case> {
    let shapes = [(5, 5), (7, 3), (3, 8), (1, 6), (6, 1)];
    let mut out = Vec::new();
    for shape in shapes {
        for m in [1, 4, shape.0 * shape.1 + 3] {
            out.push(dense(shape, m));
            out.push(rank_one(shape, m));
        }
        out.push(entries(shape, 4));
        out.push(entries(shape, 10));
        out.push(identity(shape));
    }
    for (d, m) in [(5, 1), (5, 4), (5, 30), (1, 3)] {
        out.push(symmetric_rank_one(d, m));
    }
    out
}

fn ranks(shape: (usize, usize)) -> [usize; 4] {
    [0, 1, 2, shape.0.min(shape.1) + 2]
}

fn assert_close(what: &str, case: &Case, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what} of {}: length", case.name);
    let scale = norm(expected).max(1.0);
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!(
            (f - e).abs() <= 1e-13 * scale,
            "{what} of {}, {i}: {f} instead of {e}",
            case.name
        );
    }
}

fn assert_same(what: &str, case: &Case, found: &Mat<f64>, expected: &Mat<f64>) {
    assert_eq!(found.shape(), expected.shape(), "{what} of {}: shape", case.name);
    assert_close(
        what,
        case,
        &column_major(found.as_ref()),
        &column_major(expected.as_ref()),
    );
}

fn twin_apply(twin: &[Mat<f64>], x: &Mat<f64>) -> Vec<f64> {
    twin.iter()
        .map(|a| crate::linalg::dense::inner(a.as_ref(), x.as_ref()))
        .collect()
}

fn twin_adjoint(twin: &[Mat<f64>], w: &[f64]) -> Mat<f64> {
    let mut out = Mat::zeros(twin[0].nrows(), twin[0].ncols());
    for (a, w) in twin.iter().zip(w) {
        out += faer::Scale(*w) * a;
    }
    out
}

fn as_dense(gram: &Gram) -> Mat<f64> {
    let n = gram.dimension();
    gram.times(Mat::<f64>::identity(n, n).as_ref())
}

#[test]
fn forward_and_adjoint_are_those_of_the_twin_and_adjoint_to_each_other() {
    for case in cases() {
        let (shape, m) = (case.map.shape(), case.map.measurements());
        assert_eq!(
            (shape, m),
            (case.twin[0].shape(), case.twin.len()),
            "{}",
            case.name
        );
        let mut rng = rng(10);
        let (x, w) = (normal(shape.0, shape.1, &mut rng), normals(m, &mut rng));
        let (ax, aw) = (case.map.apply_dense(x.as_ref()), case.map.adjoint(&w).to_dense());
        assert_close("A(X)", &case, &ax, &twin_apply(&case.twin, &x));
        assert_same("A*(w)", &case, &aw, &twin_adjoint(&case.twin, &w));
        let (left, right) = (dot(&ax, &w), crate::linalg::dense::inner(x.as_ref(), aw.as_ref()));
        assert!(
            (left - right).abs() <= 1e-13 * norm(&ax) * norm(&w),
            "{}",
            case.name
        );
    }
}

#[test]
fn factored_arguments_agree_with_dense_ones() {
    for case in cases() {
        let shape = case.map.shape();
        for k in ranks(shape) {
            let mut rng = rng(11);
            let (l, r) = (normal(shape.0, k, &mut rng), normal(shape.1, k, &mut rng));
            let x = product(l.as_ref(), r.transpose());
            let found = case.map.apply_factored(l.as_ref(), r.as_ref());
            assert_close("A(LRᵀ)", &case, &found, &twin_apply(&case.twin, &x));
            let w = normals(case.map.measurements(), &mut rng);
            let (left, right) = case.map.adjoint_thin(&w, l.as_ref(), r.as_ref());
            let s = twin_adjoint(&case.twin, &w);
            assert_same("A*(w)R", &case, &left, &product(s.as_ref(), r.as_ref()));
            assert_same("A*(w)ᵀL", &case, &right, &product(s.transpose(), l.as_ref()));
            assert_same(
                "A*(w)R alone",
                &case,
                &case.map.adjoint_times(&w, r.as_ref()),
                &left,
            );
        }
    }
}

#[test]
fn adjoint_as_a_matrix_multiplies_scales_and_measures_itself() {
    for case in cases() {
        let (shape, w) = (case.map.shape(), normals(case.map.measurements(), &mut rng(12)));
        let (adjoint, s) = (case.map.adjoint(&w), twin_adjoint(&case.twin, &w));
        assert_eq!(adjoint.shape(), shape);
        for k in ranks(shape) {
            let (v, u) = (normal(shape.1, k, &mut rng(13)), normal(shape.0, k, &mut rng(14)));
            assert_same(
                "S V",
                &case,
                &adjoint.times(v.as_ref()),
                &product(s.as_ref(), v.as_ref()),
            );
            assert_same(
                "SᵀU",
                &case,
                &adjoint.transpose_times(u.as_ref()),
                &product(s.transpose(), u.as_ref()),
            );
        }
        assert_close("‖S‖_F", &case, &[adjoint.frobenius()], &[s.norm_l2()]);
        assert_close("max|S|", &case, &[adjoint.max_abs()], &[s.norm_max()]);
        assert_same(
            "S/4",
            &case,
            &adjoint.divided(4.0).to_dense(),
            &(faer::Scale(0.25) * &s),
        );
    }
}

#[test]
fn jacobian_linearisation_and_compression_are_those_of_the_twin() {
    for case in cases() {
        let (shape, m) = (case.map.shape(), case.map.measurements());
        for k in ranks(shape) {
            let mut rng = rng(15);
            let (l, r, y) = (
                normal(shape.0, k, &mut rng),
                normal(shape.1, k, &mut rng),
                normals(m, &mut rng),
            );
            let (mut jacobian, mut cores) = (Mat::zeros((shape.0 + shape.1) * k, m), Mat::zeros(k * k, m));
            for (i, a) in case.twin.iter().enumerate() {
                let (ar, al) = (
                    product(a.as_ref(), r.as_ref()),
                    product(a.transpose(), l.as_ref()),
                );
                let column: Vec<f64> = [column_major(ar.as_ref()), column_major(al.as_ref())].concat();
                jacobian.col_as_slice_mut(i).copy_from_slice(&column);
                let core = product(l.transpose(), ar.as_ref());
                cores
                    .col_as_slice_mut(i)
                    .copy_from_slice(&column_major(core.as_ref()));
            }
            assert_same("J", &case, &case.map.jacobian(l.as_ref(), r.as_ref()), &jacobian);
            let upper = jacobian.as_ref().subrows(0, shape.0 * k).to_owned();
            assert_same("J of L", &case, &case.map.left_jacobian(r.as_ref()), &upper);
            assert_same(
                "LᵀA_iR",
                &case,
                &case.map.compress(l.as_ref(), r.as_ref()),
                &cores,
            );
            let at = case.map.linearise(l.as_ref(), r.as_ref(), &y);
            let mut residual = twin_apply(&case.twin, &product(l.as_ref(), r.transpose()));
            residual.iter_mut().zip(&y).for_each(|(a, y)| *a -= y);
            assert_close("residual", &case, &at.residual, &residual);
            assert_same("J of the linearisation", &case, &at.jacobian, &jacobian);
            assert_same(
                "A*(residual)",
                &case,
                &at.adjoint.to_dense(),
                &twin_adjoint(&case.twin, &residual),
            );
        }
    }
}

#[test]
fn grams_are_those_of_the_twin() {
    for case in cases() {
        let (d1, d2) = case.map.shape();
        let (mut left, mut right) = (Mat::zeros(d1, d1), Mat::zeros(d2, d2));
        for a in &case.twin {
            left += product(a.as_ref(), a.transpose());
            right += product(a.transpose(), a.as_ref());
        }
        assert_same("left Gram", &case, &as_dense(&case.map.left_gram()), &left);
        assert_same("right Gram", &case, &as_dense(&case.map.right_gram()), &right);
        let all_symmetric = case.twin.iter().all(|a| d1 == d2 && *a == a.transpose());
        // Of single entries too a few may all lie on the diagonal: a map may not notice.
        assert!(all_symmetric || !case.map.is_symmetric(), "{}", case.name);
        let trace = case.map.left_gram().trace();
        assert_close("trace", &case, &[trace], &[(0..d1).map(|i| left[(i, i)]).sum()]);
    }
}

#[test]
fn measurement_gram_is_that_of_the_twin_with_dense_and_diagonal_weights() {
    for case in cases() {
        let (d1, d2) = case.map.shape();
        let mut rng = rng(16);
        let symmetric = |n: usize, rng: &mut Rng| {
            let g = normal(n, n, rng);
            Gram::Dense(&g + g.transpose())
        };
        let (dense_p, dense_q) = (symmetric(d1, &mut rng), symmetric(d2, &mut rng));
        let (p, q) = (
            Gram::Diagonal(normals(d1, &mut rng)),
            Gram::Diagonal(normals(d2, &mut rng)),
        );
        for (p, q) in [(&dense_p, &dense_q), (&p, &q), (&dense_p, &q), (&p, &dense_q)] {
            let weighted: Vec<Mat<f64>> = case
                .twin
                .iter()
                .map(|a| product(p.times(a.as_ref()).as_ref(), as_dense(q).as_ref()))
                .collect();
            let m = case.twin.len();
            let expected = Mat::from_fn(m, m, |i, j| {
                crate::linalg::dense::inner(case.twin[i].as_ref(), weighted[j].as_ref())
            });
            let found = as_dense(&case.map.measurement_gram(p, q));
            assert_same("measurement Gram", &case, &found, &expected);
        }
    }
}

/// Σ a_i·b_i with a relative error of about 1e-32: products and sums both keep their rounding errors.
fn exact_dot(terms: impl Iterator<Item = (f64, f64)>) -> (f64, f64) {
    let (mut high, mut low) = (0.0f64, 0.0f64);
    for (a, b) in terms {
        let product = a * b;
        let product_error = a.mul_add(b, -product);
        let sum = high + product;
        let back = sum - high;
        low += (high - (sum - back)) + (product - back) + product_error;
        high = sum;
    }
    (high, low)
}

#[test]
fn adjoint_rounding_bounds_the_rounding() {
    let (d1, d2, m) = (4, 3, 3000);
    let a = normals(m * d1, &mut rng(20));
    let b = normals(m * d2, &mut rng(21));
    // Products of two are exact in the dense map, so that only its sum rounds; signs make the sum cancel.
    let matrices: Vec<f64> = normals(m * d1 * d2, &mut rng(22));
    let w: Vec<f64> = (0..m)
        .map(|i| if i % 2 == 0 { 1e3 } else { -1e3 / 3.0 })
        .collect();
    let dense = Dense::new(matrices.clone(), m, (d1, d2)).unwrap();
    let rank_one = RankOne::new(&a, &b, m, (d1, d2)).unwrap();
    let (s, t) = (dense.adjoint(&w).to_dense(), rank_one.adjoint(&w).to_dense());
    let (mut dense_error, mut rank_one_error) = (0.0f64, 0.0f64);
    for p in 0..d1 {
        for q in 0..d2 {
            let (high, low) = exact_dot((0..m).map(|i| (w[i], matrices[i * d1 * d2 + p * d2 + q])));
            dense_error += ((s[(p, q)] - high) - low).powi(2);
            // w·a split into two numbers, so that the products with b stay exact.
            let (high, low) = exact_dot((0..m).flat_map(|i| {
                let (wa, b) = (w[i] * a[i * d1 + p], b[i * d2 + q]);
                [(wa, b), (w[i].mul_add(a[i * d1 + p], -wa), b)]
            }));
            rank_one_error += ((t[(p, q)] - high) - low).powi(2);
        }
    }
    for (name, error, bound) in [
        ("dense", dense_error.sqrt(), dense.adjoint_rounding(&w)),
        ("rank one", rank_one_error.sqrt(), rank_one.adjoint_rounding(&w)),
    ] {
        assert!(error > 0.0, "{name}: the test should see rounding");
        assert!(
            error <= bound,
            "{name}: error {error:e} above its bound {bound:e}"
        );
    }
}

#[test]
fn adjoint_rounding_survives_sizes_whose_squares_vanish() {
    let map = Dense::new(vec![1.0, 1e-200, 1e-200, 1e-200], 2, (1, 2)).unwrap();
    assert!(map.adjoint_rounding(&[0.0, 1.0]) > 0.0);
    let map = RankOne::new(&[1e-60, 1e-200], &[1e-60, 1e-200], 2, (1, 1)).unwrap();
    assert!(map.adjoint_rounding(&[0.0, 1e200]) > 0.0);
}

#[test]
fn gram_rounding_bounds_the_rounding() {
    let (d1, d2, m) = (2, 3, 2000);
    let matrices = normals(m * d1 * d2, &mut rng(23));
    let map = Dense::new(matrices.clone(), m, (d1, d2)).unwrap();
    let (left, right) = (as_dense(&map.left_gram()), as_dense(&map.right_gram()));
    let (left_bound, right_bound) = map.gram_rounding();
    let at = |i: usize, p: usize, q: usize| matrices[i * d1 * d2 + p * d2 + q];
    let mut seen = 0.0f64;
    for p in 0..d1 {
        let (high, low) = exact_dot(
            (0..m)
                .flat_map(|i| (0..d2).map(move |q| (i, q)))
                .map(|(i, q)| (at(i, p, q), at(i, p, q))),
        );
        let error = ((left[(p, p)] - high) - low).abs();
        assert!(error <= left_bound * high, "left {p}: {error:e}");
        seen += error;
    }
    for q in 0..d2 {
        let (high, low) = exact_dot(
            (0..m)
                .flat_map(|i| (0..d1).map(move |p| (i, p)))
                .map(|(i, p)| (at(i, p, q), at(i, p, q))),
        );
        let error = ((right[(q, q)] - high) - low).abs();
        assert!(error <= right_bound * high, "right {q}: {error:e}");
        seen += error;
    }
    assert!(seen > 0.0, "the test should see rounding");
}

/// Every number that a map gives for fixed arguments, as bits.
fn bits(map: &dyn MeasurementMap, k: usize) -> Vec<u64> {
    let ((d1, d2), m) = (map.shape(), map.measurements());
    let mut rng = rng(30);
    let (l, r) = (normal(d1, k, &mut rng), normal(d2, k, &mut rng));
    let (l, r, w) = (l.as_ref(), r.as_ref(), normals(m, &mut rng));
    let at = map.linearise(l, r, &w);
    let (thin_left, thin_right) = map.adjoint_thin(&w, l, r);
    let mut all = map.apply_factored(l, r);
    all.extend(map.apply_each(&[(l, r), (l, r)]).concat());
    all.extend(map.apply_dense(product(l, r.transpose()).as_ref()));
    all.extend(at.residual);
    all.push(map.adjoint_rounding(&w));
    for matrix in [
        map.adjoint(&w).to_dense(),
        at.adjoint.to_dense(),
        at.jacobian,
        map.jacobian(l, r),
        map.compress(l, r),
        as_dense(&map.left_gram()),
        as_dense(&map.right_gram()),
        as_dense(&map.left_gram_through(r)),
        as_dense(&map.right_gram_through(l)),
        thin_left,
        thin_right,
        map.measurement_gram(&map.left_gram(), &map.right_gram())
            .times(normal(m, 2, &mut rng).as_ref()),
    ] {
        all.extend(column_major(matrix.as_ref()));
    }
    all.iter().map(|v| v.to_bits()).collect()
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    // Large enough for several pieces a pass, and several blocks of rows.
    for case in [
        dense((40, 32), 500),
        rank_one((40, 32), 500),
        symmetric_rank_one(120, 500),
        entries((300, 40), 1),
        identity((20, 12)),
    ] {
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| bits(case.map.as_ref(), 3))
        };
        let one = run(1);
        assert!(one == run(2) && one == run(5), "{}", case.name);
    }
}
