//! How many measurements recovery takes: degrees of freedom and statistical dimensions.
//!
//! Gaussian measurements recover X by nuclear norm minimisation once m exceeds, and fail once m is below, the statistical
//! dimension of the norm's descent cone at X, up to a window of about √(d1·d2) (Amelunxen, Lotz, McCoy and Tropp, *Living on
//! the edge*, Information and Inference 3(3), 2014, Theorem II, DOI 10.1093/imaiai/iau005). At a d1×d2 matrix of rank r it is,
//! by their Proposition 4.1 and up to the error of Theorem 4.3,
//!
//! ```text
//! δ = inf_{τ ≥ 0}  r(d1 + d2 − r + τ²) + E Σ (σ_i(G) − τ)₊²,       G Gaussian, (d1 − r)×(d2 − r),
//! ```
//!
//! where the expectation is taken from the Marchenko–Pastur law of the singular values (their Proposition 4.7). For symmetric
//! matrices the same argument, with the Gaussian measure of the symmetric matrices and the semicircle law, gives the norm's
//! and, among positive semidefinite matrices, the trace's dimension. The laws are asymptotic: at d = 20 they fall short of the
//! expectation at that size by about one percent (rectangular) to four (symmetric).

use std::f64::consts::PI;

use crate::error::Error;

/// Nodes of the integrals, which converge fast: see [`integrate`].
const NODES: usize = 400;
/// Beyond this a normal number has no weight: 1e-32.
const NORMAL_END: f64 = 12.0;
/// Steps of the golden section; each takes .618 of the interval.
const SECTIONS: usize = 60;

/// The dimension of the d1×d2 matrices of rank r, r(d1 + d2 − r): fewer measurements determine no such matrix.
///
/// # Errors
/// A rank beyond min(d1, d2).
pub fn information_limit(shape: (usize, usize), rank: usize) -> Result<usize, Error> {
    check_rank(rank, shape.0.min(shape.1))?;
    Ok(rank * (shape.0 + shape.1 - rank))
}

/// The dimension of the symmetric d×d matrices of rank r, r(2d − r + 1)/2.
///
/// # Errors
/// A rank beyond d.
pub fn symmetric_information_limit(d: usize, rank: usize) -> Result<usize, Error> {
    check_rank(rank, d)?;
    Ok(rank * (2 * d - rank + 1) / 2)
}

/// The statistical dimension of the nuclear norm's descent cone at a matrix of this shape and rank.
///
/// # Errors
/// A rank beyond min(d1, d2).
pub fn nuclear(shape: (usize, usize), rank: usize) -> Result<f64, Error> {
    let tangent = information_limit(shape, rank)? as f64;
    let sizes = ((shape.0 - rank) as f64, (shape.1 - rank) as f64);
    let top = sizes.0.sqrt() + sizes.1.sqrt();
    Ok(infimum(top, |tau| {
        tangent + rank as f64 * tau * tau + singular_excess(sizes, tau)
    }))
}

/// The same among symmetric d×d matrices: of the nuclear norm.
///
/// # Errors
/// A rank beyond d.
pub fn symmetric_nuclear(d: usize, rank: usize) -> Result<f64, Error> {
    symmetric(d, rank, 2.0)
}

/// The same among symmetric d×d matrices: of the trace over the positive semidefinite ones. Only the eigenvalues of one sign
/// count.
///
/// # Errors
/// A rank beyond d.
pub fn semidefinite_trace(d: usize, rank: usize) -> Result<f64, Error> {
    symmetric(d, rank, 1.0)
}

/// The statistical dimension of the ℓ1 norm's descent cone at a vector of length d with `nonzeros` nonzeros,
/// inf_τ s(1 + τ²) + (d − s)·E (|g| − τ)₊² for a standard normal g.
///
/// # Errors
/// More nonzeros than entries.
pub fn l1(d: usize, nonzeros: usize) -> Result<f64, Error> {
    if nonzeros > d {
        return Err(Error::Setting {
            name: "nonzeros",
            found: nonzeros.to_string(),
            expected: "at most the length of the vector",
        });
    }
    let (support, rest) = (nonzeros as f64, (d - nonzeros) as f64);
    let infimum = infimum(NORMAL_END, |tau| {
        support * (1.0 + tau * tau) + rest * normal_excess(tau)
    });
    Ok(infimum.min(d as f64))
}

