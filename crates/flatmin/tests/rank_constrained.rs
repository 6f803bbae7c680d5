//! Fewer measurements than the convex problem needs: what is found is the truth, and what is said of it is so.

use faer::{Mat, MatRef};
use flatmin::linalg::dense::product;
use flatmin::map::{Entries, MeasurementMap};
use flatmin::random::Stream;
use flatmin::solve::{Observer, Settings, Solution, Status, solve};
use flatmin::synthetic::{Bilinear, Recipe, Sensing, Symmetric};
use flatmin::{Domain, Fit, Objective, Problem};

fn exact(map: Box<dyn MeasurementMap>, y: Vec<f64>) -> Problem<'static> {
    Problem::new(map, y, Fit::Exact, Objective::Flat).unwrap()
}

fn of_sensing(sensing: Sensing) -> Problem<'static> {
    let y = sensing.y.clone();
    exact(sensing.map().unwrap(), y)
}

fn run(problem: &Problem, settings: &Settings) -> Solution {
    solve(problem, settings, &Observer::default()).unwrap()
}

fn with_rank(rank: usize) -> Settings {
    Settings::default().with_rank(Some(rank))
}

/// ‖X − truth‖_F/‖truth‖_F.
fn error(solution: &Solution, truth: &Mat<f64>) -> f64 {
    (solution.factors.dense() - truth).norm_l2() / truth.norm_l2()
}

/// `count` entries of a matrix of rank r, at least r + `spare` in every row and column.
fn completion(
    (d1, d2): (usize, usize),
    recipe: &Recipe,
    count: usize,
    spare: usize,
    seed: u64,
) -> (Problem<'static>, Mat<f64>) {
    let mut stream = Stream::new(seed);
    let truth = stream.low_rank((d1, d2), recipe.rank, recipe.condition);
    let least = recipe.rank + spare;
    let places = loop {
        let places = stream.choose(d1 * d2, count);
        let rows = (0..d1).all(|a| places.iter().filter(|p| *p / d2 == a).count() >= least);
        if rows && (0..d2).all(|b| places.iter().filter(|p| *p % d2 == b).count() >= least) {
            break places;
        }
    };
    (observed(&truth, &places), truth)
}

fn observed(truth: &Mat<f64>, places: &[usize]) -> Problem<'static> {
    let d2 = truth.ncols();
    let rows: Vec<u32> = places.iter().map(|p| (p / d2) as u32).collect();
    let columns: Vec<u32> = places.iter().map(|p| (p % d2) as u32).collect();
    let y: Vec<f64> = places.iter().map(|p| truth[(p / d2, p % d2)]).collect();
    let (map, y) = Entries::new(&rows, &columns, &y, truth.shape()).unwrap();
    exact(Box::new(map), y)
}

#[test]
fn completion_from_fewer_entries_than_the_convex_problem_needs() {
    // 60 × 50 of rank 2 has 216 degrees of freedom; 340 entries are 1.6 of each.
    for seed in 0..6 {
        let (problem, truth) = completion((60, 50), &Recipe::plain(2), 340, 1, seed);
        let found = run(&problem, &with_rank(2));
        assert!(
            error(&found, &truth) <= 1e-9,
            "seed {seed}: {:.2e}",
            error(&found, &truth)
        );
        assert!(found.certificate.residual <= 1e-12);
        assert!(found.certificate.lower_bound <= found.certificate.value);
        assert!(found.local.unwrap().unique);
        let convex = run(&problem, &Settings::default());
        assert!(convex.certificate.value <= found.certificate.value * (1.0 + 1e-8));
        assert!(
            error(&convex, &truth) > 1e-3,
            "the convex problem does it as well: the test is too easy"
        );
        assert_eq!(found.status, Status::Converged);
    }
}

#[test]
fn ill_conditioned_matrices_are_completed_to_the_last_digit() {
    for seed in 0..3 {
        let recipe = Recipe {
            condition: 1e5,
            ..Recipe::plain(3)
        };
        let (problem, truth) = completion((60, 60), &recipe, 900, 1, seed);
        let found = run(&problem, &with_rank(3));
        assert!(
            error(&found, &truth) <= 1e-11,
            "seed {seed}: {:.2e}",
            error(&found, &truth)
        );
    }
}

#[test]
fn with_enough_entries_the_answer_is_proved() {
    let (problem, truth) = completion((40, 40), &Recipe::plain(2), 800, 1, 0);
    let found = run(&problem, &with_rank(2));
    assert_eq!(found.status, Status::Certified);
    assert!(error(&found, &truth) <= 1e-10);
    assert_eq!(found.certificate.uniqueness.unique, Some(true));
}

#[test]
fn the_fewest_columns_are_found() {
    for seed in 0..3 {
        let (problem, truth) = completion((50, 50), &Recipe::plain(3), 600, 1, seed);
        let found = run(&problem, &Settings::default().with_fewest(true));
        assert_eq!(found.factors.columns(), 3);
        assert!(error(&found, &truth) <= 1e-9);
    }
}

