//! Completion from Parquet tables: one entry a row, row id, column id, value.
//!
//! The columns are found by name (user, item, rating and the like) or are the first three, as in text tables. Ids are
//! strings or integers, values floats or integers; an entry with a missing one is an error.

use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use parquet::basic::ConvertedType;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::schema::types::SchemaDescriptor;

use super::entries::{Entries, Places};
use super::ids::{Columns, Ids, ROLES, locate};
use super::text::shown;

/// Rows read at a time.
const BATCH: usize = 1 << 13;

pub(crate) fn read_completion(path: &Path) -> Result<Entries> {
    // The library asserts what a damaged file may break; what it held is dropped with the panic.
    silenced(|| catch_unwind(AssertUnwindSafe(|| read(path))))
        .unwrap_or_else(|_| bail!("found a damaged Parquet file"))
}

/// Runs `read` without the message of a panic: the error says what is to be said. Files are read before any other thread
/// starts, so no other panic goes unheard.
fn silenced<T>(read: impl FnOnce() -> T) -> T {
    // Tests share one process and need their messages.
    if cfg!(test) {
        return read();
    }
    let hook = take_hook();
    set_hook(Box::new(|_| ()));
    let result = read();
    set_hook(hook);
    result
}

fn read(path: &Path) -> Result<Entries> {
    let file = SerializedFileReader::new(super::open_file(path)?).context("found no Parquet file")?;
    let schema = file.metadata().file_metadata().schema_descr_ptr();
    let columns = columns_of(&schema)?;
    let (mut rows, mut cols) = (Ids::default(), Ids::default());
    let mut entries = Entries::empty((0, 0), Places::Rows);
    for group in 0..file.num_row_groups() {
        let group = file.get_row_group(group).context("cannot be read")?;
        let before = entries.y.len();
        let column = |role| Column::open(group.as_ref(), &schema, columns, role, before);
        column(0)?.ids(&mut rows, &mut entries.rows)?;
        column(1)?.ids(&mut cols, &mut entries.cols)?;
        column(2)?.values(&mut entries.y)?;
        let counts = [entries.rows.len(), entries.cols.len(), entries.y.len()];
        ensure!(
            counts.iter().all(|&n| n == counts[0]),
            "found columns of {counts:?} rows, expected equal ones"
        );
    }
    Ok(entries.with_ids(rows, cols))
}

/// The three columns, none of which may hold lists.
fn columns_of(schema: &SchemaDescriptor) -> Result<Columns> {
    let n = schema.num_columns();
    ensure!(
        n >= 3,
        "found {n} columns, expected at least 3 ({})",
        ROLES.join(", ")
    );
    let columns = locate(schema.columns().iter().map(|column| column.name()));
    for column in columns.map(|i| schema.column(i)) {
        ensure!(
            column.max_rep_level() == 0,
            "column {:?}: found lists, expected one value a row",
            column.name()
        );
    }
    Ok(columns)
}

/// One value of a table.
enum Cell<'a> {
    Integer(i128),
    Real(f64),
    Text(&'a [u8]),
}

/// One column of a row group.
struct Column {
    reader: ColumnReader,
    place: Place,
    converted: ConvertedType,
}

impl Column {
    fn open(
        group: &dyn RowGroupReader,
        schema: &SchemaDescriptor,
        columns: Columns,
        role: usize,
        before: usize,
    ) -> Result<Self> {
        let column = schema.column(columns[role]);
        let name = format!("column {:?} ({})", column.name(), ROLES[role]);
        let place = Place {
            name,
            before,
            present: column.max_def_level(),
        };
        let reader = group
            .get_column_reader(columns[role])
            .with_context(|| place.name.clone())?;
        Ok(Self {
            reader,
            place,
            converted: column.converted_type(),
        })
    }

    /// Appends the numbers of the ids.
    fn ids(self, ids: &mut Ids, out: &mut Vec<u32>) -> Result<()> {
        let mut text = String::new();
        self.cells(|cell| {
            out.push(match cell {
                Cell::Text(id) => ids.number(id)?,
                Cell::Integer(id) => {
                    text.clear();
                    write!(text, "{id}")?;
                    ids.number(text.as_bytes())?
                }
                Cell::Real(id) => bail!("found the float {id}, expected a string or an integer"),
            });
            Ok(())
        })
    }

    /// Appends the values.
    fn values(self, out: &mut Vec<f64>) -> Result<()> {
        self.cells(|cell| {
            out.push(match cell {
                Cell::Real(value) => value,
                Cell::Integer(value) => value as f64,
                Cell::Text(text) => bail!("found the string {}, expected a number", shown(text)),
            });
            Ok(())
        })
    }

    /// Hands over every value in order.
    fn cells(self, mut take: impl FnMut(Cell) -> Result<()>) -> Result<()> {
        use ColumnReader as Type;
        use ConvertedType as As;
        let Self {
            reader,
            place,
            converted,
        } = self;
        match (reader, converted) {
            (Type::Int32ColumnReader(r), As::NONE | As::INT_8 | As::INT_16 | As::INT_32) => {
                place.each(r, |&v| take(Cell::Integer(v.into())))
            }
            (Type::Int32ColumnReader(r), As::UINT_8 | As::UINT_16 | As::UINT_32) => {
                place.each(r, |&v| take(Cell::Integer(v.cast_unsigned().into())))
            }
            (Type::Int64ColumnReader(r), As::NONE | As::INT_64) => {
                place.each(r, |&v| take(Cell::Integer(v.into())))
            }
            (Type::Int64ColumnReader(r), As::UINT_64) => {
                place.each(r, |&v| take(Cell::Integer(v.cast_unsigned().into())))
            }
            (Type::FloatColumnReader(r), _) => place.each(r, |&v| take(Cell::Real(v.into()))),
            (Type::DoubleColumnReader(r), _) => place.each(r, |&v| take(Cell::Real(v))),
            (Type::ByteArrayColumnReader(r), As::NONE | As::UTF8 | As::ENUM) => {
                place.each(r, |v| take(Cell::Text(v.data())))
            }
            _ => bail!(
                "{}: found another type, expected strings, integers or floats",
                place.name
            ),
        }
    }
}

