//! Robust PCA against the naive twin and against its own laws: the same value and proof for every shape, share of outliers,
//! mask and fit; exact recovery where theory promises it; θ and τ describe one path; honest endings.

use std::time::Duration;

use faer::{Mat, MatRef};
use flatmin::flatness::{Traces, Weights};
use flatmin::map::{Dense, Entries, Identity, MeasurementMap};
use flatmin::solve::{Method, Observer, Settings, Solution, Status, solve};
use flatmin::{Error, Fit, Objective, Problem};
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};

/// A low-rank matrix with entries of size one, and outliers ±1 in a share of the entries: (truth, outliers), row after row.
fn draw(shape: (usize, usize), rank: usize, share: f64, seed: u64) -> (Vec<f64>, Vec<f64>) {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let mut normal =
        |rows, cols| -> Mat<f64> { Mat::from_fn(rows, cols, |_, _| StandardNormal.sample(&mut rng)) };
    let x = normal(shape.0, rank) * normal(rank, shape.1);
    let unit = ((shape.0 * shape.1) as f64).sqrt() / x.norm_l2();
    let truth = (0..shape.0 * shape.1)
        .map(|i| unit * x[(i / shape.1, i % shape.1)])
        .collect();
    let mut outlier = || match rng.random::<f64>() {
        u if u < 0.5 * share => 1.0,
        u if u < share => -1.0,
        _ => 0.0,
    };
    (truth, (0..shape.0 * shape.1).map(|_| outlier()).collect())
}

fn sum(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

fn magnitudes(s: &[f64]) -> f64 {
    s.iter().map(|s| s.abs()).sum()
}

fn whole(shape: (usize, usize), y: Vec<f64>, fit: Fit) -> Problem<'static> {
    Problem::new(Box::new(Identity::new(shape)), y, fit, Objective::Nuclear).unwrap()
}

/// Every fourth entry is not observed.
fn masked(shape: (usize, usize), y: &[f64], fit: Fit) -> Problem<'static> {
    let seen: Vec<usize> = (0..y.len())
        .filter(|i| !(i * 7 + i / shape.1).is_multiple_of(4))
        .collect();
    let pick = |f: &dyn Fn(usize) -> u32| seen.iter().map(|i| f(*i)).collect::<Vec<_>>();
    let (rows, columns) = (pick(&|i| (i / shape.1) as u32), pick(&|i| (i % shape.1) as u32));
    let values: Vec<f64> = seen.iter().map(|i| y[*i]).collect();
    let (map, y) = Entries::new(&rows, &columns, &values, shape).unwrap();
    Problem::new(Box::new(map), y, fit, Objective::Nuclear).unwrap()
}

fn run(problem: &Problem, method: Method) -> Solution {
    solve(
        problem,
        &Settings::default().with_method(method),
        &Observer::default(),
    )
    .unwrap()
}

fn theta(shape: (usize, usize)) -> f64 {
    1.0 / (shape.0.max(shape.1) as f64).sqrt()
}

fn error(found: &Solution, truth: &[f64]) -> f64 {
    let (d1, d2) = found.factors.shape();
    let truth = MatRef::from_row_major_slice(truth, d1, d2);
    (found.factors.dense() - truth).norm_l2() / truth.norm_l2()
}

