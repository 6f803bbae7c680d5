//! The models' instances and factors in `.npz` archives.
//!
//! | what | keys |
//! |---|---|
//! | sensing | `A` (m, d1, d2), `y` (m) |
//! | bilinear | `a` (m, d1), `b` (m, d2), `y` (m) |
//! | covariance, phase, network | `x` (m, d), `y` (m) |
//! | completion | `rows`, `cols` (0-based integers), `y`, `shape` (2 integers) |
//! | completion | or `X` (d1, d2), NaN where nothing was observed |
//! | robust PCA | `Y` (d1, d2), NaN where nothing was observed; optionally a boolean `mask` (d1, d2), true where it was |
//! | sparse | `A` (m, d), `y` (m), `truth` (d) |
//! | factors | `L` (d1, k), `R` (d2, k); or `V` (K, d); or `W1` (d1, n), `W2`, …, `WK` (n, d2) |
//! | factors of a symmetric matrix | `U1` (d, k1), `U2` (d, k2) |
//!
//! An instance may also have `truth` (d1, d2), for the symmetric models a symmetric matrix (d, d). Every shape is checked against every other.

use anyhow::{Context, Result, anyhow, ensure};
use ndarray::{Array2, Dim, Ix2, Ix3};

use super::archive::Archive;
use super::entries::{Entries, Places};
use super::instance::{BilinearData, RobustData, SensingData, SparseData, SymmetricData};
use super::npy;
use super::numpy::shown_number;
use super::source::Source;

