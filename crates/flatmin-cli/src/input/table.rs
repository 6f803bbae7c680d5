//! Completion from text tables: one entry a line, row id, column id, value.
//!
//! `.csv` and `.tsv` may quote fields (an id may hold separators and line ends); MovieLens' `u.data` (tabs) and
//! `ratings.dat` (`::`) may not. A header is recognised by a third field that is no number; when it names the three
//! columns (user, item, rating and the like) they may stand anywhere, else they are the first three. Other columns are
//! ignored. Ids are text of any kind, integers too: they are kept in order of first appearance, without the white space
//! around them.

use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use csv::ByteRecord;
use memchr::memchr;

use super::blocks::{Block, Blocks};
use super::entries::{Entries, LineMap, Places};
use super::ids::{Columns, Ids, ROLES, locate, names_places};
use super::number::number;
use super::text::shown;
use crate::memory::Free;

/// A table whose fields may be quoted.
pub(crate) fn read_quoted(path: &Path, separator: u8, wanted: Wanted) -> Result<Entries> {
    read(Blocks::of_quoted(path, separator)?, Some(separator), wanted)
}

/// A table without quotes, separated by tabs or by `::`.
pub(crate) fn read_plain(path: &Path, wanted: Wanted) -> Result<Entries> {
    read(Blocks::of_lines(path)?, None, wanted)
}

/// What a table is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Entries, with their values.
    Entries,
    /// Places, which have values (else NaN) only where the table has three columns.
    Places,
}

fn read(mut blocks: Blocks, quoted: Option<u8>, wanted: Wanted) -> Result<Entries> {
    let mut whole = Part::default();
    let layout = loop {
        let Some(block) = blocks.peek()? else {
            return Ok(whole.finish());
        };
        if let Some(layout) = Layout::of(block, quoted, wanted)? {
            break layout;
        }
        // Blank from end to end.
        blocks.next()?;
    };
    let free = Free::now();
    blocks.parse(
        |block| Part::of(block, &layout),
        |part| {
            whole.append(part)?;
            whole.entries.fit(free)
        },
    )?;
    Ok(whole.finish())
}

/// How the records of a file are to be read.
#[derive(Clone, Copy, Debug)]
struct Layout {
    dialect: Dialect,
    columns: Columns,
    /// Whether the third of them holds values.
    valued: bool,
    /// The line of the header.
    header: Option<u64>,
}

/// What is between the fields, and whether they may be quoted.
#[derive(Clone, Copy, Debug)]
enum Dialect {
    Quoted(u8),
    Plain(&'static [u8]),
}

impl Dialect {
    fn name(self) -> &'static str {
        match self {
            Dialect::Quoted(b',') => "a comma",
            Dialect::Plain(b"::") => "\"::\"",
            Dialect::Quoted(_) | Dialect::Plain(_) => "a tab",
        }
    }
}

impl Layout {
    /// By the first records, those of `block`; `None` where it has none.
    fn of(block: &Block, quoted: Option<u8>, wanted: Wanted) -> Result<Option<Self>> {
        let dialect = match quoted {
            Some(separator) => Dialect::Quoted(separator),
            None => Dialect::Plain(separator_of(&block.bytes)),
        };
        let mut layout = Layout {
            dialect,
            columns: [0, 1, 2],
            valued: true,
            header: None,
        };
        let mut records = Records::new(block, dialect);
        let Some((line, first)) = records.next()? else {
            return Ok(None);
        };
        let first = first.all();
        if wanted == Wanted::Places && first.len() == 2 {
            layout.columns = [0, 1, 1];
            layout.valued = false;
            layout.header = names_places(first.iter()).then_some(line);
            return Ok(Some(layout));
        }
        if !is_header(&first) {
            refuse_matrix(&first, layout.columns).with_context(|| format!("line {line}"))?;
            return Ok(Some(layout));
        }
        layout.header = Some(line);
        layout.columns = header_columns(&first).with_context(|| format!("line {line}"))?;
        if let Some((line, second)) = records.next()? {
            refuse_matrix(&second.all(), layout.columns).with_context(|| format!("line {line}"))?;
        }
        Ok(Some(layout))
    }
}

