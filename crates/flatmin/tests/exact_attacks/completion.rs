//! Completion: the observed entries make n blocks of p×q, which rows and columns in another order hide. With
//! T = Σ t_i h_i g_iᵀ in each block, 0 ≤ t_i ≤ t_max, λ = T has the norm t_max·√(p·q), and X = Σ s_i h_i g_iᵀ is optimal where
//! s_i ≥ 0 vanishes wherever t_i < t_max. Every row has q entries and every column p: flat weights divide the norm of X by
//! n²·p·q.

use faer::Mat;
use flatmin::map::Entries;
use flatmin::random::Stream;
use flatmin::{Factors, Fit, Objective, Problem};

use super::{
    ORDERS, Optimum, Solved, attack, attack_with_each, combination, exact, hadamard, instances, integer,
    root, spectrum,
};

/// Blocks of the given size, `n` of them.
fn solved(seed: u64, n: usize, (p, q): (usize, usize), penalised: bool) -> Solved {
    let mut stream = Stream::new(seed);
    let (d1, d2) = (n * p, n * q);
    let (rows_at, columns_at) = (stream.permutation(d1), stream.permutation(d2));
    let unit = integer(&mut stream, -60, 60).exp2();
    let top = integer(&mut stream, 1, 9);
    let (mut entries, mut nuclear) = (Vec::new(), 0.0);
    let (mut l, mut r) = (Mat::zeros(d1, p.min(q)), Mat::zeros(d2, p.min(q)));
    let mut squares = 0.0;
    for block in 0..n {
        let (mut t, s) = spectrum(&mut stream, p.min(q));
        // The same largest number in every block; the others below it stay.
        let largest = t[0];
        t.iter_mut()
            .for_each(|t| *t = if *t == largest { top } else { t.min(top - 1.0) });
        let (lambda, x) = (combination((p, q), &t), combination((p, q), &s));
        squares += lambda.iter().map(|l| l * l).sum::<f64>();
        nuclear += s.iter().sum::<f64>();
        for e in 0..p * q {
            let (a, b) = (rows_at[block * p + e / q], columns_at[block * q + e % q]);
            entries.push((a as u32, b as u32, x[e] * unit, lambda[e]));
        }
        for (i, s) in s.iter().enumerate() {
            for j in 0..p {
                l[(rows_at[block * p + j], i)] = s * unit * hadamard(j, i);
            }
            for k in 0..q {
                r[(columns_at[block * q + k], i)] = hadamard(k, i);
            }
        }
    }
    // The factors hold the blocks in the same columns: candidates near X only where there is one block.
    entries.sort_by_key(|entry| (entry.0, entry.1));
    let norm = exact(root(p * q)) * exact(nuclear * unit);
    let lambda: Vec<f64> = entries.iter().map(|entry| entry.3).collect();
    let mut y: Vec<f64> = entries.iter().map(|entry| entry.2).collect();
    let (fit, objective, value) = if penalised {
        y.iter_mut().zip(&lambda).for_each(|(y, l)| *y += l * unit);
        let penalty = top * root(p * q) * unit;
        let misfit = exact(unit) * exact(unit) * exact(squares) / exact(2.0);
        (
            Fit::Penalised(penalty),
            Objective::Nuclear,
            misfit + exact(penalty) * norm,
        )
    } else {
        (Fit::Exact, Objective::Flat, norm / exact((n * n * p * q) as f64))
    };
    let rows: Vec<u32> = entries.iter().map(|entry| entry.0).collect();
    let columns: Vec<u32> = entries.iter().map(|entry| entry.1).collect();
    let (map, y) = Entries::new(&rows, &columns, &y, (d1, d2)).unwrap();
    Solved {
        problem: Problem::new(Box::new(map), y, fit, objective).unwrap(),
        lambda,
        optimum: Optimum::rational(&value),
        x: Factors { l, r },
        any_scale: true,
        // Of many blocks the candidate spans a few of the leading singular vectors; the norm is then known to a hundredth.
        slack: if n > 1000 { 2e-2 } else { 1e-9 },
    }
}

#[test]
fn no_bound_exceeds_a_known_optimum_of_completion() {
    for seed in 0..instances() {
        for penalised in [false, true] {
            let shape = ORDERS[seed as usize % ORDERS.len()];
            let n = 1 + (seed as usize / ORDERS.len()) % 5;
            let name = format!("{n} blocks, penalised {penalised}");
            attack(&name, &solved(seed, n, shape, penalised), seed);
        }
    }
}

/// Where the norm is bounded by a factorisation of the Gram matrix: 320 rows and columns.
#[test]
fn no_bound_exceeds_a_known_optimum_of_larger_completion() {
    for seed in 0..1 + instances() / 100 {
        for penalised in [false, true] {
            let name = format!("larger, penalised {penalised}");
            attack(&name, &solved(seed, 80, (4, 4), penalised), seed);
        }
    }
}

/// Where it is bounded from a random start: 4400 rows and columns, and as many singular values that are nearly the same.
#[test]
fn no_bound_exceeds_a_known_optimum_of_large_completion() {
    for seed in 0..1 + instances() / 500 {
        let penalised = seed % 2 == 1;
        let name = format!("large, penalised {penalised}");
        // Three seconds each.
        let step = if instances() < 500 { 11 } else { 1 };
        attack_with_each(step, &name, &solved(seed, 1100, (4, 4), penalised), seed);
    }
}