pub(crate) fn read_sensing(source: Source<'_>) -> Result<SensingData<'_>> {
    let mut archive = Archive::open(source, &["A", "y"], &["truth"])?;
    let (a, (m, d1, d2)) = archive.in_place::<Ix3>("A", "(m, d1, d2)")?;
    let y = archive.vector("y", m, "as many as \"A\" has matrices")?;
    let truth = archive.optional("truth", Dim([d1, d2]))?;
    Ok(SensingData {
        a,
        shape: (d1, d2),
        y,
        truth,
    })
}

pub(crate) fn read_sparse(source: Source<'_>) -> Result<SparseData> {
    let mut archive = Archive::open(source, &["A", "y"], &["truth"])?;
    let a = archive.numbers::<Ix2>("A", "(m, d)")?;
    let y = archive.vector("y", a.nrows(), "as many as \"A\" has rows")?;
    let truth = archive.optional("truth", Dim([a.ncols()]))?;
    Ok(SparseData {
        a,
        y,
        truth: truth.map(|truth: ndarray::Array1<f64>| truth.to_vec()),
    })
}

pub(crate) fn read_bilinear(source: Source<'_>) -> Result<BilinearData> {
    let mut archive = Archive::open(source, &["a", "b", "y"], &["truth"])?;
    let a = archive.numbers::<Ix2>("a", "(m, d1)")?;
    let b = archive.numbers::<Ix2>("b", "(m, d2)")?;
    let m = a.nrows();
    ensure!(
        b.nrows() == m,
        "key \"b\": found {} rows, expected {m} (as many as \"a\" has)",
        b.nrows()
    );
    let y = archive.vector("y", m, "as many as \"a\" has rows")?;
    let truth = archive.optional("truth", Dim([a.ncols(), b.ncols()]))?;
    Ok(BilinearData { a, b, y, truth })
}

/// How far a symmetric matrix may be from its transpose, relative to its largest entry: it may come from rounded products.
const SYMMETRIC: f64 = 1e-9;

pub(crate) fn read_symmetric(source: Source<'_>) -> Result<SymmetricData> {
    let mut archive = Archive::open(source, &["x", "y"], &["truth"])?;
    let x = archive.numbers::<Ix2>("x", "(m, d)")?;
    let (m, d) = x.dim();
    let y = archive.vector("y", m, "as many as \"x\" has rows")?;
    let truth = archive.optional("truth", Dim([d, d]))?;
    if let Some(truth) = &truth {
        check_symmetric(truth)?;
    }
    Ok(SymmetricData { x, y, truth })
}

fn check_symmetric(truth: &Array2<f64>) -> Result<()> {
    let largest = truth.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    for ((i, j), value) in truth.indexed_iter() {
        let other = truth[[j, i]];
        ensure!(
            (value - other).abs() <= SYMMETRIC * largest,
            "key \"truth\": found {} at ({i}, {j}) and {} at ({j}, {i}), expected a symmetric matrix",
            shown_number(*value),
            shown_number(other)
        );
    }
    Ok(())
}

/// The keys of completion as entries.
const ENTRIES: [&str; 4] = ["rows", "cols", "y", "shape"];

pub(crate) fn read_completion(source: Source<'_>) -> Result<Entries> {
    let mut archive = Archive::open(source, &[], &[])?;
    if ENTRIES.iter().all(|key| archive.has(key)) {
        return read_entries(archive);
    }
    ensure!(
        archive.has("X"),
        "found {}, expected \"rows\", \"cols\", \"y\", \"shape\" or a matrix \"X\", and optionally \"truth\"",
        archive.found()
    );
    let matrix = archive.with_gaps("X")?;
    let entries = npy::entries(matrix).context("key \"X\"")?;
    let truth = archive.optional("truth", Dim([entries.shape.0, entries.shape.1]))?;
    Ok(Entries { truth, ..entries })
}

fn read_entries(mut archive: Archive<'_>) -> Result<Entries> {
    let shape = shape_of(&archive.integers("shape")?)?;
    let rows = positions("rows", &archive.integers("rows")?, shape.0)?;
    let cols = positions("cols", &archive.integers("cols")?, shape.1)?;
    let (n, found) = (rows.len(), cols.len());
    ensure!(
        found == n,
        "key \"cols\": found {found} values, expected {n} (as many as \"rows\" has)"
    );
    ensure!(n > 0, "key \"rows\": found no entry, expected at least one");
    let y = archive.vector("y", n, "as many as \"rows\" has")?;
    let truth = archive.optional("truth", Dim([shape.0, shape.1]))?;
    Ok(Entries {
        rows,
        cols,
        y,
        shape,
        truth,
        row_ids: None,
        col_ids: None,
        places: Places::Entries,
    })
}

pub(crate) fn read_robust(source: Source<'_>) -> Result<RobustData> {
    let mut archive = Archive::open(source, &["Y"], &["mask", "truth"])?;
    let mut y = npy::matrix(archive.with_gaps("Y")?).context("key \"Y\"")?;
    let shape = y.raw_dim();
    if let Some(mask) = archive.mask("mask", y.dim())? {
        ndarray::Zip::from(&mut y).and(&mask).for_each(|y, seen| {
            if !seen {
                *y = f64::NAN;
            }
        });
    }
    let truth = if y.is_empty() {
        None
    } else {
        archive.optional("truth", shape)?
    };
    Ok(RobustData {
        y,
        truth,
        frames: None,
    })
}

/// Factors of X = L Rᵀ.
pub(crate) fn read_factors(source: Source<'_>) -> Result<(Array2<f64>, Array2<f64>)> {
    let mut archive = Archive::open(source, &["L", "R"], &[])?;
    let left = archive.numbers::<Ix2>("L", "(d1, k)")?;
    let right = archive.numbers::<Ix2>("R", "(d2, k)")?;
    let (k, found) = (left.ncols(), right.ncols());
    ensure!(
        found == k,
        "key \"R\": found {found} columns, expected {k} (as many as \"L\" has)"
    );
    Ok((left, right))
}

/// Layers of x = v_1 ⊙ … ⊙ v_K, one a row.
pub(crate) fn read_vectors(source: Source<'_>) -> Result<Array2<f64>> {
    Archive::open(source, &["V"], &[])?.numbers("V", "(depth, d)")
}

/// Layers of X = W_1 ⋯ W_K, as many as there are without a break.
pub(crate) fn read_layers(source: Source<'_>) -> Result<Vec<Array2<f64>>> {
    let mut archive = Archive::open(source, &["W1", "W2"], &["W3, ..."])?;
    let mut layers = Vec::new();
    loop {
        let key = format!("W{}", layers.len() + 1);
        if !archive.has(&key) {
            return Ok(layers);
        }
        layers.push(archive.numbers(&key, "(rows, columns)")?);
    }
}

/// Factors of M = U1 U1ᵀ − U2 U2ᵀ; `U2` may be absent.
pub(crate) fn read_signed_factors(source: Source<'_>) -> Result<(Array2<f64>, Array2<f64>)> {
    let mut archive = Archive::open(source, &["U1"], &["U2"])?;
    let positive = archive.factor("U1", "(d, k1)")?;
    let d = positive.nrows();
    if !archive.has("U2") {
        return Ok((positive, Array2::zeros((d, 0))));
    }
    let negative = archive.factor("U2", "(d, k2)")?;
    let found = negative.nrows();
    ensure!(
        found == d,
        "key \"U2\": found {found} rows, expected {d} (as many as \"U1\" has)"
    );
    Ok((positive, negative))
}

/// (d1, d2) as the key `shape` gives it.
fn shape_of(values: &[i64]) -> Result<(usize, usize)> {
    let dimension = |v: i64| u32::try_from(v).ok().filter(|&d| d > 0).map(|d| d as usize);
    match values {
        &[d1, d2] => dimension(d1).zip(dimension(d2)),
        _ => None,
    }
    .ok_or_else(|| {
        anyhow!(
            "key \"shape\": found {}, expected two positive integers of 32 bits",
            shown_list(values)
        )
    })
}

/// Indices below `bound`.
fn positions(key: &str, values: &[i64], bound: usize) -> Result<Vec<u32>> {
    let convert = |(i, &value): (usize, &i64)| match u32::try_from(value) {
        Ok(position) if (position as usize) < bound => Ok(position),
        _ => Err(anyhow!(
            "key {key:?}: found {value} at index {i}, expected 0 to {} as \"shape\" says",
            bound - 1
        )),
    };
    values.iter().enumerate().map(convert).collect()
}

/// The first few integers, for a message.
fn shown_list(values: &[i64]) -> String {
    let first: Vec<_> = values.iter().take(4).map(i64::to_string).collect();
    format!(
        "[{}{}]",
        first.join(", "),
        if values.len() > 4 { ", …" } else { "" }
    )
}

#[cfg(test)]
mod tests;
