//! Held-out entries: a second file of the same matrix, told in the rows and columns of the first.
//!
//! Tables are matched by id; ids that the training file does not have are counted and left out. Arrays and Matrix Market
//! files are matched by position, so their shape must be that of the training data.

use std::collections::HashMap;

use anyhow::{Result, ensure};

use super::entries::{Completion, row_major};
use super::instance::CompletionData;
use super::numpy::shown_shape;

/// Entries to score a solution on.
#[derive(Debug)]
pub(crate) struct TestEntries {
    /// Rows of the training matrix, one an entry.
    pub(crate) rows: Vec<u32>,
    /// Columns of the training matrix, one an entry.
    pub(crate) cols: Vec<u32>,
    /// The values there.
    pub(crate) y: Vec<f64>,
    /// Entries left out because the training data lacks their row or column.
    pub(crate) unknown: usize,
    /// Repeated entries, merged into the first of their kind.
    pub(crate) merged: usize,
}

/// The entries of `test` in the rows and columns of `training`.
pub(crate) fn matched(
    Completion { data: test, merged }: Completion,
    training: &CompletionData,
) -> Result<TestEntries> {
    let (rows, cols) = match (&test.row_ids, &test.col_ids) {
        (Some(rows), Some(cols)) => (
            numbers(rows, &training.row_ids)?,
            numbers(cols, &training.col_ids)?,
        ),
        _ => return by_position(test, merged, training.shape),
    };
    let place = |i: usize| {
        Some((
            rows[test.rows[i] as usize]?,
            cols[test.cols[i] as usize]?,
            test.y[i],
        ))
    };
    let known: Vec<(u32, u32, f64)> = (0..test.y.len()).filter_map(place).collect();
    Ok(in_order(&known, test.y.len() - known.len(), merged))
}

/// Where the ids of the test file stand in the training data.
fn numbers(test: &[String], training: &Option<Vec<String>>) -> Result<Vec<Option<u32>>> {
    ensure!(
        training.is_some(),
        "found a table of ids, expected .npz, .npy or .mtx: the training data has positions and no ids"
    );
    let names = training.iter().flatten().map(String::as_str);
    let index: HashMap<&str, u32> = names.zip(0..).collect();
    Ok(test.iter().map(|id| index.get(id.as_str()).copied()).collect())
}

/// The order of the training ids, not of the test ids: sums over the entries do not depend on the order of the file.
fn in_order(known: &[(u32, u32, f64)], unknown: usize, merged: usize) -> TestEntries {
    let rows: Vec<u32> = known.iter().map(|entry| entry.0).collect();
    let cols: Vec<u32> = known.iter().map(|entry| entry.1).collect();
    let order = row_major(&rows, &cols);
    let pick = |from: &[u32]| order.iter().map(|&i| from[i as usize]).collect();
    let y = order.iter().map(|&i| known[i as usize].2).collect();
    TestEntries {
        rows: pick(&rows),
        cols: pick(&cols),
        y,
        unknown,
        merged,
    }
}

fn by_position(test: CompletionData, merged: usize, shape: (usize, usize)) -> Result<TestEntries> {
    let shown = |(d1, d2)| shown_shape(&[d1, d2]);
    ensure!(
        test.shape == shape,
        "found shape {}, expected {} as in the training data",
        shown(test.shape),
        shown(shape)
    );
    Ok(TestEntries {
        rows: test.rows,
        cols: test.cols,
        y: test.y,
        unknown: 0,
        merged,
    })
}
