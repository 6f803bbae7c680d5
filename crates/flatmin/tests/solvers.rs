//! The production methods against the naive twin, and against the laws of the problem itself: the same value and the same
//! proof for every map, fit and objective; symmetries; the same bits for any number of threads; honest endings.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use faer::{Mat, MatRef};
use flatmin::map::{Dense, Entries, Identity, MeasurementMap, RankOne};
use flatmin::solve::{Method, Observer, Settings, Solution, Status, solve};
use flatmin::{Error, Fit, Objective, Problem};
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

fn normals(count: usize, seed: u64) -> Vec<f64> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| StandardNormal.sample(&mut rng)).collect()
}

/// A rank-`rank` matrix of unit Frobenius norm.
fn truth(shape: (usize, usize), rank: usize, seed: u64) -> Mat<f64> {
    let l = MatRef::from_column_major_slice(&normals(shape.0 * rank, seed), shape.0, rank).to_owned();
    let r = MatRef::from_column_major_slice(&normals(shape.1 * rank, seed + 1), shape.1, rank).to_owned();
    let x = &l * r.transpose();
    let size = x.norm_l2();
    faer::Scale(1.0 / size) * x
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Sensing,
    Bilinear,
    Completion,
    Identity,
}

/// `m` measurements of `x`, with noise of that size each.
fn measure(kind: Kind, x: &Mat<f64>, m: usize, noise: f64, seed: u64) -> (Box<dyn MeasurementMap>, Vec<f64>) {
    let (d1, d2) = x.shape();
    let map: Box<dyn MeasurementMap> = match kind {
        Kind::Sensing => Box::new(Dense::new(normals(m * d1 * d2, seed), m, (d1, d2)).unwrap()),
        Kind::Bilinear => {
            let (a, b) = (normals(m * d1, seed), normals(m * d2, seed + 1));
            Box::new(RankOne::new(&a, &b, m, (d1, d2)).unwrap())
        }
        Kind::Completion => {
            // The first m cells in a shuffled order.
            let keys = normals(d1 * d2, seed);
            let mut cells: Vec<usize> = (0..d1 * d2).collect();
            cells.sort_by(|i, j| keys[*i].total_cmp(&keys[*j]));
            let rows: Vec<u32> = cells[..m].iter().map(|c| (c / d2) as u32).collect();
            let columns: Vec<u32> = cells[..m].iter().map(|c| (c % d2) as u32).collect();
            Box::new(Entries::new(&rows, &columns, &vec![0.0; m], (d1, d2)).unwrap().0)
        }
        Kind::Identity => Box::new(Identity::new((d1, d2))),
    };
    let errors = normals(map.measurements(), seed + 2);
    let y = map
        .apply_dense(x.as_ref())
        .iter()
        .zip(errors)
        .map(|(y, e)| y + noise * e)
        .collect();
    (map, y)
}

fn run(problem: &Problem, method: Method) -> Solution {
    let settings = Settings::default().with_method(method);
    solve(problem, &settings, &Observer::default()).unwrap()
}

fn error(solution: &Solution, truth: &Mat<f64>) -> f64 {
    (solution.factors.dense() - truth).norm_l2()
}

const ALL: [Kind; 4] = [Kind::Sensing, Kind::Bilinear, Kind::Completion, Kind::Identity];
const OBJECTIVES: [Objective; 3] = [Objective::Flat, Objective::Nuclear, Objective::Smoothed(0.5)];

#[test]
fn every_method_agrees_with_the_twin_on_every_map_fit_and_objective() {
    for (seed, shape, m) in [(10, (12, 12), 90), (20, (9, 15), 110), (30, (15, 8), 70)] {
        for kind in ALL {
            for objective in OBJECTIVES {
                let noise = 1e-3;
                let x = truth(shape, 2, seed);
                for fit in [Fit::Exact, Fit::Ball(0.02), Fit::Penalised(0.01)] {
                    let noise = if fit == Fit::Exact { 0.0 } else { noise };
                    let make = || {
                        let (map, y) = measure(kind, &x, m, noise, seed + 5);
                        Problem::new(map, y, fit, objective).unwrap()
                    };
                    let twin = run(&make(), Method::Splitting);
                    assert!(
                        twin.certificate.proves(1e-8),
                        "{kind:?} {fit:?} {objective:?}: {:?}",
                        twin.certificate
                    );
                    for method in [Method::Auto, Method::Path, Method::AugmentedLagrangian] {
                        let found = run(&make(), method);
                        let what = format!("{kind:?} {shape:?} {fit:?} {objective:?} {method:?}");
                        let (value, expected) = (found.certificate.value, twin.certificate.value);
                        let proved = found.status == Status::Certified && found.certificate.proves(1e-8);
                        // Below the transition the path alone may end near the solution: then it has to say so.
                        let honest = method == Method::Path && found.status == Status::Converged;
                        assert!(
                            proved || honest,
                            "{what}: {:?} {:?}",
                            found.status,
                            found.certificate
                        );
                        let allowed = if proved { 1e-7 } else { 1e-3 };
                        assert!(
                            (value - expected).abs() <= allowed * expected,
                            "{what}: {value} against {expected}"
                        );
                        assert!(found.certificate.lower_bound <= expected * (1.0 + 1e-8), "{what}");
                    }
                }
            }
        }
    }
}

