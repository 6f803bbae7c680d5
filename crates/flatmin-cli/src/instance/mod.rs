//! An instance read from a file: the map, the data, and what belongs to them.

mod completion;
mod robust;

pub(crate) use completion::CompletionExtras;

use std::path::Path;

use anyhow::anyhow;
use flatmin::map::{Dense, MeasurementMap, RankOne, SymmetricRankOne};
use ndarray::Array2;

use crate::args::{Model, ModelArgs};
use crate::completion::centre::Centre;
use crate::failure::{Failure, OrInput as _, usage};
use crate::input::instance::{Frames, SymmetricData};
use crate::input::{self, Source};
use crate::memory::Free;
use crate::progress::Progress;

/// The measurements y ≈ A(X), and what the file knows beside them.
#[derive(Debug)]
pub(crate) struct Instance<'a> {
    pub(crate) map: Box<dyn MeasurementMap + 'a>,
    pub(crate) y: Vec<f64>,
    pub(crate) extras: Extras,
}

/// What is never used to solve.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    pub(crate) truth: Option<Array2<f64>>,
    /// Completion only.
    pub(crate) completion: Option<CompletionExtras>,
    /// Network only: x and y to score on.
    pub(crate) test: Option<SymmetricData>,
    /// Robust PCA of a film only.
    pub(crate) frames: Option<Frames>,
}

impl Extras {
    /// What was subtracted from the data: nothing, but in completion.
    pub(crate) fn centre(&self) -> Centre {
        let completion = self.completion.as_ref();
        completion.map_or_else(Centre::default, |completion| completion.centre.clone())
    }
}

/// Reads the instance and says what is unusual about it.
pub(crate) fn load<'a>(
    model: Model,
    source: Source<'a>,
    options: &ModelArgs,
    seed: u64,
    progress: &Progress,
) -> Result<Instance<'a>, Failure> {
    let about = |error| Failure::about(source, error);
    let with_truth = |truth| Extras {
        truth,
        ..Extras::default()
    };
    let (map, y, extras): (Box<dyn MeasurementMap + 'a>, _, _) = match model {
        Model::Sensing | Model::Deep => {
            let data = input::read_sensing(source).or_input()?;
            weights_fit(source, data.shape)?;
            let map = Dense::new(data.a, data.y.len(), data.shape).map_err(about)?;
            (Box::new(map), data.y, with_truth(data.truth))
        }
        Model::Sparse => return Err(anyhow!("sparse has no matrix: it is read by `depth::sparse`").into()),
        Model::Bilinear => {
            let data = input::read_bilinear(source).or_input()?;
            let (m, shape) = (data.a.nrows(), (data.a.ncols(), data.b.ncols()));
            weights_fit(source, shape)?;
            let (a, b) = (
                data.a.into_raw_vec_and_offset().0,
                data.b.into_raw_vec_and_offset().0,
            );
            let map = RankOne::new(&a, &b, m, shape).map_err(about)?;
            (Box::new(map), data.y, with_truth(data.truth))
        }
        Model::Covariance | Model::Phase | Model::Network => {
            let data = input::read_symmetric(source).or_input()?;
            let (m, d) = data.x.dim();
            weights_fit(source, (d, d))?;
            let map = SymmetricRankOne::new(&data.x.into_raw_vec_and_offset().0, m, d).map_err(about)?;
            let extras = Extras {
                test: options
                    .test
                    .as_deref()
                    .map(|test| network_test(test, source, d))
                    .transpose()?,
                ..with_truth(data.truth)
            };
            (Box::new(map), data.y, extras)
        }
        Model::Completion => {
            let (map, y, extras) = completion::load(source, options, seed, progress)?;
            (Box::new(map), y, extras)
        }
        Model::Rpca => robust::load(source)?,
    };
    Ok(Instance { map, y, extras })
}

/// Refuses sizes whose weights D1, D2 and their inverses do not fit in memory.
fn weights_fit(source: Source<'_>, (d1, d2): (usize, usize)) -> Result<(), Failure> {
    let square = |d: usize| (2 * size_of::<f64>() as u64).saturating_mul((d as u64).saturating_mul(d as u64));
    let bytes = square(d1).saturating_add(square(d2));
    let fits = Free::now().holds(bytes, || format!("weights of {d1} rows and {d2} columns"));
    fits.map_err(|error| usage(format!("{}{error}", source.prefix())))
}

/// The data that a network is scored on.
fn network_test(test: &Path, data: Source<'_>, d: usize) -> Result<SymmetricData, Failure> {
    let read = input::read_symmetric(test).or_input()?;
    let found = read.x.ncols();
    if found != d {
        let (test, data) = (test.display(), data.shown());
        return Err(usage(format!(
            "{test}: key \"x\": found {found} columns, expected {d} as in {data}"
        )));
    }
    Ok(read)
}
