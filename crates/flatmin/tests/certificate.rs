//! A certificate is never false, and tight where λ is optimal: on instances that are solved by construction.
//!
//! For any map and λ with ‖B*(λ)‖ = 1, U and V the top singular spaces of B*(λ) and S ⪰ 0: Z = U S Vᵀ solves the
//! problem with the data B(Z), and its value is ‖Z‖_*. In any case Z is feasible, so that no bound may exceed its value.

mod common;

use common::{
    Instance, MAPS, dense, duplicated, exact_fit, fits, ill_conditioned, normals, planted, rotated,
};
use faer::Mat;
use flatmin::certificate::{certify, dual_bound};
use flatmin::map::{Dense, MeasurementMap};
use flatmin::{Fit, Objective};

const OBJECTIVES: [Objective; 3] = [Objective::Flat, Objective::Nuclear, Objective::Smoothed(0.5)];

/// Every instance of the suite, with its name.
fn instances() -> Vec<(String, Instance)> {
    let mut out = Vec::new();
    for (name, make) in MAPS {
        for objective in OBJECTIVES {
            for seed in 0..3 {
                for (fit, instance) in fits(make, objective, seed) {
                    out.push((format!("{name}, {objective:?}, {fit}, seed {seed}"), instance));
                }
            }
        }
    }
    for seed in 0..10 {
        for p in 1..=3 {
            out.push((format!("planted rank {p}, seed {seed}"), planted(p, 12, seed)));
        }
        out.push((format!("duplicated, seed {seed}"), duplicated(seed)));
    }
    for exponent in [1, 3, 5] {
        for objective in OBJECTIVES {
            let make = |seed| ill_conditioned(10f64.powi(-exponent), seed);
            out.push((
                format!("D of condition 1e{exponent}, {objective:?}"),
                exact_fit(make(7), objective, 7),
            ));
        }
    }
    for steps in [0, 4, 14] {
        out.push((format!("rotated completion, 2^{steps}"), rotated(steps)));
    }
    out
}

fn attacks(lambda: &[f64], seed: u64) -> Vec<(&'static str, Vec<f64>)> {
    let m = lambda.len();
    let noise = normals(m, 1000 + seed);
    let with = |f: &dyn Fn(usize) -> f64| (0..m).map(f).collect::<Vec<f64>>();
    vec![
        ("optimal", lambda.to_vec()),
        ("random", noise.clone()),
        ("nearly optimal", with(&|i| lambda[i] + 1e-7 * noise[i])),
        (
            "perturbed in the last bits",
            with(&|i| lambda[i] * (1.0 + 4e-16 * noise[i])),
        ),
        ("scaled up", with(&|i| lambda[i] * 1e8)),
        ("scaled down", with(&|i| lambda[i] * 1e-8)),
        ("enormous", with(&|i| lambda[i] * 1e280)),
        ("tiny", with(&|i| lambda[i] * 1e-300)),
        ("subnormal", with(&|i| lambda[i] * 1e-310)),
        ("zero", vec![0.0; m]),
        ("negated", with(&|i| -lambda[i])),
        (
            "one huge entry",
            with(&|i| if i == m / 2 { 1e30 } else { lambda[i] }),
        ),
        ("one entry", with(&|i| if i == 0 { 1.0 } else { 0.0 })),
        (
            "first less last",
            with(&|i| match i {
                0 => 1.0,
                _ if i == m - 1 => -1.0,
                _ => 0.0,
            }),
        ),
    ]
}

#[test]
fn no_dual_vector_proves_a_false_bound() {
    for (name, instance) in instances() {
        for (seed, (attack, lambda)) in attacks(&instance.lambda, 0).into_iter().enumerate() {
            let bound = dual_bound(&instance.problem, &instance.weights, &lambda).unwrap();
            assert!(
                bound.value <= instance.value * (1.0 + 1e-15),
                "{name}, {attack} ({seed}): {:e} above {:e} by {:e}",
                bound.value,
                instance.value,
                bound.value / instance.value - 1.0
            );
            assert!(
                bound.value >= 0.0 && !bound.operator_norm.is_nan(),
                "{name}, {attack}"
            );
        }
    }
}

