//! Every reader by a name of a file that it reads: for what feeds them all with damaged files.

use std::path::Path;

use anyhow::{Context as _, Result};

/// Reads a file, and forgets it.
pub(crate) type Reader = fn(&Path) -> Result<()>;

/// The name of a file of each kind, and who reads it.
pub(crate) const READERS: &[(&str, Reader)] = &[
    ("entries.csv", completion),
    ("entries.tsv", completion),
    ("entries.dat", completion),
    ("entries.csv.gz", completion),
    ("entries.mtx", completion),
    ("entries.npy", completion),
    ("entries.npz", completion),
    ("gaps.npz", completion),
    #[cfg(feature = "parquet")]
    ("entries.parquet", completion),
    ("entries.mtx.gz", completion),
    ("places.csv", places),
    ("places.tsv", places),
    ("matrix.csv", robust),
    ("matrix.tsv.gz", robust),
    ("matrix.mtx", robust),
    ("matrix.npy", robust),
    ("matrix.npz", robust),
    ("frame.png", film),
    ("frame.pgm", film),
    ("frame.jpg", film),
    ("sensing.npz", |path| super::read_sensing(path).map(drop)),
    ("bilinear.npz", |path| super::read_bilinear(path).map(drop)),
    ("symmetric.npz", |path| super::read_symmetric(path).map(drop)),
    ("sparse.npz", |path| super::read_sparse(path).map(drop)),
    ("vectors.npz", |path| super::read_vectors(path).map(drop)),
    ("layers.npz", |path| super::read_layers(path).map(drop)),
    ("factors.npz", factors),
];

fn completion(path: &Path) -> Result<()> {
    super::read_completion(path).map(drop)
}

fn places(path: &Path) -> Result<()> {
    super::read_places(path).map(drop)
}

fn robust(path: &Path) -> Result<()> {
    super::read_robust(path).map(drop)
}

/// The folder of a frame.
fn film(path: &Path) -> Result<()> {
    robust(path.parent().context("no folder")?)
}

/// As a solution, as one of symmetric matrices, and as a model of completion.
fn factors(path: &Path) -> Result<()> {
    super::read_factors(path)
        .map(drop)
        .or_else(|_| super::read_signed_factors(path).map(drop))
        .or_else(|_| super::read_model(path.parent().context("no folder")?).map(drop))
}
