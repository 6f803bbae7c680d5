//! Completion from a Matrix Market file in coordinate format.
//!
//! ```text
//! %%MatrixMarket matrix coordinate real general
//! % comments
//! d1 d2 n
//! i j value          (n of these; 1-based; no value where the field is `pattern`, which counts as 1)
//! ```
//!
//! `symmetric` and `skew-symmetric` files hold one triangle; the other one is filled in.

use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use memchr::memchr;

use super::blocks::{Block, Blocks};
use super::entries::{Entries, LineMap, Places};
use super::number::number;
use super::text::shown;
use crate::memory::Free;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Symmetry {
    General,
    Symmetric,
    Skew,
}

/// What the first line says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Banner {
    pattern: bool,
    symmetry: Symmetry,
}

/// What the size line says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Size {
    shape: (u32, u32),
    entries: u64,
}

pub(crate) fn read_completion(path: &Path) -> Result<Entries> {
    let mut blocks = Blocks::of_lines(path)?;
    let (number, line) =
        first_line(&mut blocks, None)?.context("found an empty file, expected a Matrix Market matrix")?;
    let banner = Banner::parse(&line).with_context(|| format!("line {number}"))?;
    let (number, line) = first_line(&mut blocks, Some(number))?
        .context("found no size line, expected \"rows columns entries\"")?;
    let size = Size::parse(&line, banner.symmetry).with_context(|| format!("line {number}"))?;
    read_entries(&mut blocks, banner, size, number)
}

/// The first line that is not blank and where there is a banner above, no comment.
fn first_line(blocks: &mut Blocks, banner: Option<u64>) -> Result<Option<(u64, Vec<u8>)>> {
    while let Some(block) = blocks.peek()? {
        let mut lines = lines(block, banner);
        if let Some((number, line)) = lines.next() {
            return Ok(Some((number, line.to_vec())));
        }
        drop(lines);
        blocks.next()?;
    }
    Ok(None)
}

/// The lines below the banner that are not blank, with their numbers; without a banner all lines that are not blank.
fn lines(block: &Block, banner: Option<u64>) -> impl Iterator<Item = (u64, &[u8])> {
    let mut rest = block.bytes.as_slice();
    let lines = std::iter::from_fn(move || {
        let end = memchr(b'\n', rest)?;
        let line = &rest[..end];
        rest = &rest[end + 1..];
        Some(line.trim_ascii())
    });
    (block.first_line..)
        .zip(lines)
        .filter(move |(number, line)| match banner {
            None => !line.is_empty(),
            Some(banner) => *number > banner && !matches!(line.first(), None | Some(b'%')),
        })
}

/// The entries of the lines below the size line.
fn read_entries(blocks: &mut Blocks, banner: Banner, size: Size, size_line: u64) -> Result<Entries> {
    let parse = |block: &Block| {
        let mut part = Entries::empty((0, 0), Places::Lines(LineMap::default()));
        for (number, line) in lines(block, Some(size_line)) {
            let (i, j, value) = entry(line, banner, size.shape).with_context(|| format!("line {number}"))?;
            part.push_at_line(number, i, j, value);
        }
        Ok(part)
    };
    let shape = (size.shape.0 as usize, size.shape.1 as usize);
    let mut entries = Entries::empty(shape, Places::Lines(LineMap::default()));
    let (mut count, free) = (0, Free::now());
    blocks.parse(parse, |part| {
        let left = size.entries - count;
        count += part.y.len() as u64;
        ensure!(
            count <= size.entries,
            "{}: found more entries than the {} of the size line",
            part.places.name(left as usize),
            size.entries
        );
        mirror(part, banner.symmetry, &mut entries);
        entries.fit(free)
    })?;
    ensure!(
        count == size.entries,
        "found {count} entries, expected {} as the size line says",
        size.entries
    );
    Ok(entries)
}

