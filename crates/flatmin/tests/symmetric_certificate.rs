//! In the symmetric domains too a certificate is never false, and tight where λ is optimal.
//!
//! Solved by construction: with ‖B*(λ)‖ = 1 (λ_max = 1 where X ⪰ 0), a combination Z of top eigenvectors with the signs of
//! their eigenvalues solves the problem with the data B(Z).

use faer::{Mat, MatRef};
use flatmin::certificate::{certify, dual_bound};
use flatmin::flatness::{Rescaled, Weights};
use flatmin::linalg::dense::symmetric_eigen;
use flatmin::map::{MeasurementMap, RankOne, SymmetricRankOne};
use flatmin::{Domain, Error, Factors, Fit, Objective, Problem, SignedFactors};
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

fn normals(count: usize, seed: u64) -> Vec<f64> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| StandardNormal.sample(&mut rng)).collect()
}

struct Instance {
    problem: Problem<'static>,
    weights: Weights,
    solution: Factors,
    lambda: Vec<f64>,
    value: f64,
}

/// The exact problem whose solution is the top eigenvector of B*(λ), for a random λ.
fn solved(domain: Domain, objective: Objective, (d, m): (usize, usize), seed: u64) -> Instance {
    let map = SymmetricRankOne::new(&normals(m * d, seed), m, d).unwrap();
    let weights = Weights::new(&map, objective).unwrap();
    let mut lambda = normals(m, seed + 100);
    let w = Rescaled::new(&map, &weights).adjoint(&lambda).to_dense();
    let (values, vectors) = symmetric_eigen(w.as_ref()).unwrap();
    let at = if domain == Domain::Semidefinite || values[d - 1] > -values[0] {
        d - 1
    } else {
        0
    };
    lambda.iter_mut().for_each(|l| *l /= values[at].abs());
    let x = weights.left.inverse_times(vectors.as_ref().subcols(at, 1));
    let empty = Mat::zeros(d, 0);
    let parts = if at == 0 {
        SignedFactors::new(empty, x)
    } else {
        SignedFactors::new(x, empty)
    };
    let solution = parts.unwrap().factors();
    let y = map.apply_factored(solution.l.as_ref(), solution.r.as_ref());
    let problem = Problem::new(Box::new(map), y, Fit::Exact, objective).unwrap();
    Instance {
        problem: problem.over(domain).unwrap(),
        weights,
        solution,
        lambda,
        value: 1.0,
    }
}

fn instances() -> Vec<Instance> {
    let mut out = Vec::new();
    for domain in [Domain::Symmetric, Domain::Semidefinite] {
        for objective in [Objective::Flat, Objective::Nuclear, Objective::Smoothed(0.5)] {
            for seed in 0..6 {
                out.push(solved(domain, objective, (6, 12), seed));
            }
        }
        // Beyond the size at which operator norms are decomposed.
        out.push(solved(domain, Objective::Flat, (300, 500), 7));
    }
    out
}

#[test]
fn optimal_dual_vectors_prove_the_optimum_and_others_nothing_false() {
    for Instance {
        problem,
        weights,
        solution,
        lambda,
        value,
    } in instances()
    {
        let certificate = certify(&problem, &weights, &solution, &lambda).unwrap();
        assert!(certificate.proves(1e-8), "{certificate:?}");
        let noise = normals(lambda.len(), 3);
        let with = |f: &dyn Fn(usize) -> f64| (0..lambda.len()).map(f).collect::<Vec<f64>>();
        for other in [
            lambda.clone(),
            noise.clone(),
            with(&|i| lambda[i] + 1e-7 * noise[i]),
            with(&|i| lambda[i] * (1.0 + 4e-16 * noise[i])),
            with(&|i| lambda[i] * 1e8),
            with(&|i| lambda[i] * 1e-300),
            with(&|i| -lambda[i]),
            with(&|i| -noise[i].abs()),
            with(&|i| noise[i].abs()),
            with(&|_| 0.0),
        ] {
            let bound = dual_bound(&problem, &weights, &other).unwrap().value;
            assert!(
                (0.0..=value * (1.0 + 1e-12)).contains(&bound),
                "{bound} of {value}, {:?}",
                problem.domain()
            );
        }
    }
}

