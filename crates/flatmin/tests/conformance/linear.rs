//! The models y = A(X), X among all matrices, the symmetric or the semidefinite ones.

use faer::MatRef;
use flatmin::flatness::{Traces, Weights};
use flatmin::map::{Identity, MeasurementMap};
use flatmin::random::Stream;
use flatmin::solve::{Observer, Settings, solve};
use flatmin::synthetic::{Bilinear, Completion, Observed, Recipe, Robust, Sensing, Symmetric};
use flatmin::{Domain, Error, Factors, Fit, Objective, Problem, SignedFactors, certificate};

use crate::laws::{Ended, Model, bits, entries, moved, stream, trace_by_differences};

/// A model y = A(X) with its domain and fit.
pub(crate) struct Linear {
    name: &'static str,
    domain: Domain,
    fit: Fit,
    make: fn() -> (Box<dyn MeasurementMap>, Vec<f64>),
}

pub(crate) const LINEAR: [Linear; 7] = [
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
            let made =
                Completion::draw(&mut stream(), (9, 8), Observed::Count(55), &Recipe::plain(2)).unwrap();
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

pub(crate) fn symmetric(rank: usize, negative: usize) -> (Box<dyn MeasurementMap>, Vec<f64>) {
    let made = Symmetric::draw(&mut stream(), 7, 26, negative, &Recipe::plain(rank)).unwrap();
    (made.map().unwrap(), made.y)
}

impl Linear {
    fn problem(&self) -> Problem<'static> {
        let (map, y) = (self.make)();
        self.problem_of(map, y).unwrap()
    }

    fn problem_of(&self, map: Box<dyn MeasurementMap>, y: Vec<f64>) -> Result<Problem<'static>, Error> {
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
