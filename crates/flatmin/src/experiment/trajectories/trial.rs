//! One instance: its flat solution, the runs, the zero-loss points.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use faer::Mat;

use super::super::{Job, settings};
use super::{Config, Model, Row, Training};
use crate::domain::Domain;
use crate::error::Error;
use crate::linalg::dense::frobenius;
use crate::linalg::vector::{axpy, norm};
use crate::map::Gram;
use crate::problem::{Fit, Objective, Problem};
use crate::random::Stream;
use crate::signed::SignedFactors;
use crate::solve::{Observer, solve};
use crate::synthetic::{Recipe, Sensing, Symmetric};
use crate::train::{
    Ending, GradientDescent, LabelNoise, Loss, Method, MiniBatch, SharpnessAware, WeightDecay, project, train,
};

/// Largest ‖A(X) − y‖₂/‖y‖₂ of a zero-loss point.
const EXACT: f64 = 1e-12;

/// All rows of a job.
pub(super) fn run(
    config: &Config,
    model: Model,
    job: &Job,
    mut stream: Stream,
    interrupt: &AtomicBool,
) -> Result<Vec<Row>, Error> {
    let (problem, truth) = draw(config, model, &mut stream)?;
    let blank = blank(config, model, job);
    let settings = settings(config.tolerance, config.max_iterations);
    let observer = Observer {
        interrupt: Some(interrupt),
        ..Observer::default()
    };
    let flat = match solve(&problem, &settings, &observer) {
        Ok(flat) => flat,
        Err(Error::SingularRescaling { .. }) => {
            let singular = Row {
                status: "singular".to_owned(),
                ..blank
            };
            return Ok(vec![singular; job.rows]);
        }
        Err(error) => return Err(error),
    };
    let (d, m) = (truth.nrows(), problem.data().len());
    let (loss, at, factor) = match model {
        Model::Network => {
            let wide = SignedFactors::of(&flat.factors)?.padded(d, d);
            let loss = Loss::signed(problem.map(), problem.data(), (d, d))?;
            (loss, wide.factors(), 8.0)
        }
        _ => (
            Loss::factored(problem.map(), problem.data())?,
            flat.factors.padded(d),
            4.0,
        ),
    };
    let trial = Trial {
        config,
        flat: loss.point(&at),
        loss,
        grams: (problem.map().left_gram(), problem.map().right_gram()),
        truth,
        model,
        minimum: factor * m as f64 * flat.certificate.lower_bound,
        blank: Row {
            flat: flat.status.name().to_owned(),
            ..blank
        },
    };
    trial.rows(&mut stream, interrupt)
}

/// The instance.
fn draw(config: &Config, model: Model, stream: &mut Stream) -> Result<(Problem<'static>, Mat<f64>), Error> {
    let (d, rank, m) = config.size(model);
    let recipe = Recipe::plain(rank);
    if model == Model::Network {
        let made = Symmetric::draw(stream, d, m, rank / 3, &recipe)?;
        let problem = Problem::new(made.map()?, made.y, Fit::Exact, Objective::Flat)?;
        return Ok((problem.over(Domain::Symmetric)?, made.truth));
    }
    let made = Sensing::draw(stream, (d, d), m, &recipe);
    let (y, truth) = (made.y.clone(), made.truth.clone());
    Ok((Problem::new(made.map()?, y, Fit::Exact, Objective::Flat)?, truth))
}

/// A row without figures.
fn blank(config: &Config, model: Model, job: &Job) -> Row {
    Row {
        cell: job.cell.clone(),
        model,
        trial: job.trial,
        seed: config.seed,
        kind: "record".to_owned(),
        method: String::new(),
        scale: 0.0,
        step: 0,
        status: String::new(),
        flat: String::new(),
        loss: None,
        scaled_trace: None,
        minimum: None,
        excess: None,
        sharpness: None,
        stability: None,
        error: None,
        generalisation: None,
        seconds: 0.0,
    }
}

/// An instance with all that its rows are measured by.
struct Trial<'a> {
    config: &'a Config,
    model: Model,
    loss: Loss<'a>,
    grams: (Gram, Gram),
    truth: Mat<f64>,
    /// The flat factors, as wide as the others.
    flat: Vec<f64>,
    /// The proved minimum of the scaled trace.
    minimum: f64,
    blank: Row,
}

