//! Every model under the same laws: the adjoint, the traces, the certificate against wrong candidates, determinism, bad input.

use faer::{Mat, MatRef};
use flatmin::depth::{chain, hadamard};
use flatmin::flatness::{Traces, Weights};
use flatmin::map::{Identity, MeasurementMap};
use flatmin::random::Stream;
use flatmin::solve::{Observer, Settings, Status, solve};
use flatmin::synthetic::{Bilinear, Completion, Observed, Recipe, Robust, Sensing, Sparse, Symmetric};
use flatmin::{Domain, Error, Factors, Fit, Objective, Problem, SignedFactors, certificate};

/// What a run ended with, whatever the model.
struct Ended {
    status: Status,
    value: f64,
    lower_bound: f64,
    /// Every number of the result.
    bits: Vec<u64>,
}

/// A model as the laws see it.
trait Model: Sync {
    fn name(&self) -> &'static str;
    /// (⟨A(X), w⟩, ⟨X, A*(w)⟩) at random X and w.
    fn adjoint(&self) -> (f64, f64);
    /// The exact trace of the Hessian and that by differences of the loss, at random factors.
    fn traces(&self) -> (f64, f64);
    /// The same at the factors of the solution.
    fn traces_at_solution(&self) -> (f64, f64);
    fn solve(&self) -> Ended;
    /// Whether a dual bound exists for the model.
    fn is_certified(&self) -> bool;
    /// The bound that the optimal dual vector, moved by this share of its size in a random direction, gives.
    fn bound_of_moved_dual(&self, share: f64) -> f64;
    /// Whether the solution, moved by this share, still passes as certified to 1e-8.
    fn proves_moved(&self, share: f64) -> bool;
    /// What becomes of data that are not finite, too short, empty.
    fn refusals(&self) -> Vec<Error>;
}

/// A model y = A(X) with its domain and fit.
struct Linear {
    name: &'static str,
    domain: Domain,
    fit: Fit,
    make: fn() -> (Box<dyn MeasurementMap>, Vec<f64>),
}

fn stream() -> Stream {
    Stream::new(11)
}

const LINEAR: [Linear; 7] = [
    Linear {
        name: "sensing",
        domain: Domain::General,
        fit: Fit::Exact,
        make: || {
            let made = Sensing::draw(&mut stream(), (8, 7), 50, &Recipe::plain(2));
            let y = made.y.clone();
            (made.map().unwrap(), y)
        },
    },
    Linear {
        name: "bilinear",
        domain: Domain::General,
        fit: Fit::Exact,
        make: || {
            let made = Bilinear::draw(&mut stream(), (8, 7), 54, &Recipe::plain(2)).unwrap();
            (made.map().unwrap(), made.y)
        },
    },
    Linear {
        name: "completion",
        domain: Domain::General,
        fit: Fit::Penalised(0.01),
        make: || {
            let made = Completion::draw(&mut stream(), (9, 8), Observed::Count(55), &Recipe::plain(2));
            (made.map().unwrap(), made.y)
        },
    },
    Linear {
        name: "covariance",
        domain: Domain::Semidefinite,
        fit: Fit::Exact,
        make: || symmetric(2, 0),
    },
    Linear {
        name: "phase",
        domain: Domain::Semidefinite,
        fit: Fit::Exact,
        make: || symmetric(1, 0),
    },
    Linear {
        name: "network",
        domain: Domain::Symmetric,
        fit: Fit::Exact,
        make: || symmetric(3, 1),
    },
    Linear {
        name: "rpca",
        domain: Domain::General,
        fit: Fit::Absolute(0.25),
        make: || {
            let made = Robust::draw(&mut stream(), (16, 14), 0.04, &Recipe::plain(1));
            let map = Identity::new((16, 14));
            let y = map.apply_dense(made.y.as_ref());
            (Box::new(map), y)
        },
    },
];

fn symmetric(rank: usize, negative: usize) -> (Box<dyn MeasurementMap>, Vec<f64>) {
    let made = Symmetric::draw(&mut stream(), 7, 26, negative, &Recipe::plain(rank)).unwrap();
    (made.map().unwrap(), made.y)
}

fn bits(values: impl IntoIterator<Item = f64>) -> Vec<u64> {
    values.into_iter().map(f64::to_bits).collect()
}

fn entries(a: &Mat<f64>) -> impl Iterator<Item = f64> + '_ {
    a.col_iter().flat_map(|column| column.iter().copied())
}

