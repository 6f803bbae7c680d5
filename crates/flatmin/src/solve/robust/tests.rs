//! The methods for recordings too large for the acceleration, on small ones: noise, outliers, a mask, either orientation.

use faer::Mat;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};

use super::super::{Observer, finish};
use super::*;
use crate::flatness::Weights;
use crate::map::{Entries, Identity};
use crate::problem::{Fit, Objective, Problem};
use crate::solve::Solution;

/// Rank 2 of entries of size one, a twentieth of that as noise, and one of twenty entries off by up to 2; row after row.
fn recording((d1, d2): (usize, usize)) -> Vec<f64> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
    let mut normal =
        |rows, cols| -> Mat<f64> { Mat::from_fn(rows, cols, |_, _| StandardNormal.sample(&mut rng)) };
    let (scene, noise) = (normal(d1, 2) * normal(2, d2), normal(d1, d2));
    let mut off = || match rng.random::<f64>() {
        u if u < 0.05 => 80.0 * u - 2.0,
        _ => 0.0,
    };
    (0..d1 * d2)
        .map(|i| (i / d2, i % d2))
        .map(|at| scene[at] + 0.05 * noise[at] + off())
        .collect()
}

fn theta(shape: (usize, usize)) -> Fit {
    Fit::Absolute(1.0 / (shape.0.max(shape.1) as f64).sqrt())
}

fn whole(shape: (usize, usize), fit: Fit) -> Problem<'static> {
    Problem::new(
        Box::new(Identity::new(shape)),
        recording(shape),
        fit,
        Objective::Nuclear,
    )
    .unwrap()
}

/// A fifth of the entries is not observed.
fn masked(shape: (usize, usize), fit: Fit) -> Problem<'static> {
    let all = recording(shape);
    let seen: Vec<usize> = (0..all.len())
        .filter(|i| !(i * 7 + i / shape.1).is_multiple_of(5))
        .collect();
    let places = |f: &dyn Fn(usize) -> usize| seen.iter().map(|i| f(*i) as u32).collect::<Vec<_>>();
    let (rows, columns) = (places(&|i| i / shape.1), places(&|i| i % shape.1));
    let y: Vec<f64> = seen.iter().map(|i| all[*i]).collect();
    let (map, y) = Entries::new(&rows, &columns, &y, shape).unwrap();
    Problem::new(Box::new(map), y, fit, Objective::Nuclear).unwrap()
}

/// Limits that the small recordings here exceed.
const NONE: Limits = Limits { memory: 0, large: 0 };

/// The certified solution within `limits`.
fn separate(problem: &Problem, settings: &Settings, limits: Limits) -> Solution {
    let weights = Weights::new(problem.map(), problem.objective()).unwrap();
    let instance = Instance::new(problem, &weights, settings.tolerance);
    let observer = Observer::default();
    let mut monitor = Monitor::new(settings, &observer);
    let constrained = solve_within(limits, &instance, settings, &mut monitor).unwrap();
    let found = instance.unscale(constrained).unwrap();
    finish(problem, weights, settings, found, monitor).unwrap()
}

fn to(tolerance: f64) -> Settings {
    Settings::default().with_tolerance(tolerance)
}

#[test]
fn single_precision_proves_the_value_that_double_precision_has() {
    for shape in [(900, 40), (40, 700), (333, 30)] {
        for problem in [whole(shape, theta(shape)), masked(shape, theta(shape))] {
            let right = separate(&problem, &to(1e-8), LIMITS);
            for tolerance in [1e-3, 1e-4, 1e-5] {
                let found = separate(&problem, &to(tolerance), NONE);
                let (own, other) = (&found.certificate, &right.certificate);
                assert_eq!(found.status, Status::Certified, "{shape:?}, {tolerance}: {own:?}");
                assert!(own.lower_bound <= other.value && own.value >= other.lower_bound);
                assert!(
                    found
                        .history
                        .windows(2)
                        .all(|w| w[0].lower_bound <= w[1].lower_bound)
                );
                let last = found.history.last().unwrap();
                let told = (last.value.unwrap() / own.value - 1.0).abs();
                assert!(
                    told <= 1e-6,
                    "{shape:?}: the run took its value for another by {told}"
                );
                let told = (last.lower_bound.unwrap() - own.lower_bound) / own.value;
                assert!(
                    told <= 1e-6,
                    "{shape:?}: the run promised {told} more than is proved"
                );
            }
            let found = separate(&problem, &to(1e-5), NONE);
            let (s, expected) = (found.outliers(&problem), right.outliers(&problem));
            let differ = s
                .iter()
                .zip(&expected)
                .filter(|(a, b)| (**a == 0.0) != (**b == 0.0));
            assert!(differ.count() <= s.len() / 50, "{shape:?}: the support of S");
        }
    }
}

#[test]
fn relaxed_steps_in_double_precision_end_certified() {
    let shape = (120, 30);
    let total: f64 = recording(shape).iter().map(|y| y.abs()).sum();
    for fit in [theta(shape), Fit::AbsoluteBall(0.1 * total)] {
        for problem in [whole(shape, fit), masked(shape, fit)] {
            let right = separate(&problem, &to(1e-8), LIMITS);
            let found = separate(&problem, &to(1e-6), NONE);
            assert_eq!(
                found.status,
                Status::Certified,
                "{fit:?}: {:?}",
                found.certificate
            );
            let apart = (found.certificate.value / right.certificate.value - 1.0).abs();
            assert!(apart <= 2e-6, "{fit:?}: {apart}");
        }
    }
}

#[test]
fn the_bits_of_a_recording_do_not_depend_on_the_threads() {
    let shape = (5000, 30);
    let problem = whole(shape, theta(shape));
    let bits = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let found = pool.install(|| separate(&problem, &to(1e-3), NONE));
        let l = found.factors.l;
        let columns = (0..l.ncols()).flat_map(|j| l.col_as_slice(j).to_vec());
        columns.chain(found.dual).map(f64::to_bits).collect::<Vec<_>>()
    };
    let one = bits(1);
    assert!(one == bits(2) && one == bits(5));
}

#[test]
fn a_recording_that_is_stopped_says_so_and_proves_what_it_can() {
    let shape = (400, 20);
    let problem = whole(shape, theta(shape));
    let optimum = separate(&problem, &to(1e-8), LIMITS).certificate.value;
    for steps in [0, 3, 30] {
        let found = separate(&problem, &to(1e-5).with_max_iterations(steps), NONE);
        assert_eq!(found.status, Status::Budget, "{steps}");
        assert!(found.iterations <= steps);
        assert!(found.certificate.value >= optimum * (1.0 - 1e-8), "{steps}");
        assert!(found.certificate.lower_bound <= optimum * (1.0 + 1e-8), "{steps}");
    }
}
