//! Instances whose solution is known by construction, and small random maps.

use faer::{Mat, MatRef};
use flatmin::certificate::{Certificate, certify};
use flatmin::flatness::{Rescaled, Weights};
use flatmin::linalg::dense::{Svd, product, singular_values, thin_svd};
use flatmin::map::{Dense, Entries, Identity, MeasurementMap, RankOne};
use flatmin::{Factors, Fit, Objective, Problem};
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

pub(crate) type Map = Box<dyn MeasurementMap>;

/// A map from a seed.
pub(crate) type Make = fn(u64) -> Map;

pub(crate) fn normals(count: usize, seed: u64) -> Vec<f64> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| StandardNormal.sample(&mut rng)).collect()
}

fn normal(rows: usize, cols: usize, seed: u64) -> Mat<f64> {
    MatRef::from_column_major_slice(&normals(rows * cols, seed), rows, cols).to_owned()
}

/// A problem with a solution, the dual vector that proves it, and the optimum.
pub(crate) struct Instance {
    pub(crate) problem: Problem<'static>,
    pub(crate) weights: Weights,
    pub(crate) factors: Factors,
    pub(crate) lambda: Vec<f64>,
    pub(crate) value: f64,
    make: Option<(Make, u64)>,
}

impl Instance {
    /// With the solution X given; its value is computed.
    pub(crate) fn new(
        map: Map,
        y: Vec<f64>,
        fit: Fit,
        objective: Objective,
        x: Mat<f64>,
        lambda: Vec<f64>,
    ) -> Self {
        let weights = Weights::new(map.as_ref(), objective).unwrap();
        let misfit: f64 = apply(map.as_ref(), &x)
            .iter()
            .zip(&y)
            .map(|(a, y)| (a - y).powi(2))
            .sum();
        let (left, right) = weights.rescale(x.as_ref(), Mat::<f64>::identity(x.ncols(), x.ncols()).as_ref());
        let z = product(left.as_ref(), right.transpose());
        let nuclear: f64 = singular_values(z.as_ref()).unwrap().iter().sum();
        let value = match fit {
            Fit::Penalised(penalty) => penalty * weights.penalty_scale * nuclear + 0.5 * misfit,
            Fit::Absolute(theta) => {
                let image = apply(map.as_ref(), &x);
                nuclear + theta * image.iter().zip(&y).map(|(a, y)| (a - y).abs()).sum::<f64>()
            }
            _ => nuclear,
        };
        let svd = thin_svd(x.as_ref()).unwrap();
        Instance {
            factors: Factors::balanced(&svd, 1e-14),
            problem: Problem::new(map, y, fit, objective).unwrap(),
            weights,
            lambda,
            value,
            make: None,
        }
    }

    /// The larger condition number of D1 and D2, whatever the objective.
    pub(crate) fn condition(&self) -> f64 {
        let flat = Weights::new(self.problem.map(), Objective::Flat).unwrap();
        flat.left.condition().max(flat.right.condition())
    }

    pub(crate) fn certify(&self) -> Certificate {
        self.certify_with(&self.lambda)
    }

    pub(crate) fn certify_with(&self, lambda: &[f64]) -> Certificate {
        certify(&self.problem, &self.weights, &self.factors, lambda).unwrap()
    }

    /// The same problem with data and solution `unit` times as large.
    pub(crate) fn scaled(&self, unit: f64) -> Self {
        let (make, seed) = self.make.expect("an instance of a map that can be made again");
        let times = |v: &[f64]| v.iter().map(|v| v * unit).collect::<Vec<_>>();
        let (fit, by, dual) = match self.problem.fit() {
            Fit::Ball(epsilon) => (Fit::Ball(epsilon * unit), unit, self.lambda.clone()),
            Fit::AbsoluteBall(radius) => (Fit::AbsoluteBall(radius * unit), unit, self.lambda.clone()),
            Fit::Penalised(mu) => (Fit::Penalised(mu * unit), unit * unit, times(&self.lambda)),
            other => (other, unit, self.lambda.clone()),
        };
        let root = unit.sqrt();
        Instance {
            problem: Problem::new(
                make(seed),
                times(self.problem.data()),
                fit,
                self.problem.objective(),
            )
            .unwrap(),
            weights: self.weights.clone(),
            factors: Factors {
                l: faer::Scale(root) * &self.factors.l,
                r: faer::Scale(root) * &self.factors.r,
            },
            lambda: dual,
            value: self.value * by,
            make: self.make,
        }
    }
}