/// E (|g| − τ)₊² for a standard normal g, τ ≥ 0.
fn normal_excess(tau: f64) -> f64 {
    let density = |s: f64| (2.0 / PI).sqrt() * (-0.5 * s * s).exp();
    integrate(tau, NORMAL_END, |s| density(s) * (s - tau).powi(2))
}

/// inf_τ r(2d − r + 1)/2 + rτ² + `sides`·E Σ (λ_i(G) − τ)₊² for G in the Gaussian orthogonal ensemble of size d − r.
fn symmetric(d: usize, rank: usize, sides: f64) -> Result<f64, Error> {
    let tangent = symmetric_information_limit(d, rank)? as f64;
    let size = (d - rank) as f64;
    Ok(infimum((2.0 * size).sqrt(), |tau| {
        tangent + rank as f64 * tau * tau + sides * eigenvalue_excess(size, tau)
    }))
}

fn check_rank(rank: usize, most: usize) -> Result<(), Error> {
    if rank > most {
        return Err(Error::Setting {
            name: "rank",
            found: rank.to_string(),
            expected: "at most the smaller side of the matrix",
        });
    }
    Ok(())
}

/// E Σ (σ_i − τ)₊² for an n1×n2 Gaussian matrix. Its singular values have the density √((b² − s²)(s² − a²))/(πs) on [a, b],
/// a = |√n2 − √n1| and b = √n2 + √n1, of total mass min(n1, n2).
fn singular_excess((n1, n2): (f64, f64), tau: f64) -> f64 {
    let (a, b) = ((n2.sqrt() - n1.sqrt()).abs(), n2.sqrt() + n1.sqrt());
    integrate(tau.max(a), b, |s| {
        let density = ((b * b - s * s) * (s * s - a * a)).max(0.0).sqrt() / (PI * s);
        density * (s - tau).powi(2)
    })
}

/// E Σ (λ_i − τ)₊² for a symmetric n×n Gaussian matrix with variances 1 on the diagonal and ½ off it, τ ≥ 0. Its eigenvalues
/// have the density √(2n − s²)/π on [−√(2n), √(2n)].
fn eigenvalue_excess(n: f64, tau: f64) -> f64 {
    let b = (2.0 * n).sqrt();
    integrate(tau, b, |s| {
        (b * b - s * s).max(0.0).sqrt() / PI * (s - tau).powi(2)
    })
}

/// ∫ f from `low` to `high` by the trapezoidal rule in θ, s = low + (high − low)(1 − cos θ)/2, which takes square roots at both
/// ends in its stride; 0 for an empty interval.
fn integrate(low: f64, high: f64, f: impl Fn(f64) -> f64) -> f64 {
    if high <= low {
        return 0.0;
    }
    let half = 0.5 * (high - low);
    let term = |i: usize| {
        let theta = PI * i as f64 / NODES as f64;
        f(low + half * (1.0 - theta.cos())) * theta.sin()
    };
    half * PI / NODES as f64 * (1..NODES).map(term).sum::<f64>()
}

