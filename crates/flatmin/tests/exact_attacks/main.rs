//! Attacks on the dual bound where the optimum is known exactly, compared in rational arithmetic: no tolerance.
//!
//! Let H and G be Hadamard matrices of orders d1 and d2 with d1·d2 a square, T = H Diag(t) Gᵀ with integers
//! 0 ≤ t_i ≤ t_max, and λ ∈ {±1}^m with m a square. All A_i but the last are random integer matrices, and the last is such that
//! A*(λ) = T, of norm N = t_max·√(d1·d2). With X = Σ s_i h_i g_iᵀ over i with t_i = t_max, integers s_i ≥ 0,
//!
//! * exact data y = A(X):  X is optimal, ‖X‖_* = √(d1·d2)·Σ s_i;
//! * a ball of radius ρ, y = A(X) + (ρ/√m)·λ:  the same X and value;
//! * a penalty μ = ν·N, y = A(X) + ν·λ:  X again, ½·ν²·m + μ‖X‖_*.
//!
//! Every number is a small integer times a power of two, so that the instances hold to the last bit. For flat weights, X is
//! observed entry by entry with scales 2^(p_j + q_k): D1 and D2 are diagonal, and the square of the optimum is rational.
//!
//! Every certificate has its instances: these, the symmetric domains, absolute fits, completion beyond the sizes at which norms
//! are computed outright, and Hadamard products of K vectors. Each instance meets some twenty dual vectors, each with another
//! candidate; `FLATMIN_ATTACKS` sets the number of instances of a kind, 30 by default.

mod completion;
mod robust;
mod sparse;
mod symmetric;

use faer::Mat;
use flatmin::Error;
use flatmin::certificate::{certify, dual_bound};
use flatmin::flatness::Weights;
use flatmin::map::{Dense, MeasurementMap, RankOne};
use flatmin::random::Stream;
use flatmin::{Factors, Fit, Objective, Problem};
use num_rational::BigRational;

/// Orders with d1·d2 a square.
const ORDERS: [(usize, usize); 7] = [(1, 1), (2, 2), (4, 4), (1, 4), (8, 2), (4, 1), (2, 8)];

fn instances() -> u64 {
    let asked = std::env::var("FLATMIN_ATTACKS").ok();
    asked.map_or(30, |n| n.parse().expect("FLATMIN_ATTACKS is a number"))
}

fn exact(v: f64) -> BigRational {
    BigRational::from_float(v).expect("a finite number")
}

/// Sylvester's: entry (i, j) is (−1)^(number of common bits).
fn hadamard(i: usize, j: usize) -> f64 {
    if (i & j).count_ones().is_multiple_of(2) {
        1.0
    } else {
        -1.0
    }
}

/// An integer from `low` to `high`.
fn integer(stream: &mut Stream, low: i64, high: i64) -> f64 {
    (low + stream.below((high - low + 1) as usize) as i64) as f64
}

/// √n of a square.
fn root(n: usize) -> f64 {
    let root = (n as f64).sqrt();
    assert_eq!(root * root, n as f64);
    root
}

/// Σ c_i h_i g_iᵀ, row after row.
fn combination((d1, d2): (usize, usize), c: &[f64]) -> Vec<f64> {
    let entry = |at: usize| {
        let (j, k) = (at / d2, at % d2);
        let term = |(i, c): (usize, &f64)| c * hadamard(j, i) * hadamard(k, i);
        c.iter().enumerate().map(term).sum()
    };
    (0..d1 * d2).map(entry).collect()
}

/// base + √squared, exactly.
#[derive(Clone)]
struct Optimum {
    base: BigRational,
    squared: BigRational,
}

impl Optimum {
    fn rational(value: &BigRational) -> Self {
        Optimum {
            base: value.clone(),
            squared: exact(0.0),
        }
    }

    /// √squared.
    fn root(squared: BigRational) -> Self {
        Optimum {
            base: exact(0.0),
            squared,
        }
    }

    /// Whether `bound` is at most this.
    fn is_above(&self, bound: &BigRational) -> bool {
        let over = bound - &self.base;
        over <= exact(0.0) || &over * &over <= self.squared
    }

    /// Whether this is at most `value`.
    fn is_below(&self, value: &BigRational) -> bool {
        let over = value - &self.base;
        over >= exact(0.0) && &over * &over >= self.squared
    }
}

/// An instance with all that is known of it.
struct Solved {
    problem: Problem<'static>,
    /// The optimal dual vector, but for its scale.
    lambda: Vec<f64>,
    /// The optimum.
    optimum: Optimum,
    /// An optimal X, as factors.
    x: Factors,
    /// Whether the bound is that of the best multiple of λ, and not of λ itself.
    any_scale: bool,
    /// How far the bound of the optimal λ may lie below, relatively: the rounding of D², which its inverse magnifies.
    slack: f64,
}