/// A(X) rounded once: sums of products with their rounding errors kept.
pub(crate) fn apply(map: &dyn MeasurementMap, x: &Mat<f64>) -> Vec<f64> {
    let m = map.measurements();
    (0..m)
        .map(|i| {
            let unit: Vec<f64> = (0..m).map(|j| f64::from(u8::from(i == j))).collect();
            let a = map.adjoint(&unit).to_dense();
            let (mut high, mut low) = (0.0f64, 0.0f64);
            for (p, q) in (0..a.nrows()).flat_map(|p| (0..a.ncols()).map(move |q| (p, q))) {
                let term = a[(p, q)] * x[(p, q)];
                let sum = high + term;
                let back = sum - high;
                low += (high - (sum - back)) + (term - back) + a[(p, q)].mul_add(x[(p, q)], -term);
                high = sum;
            }
            high + low
        })
        .collect()
}

pub(crate) fn dense(seed: u64) -> Map {
    Box::new(Dense::new(normals(9 * 5 * 4, seed), 9, (5, 4)).unwrap())
}

/// More measurements than entries.
fn overdetermined(seed: u64) -> Map {
    Box::new(Dense::new(normals(15 * 3 * 4, seed), 15, (3, 4)).unwrap())
}

fn one_row(seed: u64) -> Map {
    Box::new(Dense::new(normals(9 * 6, seed), 9, (1, 6)).unwrap())
}

fn rank_one(seed: u64) -> Map {
    Box::new(RankOne::new(&normals(14 * 4, seed), &normals(14 * 6, seed + 50), 14, (4, 6)).unwrap())
}

/// Two of three entries, never a whole row or column missing.
fn entries(_seed: u64) -> Map {
    let (rows, columns): (Vec<u32>, Vec<u32>) = (0..7u32)
        .flat_map(|a| (0..5u32).map(move |b| (a, b)))
        .filter(|(a, b)| (a + 2 * b) % 3 != 0 || a == b)
        .unzip();
    Box::new(
        Entries::new(&rows, &columns, &vec![0.0; rows.len()], (7, 5))
            .unwrap()
            .0,
    )
}

fn identity(_seed: u64) -> Map {
    Box::new(Identity::new((4, 3)))
}

pub(crate) const MAPS: [(&str, Make); 6] = [
    ("dense", dense),
    ("overdetermined", overdetermined),
    ("one row", one_row),
    ("rank one", rank_one),
    ("entries", entries),
    ("identity", identity),
];

/// Dense measurements whose rows have sizes from 1 down to `smallest`: κ(D1) is about its inverse.
pub(crate) fn ill_conditioned(smallest: f64, seed: u64) -> Map {
    let (m, d1, d2) = (12, 4, 3);
    let mut matrices = normals(m * d1 * d2, seed);
    for (i, value) in matrices.iter_mut().enumerate() {
        let row = i / d2 % d1;
        *value *= smallest.powf(row as f64 / (d1 - 1) as f64);
    }
    Box::new(Dense::new(matrices, m, (d1, d2)).unwrap())
}

