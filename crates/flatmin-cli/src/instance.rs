//! An instance read from a file: the map, the data, and what belongs to them.

use std::path::{Path, PathBuf};

use flatmin::map::{Adjoint, Dense, Entries, MeasurementMap, RankOne};
use ndarray::Array2;

use crate::args::{Centring, CompletionArgs, Model};
use crate::completion::centre::Centre;
use crate::completion::split::{hide, pick};
use crate::failure::{Failure, OrInput as _, usage};
use crate::input::instance::CompletionData;
use crate::input::{self, TestEntries};
use crate::progress::Progress;

/// The measurements y ≈ A(X), and what the file knows beside them.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) model: Model,
    pub(crate) path: PathBuf,
    pub(crate) map: Box<dyn MeasurementMap>,
    pub(crate) y: Vec<f64>,
    pub(crate) extras: Extras,
}

/// What is never used to solve.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    pub(crate) truth: Option<Array2<f64>>,
    /// Completion only.
    pub(crate) completion: Option<CompletionExtras>,
}

/// What completion knows beside the entries it fits.
#[derive(Debug)]
pub(crate) struct CompletionExtras {
    pub(crate) centring: Centring,
    /// What was subtracted from the data.
    pub(crate) centre: Centre,
    /// Entries to score on.
    pub(crate) held_out: Option<TestEntries>,
    pub(crate) row_ids: Option<Vec<String>>,
    pub(crate) column_ids: Option<Vec<String>>,
    pub(crate) unobserved_rows: usize,
    pub(crate) unobserved_columns: usize,
}

impl Extras {
    /// What was subtracted from the data: nothing, but in completion.
    pub(crate) fn centre(&self) -> Centre {
        let completion = self.completion.as_ref();
        completion.map_or_else(Centre::default, |completion| completion.centre.clone())
    }
}

/// Reads the instance and says what is unusual about it.
pub(crate) fn load(
    model: Model,
    path: &Path,
    options: &CompletionArgs,
    seed: u64,
    progress: &Progress,
) -> Result<Instance, Failure> {
    if let (Some(option), true) = (options.first_given(), model != Model::Completion) {
        return Err(usage(format!(
            "{option}: found with {}, expected only with completion",
            model.name()
        )));
    }
    let about = |error| Failure::about(path, error);
    let with_truth = |truth| Extras {
        truth,
        completion: None,
    };
    let (map, y, extras): (Box<dyn MeasurementMap>, _, _) = match model {
        Model::Sensing => {
            let data = input::read_sensing(path).or_input()?;
            let (m, d1, d2) = data.a.dim();
            // The reader gives C order from the start of its allocation.
            let map = Dense::new(data.a.into_raw_vec_and_offset().0, m, (d1, d2)).map_err(about)?;
            (Box::new(map), data.y, with_truth(data.truth))
        }
        Model::Bilinear => {
            let data = input::read_bilinear(path).or_input()?;
            let (m, shape) = (data.a.nrows(), (data.a.ncols(), data.b.ncols()));
            let (a, b) = (
                data.a.into_raw_vec_and_offset().0,
                data.b.into_raw_vec_and_offset().0,
            );
            let map = RankOne::new(&a, &b, m, shape).map_err(about)?;
            (Box::new(map), data.y, with_truth(data.truth))
        }
        Model::Completion => {
            let (map, y, extras) = completion(path, options, seed, progress)?;
            (Box::new(map), y, extras)
        }
    };
    Ok(Instance {
        model,
        path: path.to_owned(),
        map,
        y,
        extras,
    })
}

