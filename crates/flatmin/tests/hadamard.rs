//! Deep Hadamard products: the Hessian against finite differences, the solver against a slow twin (iteratively reweighted
//! least squares), the certificate against good and bad candidates.

use faer::{Mat, MatRef};
use flatmin::depth::hadamard::{Hessian, Point, Problem, Solution, audit, certify, solve};
use flatmin::solve::{Observer, Settings, Status};
use flatmin::{Error, Fit};
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

fn normals(count: usize, seed: u64) -> Vec<f64> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| StandardNormal.sample(&mut rng)).collect()
}

fn normal(rows: usize, cols: usize, seed: u64) -> Mat<f64> {
    MatRef::from_column_major_slice(&normals(rows * cols, seed), rows, cols).to_owned()
}

/// `count` non-zeros among d, of unit norm.
fn sparse(d: usize, count: usize, seed: u64) -> Vec<f64> {
    let keys = normals(d, seed);
    let mut order: Vec<usize> = (0..d).collect();
    order.sort_by(|i, j| keys[*i].total_cmp(&keys[*j]));
    let values = normals(count, seed + 1);
    let size = values.iter().map(|v| v * v).sum::<f64>().sqrt();
    let mut x = vec![0.0; d];
    order.iter().zip(values).for_each(|(l, v)| x[*l] = v / size);
    x
}

fn times(a: &Mat<f64>, x: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; a.nrows()];
    for (l, x) in x.iter().enumerate() {
        (0..a.nrows()).for_each(|i| out[i] += a[(i, l)] * x);
    }
    out
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

fn run(problem: &Problem) -> Solution {
    solve(problem, &Settings::default(), &Observer::default()).unwrap()
}

fn certified(problem: &Problem, what: &str) -> Solution {
    let found = run(problem);
    assert_eq!(found.status, Status::Certified, "{what}: {:?}", found.certificate);
    found
}

/// min Σ w_l|x_l|^p s.t. A x = y by reweighted least squares with a vanishing smoothing.
fn twin(a: &Mat<f64>, y: &[f64], depth: usize) -> f64 {
    let (m, d) = a.shape();
    let p = 2.0 - 2.0 / depth as f64;
    let w: Vec<f64> = (0..d).map(|l| (0..m).map(|i| a[(i, l)].powi(2)).sum()).collect();
    let (mut x, mut eps) = (vec![0.0; d], 1.0f64);
    for _ in 0..3000 {
        let weight: Vec<f64> = (0..d)
            .map(|l| (x[l] * x[l] + eps * eps).powf(1.0 - p / 2.0) / w[l])
            .collect();
        let scaled = Mat::from_fn(m, d, |i, l| a[(i, l)] * weight[l].sqrt());
        let svd = flatmin::linalg::dense::thin_svd(scaled.as_ref()).unwrap();
        let mut next = vec![0.0; d];
        for j in (0..svd.s.len()).filter(|j| svd.s[*j] > 1e-13 * svd.s[0]) {
            let c: f64 = (0..m).map(|i| svd.u[(i, j)] * y[i]).sum::<f64>() / svd.s[j];
            (0..d).for_each(|l| next[l] += weight[l].sqrt() * c * svd.v[(l, j)]);
        }
        let moved = distance(&next, &x);
        x = next;
        if moved <= 1e-9 * distance(&x, &vec![0.0; d]) {
            if eps < 1e-12 {
                break;
            }
            eps *= 0.3;
        }
    }
    x.iter().zip(&w).map(|(x, w)| w * x.abs().powf(p)).sum()
}

