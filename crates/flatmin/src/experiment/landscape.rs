//! What flat looks like (the subject of Figure 1 of Ding et al. 2024): the loss around the flat, the norm-minimal and a sharp
//! solution of one instance, on a plane of factors spanned by the same two random directions.

use std::sync::atomic::AtomicBool;

use faer::{Mat, MatRef};
use serde::{Deserialize, Serialize};

use super::cell::{Cell, Instance, Model, find};
use super::comparison::Comparison;
use super::{Experiment, Job, check, settings};
use crate::error::{Error, check_positive};
use crate::factors::Factors;
use crate::linalg::dense::{full_svd, product};
use crate::linalg::vector::norm;
use crate::random::Stream;
use crate::signed::SignedFactors;
use crate::train::Loss;

/// The planes and the rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Of all random numbers.
    pub seed: u64,
    /// Which models: those whose X is any matrix, and the network. One instance each.
    pub models: Vec<Model>,
    /// Rows and columns.
    pub d: usize,
    /// Rank of the truth.
    pub rank: usize,
    /// Rank of the network's truth, a third of whose eigenvalues (rounded down) are negative.
    pub network_rank: usize,
    /// Measurements over the degrees of freedom; as many as there are entries at most.
    pub oversampling: f64,
    /// Scaled trace of the sharp solution over that of the flat one.
    pub sharpness: f64,
    /// The greatest offset along a direction of norm 1, over the norm of the flat factors.
    pub reach: f64,
    /// Offsets on each side of 0.
    pub steps: usize,
    /// Largest relative gap of a certified solution.
    pub tolerance: f64,
    /// Most steps of the solver a solution.
    pub max_iterations: usize,
}

impl Config {
    /// One cell a model.
    fn cells(&self) -> Vec<Cell> {
        let shape = (self.d, self.d);
        let mut cells: Vec<Cell> = Vec::new();
        for &model in &self.models {
            let wanted = match model {
                Model::Network => self.network_rank,
                _ => self.rank,
            };
            let rank = model.rank(wanted, shape);
            let m = (self.oversampling * model.freedom(shape, rank) as f64).round() as usize;
            let m = m.clamp(1, model.most(shape));
            let cell = Cell {
                model,
                shape,
                rank,
                m,
                p: None,
            };
            if !cells.contains(&cell) {
                cells.push(cell);
            }
        }
        cells
    }

    /// The offsets over the greatest one, rising from −1 to 1.
    fn offsets(&self) -> impl Iterator<Item = f64> + Clone {
        let steps = self.steps as i64;
        (-steps..=steps).map(move |i| i as f64 / steps as f64)
    }
}

/// Which solution is at the centre.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Centre {
    /// The flattest factors of all matrices that fit.
    Flat,
    /// The balanced factors of the matrix of least ‖X‖_*, turned (L Q, R Q) to lie near the flat ones; of a network each of
    /// U1 and U2 by its own Q.
    NormMinimal,
    /// The same matrix as the flat one's, a larger trace: (c·L, R/c); of a network (U1, U2) with one column more in each, the
    /// same, so that the two hidden units cancel.
    Sharp,
}

impl Centre {
    /// In the order of the rows.
    pub const ALL: [Centre; 3] = [Centre::Flat, Centre::NormMinimal, Centre::Sharp];

    /// As rows name it.
    pub fn name(self) -> &'static str {
        match self {
            Centre::Flat => "flat",
            Centre::NormMinimal => "norm-minimal",
            Centre::Sharp => "sharp",
        }
    }
}

/// The loss at one point of a plane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Row {
    /// The cell, as text.
    pub cell: String,
    /// The model.
    pub model: Model,
    /// Rows and columns of X.
    pub d: usize,
    /// Measurements.
    pub m: usize,
    /// Always 0.
    pub trial: u64,
    /// `--seed`.
    pub seed: u64,
    /// The solution at the centre.
    pub centre: Centre,
    /// `certified` if flat and norm-minimal both are, else what the first that is not became; `singular`: D1 or D2 is.
    pub status: String,
    /// The larger of the relative gaps of the two.
    pub gap: Option<f64>,
    /// str D²f at the centre.
    pub scaled_trace: Option<f64>,
    /// Offset along the first direction, over the norm of the flat factors.
    pub t1: f64,
    /// Offset along the second.
    pub t2: f64,
    /// ‖A(X) − y‖₂²/‖y‖₂².
    pub loss: Option<f64>,
}

