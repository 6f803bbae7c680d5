//! The members of an `.npz` archive by key, or the arrays in memory that stand for one, each checked as it is read.
//!
//! An `.npz` file is a zip archive whose member `A.npy` is the array of key `A`.
//!
//! Laws: a member is read only if its declared size is one its compressed bytes can hold; every array read is finite and
//! has no dimension 0; every error names its key.

use std::borrow::Cow;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use ndarray::{Array, Array2, ArrayBase, ArrayD, ArrayView, Data, Dimension, IntoDimension, IxDyn};
use zip::{CompressionMethod, ZipArchive, read::ZipFile};

use super::arrays::ByKey;
use super::numpy::{read_booleans, read_integers, read_numbers, shown_shape};
use super::source::Source;

/// Deflate never packs tighter than this: a member that claims more is false.
const BEST_RATIO: u64 = 1032;
/// What a member may exceed the ratio by: the ratio is that of long streams.
const SLACK: u64 = 1024;

/// An open `.npz` file, or arrays in memory.
pub(crate) struct Archive<'a>(Members<'a>);

enum Members<'a> {
    Zip(Zip),
    Arrays(&'a dyn ByKey),
}

struct Zip {
    archive: ZipArchive<BufReader<File>>,
    file_size: u64,
}

impl<'a> Archive<'a> {
    /// Opens `source`, which must have all of `required`; `optional` is for the message if it has not.
    pub(crate) fn open(source: Source<'a>, required: &[&str], optional: &[&str]) -> Result<Self> {
        let archive = Self(match source {
            Source::File(path) => Members::Zip(Zip::open(path, required)?),
            Source::Arrays(arrays) => Members::Arrays(arrays),
        });
        for key in required {
            ensure!(
                archive.has(key),
                "found {}, expected {}",
                archive.found(),
                expected(required, optional)
            );
        }
        Ok(archive)
    }

    /// Whether the archive has the key.
    pub(crate) fn has(&self, key: &str) -> bool {
        match &self.0 {
            Members::Zip(zip) => zip.archive.index_for_name(&member(key)).is_some(),
            Members::Arrays(arrays) => arrays.has(key),
        }
    }

    /// The real numbers of a key; `layout` names its dimensions, as `(m, d1, d2)`.
    pub(crate) fn numbers<D: Dimension>(&mut self, key: &str, layout: &str) -> Result<Array<f64, D>> {
        let array = self.with_gaps(key)?;
        checked(array, layout).with_context(|| format!("key {key:?}"))
    }

    /// The same in C order, and its shape; of arrays in memory that lie so without a copy.
    pub(crate) fn in_place<D: Dimension>(
        &mut self,
        key: &str,
        layout: &str,
    ) -> Result<(Cow<'a, [f64]>, D::Pattern)> {
        if let Members::Arrays(arrays) = self.0
            && let Some((shape, values)) = arrays.in_place(key)
        {
            let array = ArrayView::from_shape(shape, values)?;
            let array: ArrayView<'_, f64, D> =
                checked(array, layout).with_context(|| format!("key {key:?}"))?;
            return Ok((Cow::Borrowed(values), array.dim()));
        }
        let array: Array<f64, D> = self.numbers(key, layout)?;
        let shape = array.dim();
        // The readers give C order from the start of the allocation.
        Ok((Cow::Owned(array.into_raw_vec_and_offset().0), shape))
    }

    /// A matrix of `layout` that may have no column.
    pub(crate) fn factor(&mut self, key: &str, layout: &str) -> Result<Array2<f64>> {
        let array = self.with_gaps(key)?;
        match array.shape() {
            &[rows, 0] if rows > 0 => Ok(Array2::zeros((rows, 0))),
            _ => checked(array, layout).with_context(|| format!("key {key:?}")),
        }
    }

    /// The same for a key that may be absent, whose shape must be `shape`.
    pub(crate) fn optional<D: Dimension>(&mut self, key: &str, shape: D) -> Result<Option<Array<f64, D>>> {
        if !self.has(key) {
            return Ok(None);
        }
        let expected = shown_shape(shape.slice());
        let array: Array<f64, D> = self.numbers(key, &expected)?;
        let found = shown_shape(array.shape());
        ensure!(
            array.raw_dim() == shape,
            "key {key:?}: found shape {found}, expected {expected}"
        );
        Ok(Some(array))
    }

    /// The numbers of a key as they stand, NaN included, of any shape.
    pub(crate) fn with_gaps(&mut self, key: &str) -> Result<ArrayD<f64>> {
        match &mut self.0 {
            Members::Zip(zip) => zip.read(key, |entry, size| read_numbers(entry, size)),
            Members::Arrays(arrays) => arrays.numbers(key),
        }
        .with_context(|| named(key))
    }

    /// A vector of real numbers that must have `count` of them; `why` says what sets the count.
    pub(crate) fn vector(&mut self, key: &str, count: usize, why: &str) -> Result<Vec<f64>> {
        let values: Array<f64, ndarray::Ix1> = self.numbers(key, &format!("({count},)"))?;
        let found = values.len();
        ensure!(
            found == count,
            "key {key:?}: found {found} values, expected {count} ({why})"
        );
        Ok(values.into_raw_vec_and_offset().0)
    }

    /// The integers of a key.
    pub(crate) fn integers(&mut self, key: &str) -> Result<Vec<i64>> {
        match &mut self.0 {
            Members::Zip(zip) => zip.read(key, |entry, size| read_integers(entry, size)),
            Members::Arrays(arrays) => arrays.integers(key),
        }
        .with_context(|| named(key))
    }