#[test]
fn wrong_and_nearly_optimal_candidates_are_not_certified() {
    for instance in instances() {
        let Instance {
            problem,
            weights,
            solution,
            lambda,
            ..
        } = &instance;
        let d = solution.l.nrows();
        let parts = SignedFactors::of(solution).unwrap();
        let beside = |u: &Mat<f64>, size: f64| {
            let extra = MatRef::from_column_major_slice(&normals(d, 9), d, 1).to_owned();
            Mat::from_fn(d, u.ncols() + 1, |i, j| {
                if j < u.ncols() {
                    u[(i, j)]
                } else {
                    size * extra[(i, 0)]
                }
            })
        };
        for size in [1.0, 1e-2] {
            let more = SignedFactors::new(beside(&parts.u1, size), parts.u2.clone()).unwrap();
            let certificate = certify(problem, weights, &more.factors(), lambda).unwrap();
            assert!(!certificate.proves(1e-8), "{certificate:?}");
            let less = SignedFactors::new(parts.u1.clone(), beside(&parts.u2, size)).unwrap();
            let found = certify(problem, weights, &less.factors(), lambda);
            match problem.domain() {
                Domain::Semidefinite => assert!(matches!(found, Err(Error::Shape { what: "R", .. }))),
                _ => assert!(!found.unwrap().proves(1e-8)),
            }
        }
        let mut bent = solution.clone();
        bent.r[(0, 0)] *= 1.0 + 1e-15;
        let found = certify(problem, weights, &bent, lambda);
        assert!(matches!(found, Err(Error::Shape { what: "R", .. })), "{found:?}");
        let nothing = Factors::empty((d, d));
        assert!(!certify(problem, weights, &nothing, lambda).unwrap().proves(1e-8));
    }
}

#[test]
fn uniqueness_is_that_of_the_domain() {
    // A map that sees x² and y² but not xy: diag(1, −1) is unique among U S Uᵀ of these signs, not among all S.
    let map = || SymmetricRankOne::new(&[1.0, 0.0, 0.0, 1.0], 2, 2).unwrap();
    let identity = Mat::<f64>::identity(2, 2);
    let one = |j: usize| identity.as_ref().subcols(j, 1).to_owned();
    let weights = Weights::new(&map(), Objective::Nuclear).unwrap();
    let verdict = |x: SignedFactors, y: Vec<f64>, lambda: &[f64], domain: Domain| {
        let problem = Problem::new(Box::new(map()), y, Fit::Exact, Objective::Nuclear).unwrap();
        let problem = problem.over(domain).unwrap();
        certify(&problem, &weights, &x.factors(), lambda)
            .unwrap()
            .uniqueness
    };
    let mixed = SignedFactors::new(one(0), one(1)).unwrap();
    let found = verdict(mixed, vec![1.0, -1.0], &[1.0, -1.0], Domain::Symmetric);
    assert_eq!(found.unique, Some(true));
    // The identity is not: any correlation between the two coordinates fits as well.
    for domain in [Domain::Symmetric, Domain::Semidefinite] {
        let same = SignedFactors::new(identity.clone(), Mat::zeros(2, 0)).unwrap();
        let found = verdict(same, vec![1.0, 1.0], &[1.0, 1.0], domain);
        assert_eq!(found.unique, Some(false), "{domain:?}");
    }
    // Off U1 the semidefinite domain does not mind eigenvalues below −1.
    let single = || SignedFactors::new(one(0), Mat::zeros(2, 0)).unwrap();
    let found = verdict(single(), vec![1.0, 0.0], &[1.0, -5.0], Domain::Semidefinite);
    assert_eq!(found.unique, Some(true));
    let found = verdict(single(), vec![1.0, 0.0], &[1.0, -5.0], Domain::Symmetric);
    assert_eq!(found.unique, None);
}

#[test]
fn rounding_bounds_are_those_of_general_rank_one_measurements() {
    let (d, m) = (5, 40);
    let (x, w) = (normals(m * d, 1), normals(m, 2));
    let symmetric = SymmetricRankOne::new(&x, m, d).unwrap();
    let general = RankOne::new(&x, &x, m, (d, d)).unwrap();
    assert_eq!(symmetric.adjoint_rounding(&w), general.adjoint_rounding(&w));
    assert_eq!(symmetric.gram_rounding(), general.gram_rounding());
    let s = symmetric.adjoint(&w).to_dense();
    assert!(s == s.transpose());
}