/// Σ_j ∂²f/∂w_j², exact up to rounding for an f that is quartic along each coordinate.
fn trace_by_differences(w: &[f64], loss: impl Fn(&[f64]) -> f64) -> f64 {
    let second = |j: usize, h: f64| {
        let mut moved = w.to_vec();
        moved[j] = w[j] + h;
        let ahead = loss(&moved);
        moved[j] = w[j] - h;
        (ahead - 2.0 * loss(w) + loss(&moved)) / (h * h)
    };
    (0..w.len())
        .map(|j| (4.0 * second(j, 0.1) - second(j, 0.2)) / 3.0)
        .sum()
}

impl Linear {
    fn problem(&self) -> Problem {
        let (map, y) = (self.make)();
        self.problem_of(map, y).unwrap()
    }

    fn problem_of(&self, map: Box<dyn MeasurementMap>, y: Vec<f64>) -> Result<Problem, Error> {
        let objective = if self.fit.is_absolute() {
            Objective::Nuclear
        } else {
            Objective::Flat
        };
        Problem::new(map, y, self.fit, objective)?.over(self.domain)
    }

    fn solution(&self, problem: &Problem) -> flatmin::solve::Solution {
        solve(problem, &Settings::default(), &Observer::default()).unwrap()
    }

    fn traces_at(&self, problem: &Problem, x: &Factors) -> (f64, f64) {
        let (map, y) = (problem.map(), problem.data());
        let loss_of = |x: &Factors| -> f64 {
            let image = map.apply_factored(x.l.as_ref(), x.r.as_ref());
            image.iter().zip(y).map(|(a, y)| (a - y).powi(2)).sum()
        };
        let (d1, d2) = map.shape();
        if !self.domain.is_symmetric() {
            let k = x.columns();
            let w: Vec<f64> = entries(&x.l).chain(entries(&x.r)).collect();
            let unpack = |w: &[f64]| Factors {
                l: MatRef::from_column_major_slice(&w[..d1 * k], d1, k).to_owned(),
                r: MatRef::from_column_major_slice(&w[d1 * k..], d2, k).to_owned(),
            };
            let exact = Traces::new(&map.left_gram(), &map.right_gram(), x).total();
            return (exact, trace_by_differences(&w, |w| loss_of(&unpack(w))));
        }
        let signed = SignedFactors::of(x).unwrap();
        let (k1, k2) = (signed.u1.ncols(), signed.u2.ncols());
        let w: Vec<f64> = entries(&signed.u1).chain(entries(&signed.u2)).collect();
        let unpack = |w: &[f64]| SignedFactors {
            u1: MatRef::from_column_major_slice(&w[..d1 * k1], d1, k1).to_owned(),
            u2: MatRef::from_column_major_slice(&w[d1 * k1..], d1, k2).to_owned(),
        };
        let exact = Traces::signed(map, &map.left_gram(), y, &signed).total();
        (exact, trace_by_differences(&w, |w| loss_of(&unpack(w).factors())))
    }
}

impl Model for Linear {
    fn name(&self) -> &'static str {
        self.name
    }

    fn adjoint(&self) -> (f64, f64) {
        let (map, y) = (self.make)();
        let (d1, d2) = map.shape();
        let mut stream = Stream::new(5);
        let (x, w) = (stream.normal_matrix(d1, d2), stream.normals(y.len()));
        let image = map.apply_dense(x.as_ref());
        let adjoint = map.adjoint(&w).to_dense();
        (
            image.iter().zip(&w).map(|(a, w)| a * w).sum(),
            entries(&x).zip(entries(&adjoint)).map(|(x, a)| x * a).sum(),
        )
    }

    fn traces(&self) -> (f64, f64) {
        let problem = self.problem();
        let (d1, d2) = problem.map().shape();
        let mut stream = Stream::new(6);
        let x = match self.domain {
            Domain::General => Factors {
                l: stream.normal_matrix(d1, 3),
                r: stream.normal_matrix(d2, 3),
            },
            domain => {
                let negative = if domain == Domain::Semidefinite { 0 } else { 1 };
                let (u1, u2) = (stream.normal_matrix(d1, 2), stream.normal_matrix(d1, negative));
                SignedFactors { u1, u2 }.factors()
            }
        };
        self.traces_at(&problem, &x)
    }

    fn traces_at_solution(&self) -> (f64, f64) {
        let problem = self.problem();
        let x = self.solution(&problem).factors;
        self.traces_at(&problem, &x)
    }

    fn solve(&self) -> Ended {
        let problem = self.problem();
        let found = self.solution(&problem);
        let numbers = entries(&found.factors.l)
            .chain(entries(&found.factors.r))
            .chain(found.dual.iter().copied())
            .chain([found.certificate.lower_bound, found.certificate.value]);
        Ended {
            status: found.status,
            value: found.certificate.value,
            lower_bound: found.certificate.lower_bound,
            bits: bits(numbers),
        }
    }

    fn is_certified(&self) -> bool {
        true
    }

    fn bound_of_moved_dual(&self, share: f64) -> f64 {
        let problem = self.problem();
        let found = self.solution(&problem);
        let dual = moved(&found.dual, share);
        certificate::dual_bound(&problem, &found.weights, &dual)
            .unwrap()
            .value
    }

    fn proves_moved(&self, share: f64) -> bool {
        let problem = self.problem();
        let found = self.solution(&problem);
        let x = Factors {
            l: faer::Scale(1.0 + share) * &found.factors.l,
            r: faer::Scale(1.0 + share) * &found.factors.r,
        };
        let weights = Weights::new(problem.map(), problem.objective()).unwrap();
        certificate::certify(&problem, &weights, &x, &found.dual)
            .unwrap()
            .proves(1e-8)
    }

    fn refusals(&self) -> Vec<Error> {
        let refusal = |change: fn(&mut Vec<f64>)| {
            let (map, mut y) = (self.make)();
            change(&mut y);
            self.problem_of(map, y).unwrap_err()
        };
        vec![
            refusal(|y| y[3] = f64::NAN),
            refusal(|y| y[0] = f64::INFINITY),
            refusal(|y| {
                y.pop();
            }),
            refusal(Vec::clear),
        ]
    }
}