/// λ with ‖B*(λ)‖ = 1 to rounding, from a random direction, and Z = 2·u vᵀ restored to X.
fn solved(map: &dyn MeasurementMap, objective: Objective, seed: u64) -> (Weights, Vec<f64>, Mat<f64>) {
    let weights = Weights::new(map, objective).unwrap();
    let mut lambda = normals(map.measurements(), seed + 100);
    let svd: Svd = {
        let w = Rescaled::new(map, &weights).adjoint(&lambda).to_dense();
        thin_svd(w.as_ref()).unwrap()
    };
    lambda.iter_mut().for_each(|l| *l /= svd.s[0]);
    let top = |basis: &Mat<f64>| basis.as_ref().subcols(0, 1).to_owned();
    let (l, r) = weights.restore(top(&svd.u).as_ref(), top(&svd.v).as_ref());
    let x = faer::Scale(2.0) * product(l.as_ref(), r.transpose());
    (weights, lambda, x)
}

pub(crate) fn exact_fit(map: Map, objective: Objective, seed: u64) -> Instance {
    let (_, lambda, x) = solved(map.as_ref(), objective, seed);
    let y = apply(map.as_ref(), &x);
    Instance::new(map, y, Fit::Exact, objective, x, lambda)
}

/// One instance of each fit: by the optimality conditions, y = A(X) + ε·λ/‖λ‖, y = A(X) + μλ and, where the objective allows
/// it, y = A(X) + an outlier at the largest |λ_i|.
pub(crate) fn fits(make: Make, objective: Objective, seed: u64) -> Vec<(&'static str, Instance)> {
    let (weights, lambda, x) = solved(make(seed).as_ref(), objective, seed);
    let y = apply(make(seed).as_ref(), &x);
    let size = lambda.iter().map(|l| l * l).sum::<f64>().sqrt();
    let epsilon = 0.1;
    let shifted = |by: f64| y.iter().zip(&lambda).map(|(y, l)| y + by * l).collect::<Vec<_>>();
    let mu = 0.3 * weights.penalty_scale;
    let priced = lambda.iter().map(|l| mu * l).collect();
    // The ball is a little wider than the misfit, so that rounding leaves X inside.
    let ball = Fit::Ball(epsilon * (1.0 + 1e-13));
    let mut all = vec![
        ("exact", y.clone(), Fit::Exact, lambda.clone()),
        ("ball", shifted(epsilon / size), ball, lambda.clone()),
        ("penalised", shifted(mu), Fit::Penalised(0.3), priced),
    ];
    if objective == Objective::Nuclear {
        // S = .2·sign(λ) where |λ| is largest.
        let level = lambda.iter().fold(0.0, |m: f64, l| m.max(l.abs()));
        let with_outlier: Vec<f64> = y
            .iter()
            .zip(&lambda)
            .map(|(y, l)| {
                if l.abs() == level {
                    y + 0.2 * l.signum()
                } else {
                    *y
                }
            })
            .collect();
        let radius = Fit::AbsoluteBall(0.2 * (1.0 + 1e-13));
        all.push((
            "absolute",
            with_outlier.clone(),
            Fit::Absolute(level),
            lambda.clone(),
        ));
        all.push(("absolute ball", with_outlier, radius, lambda.clone()));
    }
    all.into_iter()
        .map(|(name, y, fit, lambda)| {
            let mut instance = Instance::new(make(seed), y, fit, objective, x.clone(), lambda);
            instance.make = Some((make, seed));
            (name, instance)
        })
        .collect()
}

/// Nuclear objective, m dense measurements of 6×5 matrices, W = U Vᵀ + .7·(the rest) with U, V of p columns: the first
/// measurement is chosen so that B*(λ) = W.
pub(crate) fn planted(p: usize, m: usize, seed: u64) -> Instance {
    planted_in(p, m, m, seed)
}

/// As `planted`, rank 2, with the second measurement repeated once: three equations, two of them different.
pub(crate) fn duplicated(seed: u64) -> Instance {
    planted_in(2, 3, 2, seed)
}

