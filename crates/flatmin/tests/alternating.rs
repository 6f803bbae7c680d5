//! Alternating least squares against the path, and against the conditions of optimality.

use flatmin::map::Entries;
use flatmin::solve::{Method, Observer, Settings, Solution, Status, solve};
use flatmin::{Fit, Objective, Problem};
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

const OBJECTIVES: [Objective; 3] = [Objective::Flat, Objective::Nuclear, Objective::Smoothed(0.5)];

fn normals(count: usize, seed: u64) -> Vec<f64> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| StandardNormal.sample(&mut rng)).collect()
}

/// m noisy entries, drawn at random, of a matrix of rank 3 and about unit Frobenius norm.
fn problem(
    shape: (usize, usize),
    m: usize,
    (lambda, objective): (f64, Objective),
    seed: u64,
) -> Problem<'static> {
    let (d1, d2) = shape;
    let (l, r, noise) = (
        normals(3 * d1, seed),
        normals(3 * d2, seed + 1),
        normals(m, seed + 2),
    );
    let keys = normals(d1 * d2, seed + 3);
    let mut cells: Vec<usize> = (0..d1 * d2).collect();
    cells.sort_by(|i, j| keys[*i].total_cmp(&keys[*j]));
    let (rows, columns): (Vec<u32>, Vec<u32>) = cells[..m]
        .iter()
        .map(|c| ((c / d2) as u32, (c % d2) as u32))
        .unzip();
    let size = (3.0 * (d1 * d2) as f64).sqrt();
    let y: Vec<f64> = (0..m)
        .map(|i| {
            let (a, b) = (rows[i] as usize, columns[i] as usize);
            (0..3).map(|c| l[3 * a + c] * r[3 * b + c]).sum::<f64>() / size + 0.01 * noise[i]
        })
        .collect();
    let (map, y) = Entries::new(&rows, &columns, &y, shape).unwrap();
    Problem::new(Box::new(map), y, Fit::Penalised(lambda), objective).unwrap()
}

fn run(problem: &Problem, method: Method, rank: Option<usize>) -> Solution {
    let settings = Settings::default().with_method(method).with_rank(rank);
    solve(problem, &settings, &Observer::default()).unwrap()
}

#[test]
fn finds_the_optimum_that_the_path_finds() {
    for (seed, shape, m) in [
        (1, (30, 40), 500),
        (2, (40, 30), 700),
        (3, (1, 30), 20),
        (4, (25, 9), 90),
    ] {
        for objective in OBJECTIVES {
            for lambda in [0.2, 0.02, 0.002, 3.0] {
                // Nuclear weights are ones, flat ones are counts.
                let scale = if objective == Objective::Flat {
                    1.0
                } else {
                    m as f64 / shape.0 as f64
                };
                let make = || problem(shape, m, (lambda * scale.min(10.0) * 0.1, objective), seed);
                let (path, found) = (
                    run(&make(), Method::Path, None),
                    run(&make(), Method::Alternating, None),
                );
                let what = format!(
                    "{shape:?} {objective:?} {lambda}: {:?} {:?}",
                    found.status, found.certificate
                );
                let (value, expected) = (found.certificate.value, path.certificate.value);
                assert_eq!(found.status, Status::Certified, "{what}");
                assert_eq!(found.method, "alternating", "{what}");
                assert!(
                    (value - expected).abs() <= 3e-8 * expected,
                    "{what}: {value} against {expected}"
                );
            }
        }
    }
}

