//! Completion from text tables: one entry a line, row id, column id, value.
//!
//! `.csv` and `.tsv` may quote fields (an id may hold separators and line ends); MovieLens' `u.data` (tabs) and
//! `ratings.dat` (`::`) may not. A header is recognised by a third field that is no number; when it names the three
//! columns (user, item, rating and the like) they may stand anywhere, else they are the first three. Other columns are
//! ignored. Ids are text of any kind, integers too: they are kept in order of first appearance, without the white space
//! around them.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use csv::ByteRecord;

use super::entries::{Entries, LineMap, Places};
use super::ids::{Columns, Ids, ROLES, locate};
use super::text::{self, Lines, after, shown};

/// A table whose fields may be quoted.
pub(crate) fn read_quoted(path: &Path, separator: u8) -> Result<Entries> {
    // Every record ends in a line end, the last one too, so that its line can be told from where it ends.
    let text = text::open(path)?.chain(&b"\n"[..]);
    let mut builder = csv::ReaderBuilder::new();
    builder
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .buffer_capacity(1 << 17);
    // A carriage return stays with the last field and is trimmed there: as an end of its own it
    // would leave the reader between the two halves of a line end, and its lines off by one.
    builder.terminator(csv::Terminator::Any(b'\n'));
    read(Records::Quoted(builder.from_reader(Box::new(text))))
}

/// A table without quotes, separated by tabs or by `::`.
pub(crate) fn read_plain(path: &Path) -> Result<Entries> {
    read(Records::Plain {
        lines: Lines::new(text::open(path)?),
        separator: None,
    })
}

fn read(mut records: Records) -> Result<Entries> {
    let mut record = ByteRecord::new();
    let mut columns = [0, 1, 2];
    let mut next = records.next(&mut record)?;
    if let Some(line) = next.filter(|_| is_header(&record)) {
        columns = header_columns(&record).with_context(|| format!("line {line}"))?;
        next = records.next(&mut record)?;
    }
    if let Some(line) = next {
        refuse_matrix(&record, columns).with_context(|| format!("line {line}"))?;
    }
    let (mut rows, mut cols) = (Ids::default(), Ids::default());
    let mut entries = Entries::empty((0, 0), Places::Lines(LineMap::default()));
    while let Some(line) = next {
        let [row, col, value] = fields(&record, columns, line)?;
        let row = rows.number(row).with_context(|| place(line, columns, 0))?;
        let col = cols.number(col).with_context(|| place(line, columns, 1))?;
        let value = parse(value).with_context(|| place(line, columns, 2))?;
        entries.push_at_line(line, row, col, value);
        next = records.next(&mut record)?;
    }
    Ok(entries.with_ids(rows, cols))
}

/// Records one after another, each with the line on which it begins.
enum Records {
    Quoted(csv::Reader<Box<dyn Read>>),
    Plain {
        lines: Lines,
        separator: Option<&'static [u8]>,
    },
}

impl Records {
    /// Reads the next record; gives its line, or None at the end.
    fn next(&mut self, record: &mut ByteRecord) -> Result<Option<u64>> {
        match self {
            Self::Quoted(reader) => next_quoted(reader, record),
            Self::Plain { lines, separator } => {
                let Some((number, line)) = lines.next()? else {
                    return Ok(None);
                };
                let separator = *separator.get_or_insert_with(|| separator_of(line));
                split(line, separator, record);
                Ok(Some(number))
            }
        }
    }
}

/// The next record that is not blank, and its line.
fn next_quoted(reader: &mut csv::Reader<Box<dyn Read>>, record: &mut ByteRecord) -> Result<Option<u64>> {
    while reader
        .read_byte_record(record)
        .with_context(|| after(reader.position().line() - 1))?
    {
        if record.len() > 1 || !record.as_slice().trim_ascii().is_empty() {
            // Not the position of the record: that is before the blank lines above it.
            let inside = record.as_slice().iter().filter(|&&byte| byte == b'\n').count() as u64;
            return Ok(Some(reader.position().line().saturating_sub(1 + inside).max(1)));
        }
    }
    Ok(None)
}

fn separator_of(line: &[u8]) -> &'static [u8] {
    if find(line, b"::").is_some() { b"::" } else { b"\t" }
}

fn find(line: &[u8], separator: &[u8]) -> Option<usize> {
    // Byte by byte up to the first match: comparing slices at every place is a call at every place.
    let (first, rest) = separator.split_first()?;
    (0..line.len()).find(|&i| line[i] == *first && line[i + 1..].starts_with(rest))
}

fn split(mut line: &[u8], separator: &[u8], record: &mut ByteRecord) {
    record.clear();
    while let Some(end) = find(line, separator) {
        record.push_field(&line[..end]);
        line = &line[end + separator.len()..];
    }
    record.push_field(line);
}

/// Whether the third field has text that is no number.
fn is_header(record: &ByteRecord) -> bool {
    record
        .get(2)
        .is_some_and(|field| !field.trim_ascii().is_empty() && number(field).is_none())
}

fn header_columns(record: &ByteRecord) -> Result<Columns> {
    let names: Result<Vec<&str>, _> = record.iter().map(std::str::from_utf8).collect();
    Ok(locate(
        names
            .map_err(|_| anyhow!("found a header that is not UTF-8, expected UTF-8"))?
            .into_iter(),
    ))
}

/// Row id, column id and value.
fn fields(record: &ByteRecord, columns: Columns, line: u64) -> Result<[&[u8]; 3]> {
    match columns.map(|column| record.get(column)) {
        [Some(row), Some(col), Some(value)] => Ok([row, col, value]),
        _ => bail!(
            "line {line}: found {} fields, expected at least {} ({})",
            record.len(),
            1 + columns.into_iter().max().unwrap_or(0),
            ROLES.join(", ")
        ),
    }
}

/// Tables of entries have ids where a matrix of numbers has numbers with fractions.
fn refuse_matrix(record: &ByteRecord, [row, col, _]: Columns) -> Result<()> {
    let [row, col] = [row, col].map(|column| record.get(column).unwrap_or_default());
    let fraction = |field| number(field).is_some_and(|v| v.is_finite() && v.fract() != 0.);
    ensure!(
        !(fraction(row) && fraction(col)),
        "found {} and {}, expected the ids of a row and of a column: one entry a line, not a matrix",
        shown(row),
        shown(col)
    );
    Ok(())
}

/// A finite number.
fn parse(field: &[u8]) -> Result<f64> {
    number(field)
        .filter(|v| v.is_finite())
        .ok_or_else(|| anyhow!("found {}, expected a finite number", shown(field.trim_ascii())))
}

fn number(field: &[u8]) -> Option<f64> {
    std::str::from_utf8(field.trim_ascii()).ok()?.parse().ok()
}

/// "line 12, column 3 (value)".
fn place(line: u64, columns: Columns, role: usize) -> String {
    format!("line {line}, column {} ({})", columns[role] + 1, ROLES[role])
}

#[cfg(test)]
mod tests;