/// Reads, hides, centres.
fn completion(
    path: &Path,
    options: &CompletionArgs,
    seed: u64,
    progress: &Progress,
) -> Result<(Entries, Vec<f64>, Extras), Failure> {
    let input::Completion { mut data, merged } = input::read_completion(path).or_input()?;
    if merged > 0 {
        progress.warn(&format!(
            "{}: {merged} repeated entries were taken once",
            path.display()
        ));
    }
    let held_out = match (options.hide, &options.test) {
        (Some(share), _) => Some(take_away(&mut data, share, seed).ok_or_else(|| {
            usage(format!(
                "--hide: {} has a single entry, expected at least two",
                path.display()
            ))
        })?),
        (None, Some(test)) => Some(read_test(test, &data, progress)?),
        (None, None) => None,
    };
    let centring = options.center.unwrap_or_default();
    let centre = Centre::new(centring, &data.rows, &data.cols, &data.y, data.shape);
    for ((row, column), y) in data.rows.iter().zip(&data.cols).zip(&mut data.y) {
        *y -= centre.at(*row as usize, *column as usize);
    }
    let (map, y) = Entries::new(&data.rows, &data.cols, &data.y, data.shape)
        .map_err(|error| Failure::about(path, error))?;
    let (rows, columns) = unobserved(&map, data.shape);
    let what = [("row", &rows, &data.row_ids), ("column", &columns, &data.col_ids)];
    what.iter()
        .for_each(|(what, which, ids)| warn_unobserved(what, which, ids.as_deref(), progress));
    let completion = CompletionExtras {
        centring,
        centre,
        held_out,
        unobserved_rows: rows.len(),
        unobserved_columns: columns.len(),
        row_ids: data.row_ids,
        column_ids: data.col_ids,
    };
    let extras = Extras {
        truth: data.truth,
        completion: Some(completion),
    };
    Ok((map, y, extras))
}

/// Moves a share of the entries out of the data.
fn take_away(data: &mut CompletionData, share: f64, seed: u64) -> Option<TestEntries> {
    if data.y.len() < 2 {
        return None;
    }
    let marked = hide(data.y.len(), share, seed);
    let held_out = TestEntries {
        rows: pick(&data.rows, &marked, true),
        cols: pick(&data.cols, &marked, true),
        y: pick(&data.y, &marked, true),
        unknown: 0,
        merged: 0,
    };
    data.rows = pick(&data.rows, &marked, false);
    data.cols = pick(&data.cols, &marked, false);
    data.y = pick(&data.y, &marked, false);
    Some(held_out)
}

fn read_test(path: &Path, data: &CompletionData, progress: &Progress) -> Result<TestEntries, Failure> {
    let test = input::read_entries_like(path, data).or_input()?;
    let shown = path.display();
    if test.merged > 0 {
        progress.warn(&format!(
            "{shown}: {} repeated entries were taken once",
            test.merged
        ));
    }
    if test.unknown > 0 {
        let (unknown, all) = (test.unknown, test.unknown + test.y.len());
        progress.warn(&format!(
            "{shown}: {unknown} of {all} entries have a row or column that the data lack; they are not scored"
        ));
    }
    Ok(test)
}

/// The rows and columns without an entry.
fn unobserved(map: &Entries, shape: (usize, usize)) -> (Vec<usize>, Vec<usize>) {
    let rows = (0..shape.0).filter(|a| map.row_range(*a).is_empty());
    let columns = (0..shape.1).filter(|b| map.column_entries(*b).is_empty());
    (rows.collect(), columns.collect())
}

/// One line that names the first and the count.
fn warn_unobserved(what: &str, which: &[usize], ids: Option<&[String]>, progress: &Progress) {
    let Some(&first) = which.first() else {
        return;
    };
    let name = ids
        .and_then(|ids| ids.get(first))
        .map_or(first.to_string(), |id| format!("{id:?}"));
    progress.warn(&match which.len() {
        1 => format!("{what} {name} has no observed entry: what is recovered there is zero"),
        n => format!(
            "{n} {what}s have no observed entry, the first of them {name}: what is recovered there is zero"
        ),
    });
}

/// The observed places of a completion map, which its adjoint carries; `None` for other maps.
pub(crate) fn entries_of<'a>(map: &'a dyn MeasurementMap, y: &[f64]) -> Option<&'a Entries> {
    match map.adjoint(y) {
        Adjoint::Sparse { entries, .. } => Some(entries),
        Adjoint::Dense(_) => None,
    }
}