#[test]
fn a_capped_optimum_is_stationary_and_its_gap_honest() {
    let make = || problem((60, 50), 1200, (0.002, Objective::Flat), 5);
    let free = run(&make(), Method::Alternating, None);
    assert!(free.factors.columns() > 2);
    let capped = run(&make(), Method::Alternating, Some(2));
    assert_eq!((capped.factors.columns(), capped.status), (2, Status::Converged));
    assert!(capped.certificate.value > free.certificate.value);
    assert!(capped.certificate.lower_bound <= free.certificate.value);
    // Not worse than what the path finds with as many columns.
    let path = run(&make(), Method::Path, Some(2));
    assert!(capped.certificate.value <= path.certificate.value * (1.0 + 1e-6));
    // A cap above what is needed changes nothing but the padding.
    let wide = run(&make(), Method::Alternating, Some(40));
    assert_eq!((wide.status, wide.factors.columns()), (Status::Certified, 40));
    assert!((wide.certificate.value / free.certificate.value - 1.0).abs() <= 1e-8);
}

#[test]
fn rows_without_entries_stay_zero() {
    let (rows, columns): (Vec<u32>, Vec<u32>) = (0..30u32)
        .flat_map(|a| (0..20u32).map(move |b| (a, b)))
        .filter(|(a, b)| *a != 4 && *b != 7 && (a * b + a) % 3 != 0)
        .unzip();
    let y = normals(rows.len(), 9);
    let (map, y) = Entries::new(&rows, &columns, &y, (30, 20)).unwrap();
    let problem = Problem::new(Box::new(map), y, Fit::Penalised(0.2), Objective::Flat).unwrap();
    let found = run(&problem, Method::Alternating, None);
    assert_eq!(found.status, Status::Certified, "{:?}", found.certificate);
    let x = found.factors.dense();
    assert!((0..20).all(|b| x[(4, b)] == 0.0) && (0..30).all(|a| x[(a, 7)] == 0.0));
}

/// Popular rows and columns have many entries, others few.
fn ratings(shape: (usize, usize), m: usize) -> Problem<'static> {
    let draws = normals(4 * m, 20);
    let place = |v: f64, size: usize| ((v.abs().powi(3) / 10.0 * size as f64) as usize % size) as u32;
    let mut cells: Vec<(u32, u32)> = (0..2 * m)
        .map(|i| (place(draws[2 * i], shape.0), place(draws[2 * i + 1], shape.1)))
        .collect();
    cells.sort_unstable();
    cells.dedup();
    let (rows, columns): (Vec<u32>, Vec<u32>) = cells.into_iter().unzip();
    let (l, r, noise) = (
        normals(2 * shape.0, 21),
        normals(2 * shape.1, 22),
        normals(rows.len(), 23),
    );
    let y: Vec<f64> = (0..rows.len())
        .map(|i| {
            let (a, b) = (rows[i] as usize, columns[i] as usize);
            l[2 * a] * r[2 * b] + l[2 * a + 1] * r[2 * b + 1] + 0.5 * noise[i]
        })
        .collect();
    let (map, y) = Entries::new(&rows, &columns, &y, shape).unwrap();
    Problem::new(Box::new(map), y, Fit::Penalised(0.3), Objective::Flat).unwrap()
}

/// The bits of L and of the dual vector of a certified run on so many threads.
fn bits(problem: &Problem, tolerance: f64, threads: usize) -> Vec<u64> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.unwrap().install(|| {
        let settings = Settings::default().with_tolerance(tolerance);
        let found = solve(problem, &settings, &Observer::default()).unwrap();
        assert_eq!((found.method, found.status), ("alternating", Status::Certified));
        assert!(found.factors.columns() >= 2);
        let l = found.factors.l;
        let columns = (0..l.ncols()).flat_map(|j| l.col_as_slice(j).to_vec());
        columns.chain(found.dual).map(f64::to_bits).collect()
    })
}

#[test]
fn is_chosen_for_many_entries_and_its_bits_do_not_depend_on_the_number_of_threads() {
    let problem = ratings((700, 400), 12_000);
    let bits = |threads| bits(&problem, 1e-5, threads);
    let one = bits(1);
    assert!(one == bits(2) && one == bits(5));
}