fn planted_in(p: usize, m: usize, different: usize, seed: u64) -> Instance {
    let (d1, d2) = (6, 5);
    let basis = thin_svd(normal(d1, d2, seed + 200).as_ref()).unwrap();
    let tops = Mat::from_fn(d1, d2, |i, j| basis.u[(i, j)] * if j < p { 1.0 } else { 0.7 });
    let mut first = product(tops.as_ref(), basis.v.transpose());
    let others: Vec<Mat<f64>> = (1..m)
        .map(|i| normal(d1, d2, seed + 300 + 10 * i.min(different - 1) as u64))
        .collect();
    let mut lambda = normals(m, seed + 400);
    lambda[0] = 1.0;
    for (a, l) in others.iter().zip(&lambda[1..]) {
        first -= faer::Scale(*l) * a;
    }
    let matrices: Vec<f64> = std::iter::once(&first)
        .chain(&others)
        .flat_map(|a| (0..d1 * d2).map(|i| a[(i / d2, i % d2)]))
        .collect();
    let map = Dense::new(matrices, m, (d1, d2)).unwrap();
    // S = G Gᵀ + I, definite.
    let g = normal(p, p, seed + 500);
    let s = product(g.as_ref(), g.transpose()) + Mat::<f64>::identity(p, p);
    let (u, v) = (basis.u.as_ref().subcols(0, p), basis.v.as_ref().subcols(0, p));
    let x = product(u, product(s.as_ref(), v.transpose()).as_ref());
    let y = apply(&map, &x);
    Instance::new(Box::new(map), y, Fit::Exact, Objective::Nuclear, x, lambda)
}

/// Every entry of HX observed with the weight 2^{−row·steps/3}, H a 4×4 Hadamard matrix over 2: D1 = H diag Hᵀ is dense,
/// of condition 2^steps, and every number up to D² is exact. The value is that of diag·(HX), known independently of D.
pub(crate) fn rotated(steps: i32) -> Instance {
    let (d1, d2) = (4usize, 3usize);
    let h = |i: usize, j: usize| {
        if (i & j).count_ones().is_multiple_of(2) {
            0.5
        } else {
            -0.5
        }
    };
    let size = |a: usize| 2f64.powi(-(a as i32 * steps / 3));
    let mut matrices = Vec::new();
    for (a, b) in (0..d1).flat_map(|a| (0..d2).map(move |b| (a, b))) {
        for i in 0..d1 {
            matrices.extend((0..d2).map(|j| if j == b { size(a) * h(i, a) } else { 0.0 }));
        }
    }
    let map: Map = Box::new(Dense::new(matrices, d1 * d2, (d1, d2)).unwrap());
    let weights = Weights::new(map.as_ref(), Objective::Flat).unwrap();
    let (left, right) = (
        (0..d1).map(|a| size(a) / 12f64.sqrt()).collect::<Vec<_>>(),
        ((0..d1).map(|a| size(a).powi(2)).sum::<f64>() / 48.0).sqrt(),
    );
    // Z = D1 X D2 = H·(diag·HX)·right has the data size_a·(HX)_ab = z_ab·(size_a/left_a)/right.
    let z = normal(d1, 1, 3) * normal(1, d2, 4);
    let hx = Mat::from_fn(d1, d2, |a, b| z[(a, b)] / left[a] / right);
    let x = Mat::from_fn(d1, d2, |i, b| (0..d1).map(|a| h(i, a) * hx[(a, b)]).sum());
    let y = apply(map.as_ref(), &x);
    let svd = thin_svd(z.as_ref()).unwrap();
    // All of Z is seen: W = u vᵀ in the rotated basis is B*(λ) for λ_ab = W_ab·left_a·right/size_a.
    let lambda = (0..d1 * d2)
        .map(|i| {
            let (a, b) = (i / d2, i % d2);
            svd.u[(a, 0)] * svd.v[(b, 0)] * left[a] * right / size(a)
        })
        .collect();
    let mut instance = Instance::new(map, y, Fit::Exact, Objective::Flat, x, lambda);
    instance.weights = weights;
    instance.value = svd.s.iter().sum();
    instance
}
