//! How to add a model: positions of points from some of the distances between them.
//!
//! A model is a map, a domain and a reading of the factors. The points p_1 … p_n ∈ R^dimension are the columns of Uᵀ in
//! M = U Uᵀ, relative to a point p_0 = 0, and a squared distance is
//!
//! ```text
//! ‖p_i − p_j‖² = xᵀ M x with x = e_i − e_j,    ‖p_i − p_0‖² with x = e_i :
//! ```
//!
//! the measurements of `covariance`, for other x. So the map is there, the domain is M ⪰ 0, and the factor U holds the positions, up
//! to a rotation that no distance can tell. Run it with `cargo run --release --example positions`.

use faer::Mat;
use flatmin::map::SymmetricRankOne;
use flatmin::random::Stream;
use flatmin::solve::{Observer, Settings, Solution, solve};
use flatmin::{Domain, Error, Fit, Objective, Problem, SignedFactors};

/// A pair of points i < j and their squared distance. Point 0 is the origin.
type Distance = (usize, usize, f64);

/// The problem of finding points 1 … n.
fn problem(n: usize, distances: &[Distance]) -> Result<Problem<'static>, Error> {
    let mut x = vec![0.0; distances.len() * n];
    for (row, (i, j, _)) in x.chunks_exact_mut(n).zip(distances) {
        // Point p is coordinate p − 1; the origin has none.
        for (point, sign) in [(*i, 1.0), (*j, -1.0)] {
            if let Some(coordinate) = point.checked_sub(1) {
                row[coordinate] = sign;
            }
        }
    }
    let map = SymmetricRankOne::new(&x, distances.len(), n)?;
    let y = distances.iter().map(|(.., squared)| *squared).collect();
    Problem::new(Box::new(map), y, Fit::Exact, Objective::Flat)?.over(Domain::Semidefinite)
}

/// The points that a solution stands for, one a row, the origin first.
fn positions(solution: &Solution) -> Result<Mat<f64>, Error> {
    let u = SignedFactors::of(&solution.factors)?.u1;
    Ok(Mat::from_fn(u.nrows() + 1, u.ncols(), |point, axis| {
        point.checked_sub(1).map_or(0.0, |row| u[(row, axis)])
    }))
}

/// ‖p_i − p_j‖² of rows i and j.
fn squared_distance(points: &Mat<f64>, i: usize, j: usize) -> f64 {
    (0..points.ncols())
        .map(|axis| (points[(i, axis)] - points[(j, axis)]).powi(2))
        .sum()
}

/// Random points in the plane and `known` of their distances: (points, distances).
fn survey(seed: u64, n: usize, known: usize) -> (Mat<f64>, Vec<Distance>) {
    let mut stream = Stream::new(seed);
    let points = stream.normal_matrix(n + 1, 2);
    let pairs: Vec<(usize, usize)> = (0..=n).flat_map(|j| (0..j).map(move |i| (i, j))).collect();
    let chosen = stream.choose(pairs.len(), known);
    let distances = chosen
        .iter()
        .map(|at| pairs[*at])
        .map(|(i, j)| (i, j, squared_distance(&points, i, j)))
        .collect();
    (points, distances)
}

/// The largest error among all squared distances, known or not.
fn error(found: &Mat<f64>, truth: &Mat<f64>) -> f64 {
    let pairs = (0..truth.nrows()).flat_map(|j| (0..j).map(move |i| (i, j)));
    pairs
        .map(|(i, j)| (squared_distance(found, i, j) - squared_distance(truth, i, j)).abs())
        .fold(0.0, f64::max)
}

fn main() -> Result<(), Error> {
    let (points, distances) = survey(1, 15, 80);
    let problem = problem(15, &distances)?;
    let solution = solve(&problem, &Settings::default(), &Observer::default())?;
    let found = positions(&solution)?;
    println!(
        "{}: 16 points from {} of 120 distances: in {} dimensions, unique {:?}, the largest error of a squared distance {:.1e}",
        solution.status.name(),
        distances.len(),
        found.ncols(),
        solution.certificate.uniqueness.unique,
        error(&found, &points),
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flatmin::solve::Status;

    #[test]
    fn all_distances_follow_from_some_with_a_proof() {
        let (points, distances) = survey(1, 15, 80);
        let problem = problem(15, &distances).unwrap();
        let solution = solve(&problem, &Settings::default(), &Observer::default()).unwrap();
        assert_eq!(solution.status, Status::Certified);
        assert_eq!(solution.certificate.uniqueness.unique, Some(true));
        let found = positions(&solution).unwrap();
        assert_eq!((found.nrows(), found.ncols()), (16, 2));
        assert!(error(&found, &points) <= 1e-5, "{}", error(&found, &points));
    }

    #[test]
    fn too_few_distances_are_said_not_to_determine_the_points() {
        let (_, distances) = survey(1, 15, 30);
        let problem = problem(15, &distances).unwrap();
        match solve(&problem, &Settings::default(), &Observer::default()) {
            Ok(solution) => assert_ne!(solution.certificate.uniqueness.unique, Some(true)),
            // A point without distances.
            Err(error) => assert!(matches!(error, Error::SingularRescaling { .. }), "{error}"),
        }
    }
}
