//! Chains of matrices: the Hessian against finite differences, the law of the identity against a search, the search
//! against the convex solution at K = 2.

use faer::{Mat, MatRef};
use flatmin::depth::chain::{Chain, Hessian, Search, Solution, audit, flattest, nuclear_law, solve};
use flatmin::linalg::dense::thin_svd;
use flatmin::map::{Dense, Entries, Identity, MeasurementMap, RankOne};
use flatmin::solve::{Observer, Settings, Status};
use flatmin::{Error, Fit, Objective, Problem};
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

fn normals(count: usize, seed: u64) -> Vec<f64> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| StandardNormal.sample(&mut rng)).collect()
}

fn normal(rows: usize, cols: usize, seed: u64) -> Mat<f64> {
    MatRef::from_column_major_slice(&normals(rows * cols, seed), rows, cols).to_owned()
}

fn truth(shape: (usize, usize), rank: usize, seed: u64) -> Mat<f64> {
    let x = normal(shape.0, rank, seed) * normal(rank, shape.1, seed + 1);
    let size = x.norm_l2();
    faer::Scale(1.0 / size) * x
}

fn maps() -> Vec<(&'static str, Box<dyn MeasurementMap>)> {
    let (rows, cols): (Vec<u32>, Vec<u32>) = (0..4u32)
        .flat_map(|a| (0..3u32).map(move |b| (a, b)))
        .filter(|(a, b)| (a + b) % 3 != 1)
        .unzip();
    let entries = Entries::new(&rows, &cols, &vec![0.0; rows.len()], (4, 3))
        .unwrap()
        .0;
    vec![
        (
            "dense",
            Box::new(Dense::new(normals(7 * 4 * 3, 1), 7, (4, 3)).unwrap()),
        ),
        (
            "rank one",
            Box::new(RankOne::new(&normals(9 * 4, 2), &normals(9 * 3, 3), 9, (4, 3)).unwrap()),
        ),
        ("entries", Box::new(entries)),
        ("identity", Box::new(Identity::new((4, 3)))),
    ]
}

/// Of these widths, d_0 = 4 and d_3 = 3 included.
fn chain(widths: &[usize], seed: u64) -> Chain {
    let layers = widths
        .windows(2)
        .enumerate()
        .map(|(j, w)| normal(w[0], w[1], seed + j as u64))
        .collect();
    Chain::new(layers, (widths[0], widths[widths.len() - 1])).unwrap()
}

fn entries_of(chain: &Chain) -> Vec<f64> {
    let columns = chain.layers.iter().flat_map(|w| w.col_iter());
    columns.flat_map(|c| c.iter().copied()).collect()
}

fn from_entries(like: &Chain, entries: &[f64]) -> Chain {
    let (mut layers, mut start) = (Vec::new(), 0);
    for w in &like.layers {
        let size = w.nrows() * w.ncols();
        let part = &entries[start..start + size];
        layers.push(MatRef::from_column_major_slice(part, w.nrows(), w.ncols()).to_owned());
        start += size;
    }
    Chain { layers }
}

#[test]
fn hessian_and_layer_traces_are_those_of_finite_differences_on_and_off_the_solutions() {
    for (name, map) in maps() {
        for widths in [vec![4, 2, 3], vec![4, 2, 5, 3], vec![4, 1, 2, 2, 3]] {
            for noise in [0.0, 1.0] {
                let at = chain(&widths, 10);
                let y: Vec<f64> = map
                    .apply_dense(at.product().as_ref())
                    .iter()
                    .zip(normals(map.measurements(), 20))
                    .map(|(y, e)| y + noise * e)
                    .collect();
                let hessian = Hessian::new(map.as_ref(), &at, &y);
                let (n, h, here) = (hessian.dimension(), 1e-3, entries_of(&at));
                let loss = |i: usize, a: f64, j: usize, b: f64| -> f64 {
                    let mut to = here.clone();
                    to[i] += a * h;
                    to[j] += b * h;
                    let x = from_entries(&at, &to).product();
                    let image = map.apply_dense(x.as_ref());
                    image.iter().zip(&y).map(|(a, y)| (a - y).powi(2)).sum()
                };
                let mut diagonal = vec![0.0; n];
                for j in 0..n {
                    let unit: Vec<f64> = (0..n).map(|i| f64::from(u8::from(i == j))).collect();
                    let column = hessian.apply(&unit);
                    diagonal[j] = column[j];
                    for (i, found) in column.iter().enumerate().step_by(3) {
                        let second = |s: f64| {
                            (loss(i, s, j, s) - loss(i, s, j, -s) - loss(i, -s, j, s) + loss(i, -s, j, -s))
                                / (4.0 * s * s * h * h)
                        };
                        let expected = (4.0 * second(1.0) - second(2.0)) / 3.0;
                        assert!(
                            (found - expected).abs() <= 1e-4 * (1.0 + expected.abs()),
                            "{name} {widths:?} {noise}: ({i}, {j}) is {found}, by differences {expected}"
                        );
                    }
                }
                let found = audit(map.as_ref(), &y, &at).unwrap();
                let mut rest = &diagonal[..];
                for (layer, found) in at.layers.iter().zip(&found.layer_traces) {
                    let (own, others) = rest.split_at(layer.nrows() * layer.ncols());
                    let expected: f64 = own.iter().sum();
                    assert!((found - expected).abs() <= 1e-11 * expected, "{name} {widths:?}");
                    rest = others;
                }
                assert!(found.lambda_max >= diagonal.iter().fold(0.0, |m: f64, d| m.max(*d)));
            }
        }
    }
}

