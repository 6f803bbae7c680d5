//! A matrix of numbers from a text table: one row a line, separated by commas or tabs, a header or none.
//!
//! An empty field, `NaN` or `NA` stands for what was not observed.

use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use ndarray::Array2;

use super::ids::names_entries;
use super::text::{self, Lines, Numbers, shown};

pub(super) fn read(path: &Path, separator: u8) -> Result<Array2<f64>> {
    let mut lines = Lines::new(text::open(path)?);
    let (mut read, mut rows, mut columns) = (Numbers::new(0), 0, None);
    while let Some((number, line)) = lines.next()? {
        let fields: Vec<&[u8]> = line
            .split(|byte| *byte == separator)
            .map(<[u8]>::trim_ascii)
            .collect();
        if columns.is_none() {
            columns = Some(fields.len());
            // A header names its columns: the first line is one if a field of it is no number.
            if fields.iter().any(|field| parse(field).is_none()) {
                ensure!(
                    !names_entries(fields.iter().copied()),
                    "line {number}: found the names of row, column and value, one entry a line as for completion, expected a matrix: one row a line"
                );
                continue;
            }
        }
        let (found, expected) = (fields.len(), columns.unwrap_or(fields.len()));
        ensure!(
            found == expected,
            "line {number}: found {found} fields, expected {expected} as in the first line"
        );
        for (i, field) in fields.iter().enumerate() {
            let value = parse(field).ok_or_else(|| anyhow!("found {}, expected a number", shown(field)));
            read.push(value.with_context(|| format!("line {number}, field {}", i + 1))?)?;
        }
        rows += 1;
    }
    ensure!(rows > 0, "found no line of numbers, expected a matrix");
    Ok(Array2::from_shape_vec((rows, columns.unwrap_or(0)), read.values)?)
}

/// A number, NaN for what was not observed; `None` for other text.
fn parse(field: &[u8]) -> Option<f64> {
    if field.is_empty() || field.eq_ignore_ascii_case(b"na") {
        return Some(f64::NAN);
    }
    let unquoted = field
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""))
        .unwrap_or(field);
    std::str::from_utf8(unquoted).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Array2<f64>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.csv");
        std::fs::write(&path, text).unwrap();
        read(&path, b',')
    }

    #[test]
    fn numbers_are_read_with_and_without_a_header() {
        for text in [
            "1,2.5\n-3e1,4\n",
            "a,b\r\n1,2.5\r\n-3e1, 4\r\n\r\n",
            "\"1\",2.5\n-30,4",
        ] {
            let matrix = read_text(text).unwrap();
            assert_eq!(matrix, ndarray::arr2(&[[1.0, 2.5], [-30.0, 4.0]]), "{text}");
        }
        let gaps = read_text("1,\nNaN,2\nNA,3\n").unwrap();
        assert_eq!(
            gaps.mapv(f64::is_nan),
            ndarray::arr2(&[[false, true], [true, false], [true, false]])
        );
    }

    #[test]
    fn what_is_no_matrix_is_refused_where_it_stands() {
        let refusal = |text: &str| format!("{:#}", read_text(text).unwrap_err());
        assert_eq!(
            refusal("1,2\n3\n"),
            "line 2: found 1 fields, expected 2 as in the first line"
        );
        assert_eq!(
            refusal("1,2\n3,x\n"),
            "line 2, field 2: found \"x\", expected a number"
        );
        assert!(refusal("").contains("no line of numbers"));
        assert!(refusal("a,b\n").contains("no line of numbers"));
    }
}