#[test]
fn hessian_and_traces_are_those_of_finite_differences_on_and_off_the_solutions() {
    let (m, d) = (5, 4);
    let a = normal(m, d, 1);
    for depth in [2, 3, 5] {
        let mut point = Point::new(normal(depth, d, 2), depth, d).unwrap();
        // A zero coordinate has a Hessian too.
        point.v[(0, 1)] = 0.0;
        for noise in [0.0, 1.0] {
            let y: Vec<f64> = times(&a, &point.x())
                .iter()
                .zip(normals(m, 3))
                .map(|(y, e)| y + noise * e)
                .collect();
            let problem = Problem::new(a.clone(), y, depth, Fit::Exact).unwrap();
            let loss = |v: &[f64]| -> f64 {
                let v = MatRef::from_column_major_slice(v, depth, d).to_owned();
                let residual = problem.residual(&Point::new(v, depth, d).unwrap().x());
                residual.iter().map(|r| r * r).sum()
            };
            let at: Vec<f64> = point.v.col_iter().flat_map(|c| c.iter().copied()).collect();
            let (n, h) = (at.len(), 1e-3);
            let moved = |i: usize, a: f64, j: usize, b: f64| {
                let mut to = at.clone();
                to[i] += a * h;
                to[j] += b * h;
                loss(&to)
            };
            let hessian = Hessian::new(&problem, &point);
            assert_eq!(hessian.dimension(), n);
            let mut trace = 0.0;
            for j in 0..n {
                let unit: Vec<f64> = (0..n).map(|i| f64::from(u8::from(i == j))).collect();
                let column = hessian.apply(&unit);
                trace += column[j];
                for (i, found) in column.iter().enumerate() {
                    let second = |s: f64| {
                        (moved(i, s, j, s) - moved(i, s, j, -s) - moved(i, -s, j, s) + moved(i, -s, j, -s))
                            / (4.0 * s * s * h * h)
                    };
                    let expected = (4.0 * second(1.0) - second(2.0)) / 3.0;
                    assert!(
                        (found - expected).abs() <= 1e-5 * (1.0 + expected.abs()),
                        "K = {depth}: ({i}, {j}) is {found}, by differences {expected}"
                    );
                }
            }
            let found = audit(&problem, &point).unwrap();
            assert!((found.trace - trace).abs() <= 1e-12 * trace);
            assert!((found.layer_traces.iter().sum::<f64>() - trace).abs() <= 1e-12 * trace);
            let largest = (0..n).map(|j| {
                let unit: Vec<f64> = (0..n).map(|i| f64::from(u8::from(i == j))).collect();
                hessian.apply(&unit)[j]
            });
            assert!(found.lambda_max >= largest.fold(0.0, f64::max));
        }
    }
}

#[test]
fn no_factorisation_is_flatter_than_the_flattest() {
    let x = [0.7, -1.3, 0.0, 2.0];
    let problem = Problem::new(normal(3, 4, 5), vec![1.0; 3], 4, Fit::Exact).unwrap();
    let best = Point::flattest(&x, 4);
    assert!(distance(&best.x(), &x) <= 1e-15);
    let trace = |point: &Point| point.layer_traces(problem.weights()).iter().sum::<f64>();
    let least = trace(&best);
    assert!((least - 8.0 * problem.penalty(&x)).abs() <= 1e-13 * least);
    for seed in 0..20 {
        // Another factorisation of the same x: coordinate by coordinate, factors of product one.
        let by = normal(4, 4, 100 + seed);
        let v = Mat::from_fn(4, 4, |j, l| {
            let mean = (0..4).map(|i| by[(i, l)]).sum::<f64>() / 4.0;
            best.v[(j, l)] * (by[(j, l)] - mean).exp()
        });
        let other = Point::new(v, 4, 4).unwrap();
        assert!(distance(&other.x(), &x) <= 1e-12);
        assert!(trace(&other) >= least * (1.0 - 1e-14));
    }
}

