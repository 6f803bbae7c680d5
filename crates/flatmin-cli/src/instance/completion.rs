//! Completion: the entries, what is held out of them, and what is subtracted.

use std::path::Path;
use std::time::Instant;

use flatmin::fold_in::Ridge;
use flatmin::map::Entries;

use super::Extras;
use crate::args::{Centring, ModelArgs, Range};
use crate::completion::centre::Centre;
use crate::completion::split::{hide, pick};
use crate::failure::{Failure, OrInput as _, usage};
use crate::input::instance::CompletionData;
use crate::input::{self, Source, TestEntries};
use crate::memory::Free;
use crate::progress::Progress;

/// What completion knows beside the entries it fits.
#[derive(Debug)]
pub(crate) struct CompletionExtras {
    pub(crate) centring: Centring,
    /// What was subtracted from the data.
    pub(crate) centre: Centre,
    /// Entries to score on.
    pub(crate) held_out: Option<TestEntries>,
    /// Bounds of predictions that are scored.
    pub(crate) clip: Option<Range>,
    /// What rows and columns to come are to be fitted with, once the problem is solved.
    pub(crate) ridges: Option<[Ridge; 2]>,
    pub(crate) row_ids: Option<Vec<String>>,
    pub(crate) column_ids: Option<Vec<String>>,
    pub(crate) unobserved_rows: usize,
    pub(crate) unobserved_columns: usize,
}

/// Reads, hides, centres.
pub(super) fn load(
    source: Source<'_>,
    options: &ModelArgs,
    seed: u64,
    progress: &Progress,
) -> Result<(Entries, Vec<f64>, Extras), Failure> {
    let input::Completion { mut data, merged } = read(source, progress)?;
    lines_fit(source, data.shape)?;
    if merged > 0 {
        progress.warn(&format!(
            "{}{merged} repeated entries were taken once",
            source.prefix()
        ));
    }
    let held_out = match (options.completion.hide, &options.test) {
        (Some(share), _) => Some(take_away(&mut data, share, seed).ok_or_else(|| {
            usage(format!(
                "--hide: {} has a single entry, expected at least two",
                source.shown()
            ))
        })?),
        (None, Some(test)) => Some(read_test(test, &data, progress)?),
        (None, None) => None,
    };
    let centring = options.completion.center.unwrap_or_default();
    let centre = Centre::new(centring, &data.rows, &data.cols, &data.y, data.shape);
    for ((row, column), y) in data.rows.iter().zip(&data.cols).zip(&mut data.y) {
        *y -= centre.at(*row as usize, *column as usize);
    }
    let (map, y) = Entries::new(&data.rows, &data.cols, &data.y, data.shape)
        .map_err(|error| Failure::about(source, error))?;
    let (rows, columns) = unobserved(&map, data.shape);
    let what = [("row", &rows, &data.row_ids), ("column", &columns, &data.col_ids)];
    what.iter()
        .for_each(|(what, which, ids)| warn_unobserved(what, which, ids.as_deref(), progress));
    let completion = CompletionExtras {
        centring,
        centre,
        held_out,
        clip: options.completion.clip,
        ridges: None,
        unobserved_rows: rows.len(),
        unobserved_columns: columns.len(),
        row_ids: data.row_ids,
        column_ids: data.col_ids,
    };
    let extras = Extras {
        truth: data.truth,
        completion: Some(completion),
        ..Extras::default()
    };
    Ok((map, y, extras))
}

/// Bytes of a row or column, at least: where it begins, its weight and the inverse, its mean, and a column of factors.
const LINE: u64 = 64;

/// Refuses a shape whose rows and columns do not fit in memory; a file may claim any.
fn lines_fit(source: Source<'_>, (d1, d2): (usize, usize)) -> Result<(), Failure> {
    let bytes = (d1 as u64).saturating_add(d2 as u64).saturating_mul(LINE);
    let fits = Free::now().holds(bytes, || format!("a shape of {d1} rows and {d2} columns"));
    fits.map_err(|error| usage(format!("{}{error}", source.prefix())))
}

/// Reads the entries, and tells those who ask for logs how long that took.
fn read(source: Source<'_>, progress: &Progress) -> Result<input::Completion, Failure> {
    progress.stage("reading");
    let started = Instant::now();
    let read = input::read_completion(source).or_input()?;
    let from = match source {
        Source::File(path) => path.metadata().map_or(0.0, |file| file.len() as f64 / 1e6),
        Source::Arrays(_) => 0.0,
    };
    progress.log(&format!(
        "{:9.3} s  {} entries from {from:.1} MB",
        started.elapsed().as_secs_f64(),
        read.data.y.len()
    ));
    Ok(read)
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
