//! The measurements of a truth, and the files that hold them.

use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, Result};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayView3};

use crate::args::Model;
use crate::failure::{Failure, usage};
use crate::output::files::OutputDir;
use crate::output::npz::{Member, write_npz};

/// By the name of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Npz,
    /// A table with this separator.
    Table(char),
    MatrixMarket,
}

impl Format {
    pub(super) fn of(path: &Path, model: Model) -> Result<Self, Failure> {
        let extension = path
            .extension()
            .map(|extension| extension.to_string_lossy().to_lowercase());
        match (extension.as_deref(), model) {
            (Some("npz"), _) => Ok(Format::Npz),
            (Some("csv"), Model::Completion) => Ok(Format::Table(',')),
            (Some("tsv"), Model::Completion) => Ok(Format::Table('\t')),
            (Some("mtx"), Model::Completion) => Ok(Format::MatrixMarket),
            _ => Err(usage(format!(
                "--out: found {}, expected a name that ends in {}",
                path.display(),
                if model == Model::Completion {
                    ".npz, .csv, .tsv or .mtx"
                } else {
                    ".npz"
                }
            ))),
        }
    }
}

/// Writes A, y and the truth.
pub(super) fn sensing(
    out: &OutputDir,
    name: &str,
    a: &[f64],
    truth: &Array2<f64>,
    disturb: impl FnOnce(&mut [f64]),
) -> Result<()> {
    let (d1, d2) = truth.dim();
    let flat = truth.as_slice().context("the truth is in C order")?;
    let mut y: Vec<f64> = a.chunks_exact(d1 * d2).map(|matrix| dot(matrix, flat)).collect();
    disturb(&mut y);
    let a = ArrayView3::from_shape((y.len(), d1, d2), a)?;
    archive(
        out,
        name,
        &[("A", a.into()), ("y", vector(&y)), ("truth", truth.view().into())],
    )
}

/// Writes a, b, y and the truth.
pub(super) fn bilinear(
    out: &OutputDir,
    name: &str,
    a: &[f64],
    b: &[f64],
    truth: &Array2<f64>,
    disturb: impl FnOnce(&mut [f64]),
) -> Result<()> {
    let (d1, d2) = truth.dim();
    let form = |(a, b): (&[f64], &[f64])| -> f64 {
        let rows = truth.rows().into_iter().zip(a);
        rows.map(|(row, a)| a * row.iter().zip(b).map(|(x, b)| x * b).sum::<f64>())
            .sum()
    };
    let mut y: Vec<f64> = a.chunks_exact(d1).zip(b.chunks_exact(d2)).map(form).collect();
    disturb(&mut y);
    let m = y.len();
    let (a, b) = (
        ArrayView2::from_shape((m, d1), a)?,
        ArrayView2::from_shape((m, d2), b)?,
    );
    let truth = ("truth", truth.view().into());
    archive(
        out,
        name,
        &[("a", a.into()), ("b", b.into()), ("y", vector(&y)), truth],
    )
}

/// Writes the entries at `places`, and where the format can hold it the truth.
pub(super) fn completion(
    out: &OutputDir,
    name: &str,
    format: Format,
    places: &[(usize, usize)],
    truth: &Array2<f64>,
    disturb: impl FnOnce(&mut [f64]),
) -> Result<()> {
    let mut y: Vec<f64> = places.iter().map(|place| truth[*place]).collect();
    disturb(&mut y);
    let entries = || places.iter().zip(&y).map(|((i, j), y)| (*i, *j, *y));
    match format {
        Format::Npz => completion_archive(out, name, places, &y, truth),
        Format::Table(separator) => out.write(name, |file| {
            writeln!(file, "row{separator}column{separator}value")?;
            entries().try_for_each(|(i, j, y)| Ok(writeln!(file, "{i}{separator}{j}{separator}{y}")?))
        }),
        Format::MatrixMarket => out.write(name, |file| {
            let (d1, d2) = truth.dim();
            writeln!(
                file,
                "%%MatrixMarket matrix coordinate real general\n{d1} {d2} {}",
                y.len()
            )?;
            entries().try_for_each(|(i, j, y)| Ok(writeln!(file, "{} {} {y}", i + 1, j + 1)?))
        }),
    }
}

fn completion_archive(
    out: &OutputDir,
    name: &str,
    places: &[(usize, usize)],
    y: &[f64],
    truth: &Array2<f64>,
) -> Result<()> {
    // Dimensions have 32 bits: the command line sees to it.
    let integers =
        |values: &mut dyn Iterator<Item = usize>| Member::Integers(values.map(|v| v as i64).collect());
    let (d1, d2) = truth.dim();
    let members = [
        ("rows", integers(&mut places.iter().map(|place| place.0))),
        ("cols", integers(&mut places.iter().map(|place| place.1))),
        ("y", vector(y)),
        ("shape", integers(&mut [d1, d2].into_iter())),
        ("truth", truth.view().into()),
    ];
    archive(out, name, &members)
}

fn archive(out: &OutputDir, name: &str, members: &[(&str, Member<'_>)]) -> Result<()> {
    out.write(name, |file| write_npz(file, members))
}

fn vector(values: &[f64]) -> Member<'_> {
    ArrayView1::from(values).into()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
