//! numpy's array format: the content of a `.npy` file and of each member of an `.npz` archive.
//!
//! Layout: `\x93NUMPY`, version (2 bytes), header length (u16, from version 2 on u32; little-endian), the header, a Python dict
//! literal with the keys `descr`, `fortran_order` and `shape`, then the numbers.
//!
//! Laws: the header is believed only when it promises exactly the bytes that follow it, so nothing is allocated on its word
//! alone; every array comes out in C order; real numbers of any width come out as f64.

use std::io::{ErrorKind, Read};

use anyhow::{Context, Result, anyhow, bail, ensure};
use ndarray::{ArrayD, IxDyn, ShapeBuilder};

use super::text::shown;
use crate::memory::Free;

/// Bytes before the header of version 1: magic, version, length.
const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Bytes of the magic and the version.
const START: u64 = 8;
const CUT_SHORT: &str = "the array is cut short";
/// numpy itself refuses headers above 10 kB; the rest is slack for structured types, which are refused by name.
const MAX_HEADER: usize = 1 << 20;
/// Dimensions that numpy's arrays have at most.
const MAX_DIMENSIONS: usize = 64;
/// Numbers converted at a time: the bytes stay in the cache between the read and the conversion.
const CHUNK: usize = 1 << 13;

/// Reads an array of real numbers from the `size` bytes of `reader`.
pub(crate) fn read_numbers(mut reader: impl Read, size: u64) -> Result<ArrayD<f64>> {
    let header = Header::read(&mut reader, size)?;
    let data = header.floats(&mut reader)?;
    expect_end(&mut reader)?;
    let array = ArrayD::from_shape_vec(IxDyn(&header.shape).set_f(header.fortran), data)
        .map_err(|_| anyhow!("found shape {}, too large to hold", shown_shape(&header.shape)))?;
    // Taken as it is in the usual case: into_owned() on a standard layout would copy.
    Ok(if array.is_standard_layout() {
        array
    } else {
        array.as_standard_layout().into_owned()
    })
}

/// Reads a one-dimensional array of integers from the `size` bytes of `reader`; u64 above i64::MAX come out as i64::MAX.
pub(crate) fn read_integers(mut reader: impl Read, size: u64) -> Result<Vec<i64>> {
    let header = Header::read(&mut reader, size)?;
    ensure!(
        header.shape.len() == 1,
        "found shape {}, expected one dimension",
        shown_shape(&header.shape)
    );
    let data = header.integers(&mut reader)?;
    expect_end(&mut reader)?;
    Ok(data)
}

/// Reads truth values, booleans or integers 0 and 1, of any shape: the shape, and the values in C order.
pub(crate) fn read_booleans(mut reader: impl Read, size: u64) -> Result<(Vec<usize>, Vec<bool>)> {
    let header = Header::read_as(&mut reader, size, Dtype::parse_boolean)?;
    let data = header.integers(&mut reader)?;
    expect_end(&mut reader)?;
    if let Some((i, value)) = data.iter().enumerate().find(|(_, value)| !matches!(value, 0 | 1)) {
        bail!("found {value} as number {i}, expected truth values (booleans, or 0 and 1)");
    }
    let array = ArrayD::from_shape_vec(IxDyn(&header.shape).set_f(header.fortran), data)
        .map_err(|_| anyhow!("found shape {}, too large to hold", shown_shape(&header.shape)))?;
    Ok((header.shape, array.iter().map(|value| *value == 1).collect()))
}

