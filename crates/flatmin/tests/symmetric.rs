//! The symmetric domains: every method against the twin and against the same map held densely; recovery and certification;
//! the laws of the problem; widths; honest endings.

use faer::{Mat, MatRef};
use flatmin::map::{Dense, MeasurementMap, RankOne, SymmetricRankOne};
use flatmin::solve::{Method, Observer, Settings, Solution, Status, solve};
use flatmin::{Domain, Error, Fit, Objective, Problem, SignedFactors};
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

fn normals(count: usize, seed: u64) -> Vec<f64> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| StandardNormal.sample(&mut rng)).collect()
}

/// U S Uᵀ of unit Frobenius norm with `negative` of `rank` signs −.
fn truth(d: usize, rank: usize, negative: usize, seed: u64) -> Mat<f64> {
    let u = MatRef::from_column_major_slice(&normals(d * rank, seed), d, rank).to_owned();
    let signed = Mat::from_fn(d, rank, |i, j| {
        if j < rank - negative {
            u[(i, j)]
        } else {
            -u[(i, j)]
        }
    });
    let x = &signed * u.transpose();
    let size = x.norm_l2();
    faer::Scale(1.0 / size) * x
}

/// x (m × d, row after row) and y with noise of that size each.
fn measure(truth: &Mat<f64>, m: usize, noise: f64, seed: u64) -> (Vec<f64>, Vec<f64>) {
    let d = truth.nrows();
    let x = normals(m * d, seed);
    let y = SymmetricRankOne::new(&x, m, d)
        .unwrap()
        .apply_dense(truth.as_ref());
    let errors = normals(m, seed + 1);
    let y = y.iter().zip(errors).map(|(y, e)| y + noise * e).collect();
    (x, y)
}

fn problem(x: &[f64], y: &[f64], fit: Fit, objective: Objective, domain: Domain) -> Problem<'static> {
    let map = SymmetricRankOne::new(x, y.len(), x.len() / y.len()).unwrap();
    Problem::new(Box::new(map), y.to_vec(), fit, objective)
        .unwrap()
        .over(domain)
        .unwrap()
}

fn run(problem: &Problem, method: Method) -> Solution {
    solve(
        problem,
        &Settings::default().with_method(method),
        &Observer::default(),
    )
    .unwrap()
}

fn error(solution: &Solution, truth: &Mat<f64>) -> f64 {
    (solution.factors.dense() - truth).norm_l2()
}

const DOMAINS: [(Domain, usize); 2] = [(Domain::Symmetric, 1), (Domain::Semidefinite, 0)];

#[test]
fn every_method_agrees_with_the_twin_for_every_domain_fit_and_objective() {
    for (domain, negative) in DOMAINS {
        for (seed, d, m) in [(10, 12, 70), (20, 15, 60)] {
            for objective in [Objective::Flat, Objective::Nuclear, Objective::Smoothed(0.5)] {
                for fit in [Fit::Exact, Fit::Ball(0.1), Fit::Penalised(0.02)] {
                    let noise = if fit == Fit::Exact { 0.0 } else { 1e-2 };
                    let (x, y) = measure(&truth(d, 2, negative, seed), m, noise, seed + 5);
                    let problem = problem(&x, &y, fit, objective, domain);
                    let what = format!("{domain:?} {d} {fit:?} {objective:?}");
                    let twin = run(&problem, Method::Splitting);
                    assert!(twin.certificate.proves(1e-8), "{what}: {:?}", twin.certificate);
                    for method in [Method::Auto, Method::Path, Method::AugmentedLagrangian] {
                        let found = run(&problem, method);
                        let what = format!("{what} {method:?}");
                        let (value, expected) = (found.certificate.value, twin.certificate.value);
                        let proved = found.status == Status::Certified && found.certificate.proves(1e-8);
                        let honest = method == Method::Path && found.status == Status::Converged;
                        assert!(proved || honest, "{what}: {:?}", found.certificate);
                        let allowed = if proved { 1e-7 } else { 1e-3 };
                        assert!(
                            (value - expected).abs() <= allowed * expected,
                            "{what}: {value}, {expected}"
                        );
                        assert!(found.certificate.lower_bound <= expected * (1.0 + 1e-8), "{what}");
                    }
                }
            }
        }
    }
}