#[test]
fn the_solver_agrees_with_the_twin_above_and_below_the_transition() {
    for (m, d, count) in [(20, 40, 3), (15, 40, 12), (30, 32, 5), (6, 50, 2), (1, 8, 1)] {
        for seed in 0..3 {
            let (a, truth) = (normal(m, d, 10 * seed), sparse(d, count, 10 * seed + 1));
            let y = times(&a, &truth);
            for depth in [2, 3, 4, 9] {
                let what = format!("{m} x {d}, {count} non-zeros, seed {seed}, K = {depth}");
                let problem = Problem::new(a.clone(), y.clone(), depth, Fit::Exact).unwrap();
                let found = certified(&problem, &what);
                let expected = twin(&a, &y, depth);
                let value = found.certificate.value;
                // Of weighted ℓ1 the twin gives a feasible point, which below the transition is not the best.
                let agrees = (value - expected).abs() <= 1e-7 * expected;
                assert!(
                    agrees || (depth == 2 && count > 10 && value < expected),
                    "{what}: {value} against {expected}"
                );
                assert!(found.certificate.gap <= 1e-10, "{what}: {:?}", found.certificate);
                assert!(
                    found.certificate.residual <= 1e-12,
                    "{what}: {:?}",
                    found.certificate
                );
                let trace = audit(&problem, &found.factors).unwrap().trace;
                assert!(
                    (trace - 2.0 * depth as f64 * value).abs() <= 1e-12 * trace,
                    "{what}"
                );
            }
        }
    }
}

#[test]
fn depth_two_recovers_a_sparse_vector_and_more_depth_provably_does_not() {
    for seed in 0..5 {
        let (a, truth) = (normal(80, 200, seed), sparse(200, 10, 50 + seed));
        let y = times(&a, &truth);
        let at = |depth| {
            certified(
                &Problem::new(a.clone(), y.clone(), depth, Fit::Exact).unwrap(),
                "recovery",
            )
        };
        let shallow = at(2);
        assert!(distance(&shallow.x, &truth) <= 1e-12);
        assert_eq!(shallow.certificate.support, 10);
        assert_eq!(shallow.certificate.uniqueness.unique, Some(true));
        for depth in [3, 4] {
            let deep = at(depth);
            assert!(distance(&deep.x, &truth) > 0.01);
            // The truth itself is worse than the proved optimum by more than the gap.
            let problem = Problem::new(a.clone(), y.clone(), depth, Fit::Exact).unwrap();
            assert!(problem.penalty(&truth) > 1.01 * deep.certificate.value);
        }
    }
}

#[test]
fn noise_is_fitted_by_a_ball_or_a_penalty_with_proof() {
    for (m, d) in [(20, 40), (60, 25), (40, 40)] {
        let (a, truth) = (normal(m, d, 7), sparse(d, 3, 8));
        let y: Vec<f64> = times(&a, &truth)
            .iter()
            .zip(normals(m, 9))
            .map(|(y, e)| y + 0.05 * e)
            .collect();
        for depth in [2, 3, 6] {
            let radius = 0.05 * (m as f64).sqrt() * 1.1;
            for fit in [Fit::Ball(radius), Fit::Penalised(1e-3), Fit::Penalised(1e3)] {
                let what = format!("{m} x {d}, K = {depth}, {fit:?}");
                let problem = Problem::new(a.clone(), y.clone(), depth, fit).unwrap();
                let found = certified(&problem, &what);
                assert!(found.certificate.gap <= 1e-9, "{what}: {:?}", found.certificate);
                // Optimality: no coordinate step improves the penalised objective.
                if let Fit::Penalised(mu) = fit {
                    let objective = |x: &[f64]| {
                        let residual = problem.residual(x);
                        mu * problem.penalty(x) + 0.5 * residual.iter().map(|r| r * r).sum::<f64>()
                    };
                    let least = objective(&found.x);
                    for (l, h) in (0..d).flat_map(|l| [(l, 1e-3), (l, -1e-3)]) {
                        let mut x = found.x.clone();
                        x[l] += h;
                        assert!(objective(&x) >= least, "{what}: coordinate {l}");
                    }
                }
            }
        }
    }
}