impl super::Row for Row {
    fn job(&self) -> (&str, u64) {
        (&self.cell, self.trial)
    }
}

impl Experiment for Config {
    type Row = Row;
    const NAME: &'static str = "landscape";

    /// A second.
    fn quick() -> Self {
        Config {
            d: 12,
            steps: 10,
            ..Config::paper()
        }
    }

    /// Rank 2 (the network 3) at d = 20.
    fn paper() -> Self {
        Config {
            seed: 0,
            models: vec![Model::Sensing, Model::Completion, Model::Network],
            d: 20,
            rank: 2,
            network_rank: 3,
            oversampling: 3.0,
            sharpness: 4.0,
            reach: 0.5,
            steps: 15,
            tolerance: 1e-9,
            max_iterations: 2000,
        }
    }

    /// d = 40, bilinear sensing too.
    fn large() -> Self {
        Config {
            models: vec![Model::Sensing, Model::Bilinear, Model::Completion, Model::Network],
            d: 40,
            steps: 20,
            ..Config::paper()
        }
    }

    /// Refuses what cannot be run, naming the key.
    ///
    /// # Errors
    /// An empty list, a size of zero, a model that has no such planes, a sharpness below 1, more than 100 steps, a tolerance outside (0, 1).
    fn check(&self) -> Result<(), Error> {
        check::not_empty("models", &self.models)?;
        let general: Vec<Model> = self
            .models
            .iter()
            .copied()
            .filter(|m| *m != Model::Network)
            .collect();
        check::general("models", &general)?;
        check::sizes("d", &[self.d])?;
        check::sizes("rank", &[self.rank, self.network_rank])?;
        check_positive("oversampling", self.oversampling)?;
        check::each("sharpness", &[self.sharpness], "a number from 1 to 1e6", |s| {
            (1.0..=1e6).contains(&s)
        })?;
        check_positive("reach", self.reach)?;
        if !(1..=100).contains(&self.steps) {
            return Err(Error::Setting {
                name: "steps",
                found: self.steps.to_string(),
                expected: "1 to 100 steps on each side",
            });
        }
        check::tolerance(self.tolerance)
    }

    fn jobs(&self) -> Vec<Job> {
        let side = 2 * self.steps + 1;
        let job = |cell: &Cell| Job::new(cell.name(), Centre::ALL.len() * side * side, cell.cost());
        self.cells().iter().map(job).collect()
    }

    fn run(&self, job: &Job, interrupt: &AtomicBool) -> Result<Vec<Row>, Error> {
        let cells = self.cells();
        let cell = find(&cells, &job.cell)?;
        let mut rows = self.blank(cell, job);
        let mut stream = Stream::of_trial(self.seed, Self::NAME, &job.cell, job.trial);
        let Some(Instance { map, y, .. }) = cell.draw(&mut stream)? else {
            return Ok(rows);
        };
        let settings = settings(self.tolerance, self.max_iterations);
        if let Some(comparison) = Comparison::solve(map, y, cell.model.domain(), &settings, interrupt)? {
            self.fill(&mut rows, cell.model, &comparison, &mut stream)?;
        }
        Ok(rows)
    }
}

impl Config {
    /// All points of all planes, before the instance is solved: t1 varies fastest.
    fn blank(&self, cell: &Cell, job: &Job) -> Vec<Row> {
        let mut rows = Vec::with_capacity(job.rows);
        for centre in Centre::ALL {
            for t2 in self.offsets() {
                rows.extend(self.offsets().map(|t1| Row {
                    cell: job.cell.clone(),
                    model: cell.model,
                    d: self.d,
                    m: cell.m,
                    trial: job.trial,
                    seed: self.seed,
                    centre,
                    status: "singular".to_owned(),
                    gap: None,
                    scaled_trace: None,
                    t1: self.reach * t1,
                    t2: self.reach * t2,
                    loss: None,
                }));
            }
        }
        rows
    }

