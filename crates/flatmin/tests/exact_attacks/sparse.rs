//! Hadamard products of K vectors: min Σ w_l|x_l|^p subject to A x = y, w_l = ‖a_l‖², p = 2 − 2/K.
//!
//! K = 2: with λ = c·1 and columns a_l of entries 0 and c, or their negatives, on the support of x, a_lᵀλ = ±w_l; other
//! columns are integers with |a_lᵀλ| ≤ w_l. K > 2: orthogonal columns a_l = c_l·h_l, and x_l = ±k_l^K (or k_l^{K/2} for even K),
//! so that x_l^p and the multipliers u_l = p·w_l·|x_l|^{p−1} are rational, and λ = Σ u_l h_l/(m·c_l).

use faer::Mat;
use flatmin::Fit;
use flatmin::depth::hadamard::{Problem, certify};
use flatmin::random::Stream;
use num_rational::BigRational;

use super::{attacks, exact, hadamard, instances, integer, root};

struct Solved {
    problem: Problem,
    lambda: Vec<f64>,
    optimum: BigRational,
    x: Vec<f64>,
    /// Whether λ is the optimal one itself, and not a multiple of it.
    scaled: bool,
}

fn linear(seed: u64, kind: usize) -> Solved {
    let mut stream = Stream::new(seed);
    let m = [1, 4, 9, 16][stream.below(4)];
    let (d, support) = (1 + stream.below(12), 1 + stream.below(4));
    let c = integer(&mut stream, 1, 3);
    let mut a = Mat::zeros(m, d);
    let mut x = vec![0.0; d];
    for l in 0..d {
        if l < support {
            let sign = 2.0 * integer(&mut stream, 0, 1) - 1.0;
            let first = stream.below(m);
            (0..m).for_each(|i| {
                a[(i, l)] = if i == first || stream.below(2) == 0 {
                    sign * c
                } else {
                    0.0
                }
            });
            x[l] = sign * integer(&mut stream, 0, 9);
        } else {
            (0..m).for_each(|i| a[(i, l)] = integer(&mut stream, -5, 5));
            let sum: f64 = (0..m).map(|i| c * a[(i, l)]).sum();
            let weight: f64 = (0..m).map(|i| a[(i, l)] * a[(i, l)]).sum();
            if sum.abs() > weight {
                (0..m).for_each(|i| a[(i, l)] = 0.0);
            }
        }
    }
    let unit = integer(&mut stream, -40, 40).exp2();
    let penalty: f64 = (0..d)
        .map(|l| x[l].abs() * (0..m).map(|i| a[(i, l)] * a[(i, l)]).sum::<f64>())
        .sum();
    let mut y: Vec<f64> = (0..m)
        .map(|i| (0..d).map(|l| a[(i, l)] * x[l]).sum::<f64>() * unit)
        .collect();
    x.iter_mut().for_each(|x| *x *= unit);
    let mut lambda = vec![c; m];
    let size = integer(&mut stream, 1, 3) * unit;
    let value = exact(penalty * unit);
    let (fit, optimum) = match kind {
        0 => (Fit::Exact, value),
        1 => {
            y.iter_mut().for_each(|y| *y += size);
            (Fit::Ball(size * root(m)), value)
        }
        _ => {
            y.iter_mut().for_each(|y| *y += size * c);
            lambda.iter_mut().for_each(|l| *l *= size);
            let misfit = exact(size * c) * exact(size * c) * exact(m as f64) / exact(2.0);
            (Fit::Penalised(size), misfit + exact(size) * value)
        }
    };
    Solved {
        problem: Problem::new(a, y, 2, fit).unwrap(),
        lambda,
        optimum,
        x,
        scaled: false,
    }
}

