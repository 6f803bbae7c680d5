//! Every reader by a name of a file that it reads: for what feeds them all with damaged files.

use std::path::Path;

use anyhow::{Context as _, Result};

/// Reads a file, and forgets it.
pub(crate) type Reader = fn(&Path) -> Result<()>;

/// The name of a file of each kind, and who reads it.
pub(crate) const READERS: &[(&str, Reader)] = &[
    ("entries.csv", |path| super::read_completion(path).map(drop)),
    ("entries.tsv", |path| super::read_completion(path).map(drop)),
    ("entries.dat", |path| super::read_completion(path).map(drop)),
    ("entries.csv.gz", |path| super::read_completion(path).map(drop)),
    ("entries.mtx", |path| super::read_completion(path).map(drop)),
    ("entries.npy", |path| super::read_completion(path).map(drop)),
    ("entries.npz", |path| super::read_completion(path).map(drop)),
    ("gaps.npz", |path| super::read_completion(path).map(drop)),
    #[cfg(feature = "parquet")]
    ("entries.parquet", |path| super::read_completion(path).map(drop)),
    ("entries.mtx.gz", |path| super::read_completion(path).map(drop)),
    ("places.csv", |path| super::read_places(path).map(drop)),
    ("places.tsv", |path| super::read_places(path).map(drop)),
    ("matrix.csv", |path| super::read_robust(path).map(drop)),
    ("matrix.tsv.gz", |path| super::read_robust(path).map(drop)),
    ("matrix.mtx", |path| super::read_robust(path).map(drop)),
    ("matrix.npy", |path| super::read_robust(path).map(drop)),
    ("matrix.npz", |path| super::read_robust(path).map(drop)),
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

/// The folder of a frame.
fn film(path: &Path) -> Result<()> {
    super::read_robust(path.parent().context("no folder")?).map(drop)
}

/// As a solution, as one of symmetric matrices, and as a model of completion.
fn factors(path: &Path) -> Result<()> {
    super::read_factors(path)
        .map(drop)
        .or_else(|_| super::read_signed_factors(path).map(drop))
        .or_else(|_| super::read_model(path.parent().context("no folder")?).map(drop))
}