#[test]
fn the_method_agrees_with_the_twin() {
    let mut compared = 0;
    for (shape, rank, share, noise) in [
        ((20, 20), 2, 0.05, 0.0),
        ((30, 12), 1, 0.05, 0.0),
        ((12, 30), 2, 0.1, 0.0),
        ((20, 20), 6, 0.3, 0.0),
        ((18, 22), 2, 0.1, 0.05),
        ((80, 70), 3, 0.1, 0.0),
        ((1, 9), 1, 0.2, 0.0),
    ] {
        let (truth, outliers) = draw(shape, rank, share, 5);
        let (errors, _) = draw(shape, shape.0.min(shape.1), 0.0, 6);
        let y: Vec<f64> = sum(&truth, &outliers)
            .iter()
            .zip(&errors)
            .map(|(y, e)| y + noise * e)
            .collect();
        let radius = magnitudes(&outliers).max(1.0);
        for fit in [
            Fit::Absolute(theta(shape)),
            Fit::Absolute(2.0 * theta(shape)),
            Fit::AbsoluteBall(radius),
            Fit::AbsoluteBall(0.7 * radius),
        ] {
            for problem in [whole(shape, y.clone(), fit), masked(shape, &y, fit)] {
                let what = format!("{shape:?}, rank {rank}, {share}, {noise}, {fit:?}");
                let found = run(&problem, Method::Auto);
                let plain = Settings::default()
                    .with_method(Method::Splitting)
                    .with_max_iterations(4000);
                let twin = solve(&problem, &plain, &Observer::default()).unwrap();
                assert_eq!(found.status, Status::Certified, "{what}: {:?}", found.certificate);
                let apart = (found.certificate.value / twin.certificate.value - 1.0).abs();
                // The twin may need more steps than it has; then it says how far it is.
                let certificate = &twin.certificate;
                let open = certificate.gap.abs() + certificate.infeasibility;
                if open <= 1e-4 {
                    assert!(apart <= 1e-7 + open, "{what}: {apart:e}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared >= 50, "{compared} of 56");
}

#[test]
fn few_outliers_are_found_exactly() {
    for (shape, rank, share) in [
        ((60, 60), 3, 0.05),
        ((90, 50), 2, 0.1),
        ((50, 120), 2, 0.05),
        ((150, 150), 5, 0.1),
    ] {
        for seed in 0..3 {
            let (truth, outliers) = draw(shape, rank, share, seed);
            let y = sum(&truth, &outliers);
            for fit in [
                Fit::Absolute(theta(shape)),
                Fit::AbsoluteBall(magnitudes(&outliers)),
            ] {
                let problem = whole(shape, y.clone(), fit);
                let found = run(&problem, Method::Auto);
                let what = format!("{shape:?}, seed {seed}, {fit:?}");
                assert_eq!(found.status, Status::Certified, "{what}: {:?}", found.certificate);
                assert_eq!(found.factors.columns(), rank, "{what}");
                assert!(
                    error(&found, &truth) <= 1e-11,
                    "{what}: {:e}",
                    error(&found, &truth)
                );
                assert_eq!(found.certificate.uniqueness.unique, Some(true), "{what}");
                let s = found.outliers(&problem);
                assert!(
                    s.iter()
                        .zip(&outliers)
                        .all(|(s, o)| (s - o).abs() <= 1e-10 && (*s == 0.0) == (*o == 0.0)),
                    "{what}: the support of the outliers"
                );
            }
        }
    }
}

#[test]
fn the_radius_of_a_threshold_has_the_same_solution() {
    let shape = (25, 20);
    let (truth, outliers) = draw(shape, 4, 0.25, 8);
    let y = sum(&truth, &outliers);
    let problem = whole(shape, y.clone(), Fit::Absolute(theta(shape)));
    let first = run(&problem, Method::Auto);
    let radius = magnitudes(&first.outliers(&problem));
    let second = run(&whole(shape, y, Fit::AbsoluteBall(radius)), Method::Auto);
    let apart = (first.factors.dense() - second.factors.dense()).norm_l2() / first.factors.dense().norm_l2();
    assert!(apart <= 1e-5, "{apart:e}");
    let nuclear: f64 = first.certificate.singular_values.iter().sum();
    assert!((second.certificate.value / nuclear - 1.0).abs() <= 1e-7);
}

#[test]
fn flat_norm_minimal_and_balanced_coincide() {
    let shape = (30, 20);
    let (truth, outliers) = draw(shape, 2, 0.05, 3);
    let found = run(
        &whole(shape, sum(&truth, &outliers), Fit::Absolute(theta(shape))),
        Method::Auto,
    );
    let flat = Weights::new(&Identity::new(shape), Objective::Flat).unwrap();
    let traces = Traces::new(&flat.left_gram, &flat.right_gram, &found.factors);
    // Of ‖L Rᵀ + S − Y‖² with S held: 2(‖L‖² + ‖R‖²), and 4‖X‖_* at its least.
    assert!((traces.scaled / (2.0 * found.factors.squared_norm()) - 1.0).abs() <= 1e-12);
    let nuclear: f64 = found.certificate.singular_values.iter().sum();
    assert!((traces.scaled / (4.0 * nuclear) - 1.0).abs() <= 1e-9);
}

/// ‖X‖_* + θ‖I − X‖_1 with θ = 1 is n for X = t·I, any t in [0, 1]; with θ = 1/n and Y = 1 1ᵀ so is X = t·1 1ᵀ. Signs of rows
/// and columns change nothing.
#[test]
fn solutions_that_are_not_unique_are_never_called_unique() {
    for n in [1usize, 2, 5, 16] {
        let sign = |i: usize| if (i * i + n).is_multiple_of(3) { -1.0 } else { 1.0 };
        let entries = |f: &dyn Fn(usize, usize) -> f64| {
            (0..n * n)
                .map(|i| sign(i / n) * sign(i % n + 3) * f(i / n, i % n))
                .collect::<Vec<f64>>()
        };
        let identity = entries(&|i, j| f64::from(u8::from(i == j)));
        let ones = entries(&|_, _| 1.0);
        for (y, theta) in [(identity, 1.0), (ones, 1.0 / n as f64)] {
            for method in [Method::Auto, Method::Splitting] {
                for off in [0.0, 1e-13, -1e-13] {
                    let found = run(
                        &whole((n, n), y.clone(), Fit::Absolute(theta * (1.0 + off))),
                        method,
                    );
                    let verdict = found.certificate.uniqueness;
                    assert_ne!(
                        verdict.unique,
                        Some(true),
                        "n {n}, θ {theta}, {off:e}: {verdict:?}"
                    );
                    assert!((found.certificate.value / n as f64 - 1.0).abs() <= 1e-7);
                }
            }
        }
    }
}

#[test]
fn scaling_and_transposing_the_data_does_so_to_the_solution() {
    let shape = (24, 30);
    let (truth, outliers) = draw(shape, 2, 0.1, 4);
    let y = sum(&truth, &outliers);
    let fit = Fit::Absolute(theta(shape));
    let plain = run(&whole(shape, y.clone(), fit), Method::Auto);
    for scale in [1e-120, 1e-3, 1e120] {
        let scaled: Vec<f64> = y.iter().map(|y| y * scale).collect();
        let found = run(&whole(shape, scaled, fit), Method::Auto);
        assert_eq!(found.status, Status::Certified, "{scale:e}");
        assert!((found.certificate.value / scale / plain.certificate.value - 1.0).abs() <= 1e-9);
    }
    let turned = (0..y.len())
        .map(|i| y[i % shape.0 * shape.1 + i / shape.0])
        .collect();
    let found = run(&whole((shape.1, shape.0), turned, fit), Method::Auto);
    assert!((found.factors.dense().transpose() - plain.factors.dense()).norm_l2() <= 1e-9);
}

#[test]
fn extreme_thresholds_and_data_are_certified() {
    let shape = (12, 9);
    let (truth, outliers) = draw(shape, 2, 0.1, 9);
    let y = sum(&truth, &outliers);
    for theta in [1e-3, 0.9, 1.0, 5.0] {
        let found = run(&whole(shape, y.clone(), Fit::Absolute(theta)), Method::Auto);
        assert_eq!(
            found.status,
            Status::Certified,
            "θ = {theta}: {:?}",
            found.certificate
        );
    }
    let radius = magnitudes(&y);
    for share in [1e-6, 0.999, 1.0, 3.0] {
        let problem = whole(shape, y.clone(), Fit::AbsoluteBall(share * radius));
        let found = run(&problem, Method::Auto);
        assert_eq!(
            found.status,
            Status::Certified,
            "τ = {share}: {:?}",
            found.certificate
        );
        if share >= 1.0 {
            assert_eq!(
                (found.factors.columns(), found.outliers(&problem)),
                (0, y.clone())
            );
        }
    }
    for y in [
        vec![0.0; 108],
        vec![1.0; 108],
        (0..108).map(|i| f64::from(u8::from(i == 40))).collect(),
    ] {
        let found = run(&whole(shape, y, Fit::Absolute(0.2)), Method::Auto);
        assert_eq!(found.status, Status::Certified);
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    for (rank, share) in [(3, 0.05), (8, 0.3)] {
        let shape = (90, 70);
        let (truth, outliers) = draw(shape, rank, share, 12);
        let problem = masked(shape, &sum(&truth, &outliers), Fit::Absolute(theta(shape)));
        let bits = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let found = pool.install(|| run(&problem, Method::Auto));
            let l = found.factors.l;
            let columns = (0..l.ncols()).flat_map(|j| l.col_as_slice(j).to_vec());
            columns.chain(found.dual).map(f64::to_bits).collect::<Vec<_>>()
        };
        let one = bits(1);
        assert!(one == bits(2) && one == bits(5));
    }
}

#[test]
fn a_run_that_is_stopped_says_so_and_proves_what_it_can() {
    let shape = (40, 40);
    let (truth, outliers) = draw(shape, 8, 0.3, 2);
    let problem = whole(shape, sum(&truth, &outliers), Fit::Absolute(theta(shape)));
    let optimum = run(&problem, Method::Auto).certificate.value;
    for settings in [
        Settings::default().with_max_iterations(0),
        Settings::default().with_max_iterations(3),
        Settings::default().with_max_iterations(30),
        Settings::default().with_time_limit(Some(Duration::ZERO)),
    ] {
        let found = solve(&problem, &settings, &Observer::default()).unwrap();
        assert_eq!(found.status, Status::Budget);
        assert!(found.iterations <= settings.max_iterations);
        assert!(found.certificate.value >= optimum * (1.0 - 1e-8));
        assert!(found.certificate.lower_bound <= optimum * (1.0 + 1e-8));
    }
    let flag = std::sync::atomic::AtomicBool::new(true);
    let observer = Observer {
        interrupt: Some(&flag),
        progress: None,
    };
    let found = solve(&problem, &Settings::default(), &observer).unwrap();
    assert_eq!(found.status, Status::Interrupted);
}

/// The multiplier of an unfinished run misses ‖A*(λ)‖_op ≤ 1: moved to where it is nearly met it proves more than divided.
#[test]
fn projections_raise_the_bound_of_an_unfinished_run() {
    for shape in [(60, 25), (25, 60)] {
        let (truth, outliers) = draw(shape, 3, 0.1, 3);
        let (errors, _) = draw(shape, 25, 0.0, 4);
        let noisy: Vec<f64> = sum(&truth, &outliers)
            .iter()
            .zip(&errors)
            .map(|(y, e)| y + 0.1 * e)
            .collect();
        let fit = Fit::Absolute(theta(shape));
        for problem in [whole(shape, noisy.clone(), fit), masked(shape, &noisy, fit)] {
            let optimum = run(&problem, Method::Auto).certificate.value;
            for steps in [25, 40] {
                let settings = Settings::default().with_max_iterations(steps);
                let found = solve(&problem, &settings, &Observer::default()).unwrap();
                let proof = &found.certificate;
                let divided = proof
                    .lower_bound_for(&problem, &found.weights, &found.dual)
                    .unwrap();
                assert!(proof.lower_bound <= optimum, "{shape:?}, {steps} steps");
                let (short, shorter) = (optimum - divided, optimum - proof.lower_bound);
                assert!(
                    shorter <= 0.9 * short,
                    "{shape:?}, {steps} steps: {shorter:e} of {short:e}"
                );
            }
        }
    }
}

#[test]
fn what_robust_pca_is_not_for_is_refused() {
    let shape = (6, 5);
    let (truth, outliers) = draw(shape, 1, 0.1, 1);
    let y = sum(&truth, &outliers);
    let message = |error: Error| error.to_string();
    for fit in [
        Fit::Absolute(0.0),
        Fit::Absolute(f64::NAN),
        Fit::AbsoluteBall(-1.0),
    ] {
        assert!(Problem::new(Box::new(Identity::new(shape)), y.clone(), fit, Objective::Nuclear).is_err());
    }
    let flat = Problem::new(
        Box::new(Identity::new(shape)),
        y.clone(),
        Fit::Absolute(0.4),
        Objective::Flat,
    );
    assert!(message(flat.unwrap_err()).contains("found flat, expected nuclear"));
    let map = Dense::new(vec![1.0; 60], 2, shape).unwrap();
    let data = map.apply_dense(Mat::<f64>::identity(6, 5).as_ref());
    let general = Problem::new(Box::new(map), data, Fit::Absolute(0.4), Objective::Nuclear).unwrap();
    for method in [Method::Auto, Method::Splitting] {
        let refused = solve(
            &general,
            &Settings::default().with_method(method),
            &Observer::default(),
        );
        assert!(message(refused.unwrap_err()).contains("expected entries of X"));
    }
    let problem = whole(shape, y, Fit::Absolute(0.4));
    for method in [Method::Path, Method::AugmentedLagrangian] {
        let refused = solve(
            &problem,
            &Settings::default().with_method(method),
            &Observer::default(),
        );
        assert!(message(refused.unwrap_err()).contains("expected auto or splitting"));
    }
}