#[test]
fn the_same_map_held_densely_has_the_same_solution() {
    for (domain, negative) in DOMAINS {
        let (d, m) = (12, 60);
        let (x, y) = measure(&truth(d, 2, negative, 1), m, 0.0, 2);
        let matrices: Vec<f64> = x
            .chunks(d)
            .flat_map(|x| x.iter().flat_map(move |a| x.iter().map(move |b| a * b)))
            .collect();
        let dense = Dense::new(matrices, m, (d, d)).unwrap();
        assert!(dense.is_symmetric());
        let dense = Problem::new(Box::new(dense), y.clone(), Fit::Exact, Objective::Flat)
            .unwrap()
            .over(domain)
            .unwrap();
        let thin = problem(&x, &y, Fit::Exact, Objective::Flat, domain);
        for method in [Method::Path, Method::AugmentedLagrangian, Method::Splitting] {
            let (one, other) = (run(&thin, method), run(&dense, method));
            assert!((one.certificate.value / other.certificate.value - 1.0).abs() <= 1e-8);
            assert!((one.factors.dense() - other.factors.dense()).norm_l2() <= 1e-7);
        }
    }
}

#[test]
fn recovers_above_the_transition_and_certifies_below_it() {
    for seed in [100, 200, 300] {
        for (domain, rank, negative, d, m) in [
            (Domain::Symmetric, 3, 1, 20, 180),
            (Domain::Symmetric, 2, 2, 20, 180),
            (Domain::Semidefinite, 2, 0, 20, 130),
            (Domain::Semidefinite, 1, 0, 20, 90),
        ] {
            let m_true = truth(d, rank, negative, seed);
            let (x, y) = measure(&m_true, m, 0.0, seed + 7);
            let found = run(
                &problem(&x, &y, Fit::Exact, Objective::Flat, domain),
                Method::Auto,
            );
            let what = format!("{domain:?} {rank} {negative} {seed}: {:?}", found.certificate);
            assert_eq!(found.status, Status::Certified, "{what}");
            assert_eq!(found.certificate.uniqueness.unique, Some(true), "{what}");
            assert!(error(&found, &m_true) <= 1e-7, "{what}");
            let parts = SignedFactors::of(&found.factors).unwrap();
            assert_eq!(
                (parts.u1.ncols(), parts.u2.ncols()),
                (rank - negative, negative),
                "{what}"
            );
        }
        for (domain, negative) in DOMAINS {
            let m_true = truth(20, 3, negative, seed);
            let (x, y) = measure(&m_true, 45, 0.0, seed + 7);
            let found = run(
                &problem(&x, &y, Fit::Exact, Objective::Nuclear, domain),
                Method::Auto,
            );
            assert_eq!(
                found.status,
                Status::Certified,
                "{domain:?} {seed}: {:?}",
                found.certificate
            );
            assert!(error(&found, &m_true) > 0.01);
        }
    }
}

#[test]
fn factors_are_signed_balanced_and_in_order() {
    let (x, y) = measure(&truth(15, 4, 2, 1), 110, 0.0, 2);
    let problem = problem(&x, &y, Fit::Exact, Objective::Flat, Domain::Symmetric);
    let found = run(&problem, Method::Auto);
    let parts = SignedFactors::of(&found.factors).unwrap();
    let again = parts.factors();
    assert!(again.l == found.factors.l && again.r == found.factors.r);
    let scaled = found.weights.left.times(found.factors.l.as_ref());
    let gram = scaled.transpose() * &scaled;
    for j in 0..gram.ncols() {
        for i in 0..j {
            assert!(gram[(i, j)].abs() <= 1e-10 * gram[(0, 0)], "({i}, {j})");
        }
        let first = j == 0 || j == parts.u1.ncols();
        assert!(first || gram[(j, j)] <= gram[(j - 1, j - 1)] * (1.0 + 1e-12));
    }
}

