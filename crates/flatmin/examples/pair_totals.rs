//! How to add a measurement map: totals of two entries of one row,  y_i = X[a, b] + X[a, c], as a receipt shows them.
//!
//! A_i = e_a (e_b + e_c)ᵀ. A map gives its products, its Gram matrices and bounds on its own rounding; solvers, flatness and
//! certificates then work as for the maps of the library. Run it with `cargo run --release --example pair_totals`.

use faer::{Mat, MatRef};
use flatmin::map::{Adjoint, Gram, MeasurementMap};
use flatmin::random::Stream;
use flatmin::solve::{Observer, Settings, solve};
use flatmin::{Error, Fit, Objective, Problem};

/// One total: row a, and columns b ≠ c.
type Total = (usize, usize, usize);

#[derive(Debug)]
struct PairTotals {
    shape: (usize, usize),
    totals: Vec<Total>,
}

impl PairTotals {
    /// `value` of each measurement, in order.
    fn each(&self, value: impl Fn(Total) -> f64) -> Vec<f64> {
        self.totals.iter().map(|total| value(*total)).collect()
    }
}

impl MeasurementMap for PairTotals {
    fn shape(&self) -> (usize, usize) {
        self.shape
    }

    fn measurements(&self) -> usize {
        self.totals.len()
    }

    fn apply_factored(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Vec<f64> {
        let term = |(a, b, c): Total, j: usize| l[(a, j)] * (r[(b, j)] + r[(c, j)]);
        self.each(|total| (0..l.ncols()).map(|j| term(total, j)).sum())
    }

    fn apply_dense(&self, x: MatRef<'_, f64>) -> Vec<f64> {
        self.each(|(a, b, c)| x[(a, b)] + x[(a, c)])
    }

    fn adjoint(&self, w: &[f64]) -> Adjoint<'_> {
        let mut sum = Mat::zeros(self.shape.0, self.shape.1);
        for ((a, b, c), w) in self.totals.iter().zip(w) {
            sum[(*a, *b)] += w;
            sum[(*a, *c)] += w;
        }
        Adjoint::Dense(sum)
    }

    /// A_i A_iᵀ = 2 e_a e_aᵀ.
    fn left_gram(&self) -> Gram {
        let mut diagonal = vec![0.0; self.shape.0];
        self.totals.iter().for_each(|(a, ..)| diagonal[*a] += 2.0);
        Gram::Diagonal(diagonal)
    }

    /// A_iᵀ A_i = (e_b + e_c)(e_b + e_c)ᵀ.
    fn right_gram(&self) -> Gram {
        let mut sum = Mat::zeros(self.shape.1, self.shape.1);
        for (_, b, c) in &self.totals {
            for (i, j) in [(b, b), (b, c), (c, b), (c, c)] {
                sum[(*i, *j)] += 1.0;
            }
        }
        Gram::Dense(sum)
    }