/// t and s of the header: the first are at the top.
fn spectrum(stream: &mut Stream, n: usize) -> (Vec<f64>, Vec<f64>) {
    let largest = integer(stream, 1, 9);
    let rank = 1 + stream.below(n);
    let below = |stream: &mut Stream| match stream.below(3) {
        0 => 0.0,
        // A gap that only the last bits of a norm see.
        1 => largest - (-30f64).exp2(),
        _ => integer(stream, 0, largest as i64 - 1),
    };
    let t = (0..n).map(|i| if i < rank { largest } else { below(stream) });
    let t: Vec<f64> = t.collect();
    let s = (0..n).map(|i| if i < rank { integer(stream, 0, 5) } else { 0.0 });
    (t, s.collect())
}

fn factors((d1, d2): (usize, usize), s: &[f64], unit: f64) -> Factors {
    Factors {
        l: Mat::from_fn(d1, s.len(), |j, i| s[i] * unit * hadamard(j, i)),
        r: Mat::from_fn(d2, s.len(), hadamard),
    }
}

/// A dense map with the nuclear norm, for the fit number `kind`.
fn dense(seed: u64, kind: usize) -> Solved {
    let mut stream = Stream::new(seed);
    let shape = ORDERS[stream.below(ORDERS.len())];
    let (d1, d2) = shape;
    let m = [1, 4, 9, 16][stream.below(4)];
    let lambda: Vec<f64> = (0..m).map(|_| 2.0 * integer(&mut stream, 0, 1) - 1.0).collect();
    let (t, s) = spectrum(&mut stream, d1.min(d2));
    let mut last = combination(shape, &t);
    let mut matrices: Vec<f64> = Vec::new();
    for sign in &lambda[..m - 1] {
        let a: Vec<f64> = (0..d1 * d2).map(|_| integer(&mut stream, -8, 8)).collect();
        last.iter_mut().zip(&a).for_each(|(last, a)| *last -= sign * a);
        matrices.extend(a);
    }
    matrices.extend(last.iter().map(|v| v * lambda[m - 1]));
    let x = combination(shape, &s);
    let inner = |a: &[f64]| a.iter().zip(&x).map(|(a, x)| a * x).sum::<f64>();
    let mut y: Vec<f64> = matrices.chunks(d1 * d2).map(inner).collect();
    // Powers of two: of the map, and of X with the data.
    let (map_unit, unit) = (
        integer(&mut stream, -40, 40).exp2(),
        integer(&mut stream, -60, 60).exp2(),
    );
    let norm = t[0] * root(d1 * d2) * map_unit;
    let nuclear = root(d1 * d2) * s.iter().sum::<f64>() * unit;
    y.iter_mut().for_each(|y| *y *= map_unit * unit);
    let size = integer(&mut stream, 1, 3) * map_unit * unit;
    let shift = |y: &mut Vec<f64>| y.iter_mut().zip(&lambda).for_each(|(y, l)| *y += size * l);
    let (fit, value) = match kind {
        0 => (Fit::Exact, exact(nuclear)),
        1 => {
            shift(&mut y);
            (Fit::Ball(size * root(m)), exact(nuclear))
        }
        _ => {
            shift(&mut y);
            let misfit = exact(size) * exact(size) * exact(m as f64) / exact(2.0);
            (
                Fit::Penalised(size * norm),
                misfit + exact(size * norm) * exact(nuclear),
            )
        }
    };
    matrices.iter_mut().for_each(|a| *a *= map_unit);
    let map = Dense::new(matrices, m, shape).unwrap();
    Solved {
        problem: Problem::new(Box::new(map), y, fit, Objective::Nuclear).unwrap(),
        lambda,
        optimum: Optimum::rational(&value),
        x: factors(shape, &s, unit),
        any_scale: true,
        slack: 1e-9,
    }
}

