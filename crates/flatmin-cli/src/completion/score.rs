//! Errors of a prediction on entries held out.

use flatmin::Factors;

use super::centre::Centre;
use crate::args::Range;
use crate::input::TestEntries;

/// Errors over some entries, at least one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Score {
    /// Root of the mean squared error.
    pub(crate) rmse: f64,
    /// Mean absolute error.
    pub(crate) mae: f64,
    /// ‖errors‖₂ / ‖values‖₂; `None` where all values are zero.
    pub(crate) relative: Option<f64>,
    pub(crate) count: usize,
}

/// Scores L Rᵀ plus what was subtracted, within the bounds; `None` without entries.
pub(crate) fn score(x: &Factors, centre: &Centre, clip: Option<Range>, test: &TestEntries) -> Option<Score> {
    let places = test.rows.iter().zip(&test.cols).zip(&test.y);
    of_predictions(places.map(|((row, column), y)| {
        let (a, b) = (*row as usize, *column as usize);
        (Range::clip(clip, centre.at(a, b) + entry(x, a, b)), *y)
    }))
}

/// Scores predictions beside their values; `None` without any.
pub(crate) fn of_predictions(pairs: impl Iterator<Item = (f64, f64)>) -> Option<Score> {
    let (mut squared, mut absolute, mut size, mut count) = (0.0, 0.0, 0.0, 0);
    for (prediction, y) in pairs {
        let error = prediction - y;
        count += 1;
        squared += error * error;
        absolute += error.abs();
        size += y * y;
    }
    (count > 0).then(|| Score {
        rmse: (squared / count as f64).sqrt(),
        mae: absolute / count as f64,
        relative: (size > 0.0).then(|| (squared / size).sqrt()),
        count,
    })
}

/// (L Rᵀ)[a, b].
fn entry(x: &Factors, a: usize, b: usize) -> f64 {
    (0..x.columns()).map(|c| x.l[(a, c)] * x.r[(b, c)]).sum()
}