#[test]
fn the_optimal_dual_vector_proves_the_optimum_whatever_its_scale() {
    for (name, instance) in instances() {
        // Where D is ill-conditioned its own rounding, κ(D)²·ε, is what can be proved.
        let condition = instance.condition();
        let tolerance = 1e-9f64.max(1e-12 * condition * condition);
        for scale in [1.0, 1e8, 1e-8, 1e150, 1e-150] {
            let lambda: Vec<f64> = instance.lambda.iter().map(|l| l * scale).collect();
            let bound = dual_bound(&instance.problem, &instance.weights, &lambda).unwrap();
            let missing = 1.0 - bound.value / instance.value;
            assert!(
                missing <= tolerance,
                "{name}, scale {scale:e}: short by {missing:e}"
            );
        }
    }
}

#[test]
fn data_far_from_one_scale_the_bound_and_nothing_else() {
    for (name, make) in MAPS {
        let all = [Objective::Flat, Objective::Nuclear].map(|objective| fits(make, objective, 5));
        for (fit, instance) in all.into_iter().flatten() {
            let plain = dual_bound(&instance.problem, &instance.weights, &instance.lambda).unwrap();
            for exponent in [332, -332] {
                let (unit, scaled) = (2f64.powi(exponent), instance.scaled(2f64.powi(exponent)));
                let by = if fit == "penalised" { unit * unit } else { unit };
                let bound = dual_bound(&scaled.problem, &scaled.weights, &scaled.lambda).unwrap();
                let error = (bound.value / by / plain.value - 1.0).abs();
                assert!(error <= 1e-15, "{name}, {fit}, 2^{exponent}: off by {error:e}");
                let certificate =
                    certify(&scaled.problem, &scaled.weights, &scaled.factors, &scaled.lambda).unwrap();
                assert!(
                    certificate.proves(1e-9),
                    "{name}, {fit}, 2^{exponent}: {certificate:?}"
                );
            }
        }
    }
}

#[test]
fn the_certificate_of_a_solution_proves_it_and_of_another_point_does_not() {
    for (name, instance) in instances() {
        let Instance {
            problem,
            weights,
            factors,
            lambda,
            ..
        } = &instance;
        let condition = instance.condition();
        if condition > 50.0 {
            continue;
        }
        let certificate = certify(problem, weights, factors, lambda).unwrap();
        assert!(certificate.proves(1e-9), "{name}: {certificate:?}");
        assert!(
            (certificate.value / instance.value - 1.0).abs() <= 1e-12,
            "{name}"
        );
        let mut other = factors.clone();
        other.l *= faer::Scale(1.01);
        let refused = certify(problem, weights, &other, lambda).unwrap();
        assert!(!refused.proves(1e-6), "{name}: {refused:?}");
    }
}

#[test]
fn solutions_that_are_unique_by_construction_are_called_unique() {
    for seed in 0..10 {
        for p in 1..=3 {
            let instance = planted(p, 12, seed);
            let found = instance.certify().uniqueness;
            assert_eq!(found.unique, Some(true), "rank {p}, seed {seed}: {found:?}");
            // The planted W is .7 beyond its top singular space.
            assert!(found.margin.unwrap() <= 0.3 + 1e-9, "{found:?}");
        }
    }
    for (name, make) in MAPS {
        for objective in OBJECTIVES {
            for (fit, instance) in fits(make, objective, 11) {
                let found = instance.certify().uniqueness;
                // One row or few measurements: too little may be left beside the outlier to tell.
                if fit.starts_with("absolute") && found.unique.is_none() {
                    continue;
                }
                assert_eq!(
                    found.unique,
                    Some(true),
                    "{name}, {objective:?}, {fit}: {found:?}"
                );
            }
        }
    }
}

