//! The files of predictions.

use std::io::Write;

use anyhow::Result;
use ndarray::{Array2, ArrayView1};
use rayon::prelude::*;

use super::predictor::{New, Places, Predictor};
use crate::output::files::OutputDir;
use crate::output::ids::write_ids;
use crate::output::npz::{Member, write_npz};

/// Rows whose tops are found at a time.
const BATCH: usize = 1024;

/// row, column, prediction: in the order of the places.
pub(super) fn write_pairs(
    file: &mut dyn Write,
    places: &Places,
    predictions: &[f64],
    transposed: bool,
) -> Result<()> {
    let mut table = csv::Writer::from_writer(file);
    table.write_record(["row", "column", "prediction"])?;
    for (i, prediction) in predictions.iter().enumerate() {
        let [mut row, mut column] = places.ids(i);
        if transposed {
            std::mem::swap(&mut row, &mut column);
        }
        table.write_record([row, column, prediction.to_string()])?;
    }
    Ok(table.flush()?)
}

/// row, rank, column, prediction: the largest of each fitted row.
pub(super) fn write_top(
    file: &mut dyn Write,
    predictor: &Predictor,
    count: usize,
    transposed: bool,
) -> Result<()> {
    let mut table = csv::Writer::from_writer(file);
    let [row, column] = if transposed {
        ["column", "row"]
    } else {
        ["row", "column"]
    };
    table.write_record([row, "rank", column, "prediction"])?;
    let ids: &[String] = predictor.new.as_ref().map_or(&[], |new| &new.ids);
    for (batch, ids) in ids.chunks(BATCH).enumerate() {
        let rows = (0..ids.len()).into_par_iter();
        let tops: Vec<_> = rows.map(|i| predictor.top(batch * BATCH + i, count)).collect();
        for (id, top) in ids.iter().zip(tops) {
            for (rank, (column, prediction)) in top.into_iter().enumerate() {
                let [rank, prediction] = [(rank + 1).to_string(), prediction.to_string()];
                table.write_record([id, &rank, &predictor.column(column), &prediction])?;
            }
        }
    }
    Ok(table.flush()?)
}

/// `new_factors.npz` with L (with `--columns` R) and the biases where the model has any, and the ids beside it.
pub(super) fn write_factors(
    out: &OutputDir,
    predictor: &Predictor,
    new: &New,
    transposed: bool,
) -> Result<()> {
    let k = predictor.model.columns.factor.ncols();
    let rows = &predictor.fitted;
    let factor = Array2::from_shape_fn((rows.len(), k), |(i, j)| rows[i].factor[j]);
    let biases: Vec<f64> = rows.iter().map(|row| row.bias).collect();
    let [factor_key, bias_key, ids_name] = if transposed {
        ["R", "column_bias", "new_column_ids.csv"]
    } else {
        ["L", "row_bias", "new_row_ids.csv"]
    };
    let mut members: Vec<(&str, Member<'_>)> = vec![(factor_key, factor.view().into())];
    if predictor.model.bias_ridge.is_some() {
        members.push((bias_key, ArrayView1::from(&biases).into()));
    }
    out.write(ids_name, |file| write_ids(file, &new.ids))?;
    out.write("new_factors.npz", |file| write_npz(file, &members))
}