/// A row and a column with r entries each, one of them in common, have 2r unknowns and 2r − 1 equations: a curve of exact
/// completions. With one entry more there is one.
#[test]
fn planted_ambiguities_are_told_from_unique_completions() {
    let truth = Stream::new(3).low_rank((40, 40), 2, 1.0);
    let dense: Vec<usize> = (0..1600)
        .filter(|p| p / 40 > 0 && p % 40 > 0 && (p * 7) % 3 > 0)
        .collect();
    let corner = |row: &[usize], column: &[usize]| {
        let mut places = dense.clone();
        places.extend(row.iter().copied());
        places.extend(column.iter().map(|a| a * 40));
        places.sort_unstable();
        observed(&truth, &places)
    };
    // Row 0 is seen in columns 0 and 5, column 0 in rows 0 and 7.
    let open = run(&corner(&[0, 5], &[7]), &with_rank(2));
    assert!(open.certificate.residual <= 1e-8);
    assert_eq!(open.local.map(|local| local.unique), Some(false));
    let closed = run(&corner(&[0, 5, 9], &[7]), &with_rank(2));
    assert_eq!(closed.local.map(|local| local.unique), Some(true));
    assert!(error(&closed, &truth) <= 1e-9);
}

#[test]
fn too_few_columns_are_a_status_and_not_an_answer() {
    let (problem, _) = completion((40, 40), &Recipe::plain(3), 700, 1, 1);
    let found = run(&problem, &with_rank(2));
    assert_eq!(found.status, Status::Budget);
    assert!(found.certificate.residual > 1e-3);
    assert!(found.local.is_none());
}

#[test]
fn the_bits_do_not_depend_on_the_threads() {
    let (problem, _) = completion((150, 100), &Recipe::plain(3), 1500, 1, 2);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| run(&problem, &with_rank(3)))
    };
    let (one, three) = (with(1), with(3));
    assert_eq!(one.factors.l, three.factors.l);
    assert_eq!(one.factors.r, three.factors.r);
    assert_eq!(one.dual, three.dual);
    assert_eq!(one.local, three.local);
}

#[test]
fn data_of_any_size_give_the_same_answer() {
    let (problem, truth) = completion((50, 40), &Recipe::plain(2), 300, 1, 4);
    for unit in [1e-80, 1e60] {
        let scaled: Vec<f64> = problem.data().iter().map(|y| y * unit).collect();
        let entries = problem.map().as_entries().unwrap().clone();
        let found = run(&exact(Box::new(entries), scaled), &with_rank(2));
        let truth = faer::Scale(unit) * &truth;
        assert!(error(&found, &truth) <= 1e-9, "{unit:e}");
    }
}

#[test]
fn sensing_bilinear_and_network_from_few_measurements() {
    for seed in 0..2 {
        let mut stream = Stream::new(seed);
        let sensing = Sensing::draw(&mut stream, (20, 24), 100, &Recipe::plain(2));
        let (truth, problem) = (sensing.truth.clone(), of_sensing(sensing.clone()));
        let found = run(&problem, &with_rank(2));
        assert!(
            error(&found, &truth) <= 1e-10 && found.local.unwrap().unique,
            "sensing {seed}"
        );

        let bilinear = Bilinear::draw(&mut stream, (20, 24), 110, &Recipe::plain(2)).unwrap();
        let (truth, problem) = (
            bilinear.truth.clone(),
            exact(bilinear.map().unwrap(), bilinear.y.clone()),
        );
        let found = run(&problem, &with_rank(2));
        assert!(
            error(&found, &truth) <= 1e-10 && found.local.unwrap().unique,
            "bilinear {seed}"
        );

        let network = Symmetric::draw(&mut stream, 20, 80, 1, &Recipe::plain(3)).unwrap();
        let truth = network.truth.clone();
        let problem = exact(network.map().unwrap(), network.y.clone())
            .over(Domain::Symmetric)
            .unwrap();
        let found = run(&problem, &with_rank(3).with_widths(Some(2), Some(1)));
        assert!(error(&found, &truth) <= 1e-10, "network {seed}");
    }
}

/// With more columns than the data determine the flattest of many exact factorisations is looked for: none is flatter than
/// the convex optimum, and none of those with a column more is sharper.
#[test]
fn more_columns_are_no_sharper() {
    let problem = {
        let mut stream = Stream::new(5);
        let sensing = Sensing::draw(&mut stream, (12, 12), 50, &Recipe::plain(1));
        of_sensing(sensing)
    };
    let convex = run(&problem, &Settings::default());
    let mut before = f64::INFINITY;
    for rank in 1..=convex.factors.columns() {
        let found = run(&problem, &with_rank(rank));
        let value = found.certificate.value;
        assert!(value >= convex.certificate.value * (1.0 - 1e-8));
        assert!(
            value <= before * (1.0 + 1e-6),
            "rank {rank}: {value} after {before}"
        );
        before = value;
    }
}

#[test]
fn factors_fit_what_was_asked() {
    let y = Stream::new(1).normals(12);
    let x = product(
        MatRef::from_column_major_slice(&y[..6], 6, 1),
        MatRef::from_column_major_slice(&y[6..], 6, 1).transpose(),
    );
    let found = run(&observed(&x, &(0..36).collect::<Vec<_>>()), &with_rank(3));
    assert_eq!(found.factors.columns(), 3);
    assert!(error(&found, &x) <= 1e-12);
}