/// All entries of X = 2^−p (Σ s_i h_i g_iᵀ) 2^−q, each times 2^(p_j + q_k), with flat weights of condition up to 2^`spread`.
///
/// With the data moved by ν·λ and a penalty μ, X is nearly optimal: its objective, which is compared, is above the optimum.
fn scaled_entries(seed: u64, spread: i64, penalised: bool) -> Solved {
    let mut stream = Stream::new(seed);
    let shape = ORDERS[1 + stream.below(ORDERS.len() - 1)];
    let (d1, d2) = shape;
    let m = d1 * d2;
    let mut scales = |n| {
        (0..n)
            .map(|_| integer(&mut stream, 0, spread).exp2())
            .collect::<Vec<f64>>()
    };
    let (p, q) = (scales(d1), scales(d2));
    let (_, s) = spectrum(&mut stream, d1.min(d2));
    let mut y = combination(shape, &s);
    // λ with W1⁻¹ A*(λ) W2⁻¹ a multiple of Σ h_i g_iᵀ: any multiple of its entries, since D1 ∝ 2^p and D2 ∝ 2^q.
    let mut lambda = combination(shape, &vec![1.0; d1.min(d2)]);
    let (mut a, mut b) = (vec![0.0; m * d1], vec![0.0; m * d2]);
    for e in 0..m {
        a[e * d1 + e / d2] = p[e / d2];
        b[e * d2 + e % d2] = q[e % d2];
    }
    let mut x = factors(shape, &s, 1.0);
    x.l = Mat::from_fn(d1, s.len(), |j, i| x.l[(j, i)] / p[j]);
    x.r = Mat::from_fn(d2, s.len(), |k, i| x.r[(k, i)] / q[k]);
    let map = RankOne::new(&a, &b, m, shape).unwrap();
    // D1 = c1·2^p with c1² = Σ 4^q/(m·d2), D2 likewise.
    let sum = |v: &[f64]| v.iter().map(|v| exact(*v) * exact(*v)).sum::<BigRational>();
    let (size, product) = (root(m) * s.iter().sum::<f64>(), sum(&p) * sum(&q));
    let cells = exact((m * m) as f64) * exact(m as f64);
    let mut slack = 1e-9 + 1e-13 * (2.0 * spread as f64).exp2();
    let mut optimum = Optimum::root(exact(size) * exact(size) * &product / cells);
    let mut fit = Fit::Exact;
    if penalised {
        let nu = integer(&mut stream, 1, 4);
        y.iter_mut().zip(&lambda).for_each(|(y, l)| *y += nu * l);
        // ‖W̃1⁻¹ A*(λ) W̃2⁻¹‖ = √m/√(Σ4^p·Σ4^q), times ν, in double precision.
        let both = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>();
        let penalty = nu * root(m) / (both(&p) * both(&q)).sqrt();
        let misfit = exact(nu * nu) * sum(&lambda) / exact(2.0);
        let scaled = exact(penalty) * exact(size);
        optimum = Optimum {
            base: misfit,
            squared: &scaled * &scaled * product,
        };
        lambda.iter_mut().for_each(|l| *l *= nu);
        fit = Fit::Penalised(penalty);
        slack *= 4.0;
    }
    Solved {
        optimum,
        problem: Problem::new(Box::new(map), y, fit, Objective::Flat).unwrap(),
        lambda,
        x,
        any_scale: true,
        slack,
    }
}

/// Dual vectors: the optimal one first, at several scales, then nearly optimal ones, and wrong ones.
fn attacks(lambda: &[f64], stream: &mut Stream) -> Vec<Vec<f64>> {
    let m = lambda.len();
    let times = |s: f64| lambda.iter().map(|l| l * s).collect::<Vec<f64>>();
    let mut out: Vec<Vec<f64>> = [1.0, 1e8, 1e-8, 3.3e280, 7e-300].map(times).to_vec();
    for size in [1e-16, 2e-16, 1e-15, 1e-12, 1e-9, 1e-6, 1e-3, 0.3] {
        let noise = stream.normals(m);
        out.push(
            (lambda.iter().zip(&noise))
                .map(|(l, z)| l * (1.0 + size * z))
                .collect(),
        );
    }
    for bits in [-1, 1, 2] {
        let moved = |l: &f64| f64::from_bits((l.to_bits() as i64 + bits) as u64);
        out.push(
            lambda
                .iter()
                .map(|l| if *l == 0.0 { 0.0 } else { moved(l) })
                .collect(),
        );
    }
    out.push(times(5e-324));
    out.push(times(-1.0));
    out.push(times(0.0));
    out.push(stream.permutation(m).iter().map(|i| lambda[*i]).collect());
    let mut spoiled = lambda.to_vec();
    spoiled[stream.below(m)] *= 1e17;
    out.push(spoiled);
    out.push(stream.normals(m));
    out
}