/// A vector moved by a share of its size in a random direction.
fn moved(v: &[f64], share: f64) -> Vec<f64> {
    let noise = Stream::new(9).normals(v.len());
    let size = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>().sqrt();
    let step = share * size(v) / size(&noise);
    v.iter().zip(&noise).map(|(v, n)| v + step * n).collect()
}

/// x = v_1 ⊙ … ⊙ v_K.
struct Hadamard {
    name: &'static str,
    depth: usize,
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
struct Deep;

const SHAPE: (usize, usize) = (4, 5);

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
        let w: Vec<f64> = layers.iter().flat_map(|layer| entries(layer)).collect();
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
        let numbers: Vec<f64> = found
            .chain
            .layers
            .iter()
            .flat_map(|layer| entries(layer))
            .collect();
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

fn models() -> Vec<Box<dyn Model>> {
    let mut models: Vec<Box<dyn Model>> = LINEAR
        .into_iter()
        .map(|m| Box::new(m) as Box<dyn Model>)
        .collect();
    for (name, depth) in [
        ("sparse, depth 2", 2),
        ("sparse, depth 3", 3),
        ("sparse, depth 5", 5),
    ] {
        models.push(Box::new(Hadamard { name, depth }));
    }
    models.push(Box::new(Deep));
    models
}

#[test]
fn the_adjoint_is_one() {
    for model in models() {
        let (left, right) = model.adjoint();
        let size = left.abs().max(1.0);
        assert!(
            (left - right).abs() <= 1e-12 * size,
            "{}: {left} {right}",
            model.name()
        );
    }
}

#[test]
fn traces_are_those_of_the_loss_on_and_off_solutions() {
    for model in models() {
        for (exact, differences) in [model.traces(), model.traces_at_solution()] {
            let size = exact.abs().max(1e-3);
            assert!(
                (exact - differences).abs() <= 1e-7 * size,
                "{}: {exact} and by differences {differences}",
                model.name()
            );
        }
    }
}

#[test]
fn solutions_are_certified_where_there_is_a_proof_and_nowhere_else() {
    for model in models() {
        let ended = model.solve();
        let expected = if model.is_certified() {
            Status::Certified
        } else {
            Status::Converged
        };
        assert_eq!(ended.status, expected, "{}", model.name());
        // The value may be below the bound only by what the misfit of exact data costs.
        let slack = 1e-8 * ended.value.abs();
        assert!(ended.lower_bound <= ended.value + slack, "{}", model.name());
    }
}

#[test]
fn moved_duals_prove_no_more_and_moved_solutions_nothing() {
    for model in models().iter().filter(|model| model.is_certified()) {
        let optimum = model.solve().value;
        for share in [1e-9, 1e-6, 1e-3, 0.1, 1.0] {
            let bound = model.bound_of_moved_dual(share);
            assert!(
                bound <= optimum * (1.0 + 1e-8),
                "{}, {share}: {bound} above {optimum}",
                model.name()
            );
        }
        for share in [1e-3, -1e-3, 0.1, -0.5] {
            assert!(!model.proves_moved(share), "{}: {share}", model.name());
        }
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    for model in models() {
        let runs = [1, 2].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| model.solve().bits)
        });
        assert_eq!(runs[0], runs[1], "{}", model.name());
    }
}

#[test]
fn bad_data_are_named_in_one_line() {
    for model in models() {
        for error in model.refusals() {
            let line = error.to_string();
            assert!(
                !line.contains('\n') && line.contains("found"),
                "{}: {line}",
                model.name()
            );
        }
    }
}