/// Entries of a part of the file, with the ids in the order of their first appearance in it.
struct Part {
    rows: Ids,
    cols: Ids,
    entries: Entries,
}

impl Default for Part {
    fn default() -> Self {
        Part {
            rows: Ids::default(),
            cols: Ids::default(),
            entries: Entries::empty((0, 0), Places::Lines(LineMap::default())),
        }
    }
}

impl Part {
    fn of(block: &Block, layout: &Layout) -> Result<Self> {
        let mut part = Part::default();
        let (columns, mut records) = (layout.columns, Records::new(block, layout.dialect));
        while let Some((line, record)) = records.next()? {
            if layout.header == Some(line) {
                continue;
            }
            let fields = record.fields(columns);
            let [row, col, value] = fields.ok_or_else(|| record.too_short(line, layout))?;
            let row = part.rows.number(row).with_context(|| place(line, columns, 0))?;
            let col = part.cols.number(col).with_context(|| place(line, columns, 1))?;
            let value = if layout.valued {
                parse(value).with_context(|| place(line, columns, 2))?
            } else {
                f64::NAN
            };
            part.entries.push_at_line(line, row, col, value);
        }
        Ok(part)
    }

    /// Adds the part that follows.
    fn append(&mut self, part: Part) -> Result<()> {
        let rows = self.rows.merge(&part.rows)?;
        let cols = self.cols.merge(&part.cols)?;
        self.entries.append(part.entries.renumbered(&rows, &cols));
        Ok(())
    }

    fn finish(self) -> Entries {
        self.entries.with_ids(self.rows, self.cols)
    }
}

/// The records of a block that are not blank.
enum Records<'a> {
    /// Where nothing is quoted every line is a record.
    Lines {
        rest: &'a [u8],
        line: u64,
        dialect: Dialect,
    },
    Quoted {
        reader: csv::Reader<&'a [u8]>,
        record: ByteRecord,
        /// Lines before the block.
        before: u64,
    },
}

/// One record.
enum Record<'a> {
    /// A line, and what separates its fields.
    Line(&'a [u8], &'a [u8]),
    Quoted(&'a ByteRecord),
}

impl<'a> Records<'a> {
    fn new(block: &'a Block, dialect: Dialect) -> Self {
        let rest = block.bytes.as_slice();
        match dialect {
            Dialect::Quoted(separator) if memchr(b'"', rest).is_some() => {
                let mut builder = csv::ReaderBuilder::new();
                builder.has_headers(false).flexible(true).delimiter(separator);
                // A carriage return stays with the last field and is trimmed there: as an end of its own it
                // would leave the reader between the two halves of a line end, and its lines off by one.
                builder.terminator(csv::Terminator::Any(b'\n'));
                Records::Quoted {
                    reader: builder.from_reader(rest),
                    record: ByteRecord::new(),
                    before: block.first_line - 1,
                }
            }
            _ => Records::Lines {
                rest,
                line: block.first_line - 1,
                dialect,
            },
        }
    }

    /// The next record and the line on which it begins.
    fn next(&mut self) -> Result<Option<(u64, Record<'_>)>> {
        match self {
            Self::Lines { rest, line, dialect } => Ok(next_line(rest, line, dialect)),
            Self::Quoted {
                reader,
                record,
                before,
            } => {
                let line = next_quoted(reader, record)?;
                Ok(line.map(|line| (*before + line, Record::Quoted(record))))
            }
        }
    }
}

fn next_line<'a: 'b, 'b>(
    rest: &mut &'a [u8],
    number: &mut u64,
    dialect: &'b Dialect,
) -> Option<(u64, Record<'b>)> {
    while let Some(end) = memchr(b'\n', rest) {
        let line = &rest[..end];
        *rest = &rest[end + 1..];
        *number += 1;
        let record = match dialect {
            // An empty first or last field is a field.
            Dialect::Quoted(separator) => Record::Line(line, std::slice::from_ref(separator)),
            Dialect::Plain(separator) => Record::Line(line.trim_ascii(), separator),
        };
        let blank =
            line.trim_ascii().is_empty() && !matches!(dialect, Dialect::Quoted(s) if line.contains(s));
        if !blank {
            return Some((*number, record));
        }
    }
    None
}