#[test]
fn the_explicit_chain_attains_the_law_of_the_identity() {
    for (shape, rank) in [((5, 5), 2), ((6, 3), 3), ((3, 7), 1)] {
        let map = Identity::new(shape);
        let x = truth(shape, rank, 3);
        let svd = thin_svd(x.as_ref()).unwrap();
        let nuclear = svd.s.iter().sum();
        for depth in [2, 3, 4, 6] {
            for hidden in [rank, rank + 1, 9] {
                let mut widths = vec![hidden; depth + 1];
                (widths[0], widths[depth]) = shape;
                let best = flattest(&svd, &widths).unwrap();
                assert!((best.product() - &x).norm_l2() <= 1e-13);
                let law = nuclear_law(&map, depth, nuclear);
                let layers = best.layer_traces(&map);
                for layer in &layers {
                    assert!(
                        (layer * depth as f64 - law).abs() <= 1e-11 * law,
                        "{layers:?} of {law}"
                    );
                }
                // Moving along the factorisations of x never goes below.
                for seed in 0..10 {
                    let mut other = best.clone();
                    for j in 1..depth {
                        let g = Mat::<f64>::identity(hidden, hidden)
                            + faer::Scale(0.1) * normal(hidden, hidden, 100 * seed + j as u64);
                        let inverse = faer::linalg::solvers::DenseSolveCore::inverse(&g.partial_piv_lu());
                        other.layers[j - 1] = &other.layers[j - 1] * &g;
                        other.layers[j] = inverse * &other.layers[j];
                    }
                    assert!((other.product() - &x).norm_l2() <= 1e-10);
                    assert!(other.layer_traces(&map).iter().sum::<f64>() >= law * (1.0 - 1e-10));
                }
            }
        }
    }
    // Zero has a chain too; too narrow a one has not the rank.
    let zero = thin_svd(Mat::<f64>::zeros(3, 2).as_ref()).unwrap();
    assert_eq!(flattest(&zero, &[3, 1, 2]).unwrap().product().norm_l2(), 0.0);
    let svd = thin_svd(normal(4, 4, 1).as_ref()).unwrap();
    assert!(matches!(flattest(&svd, &[4, 2, 4]), Err(Error::Shape { .. })));
}

fn search(problem: &Problem, depth: usize, random_starts: usize) -> Solution {
    let search = Search::new(depth).with_random_starts(random_starts);
    solve(problem, &search, &Settings::default(), &Observer::default()).unwrap()
}

#[test]
fn a_search_over_factorisations_finds_the_law_of_the_identity() {
    for (shape, rank) in [((5, 5), 2), ((6, 4), 4), ((3, 5), 1)] {
        let map = Identity::new(shape);
        let x = truth(shape, rank, 7);
        let nuclear: f64 = thin_svd(x.as_ref()).unwrap().s.iter().sum();
        let y = map.apply_dense(x.as_ref());
        let problem = Problem::new(Box::new(map.clone()), y, Fit::Exact, Objective::Flat).unwrap();
        for depth in [2, 3, 4] {
            let found = search(&problem, depth, 2);
            let law = nuclear_law(&map, depth, nuclear);
            assert_eq!(
                found.status,
                Status::Converged,
                "{shape:?}, K = {depth}: {found:?}"
            );
            assert_eq!(found.ends.len(), 3);
            for end in &found.ends {
                assert!(
                    (end - law).abs() <= 1e-7 * law,
                    "{shape:?}, K = {depth}: {:?} of {law}",
                    found.ends
                );
            }
        }
    }
}

