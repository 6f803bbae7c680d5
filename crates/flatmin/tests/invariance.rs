//! What the numbers must not depend on: the unit of the data, the order of rows, columns and measurements, which side is which,
//! and how a map is held. And where solvers stall, on the boundary of recovery: a status that is true, and an end.

use std::time::{Duration, Instant};

use faer::Mat;
use flatmin::certificate::certify;
use flatmin::map::{Dense, Entries, Identity, MeasurementMap, RankOne, SymmetricRankOne};
use flatmin::random::Stream;
use flatmin::solve::{Observer, Settings, Solution, Status, solve};
use flatmin::{Domain, Error, Factors, Fit, Objective, Problem};

/// Gap and infeasibility of what is compared. Not all reach the default of 1e-8 where X is not unique.
const PROVED: f64 = 1e-7;
/// Of the values of two runs at that gap.
const SAME: f64 = 3e-7;

/// Measurements by what they are made of, so that they can be held in another way.
#[derive(Clone)]
enum Measured {
    Matrices(Vec<Mat<f64>>),
    Pairs(Vec<(Vec<f64>, Vec<f64>)>),
    Vectors(Vec<Vec<f64>>),
    Entries(Vec<(usize, usize)>),
    Everything,
}

/// Measurements of matrices of a shape, and their data.
#[derive(Clone)]
struct Instance {
    shape: (usize, usize),
    measured: Measured,
    y: Vec<f64>,
}

impl Instance {
    /// Of a random matrix of rank 1, with some noise: the solution has a higher rank.
    fn new(kind: usize, seed: u64) -> Self {
        let shape @ (d1, d2) = [(4, 3), (5, 4), (4, 4), (6, 5), (4, 3)][kind];
        let m = [10, 14, 9, 24, 12][kind];
        let mut stream = Stream::new(seed);
        let measured = match kind {
            0 => Measured::Matrices((0..m).map(|_| stream.normal_matrix(d1, d2)).collect()),
            1 => Measured::Pairs((0..m).map(|_| (stream.normals(d1), stream.normals(d2))).collect()),
            2 => Measured::Vectors((0..m).map(|_| stream.normals(d1)).collect()),
            3 => {
                let mut cells: Vec<usize> = stream.permutation(d1 * d2);
                cells.truncate(m);
                // In the order that a map keeps them in.
                cells.sort_unstable();
                Measured::Entries(cells.iter().map(|cell| (cell / d2, cell % d2)).collect())
            }
            _ => Measured::Everything,
        };
        let mut x = stream.normal_matrix(d1, 1) * stream.normal_matrix(1, d2);
        if kind == 2 {
            x = &x * x.transpose();
        }
        let mut instance = Instance {
            shape,
            measured,
            y: Vec::new(),
        };
        let y = instance.map().apply_dense(x.as_ref());
        instance.y = y.iter().map(|y| y + 0.05 * stream.normal()).collect();
        instance
    }

    /// Every A_i.
    fn matrices(&self) -> Vec<Mat<f64>> {
        let (d1, d2) = self.shape;
        let single =
            |(a, b): (usize, usize)| Mat::from_fn(d1, d2, |i, j| f64::from(u8::from((i, j) == (a, b))));
        match &self.measured {
            Measured::Matrices(a) => a.clone(),
            Measured::Pairs(pairs) => pairs
                .iter()
                .map(|(a, b)| Mat::from_fn(d1, d2, |i, j| a[i] * b[j]))
                .collect(),
            Measured::Vectors(x) => x
                .iter()
                .map(|x| Mat::from_fn(d1, d2, |i, j| x[i] * x[j]))
                .collect(),
            Measured::Entries(cells) => cells.iter().map(|cell| single(*cell)).collect(),
            Measured::Everything => (0..d1 * d2).map(|cell| single((cell / d2, cell % d2))).collect(),
        }
    }

    fn map(&self) -> Box<dyn MeasurementMap> {
        let (d1, _) = self.shape;
        match &self.measured {
            Measured::Matrices(a) => dense(a, self.shape),
            Measured::Pairs(pairs) => {
                let a: Vec<f64> = pairs.iter().flat_map(|pair| pair.0.clone()).collect();
                let b: Vec<f64> = pairs.iter().flat_map(|pair| pair.1.clone()).collect();
                Box::new(RankOne::new(&a, &b, pairs.len(), self.shape).unwrap())
            }
            Measured::Vectors(x) => Box::new(SymmetricRankOne::new(&x.concat(), x.len(), d1).unwrap()),
            Measured::Entries(cells) => {
                let rows: Vec<u32> = cells.iter().map(|cell| cell.0 as u32).collect();
                let columns: Vec<u32> = cells.iter().map(|cell| cell.1 as u32).collect();
                let zeros = vec![0.0; cells.len()];
                Box::new(Entries::new(&rows, &columns, &zeros, self.shape).unwrap().0)
            }
            Measured::Everything => Box::new(Identity::new(self.shape)),
        }
    }

