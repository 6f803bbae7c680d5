//! Noisy data: every linear model, fitted within a ball or by a penalty of the size of the noise, at every level of it. The
//! proof holds, the conditions of optimality hold, and the error grows no faster than the noise.

#[path = "common/synthetic.rs"]
mod synthetic;

use flatmin::flatness::{Rescaled, Weights};
use flatmin::linalg::dense::singular_values;
use flatmin::solve::{Method, Solution, Status};
use flatmin::{Fit, Objective, Problem};
use synthetic::{Kind, error, measure, run, truth};

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|v| v * v).sum::<f64>().sqrt()
}

/// y − A(X).
fn residual(problem: &Problem, solution: &Solution) -> Vec<f64> {
    let (l, r) = (&solution.factors.l, &solution.factors.r);
    let image = problem.map().apply_factored(l.as_ref(), r.as_ref());
    problem.data().iter().zip(image).map(|(y, a)| y - a).collect()
}

fn check_optimality(problem: &Problem, solution: &Solution, what: &str) {
    let (residual, dual) = (residual(problem, solution), &solution.dual);
    let size = norm(problem.data());
    match problem.fit() {
        Fit::Ball(epsilon) => {
            // On the sphere, with the multiplier along the residual.
            assert!((norm(&residual) - epsilon).abs() <= 1e-8 * size, "{what}");
            let inner: f64 = residual.iter().zip(dual).map(|(r, l)| r * l).sum();
            let along = inner / (norm(&residual) * norm(dual));
            assert!(along >= 1.0 - 1e-5, "{what}: cosine {along}");
        }
        Fit::Penalised(_) => {
            let off: Vec<f64> = residual.iter().zip(dual).map(|(r, l)| r - l).collect();
            assert!(norm(&off) <= 1e-6 * size, "{what}: λ = y − A(X)");
        }
        other => panic!("{other:?} is not noisy"),
    }
}

#[test]
fn the_error_is_proportional_to_the_noise_and_every_answer_is_certified() {
    for (kind, shape, m, most) in [
        (Kind::Sensing, (15, 12), 135, 6.0),
        (Kind::Bilinear, (15, 12), 135, 6.0),
        (Kind::Completion, (18, 16), 220, 6.0),
        (Kind::Identity, (15, 12), 180, 2.0),
    ] {
        for (seed, objective) in [
            (1, Objective::Flat),
            (2, Objective::Nuclear),
            (3, Objective::Flat),
        ] {
            let x = truth(shape, 2, seed);
            let size = norm(&measure(kind, &x, m, 0.0, seed + 10).1) / (m as f64).sqrt();
            for sigma in [1e-4, 1e-3, 1e-2, 1e-1] {
                let make = |noise| measure(kind, &x, m, noise, seed + 10);
                let clean = make(0.0).1;
                let (map, y) = make(sigma * size);
                let errors: Vec<f64> = y.iter().zip(&clean).map(|(y, c)| y - c).collect();
                let weights = Weights::new(map.as_ref(), objective).unwrap();
                let dual = Rescaled::new(map.as_ref(), &weights).adjoint(&errors).to_dense();
                let penalty = singular_values(dual.as_ref()).unwrap()[0] / weights.penalty_scale;
                for fit in [Fit::Ball(norm(&errors)), Fit::Penalised(penalty)] {
                    let what = format!("{kind:?} {objective:?} {fit:?} σ = {sigma}");
                    let problem = Problem::new(make(0.0).0, y.clone(), fit, objective).unwrap();
                    let found = run(&problem, Method::Auto);
                    assert_eq!(found.status, Status::Certified, "{what}: {:?}", found.certificate);
                    check_optimality(&problem, &found, &what);
                    let slope = error(&found, &x) / sigma;
                    assert!(slope <= most, "{what}: {slope}");
                }
            }
        }
    }
}