#[test]
fn recovers_above_the_transition_and_certifies_below_it() {
    for seed in [100, 200, 300] {
        for (kind, shape, m) in [
            (Kind::Sensing, (20, 20), 220),
            (Kind::Bilinear, (20, 20), 280),
            (Kind::Completion, (30, 30), 600),
            (Kind::Sensing, (30, 10), 220),
            (Kind::Sensing, (1, 20), 30),
        ] {
            let x = truth(shape, if shape.0 == 1 { 1 } else { 2 }, seed);
            let (map, y) = measure(kind, &x, m, 0.0, seed + 7);
            let found = run(
                &Problem::new(map, y, Fit::Exact, Objective::Flat).unwrap(),
                Method::Auto,
            );
            assert_eq!(
                found.status,
                Status::Certified,
                "{kind:?} {shape:?} {seed}: {:?}",
                found.certificate
            );
            assert_eq!(
                found.certificate.uniqueness.unique,
                Some(true),
                "{kind:?} {shape:?} {seed}"
            );
            assert!(
                error(&found, &x) <= 1e-7,
                "{kind:?} {shape:?} {seed}: {}",
                error(&found, &x)
            );
        }
        let x = truth((20, 20), 2, seed);
        for (kind, m) in [(Kind::Sensing, 80), (Kind::Bilinear, 110)] {
            let (map, y) = measure(kind, &x, m, 0.0, seed + 7);
            let found = run(
                &Problem::new(map, y, Fit::Exact, Objective::Flat).unwrap(),
                Method::Auto,
            );
            assert_eq!(
                found.status,
                Status::Certified,
                "{kind:?} {m}: {:?}",
                found.certificate
            );
            assert!(error(&found, &x) > 0.01);
        }
    }
}

#[test]
fn fits_meet_their_own_optimality_conditions() {
    let x = truth((15, 12), 2, 3);
    let (map, y) = measure(Kind::Sensing, &x, 120, 0.01, 4);
    let ball = run(
        &Problem::new(map, y.clone(), Fit::Ball(0.1), Objective::Flat).unwrap(),
        Method::Auto,
    );
    let size = y.iter().map(|v| v * v).sum::<f64>().sqrt();
    // The misfit lies on the sphere, and the multiplier points along the residual.
    assert!((ball.certificate.residual * size - 0.1).abs() <= 1e-8);
    let (map, y) = measure(Kind::Sensing, &x, 120, 0.01, 4);
    let penalised = Problem::new(map, y.clone(), Fit::Penalised(0.002), Objective::Flat).unwrap();
    let found = run(&penalised, Method::Auto);
    let image = penalised
        .map()
        .apply_factored(found.factors.l.as_ref(), found.factors.r.as_ref());
    for ((image, y), lambda) in image.iter().zip(&y).zip(&found.dual) {
        assert!((y - image - lambda).abs() <= 1e-6 * size, "λ = y − A(X)");
    }
}

#[test]
fn balls_far_smaller_than_the_data_are_certified() {
    let x = truth((12, 12), 2, 90);
    // Above the transition and below it. Bilinear at m = 120 the ball lets in a third singular value, of the size of ε.
    for (kind, m) in [
        (Kind::Sensing, 100),
        (Kind::Bilinear, 120),
        (Kind::Bilinear, 100),
        (Kind::Completion, 110),
        (Kind::Sensing, 60),
        (Kind::Bilinear, 70),
        (Kind::Completion, 75),
    ] {
        for epsilon in [1e-3, 1e-5, 1e-7, 1e-8, 1e-9, 1e-10] {
            let (map, y) = measure(kind, &x, m, 0.0, 91);
            let found = run(
                &Problem::new(map, y, Fit::Ball(epsilon), Objective::Flat).unwrap(),
                Method::Auto,
            );
            assert_eq!(
                found.status,
                Status::Certified,
                "{kind:?} {m} {epsilon}: {:?}",
                found.certificate
            );
            // Digits that the arithmetic does not have are not waited for.
            assert!(
                found.iterations <= 200,
                "{kind:?} {m} {epsilon}: {}",
                found.iterations
            );
        }
    }
}