/// Where the values of a column stand, and which of them are there.
struct Place {
    /// The column, for messages.
    name: String,
    /// Rows in the groups before this one.
    before: usize,
    /// The definition level of a value that is there.
    present: i16,
}

impl Place {
    /// Hands every value to `take`.
    fn each<T: DataType>(
        &self,
        mut reader: ColumnReaderImpl<T>,
        mut take: impl FnMut(&T::T) -> Result<()>,
    ) -> Result<()> {
        let (mut values, mut levels) = (Vec::with_capacity(BATCH), Vec::new());
        let mut row = self.before;
        loop {
            values.clear();
            levels.clear();
            let read = reader.read_records(BATCH, Some(&mut levels), None, &mut values);
            let (records, _, _) = read.with_context(|| format!("{}: cannot be read", self.name))?;
            if records == 0 {
                return Ok(());
            }
            if let Some(missing) = levels.iter().position(|&level| level < self.present) {
                bail!(
                    "row {}, {}: found nothing, expected a value",
                    row + missing,
                    self.name
                );
            }
            for (i, value) in values.iter().enumerate() {
                take(value).with_context(|| format!("row {}, {}", row + i, self.name))?;
            }
            row += records;
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;
    use proptest::prelude::*;
    use std::sync::Arc;

    const SCHEMA: &str =
        "message m { required double rating; required int64 user; optional byte_array item (UTF8); }";

    /// A good table.
    pub(crate) fn sample() -> Vec<u8> {
        table(&[
            &[(1, Some("a"), 0.5), (2, Some("b"), 1.5)],
            &[(1, Some("b"), 2.5)],
        ])
    }

    /// Two row groups; `None` is a missing item.
    fn table(groups: &[&[(i64, Option<&str>, f64)]]) -> Vec<u8> {
        let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
        let compression = parquet::basic::Compression::SNAPPY;
        let properties = WriterProperties::builder().set_compression(compression).build();
        let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
        for group in groups {
            let ratings: Vec<f64> = group.iter().map(|entry| entry.2).collect();
            let users: Vec<i64> = group.iter().map(|entry| entry.0).collect();
            let items: Vec<ByteArray> = group.iter().filter_map(|e| e.1.map(ByteArray::from)).collect();
            let levels: Vec<i16> = group.iter().map(|entry| i16::from(entry.1.is_some())).collect();
            let mut rows = writer.next_row_group().unwrap();
            let mut column = rows.next_column().unwrap().unwrap();
            column
                .typed::<DoubleType>()
                .write_batch(&ratings, None, None)
                .unwrap();
            column.close().unwrap();
            let mut column = rows.next_column().unwrap().unwrap();
            column
                .typed::<Int64Type>()
                .write_batch(&users, None, None)
                .unwrap();
            column.close().unwrap();
            let mut column = rows.next_column().unwrap().unwrap();
            column
                .typed::<ByteArrayType>()
                .write_batch(&items, Some(&levels), None)
                .unwrap();
            column.close().unwrap();
            rows.close().unwrap();
        }
        writer.into_inner().unwrap()
    }

    fn read_bytes(bytes: &[u8]) -> Result<Entries> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.parquet");
        std::fs::write(&path, bytes).unwrap();
        super::super::entries_of(&path, super::super::Wanted::Entries)
    }

    #[test]
    fn columns_are_found_by_name_across_row_groups() {
        let entries = read_bytes(&table(&[
            &[(7, Some("x"), 3.), (-2, Some("x"), 4.5)],
            &[(7, Some("y"), 1.)],
        ]))
        .unwrap();
        assert_eq!(
            (entries.rows, entries.cols, entries.y),
            (vec![0, 1, 0], vec![0, 0, 1], vec![3., 4.5, 1.])
        );
        assert_eq!(entries.row_ids.unwrap(), ["7", "-2"]);
        assert_eq!(entries.col_ids.unwrap(), ["x", "y"]);
        assert_eq!(entries.shape, (2, 2));
    }

    #[test]
    fn a_missing_or_empty_id_is_named_by_its_row() {
        let refusal = |bytes: &[u8]| format!("{:#}", read_bytes(bytes).unwrap_err());
        let error = refusal(&table(&[
            &[(1, Some("x"), 3.)],
            &[(1, Some("y"), 2.), (2, None, 1.)],
        ]));
        assert_eq!(
            error,
            "row 2, column \"item\" (column id): found nothing, expected a value"
        );
        let error = refusal(&table(&[&[(1, Some(""), 3.)]]));
        assert_eq!(
            error,
            "row 0, column \"item\" (column id): found nothing, expected an id"
        );
        assert!(refusal(b"PAR1").starts_with("found no Parquet file"));
    }

    proptest! {
        #[test]
        fn no_damage_panics(damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
            let mut bytes = table(&[&[(7, Some("x"), 3.), (8, Some("y"), 3.)], &[(7, Some("y"), 1.)]]);
            for (place, byte) in damage {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            let _ = read_bytes(&bytes);
            let _ = read_bytes(&bytes[..bytes.len() / 2]);
        }
    }
}
