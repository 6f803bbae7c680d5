//! Instances of the models, read from the files people have.
//!
//! Every error is one line that names the file, the key or the line and column, what was found and what was expected. No
//! content of a file makes a reader panic, or allocate more than its bytes can hold.

mod archive;
mod arrays;
mod blocks;
#[cfg(test)]
mod damage;
mod entries;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod every;
mod held_out;
mod ids;
mod images;
pub(crate) mod instance;
mod matrix_market;
mod matrix_market_array;
mod matrix_table;
mod model;
mod npy;
mod npz;
mod number;
mod numpy;
#[cfg(feature = "parquet")]
mod parquet;
mod source;
mod table;
mod text;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use ndarray::Array2;

pub use arrays::{Array, Arrays};
pub(crate) use entries::Completion;
pub(crate) use entries::Entries;
pub(crate) use held_out::TestEntries;
use instance::{BilinearData, CompletionData, RobustData, SensingData, SparseData, SymmetricData};
pub(crate) use model::{Model, Side};
pub(crate) use source::Source;
use table::Wanted;

/// Matrix sensing from `.npz`.
pub(crate) fn read_sensing<'a>(source: impl Into<Source<'a>>) -> Result<SensingData<'a>> {
    let source = source.into();
    source.read(|| npz::read_sensing(source))
}

/// Bilinear sensing from `.npz`.
pub(crate) fn read_bilinear<'a>(source: impl Into<Source<'a>>) -> Result<BilinearData> {
    let source = source.into();
    source.read(|| npz::read_bilinear(source))
}

/// Sparse recovery from `.npz`.
pub(crate) fn read_sparse<'a>(source: impl Into<Source<'a>>) -> Result<SparseData> {
    let source = source.into();
    source.read(|| npz::read_sparse(source))
}

/// The layers V (K × d) of a deep Hadamard product from `.npz`.
pub(crate) fn read_vectors<'a>(source: impl Into<Source<'a>>) -> Result<Array2<f64>> {
    let source = source.into();
    source.read(|| npz::read_vectors(source))
}

/// The layers W1, W2, … of a chain of matrices from `.npz`.
pub(crate) fn read_layers<'a>(source: impl Into<Source<'a>>) -> Result<Vec<Array2<f64>>> {
    let source = source.into();
    source.read(|| npz::read_layers(source))
}

/// A symmetric model from `.npz`.
pub(crate) fn read_symmetric<'a>(source: impl Into<Source<'a>>) -> Result<SymmetricData> {
    let source = source.into();
    source.read(|| npz::read_symmetric(source))
}

/// Factors U1 (d × k1), U2 (d × k2) of a symmetric matrix from `.npz`.
pub(crate) fn read_signed_factors<'a>(source: impl Into<Source<'a>>) -> Result<(Array2<f64>, Array2<f64>)> {
    let source = source.into();
    source.read(|| npz::read_signed_factors(source))
}

/// Factors L (d1 × k), R (d2 × k) from `.npz`.
pub(crate) fn read_factors<'a>(source: impl Into<Source<'a>>) -> Result<(Array2<f64>, Array2<f64>)> {
    let source = source.into();
    source.read(|| npz::read_factors(source))
}

/// Completion from any of the formats, sorted and without repetitions.
pub(crate) fn read_completion<'a>(source: impl Into<Source<'a>>) -> Result<Completion> {
    let source = source.into();
    source.read(|| completion(source))
}

/// Held-out entries from any of the formats, in the rows and columns of `training`.
pub(crate) fn read_entries_like(path: &Path, training: &CompletionData) -> Result<TestEntries> {
    in_file(path, || held_out::matched(completion(path.into())?, training))
}

/// A matrix for robust PCA from any of the formats.
pub(crate) fn read_robust<'a>(source: impl Into<Source<'a>>) -> Result<RobustData> {
    let source = source.into();
    source.read(|| {
        let data = match source {
            Source::File(path) => robust(path),
            Source::Arrays(_) => npz::read_robust(source),
        }?;
        check_matrix(&data.y)?;
        Ok(data)
    })
}

fn robust(path: &Path) -> Result<RobustData> {
    let found = fs::metadata(path).map_err(|error| unopened(error, "a file or a folder of images"))?;
    if found.is_dir() {
        return images::read(path);
    }
    let name = path
        .file_name()
        .map_or(String::new(), |name| name.to_string_lossy().to_lowercase());
    let (stem, zipped) = name
        .strip_suffix(".gz")
        .map_or((name.as_str(), false), |stem| (stem, true));
    let y = match stem.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "npz" if !zipped => return npz::read_robust(path.into()),
        "npy" if !zipped => npy::read_matrix(path)?,
        "csv" => matrix_table::read(path, b',')?,
        "tsv" => matrix_table::read(path, b'\t')?,
        "mtx" => matrix_market_array::read(path)?,
        _ => bail!(
            "found a name of no known format, expected .npz, .npy, .csv, .tsv, .mtx (the text ones also with .gz) or a folder of images"
        ),
    };
    Ok(RobustData {
        y,
        truth: None,
        frames: None,
    })
}

