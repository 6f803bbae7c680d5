//! Predictions by a solution of completion and the rows that are fitted to it.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Result, ensure};
use faer::MatRef;
use flatmin::Error;
use flatmin::fold_in::{FoldIn, Row};
use flatmin::linalg::vector::dot;
use rayon::prelude::*;

use crate::args::Range;
use crate::input::{self, Entries, Model, Side};

/// Rows to be fitted: their ids and entries.
#[derive(Debug)]
pub(super) struct New {
    pub(super) ids: Vec<String>,
    /// Of each row, the columns of the model in it, rising, and the values there.
    pub(super) entries: Vec<Vec<(u32, f64)>>,
    /// Entries in columns that the model lacks.
    pub(super) left_out: usize,
}

impl New {
    /// Of a file; where it has `columns` to be fitted, the model is transposed already.
    pub(super) fn read(path: &Path, model: &Model, columns: bool) -> Result<Self> {
        let input::Completion { data, .. } = input::read_completion(path)?;
        let mut rows = (data.rows, data.row_ids, data.shape.0);
        let mut cols = (data.cols, data.col_ids, data.shape.1);
        if columns {
            std::mem::swap(&mut rows, &mut cols);
        }
        let known = known(&model.columns, cols.1.as_deref(), cols.2, path)?;
        let ids = rows
            .1
            .unwrap_or_else(|| (0..rows.2).map(|i| i.to_string()).collect());
        let mut new = New {
            entries: vec![Vec::new(); ids.len()],
            ids,
            left_out: 0,
        };
        for ((row, col), y) in rows.0.iter().zip(&cols.0).zip(&data.y) {
            match known[*col as usize] {
                Some(b) => new.entries[*row as usize].push((b, *y)),
                None => new.left_out += 1,
            }
        }
        new.entries
            .iter_mut()
            .for_each(|row| row.sort_unstable_by_key(|entry| entry.0));
        Ok(new)
    }
}

/// For each of `count` ids of a file, or of its positions, the number in the model.
fn known(side: &Side, ids: Option<&[String]>, count: usize, path: &Path) -> Result<Vec<Option<u32>>> {
    let size = side.factor.nrows();
    match (ids, &side.ids) {
        (Some(ids), Some(names)) => {
            let index: HashMap<&str, u32> = names.iter().map(String::as_str).zip(0..).collect();
            Ok(ids.iter().map(|id| index.get(id.as_str()).copied()).collect())
        }
        // A model of positions has them for ids.
        (Some(ids), None) => {
            let number = |id: &String| id.parse().ok().filter(|number| (*number as usize) < size);
            Ok(ids.iter().map(number).collect())
        }
        (None, None) => {
            ensure!(
                count == size,
                "{}: found dimension {count}, expected {size} as in the model",
                path.display()
            );
            Ok((0..size as u32).map(Some).collect())
        }
        (None, Some(_)) => anyhow::bail!(
            "{}: found positions, expected a table of ids as the model has them",
            path.display()
        ),
    }
}

/// Places in the order of a file.
#[derive(Debug)]
pub(super) struct Places {
    rows: Vec<u32>,
    cols: Vec<u32>,
    /// NaN where it is not known.
    pub(super) values: Vec<f64>,
    row_names: Names,
    col_names: Names,
    /// Who the rows and columns of the file are here.
    row_of: Vec<Who>,
    col_of: Vec<Option<u32>>,
}

/// The ids of a file, or its positions.
type Names = Option<Vec<String>>;

/// A row.
#[derive(Clone, Copy, Debug)]
enum Who {
    Known(u32),
    Fitted(u32),
    Unknown,
}

impl Places {
    pub(super) fn unknown_rows(&self) -> usize {
        self.rows
            .iter()
            .filter(|row| matches!(self.row_of[**row as usize], Who::Unknown))
            .count()
    }

    pub(super) fn unknown_columns(&self) -> usize {
        self.cols
            .iter()
            .filter(|col| self.col_of[**col as usize].is_none())
            .count()
    }

    /// The ids of place i as the file has them.
    pub(super) fn ids(&self, i: usize) -> [String; 2] {
        let name = |names: &Names, index: u32| match names {
            Some(names) => names[index as usize].clone(),
            None => index.to_string(),
        };
        [
            name(&self.row_names, self.rows[i]),
            name(&self.col_names, self.cols[i]),
        ]
    }
}

/// A solution, with the rows fitted to it.
#[derive(Debug)]
pub(super) struct Predictor {
    pub(super) model: Model,
    pub(super) new: Option<New>,
    /// Those of `new`.
    pub(super) fitted: Vec<Row>,
    /// L and R, row after row.
    left: Vec<f64>,
    right: Vec<f64>,
    k: usize,
    clip: Option<Range>,
}

