//! Absolute fits: with signs u, v and c = 1/√(p·q) for an observed block of p×q entries, Λ = c·u vᵀ has the norm 1 and entries
//! ±c. So Y = s·u vᵀ + S, where S has the signs of u vᵀ, has for θ = c the optimum X = s·u vᵀ, with the value c·Σ |Y|; in a
//! ball the value is c·(Σ |Y| − τ), or 0. For θ < c the optimum is X = 0, θ·Σ |Y|; for θ > c and S = 0 it is X = Y. Other
//! observed entries, all 0, change nothing.

use faer::Mat;
use flatmin::map::{Entries, Identity, MeasurementMap};
use flatmin::random::Stream;
use flatmin::{Factors, Fit, Objective, Problem};

use super::{ORDERS, Optimum, Solved, attack, exact, instances, integer, root};

fn solved(seed: u64, kind: usize, whole: bool) -> Solved {
    let mut stream = Stream::new(seed);
    let (p, q) = ORDERS[stream.below(ORDERS.len())];
    let mut signs = |n| {
        (0..n)
            .map(|_| 2.0 * integer(&mut stream, 0, 1) - 1.0)
            .collect::<Vec<f64>>()
    };
    let (u, v) = (signs(p), signs(q));
    let c = 1.0 / root(p * q);
    let s = integer(&mut stream, 0, 6);
    let unit = integer(&mut stream, -60, 60).exp2();
    let outlier = |stream: &mut Stream| {
        if kind < 2 && stream.below(3) == 0 {
            integer(stream, 1, 40)
        } else {
            0.0
        }
    };
    let sizes: Vec<f64> = (0..p * q).map(|_| outlier(&mut stream)).collect();
    let radius = sizes.iter().sum::<f64>().max(1.0);
    // More rows and columns, in which nothing was seen but zeros.
    let (d1, d2) = if whole {
        (p, q)
    } else {
        (p + stream.below(3), q + stream.below(3))
    };
    let cells = (0..d1 * d2).map(|i| (i / d2, i % d2));
    let cells: Vec<(usize, usize)> = cells
        .filter(|(i, j)| i < &p && j < &q || stream.below(2) == 0)
        .collect();
    let inside = |i: usize, j: usize| i < p && j < q;
    let at = |(i, j): &(usize, usize), value: &dyn Fn(usize) -> f64| {
        if inside(*i, *j) {
            u[*i] * v[*j] * value(i * q + j)
        } else {
            0.0
        }
    };
    let y: Vec<f64> = cells
        .iter()
        .map(|cell| at(cell, &|e| (s + sizes[e]) * unit))
        .collect();
    let lambda: Vec<f64> = cells.iter().map(|cell| at(cell, &|_| c)).collect();
    let total = exact(y.iter().map(|y| y.abs()).sum::<f64>());
    let nuclear = exact(root(p * q)) * exact(s * unit);
    let (fit, value, size) = match kind {
        0 => (Fit::Absolute(c), exact(c) * total, s),
        1 => {
            let left = (total - exact(radius * unit)).max(exact(0.0));
            (Fit::AbsoluteBall(radius * unit), exact(c) * left, s)
        }
        2 => (Fit::Absolute(c / 4.0), exact(c / 4.0) * total, 0.0),
        _ => (Fit::Absolute(2.0 * c), nuclear, s),
    };
    let map: Box<dyn MeasurementMap> = if whole {
        Box::new(Identity::new((d1, d2)))
    } else {
        let rows: Vec<u32> = cells.iter().map(|(i, _)| *i as u32).collect();
        let columns: Vec<u32> = cells.iter().map(|(_, j)| *j as u32).collect();
        Box::new(Entries::new(&rows, &columns, &y, (d1, d2)).unwrap().0)
    };
    Solved {
        problem: Problem::new(map, y, fit, Objective::Nuclear).unwrap(),
        lambda,
        slack: 1e-9,
        optimum: Optimum::rational(&value),
        x: Factors {
            l: Mat::from_fn(d1, 1, |i, _| if i < p { size * unit * u[i] } else { 0.0 }),
            r: Mat::from_fn(d2, 1, |j, _| if j < q { v[j] } else { 0.0 }),
        },
        any_scale: true,
    }
}

#[test]
fn no_bound_exceeds_a_known_optimum_of_absolute_fits() {
    for seed in 0..instances() {
        for (kind, name) in ["θ = c", "ball", "θ < c", "θ > c"].iter().enumerate() {
            for whole in [true, false] {
                attack(
                    &format!("{name}, whole {whole}"),
                    &solved(seed, kind, whole),
                    seed,
                );
            }
        }
    }
}