/// The next record that is not blank, and its line in the block.
fn next_quoted(reader: &mut csv::Reader<&[u8]>, record: &mut ByteRecord) -> Result<Option<u64>> {
    while reader.read_byte_record(record)? {
        if record.len() > 1 || !record.as_slice().trim_ascii().is_empty() {
            // Not the position of the record: that is before the blank lines above it.
            let inside = record.as_slice().iter().filter(|&&byte| byte == b'\n').count() as u64;
            return Ok(Some(reader.position().line().saturating_sub(1 + inside).max(1)));
        }
    }
    Ok(None)
}

impl<'a> Record<'a> {
    /// Row id, column id and value.
    fn fields(&self, columns: Columns) -> Option<[&'a [u8]; 3]> {
        match self {
            Record::Line(line, separator) => fields_of_line(line, separator, columns),
            Record::Quoted(record) => match columns.map(|column| record.get(column)) {
                [Some(row), Some(col), Some(value)] => Some([row, col, value]),
                _ => None,
            },
        }
    }

    /// Too few fields for the columns, most often because another character is between them: the first one shows it.
    #[cold]
    fn too_short(&self, line: u64, layout: &Layout) -> anyhow::Error {
        let all = self.all();
        let first = shown(all.get(0).unwrap_or_default().trim_ascii());
        let found = match all.len() {
            1 => format!("one field, {first}"),
            count => format!("{count} fields, the first of them {first}"),
        };
        anyhow!(
            "line {line}: found {found}, expected at least {} ({}) with {} between",
            1 + layout.columns.into_iter().max().unwrap_or(0),
            ROLES.join(", "),
            layout.dialect.name()
        )
    }

    /// All of its fields.
    fn all(&self) -> ByteRecord {
        let (mut rest, separator) = match self {
            Record::Line(line, separator) => (*line, separator),
            Record::Quoted(record) => return (*record).clone(),
        };
        let mut fields = ByteRecord::new();
        while let Some(end) = find(rest, separator) {
            fields.push_field(&rest[..end]);
            rest = &rest[end + separator.len()..];
        }
        fields.push_field(rest);
        fields
    }
}

/// The fields of three columns, and no more of the line than they need.
fn fields_of_line<'a>(line: &'a [u8], separator: &[u8], columns: Columns) -> Option<[&'a [u8]; 3]> {
    let last = columns.into_iter().max()?;
    let (mut fields, mut rest) = ([&line[..0]; 3], line);
    for column in 0..=last {
        let end = find(rest, separator);
        let field = end.map_or(rest, |end| &rest[..end]);
        for (role, wanted) in fields.iter_mut().zip(columns) {
            if wanted == column {
                *role = field;
            }
        }
        match end {
            Some(end) => rest = &rest[end + separator.len()..],
            None if column < last => return None,
            None => {}
        }
    }
    Some(fields)
}

/// What separates the fields of the first line that is not blank.
fn separator_of(bytes: &[u8]) -> &'static [u8] {
    let mut lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    match lines.find(|line| !line.is_empty()) {
        Some(line) if find(line, b"::").is_some() => b"::",
        _ => b"\t",
    }
}

fn find(line: &[u8], separator: &[u8]) -> Option<usize> {
    // Byte by byte: fields are short, and a call for each of them, or for each place in them, costs more.
    match *separator {
        [one] => line.iter().position(|byte| *byte == one),
        [one, other] => line.windows(2).position(|pair| *pair == [one, other]),
        _ => None,
    }
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

/// "line 12, column 3 (value)".
fn place(line: u64, columns: Columns, role: usize) -> String {
    format!("line {line}, column {} ({})", columns[role] + 1, ROLES[role])
}

#[cfg(test)]
mod tests;