#[test]
fn scaling_the_data_scales_the_solution() {
    let x = truth((14, 14), 2, 8);
    let (map, y) = measure(Kind::Bilinear, &x, 150, 0.0, 9);
    let plain = run(
        &Problem::new(map, y.clone(), Fit::Exact, Objective::Flat).unwrap(),
        Method::Auto,
    );
    for scale in [1e-100, 1e-8, 1e8, 1e100] {
        let (map, _) = measure(Kind::Bilinear, &x, 150, 0.0, 9);
        let scaled = y.iter().map(|v| v * scale).collect();
        let found = run(
            &Problem::new(map, scaled, Fit::Exact, Objective::Flat).unwrap(),
            Method::Auto,
        );
        assert_eq!(
            found.status,
            Status::Certified,
            "{scale}: {:?}",
            found.certificate
        );
        let ratio = found.certificate.value / scale / plain.certificate.value;
        assert!((ratio - 1.0).abs() <= 1e-9, "{scale}: {ratio}");
    }
}

#[test]
fn the_transposed_problem_has_the_transposed_solution() {
    let (d1, d2, m) = (9, 14, 90);
    let (a, b) = (normals(m * d1, 1), normals(m * d2, 2));
    let x = truth((d1, d2), 2, 3);
    let map = RankOne::new(&a, &b, m, (d1, d2)).unwrap();
    let y = map.apply_dense(x.as_ref());
    let turned = RankOne::new(&b, &a, m, (d2, d1)).unwrap();
    let one = run(
        &Problem::new(Box::new(map), y.clone(), Fit::Exact, Objective::Flat).unwrap(),
        Method::Auto,
    );
    let other = run(
        &Problem::new(Box::new(turned), y, Fit::Exact, Objective::Flat).unwrap(),
        Method::Auto,
    );
    assert!((one.certificate.value / other.certificate.value - 1.0).abs() <= 1e-9);
    assert!((one.factors.dense() - other.factors.dense().transpose()).norm_l2() <= 1e-6);
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    for kind in ALL {
        let bits = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| {
                let x = truth((40, 35), 2, 50);
                let (map, y) = measure(kind, &x, 700, 0.0, 51);
                let found = run(
                    &Problem::new(map, y, Fit::Exact, Objective::Flat).unwrap(),
                    Method::Auto,
                );
                let l = found.factors.l;
                let columns = (0..l.ncols()).flat_map(|j| l.col_as_slice(j).to_vec());
                columns.chain(found.dual).map(f64::to_bits).collect::<Vec<_>>()
            })
        };
        let one = bits(1);
        assert!(one == bits(2) && one == bits(5), "{kind:?}");
    }
}

#[test]
fn a_rank_cap_keeps_its_word_and_its_bound() {
    let x = truth((20, 20), 2, 60);
    let make = |m| {
        let (map, y) = measure(Kind::Sensing, &x, m, 0.0, 61);
        Problem::new(map, y, Fit::Exact, Objective::Flat).unwrap()
    };
    let capped = |m, rank| {
        solve(
            &make(m),
            &Settings::default().with_rank(Some(rank)),
            &Observer::default(),
        )
        .unwrap()
    };
    // Wider than the solution: zero columns.
    let wide = capped(250, 50);
    assert_eq!((wide.status, wide.factors.columns()), (Status::Certified, 50));
    // Below the convex transition the rank-constrained solution is the truth; the convex bound lies below its value.
    let narrow = capped(100, 2);
    assert_eq!((narrow.status, narrow.factors.columns()), (Status::Converged, 2));
    assert!(error(&narrow, &x) <= 1e-7, "{}", error(&narrow, &x));
    let convex = run(&make(100), Method::Auto);
    assert!(narrow.certificate.lower_bound <= convex.certificate.value * (1.0 + 1e-9));
    assert!(narrow.certificate.value > convex.certificate.value);
}