/// The least value on [0, top] of a convex function, by golden sections. Beyond the largest singular value only rτ² is left.
fn infimum(top: f64, f: impl Fn(f64) -> f64) -> f64 {
    let golden = 0.5 * (5f64.sqrt() - 1.0);
    let (mut low, mut high) = (0.0, top);
    for _ in 0..SECTIONS {
        let step = golden * (high - low);
        let (left, right) = (high - step, low + step);
        if f(left) < f(right) {
            high = right;
        } else {
            low = left;
        }
    }
    f(low).min(f(high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::dense::{singular_values, symmetric_eigen};
    use faer::Mat;
    use rand::SeedableRng;
    use rand_distr::{Distribution, StandardNormal};

    /// Published for rank 2: see the module's source.
    #[test]
    fn the_published_values() {
        for (d, expected) in [(20, 140.5), (40, 323.4), (60, 516.5)] {
            let found = nuclear((d, d), 2).unwrap();
            assert!((found - expected).abs() <= 0.1, "{d}: {found}");
        }
    }

    /// E (|g| − τ)₊² is 1 at τ = 0; at a vector without zeros the cone is a half-space less a dimension; few nonzeros need about
    /// 2·s·ln(d/s) + 5s/4 measurements at most (Chandrasekaran, Recht, Parrilo and Willsky 2012, DOI 10.1007/s10208-012-9135-7).
    #[test]
    fn vectors_with_few_nonzeros() {
        assert!((normal_excess(0.0) - 1.0).abs() < 1e-9);
        assert!((l1(30, 30).unwrap() - 30.0).abs() < 1e-9);
        assert!((l1(30, 0).unwrap()).abs() < 1e-9);
        for (d, s) in [(200usize, 10usize), (1000, 10), (100, 20)] {
            let (found, least) = (l1(d, s).unwrap(), s as f64);
            let bound = 2.0 * least * (d as f64 / least).ln() + 1.25 * least;
            assert!(found > 2.0 * least && found <= bound, "{d} {s}: {found} {bound}");
        }
        assert!(l1(3, 4).is_err());
    }

    fn gaussian(rows: usize, columns: usize, rng: &mut rand_chacha::ChaCha8Rng) -> Mat<f64> {
        Mat::from_fn(rows, columns, |_, _| StandardNormal.sample(rng))
    }

    /// The infimum with the mean over sampled spectra for the expectation: `sample` gives the positive values of one.
    fn sampled(
        tangent: usize,
        rank: usize,
        sample: impl Fn(&mut rand_chacha::ChaCha8Rng) -> Vec<f64>,
    ) -> f64 {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let spectra: Vec<Vec<f64>> = (0..300).map(|_| sample(&mut rng)).collect();
        let excess = |tau: f64| {
            let squares = |s: &Vec<f64>| s.iter().map(|s| (s - tau).max(0.0).powi(2)).sum::<f64>();
            spectra.iter().map(squares).sum::<f64>() / spectra.len() as f64
        };
        let grid = (0..400).map(|i| i as f64 * 0.03);
        grid.map(|tau| tangent as f64 + rank as f64 * tau * tau + excess(tau))
            .fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn the_laws_agree_with_sampled_spectra() {
        for ((d1, d2), r) in [((20, 20), 2), ((12, 30), 2), ((25, 15), 4)] {
            let expected = sampled(information_limit((d1, d2), r).unwrap(), r, |rng| {
                singular_values(gaussian(d1 - r, d2 - r, rng).as_ref()).unwrap()
            });
            let found = nuclear((d1, d2), r).unwrap();
            assert!(
                (found / expected - 1.0).abs() <= 0.02,
                "{d1} {d2} {r}: {found} against {expected}"
            );
        }
        for (d, r) in [(20, 2), (30, 3)] {
            let spectrum = |rng: &mut rand_chacha::ChaCha8Rng| {
                let g = gaussian(d - r, d - r, rng);
                let symmetric = Mat::from_fn(d - r, d - r, |i, j| 0.5 * (g[(i, j)] + g[(j, i)]));
                symmetric_eigen(symmetric.as_ref()).unwrap().0
            };
            let tangent = symmetric_information_limit(d, r).unwrap();
            let both = sampled(tangent, r, |rng| spectrum(rng).iter().map(|v| v.abs()).collect());
            let one = sampled(tangent, r, spectrum);
            let (norm, trace) = (
                symmetric_nuclear(d, r).unwrap(),
                semidefinite_trace(d, r).unwrap(),
            );
            assert!(
                (norm / both - 1.0).abs() <= 0.05,
                "{d} {r}: {norm} against {both}"
            );
            assert!(
                (trace / one - 1.0).abs() <= 0.05,
                "{d} {r}: {trace} against {one}"
            );
        }
    }

    #[test]
    fn between_the_degrees_of_freedom_and_the_whole_space() {
        for (d1, d2) in [(1, 5), (6, 6), (5, 9), (40, 3)] {
            let mut last = -1e-9;
            for r in 0..=d1.min(d2) {
                let found = nuclear((d1, d2), r).unwrap();
                assert!((found - nuclear((d2, d1), r).unwrap()).abs() <= 1e-9);
                assert!(found >= information_limit((d1, d2), r).unwrap() as f64 - 1e-9);
                assert!(
                    found <= (d1 * d2) as f64 + 1e-9 && found > last,
                    "{d1} {d2} {r}: {found}"
                );
                last = found;
            }
            assert!((last - (d1 * d2) as f64).abs() <= 1e-9);
        }
        for r in 0..=6 {
            let (trace, norm) = (
                semidefinite_trace(6, r).unwrap(),
                symmetric_nuclear(6, r).unwrap(),
            );
            let fewest = symmetric_information_limit(6, r).unwrap() as f64;
            assert!(fewest - 1e-9 <= trace && trace <= norm + 1e-9 && norm <= 21.0 + 1e-9);
        }
        assert!(nuclear((4, 5), 5).is_err() && symmetric_nuclear(4, 5).is_err());
    }
}
