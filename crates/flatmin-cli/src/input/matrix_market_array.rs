//! A matrix from a Matrix Market file in array format.
//!
//! ```text
//! %%MatrixMarket matrix array real general
//! % comments
//! d1 d2
//! value              (one a line, column after column; symmetric files hold the lower triangle)
//! ```

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use ndarray::Array2;

use super::text::{self, Lines, Numbers, shown};

/// What the file leaves out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Symmetry {
    General,
    Symmetric,
    /// The diagonal is left out too.
    Skew,
}

pub(super) fn read(path: &Path) -> Result<Array2<f64>> {
    let mut lines = Lines::new(text::open(path)?);
    let symmetry = match lines.next()? {
        Some((number, line)) => banner(line).with_context(|| format!("line {number}"))?,
        None => bail!("found an empty file, expected a Matrix Market matrix"),
    };
    lines.skip_comments(b'%');
    let (number, line) = lines
        .next()?
        .context("found no size line, expected \"rows columns\"")?;
    let (d1, d2) = size(line, symmetry).with_context(|| format!("line {number}"))?;
    let count = stored(d1, d2, symmetry)
        .with_context(|| format!("line {number}: found a matrix too large to hold"))?;
    let mut read = Numbers::new(count);
    while let Some((number, line)) = lines.next()? {
        ensure!(
            read.values.len() < count,
            "line {number}: found more values than the {count} of the size line"
        );
        let value = std::str::from_utf8(line)
            .ok()
            .and_then(|text| text.parse::<f64>().ok());
        read.push(value.ok_or_else(|| anyhow!("line {number}: found {}, expected a number", shown(line)))?)?;
    }
    let values = read.values;
    let found = values.len();
    ensure!(
        found == count,
        "found {found} values, expected {count} as the size line says"
    );
    Ok(Array2::from_shape_fn((d1, d2), |(i, j)| match symmetry {
        Symmetry::General => values[j * d1 + i],
        Symmetry::Symmetric => values[triangle(d1, i.max(j), i.min(j), 0)],
        Symmetry::Skew if i == j => 0.0,
        Symmetry::Skew if i > j => values[triangle(d1, i, j, 1)],
        Symmetry::Skew => -values[triangle(d1, j, i, 1)],
    }))
}

/// Where entry (i, j), i ≥ j, of the lower triangle stands, column after column, less its first `off` diagonals.
fn triangle(d1: usize, i: usize, j: usize, off: usize) -> usize {
    // Column c has d1 − c − off entries.
    let before = j * (d1 - off) - j * j.saturating_sub(1) / 2;
    before + i - j - off
}

fn banner(line: &[u8]) -> Result<Symmetry> {
    let text = String::from_utf8_lossy(line).to_lowercase();
    let words: Vec<&str> = text.split_whitespace().collect();
    match words[..] {
        [
            "%%matrixmarket",
            "matrix",
            "array",
            "real" | "double" | "integer",
            symmetry,
        ] => match symmetry {
            "general" => Ok(Symmetry::General),
            "symmetric" => Ok(Symmetry::Symmetric),
            "skew-symmetric" => Ok(Symmetry::Skew),
            _ => Err(wrong(line)),
        },
        _ => Err(wrong(line)),
    }
}

fn wrong(line: &[u8]) -> anyhow::Error {
    anyhow!(
        "found {}, expected \"%%MatrixMarket matrix array\", then real or integer, then general, symmetric or skew-symmetric \
         (entries of a matrix, \"coordinate\", are for completion)",
        shown(line)
    )
}

fn size(line: &[u8], symmetry: Symmetry) -> Result<(usize, usize)> {
    let text = String::from_utf8_lossy(line);
    let sizes: Option<Vec<u32>> = text.split_whitespace().map(|word| word.parse().ok()).collect();
    match sizes.as_deref() {
        Some(&[d1, d2]) if d1 > 0 && d2 > 0 => {
            ensure!(
                symmetry == Symmetry::General || d1 == d2,
                "found {d1} rows and {d2} columns, expected a square matrix as it is symmetric"
            );
            Ok((d1 as usize, d2 as usize))
        }
        _ => Err(anyhow!(
            "found {}, expected \"rows columns\", positive integers",
            shown(line)
        )),
    }
}

/// How many values the file holds.
fn stored(d1: usize, d2: usize, symmetry: Symmetry) -> Option<usize> {
    match symmetry {
        Symmetry::General => d1.checked_mul(d2),
        Symmetry::Symmetric => d1.checked_mul(d1 + 1).map(|n| n / 2),
        Symmetry::Skew => d1.checked_mul(d1 - 1).map(|n| n / 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    fn read_text(text: &str) -> Result<Array2<f64>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.mtx");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn every_symmetry_is_filled_in() {
        let of = |symmetry: &str, rest: &str| {
            read_text(&format!(
                "%%MatrixMarket matrix array real {symmetry}\n% c\n{rest}"
            ))
        };
        assert_eq!(
            of("general", "2 3\n1\n2\n3\n4\n5\n6\n").unwrap(),
            arr2(&[[1., 3., 5.], [2., 4., 6.]])
        );
        assert_eq!(
            of("symmetric", "3 3\n1\n2\n3\n4\n5\n6\n").unwrap(),
            arr2(&[[1., 2., 3.], [2., 4., 5.], [3., 5., 6.]])
        );
        assert_eq!(
            of("skew-symmetric", "3 3\n1\n2\n3\n").unwrap(),
            arr2(&[[0., -1., -2.], [1., 0., -3.], [2., 3., 0.]])
        );
    }

    #[test]
    fn damaged_files_are_refused_where_they_are() {
        let head = "%%MatrixMarket matrix array real general\n";
        for (text, expected) in [
            (String::new(), "found an empty file"),
            (
                "%%MatrixMarket matrix coordinate real general\n".into(),
                "line 1: found",
            ),
            (head.into(), "found no size line"),
            (
                format!("{head}2\n"),
                "line 2: found \"2\", expected \"rows columns\"",
            ),
            (format!("{head}0 3\n"), "expected \"rows columns\", positive"),
            (format!("{head}2 1\n1\n"), "found 1 values, expected 2"),
            (format!("{head}1 1\n1\n2\n"), "line 4: found more values"),
            (
                format!("{head}1 1\nx\n"),
                "line 3: found \"x\", expected a number",
            ),
            (format!("{head}4000000000 4000000000\n"), "found 0 values"),
        ] {
            let found = format!("{:#}", read_text(&text).unwrap_err());
            assert!(found.contains(expected), "{text:?}: {found}");
        }
    }
}