#[test]
fn dependent_measurements_are_fine_and_contradictory_ones_are_named() {
    let (d, m) = (10, 80);
    let x = truth((d, d), 1, 70);
    let (map, y) = measure(Kind::Sensing, &x, m, 0.0, 71);
    let mut matrices = normals(m * d * d, 71);
    matrices.extend_from_within(..5 * d * d);
    let mut doubled = y.clone();
    doubled.extend_from_slice(&y[..5]);
    drop(map);
    let map = || Box::new(Dense::new(matrices.clone(), m + 5, (d, d)).unwrap());
    let found = run(
        &Problem::new(map(), doubled.clone(), Fit::Exact, Objective::Flat).unwrap(),
        Method::Auto,
    );
    assert_eq!(found.status, Status::Certified);
    assert!(error(&found, &x) <= 1e-8);
    doubled[m] += 0.5;
    let problem = Problem::new(map(), doubled, Fit::Exact, Objective::Flat).unwrap();
    let refused = solve(&problem, &Settings::default(), &Observer::default());
    assert!(
        matches!(refused, Err(Error::Inconsistent { residual }) if residual > 0.01),
        "{refused:?}"
    );
}

#[test]
fn zero_data_zero_solution() {
    for (fit, y) in [
        (Fit::Exact, 0.0),
        (Fit::Ball(10.0), 0.1),
        (Fit::Penalised(100.0), 0.1),
    ] {
        let map = Dense::new(normals(30 * 16, 5), 30, (4, 4)).unwrap();
        let found = run(
            &Problem::new(Box::new(map), vec![y; 30], fit, Objective::Flat).unwrap(),
            Method::Auto,
        );
        assert_eq!(
            (found.status, found.factors.columns()),
            (Status::Certified, 0),
            "{fit:?}: {:?}",
            found.certificate
        );
    }
}

#[test]
fn unobserved_rows_are_zero_and_never_unique() {
    let rows = [0, 0, 0, 2, 2, 2];
    let columns = [0, 1, 2, 0, 1, 2];
    let y = [1.0, 2.0, 3.0, 2.0, 4.0, 6.0];
    let (map, y) = Entries::new(&rows, &columns, &y, (3, 3)).unwrap();
    let found = run(
        &Problem::new(Box::new(map), y, Fit::Exact, Objective::Flat).unwrap(),
        Method::Auto,
    );
    assert_eq!((found.status, found.factors.columns()), (Status::Certified, 1));
    assert_eq!(found.certificate.uniqueness.unique, Some(false));
    let x = found.factors.dense();
    assert!((0..3).all(|b| x[(1, b)] == 0.0) && (x[(2, 2)] - 6.0).abs() < 1e-8);
}

#[test]
fn budgets_and_interruptions_are_statuses_with_valid_bounds() {
    let x = truth((20, 20), 2, 80);
    let make = || {
        let (map, y) = measure(Kind::Sensing, &x, 150, 0.0, 81);
        Problem::new(map, y, Fit::Exact, Objective::Flat).unwrap()
    };
    let optimum = run(&make(), Method::Auto).certificate.value;
    for steps in [0, 1, 5, 20, 50] {
        let settings = Settings::default().with_max_iterations(steps);
        let found = solve(&make(), &settings, &Observer::default()).unwrap();
        assert!(found.iterations <= steps);
        assert_eq!(found.status, Status::Budget, "{steps}");
        assert!(found.certificate.lower_bound <= optimum * (1.0 + 1e-9));
    }
    let settings = Settings::default().with_time_limit(Some(Duration::ZERO));
    assert_eq!(
        solve(&make(), &settings, &Observer::default()).unwrap().status,
        Status::Budget
    );
    let flag = AtomicBool::new(true);
    let observer = Observer {
        interrupt: Some(&flag),
        progress: None,
    };
    assert_eq!(
        solve(&make(), &Settings::default(), &observer).unwrap().status,
        Status::Interrupted
    );
}

#[test]
fn settings_out_of_range_are_refused() {
    let map = Dense::new(normals(30 * 16, 5), 30, (4, 4)).unwrap();
    let problem = Problem::new(Box::new(map), vec![1.0; 30], Fit::Exact, Objective::Flat).unwrap();
    for settings in [
        Settings::default().with_tolerance(0.0),
        Settings::default().with_rank(Some(0)),
    ] {
        let refused = solve(&problem, &settings, &Observer::default());
        assert!(matches!(refused, Err(Error::Setting { .. })), "{refused:?}");
    }
}