    /// The same measurements, each as a matrix.
    fn held_densely(&self) -> Self {
        Instance {
            measured: Measured::Matrices(self.matrices()),
            ..self.clone()
        }
    }

    /// With measurement i of the new ones the old `order[i]`, and rows and columns likewise.
    fn permuted(&self, order: &[usize], rows: &[usize], columns: &[usize]) -> Self {
        let a = self.matrices();
        let (d1, d2) = self.shape;
        let permuted = |i: &usize| Mat::from_fn(d1, d2, |j, k| a[*i][(rows[j], columns[k])]);
        Instance {
            measured: Measured::Matrices(order.iter().map(permuted).collect()),
            y: order.iter().map(|i| self.y[*i]).collect(),
            shape: self.shape,
        }
    }

    fn transposed(&self) -> Self {
        let a = self.matrices();
        Instance {
            measured: Measured::Matrices(a.iter().map(|a| a.transpose().to_owned()).collect()),
            shape: (self.shape.1, self.shape.0),
            y: self.y.clone(),
        }
    }

    fn solve(&self, fit: Fit, objective: Objective) -> Result<Solution, Error> {
        let problem = Problem::new(self.map(), self.y.clone(), fit, objective)?;
        solve(&problem, &Settings::default(), &Observer::default())
    }

    /// Solved to a proved optimum.
    fn solved(&self, fit: Fit, objective: Objective) -> Solution {
        let solution = self.solve(fit, objective).unwrap();
        let certificate = &solution.certificate;
        assert!(
            certificate.proves(PROVED),
            "{fit:?}, {objective:?}, shape {:?}: {certificate:?}",
            self.shape
        );
        solution
    }
}

fn dense(a: &[Mat<f64>], (d1, d2): (usize, usize)) -> Box<dyn MeasurementMap> {
    let numbers: Vec<f64> = a
        .iter()
        .flat_map(|a| (0..d1 * d2).map(|i| a[(i / d2, i % d2)]))
        .collect();
    Box::new(Dense::new(numbers, a.len(), (d1, d2)).unwrap())
}

/// Every kind of map with every fit and objective that it has.
fn cases() -> Vec<(Instance, Fit, Objective, String)> {
    let mut cases = Vec::new();
    for kind in 0..5 {
        let instance = Instance::new(kind, 7 + kind as u64);
        let size = instance.y.iter().map(|y| y * y).sum::<f64>().sqrt();
        for fit in [Fit::Exact, Fit::Ball(0.1 * size), Fit::Penalised(0.01 * size)] {
            for objective in [Objective::Flat, Objective::Nuclear, Objective::Smoothed(0.5)] {
                let name = format!("map {kind}, {fit:?}, {objective:?}");
                cases.push((instance.clone(), fit, objective, name));
            }
        }
        if kind > 2 {
            let fits = [Fit::Absolute(0.4), Fit::AbsoluteBall(0.1 * size)];
            cases.extend(fits.map(|fit| {
                let name = format!("map {kind}, {fit:?}");
                (instance.clone(), fit, Objective::Nuclear, name)
            }));
        }
    }
    cases
}

fn assert_same(name: &str, value: f64, expected: f64) {
    assert!(
        (value / expected - 1.0).abs() <= SAME,
        "{name}: {value:e}, expected {expected:e}"
    );
}

/// Where the solution is the only one, X is the same up to the accuracy that the gap leaves it.
fn assert_same_matrix(name: &str, x: &Mat<f64>, expected: &Mat<f64>, solution: &Solution) {
    if solution.certificate.uniqueness.unique != Some(true) {
        return;
    }
    let off = (x - expected).norm_max() / expected.norm_max();
    assert!(off <= 1e-2, "{name}: X differs by {off:e}");
}