#[test]
fn degenerate_instances_end_at_a_vertex() {
    // Integer columns, many equal, rows repeated, y zero in places.
    let (m, d) = (6, 24);
    let a = Mat::from_fn(m, d, |i, l| {
        let i = i % 4;
        [1.0, -1.0, 2.0, 0.0][(i + l) % 4] + f64::from(u8::from(l % 5 == i))
    });
    let mut x = vec![0.0; d];
    (x[0], x[7]) = (1.0, -2.0);
    let y = times(&a, &x);
    for depth in [2, 3] {
        let found = certified(
            &Problem::new(a.clone(), y.clone(), depth, Fit::Exact).unwrap(),
            "repeated",
        );
        assert!(found.certificate.residual <= 1e-12);
        assert!(found.certificate.gap <= 1e-10, "{:?}", found.certificate);
        assert!(depth > 2 || found.certificate.support <= 4);
    }
    // Two equal columns: the value is unique, x is not, and nothing may claim it is.
    let a = Mat::from_fn(2, 3, |i, l| [[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]][i][l]);
    let found = certified(
        &Problem::new(a, vec![1.0, 1.0], 2, Fit::Exact).unwrap(),
        "equal columns",
    );
    assert_ne!(found.certificate.uniqueness.unique, Some(true));
    assert!((found.certificate.value - 2.0).abs() <= 1e-15);
}

#[test]
fn a_column_of_zeros_gives_a_zero_that_is_not_unique() {
    let mut a = normal(4, 9, 3);
    a.col_as_slice_mut(2).fill(0.0);
    for depth in [2, 3] {
        let y = times(&a, &sparse(9, 2, 4));
        let found = certified(&Problem::new(a.clone(), y, depth, Fit::Exact).unwrap(), "zeros");
        assert_eq!(found.x[2], 0.0);
        assert_eq!(found.certificate.uniqueness.unique, Some(false));
    }
}

#[test]
fn zero_data_and_wide_balls_are_met_by_zero() {
    for (y, fit) in [
        (vec![0.0; 4], Fit::Exact),
        (vec![1.0; 4], Fit::Ball(2.5)),
        (vec![0.0; 4], Fit::Penalised(1.0)),
    ] {
        for depth in [2, 3] {
            let found = certified(
                &Problem::new(normal(4, 6, 3), y.clone(), depth, fit).unwrap(),
                "zero",
            );
            assert!(found.x.iter().all(|x| *x == 0.0));
            assert_eq!(found.certificate.value, 0.0);
        }
    }
}

#[test]
fn units_do_not_matter() {
    let (a, truth) = (normal(20, 40, 7), sparse(40, 3, 8));
    let y = times(&a, &truth);
    for (by_a, by_y) in [(1e40, 1e-40), (1e-45, 1e45), (1e30, 1e30)] {
        let a = Mat::from_fn(20, 40, |i, l| a[(i, l)] * by_a);
        let y: Vec<f64> = y.iter().map(|y| y * by_y).collect();
        for depth in [2, 3, 5] {
            let what = format!("{by_a:e}, {by_y:e}, K = {depth}");
            let found = certified(
                &Problem::new(a.clone(), y.clone(), depth, Fit::Exact).unwrap(),
                &what,
            );
            assert!(found.certificate.gap <= 1e-10, "{what}: {:?}", found.certificate);
        }
    }
}

