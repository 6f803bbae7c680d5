//! Arrays as numpy reads them back: `numpy.load("factors.npz")["L"]`.
//!
//! Law: the same arrays give the same bytes; the archive carries no time and no name but the keys.

use std::io::{self, Seek, SeekFrom, Write};

use anyhow::Result;
use ndarray::{Array, ArrayView, CowArray, Dimension, IxDyn};
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

/// Numbers encoded at a time.
const CHUNK: usize = 1 << 13;
/// Where the archive's numbers of 32 bits for sizes end, less the room of the header.
const SMALL: usize = (u32::MAX as usize) - (1 << 16);

/// An array of an archive.
#[derive(Clone, Debug)]
pub(crate) enum Member<'a> {
    Reals(CowArray<'a, f64, IxDyn>),
    Integers(Vec<i64>),
}

impl<'a, D: Dimension> From<ArrayView<'a, f64, D>> for Member<'a> {
    fn from(array: ArrayView<'a, f64, D>) -> Self {
        Member::Reals(array.into_dyn().into())
    }
}

impl<D: Dimension> From<Array<f64, D>> for Member<'_> {
    fn from(array: Array<f64, D>) -> Self {
        Member::Reals(array.into_dyn().into())
    }
}

/// Writes an uncompressed archive with one array a key.
pub(crate) fn write_npz<'a, M: Clone + Into<Member<'a>>>(
    writer: impl Write + Seek,
    members: &[(impl AsRef<str>, M)],
) -> Result<()> {
    let mut patient = Patient::new(writer);
    let mut zip = ZipWriter::new(&mut patient);
    for (key, member) in members {
        let member: Member<'_> = member.clone().into();
        zip.start_file(format!("{}.npy", key.as_ref()), options(8 * member.len()))?;
        member.write(&mut zip)?;
    }
    zip.finish()?.flush()?;
    patient.result()
}

/// Takes everything, and tells at the end what the first error was. Archives are not to meet it themselves: one that is dropped
/// unfinished says so on standard error.
struct Patient<W> {
    inner: W,
    failed: Option<io::Error>,
    /// Where the next byte would be, and the last one is.
    position: u64,
    end: u64,
}

impl<W: Write + Seek> Patient<W> {
    fn new(inner: W) -> Self {
        Patient {
            inner,
            failed: None,
            position: 0,
            end: 0,
        }
    }

    /// Does it, unless something has failed before.
    fn attempt(&mut self, act: impl FnOnce(&mut W) -> io::Result<()>) {
        if self.failed.is_none() {
            self.failed = act(&mut self.inner).err();
        }
    }

    fn result(self) -> Result<()> {
        self.failed.map_or(Ok(()), |error| Err(error.into()))
    }
}

impl<W: Write + Seek> Write for Patient<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.attempt(|inner| inner.write_all(bytes));
        self.position += bytes.len() as u64;
        self.end = self.end.max(self.position);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt(Write::flush);
        Ok(())
    }
}

impl<W: Write + Seek> Seek for Patient<W> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (from, by) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::Current(by) => (self.position, by),
            SeekFrom::End(by) => (self.end, by),
        };
        self.position = from
            .checked_add_signed(by)
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let at = self.position;
        self.attempt(|inner| inner.seek(SeekFrom::Start(at)).map(drop));
        Ok(at)
    }
}

/// Writes one array as a `.npy` file.
pub(crate) fn write_npy(mut writer: impl Write, array: &Member<'_>) -> Result<()> {
    array.write(&mut writer)
}

impl Member<'_> {
    fn len(&self) -> usize {
        match self {
            Member::Reals(array) => array.len(),
            Member::Integers(values) => values.len(),
        }
    }

    fn write(&self, writer: &mut impl Write) -> Result<()> {
        match self {
            Member::Reals(array) => {
                write_header(writer, "<f8", array.shape())?;
                write_words(writer, array.iter().map(|value| value.to_le_bytes()))
            }
            Member::Integers(values) => {
                write_header(writer, "<i8", &[values.len()])?;
                write_words(writer, values.iter().map(|value| value.to_le_bytes()))
            }
        }
    }
}

fn options(bytes: usize) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644)
        .large_file(bytes > SMALL)
}