/// Candidates: the optimum, near it, and far from it in every way.
fn candidate(solved: &Solved, number: usize, stream: &mut Stream) -> Factors {
    let Factors { l, r } = &solved.x;
    let (d1, k) = l.shape();
    let near = [0.0, 1e-15, 1e-9, 0.1][number % 4];
    // In the symmetric domains R is L but for the signs of its columns.
    let paired = solved.problem.domain().is_symmetric();
    let signs: Vec<f64> = (0..k)
        .map(|j| if l.col(j) == r.col(j) { 1.0 } else { -1.0 })
        .collect();
    let pair = |l: Mat<f64>, r: &dyn Fn() -> Mat<f64>| Factors {
        r: if paired {
            Mat::from_fn(l.nrows(), l.ncols(), |i, j| l[(i, j)] * signs[j % k])
        } else {
            r()
        },
        l,
    };
    let with = |f: &mut dyn FnMut(usize, usize) -> f64, columns: usize| Mat::from_fn(d1, columns, f);
    match number % 7 {
        0..3 => pair(
            with(&mut |i, j| l[(i, j)] * (1.0 + near * stream.normal()), k),
            &|| r.clone(),
        ),
        3 => pair(with(&mut |i, j| l[(i, j)] * 1e100, k), &|| r.clone()),
        4 => pair(with(&mut |i, j| l[(i, j)] * 1e-100, k), &|| r.clone()),
        // Every column twice: a rank below the number of columns.
        5 => pair(with(&mut |i, j| l[(i, j % k)], 2 * k), &|| {
            Mat::from_fn(r.nrows(), 2 * k, |i, j| r[(i, j % k)])
        }),
        // The rows in another order: the data are missed.
        _ => {
            let order = stream.permutation(d1);
            pair(with(&mut |i, j| l[(order[i], j)], k), &|| r.clone())
        }
    }
}

/// A candidate that a certificate proves optimal to this is.
const PROVED: f64 = 1e-8;

/// No bound above the optimum; the optimal λ proves it to rounding; no candidate is proved optimal that is not.
fn attack(name: &str, solved: &Solved, seed: u64) {
    attack_with_each(1, name, solved, seed);
}

/// With every so-many-th dual vector.
fn attack_with_each(step: usize, name: &str, solved: &Solved, seed: u64) {
    let mut stream = Stream::new(seed ^ 0x5eed);
    let weights = Weights::new(solved.problem.map(), solved.problem.objective()).unwrap();
    let Solved { problem, optimum, .. } = solved;
    let duals = attacks(&solved.lambda, &mut stream);
    for (number, lambda) in duals.iter().enumerate().step_by(step) {
        let about = format!("{name}, seed {seed}, λ {number}");
        let bound = dual_bound(problem, &weights, lambda).unwrap().value;
        assert!(bound >= 0.0 && bound.is_finite(), "{about}: {bound:e}");
        assert!(
            optimum.is_above(&exact(bound)),
            "{about}: {bound:e} is no lower bound"
        );
        if number < usize::from(solved.any_scale) * 3 + 1 {
            let raised = exact(bound) / exact(1.0 - solved.slack);
            assert!(optimum.is_below(&raised), "{about}: {bound:e} is loose");
        }
        let x = candidate(solved, number, &mut stream);
        let certificate = certify(problem, &weights, &x, lambda);
        let certificate = certificate.unwrap_or_else(|error| panic!("{about}: {error}"));
        let (claimed, value) = (certificate.lower_bound, certificate.value);
        assert!(
            optimum.is_above(&exact(claimed)),
            "{about}: the certificate claims {claimed:e}"
        );
        if certificate.proves(PROVED) && value.is_finite() {
            let by = |factor: f64| exact(value) * exact(factor);
            assert!(
                optimum.is_above(&by(1.0 - 4.0 * PROVED)) && optimum.is_below(&by(1.0 + 4.0 * PROVED)),
                "{about}: {value:e} is said to be optimal"
            );
        }
    }
}

#[test]
fn no_bound_exceeds_a_known_optimum() {
    for seed in 0..instances() {
        for (kind, name) in ["exact", "ball", "penalised"].iter().enumerate() {
            attack(name, &dense(seed, kind), seed);
        }
    }
}

#[test]
fn no_bound_exceeds_a_known_optimum_under_ill_conditioned_weights() {
    for seed in 0..instances() {
        let spread = [0, 3, 9, 18][seed as usize % 4];
        for penalised in [false, true] {
            let solved = scaled_entries(seed, spread, penalised);
            attack(
                &format!("spread 2^{spread}, penalised {penalised}"),
                &solved,
                seed,
            );
        }
    }
}

#[test]
fn weights_too_ill_conditioned_for_double_precision_are_refused() {
    let map = |spread: f64| {
        let p = [1.0, spread];
        let (mut a, mut b) = (vec![0.0; 8], vec![0.0; 8]);
        for e in 0..4 {
            a[e * 2 + e / 2] = p[e / 2];
            b[e * 2 + e % 2] = 1.0;
        }
        RankOne::new(&a, &b, 4, (2, 2)).unwrap()
    };
    for exponent in [7, 9, 12] {
        let map = map(10f64.powi(exponent));
        assert_eq!(map.measurements(), 4);
        let refused = Weights::new(&map, Objective::Flat);
        assert!(
            matches!(refused, Err(Error::SingularRescaling { .. })),
            "1e{exponent}"
        );
    }
}
