//! The models of K factors.

use faer::{Mat, MatRef};
use flatmin::depth::{chain, hadamard};
use flatmin::map::MeasurementMap;
use flatmin::random::Stream;
use flatmin::solve::{Observer, Settings};
use flatmin::synthetic::{Recipe, Sensing, Sparse};
use flatmin::{Error, Fit, Objective, Problem};

use crate::laws::{Ended, Model, bits, entries, moved, stream, trace_by_differences};
use crate::linear::LINEAR;

/// x = v_1 ⊙ … ⊙ v_K.
pub(crate) struct Hadamard {
    pub(crate) name: &'static str,
    pub(crate) depth: usize,
}

impl Hadamard {
    fn parts(&self) -> (Mat<f64>, Vec<f64>) {
        let made = Sparse::draw(&mut stream(), 24, 14, 3, 0.0);
        (made.matrix(), made.y)
    }

    fn problem(&self) -> hadamard::Problem {
        let (a, y) = self.parts();
        hadamard::Problem::new(a, y, self.depth, Fit::Exact).unwrap()
    }

    fn solution(&self, problem: &hadamard::Problem) -> hadamard::Solution {
        hadamard::solve(problem, &Settings::default(), &Observer::default()).unwrap()
    }

    fn traces_at(&self, problem: &hadamard::Problem, v: &Mat<f64>) -> (f64, f64) {
        let (depth, d) = v.shape();
        let point = hadamard::Point::new(v.clone(), depth, d).unwrap();
        let exact = point.layer_traces(problem.weights()).iter().sum();
        let w: Vec<f64> = entries(v).collect();
        let loss = |w: &[f64]| -> f64 {
            let v = MatRef::from_column_major_slice(w, depth, d).to_owned();
            let x = hadamard::Point::new(v, depth, d).unwrap().x();
            problem.residual(&x).iter().map(|r| r * r).sum()
        };
        (exact, trace_by_differences(&w, loss))
    }
}

impl Model for Hadamard {
    fn name(&self) -> &'static str {
        self.name
    }

    fn adjoint(&self) -> (f64, f64) {
        let problem = self.problem();
        let mut stream = Stream::new(5);
        let (x, w) = (stream.normals(24), stream.normals(14));
        let zero = problem.residual(&[0.0; 24]);
        let image = problem.residual(&x);
        // The residual is affine: its sign is that of A x − y or of y − A x.
        let linear: Vec<f64> = image.iter().zip(&zero).map(|(a, b)| a - b).collect();
        let left: f64 = linear.iter().zip(&w).map(|(a, w)| a * w).sum();
        let right: f64 = x.iter().zip(problem.adjoint(&w)).map(|(x, a)| x * a).sum();
        (left, right.copysign(left))
    }

    fn traces(&self) -> (f64, f64) {
        let v = Stream::new(6).normal_matrix(self.depth, 24);
        self.traces_at(&self.problem(), &v)
    }

    fn traces_at_solution(&self) -> (f64, f64) {
        let problem = self.problem();
        let x = self.solution(&problem).x;
        let point = hadamard::Point::flattest(&x, self.depth);
        self.traces_at(&problem, &point.v)
    }

    fn solve(&self) -> Ended {
        let problem = self.problem();
        let found = self.solution(&problem);
        let numbers = found.x.iter().chain(&found.dual).copied();
        Ended {
            status: found.status,
            value: found.certificate.value,
            lower_bound: found.certificate.lower_bound,
            bits: bits(numbers.chain([found.certificate.lower_bound])),
        }
    }

    fn is_certified(&self) -> bool {
        true
    }

    fn bound_of_moved_dual(&self, share: f64) -> f64 {
        let problem = self.problem();
        let found = self.solution(&problem);
        let certified = hadamard::certify(&problem, &found.x, &moved(&found.dual, share));
        certified.unwrap().lower_bound
    }

    fn proves_moved(&self, share: f64) -> bool {
        let problem = self.problem();
        let found = self.solution(&problem);
        let x: Vec<f64> = found.x.iter().map(|x| x * (1.0 + share)).collect();
        hadamard::certify(&problem, &x, &found.dual).unwrap().proves(1e-8)
    }

    fn refusals(&self) -> Vec<Error> {
        let refusal = |change: fn(&mut Vec<f64>)| {
            let (a, mut y) = self.parts();
            change(&mut y);
            hadamard::Problem::new(a, y, self.depth, Fit::Exact).unwrap_err()
        };
        vec![
            refusal(|y| y[3] = f64::NAN),
            refusal(|y| {
                y.pop();
            }),
            refusal(Vec::clear),
        ]
    }
}