#[test]
fn semidefinite_optima_are_at_least_the_symmetric_ones_and_equal_where_flatness_is_constant() {
    let (x, y) = measure(&truth(20, 3, 0, 3), 50, 0.0, 4);
    let value = |objective, domain| {
        let found = run(&problem(&x, &y, Fit::Exact, objective, domain), Method::Auto);
        assert_eq!(found.status, Status::Certified);
        found.certificate.value
    };
    let (nuclear, semidefinite) = (
        value(Objective::Nuclear, Domain::Symmetric),
        value(Objective::Nuclear, Domain::Semidefinite),
    );
    assert!(semidefinite > nuclear * (1.0 + 1e-4), "{semidefinite}, {nuclear}");
    // tr(D M D) = Σ ‖x_i‖² y_i/(m·d) for every M that fits: flat and feasible are one where M ⪰ 0.
    let norms = x.chunks(20).map(|x| x.iter().map(|v| v * v).sum::<f64>());
    let constant = norms.zip(&y).map(|(n, y)| n * y).sum::<f64>() / (50.0 * 20.0);
    for domain in [Domain::Symmetric, Domain::Semidefinite] {
        assert!((value(Objective::Flat, domain) / constant - 1.0).abs() <= 1e-7);
    }
}

#[test]
fn scaling_data_and_permuting_measurements_change_nothing_else() {
    for (domain, negative) in DOMAINS {
        let (d, m) = (14, 100);
        let (x, y) = measure(&truth(d, 2, negative, 8), m, 0.0, 9);
        let solve = |x: &[f64], y: &[f64]| {
            let found = run(&problem(x, y, Fit::Exact, Objective::Flat, domain), Method::Auto);
            assert_eq!(found.status, Status::Certified, "{:?}", found.certificate);
            found
        };
        let plain = solve(&x, &y);
        for scale in [1e-100, 1e-8, 1e8, 1e100] {
            let scaled = solve(&x, &y.iter().map(|v| v * scale).collect::<Vec<_>>());
            let ratio = scaled.certificate.value / scale / plain.certificate.value;
            assert!((ratio - 1.0).abs() <= 1e-9, "{scale}: {ratio}");
        }
        let turned: Vec<f64> = x.chunks(d).rev().flatten().copied().collect();
        let other = solve(&turned, &y.iter().rev().copied().collect::<Vec<_>>());
        assert!((other.certificate.value / plain.certificate.value - 1.0).abs() <= 1e-9);
        assert!((other.factors.dense() - plain.factors.dense()).norm_l2() <= 1e-7);
        // −M solves the negated problem, with U1 and U2 exchanged.
        if domain == Domain::Symmetric {
            let negated = solve(&x, &y.iter().map(|v| -v).collect::<Vec<_>>());
            assert!((negated.factors.dense() + plain.factors.dense()).norm_l2() <= 1e-7);
        }
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    for (domain, negative) in DOMAINS {
        let bits = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| {
                let (x, y) = measure(&truth(110, 3, negative, 50), 1200, 0.0, 51);
                let found = run(
                    &problem(&x, &y, Fit::Exact, Objective::Flat, domain),
                    Method::Auto,
                );
                let l = found.factors.l;
                let columns = (0..l.ncols()).flat_map(|j| l.col_as_slice(j).to_vec());
                columns.chain(found.dual).map(f64::to_bits).collect::<Vec<_>>()
            })
        };
        let one = bits(1);
        assert!(one == bits(2) && one == bits(5), "{domain:?}");
    }
}