#[test]
fn the_objective_falls_with_every_step() {
    let problem = ratings((500, 300), 9_000);
    let settings = Settings::default().with_tolerance(1e-4).with_rank(Some(3));
    let found = solve(&problem, &settings, &Observer::default()).unwrap();
    let values: Vec<f64> = found.history.iter().filter_map(|r| r.value).collect();
    assert!(values.len() > 5);
    assert!(
        values.windows(2).all(|w| w[1] <= w[0] * (1.0 + 1e-12)),
        "{values:?}"
    );
    // The last record is of the point returned.
    let last = values[values.len() - 1];
    assert!((last / found.certificate.value - 1.0).abs() <= 1e-9);
}

#[test]
fn a_start_changes_the_way_and_not_the_end() {
    let make = |lambda| problem((60, 50), 1200, (lambda, Objective::Flat), 5);
    let settings = || Settings::default().with_method(Method::Alternating);
    let cold = run(&make(0.002), Method::Alternating, None);
    // From a larger λ, from a smaller one with more columns, from zeros.
    let near = [0.005, 0.0005].map(|lambda| run(&make(lambda), Method::Alternating, None).factors);
    let zeros = near[0].padded(9);
    let zeros = flatmin::Factors::new(zeros.l * faer::Scale(0.0), zeros.r).unwrap();
    for start in [near[0].clone(), near[1].clone(), zeros] {
        let given = settings().with_start(Some(start));
        let warm = solve(&make(0.002), &given, &Observer::default()).unwrap();
        assert_eq!(warm.status, Status::Certified);
        let ratio = warm.certificate.value / cold.certificate.value;
        assert!((ratio - 1.0).abs() <= 3e-8, "{ratio}");
    }
    let capped = settings().with_rank(Some(2)).with_start(Some(near[1].clone()));
    let capped = solve(&make(0.002), &capped, &Observer::default()).unwrap();
    assert_eq!(capped.factors.columns(), 2);
    let other = settings().with_start(Some(flatmin::Factors::empty((60, 49))));
    assert!(solve(&make(0.002), &other, &Observer::default()).is_err());
}

#[test]
fn no_time_is_no_step() {
    let settings = Settings::default().with_time_limit(Some(std::time::Duration::ZERO));
    let found = solve(&ratings((500, 300), 9_000), &settings, &Observer::default()).unwrap();
    assert_eq!((found.status, found.iterations), (Status::Budget, 0));
    assert!(found.history.is_empty() && found.certificate.lower_bound <= found.certificate.value);
}

#[test]
fn the_bound_for_another_fit_is_the_one_computed_for_it() {
    let make = |fit| {
        let made = problem((60, 50), 1200, (0.002, Objective::Flat), 5);
        made.with(fit, Objective::Flat).unwrap()
    };
    let found = run(&make(Fit::Penalised(0.002)), Method::Alternating, None);
    for fit in [Fit::Exact, Fit::Ball(0.05), Fit::Penalised(0.004)] {
        let other = make(fit);
        let (weights, dual) = (&found.weights, &found.dual);
        let known = found.certificate.lower_bound_for(&other, weights, dual).unwrap();
        let computed = flatmin::certificate::dual_bound(&other, weights, dual)
            .unwrap()
            .value;
        assert!(
            (known / computed - 1.0).abs() <= 1e-9,
            "{fit:?}: {known} {computed}"
        );
    }
}

#[test]
fn many_columns_are_certified_too() {
    // Mostly noise: the optimum has more columns than are preconditioned line by line.
    for (objective, lambda) in [(Objective::Flat, 0.0002), (Objective::Nuclear, 0.01)] {
        let problem = problem((170, 150), 16_000, (lambda, objective), 8);
        let settings = Settings::default().with_tolerance(1e-6);
        let found = solve(&problem, &settings, &Observer::default()).unwrap();
        let rank = found.factors.columns();
        assert_eq!(
            (found.method, found.status),
            ("alternating", Status::Certified),
            "{rank} columns: {:?}",
            found.certificate.gap
        );
        assert!(rank >= 64, "{rank} columns");
        assert!(bits(&problem, 1e-3, 1) == bits(&problem, 1e-3, 3));
    }
}
