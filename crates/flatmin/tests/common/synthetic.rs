//! Random truths and noisy measurements of them.

use faer::{Mat, MatRef};
use flatmin::Problem;
use flatmin::map::{Dense, Entries, Identity, MeasurementMap, RankOne};
use flatmin::solve::{Method, Observer, Settings, Solution, solve};
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

pub(crate) fn normals(count: usize, seed: u64) -> Vec<f64> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| StandardNormal.sample(&mut rng)).collect()
}

/// A rank-`rank` matrix of unit Frobenius norm.
pub(crate) fn truth(shape: (usize, usize), rank: usize, seed: u64) -> Mat<f64> {
    let l = MatRef::from_column_major_slice(&normals(shape.0 * rank, seed), shape.0, rank).to_owned();
    let r = MatRef::from_column_major_slice(&normals(shape.1 * rank, seed + 1), shape.1, rank).to_owned();
    let x = &l * r.transpose();
    let size = x.norm_l2();
    faer::Scale(1.0 / size) * x
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Sensing,
    Bilinear,
    Completion,
    Identity,
}

/// `m` measurements of `x`, with noise of that size each.
pub(crate) fn measure(
    kind: Kind,
    x: &Mat<f64>,
    m: usize,
    noise: f64,
    seed: u64,
) -> (Box<dyn MeasurementMap>, Vec<f64>) {
    let (d1, d2) = x.shape();
    let map: Box<dyn MeasurementMap> = match kind {
        Kind::Sensing => Box::new(Dense::new(normals(m * d1 * d2, seed), m, (d1, d2)).unwrap()),
        Kind::Bilinear => {
            let (a, b) = (normals(m * d1, seed), normals(m * d2, seed + 1));
            Box::new(RankOne::new(&a, &b, m, (d1, d2)).unwrap())
        }
        Kind::Completion => {
            // The first m cells in a shuffled order.
            let keys = normals(d1 * d2, seed);
            let mut cells: Vec<usize> = (0..d1 * d2).collect();
            cells.sort_by(|i, j| keys[*i].total_cmp(&keys[*j]));
            let rows: Vec<u32> = cells[..m].iter().map(|c| (c / d2) as u32).collect();
            let columns: Vec<u32> = cells[..m].iter().map(|c| (c % d2) as u32).collect();
            Box::new(Entries::new(&rows, &columns, &vec![0.0; m], (d1, d2)).unwrap().0)
        }
        Kind::Identity => Box::new(Identity::new((d1, d2))),
    };
    let errors = normals(map.measurements(), seed + 2);
    let y = map
        .apply_dense(x.as_ref())
        .iter()
        .zip(errors)
        .map(|(y, e)| y + noise * e)
        .collect();
    (map, y)
}

pub(crate) fn run(problem: &Problem, method: Method) -> Solution {
    let settings = Settings::default().with_method(method);
    solve(problem, &settings, &Observer::default()).unwrap()
}

pub(crate) fn error(solution: &Solution, truth: &Mat<f64>) -> f64 {
    (solution.factors.dense() - truth).norm_l2()
}
