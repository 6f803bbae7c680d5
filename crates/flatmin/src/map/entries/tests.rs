//! The kernels of one side against their formulas.

use super::*;
use crate::linalg::krylov::gaussian;

/// About half of the entries, in some lines all and in one none.
fn pattern(d1: usize, d2: usize) -> (Entries, Vec<f64>) {
    let seen = |a: usize, b: usize| a != 1 && (a == 0 || b == 2 || (7 * a + 5 * b + a * b) % 11 < 5);
    let (rows, columns): (Vec<u32>, Vec<u32>) = (0..d1)
        .flat_map(|a| (0..d2).map(move |b| (a, b)))
        .filter(|(a, b)| seen(*a, *b))
        .map(|(a, b)| (a as u32, b as u32))
        .unzip();
    let values = gaussian(rows.len(), 1, 3).col_as_slice(0).to_vec();
    Entries::new(&rows, &columns, &values, (d1, d2)).unwrap()
}

/// Both sides: their lines, and for line a the places and values that belong to it.
fn sides<'a>(entries: &'a Entries, y: &'a [f64]) -> [(Lines<'a>, Mat<f64>); 2] {
    let dense = entries.scatter(y);
    let turned = dense.transpose().to_owned();
    [(entries.row_lines(y), dense), (entries.column_lines(y), turned)]
}

fn close(a: &Mat<f64>, b: &Mat<f64>, tolerance: f64, what: &str) {
    let (error, size) = ((a - b).norm_l2(), b.norm_l2());
    assert!(
        error <= tolerance * size.max(1e-300),
        "{what}: {error:e} of {size:e}"
    );
}

/// Σ_b x_b x_bᵀ + ρI, Σ_b y_b x_b of line a.
fn system(dense: &Mat<f64>, seen: &Mat<f64>, x: &Mat<f64>, a: usize, ridge: f64) -> (Mat<f64>, Mat<f64>) {
    let k = x.ncols();
    let sum = |f: &dyn Fn(usize) -> f64| (0..x.nrows()).map(|b| seen[(a, b)] * f(b)).sum::<f64>();
    let gram = Mat::from_fn(k, k, |i, j| {
        sum(&|b| x[(b, i)] * x[(b, j)]) + if i == j { ridge } else { 0.0 }
    });
    (
        gram,
        Mat::from_fn(k, 1, |i, _| sum(&|b| dense[(a, b)] * x[(b, i)])),
    )
}

#[test]
fn lines_agree_with_dense_matrices() {
    use faer::linalg::solvers::Solve;
    for (d1, d2) in [(4, 3), (23, 31), (150, 40)] {
        let (entries, y) = pattern(d1, d2);
        let ones = vec![1.0; y.len()];
        for ((lines, dense), (_, seen)) in sides(&entries, &y).iter().zip(sides(&entries, &ones)) {
            for k in [1, 2, 7, 8, 9, 20, 33, 51] {
                let what = format!("{d1} x {d2}, {k} columns");
                let x = gaussian(dense.ncols(), k, 4);
                let thin = Thin::from_mat(x.as_ref());
                close(&thin.to_mat(), &x, 0.0, &what);
                close(&lines.times(&thin).to_mat(), &(dense * &x), 1e-13, &what);
                close(&lines.sums(&thin).to_mat(), &(&seen * &x), 1e-13, &what);
                let ridge: Vec<f64> = (0..dense.nrows()).map(|a| 0.3 + a as f64 / 20.0).collect();
                let (found, fall) = regress(lines, &thin, &ridge);
                let own = gaussian(dense.nrows(), k, 5);
                let slope = gradient(lines, &thin, &ridge, &Thin::from_mat(own.as_ref())).to_mat();
                let mut solved = Thin::from_mat(own.as_ref());
                solve_lines(lines, &thin, &ridge, &mut solved);
                let mut expected = [0, 1, 2].map(|_| Mat::zeros(dense.nrows(), k));
                let mut total = 0.0;
                for a in 0..dense.nrows() {
                    let (gram, right) = system(dense, &seen, &x, a, ridge[a]);
                    let point = own.as_ref().row(a).transpose().as_mat().to_owned();
                    let mut rows = [
                        gram.full_piv_lu().solve(&right),
                        &gram * &point - &right,
                        Mat::zeros(k, 1),
                    ];
                    total += 0.5 * (right.transpose() * &rows[0])[(0, 0)];
                    if seen.row(a).norm_l2() > 0.0 {
                        rows[2] = gram.full_piv_lu().solve(&point);
                    }
                    for (out, row) in expected.iter_mut().zip(&rows) {
                        (0..k).for_each(|j| out[(a, j)] = row[(j, 0)]);
                    }
                }
                let [best, gradients, inverses] = expected;
                close(&found.to_mat(), &best, 1e-9, &format!("regression, {what}"));
                close(&slope, &gradients, 1e-12, &format!("gradient, {what}"));
                close(&solved.to_mat(), &inverses, 1e-9, &format!("systems, {what}"));
                assert!((fall - total).abs() <= 1e-10 * total, "{what}: {fall} of {total}");
            }
        }
    }
}

#[test]
fn singular_systems_without_a_ridge_give_finite_rows() {
    let (entries, y) = pattern(9, 12);
    let x = Thin::from_mat(Mat::from_fn(12, 4, |i, j| if j < 2 { (i + j) as f64 } else { 0.0 }).as_ref());
    let (found, fall) = regress(&entries.row_lines(&y), &x, &[0.0; 9]);
    assert!(fall.is_finite() && found.values().iter().all(|v| v.is_finite()));
    assert!(found.to_mat().norm_max() < 1e3);
}