/// A shape as numpy prints it.
pub(crate) fn shown_shape(shape: &[usize]) -> String {
    match shape {
        [n] => format!("({n},)"),
        _ => format!(
            "({})",
            shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// A number for a message: with an exponent where it has very many digits without.
pub(crate) fn shown_number(value: f64) -> String {
    let plain = value.to_string();
    if plain.len() <= 24 {
        plain
    } else {
        format!("{value:e}")
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Float,
    Signed,
    Unsigned,
}

/// The type of one number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Dtype {
    kind: Kind,
    width: usize,
    big_endian: bool,
}

impl Dtype {
    /// Parses `<f8` and the like.
    fn parse(descr: &str) -> Result<Self> {
        let (order, code) = match descr.chars().next() {
            Some(c @ ('<' | '>' | '|' | '=')) => (c, &descr[1..]),
            _ => ('=', descr),
        };
        let (kind, width) = match code {
            "f4" => (Kind::Float, 4),
            "f8" => (Kind::Float, 8),
            "i1" => (Kind::Signed, 1),
            "i2" => (Kind::Signed, 2),
            "i4" => (Kind::Signed, 4),
            "i8" => (Kind::Signed, 8),
            "u1" => (Kind::Unsigned, 1),
            "u2" => (Kind::Unsigned, 2),
            "u4" => (Kind::Unsigned, 4),
            "u8" => (Kind::Unsigned, 8),
            _ => bail!(
                "found dtype {}{}, expected real numbers (f8, f4 or integers)",
                shown(descr.as_bytes()),
                meaning(code)
            ),
        };
        let big_endian = order == '>' || (order == '=' && cfg!(target_endian = "big"));
        Ok(Self {
            kind,
            width,
            big_endian,
        })
    }
}

impl Dtype {
    /// The same for `|b1`, whose values are stored as 0 and 1.
    fn parse_boolean(descr: &str) -> Result<Self> {
        let boolean = matches!(descr, "|b1" | "b1" | "?" | "<b1" | "=b1" | ">b1");
        Self::parse(if boolean { "|u1" } else { descr })
    }
}

/// What an unsupported type code holds, in words.
fn meaning(code: &str) -> &'static str {
    match code.chars().next() {
        Some('c') => " (complex numbers)",
        Some('O') => " (Python objects)",
        Some('U' | 'S' | 'T') => " (strings)",
        Some('b') => " (booleans)",
        Some('M' | 'm') => " (times)",
        Some('f') => " (floats of another width)",
        _ => "",
    }
}

/// The header, checked against the bytes that are there.
#[derive(Debug)]
struct Header {
    dtype: Dtype,
    fortran: bool,
    shape: Vec<usize>,
    /// Product of the shape.
    count: usize,
}

impl Header {
    /// Reads the header of an array of numbers that takes up `size` bytes with it.
    fn read(reader: &mut impl Read, size: u64) -> Result<Self> {
        Self::read_as(reader, size, Dtype::parse)
    }

    /// The same for types that `dtype` knows.
    fn read_as(reader: &mut impl Read, size: u64, dtype: fn(&str) -> Result<Dtype>) -> Result<Self> {
        let (text, consumed) = header_text(reader)?;
        let header = Self::parse(&text, dtype)?;
        let promised = (header.count as u64).checked_mul(header.dtype.width as u64);
        let present = size.saturating_sub(consumed);
        ensure!(
            promised == Some(present),
            "found {present} bytes of numbers, expected {} numbers of {} bytes as the header's shape {} says",
            header.count,
            header.dtype.width,
            shown_shape(&header.shape)
        );
        Ok(header)
    }

    fn parse(text: &str, dtype: fn(&str) -> Result<Dtype>) -> Result<Self> {
        let descr = value_of(text, "descr")?;
        let quoted = descr.strip_prefix('\'').and_then(|rest| rest.split_once('\''));
        let (descr, _) =
            quoted.context("found a structured dtype, expected real numbers (f8, f4 or integers)")?;
        let fortran = value_of(text, "fortran_order")?.starts_with("True");
        let shape = parse_shape(value_of(text, "shape")?)?;
        ensure!(
            shape.len() <= MAX_DIMENSIONS,
            "found an array of {} dimensions, expected at most {MAX_DIMENSIONS}",
            shape.len()
        );
        let count = if shape.contains(&0) {
            Some(0)
        } else {
            shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d))
        };
        let count =
            count.with_context(|| format!("found shape {}, too large to hold", shown_shape(&shape)))?;
        Ok(Self {
            dtype: dtype(descr)?,
            fortran,
            shape,
            count,
        })
    }

    /// The numbers in file order, as f64.
    fn floats(&self, reader: &mut impl Read) -> Result<Vec<f64>> {
        if self.dtype.kind != Kind::Float {
            return Ok(self.integers(reader)?.into_iter().map(|v| v as f64).collect());
        }
        let big = self.dtype.big_endian;
        if self.dtype.width == 4 {
            decode(reader, self.count, |b| {
                f64::from(if big {
                    f32::from_be_bytes(b)
                } else {
                    f32::from_le_bytes(b)
                })
            })
        } else {
            decode(reader, self.count, |b| {
                if big {
                    f64::from_be_bytes(b)
                } else {
                    f64::from_le_bytes(b)
                }
            })
        }
    }

    /// The numbers in file order, as i64.
    fn integers(&self, reader: &mut impl Read) -> Result<Vec<i64>> {
        let (n, big) = (self.count, self.dtype.big_endian);
        match (self.dtype.kind, self.dtype.width) {
            (Kind::Signed, 1) => decode(reader, n, |b| i64::from(i8::from_le_bytes(b))),
            (Kind::Signed, 2) => decode(reader, n, |b| i64::from(i16::from_le_bytes(ordered(b, big)))),
            (Kind::Signed, 4) => decode(reader, n, |b| i64::from(i32::from_le_bytes(ordered(b, big)))),
            (Kind::Signed, _) => decode(reader, n, |b| i64::from_le_bytes(ordered(b, big))),
            (Kind::Unsigned, 1) => decode(reader, n, |b| i64::from(u8::from_le_bytes(b))),
            (Kind::Unsigned, 2) => decode(reader, n, |b| i64::from(u16::from_le_bytes(ordered(b, big)))),
            (Kind::Unsigned, 4) => decode(reader, n, |b| i64::from(u32::from_le_bytes(ordered(b, big)))),
            (Kind::Unsigned, _) => decode(reader, n, |b| {
                i64::try_from(u64::from_le_bytes(ordered(b, big))).unwrap_or(i64::MAX)
            }),
            (Kind::Float, width) => bail!("found dtype f{width}, expected integers"),
        }
    }
}