#[test]
fn the_unit_of_the_data_is_that_of_the_solution() {
    for (instance, fit, objective, name) in cases() {
        let reference = instance.solved(fit, objective);
        for unit in [1e-100, 1e-30, 1e30, 1e100] {
            let name = format!("{name}, in units of {unit:e}");
            let mut scaled = instance.clone();
            scaled.y.iter_mut().for_each(|y| *y *= unit);
            let (fit, by) = match fit {
                Fit::Ball(epsilon) => (Fit::Ball(epsilon * unit), unit),
                Fit::AbsoluteBall(radius) => (Fit::AbsoluteBall(radius * unit), unit),
                Fit::Penalised(penalty) => (Fit::Penalised(penalty * unit), unit * unit),
                other => (other, unit),
            };
            let solution = scaled.solved(fit, objective);
            assert_same(
                &name,
                solution.certificate.value / by,
                reference.certificate.value,
            );
            assert_same(
                &name,
                solution.certificate.lower_bound / by,
                reference.certificate.value,
            );
            let x = faer::Scale(1.0 / unit) * solution.factors.dense();
            assert_same_matrix(&name, &x, &reference.factors.dense(), &reference);
        }
        // Beyond what squares can hold: a refusal with the number.
        for unit in [1e-160, 1e160, 1e300] {
            let mut scaled = instance.clone();
            scaled.y.iter_mut().for_each(|y| *y *= unit);
            let refused = scaled.solve(fit, objective).unwrap_err().to_string();
            assert!(refused.contains("expected"), "{name}, {unit:e}: {refused}");
        }
    }
}

#[test]
fn orders_and_sides_do_not_matter() {
    for (instance, fit, objective, name) in cases() {
        if fit.is_absolute() {
            // A map of single entries has them in its own order.
            continue;
        }
        let reference = instance.solved(fit, objective);
        let mut stream = Stream::new(3);
        let (d1, d2) = instance.shape;
        let order = stream.permutation(instance.y.len());
        let (rows, columns) = (stream.permutation(d1), stream.permutation(d2));
        let solution = instance.permuted(&order, &rows, &columns).solved(fit, objective);
        assert_same(&name, solution.certificate.value, reference.certificate.value);
        let (x, expected) = (solution.factors.dense(), reference.factors.dense());
        let expected_here = Mat::from_fn(d1, d2, |j, k| expected[(rows[j], columns[k])]);
        assert_same_matrix(&name, &x, &expected_here, &reference);
        let solution = instance.transposed().solved(fit, objective);
        assert_same(&name, solution.certificate.value, reference.certificate.value);
        let turned = expected.transpose().to_owned();
        assert_same_matrix(&name, &solution.factors.dense(), &turned, &reference);
    }
}

#[test]
fn dense_and_structured_maps_agree() {
    for (instance, fit, objective, name) in cases() {
        if fit.is_absolute() {
            continue;
        }
        let reference = instance.solved(fit, objective);
        let solution = instance.held_densely().solved(fit, objective);
        assert_same(&name, solution.certificate.value, reference.certificate.value);
        let (x, expected) = (solution.factors.dense(), reference.factors.dense());
        assert_same_matrix(&name, &x, &expected, &reference);
        // Each certificate holds for the other map.
        let problem = Problem::new(instance.map(), instance.y.clone(), fit, objective).unwrap();
        let again = certify(&problem, &reference.weights, &solution.factors, &solution.dual).unwrap();
        assert!(again.proves(3.0 * PROVED), "{name}: {again:?}");
    }
}