#[test]
fn solutions_that_are_not_unique_are_never_called_unique() {
    for seed in 0..20 {
        // Three numbers in S and two measurements; the same with one of three measurements repeated.
        let few = planted(2, 2, seed).certify().uniqueness;
        assert_eq!(few.unique, Some(false), "two measurements, seed {seed}: {few:?}");
        let twice = duplicated(seed).certify().uniqueness;
        assert_ne!(twice.unique, Some(true), "repeated, seed {seed}: {twice:?}");
    }
}

/// min ‖X‖_* over 2×2 matrices with X11 + X22 = 2 has the solutions diag(t, 2 − t) and more; all of them, and what λ lies
/// a little off, must leave uniqueness open.
#[test]
fn an_extreme_point_of_many_solutions_is_never_called_unique() {
    let map = || Dense::new(vec![1.0, 0.0, 0.0, 1.0], 1, (2, 2)).unwrap();
    for (first, second) in [(2.0, 0.0), (1.0, 1.0), (2.0 - 1e-6, 1e-6), (2.0, 1e-10)] {
        let instance = Instance::new(
            Box::new(map()),
            vec![first + second],
            Fit::Exact,
            Objective::Nuclear,
            diagonal(&[first, second]),
            vec![1.0],
        );
        for off in [0.0, 1e-12, 1e-8, 1e-5, -1e-12, -1e-8, -1e-5] {
            let found = instance.certify_with(&[1.0 + off]).uniqueness;
            assert_ne!(
                found.unique,
                Some(true),
                "({first}, {second}), {off:e}: {found:?}"
            );
        }
    }
    // With λ bent so that W = diag(1, 1 − δ): optimal to δ, and still no verdict unless δ is a real margin.
    let two = Dense::new(vec![1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0 - 1e-8], 2, (2, 2)).unwrap();
    let y = two.apply_dense(Mat::from_fn(2, 2, |i, j| if i == 0 && j == 0 { 2.0 } else { 0.0 }).as_ref());
    let instance = Instance::new(
        Box::new(two),
        y,
        Fit::Exact,
        Objective::Nuclear,
        diagonal(&[2.0, 0.0]),
        vec![0.0, 1.0],
    );
    assert_eq!(instance.certify().uniqueness.unique, None);
}

fn diagonal(values: &[f64]) -> Mat<f64> {
    Mat::from_fn(
        values.len(),
        values.len(),
        |i, j| if i == j { values[i] } else { 0.0 },
    )
}

#[test]
fn unobserved_rows_are_never_called_unique() {
    let (map, y) = flatmin::map::Entries::new(&[0, 0, 1], &[0, 1, 0], &[1.0, 2.0, 3.0], (3, 2)).unwrap();
    let x = Mat::from_fn(3, 2, |i, j| {
        if i < 2 && i + j < 2 {
            [[1.0, 2.0], [3.0, 0.0]][i][j]
        } else {
            0.0
        }
    });
    let instance = Instance::new(Box::new(map), y, Fit::Exact, Objective::Flat, x, vec![0.1; 3]);
    assert_eq!(instance.certify().uniqueness.unique, Some(false));
}

#[test]
fn malformed_candidates_are_errors() {
    let instance = exact_fit(dense(3), Objective::Flat, 3);
    let Instance {
        problem,
        weights,
        factors,
        lambda,
        ..
    } = &instance;
    assert!(dual_bound(problem, weights, &lambda[1..]).is_err());
    for bad in [f64::NAN, f64::INFINITY] {
        let mut broken = lambda.clone();
        broken[2] = bad;
        let message = dual_bound(problem, weights, &broken).unwrap_err().to_string();
        assert!(message.contains("element 2"), "{message}");
        let mut broken = factors.clone();
        broken.r[(1, 0)] = bad;
        assert!(certify(problem, weights, &broken, lambda).is_err());
    }
    let mut short = factors.clone();
    short.l = Mat::zeros(2, short.columns());
    assert!(certify(problem, weights, &short, lambda).is_err());
    let mut uneven = factors.clone();
    uneven.l = Mat::zeros(uneven.l.nrows(), uneven.columns() + 1);
    assert!(certify(problem, weights, &uneven, lambda).is_err());
}
