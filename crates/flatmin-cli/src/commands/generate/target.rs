//! Where an instance goes: the folder, the name, the format.

use std::path::Path;

use anyhow::{Result, anyhow};
use faer::Mat;
use ndarray::Array2;

use crate::args::Model;
use crate::failure::{Failure, OrInput as _, usage};
use crate::output::files::OutputDir;
use crate::output::npz::{Member, write_npz};

/// One file to be.
pub(super) struct Target {
    pub(super) out: OutputDir,
    pub(super) name: String,
    pub(super) format: Format,
}

impl Target {
    /// Knows from here on that its folder can be written.
    pub(super) fn new(option: &str, path: &Path, model: Model) -> Result<Self, Failure> {
        let format = Format::of(option, path, model)?;
        let (out, name) = place(option, path)?;
        Ok(Target { out, name, format })
    }

    /// Whether the two are one file.
    pub(super) fn is(&self, other: &Self) -> bool {
        let folder = |target: &Self| target.out.path().canonicalize().ok();
        self.name == other.name && folder(self) == folder(other)
    }

    /// Writes an archive of these arrays.
    pub(super) fn archive(&self, members: &[(&str, Member<'_>)]) -> Result<()> {
        self.out.write(&self.name, |file| write_npz(file, members))
    }
}

/// By the name of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Npz,
    /// A table with this separator.
    Table(char),
    MatrixMarket,
}

impl Format {
    fn of(option: &str, path: &Path, model: Model) -> Result<Self, Failure> {
        let extension = path
            .extension()
            .map(|extension| extension.to_string_lossy().to_lowercase());
        match (extension.as_deref(), model) {
            (Some("npz"), _) => Ok(Format::Npz),
            (Some("csv"), Model::Completion) => Ok(Format::Table(',')),
            (Some("tsv"), Model::Completion) => Ok(Format::Table('\t')),
            (Some("mtx"), Model::Completion) => Ok(Format::MatrixMarket),
            _ => Err(usage(format!(
                "{option}: found {}, expected a name that ends in {}",
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

/// The folder of the file, and its name there.
fn place(option: &str, path: &Path) -> Result<(OutputDir, String), Failure> {
    let shown = path.display();
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name
        .ok_or_else(|| anyhow!("{option}: found {shown}, expected the name of a file"))
        .or_input()?;
    if path.is_dir() {
        return Err(usage(format!(
            "{option}: {shown}: found a folder, expected the name of a file"
        )));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let out = OutputDir::create(folder.unwrap_or(Path::new("."))).or_input()?;
    Ok((out, name.to_owned()))
}

/// The same matrix in C order.
pub(super) fn array(matrix: &Mat<f64>) -> Array2<f64> {
    Array2::from_shape_fn(matrix.shape(), |(i, j)| matrix[(i, j)])
}