impl Predictor {
    /// Fits the new rows.
    pub(super) fn new(model: Model, new: Option<New>, clip: Option<Range>) -> Result<Self, Error> {
        let side = &model.columns;
        let (size, k) = side.factor.dim();
        let flat = |side: &Side| side.factor.iter().copied().collect::<Vec<f64>>();
        let (left, right) = (flat(&model.rows), flat(side));
        let fold_in = FoldIn::new(
            MatRef::from_row_major_slice(&right, size, k),
            model.rows.ridge,
            model.bias_ridge,
        )?;
        let fit = |row: &Vec<(u32, f64)>| {
            let columns: Vec<u32> = row.iter().map(|entry| entry.0).collect();
            let centred = |&(b, y): &(u32, f64)| y - model.mean - side.bias(b as usize);
            fold_in.row(&columns, &row.iter().map(centred).collect::<Vec<f64>>())
        };
        let rows = new.iter().flat_map(|new| &new.entries).collect::<Vec<_>>();
        let fitted = rows
            .into_par_iter()
            .map(fit)
            .collect::<Result<Vec<Row>, Error>>()?;
        Ok(Predictor {
            model,
            new,
            fitted,
            left,
            right,
            k,
            clip,
        })
    }

    /// Places of a file; where the model is transposed so are they.
    pub(super) fn places(&self, path: &Path, transposed: bool) -> Result<Places> {
        let Entries {
            mut rows,
            mut cols,
            y: values,
            shape: (mut d1, mut d2),
            mut row_ids,
            mut col_ids,
            ..
        } = input::read_places(path)?;
        if transposed {
            std::mem::swap(&mut rows, &mut cols);
            std::mem::swap(&mut row_ids, &mut col_ids);
            std::mem::swap(&mut d1, &mut d2);
        }
        Ok(Places {
            row_of: self.who(row_ids.as_deref(), d1, path)?,
            col_of: known(&self.model.columns, col_ids.as_deref(), d2, path)?,
            rows,
            cols,
            values,
            row_names: row_ids,
            col_names: col_ids,
        })
    }

    /// Rows that are fitted come before those the model has.
    fn who(&self, ids: Option<&[String]>, count: usize, path: &Path) -> Result<Vec<Who>> {
        let (Some(ids), Some(new)) = (ids, &self.new) else {
            let known = known(&self.model.rows, ids, count, path)?;
            return Ok(known
                .into_iter()
                .map(|a| a.map_or(Who::Unknown, Who::Known))
                .collect());
        };
        let known = known(&self.model.rows, Some(ids), count, path)?;
        let index: HashMap<&str, u32> = new.ids.iter().map(String::as_str).zip(0..).collect();
        let who = |(id, known): (&String, Option<u32>)| match (index.get(id.as_str()), known) {
            (Some(fitted), _) => Who::Fitted(*fitted),
            (None, Some(a)) => Who::Known(a),
            (None, None) => Who::Unknown,
        };
        Ok(ids.iter().zip(known).map(who).collect())
    }

    /// The predictions at places, in their order.
    pub(super) fn at_places(&self, places: &Places) -> Vec<f64> {
        let at = |(row, col): (&u32, &u32)| {
            let column = places.col_of[*col as usize];
            match places.row_of[*row as usize] {
                Who::Known(a) => {
                    let l = &self.left[a as usize * self.k..][..self.k];
                    self.at(self.model.rows.bias(a as usize), l, column)
                }
                Who::Fitted(i) => self.at_fitted(i as usize, column),
                Who::Unknown => self.at(0.0, &[], column),
            }
        };
        places.rows.par_iter().zip(&places.cols).map(at).collect()
    }

    /// The prediction for a fitted row.
    pub(super) fn at_fitted(&self, i: usize, column: Option<u32>) -> f64 {
        let row = &self.fitted[i];
        self.at(row.bias, &row.factor, column)
    }

    /// mean + biases + l·r, as far as they are known, within the bounds.
    fn at(&self, bias: f64, l: &[f64], column: Option<u32>) -> f64 {
        let of_column = column.map_or(0.0, |b| {
            let r = &self.right[b as usize * self.k..][..self.k];
            let product = if l.is_empty() { 0.0 } else { dot(l, r) };
            self.model.columns.bias(b as usize) + product
        });
        Range::clip(self.clip, self.model.mean + bias + of_column)
    }

    /// The name of a column.
    pub(super) fn column(&self, b: u32) -> String {
        match &self.model.columns.ids {
            Some(ids) => ids[b as usize].clone(),
            None => b.to_string(),
        }
    }

    /// The `count` columns of the largest predictions that fitted row i has no entry in, the largest first.
    pub(super) fn top(&self, i: usize, count: usize) -> Vec<(u32, f64)> {
        let seen = self.new.iter().flat_map(|new| &new.entries[i]);
        let mut unseen = vec![true; self.model.columns.factor.nrows()];
        seen.for_each(|(b, _)| unseen[*b as usize] = false);
        let columns = (0..unseen.len() as u32).filter(|b| unseen[*b as usize]);
        let mut all: Vec<(u32, f64)> = columns.map(|b| (b, self.at_fitted(i, Some(b)))).collect();
        let larger = |a: &(u32, f64), b: &(u32, f64)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if count < all.len() {
            all.select_nth_unstable_by(count, larger);
            all.truncate(count);
        }
        all.sort_unstable_by(larger);
        all
    }
}
