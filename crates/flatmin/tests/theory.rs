//! The bounds of the regularity theorem on solved instances.

#[path = "common/synthetic.rs"]
mod synthetic;

use faer::Mat;
use flatmin::linalg::dense::{product, singular_values};
use flatmin::solve::{Method, Status};
use flatmin::theory::Regularity;
use flatmin::{Factors, Fit, Objective, Problem};
use synthetic::{Kind, error, measure, run, truth};

/// ‖LᵀL − RᵀR‖_*.
fn imbalance(x: &Factors) -> f64 {
    let gram = |a: &Mat<f64>| product(a.transpose(), a.as_ref());
    singular_values((gram(&x.l) - gram(&x.r)).as_ref())
        .unwrap()
        .iter()
        .sum()
}

#[test]
fn flat_solutions_are_as_regular_as_the_theorem_says() {
    let mut tightest = f64::INFINITY;
    for (kind, shape, sizes) in [
        (Kind::Sensing, (12, 10), [70, 90, 3000]),
        (Kind::Bilinear, (12, 10), [70, 90, 3000]),
        (Kind::Completion, (14, 12), [80, 120, 167]),
        (Kind::Identity, (8, 6), [48; 3]),
    ] {
        for (seed, m) in sizes.into_iter().enumerate() {
            let what = format!("{kind:?} {m}");
            let x = truth(shape, 2, 30 + seed as u64);
            let solve = |objective| {
                let (map, y) = measure(kind, &x, m, 0.0, 40 + seed as u64);
                let problem = Problem::new(map, y, Fit::Exact, objective).unwrap();
                let found = run(&problem, Method::Auto);
                assert_eq!(found.status, Status::Certified, "{what} {objective:?}");
                found
            };
            let (flat, smallest) = (solve(Objective::Flat), solve(Objective::Nuclear));
            let Some(regularity) = Regularity::new(&flat.weights) else {
                assert_eq!(kind, Kind::Completion, "only there may a row be empty");
                continue;
            };
            let infimum = 2.0 * smallest.certificate.value;
            let (kappa, norm, balance) = (
                regularity.kappa(),
                regularity.squared_norm_bound(),
                regularity.imbalance_bound(),
            );
            assert!(
                kappa >= 1.0 - 1e-12 && norm <= kappa * kappa * (1.0 + 1e-9),
                "{what}: {regularity:?}"
            );
            assert!(balance <= kappa * kappa - 1.0 + 1e-9, "{what}: {regularity:?}");
            let excess = flat.factors.squared_norm() / infimum;
            assert!(
                (1.0 - 1e-6..=norm * (1.0 + 1e-6)).contains(&excess),
                "{what}: {excess} against {norm}"
            );
            let found = imbalance(&flat.factors) / (0.5 * infimum);
            assert!(found <= balance + 1e-6, "{what}: {found} against {balance}");
            tightest = tightest.min(if kind == Kind::Identity {
                f64::INFINITY
            } else {
                balance
            });
            // Below the transition there is no truth to compare with, but the bound holds against it too.
            let true_norm: f64 = singular_values(x.as_ref()).unwrap().iter().sum();
            assert!(imbalance(&flat.factors) <= balance * true_norm + 1e-6, "{what}");
            assert!(
                m < 90 || kind != Kind::Sensing || error(&flat, &x) < 1e-6,
                "{what}"
            );
        }
    }
    // An imbalance is never above 2‖M‖_* or so: near κ = 1 the bound says something.
    assert!(tightest < 0.5, "{tightest}");
}