/// Adds the entries of a part, and where the file holds one triangle those of the other.
fn mirror(part: Entries, symmetry: Symmetry, entries: &mut Entries) {
    if symmetry == Symmetry::General {
        return entries.append(part);
    }
    let sign = if symmetry == Symmetry::Skew { -1. } else { 1. };
    for (index, ((&i, &j), &value)) in part.rows.iter().zip(&part.cols).zip(&part.y).enumerate() {
        let line = part.line(index);
        entries.push_at_line(line, i, j, value);
        if i != j {
            entries.push_at_line(line, j, i, sign * value);
        }
    }
}

impl Banner {
    fn parse(line: &[u8]) -> Result<Self> {
        let text = String::from_utf8_lossy(line).to_lowercase();
        let words: Vec<&str> = text.split_whitespace().collect();
        let expected = "\"%%MatrixMarket matrix coordinate\", then real, integer or pattern, then general, symmetric or skew-symmetric";
        let wrong = || anyhow!("found {}, expected {expected}", shown(line));
        let ["%%matrixmarket", "matrix", "coordinate", field, symmetry] = words[..] else {
            return Err(wrong());
        };
        let pattern = match field {
            "real" | "double" | "integer" => false,
            "pattern" => true,
            _ => return Err(wrong()),
        };
        let symmetry = match symmetry {
            "general" => Symmetry::General,
            "symmetric" => Symmetry::Symmetric,
            "skew-symmetric" if !pattern => Symmetry::Skew,
            _ => return Err(wrong()),
        };
        Ok(Self { pattern, symmetry })
    }
}

impl Size {
    fn parse(line: &[u8], symmetry: Symmetry) -> Result<Self> {
        let wrong = || {
            anyhow!(
                "found {}, expected \"rows columns entries\", positive integers",
                shown(line)
            )
        };
        let mut words = words(line);
        let mut next = || words.next().and_then(integer);
        let (Some(d1), Some(d2), Some(entries), None) = (next(), next(), next(), words.next()) else {
            return Err(wrong());
        };
        let shape = (
            u32::try_from(d1).map_err(|_| wrong())?,
            u32::try_from(d2).map_err(|_| wrong())?,
        );
        ensure!(shape.0 > 0 && shape.1 > 0, wrong());
        ensure!(
            symmetry == Symmetry::General || d1 == d2,
            "found {d1} rows and {d2} columns, expected a square matrix as it is symmetric"
        );
        Ok(Self { shape, entries })
    }
}

/// Row, column (0-based) and value of one line.
fn entry(line: &[u8], banner: Banner, shape: (u32, u32)) -> Result<(u32, u32, f64)> {
    let mut words = words(line);
    let i = index(words.next(), shape.0, "row")?;
    let j = index(words.next(), shape.1, "column")?;
    let value = if banner.pattern { 1. } else { finite(words.next())? };
    ensure!(
        words.next().is_none(),
        "found {}, expected {} fields",
        shown(line),
        if banner.pattern { 2 } else { 3 }
    );
    ensure!(
        banner.symmetry != Symmetry::Skew || i != j,
        "found a diagonal entry, expected none as the matrix is skew-symmetric"
    );
    Ok((i, j, value))
}

/// A 1-based index up to `bound`, made 0-based.
fn index(word: Option<&[u8]>, bound: u32, what: &str) -> Result<u32> {
    let parsed = word
        .and_then(integer)
        .and_then(|v| u32::try_from(v).ok())
        .filter(|v| (1..=bound).contains(v));
    let found = || word.map_or("nothing".to_owned(), shown);
    Ok(parsed.ok_or_else(|| anyhow!("found {}, expected a {what} from 1 to {bound}", found()))? - 1)
}

fn finite(word: Option<&[u8]>) -> Result<f64> {
    word.and_then(number).filter(|v| v.is_finite()).ok_or_else(|| {
        anyhow!(
            "found {}, expected a finite value",
            word.map_or("nothing".to_owned(), shown)
        )
    })
}

fn integer(word: &[u8]) -> Option<u64> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests;