/// NaN stands for what was not observed; infinities and a matrix of nothing else stand for mistakes.
fn check_matrix(y: &Array2<f64>) -> Result<()> {
    let (d1, d2) = y.dim();
    ensure!(
        d1 > 0 && d2 > 0,
        "found a matrix of {d1} rows and {d2} columns, expected at least one of each"
    );
    if let Some(((i, j), value)) = y.indexed_iter().find(|(_, value)| value.is_infinite()) {
        bail!("found {value} at ({i}, {j}), expected a finite number, or NaN for unobserved");
    }
    ensure!(
        y.iter().any(|value| !value.is_nan()),
        "found NaN everywhere, expected at least one observed number"
    );
    Ok(())
}

/// Places to predict, in the order of the file, with their values (else NaN).
pub(crate) fn read_places(path: &Path) -> Result<Entries> {
    in_file(path, || {
        let places = entries_of(path, Wanted::Places)?;
        ensure!(!places.rows.is_empty(), "found no place, expected at least one");
        Ok(places)
    })
}

/// What `solve completion --out` wrote.
pub(crate) fn read_model(folder: &Path) -> Result<Model> {
    model::read(folder)
}

fn completion(source: Source<'_>) -> Result<Completion> {
    match source {
        Source::File(path) => entries_of(path, Wanted::Entries)?,
        Source::Arrays(_) => npz::read_completion(source)?,
    }
    .finish()
}

/// The entries in the order of the file, by the format its name tells.
fn entries_of(path: &Path, wanted: Wanted) -> Result<Entries> {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    let (stem, zipped) = name
        .strip_suffix(".gz")
        .map_or((name.as_str(), false), |stem| (stem, true));
    match stem.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "csv" => table::read_quoted(path, b',', wanted),
        "tsv" => table::read_quoted(path, b'\t', wanted),
        // u.data, ratings.dat, and the folds of MovieLens 100K: u1.base, u1.test.
        "data" | "dat" | "base" | "test" => table::read_plain(path, wanted),
        "mtx" => matrix_market::read_completion(path),
        "npz" if !zipped => npz::read_completion(path.into()),
        "npy" if !zipped => npy::read_completion(path),
        "parquet" if !zipped => read_parquet(path),
        _ => {
            check_file(path)?;
            bail!(
                "found a name of no known format, expected .npz, .npy, .csv, .tsv, .data, .dat, .mtx (the text ones also with .gz) or .parquet"
            )
        }
    }
}

#[cfg(feature = "parquet")]
fn read_parquet(path: &Path) -> Result<Entries> {
    parquet::read_completion(path)
}

#[cfg(not(feature = "parquet"))]
fn read_parquet(path: &Path) -> Result<Entries> {
    check_file(path)?;
    bail!(
        "found a Parquet file, which this build does not read, expected one built with the cargo feature `parquet`"
    )
}

/// Names the file, and puts the causes of an error on its one line.
fn in_file<T>(path: &Path, read: impl FnOnce() -> Result<T>) -> Result<T> {
    Source::File(path).read(read)
}

/// The whole text of a file, which is called `expected` where it is missing.
pub(crate) fn read_text(path: &Path, expected: &str) -> Result<String> {
    in_file(path, || {
        let mut text = String::new();
        let read = open(path, expected)?.read_to_string(&mut text);
        read.context("cannot be read")?;
        Ok(text)
    })
}

/// That there is a folder, which is called `expected` where it is missing.
pub(crate) fn check_folder(path: &Path, expected: &str) -> Result<()> {
    in_file(path, || {
        let found = fs::metadata(path).map_err(|error| unopened(error, expected))?;
        ensure!(found.is_dir(), "found a file, expected {expected}");
        Ok(())
    })
}

/// Why a path cannot be opened at which something is `expected`.
fn unopened(error: io::Error, expected: &str) -> anyhow::Error {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => anyhow!("found nothing there, expected {expected}"),
        _ => anyhow::Error::from(error).context("cannot be opened"),
    }
}

/// That there is a file, before its name is called a wrong one. It is not opened: that could wait for ever for a pipe.
fn check_file(path: &Path) -> Result<()> {
    let found = fs::metadata(path).map_err(|error| unopened(error, "a file"))?;
    ensure!(!found.is_dir(), "found a folder, expected a file");
    Ok(())
}

fn open_file(path: &Path) -> Result<File> {
    open(path, "a file")
}

/// A file, which is called `expected` where it is missing.
fn open(path: &Path, expected: &str) -> Result<File> {
    let file = File::open(path).map_err(|error| unopened(error, expected))?;
    ensure!(
        !file.metadata().context("cannot be read")?.is_dir(),
        "found a folder, expected {expected}"
    );
    Ok(file)
}

#[cfg(test)]
mod tests;