    /// Truth values of a key that may be absent, in the given shape.
    pub(crate) fn mask(&mut self, key: &str, shape: (usize, usize)) -> Result<Option<Array2<bool>>> {
        if !self.has(key) {
            return Ok(None);
        }
        let (found, values) = match &mut self.0 {
            Members::Zip(zip) => zip.read(key, |entry, size| read_booleans(entry, size)),
            Members::Arrays(arrays) => arrays.booleans(key),
        }
        .with_context(|| named(key))?;
        ensure!(
            found == [shape.0, shape.1],
            "key {key:?}: found shape {}, expected {}",
            shown_shape(&found),
            shown_shape(&[shape.0, shape.1])
        );
        Ok(Some(Array2::from_shape_vec(shape, values)?))
    }

    /// The keys of the archive, for a message.
    pub(crate) fn found(&self) -> String {
        let names: Vec<_>;
        let mut keys: Vec<&str> = match &self.0 {
            Members::Zip(zip) => {
                names = zip.archive.file_names().flatten().collect();
                let keys = names.iter();
                keys.map(|name| name.strip_suffix(".npy").unwrap_or(name))
                    .collect()
            }
            Members::Arrays(arrays) => arrays.keys(),
        };
        keys.sort_unstable();
        if keys.is_empty() {
            "an archive without keys".to_owned()
        } else {
            format!("the keys {}", listed(&keys))
        }
    }
}

impl Zip {
    fn open(path: &Path, required: &[&str]) -> Result<Self> {
        super::check_file(path)?;
        let expected = match required {
            [] => "an .npz archive".to_owned(),
            _ => format!("an .npz archive with {}", listed(required)),
        };
        let npz = path.extension();
        ensure!(
            npz.is_some_and(|extension| extension.eq_ignore_ascii_case("npz")),
            "found a name that does not end in .npz, expected {expected}"
        );
        let file = super::open_file(path)?;
        let file_size = file.metadata().context("cannot be read")?.len();
        ensure!(file_size > 0, "found an empty file, expected {expected}");
        let archive = ZipArchive::new(BufReader::new(file))
            .map_err(|error| anyhow!("found no npz archive ({error}), expected {expected}"))?;
        Ok(Zip { archive, file_size })
    }

    /// Opens the member of a key, checks that its size can be true and hands it to `read`.
    fn read<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&mut ZipFile<BufReader<File>>, u64) -> Result<T>,
    ) -> Result<T> {
        let mut entry = self
            .archive
            .by_name(&member(key))
            .map_err(|e| anyhow!("cannot be read: {e}"))?;
        let ratio = if entry.compression() == CompressionMethod::Stored {
            1
        } else {
            BEST_RATIO
        };
        let packed = entry.compressed_size();
        let size = entry.size();
        ensure!(
            packed <= self.file_size && size <= packed.saturating_mul(ratio).saturating_add(SLACK),
            "found {packed} packed bytes said to hold {size}: the archive is damaged"
        );
        read(&mut entry, size)
    }
}

/// The key, as messages begin with it.
fn named(key: &str) -> String {
    format!("key {key:?}")
}

/// The member that holds a key.
fn member(key: &str) -> String {
    format!("{key}.npy")
}

/// Whether the array has the dimensions of `layout`, none of them 0, and only finite numbers.
fn checked<S: Data<Elem = f64>, D: Dimension>(
    array: ArrayBase<S, IxDyn>,
    layout: &str,
) -> Result<ArrayBase<S, D>> {
    let shape = array.shape().to_vec();
    let array = array
        .into_dimensionality::<D>()
        .map_err(|_| anyhow!("found shape {}, expected {layout}", shown_shape(&shape)))?;
    ensure!(
        !shape.contains(&0),
        "found shape {}, expected no dimension 0",
        shown_shape(&shape)
    );
    // Without an early exit this runs at the speed of memory; only a bad array is searched.
    if !array.iter().fold(true, |all, v| all & v.is_finite()) {
        let bad = array.indexed_iter().find(|(_, v)| !v.is_finite());
        let (index, value) = bad.map_or((IxDyn(&[]), f64::NAN), |(index, v)| {
            (index.into_dimension().into_dyn(), *v)
        });
        return Err(anyhow!(
            "found {value} at index {}, expected finite numbers",
            shown_shape(index.slice())
        ));
    }
    Ok(array)
}

fn expected(required: &[&str], optional: &[&str]) -> String {
    match optional {
        [] => listed(required),
        _ => format!("{} and optionally {}", listed(required), listed(optional)),
    }
}

/// At most twelve names, quoted.
fn listed(keys: &[&str]) -> String {
    const SHOWN: usize = 12;
    let names: Vec<_> = keys
        .iter()
        .take(SHOWN)
        .map(|key| super::text::shown(key.as_bytes()))
        .collect();
    format!(
        "{}{}",
        names.join(", "),
        if keys.len() > SHOWN { ", …" } else { "" }
    )
}

/// Archives of any members, for the tests of everything that reads them.
#[cfg(test)]
pub(crate) mod craft {
    use std::io::{Cursor, Write};
    use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

    /// A stored or a deflated `.npz` archive; each member is given by its key.
    pub(crate) fn npz(compressed: bool, members: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let method = if compressed {
            CompressionMethod::Deflated
        } else {
            CompressionMethod::Stored
        };
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (key, bytes) in members {
            zip.start_file(
                format!("{key}.npy"),
                SimpleFileOptions::default().compression_method(method),
            )
            .unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }
}