#[test]
fn two_layers_are_the_convex_problem_for_every_map() {
    for (seed, shape, m) in [(1, (8, 8), 45), (2, (6, 10), 40)] {
        let x = truth(shape, 1, seed);
        let dense = Dense::new(normals(m * shape.0 * shape.1, seed), m, shape).unwrap();
        let rank_one = RankOne::new(&normals(m * shape.0, seed), &normals(m * shape.1, 9), m, shape).unwrap();
        let both: [Box<dyn MeasurementMap>; 2] = [Box::new(dense), Box::new(rank_one)];
        for map in both {
            let y = map.apply_dense(x.as_ref());
            let problem = Problem::new(map, y, Fit::Exact, Objective::Flat).unwrap();
            let convex = flatmin::solve::solve(&problem, &Settings::default(), &Observer::default()).unwrap();
            // tr D²f, unlike its scaled form, is 4‖(ΣA_iA_iᵀ)^{1/2} X (ΣA_iᵀA_i)^{1/2}‖_* = 4m√(d1 d2)·‖D1 X D2‖_* at best.
            let area = (shape.0 * shape.1) as f64;
            let expected = 4.0 * m as f64 * area.sqrt() * convex.certificate.value;
            let found = search(&problem, 2, 1);
            assert_eq!(found.status, Status::Converged);
            assert!(
                found.residual <= 1e-8,
                "{:e} {:e} {} {:?}",
                found.residual,
                found.stationarity,
                found.iterations,
                found.ends
            );
            for end in &found.ends {
                assert!(
                    (end - expected).abs() <= 1e-7 * expected,
                    "{:?} of {expected}",
                    found.ends
                );
            }
        }
    }
}

#[test]
fn deeper_chains_keep_the_bias_towards_low_rank() {
    let (shape, m) = ((8, 8), 48);
    let x = truth(shape, 1, 4);
    let map = Dense::new(normals(m * 64, 5), m, shape).unwrap();
    let y = map.apply_dense(x.as_ref());
    let problem = Problem::new(Box::new(map.clone()), y.clone(), Fit::Exact, Objective::Flat).unwrap();
    for depth in [3, 4] {
        let found = search(&problem, depth, 1);
        assert_eq!(found.status, Status::Converged, "K = {depth}: {:?}", found.ends);
        assert!(
            found.residual <= 1e-8,
            "{:e} {:e} {} {:?}",
            found.residual,
            found.stationarity,
            found.iterations,
            found.ends
        );
        let error = (found.chain.product() - &x).norm_l2();
        assert!(error <= 1e-5, "K = {depth}: off by {error:e}");
        let law = nuclear_law(&map, depth, 1.0);
        assert!((found.trace / law - 1.0).abs() <= 0.2, "{} of {law}", found.trace);
        // The trace reported is that of the chain.
        let measured = audit(&map, &y, &found.chain).unwrap();
        assert!((measured.trace - found.trace).abs() <= 1e-9 * found.trace);
    }
}

#[test]
fn wider_hidden_layers_are_not_flatter() {
    let (shape, m) = ((4, 6), 18);
    let map = Dense::new(normals(m * 24, 5), m, shape).unwrap();
    let y = map.apply_dense(truth(shape, 2, 4).as_ref());
    let problem = Problem::new(Box::new(map), y, Fit::Exact, Objective::Flat).unwrap();
    let with = |width| {
        let search = Search::new(3).with_width(width).with_random_starts(2);
        solve(&problem, &search, &Settings::default(), &Observer::default()).unwrap()
    };
    let (narrow, wide) = (with(None), with(Some(8)));
    assert!(
        (narrow.trace - wide.trace).abs() <= 1e-6 * narrow.trace,
        "{:?} and {:?}",
        narrow.ends,
        wide.ends
    );
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads_and_budgets_are_kept() {
    let (shape, m) = ((8, 8), 48);
    let map = Dense::new(normals(m * 64, 5), m, shape).unwrap();
    let y = map.apply_dense(truth(shape, 1, 4).as_ref());
    let problem = Problem::new(Box::new(map), y, Fit::Exact, Objective::Flat).unwrap();
    let settings = Settings::default().with_max_iterations(60);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| solve(&problem, &Search::new(3), &settings, &Observer::default()).unwrap())
    };
    let (one, three) = (on(1), on(3));
    assert_eq!(entries_of(&one.chain), entries_of(&three.chain));
    assert_eq!(one.status, Status::Budget);
    assert_eq!(one.iterations, 60);
}

#[test]
fn bad_input_is_one_clear_line() {
    let line = Chain::new(vec![normal(4, 2, 1), normal(3, 3, 1)], (4, 3))
        .unwrap_err()
        .to_string();
    assert_eq!(line, "a layer W1, W2, ...: found W2 of 3 x 3, expected 2 x 3");
    let problem = |fit| {
        let map = Identity::new((2, 2));
        Problem::new(Box::new(map), vec![1.0; 4], fit, Objective::Flat).unwrap()
    };
    for (fit, depth, expected) in [
        (Fit::Exact, 1, "depth: found 1"),
        (Fit::Ball(0.1), 3, "fit: found Ball(0.1)"),
    ] {
        let found = solve(
            &problem(fit),
            &Search::new(depth),
            &Settings::default(),
            &Observer::default(),
        );
        let line = found.unwrap_err().to_string();
        assert!(line.starts_with(expected), "{line}");
    }
}