#[test]
fn no_dual_vector_proves_more_than_the_optimum() {
    let (m, d) = (12, 30);
    let (a, truth) = (normal(m, d, 7), sparse(d, 3, 8));
    let y = times(&a, &truth);
    for depth in [2, 3, 4, 7] {
        for fit in [Fit::Exact, Fit::Ball(0.1), Fit::Penalised(0.02)] {
            let problem = Problem::new(a.clone(), y.clone(), depth, fit).unwrap();
            let found = certified(&problem, "optimum");
            let best = found.certificate.value;
            for seed in 0..40 {
                let size = [0.0, 1e-8, 1e-3, 1.0, 1e6][seed as usize % 5];
                let lambda: Vec<f64> = found
                    .dual
                    .iter()
                    .zip(normals(m, 500 + seed))
                    .map(|(l, e)| l + size * e)
                    .collect();
                let bound = certify(&problem, &found.x, &lambda).unwrap().lower_bound;
                assert!(
                    bound <= best * (1.0 + 1e-15),
                    "K = {depth}, {fit:?}: {bound} of {best}"
                );
            }
            // A feasible x that is not optimal keeps its distance.
            if fit == Fit::Exact && depth > 2 {
                let worse = certify(&problem, &truth, &found.dual).unwrap();
                assert!(worse.gap > 1e-3 && !worse.proves(1e-8));
            }
            let off: Vec<f64> = found.x.iter().map(|x| 0.5 * x).collect();
            let missed = certify(&problem, &off, &found.dual).unwrap();
            assert!(!missed.proves(1e-8), "{missed:?}");
        }
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let (a, truth) = (normal(120, 300, 7), sparse(300, 40, 8));
    let y = times(&a, &truth);
    for depth in [2, 3] {
        let problem = Problem::new(a.clone(), y.clone(), depth, Fit::Exact).unwrap();
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let found = pool.install(|| run(&problem));
            (found.x, found.dual, found.iterations)
        };
        assert_eq!(on(1), on(3));
    }
}

#[test]
fn a_budget_is_kept_and_named() {
    let (a, truth) = (normal(40, 100, 7), sparse(100, 20, 8));
    for depth in [2, 3] {
        let problem = Problem::new(a.clone(), times(&a, &truth), depth, Fit::Exact).unwrap();
        let settings = Settings::default().with_max_iterations(1);
        let found = solve(&problem, &settings, &Observer::default()).unwrap();
        assert_eq!(found.status, Status::Budget);
        assert_eq!(found.iterations, 1);
    }
}

#[test]
fn bad_input_is_one_clear_line() {
    let a = || normal(3, 4, 1);
    let cases: [(Result<Problem, Error>, &str); 6] = [
        (
            Problem::new(Mat::zeros(0, 4), vec![], 2, Fit::Exact),
            "A: found 0 x 4",
        ),
        (
            Problem::new(a(), vec![1.0; 2], 2, Fit::Exact),
            "y: found 2 values, expected 3",
        ),
        (
            Problem::new(a(), vec![1.0; 3], 1, Fit::Exact),
            "depth: found 1, expected at least 2",
        ),
        (
            Problem::new(a(), vec![1.0, f64::NAN, 1.0], 2, Fit::Exact),
            "y, element 1: found NaN",
        ),
        (
            Problem::new(a(), vec![1.0; 3], 2, Fit::Ball(-1.0)),
            "epsilon: found -1",
        ),
        (
            Problem::new(faer::Scale(1e60) * a(), vec![1.0; 3], 2, Fit::Exact),
            "a column of A: found",
        ),
    ];
    for (result, expected) in cases {
        let line = result.unwrap_err().to_string();
        assert!(line.starts_with(expected) && !line.contains('\n'), "{line}");
    }
    // Contradictory rows; a ball that nothing reaches.
    let tall = Mat::from_fn(3, 2, |i, l| f64::from(u8::from(i % 2 == l)));
    let problem = Problem::new(tall.clone(), vec![1.0, 1.0, 2.0], 3, Fit::Exact).unwrap();
    let line = solve(&problem, &Settings::default(), &Observer::default()).unwrap_err();
    assert!(matches!(line, Error::Inconsistent { .. }), "{line}");
    let problem = Problem::new(tall, vec![1.0, 1.0, 2.0], 2, Fit::Ball(0.1)).unwrap();
    let line = solve(&problem, &Settings::default(), &Observer::default())
        .unwrap_err()
        .to_string();
    assert!(line.starts_with("epsilon: found 1e-1, where y is"), "{line}");
}