#[test]
fn widths_and_ranks_are_kept_and_their_bounds_are_those_of_the_convex_problem() {
    let m_true = truth(20, 3, 1, 60);
    let with = |m: usize, settings: Settings| {
        let (x, y) = measure(&m_true, m, 0.0, 61);
        let problem = problem(&x, &y, Fit::Exact, Objective::Flat, Domain::Symmetric);
        solve(&problem, &settings, &Observer::default()).unwrap()
    };
    let widths = |solution: &Solution| {
        let parts = SignedFactors::of(&solution.factors).unwrap();
        (parts.u1.ncols(), parts.u2.ncols())
    };
    let plain = Settings::default;
    let wide = with(180, plain().with_widths(Some(5), Some(2)));
    assert_eq!((wide.status, widths(&wide)), (Status::Certified, (2, 1)));
    let padded = SignedFactors::of(&wide.factors).unwrap().padded(5, 2);
    assert_eq!((padded.u1.ncols(), padded.u2.ncols()), (5, 2));
    assert_eq!(
        with(180, plain().with_rank(Some(9))).factors.columns(),
        9,
        "padded"
    );
    let convex = with(95, plain());
    for settings in [
        plain().with_widths(Some(2), Some(1)),
        plain().with_rank(Some(3)),
        plain().with_widths(Some(1), None),
        plain().with_widths(None, Some(0)),
    ] {
        let found = with(95, settings.clone());
        let (k1, k2) = widths(&found);
        assert!(settings.positive.is_none_or(|k| k1 <= k) && settings.negative.is_none_or(|k| k2 <= k));
        assert!(settings.rank.is_none_or(|k| k1 + k2 <= k));
        assert!(found.certificate.lower_bound <= convex.certificate.value * (1.0 + 1e-9));
    }
    let (x, y) = measure(&m_true, 95, 0.0, 61);
    let general = problem(&x, &y, Fit::Exact, Objective::Flat, Domain::General);
    let refused = solve(
        &general,
        &plain().with_widths(Some(1), None),
        &Observer::default(),
    );
    assert!(matches!(refused, Err(Error::Setting { .. })), "{refused:?}");
}

#[test]
fn data_that_no_semidefinite_matrix_fits_are_named() {
    for (d, rank, negative, m) in [(12, 2, 1, 70), (12, 2, 2, 70), (12, 2, 2, 30)] {
        let (x, y) = measure(&truth(d, rank, negative, 5), m, 0.0, 6);
        let problem = problem(&x, &y, Fit::Exact, Objective::Flat, Domain::Semidefinite);
        let refused = solve(&problem, &Settings::default(), &Observer::default());
        assert!(
            matches!(refused, Err(Error::Inconsistent { residual }) if residual > 0.01),
            "{m}: {refused:?}"
        );
        let problem = problem.with(Fit::Ball(1e-3), Objective::Flat).unwrap();
        assert_eq!(problem.domain(), Domain::Semidefinite);
        let refused = solve(&problem, &Settings::default(), &Observer::default());
        assert!(
            matches!(refused, Err(Error::Inconsistent { .. })),
            "{m}: {refused:?}"
        );
    }
}

#[test]
fn zero_data_and_domains_of_other_maps() {
    for (domain, _) in DOMAINS {
        let x = normals(30 * 4, 5);
        for (fit, y) in [
            (Fit::Exact, 0.0),
            (Fit::Ball(10.0), 0.1),
            (Fit::Penalised(100.0), 0.1),
        ] {
            let found = run(&problem(&x, &[y; 30], fit, Objective::Flat, domain), Method::Auto);
            assert_eq!(
                (found.status, found.factors.columns()),
                (Status::Certified, 0),
                "{fit:?}"
            );
        }
        let map = RankOne::new(&normals(20, 1), &normals(20, 2), 5, (4, 4)).unwrap();
        let refused = Problem::new(Box::new(map), vec![1.0; 5], Fit::Exact, Objective::Flat)
            .unwrap()
            .over(domain);
        assert!(matches!(refused, Err(Error::Setting { .. })));
        let map = Dense::new(normals(5 * 16, 3), 5, (4, 4)).unwrap();
        let refused = Problem::new(Box::new(map), vec![1.0; 5], Fit::Exact, Objective::Flat)
            .unwrap()
            .over(domain);
        assert!(matches!(refused, Err(Error::Setting { .. })));
    }
    for (x, m, d) in [
        (vec![], 0, 3),
        (vec![1.0; 6], 2, 4),
        (vec![1.0, f64::NAN], 2, 1),
        (vec![1e80; 2], 2, 1),
    ] {
        assert!(SymmetricRankOne::new(&x, m, d).is_err());
    }
}