    /// The losses. The two directions are orthonormal in the space of all factors, and the same around every centre.
    fn fill(
        &self,
        rows: &mut [Row],
        model: Model,
        comparison: &Comparison,
        stream: &mut Stream,
    ) -> Result<(), Error> {
        let (loss, centres) = match model {
            Model::Network => {
                let unit = stream.orthonormal(self.d, 1);
                networks(comparison, self.sharpness, unit.col_as_slice(0))?
            }
            _ => pairs(comparison, self.sharpness)?,
        };
        let [flat, ..] = &centres;
        let directions = stream.orthonormal(flat.len(), 2);
        let (unit, zero) = (norm(flat), loss.at_zero());
        for (centre, w) in Centre::ALL.into_iter().zip(&centres) {
            let trace = scaled_trace(&loss, comparison, w);
            for row in rows.iter_mut().filter(|row| row.centre == centre) {
                let moved = displaced(w, &directions, [unit * row.t1, unit * row.t2]);
                row.status = comparison.status().to_owned();
                row.gap = Some(comparison.gap());
                row.scaled_trace = Some(trace);
                row.loss = Some(loss.value(&moved) / zero);
            }
        }
        Ok(())
    }
}

fn scaled_trace(loss: &Loss<'_>, comparison: &Comparison, w: &[f64]) -> f64 {
    let weights = &comparison.flat.weights;
    loss.traces((&weights.left_gram, &weights.right_gram), w).scaled
}

/// A loss and, in the order of [`Centre::ALL`], the points of its planes.
type Centres<'a> = (Loss<'a>, [Vec<f64>; 3]);

/// Of (L, R), all with as many columns.
fn pairs(comparison: &Comparison, ratio: f64) -> Result<Centres<'_>, Error> {
    let (flat, minimal) = (&comparison.flat.factors, &comparison.nuclear.factors);
    let columns = flat.columns().max(minimal.columns()).max(1);
    let flat = flat.padded(columns);
    let minimal = rotated(&minimal.padded(columns), &flat)?;
    let loss = Loss::factored(comparison.problem.map(), comparison.problem.data())?;
    let points = [&flat, &minimal, &sharpened(&flat, ratio)].map(|x| loss.point(x));
    Ok((loss, points))
}

/// Of (U1, U2), where the last column of each is zero but at the sharp point: there both are a multiple of `unit`.
fn networks<'a>(comparison: &'a Comparison, ratio: f64, unit: &[f64]) -> Result<Centres<'a>, Error> {
    let flat = SignedFactors::of(&comparison.flat.factors)?;
    let minimal = SignedFactors::of(&comparison.nuclear.factors)?;
    let widest = |a: &Mat<f64>, b: &Mat<f64>| a.ncols().max(b.ncols()) + 1;
    let (k1, k2) = (widest(&flat.u1, &minimal.u1), widest(&flat.u2, &minimal.u2));
    let (flat, minimal) = (flat.padded(k1, k2), minimal.padded(k1, k2));
    let minimal = SignedFactors {
        u1: turned(&minimal.u1, flat.u1.as_ref())?,
        u2: turned(&minimal.u2, flat.u2.as_ref())?,
    };
    let loss = Loss::signed(comparison.problem.map(), comparison.problem.data(), (k1, k2))?;
    let trace = |x: &SignedFactors| scaled_trace(&loss, comparison, &loss.point(&x.factors()));
    // The trace is quadratic in the multiple.
    let (least, more) = (trace(&flat), trace(&with_cancelling_units(&flat, unit, 1.0)));
    let multiple = ((ratio - 1.0) * least / (more - least)).sqrt();
    let sharp = with_cancelling_units(&flat, unit, multiple);
    let points = [&flat, &minimal, &sharp].map(|x| loss.point(&x.factors()));
    Ok((loss, points))
}