/// The bytes of a number in little-endian order.
fn ordered<const N: usize>(mut bytes: [u8; N], big_endian: bool) -> [u8; N] {
    if big_endian {
        bytes.reverse();
    }
    bytes
}

/// The dict literal of the header, and how many bytes were read up to its end.
fn header_text(reader: &mut impl Read) -> Result<(String, u64)> {
    let mut start = Vec::new();
    let read = reader.by_ref().take(START).read_to_end(&mut start);
    read.context("cannot be read")?;
    ensure!(
        start.starts_with(MAGIC),
        "found no numpy array (it does not begin with \\x93NUMPY)"
    );
    ensure!(start.len() as u64 == START, CUT_SHORT);
    let (length, prefix) = match start[6] {
        1 => {
            let mut length = [0; 2];
            fill(reader, &mut length)?;
            (usize::from(u16::from_le_bytes(length)), 10)
        }
        2 | 3 => {
            let mut length = [0; 4];
            fill(reader, &mut length)?;
            (usize::try_from(u32::from_le_bytes(length))?, 12)
        }
        version => bail!("found version {version} of numpy's array format, expected 1, 2 or 3"),
    };
    ensure!(
        length <= MAX_HEADER,
        "found a numpy header of {length} bytes, expected at most {MAX_HEADER}"
    );
    let mut text = vec![0; length];
    fill(reader, &mut text)?;
    Ok((
        String::from_utf8_lossy(&text).into_owned(),
        (prefix + length) as u64,
    ))
}

/// What follows `'key':` in the header.
fn value_of<'a>(text: &'a str, key: &str) -> Result<&'a str> {
    let after = text
        .split_once(&format!("'{key}'"))
        .map(|(_, rest)| rest.trim_start());
    let value = after.and_then(|rest| rest.strip_prefix(':')).map(str::trim_start);
    value.with_context(|| format!("found a numpy header without '{key}'"))
}

/// Parses `(3, 4)`, `(3,)` or `()`; Python 2 wrote `(3L,)`.
fn parse_shape(text: &str) -> Result<Vec<usize>> {
    let inner = text
        .strip_prefix('(')
        .and_then(|rest| rest.split_once(')'))
        .map(|(inner, _)| inner);
    let inner = inner.context("found a numpy header whose 'shape' is not a tuple")?;
    let parts = inner.split(',').map(str::trim).filter(|part| !part.is_empty());
    let dims = parts.map(|part| part.trim_end_matches('L').parse::<usize>());
    dims.collect::<Result<_, _>>().map_err(|_| {
        let shown: String = inner.chars().take(80).flat_map(char::escape_debug).collect();
        anyhow!("found shape ({shown}) in the numpy header, expected non-negative integers")
    })
}

/// `count` numbers of N bytes.
fn decode<const N: usize, T>(
    reader: &mut impl Read,
    count: usize,
    convert: impl Fn([u8; N]) -> T,
) -> Result<Vec<T>> {
    let bytes = count as u64 * size_of::<T>() as u64;
    Free::now().holds(bytes, || format!("{count} numbers"))?;
    let mut out = Vec::new();
    out.try_reserve_exact(count)
        .with_context(|| format!("not enough memory for {count} numbers"))?;
    let mut buffer = vec![0; N * CHUNK.min(count)];
    while out.len() < count {
        let bytes = &mut buffer[..N * CHUNK.min(count - out.len())];
        fill(reader, bytes)?;
        out.extend(bytes.as_chunks::<N>().0.iter().map(|&number| convert(number)));
    }
    Ok(out)
}

/// Fills `buffer`, or says that the array is cut short.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> Result<()> {
    reader.read_exact(buffer).map_err(|e| match e.kind() {
        ErrorKind::UnexpectedEof => anyhow!(CUT_SHORT),
        _ => anyhow!("cannot be read: {e}"),
    })
}

/// Reads past the end: archives check their checksum only there.
fn expect_end(reader: &mut impl Read) -> Result<()> {
    let extra = reader
        .read(&mut [0])
        .map_err(|e| anyhow!("cannot be read: {e}"))?;
    ensure!(extra == 0, "found more bytes than the archive's directory says");
    Ok(())
}

#[cfg(test)]
pub(crate) mod craft;
#[cfg(test)]
mod tests;