    /// vec(A_i R) = vec(e_a (r_b + r_c)ᵀ) over vec(A_iᵀ L) = vec((e_b + e_c) l_aᵀ).
    fn jacobian(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Mat<f64> {
        let ((d1, d2), k) = (self.shape, l.ncols());
        let mut out = Mat::zeros((d1 + d2) * k, self.totals.len());
        for (i, (a, b, c)) in self.totals.iter().enumerate() {
            for j in 0..k {
                out[(j * d1 + a, i)] = r[(*b, j)] + r[(*c, j)];
                out[(k * d1 + j * d2 + b, i)] = l[(*a, j)];
                out[(k * d1 + j * d2 + c, i)] = l[(*a, j)];
            }
        }
        out
    }

    /// vec(l_a (r_b + r_c)ᵀ).
    fn compress(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Mat<f64> {
        let k = l.ncols();
        Mat::from_fn(k * r.ncols(), self.totals.len(), |at, i| {
            let ((a, b, c), j) = (self.totals[i], at / k);
            l[(a, at % k)] * (r[(b, j)] + r[(c, j)])
        })
    }

    /// P[a, a′]·(e_b + e_c)ᵀ Q (e_b′ + e_c′).
    fn measurement_gram(&self, p: &Gram, q: &Gram) -> Gram {
        let m = self.totals.len();
        Gram::Dense(Mat::from_fn(m, m, |i, j| {
            let ((a, b, c), (a2, b2, c2)) = (self.totals[i], self.totals[j]);
            at(p, a, a2) * (at(q, b, b2) + at(q, b, c2) + at(q, c, b2) + at(q, c, c2))
        }))
    }

    /// An entry of A*(w) is a sum of at most m numbers w_i; ‖A_i‖_F = √2.
    fn adjoint_rounding(&self, w: &[f64]) -> f64 {
        let roundings = self.totals.len() as f64 * f64::EPSILON;
        1.5 * roundings * w.iter().map(|w| w.abs()).sum::<f64>()
    }

    /// Counts are exact.
    fn gram_rounding(&self) -> (f64, f64) {
        (0.0, 0.0)
    }

    fn cost_factored(&self, k: usize) -> f64 {
        (8 * self.totals.len() * k) as f64
    }
}

/// Entry (i, j).
fn at(gram: &Gram, i: usize, j: usize) -> f64 {
    match gram {
        Gram::Diagonal(d) if i == j => d[i],
        Gram::Diagonal(_) => 0.0,
        Gram::Dense(a) => a[(i, j)],
    }
}

/// Random totals of a matrix of rank 2, and the problem of recovering it: (problem, the matrix).
fn receipts(seed: u64) -> Result<(Problem<'static>, Mat<f64>), Error> {
    let (mut stream, shape) = (Stream::new(seed), (24, 20));
    let truth = stream.low_rank(shape, 2, 1.0);
    let total = |place: usize| {
        let (a, b) = (place / shape.1, place % shape.1);
        // Another column of the same row: an odd cycle of columns, so that D2 is not singular.
        (a, b, (b + 1 + a % 3) % shape.1)
    };
    let totals = stream
        .choose(shape.0 * shape.1, 330)
        .into_iter()
        .map(total)
        .collect();
    let map = PairTotals { shape, totals };
    let y = map.apply_dense(truth.as_ref());
    Ok((
        Problem::new(Box::new(map), y, Fit::Exact, Objective::Flat)?,
        truth,
    ))
}

fn main() -> Result<(), Error> {
    let (problem, truth) = receipts(1)?;
    let solution = solve(&problem, &Settings::default(), &Observer::default())?;
    let certificate = &solution.certificate;
    println!(
        "{} from {} totals: gap {:.1e}, unique {:?}, error {:.1e}",
        solution.status.name(),
        problem.data().len(),
        certificate.gap,
        certificate.uniqueness.unique,
        (solution.factors.dense() - truth).norm_l2(),
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flatmin::solve::Status;

    #[test]
    fn the_map_keeps_the_laws() {
        let (problem, _) = receipts(2).unwrap();
        let (map, mut stream) = (problem.map(), Stream::new(3));
        let (l, r) = (stream.normal_matrix(24, 3), stream.normal_matrix(20, 3));
        let x = &l * r.transpose();
        let w = stream.normals(map.measurements());
        let image = map.apply_dense(x.as_ref());
        let close = |a: f64, b: f64| assert!((a - b).abs() <= 1e-10 * (1.0 + a.abs()), "{a} and {b}");
        for (a, b) in image.iter().zip(map.apply_factored(l.as_ref(), r.as_ref())) {
            close(*a, b);
        }
        let adjoint = map.adjoint(&w).to_dense();
        let inner = |a: &Mat<f64>, b: &Mat<f64>| {
            (0..a.ncols())
                .map(|j| (0..a.nrows()).map(|i| a[(i, j)] * b[(i, j)]).sum::<f64>())
                .sum()
        };
        close(
            image.iter().zip(&w).map(|(a, w)| a * w).sum(),
            inner(&adjoint, &x),
        );
        // Each measurement is ⟨vec(A_i R), vec L⟩ and ⟨vec(A_iᵀ L), vec R⟩.
        let jacobian = map.jacobian(l.as_ref(), r.as_ref());
        for (i, y) in image.iter().enumerate() {
            let part = |from: usize, v: &Mat<f64>| -> f64 {
                let rows = v.nrows();
                (0..rows * 3)
                    .map(|e| jacobian[(from + e, i)] * v[(e % rows, e / rows)])
                    .sum()
            };
            close(*y, part(0, &l));
            close(*y, part(24 * 3, &r));
        }
    }

    #[test]
    fn the_matrix_is_recovered_with_a_proof() {
        let (problem, truth) = receipts(1).unwrap();
        let solution = solve(&problem, &Settings::default(), &Observer::default()).unwrap();
        assert_eq!(solution.status, Status::Certified);
        assert!((solution.factors.dense() - truth).norm_l2() <= 1e-6);
    }
}
