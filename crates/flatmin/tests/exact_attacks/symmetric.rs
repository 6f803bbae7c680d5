//! Symmetric and semidefinite matrices: measurements x_i = c_i·h_i by the columns of a Hadamard matrix of order d, c_i powers of
//! two, and M = Σ s_i h_i h_iᵀ with integers s_i. A*(λ) has the eigenvalues d·λ_i·c_i², so that M is optimal with
//! λ_i = sign(s_i)/(d·c_i²) times the eigenvalue of the weights; where s_i = 0, λ_i is anything smaller, and over M ⪰ 0 anything
//! negative as well. Further measurements, by integer vectors, change nothing: their multiplier is 0. D² has the eigenvalues
//! c_i⁴·d/m.

use faer::Mat;
use flatmin::map::SymmetricRankOne;
use flatmin::random::Stream;
use flatmin::{Domain, Fit, Objective, Problem, SignedFactors};

use super::{Optimum, Solved, attack, exact, hadamard, instances, integer};

/// Flat weights are known without further measurements alone.
fn solved(seed: u64, domain: Domain, objective: Objective, spread: i64) -> Solved {
    let mut stream = Stream::new(seed);
    let d = [1, 2, 4, 8][stream.below(4)];
    let more = if objective == Objective::Nuclear {
        stream.below(5)
    } else {
        0
    };
    let c: Vec<f64> = (0..d)
        .map(|_| integer(&mut stream, -spread, spread).exp2())
        .collect();
    let low = if domain == Domain::Symmetric { -5 } else { 0 };
    let mut s: Vec<f64> = (0..d).map(|_| integer(&mut stream, low, 5)).collect();
    s[0] = 3.0;
    let mut x: Vec<f64> = (0..d)
        .flat_map(|i| (0..d).map(move |j| (i, j)))
        .map(|(i, j)| c[i] * hadamard(j, i))
        .collect();
    x.extend((0..more * d).map(|_| integer(&mut stream, -6, 6)));
    let inner = |x: &[f64], i: usize| (0..d).map(|j| x[j] * hadamard(j, i)).sum::<f64>();
    let y = x
        .chunks(d)
        .map(|x| (0..d).map(|i| s[i] * inner(x, i) * inner(x, i)).sum());
    let y: Vec<f64> = y.collect();
    // The weight of h_i on both sides, squared: of D², less the factor d/m, or 1.
    let weight = |i: usize| {
        if objective == Objective::Flat {
            c[i].powi(4)
        } else {
            1.0
        }
    };
    let mut lambda: Vec<f64> = (0..d)
        .map(|i| {
            let size = match s[i] {
                0.0 if domain == Domain::Semidefinite => -integer(&mut stream, 0, 100),
                0.0 => integer(&mut stream, -3, 3) / 4.0,
                s => s.signum(),
            };
            size * weight(i) / (d as f64 * c[i] * c[i])
        })
        .collect();
    lambda.extend(vec![0.0; more]);
    let m = d + more;
    let scale = if objective == Objective::Flat {
        exact(d as f64) / exact(m as f64)
    } else {
        exact(1.0)
    };
    let terms = (0..d).map(|i| exact(s[i].abs()) * exact(weight(i)) * exact(d as f64));
    let columns = |keep: &dyn Fn(f64) -> bool| {
        let kept: Vec<usize> = (0..d).filter(|i| keep(s[*i])).collect();
        Mat::from_fn(d, kept.len(), |j, i| {
            s[kept[i]].abs().sqrt() * hadamard(j, kept[i])
        })
    };
    let parts = SignedFactors::new(columns(&|s| s > 0.0), columns(&|s| s < 0.0)).unwrap();
    let map = SymmetricRankOne::new(&x, m, d).unwrap();
    let problem = Problem::new(Box::new(map), y, Fit::Exact, objective).unwrap();
    Solved {
        problem: problem.over(domain).unwrap(),
        lambda,
        optimum: Optimum::rational(&(terms.sum::<num_rational::BigRational>() * scale)),
        x: parts.factors(),
        any_scale: true,
        // Negative multipliers, up to a hundred times as large, have their rounding too.
        slack: match objective {
            Objective::Flat => 1e-8 + 1e-11 * (8.0 * spread as f64).exp2(),
            _ => 1e-8,
        },
    }
}

#[test]
fn no_bound_exceeds_a_known_optimum_of_symmetric_matrices() {
    for seed in 0..instances() {
        for domain in [Domain::Symmetric, Domain::Semidefinite] {
            // D of condition 2^(4·spread).
            for (objective, spread) in [
                (Objective::Nuclear, 9),
                (Objective::Flat, 0),
                (Objective::Flat, 2),
                (Objective::Flat, 4),
            ] {
                let name = format!("{domain:?}, {objective:?}, 2^±{spread}");
                attack(&name, &solved(seed, domain, objective, spread), seed);
            }
        }
    }
}