fn deeper(seed: u64, depth: usize) -> Solved {
    let mut stream = Stream::new(seed);
    let m = [2, 4, 8, 16][stream.below(4)];
    let d = 1 + stream.below(m);
    let c: Vec<f64> = (0..d).map(|_| integer(&mut stream, -4, 4).exp2()).collect();
    let k: Vec<f64> = (0..d).map(|_| integer(&mut stream, 1, 5)).collect();
    let sign: Vec<f64> = (0..d).map(|_| 2.0 * integer(&mut stream, 0, 1) - 1.0).collect();
    // |x| = k^e; |x|^p = k^(e·p) and |x|^(p−1) = k^(e·(p−1)).
    let e = if depth.is_multiple_of(2) { depth / 2 } else { depth };
    let (power, slope) = (e * (2 * depth - 2) / depth, e * (depth - 2) / depth);
    let x: Vec<f64> = (0..d).map(|l| sign[l] * k[l].powi(e as i32)).collect();
    let a = Mat::from_fn(m, d, |i, l| c[l] * hadamard(i, l));
    let y: Vec<f64> = (0..m).map(|i| (0..d).map(|l| a[(i, l)] * x[l]).sum()).collect();
    let weight = |l: usize| m as f64 * c[l] * c[l];
    let optimum = (0..d)
        .map(|l| exact(weight(l)) * exact(k[l].powi(power as i32)))
        .sum();
    // Up to the factor p, which the best multiple of λ has.
    let u = |l: usize| sign[l] * weight(l) * k[l].powi(slope as i32);
    let lambda = (0..m).map(|i| (0..d).map(|l| u(l) * hadamard(i, l) / (m as f64 * c[l])).sum());
    Solved {
        lambda: lambda.collect(),
        problem: Problem::new(a, y, depth, Fit::Exact).unwrap(),
        optimum,
        x,
        scaled: false,
    }
}

/// Penalised, where λ is what it is: K = 4, p = 3/2, y moved by μ·λ.
fn deeper_penalised(seed: u64) -> Solved {
    let Solved {
        problem,
        lambda,
        optimum,
        x,
        ..
    } = deeper(seed, 4);
    let mu = 2f64.powi((seed % 7) as i32 - 3);
    let lambda: Vec<f64> = lambda.iter().map(|l| 1.5 * mu * l).collect();
    let y: Vec<f64> = problem.data().iter().zip(&lambda).map(|(y, l)| y + l).collect();
    let misfit = lambda.iter().map(|l| exact(*l) * exact(*l)).sum::<BigRational>() / exact(2.0);
    Solved {
        problem: Problem::new(problem.a().to_owned(), y, 4, Fit::Penalised(mu)).unwrap(),
        optimum: misfit + exact(mu) * optimum,
        lambda,
        x,
        scaled: true,
    }
}

fn attack_vectors(name: &str, solved: &Solved, seed: u64) {
    let mut stream = Stream::new(seed ^ 0x5eed);
    let Solved { problem, optimum, .. } = solved;
    for (number, lambda) in attacks(&solved.lambda, &mut stream).iter().enumerate() {
        let about = format!("{name}, seed {seed}, λ {number}");
        let near = [0.0, 1e-15, 1e-9, 0.1][number % 4];
        let far = [1.0, 1.0, 1e30, 1e-30, -1.0][number % 5];
        let x: Vec<f64> = solved
            .x
            .iter()
            .map(|x| far * x * (1.0 + near * stream.normal()))
            .collect();
        let certificate = certify(problem, &x, lambda).unwrap();
        let bound = certificate.lower_bound;
        assert!(bound >= 0.0 && bound.is_finite(), "{about}: {bound:e}");
        assert!(&exact(bound) <= optimum, "{about}: {bound:e} is no lower bound");
        if number == 0 || number < 3 && !solved.scaled {
            assert!(
                &(exact(bound) / exact(1.0 - 1e-9)) >= optimum,
                "{about}: {bound:e} is loose"
            );
        }
        if certificate.proves(1e-8) {
            let by = |factor: f64| exact(certificate.value) * exact(factor);
            assert!(
                &by(1.0 - 4e-8) <= optimum && &by(1.0 + 4e-8) >= optimum,
                "{about}"
            );
        }
    }
}

#[test]
fn no_bound_exceeds_a_known_optimum_of_sparse_vectors() {
    for seed in 0..instances() {
        for (kind, name) in ["exact", "ball", "penalised"].iter().enumerate() {
            attack_vectors(name, &linear(seed, kind), seed);
        }
        for depth in [3, 4, 5, 6, 8] {
            attack_vectors(&format!("depth {depth}"), &deeper(seed, depth), seed);
        }
        attack_vectors("depth 4, penalised", &deeper_penalised(seed), seed);
    }
}