impl Trial<'_> {
    fn rows(&self, stream: &mut Stream, interrupt: &AtomicBool) -> Result<Vec<Row>, Error> {
        let config = self.config;
        // Drawn once: the small start is the large one, shrunk.
        let start = self.random(1.0, stream);
        let (mut records, mut ends) = (Vec::new(), Vec::new());
        for training in &config.methods {
            if interrupt.load(Ordering::Relaxed) {
                return Ok(records);
            }
            let scale = match training {
                Training::GdSmall => config.small,
                _ => config.large,
            };
            let start: Vec<f64> = start.iter().map(|v| scale * v).collect();
            let end = self.follow(*training, scale, &start, stream, &mut records)?;
            ends.push(self.end(training.name(), scale, config.steps, end.as_deref())?);
        }
        for i in 0..config.starts {
            let scale = between((config.small, config.large), i, config.starts);
            let start = self.random(scale, stream);
            let schedule = (self.rate(&start)?, config.start_steps);
            let run = train(&self.loss, &GradientDescent, &start, schedule, stream, |_, _| {
                Ok(())
            })?;
            let end = (run.ending == Ending::Finished).then_some(run.point);
            ends.push(self.end("start", scale, config.start_steps, end.as_deref())?);
        }
        for i in 0..config.displacements {
            let scale = between((1e-3 * config.large, config.large), i, config.displacements);
            let mut point = self.random(scale, stream);
            axpy(1.0, &self.flat, &mut point);
            ends.push(self.end("displacement", scale, 0, Some(&point))?);
        }
        records.extend(ends);
        Ok(records)
    }

    /// A random point of `scale` times the norm of the flat factors.
    fn random(&self, scale: f64, stream: &mut Stream) -> Vec<f64> {
        let mut w = stream.normals(self.flat.len());
        let factor = scale * norm(&self.flat) / norm(&w);
        w.iter_mut().for_each(|v| *v *= factor);
        w
    }

    /// The learning rate for a start.
    fn rate(&self, start: &[f64]) -> Result<f64, Error> {
        let sharpest = self.loss.sharpness(start)?.max(self.loss.sharpness(&self.flat)?);
        Ok(self.config.rate * 2.0 / sharpest)
    }

    /// A method with its settings in the units of the instance, and its share of the learning rate.
    fn method(&self, training: Training) -> (Box<dyn Method>, f64) {
        let config = self.config;
        match training {
            Training::GdSmall | Training::Gd => (Box::new(GradientDescent), 1.0),
            Training::Sgd => {
                let batch = config.batch;
                (Box::new(MiniBatch { batch }), config.batch_rate)
            }
            Training::LabelNoise => {
                let deviation = config.noise * self.loss.at_zero().sqrt();
                (Box::new(LabelNoise { deviation }), 1.0)
            }
            Training::Sam => {
                let (radius, batch) = (config.radius * norm(&self.flat), config.batch);
                (Box::new(SharpnessAware { radius, batch }), config.batch_rate)
            }
            Training::WeightDecay => (Box::new(WeightDecay { rate: config.decay }), 1.0),
        }
    }

    /// Trains, records along the way, and gives the last point; `None` if the run diverged.
    fn follow(
        &self,
        training: Training,
        scale: f64,
        start: &[f64],
        stream: &mut Stream,
        records: &mut Vec<Row>,
    ) -> Result<Option<Vec<f64>>, Error> {
        let (looks, began) = (self.config.looks(), Instant::now());
        let (method, share) = self.method(training);
        let full = self.rate(start)?;
        let head = self.config.steps - self.config.settle;
        let first = records.len();
        let blank = Row {
            method: training.name().to_owned(),
            scale,
            ..self.blank.clone()
        };
        let mut look = |step: usize, w: &[f64], rate: f64| -> Result<(), Error> {
            if looks.binary_search(&step).is_ok() {
                let mut row = self.measured(blank.clone(), w)?;
                row.step = step;
                row.status = "running".to_owned();
                row.sharpness = Some(self.loss.sharpness(w)?);
                row.stability = Some(2.0 / rate);
                row.seconds = began.elapsed().as_secs_f64();
                records.push(row);
            }
            Ok(())
        };
        let schedule = (share * full, head);
        let noisy = train(&self.loss, method.as_ref(), start, schedule, stream, |step, w| {
            look(step, w, share * full)
        })?;
        let mut end = None;
        if noisy.ending == Ending::Finished {
            let (point, schedule) = (noisy.point, (full, self.config.settle));
            let settled = train(
                &self.loss,
                &GradientDescent,
                &point,
                schedule,
                stream,
                |step, w| look(head + step, w, full),
            )?;
            if settled.ending == Ending::Finished {
                look(self.config.steps, &settled.point, full)?;
                end = Some(settled.point);
            }
        }
        for step in &looks[records.len() - first..] {
            records.push(Row {
                step: *step,
                status: "diverged".to_owned(),
                ..blank.clone()
            });
        }
        if let (Some(last), true) = (records.last_mut(), end.is_some()) {
            last.status = "finished".to_owned();
        }
        Ok(end)
    }

    /// The zero-loss point near w.
    fn end(&self, method: &str, scale: f64, step: usize, w: Option<&[f64]>) -> Result<Row, Error> {
        let began = Instant::now();
        let row = Row {
            kind: "end".to_owned(),
            method: method.to_owned(),
            scale,
            step,
            ..self.blank.clone()
        };
        let status = |status: &str, row: Row| Row {
            status: status.to_owned(),
            ..row
        };
        let Some(w) = w else {
            return Ok(status("diverged", row));
        };
        let Some(point) = project(&self.loss, w, EXACT) else {
            return Ok(status("missed", row));
        };
        let mut row = status("exact", self.measured(row, &point)?);
        row.seconds = began.elapsed().as_secs_f64();
        Ok(row)
    }

    /// Loss, flatness and error at w.
    fn measured(&self, row: Row, w: &[f64]) -> Result<Row, Error> {
        let x = self.loss.factors(w);
        let error = frobenius((x.dense() - &self.truth).as_ref());
        let trace = self.loss.traces((&self.grams.0, &self.grams.1), w).scaled;
        let generalisation = match self.model {
            Model::Network => SignedFactors::of(&x)?.generalization_error(self.truth.as_ref()),
            _ => error * error,
        };
        Ok(Row {
            loss: Some(self.loss.value(w)),
            scaled_trace: Some(trace),
            minimum: Some(self.minimum),
            excess: (self.minimum > 0.0).then(|| trace / self.minimum - 1.0),
            error: Some(error),
            generalisation: Some(generalisation),
            ..row
        })
    }
}

/// The i-th of `count` numbers from `low` to `high`, evenly in their logarithm.
fn between((low, high): (f64, f64), i: usize, count: usize) -> f64 {
    low * (high / low).powf(i as f64 / count.saturating_sub(1).max(1) as f64)
}
