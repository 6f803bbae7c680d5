//! Matrices as numpy reads them back: `numpy.load("factors.npz")["L"]`.
//!
//! Law: the same matrices give the same bytes; the archive carries no time and no name but the keys.

use std::io::{Seek, Write};

use anyhow::Result;
use ndarray::ArrayView2;
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

/// Numbers encoded at a time.
const CHUNK: usize = 1 << 13;
/// Where the archive's numbers of 32 bits for sizes end, less the room of the header.
const SMALL: usize = (u32::MAX as usize) - (1 << 16);

/// Writes an uncompressed archive with one f64 matrix a key.
pub(crate) fn write_npz(writer: impl Write + Seek, matrices: &[(&str, ArrayView2<f64>)]) -> Result<()> {
    let mut zip = ZipWriter::new(writer);
    for (key, matrix) in matrices {
        zip.start_file(format!("{key}.npy"), options(8 * matrix.len()))?;
        write_npy(&mut zip, matrix)?;
    }
    zip.finish()?.flush()?;
    Ok(())
}

fn options(bytes: usize) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644)
        .large_file(bytes > SMALL)
}

/// Writes a matrix in numpy's format, version 1, C order, little-endian.
pub(crate) fn write_npy(writer: &mut impl Write, matrix: &ArrayView2<f64>) -> Result<()> {
    let (rows, cols) = matrix.dim();
    let dict = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({rows}, {cols}), }}");
    // Ten bytes before it and a line end after it: the numbers begin at a multiple of 64, as numpy has it.
    let length = (10 + dict.len() + 1).next_multiple_of(64) - 10;
    writer.write_all(b"\x93NUMPY\x01\x00")?;
    writer.write_all(&u16::try_from(length)?.to_le_bytes())?;
    writer.write_all(format!("{dict:width$}\n", width = length - 1).as_bytes())?;
    let mut bytes = Vec::with_capacity(8 * CHUNK.min(matrix.len()));
    for (i, value) in matrix.iter().enumerate() {
        bytes.extend(value.to_le_bytes());
        if (i + 1) % CHUNK == 0 {
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
    use ndarray::{Array2, arr2};
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
    fn chunks_join_without_a_seam() {
        let matrix = Array2::from_shape_fn((CHUNK + 1, 2), |(i, j)| (2 * i + j) as f64);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("factors.npz");
        std::fs::write(&path, bytes(&[("L", matrix.view()), ("R", matrix.view())])).unwrap();
        assert_eq!(input::read_factors(&path).unwrap().0, matrix);
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
