//! Text files, plain or gzipped (several members in a row included), a byte order mark left out.
//!
//! Laws: lines are counted from 1 as an editor counts them; text that is quoted in a message stays on one line.

use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use flate2::read::MultiGzDecoder;

use crate::memory::Free;

/// No table or matrix has such lines; a compressed file of zeros does.
const MAX_LINE: usize = 1 << 20;
const BUFFER: usize = 1 << 17;
/// Numbers between two looks at the memory that is left.
const CHECKED: usize = 1 << 16;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// What gzipped data begin with.
const GZIP: &[u8] = b"\x1f\x8b";
/// What begins files that are often given the name of a text.
const NO_TEXT: [(&[u8], &str); 4] = [
    (b"PK\x03", "a zip archive, as .npz and Excel files are"),
    (GZIP, "gzipped data in a file whose name does not end in .gz"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
];

/// Opens the text of `path`, decompressed when the name ends in `.gz`.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Read + Send>> {
    let mut file = super::open_file(path)?;
    let zipped = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz"));
    if zipped {
        let start = start_of(&mut file)?;
        ensure!(
            start.starts_with(GZIP),
            "found a file that is not gzipped, expected one, as its name ends in .gz"
        );
        let file = BufReader::with_capacity(BUFFER, Cursor::new(start).chain(file));
        decoded(MultiGzDecoder::new(file))
    } else {
        decoded(file)
    }
}

/// The text without its byte order mark.
fn decoded(mut reader: impl Read + Send + 'static) -> Result<Box<dyn Read + Send>> {
    let mut start = start_of(&mut reader)?;
    for (mark, found) in NO_TEXT {
        ensure!(!start.starts_with(mark), "found {found}, expected text in UTF-8");
    }
    if start == BYTE_ORDER_MARK {
        start.clear();
    }
    Ok(Box::new(Cursor::new(start).chain(reader)))
}

/// The first bytes, as many as tell what a file is.
fn start_of(reader: &mut impl Read) -> Result<Vec<u8>> {
    let mut start = Vec::new();
    let read = reader.take(BYTE_ORDER_MARK.len() as u64).read_to_end(&mut start);
    read.context("cannot be read")?;
    Ok(start)
}

/// Non-blank lines with their numbers, one buffer for all of them.
pub(crate) struct Lines {
    reader: BufReader<Box<dyn Read + Send>>,
    line: Vec<u8>,
    number: u64,
    comment: Option<u8>,
}

impl Lines {
    pub(crate) fn new(reader: Box<dyn Read + Send>) -> Self {
        Self {
            reader: BufReader::with_capacity(BUFFER, reader),
            line: Vec::new(),
            number: 0,
            comment: None,
        }
    }

    /// From here on, leaves out lines that begin with `mark`.
    pub(crate) fn skip_comments(&mut self, mark: u8) {
        self.comment = Some(mark);
    }

    /// The next line that is not blank, without the white space at its ends, and its number.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, &[u8])>> {
        while self.advance()? {
            let first = self.line.trim_ascii_start().first();
            if first.is_some() && first != self.comment.as_ref() {
                return Ok(Some((self.number, self.line.trim_ascii())));
            }
        }
        Ok(None)
    }

    /// Reads one line; false at the end of the file.
    fn advance(&mut self) -> Result<bool> {
        self.line.clear();
        let limited = &mut self.reader.by_ref().take(MAX_LINE as u64 + 1);
        let read = limited
            .read_until(b'\n', &mut self.line)
            .with_context(|| after(self.number))?;
        self.number += u64::from(read > 0);
        ensure!(
            read <= MAX_LINE,
            "line {}: found more than {MAX_LINE} bytes, expected a short line",
            self.number
        );
        Ok(read > 0)
    }
}

/// Numbers that a text is read into, as far as memory goes.
pub(crate) struct Numbers {
    pub(crate) values: Vec<f64>,
    free: Free,
}

impl Numbers {
    /// For some that are `expected`, which a file may say falsely.
    pub(crate) fn new(expected: usize) -> Self {
        Numbers {
            values: Vec::with_capacity(expected.min(CHECKED)),
            free: Free::now(),
        }
    }

    pub(crate) fn push(&mut self, value: f64) -> Result<()> {
        let count = self.values.len();
        if count.is_multiple_of(CHECKED) {
            // They are copied once, into a matrix.
            let bytes = 2 * size_of::<f64>() as u64 * count as u64;
            self.free.holds(bytes, || format!("{count} numbers and more"))?;
        }
        self.values.push(value);
        Ok(())
    }
}

/// Where reading stopped.
pub(crate) fn after(line: u64) -> String {
    if line == 0 {
        "cannot be read".to_owned()
    } else {
        format!("cannot be read after line {line}")
    }
}

/// Text for a message: quoted, escaped, at most 40 characters of it.
pub(crate) fn shown(bytes: &[u8]) -> String {
    const SHOWN: usize = 40;
    // Four bytes a character at most, so that a huge field is not copied to be cut.
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * SHOWN)]);
    let short: String = text.chars().take(SHOWN).collect();
    let dots = if short.len() < bytes.len() && text.chars().count() >= SHOWN {
        "…"
    } else {
        ""
    };
    format!("\"{}{dots}\"", short.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn lines_of(name: &str, bytes: &[u8]) -> Result<Vec<(u64, String)>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let mut lines = Lines::new(open(&path)?);
        let mut out = Vec::new();
        while let Some((number, line)) = lines.next()? {
            out.push((number, String::from_utf8_lossy(line).into_owned()));
        }
        Ok(out)
    }

    #[test]
    fn lines_keep_their_numbers_across_blanks_marks_and_line_ends() {
        let lines = lines_of("t.dat", b"\xef\xbb\xbfa\r\n\r\n b \n\nc").unwrap();
        assert_eq!(
            lines,
            [(1, "a".to_owned()), (3, "b".to_owned()), (5, "c".to_owned())]
        );
    }

    #[test]
    fn members_of_a_gzip_file_follow_one_another() {
        let two = [gzip(b"a\nb\n"), gzip(b"c\n")].concat();
        assert_eq!(lines_of("t.dat.gz", &two).unwrap().len(), 3);
        assert_eq!(lines_of("t.dat.GZ", &two).unwrap().len(), 3);
    }

    #[test]
    fn a_cut_or_false_gzip_file_is_refused() {
        let whole = gzip("line\n".repeat(1000).as_bytes());
        let error = lines_of("t.dat.gz", &whole[..whole.len() - 9]).unwrap_err();
        assert!(format!("{error:#}").contains("cannot be read"), "{error:#}");
        assert!(lines_of("t.dat.gz", b"plain text").is_err());
    }

    #[test]
    fn an_endless_line_stops_early() {
        let bomb = gzip(&vec![b'0'; 4 * MAX_LINE]);
        assert!(
            lines_of("t.dat.gz", &bomb)
                .unwrap_err()
                .to_string()
                .starts_with("line 1: found more than")
        );
    }

    #[test]
    fn shown_text_is_short_and_on_one_line() {
        assert_eq!(shown(b"a\nb"), r#""a\nb""#);
        assert_eq!(
            shown("x".repeat(99).as_bytes()),
            format!("\"{}…\"", "x".repeat(40))
        );
        assert_eq!(shown(b"\xff"), "\"\u{fffd}\"");
    }
}