/// X = W_1 ⋯ W_K.
pub(crate) struct Deep;

pub(crate) const SHAPE: (usize, usize) = (4, 5);

impl Deep {
    fn parts(&self) -> (Box<dyn MeasurementMap>, Vec<f64>) {
        let made = Sensing::draw(&mut stream(), SHAPE, 18, &Recipe::plain(1));
        let y = made.y.clone();
        (made.map().unwrap(), y)
    }

    fn found(&self) -> chain::Solution {
        let (map, y) = self.parts();
        let problem = Problem::new(map, y, Fit::Exact, Objective::Nuclear).unwrap();
        let search = chain::Search::new(3);
        chain::solve(&problem, &search, &Settings::default(), &Observer::default()).unwrap()
    }

    fn traces_at(&self, layers: &[Mat<f64>]) -> (f64, f64) {
        let (map, y) = self.parts();
        let chain_of = |layers: Vec<Mat<f64>>| chain::Chain::new(layers, SHAPE).unwrap();
        let exact = chain_of(layers.to_vec()).layer_traces(map.as_ref()).iter().sum();
        let w: Vec<f64> = layers.iter().flat_map(entries).collect();
        let loss = |w: &[f64]| -> f64 {
            let mut start = 0;
            let unpacked = layers.iter().map(|layer| {
                let (rows, columns) = layer.shape();
                start += rows * columns;
                MatRef::from_column_major_slice(&w[start - rows * columns..start], rows, columns).to_owned()
            });
            let x = chain_of(unpacked.collect()).product();
            let image = map.apply_dense(x.as_ref());
            image.iter().zip(&y).map(|(a, y)| (a - y).powi(2)).sum()
        };
        (exact, trace_by_differences(&w, loss))
    }
}

impl Model for Deep {
    fn name(&self) -> &'static str {
        "deep"
    }

    fn adjoint(&self) -> (f64, f64) {
        // Of its measurement map, which is that of sensing.
        LINEAR[0].adjoint()
    }

    fn traces(&self) -> (f64, f64) {
        let mut stream = Stream::new(6);
        let layers = [(4, 3), (3, 4), (4, 5)].map(|(rows, columns)| stream.normal_matrix(rows, columns));
        self.traces_at(&layers)
    }

    fn traces_at_solution(&self) -> (f64, f64) {
        self.traces_at(&self.found().chain.layers)
    }

    fn solve(&self) -> Ended {
        let found = self.found();
        let numbers: Vec<f64> = found.chain.layers.iter().flat_map(entries).collect();
        Ended {
            status: found.status,
            value: 0.0,
            lower_bound: 0.0,
            bits: bits(numbers),
        }
    }

    fn is_certified(&self) -> bool {
        false
    }

    fn bound_of_moved_dual(&self, _: f64) -> f64 {
        0.0
    }

    fn proves_moved(&self, _: f64) -> bool {
        false
    }

    fn refusals(&self) -> Vec<Error> {
        let refusal = |change: fn(&mut Vec<f64>)| {
            let (map, mut y) = self.parts();
            change(&mut y);
            Problem::new(map, y, Fit::Exact, Objective::Nuclear).unwrap_err()
        };
        vec![
            refusal(|y| y[3] = f64::NAN),
            refusal(|y| {
                y.pop();
            }),
        ]
    }
}