/// The head of an array in numpy's format, version 1, C order.
fn write_header(writer: &mut impl Write, dtype: &str, shape: &[usize]) -> Result<()> {
    let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let sizes = if shape.len() > 1 {
        sizes.trim_end_matches(", ")
    } else {
        sizes.trim_end()
    };
    let dict = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({sizes}), }}");
    // Ten bytes before it and a line end after it: the numbers begin at a multiple of 64, as numpy has it.
    let length = (10 + dict.len() + 1).next_multiple_of(64) - 10;
    writer.write_all(b"\x93NUMPY\x01\x00")?;
    writer.write_all(&u16::try_from(length)?.to_le_bytes())?;
    Ok(writer.write_all(format!("{dict:width$}\n", width = length - 1).as_bytes())?)
}

/// The numbers, a chunk at a time.
fn write_words(writer: &mut impl Write, words: impl Iterator<Item = [u8; 8]>) -> Result<()> {
    let mut bytes = Vec::with_capacity(8 * CHUNK);
    for word in words {
        bytes.extend(word);
        if bytes.len() == 8 * CHUNK {
            writer.write_all(&bytes)?;
            bytes.clear();
        }
    }
    Ok(writer.write_all(&bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input;
    use ndarray::{Array2, ArrayView2, arr2};
    use std::io::Cursor;

    fn bytes(matrices: &[(&str, ArrayView2<f64>)]) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        write_npz(&mut out, matrices).unwrap();
        out.into_inner()
    }

    #[test]
    fn what_is_written_is_read_back_bit_for_bit() {
        let left = Array2::from_shape_fn((200, 101), |(i, j)| (i as f64 - 3.1) / (j as f64 + 0.7));
        let right = arr2(&[[-0., f64::MIN_POSITIVE / 3.], [f64::MAX, 0.1]]);
        let wide = Array2::from_shape_fn((101, 3), |(i, j)| (i * j) as f64);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("factors.npz");
        std::fs::write(
            &path,
            bytes(&[("L", left.view()), ("R", wide.t().reversed_axes())]),
        )
        .unwrap();
        assert!(
            input::read_factors(&path)
                .unwrap_err()
                .to_string()
                .contains("found 3 columns, expected 101")
        );
        std::fs::write(&path, bytes(&[("L", right.t()), ("R", right.view())])).unwrap();
        let (read_left, read_right) = input::read_factors(&path).unwrap();
        let bits = |a: &Array2<f64>| a.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(
            bits(&read_left),
            bits(&right.t().as_standard_layout().into_owned())
        );
        assert_eq!(bits(&read_right), bits(&right));
    }

    #[test]
    fn instances_have_arrays_of_any_dimension_and_integers() {
        let cube = ndarray::Array3::from_shape_fn((2, 3, 4), |(i, j, k)| (i + 10 * j + 100 * k) as f64);
        let y = ndarray::arr1(&[1., 2.]);
        let mut out = Cursor::new(Vec::new());
        let shape = Member::Integers(vec![3, 4]);
        write_npz(
            &mut out,
            &[
                ("A", cube.view().into()),
                ("y", y.view().into()),
                ("shape", shape),
            ],
        )
        .unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.npz");
        std::fs::write(&path, out.into_inner()).unwrap();
        let read = input::read_sensing(&path).unwrap();
        assert_eq!(
            (read.a.as_ref(), read.shape, read.y),
            (cube.as_slice().unwrap(), (cube.dim().1, cube.dim().2), y.to_vec())
        );
    }

    #[test]
    fn chunks_join_without_a_seam() {
        let matrix = Array2::from_shape_fn((CHUNK + 1, 2), |(i, j)| (2 * i + j) as f64);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("factors.npz");
        std::fs::write(&path, bytes(&[("L", matrix.view()), ("R", matrix.view())])).unwrap();
        assert_eq!(input::read_factors(&path).unwrap().0, matrix);
    }

    /// A disk of so many bytes.
    struct Full(usize);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let written = bytes.len().min(self.0);
            self.0 -= written;
            Ok(written)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Seek for Full {
        fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
            Ok(0)
        }
    }

    #[test]
    fn a_full_disk_is_told_once() {
        let matrix = Array2::<f64>::zeros((20, 20));
        let members = [("L", matrix.view()), ("R", matrix.view())];
        let whole = bytes(&members).len();
        for room in [0, 10, 100, whole / 2, whole - 1] {
            assert!(write_npz(Full(room), &members).is_err(), "{room}");
        }
    }

    #[test]
    fn the_same_matrices_give_the_same_bytes() {
        let matrix = arr2(&[[1., 2.]]);
        let first = bytes(&[("L", matrix.view())]);
        std::thread::sleep(std::time::Duration::from_millis(5));
        assert_eq!(first, bytes(&[("L", matrix.view())]));
        // The zip epoch, 1 January 1980, where a clock would have written today.
        assert_eq!(first[10..14], [0, 0, 0x21, 0]);
    }
}
