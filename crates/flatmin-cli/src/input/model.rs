//! A solution of completion, as `solve completion --out` wrote it: `factors.npz`, and the ids where the data had any.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use flatmin::fold_in::Ridge;
use ndarray::{Array2, Ix0, Ix2};

use super::archive::Archive;
use super::{check_folder, in_file, open_file};

/// X[a, b] ≈ mean + (bias of a) + (bias of b) + l_a·r_b.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) mean: f64,
    pub(crate) rows: Side,
    pub(crate) columns: Side,
    /// The penalty β of a bias, where rows and columns have biases.
    pub(crate) bias_ridge: Option<f64>,
}

/// What is known of the rows, or of the columns.
#[derive(Debug)]
pub(crate) struct Side {
    /// d × k.
    pub(crate) factor: Array2<f64>,
    /// d numbers, where there are biases.
    pub(crate) biases: Option<Vec<f64>>,
    pub(crate) ridge: Ridge,
    /// The ids; `None` where the data had positions.
    pub(crate) ids: Option<Vec<String>>,
}

impl Model {
    /// Rows for columns.
    pub(crate) fn transposed(self) -> Self {
        Model {
            rows: self.columns,
            columns: self.rows,
            ..self
        }
    }
}

impl Side {
    /// The bias of row (column) a.
    pub(crate) fn bias(&self, a: usize) -> f64 {
        self.biases.as_ref().map_or(0.0, |biases| biases[a])
    }
}

pub(super) fn read(folder: &Path) -> Result<Model> {
    check_folder(folder, "a folder that `solve completion --out` wrote")?;
    let path = folder.join("factors.npz");
    let mut model = in_file(&path, || factors(&path))?;
    for (name, side) in [
        ("row_ids.csv", &mut model.rows),
        ("column_ids.csv", &mut model.columns),
    ] {
        let (path, count) = (folder.join(name), side.factor.nrows());
        if path.exists() {
            side.ids = Some(in_file(&path, || ids(&path, count))?);
        }
    }
    Ok(model)
}

fn factors(path: &Path) -> Result<Model> {
    let mut archive = Archive::open(path.into(), &["L", "R"], &[])?;
    for key in ["row_ridge", "column_ridge", "ridge_power"] {
        ensure!(
            archive.has(key),
            "found factors without {key:?}, expected those that `solve completion --out` wrote"
        );
    }
    let power = number(&mut archive, "ridge_power")?;
    let mut side = |factor: &str, ridge: &str, bias: &str| {
        let factor = archive.numbers::<Ix2>(factor, "(d, k)")?;
        let count = factor.nrows();
        let scale = number(&mut archive, ridge)?;
        ensure!(
            scale >= 0.0 && power >= 0.0,
            "key {ridge:?}: found {scale}, to the power {power}, expected no negative number"
        );
        let biases = archive
            .has(bias)
            .then(|| archive.vector(bias, count, "as many as the factor has rows"));
        Ok::<Side, anyhow::Error>(Side {
            factor,
            biases: biases.transpose()?,
            ridge: Ridge { scale, power },
            ids: None,
        })
    };
    let rows = side("L", "row_ridge", "row_bias")?;
    let columns = side("R", "column_ridge", "column_bias")?;
    let (k, found) = (rows.factor.ncols(), columns.factor.ncols());
    ensure!(
        found == k,
        "key \"R\": found {found} columns, expected {k} (as many as \"L\" has)"
    );
    let mut optional = |key: &str| archive.has(key).then(|| number(&mut archive, key)).transpose();
    Ok(Model {
        mean: optional("mean")?.unwrap_or(0.0),
        bias_ridge: optional("bias_ridge")?,
        rows,
        columns,
    })
}

fn number(archive: &mut Archive<'_>, key: &str) -> Result<f64> {
    Ok(archive.numbers::<Ix0>(key, "()")?.into_scalar())
}

/// The ids of a table with the columns `index` and `id`, which must be `count` and in order.
fn ids(path: &Path, count: usize) -> Result<Vec<String>> {
    let mut table = csv::Reader::from_reader(open_file(path)?);
    let mut ids = Vec::with_capacity(count);
    for record in table.records() {
        let record = record.context("found no table of ids")?;
        ensure!(
            record.len() == 2 && record[0].parse() == Ok(ids.len()),
            "found {:?}, expected the index {} and its id",
            record.iter().next().unwrap_or_default(),
            ids.len()
        );
        ids.push(record[1].to_owned());
    }
    ensure!(
        ids.len() == count,
        "found {} ids, expected {count} (as many as the factor has rows)",
        ids.len()
    );
    Ok(ids)
}
