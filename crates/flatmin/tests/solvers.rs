//! The production methods against the naive twin, and against the laws of the problem itself: the same value and the same
//! proof for every map, fit and objective; symmetries; the same bits for any number of threads; honest endings.

#[path = "common/synthetic.rs"]
mod synthetic;

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use flatmin::linalg::vector::norm;
use flatmin::map::{Dense, Entries, MeasurementMap, RankOne};
use flatmin::solve::{Method, Observer, Settings, Status, solve};
use flatmin::{Error, Fit, Objective, Problem};
use synthetic::{Kind, error, measure, normals, run, truth};

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

/// At the first, large penalties of the path Z is zero and misses them: that is no sign of contradictory data.
#[test]
fn balls_nearly_as_large_as_the_data_are_certified() {
    let x = truth((6, 6), 1, 90);
    for kind in [Kind::Sensing, Kind::Bilinear, Kind::Completion] {
        for share in [0.3, 0.5, 0.6, 0.8, 0.9] {
            let (map, y) = measure(kind, &x, 33, 0.0, 91);
            let epsilon = share * norm(&y);
            let problem = Problem::new(map, y, Fit::Ball(epsilon), Objective::Flat).unwrap();
            let found = run(&problem, Method::Auto);
            assert_eq!(
                found.status,
                Status::Certified,
                "{kind:?} {share}: {:?}",
                found.certificate
            );
        }
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