/// As many measurements as recovery needs, a few less and a few more, where the dual is degenerate.
fn at_the_boundary() -> Vec<(String, Problem<'static>)> {
    let mut problems = Vec::new();
    for seed in 0..2 {
        for (rank, d) in [(1, 10), (2, 10), (3, 8)] {
            let freedom = rank * (2 * d - rank);
            let mut stream = Stream::new(100 * seed + rank as u64);
            let x = stream.low_rank((d, d), rank, 1.0);
            for m in [freedom, 3 * freedom / 2, 2 * freedom] {
                let name = format!("seed {seed}, rank {rank}, d {d}, m {m}");
                let map = Dense::new(stream.normals(m * d * d), m, (d, d)).unwrap();
                let y = map.apply_dense(x.as_ref());
                let problem = |map: Box<dyn MeasurementMap>, y, fit| {
                    Problem::new(map, y, fit, Objective::Flat).unwrap()
                };
                problems.push((format!("sensing, {name}"), problem(Box::new(map), y, Fit::Exact)));
                let mut cells = stream.permutation(d * d);
                cells.truncate(m);
                cells.sort_unstable();
                let rows: Vec<u32> = cells.iter().map(|cell| (cell / d) as u32).collect();
                let columns: Vec<u32> = cells.iter().map(|cell| (cell % d) as u32).collect();
                let y: Vec<f64> = cells.iter().map(|cell| x[(cell / d, cell % d)]).collect();
                for fit in [Fit::Exact, Fit::Penalised(1e-6), Fit::Ball(1e-9)] {
                    let (map, y) = Entries::new(&rows, &columns, &y, (d, d)).unwrap();
                    problems.push((
                        format!("completion, {fit:?}, {name}"),
                        problem(Box::new(map), y, fit),
                    ));
                }
                let vectors = stream.normals(m * d);
                let factor = stream.normal_matrix(d, rank);
                let symmetric = &factor * factor.transpose();
                let map = SymmetricRankOne::new(&vectors, m, d).unwrap();
                let y = map.apply_dense(symmetric.as_ref());
                for domain in [Domain::Symmetric, Domain::Semidefinite] {
                    let map = SymmetricRankOne::new(&vectors, m, d).unwrap();
                    let problem = problem(Box::new(map), y.clone(), Fit::Exact);
                    problems.push((format!("{domain:?}, {name}"), problem.over(domain).unwrap()));
                }
            }
        }
        // Outliers on a share of the entries about which they cannot be told from X any more.
        for share in [0.1, 0.2, 0.3] {
            let mut stream = Stream::new(500 + seed);
            let x = stream.low_rank((12, 12), 2, 1.0);
            let y = (0..144).map(|e| {
                let outlier = if stream.uniform() < share {
                    stream.normal()
                } else {
                    0.0
                };
                x[(e / 12, e % 12)] + outlier
            });
            let (map, y) = (Identity::new((12, 12)), y.collect());
            let fit = Fit::Absolute(1.0 / 12f64.sqrt());
            let problem = Problem::new(Box::new(map), y, fit, Objective::Nuclear).unwrap();
            problems.push((format!("outliers, seed {seed}, {share}"), problem));
        }
    }
    problems
}

#[test]
fn on_the_boundary_of_recovery_the_status_is_true_and_the_end_comes() {
    const STEPS: usize = 2000;
    let limit = Duration::from_secs(2);
    for (name, problem) in at_the_boundary() {
        let settings = Settings::default()
            .with_max_iterations(STEPS)
            .with_time_limit(Some(limit));
        let start = Instant::now();
        let solution = solve(&problem, &settings, &Observer::default()).unwrap();
        // A step may be long, on a machine that does other things as well; but it ends.
        assert!(start.elapsed() < 30 * limit, "{name}: {:?}", start.elapsed());
        check(&name, &problem, &solution, settings.tolerance);
        // And at every earlier end.
        for steps in [1, 7] {
            let settings = settings.clone().with_max_iterations(steps);
            let solution = solve(&problem, &settings, &Observer::default()).unwrap();
            check(
                &format!("{name}, {steps} steps"),
                &problem,
                &solution,
                settings.tolerance,
            );
        }
    }
}

/// What a solution says of itself is what its factors and multiplier prove.
fn check(name: &str, problem: &Problem, solution: &Solution, tolerance: f64) {
    let Solution {
        factors,
        dual,
        weights,
        status,
        certificate,
        ..
    } = solution;
    let about = format!("{name}: {status:?}, {certificate:?}");
    let again = certify(problem, weights, factors, dual).unwrap();
    assert_eq!(again.lower_bound, certificate.lower_bound, "{about}");
    assert_eq!(again.value, certificate.value, "{about}");
    assert!(
        certificate.value.is_finite() && certificate.lower_bound >= 0.0,
        "{about}"
    );
    match status {
        Status::Certified => assert!(again.proves(tolerance), "{about}"),
        Status::Converged | Status::Budget => assert!(!again.proves(tolerance), "{about}"),
        other => panic!("{about}: {other:?}"),
    }
    let residual = misfit(problem, factors);
    assert!(
        (residual - certificate.residual).abs() <= 1e-9 * residual.max(1e-3),
        "{about}: {residual:e}"
    );
}

/// ‖A(X) − y‖ / ‖y‖ by the definition.
fn misfit(problem: &Problem, x: &Factors) -> f64 {
    let fitted = problem.map().apply_dense(x.dense().as_ref());
    let square = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>();
    let off = square(&mut fitted.iter().zip(problem.data()).map(|(a, y)| a - y));
    (off / square(&mut problem.data().iter().copied())).sqrt()
}