/// The last columns of U1 and U2 replaced by the same multiple of `unit`.
fn with_cancelling_units(x: &SignedFactors, unit: &[f64], multiple: f64) -> SignedFactors {
    let replaced = |u: &Mat<f64>| {
        Mat::from_fn(u.nrows(), u.ncols(), |i, j| {
            if j + 1 == u.ncols() {
                multiple * unit[i]
            } else {
                u[(i, j)]
            }
        })
    };
    SignedFactors {
        u1: replaced(&x.u1),
        u2: replaced(&x.u2),
    }
}

/// w + t1·u1 + t2·u2, u1 and u2 the columns of `directions`.
fn displaced(w: &[f64], directions: &Mat<f64>, [t1, t2]: [f64; 2]) -> Vec<f64> {
    let along = directions.col_as_slice(0).iter().zip(directions.col_as_slice(1));
    w.iter()
        .zip(along)
        .map(|(w, (u1, u2))| w + t1 * u1 + t2 * u2)
        .collect()
}

/// (L Q, R Q) for the orthogonal Q that brings them nearest to `near`: matrix, norms and traces are those of `x`, but one
/// direction means the same at both.
fn rotated(x: &Factors, near: &Factors) -> Result<Factors, Error> {
    let left = product(x.l.transpose(), near.l.as_ref());
    let right = product(x.r.transpose(), near.r.as_ref());
    let q = nearest_rotation((left + right).as_ref())?;
    Ok(Factors {
        l: product(x.l.as_ref(), q.as_ref()),
        r: product(x.r.as_ref(), q.as_ref()),
    })
}

/// U Q for the orthogonal Q that brings it nearest to `near`.
fn turned(u: &Mat<f64>, near: MatRef<'_, f64>) -> Result<Mat<f64>, Error> {
    let q = nearest_rotation(product(u.transpose(), near).as_ref())?;
    Ok(product(u.as_ref(), q.as_ref()))
}

/// The orthogonal Q of greatest ⟨Q, C⟩ (orthogonal Procrustes).
fn nearest_rotation(c: MatRef<'_, f64>) -> Result<Mat<f64>, Error> {
    let svd = full_svd(c)?;
    Ok(product(svd.u.as_ref(), svd.v.transpose()))
}

/// (c·L, R/c). The halves of the scaled trace are equal at flat factors, so that it grows by (c² + c⁻²)/2 = `ratio`.
fn sharpened(flat: &Factors, ratio: f64) -> Factors {
    let c = (ratio + (ratio * ratio - 1.0).sqrt()).sqrt();
    Factors {
        l: faer::Scale(c) * &flat.l,
        r: faer::Scale(1.0 / c) * &flat.r,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::tests::{assert_reproducible, gather};

    fn tiny() -> Config {
        Config {
            d: 8,
            rank: 1,
            steps: 3,
            ..Config::paper()
        }
    }

    #[test]
    fn rows_depend_on_nothing_but_configuration_and_seed() {
        assert_reproducible(&tiny(), |_| {});
    }

    #[test]
    fn the_loss_vanishes_at_every_centre_and_the_flat_one_has_the_least_trace() {
        let rows = gather(&tiny(), &tiny().jobs(), 2);
        assert_eq!(rows.len(), 3 * 3 * 49);
        for cell in rows.chunk_by(|a, b| a.cell == b.cell) {
            let trace = |centre| {
                let row = cell.iter().find(|row| row.centre == centre).unwrap();
                row.scaled_trace.unwrap()
            };
            let least = trace(Centre::Flat);
            assert!(trace(Centre::NormMinimal) > least * (1.0 - 1e-8));
            assert!((trace(Centre::Sharp) / least - tiny().sharpness).abs() < 1e-6);
            for row in cell {
                let loss = row.loss.unwrap();
                assert_eq!((row.t1, row.t2) == (0.0, 0.0), loss < 1e-12, "{row:?}");
            }
        }
    }
}
