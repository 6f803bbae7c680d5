//! Text files by blocks of whole records: read one after another, parsed in parallel, taken in the order of the file.
//!
//! Laws: where blocks are cut depends on the bytes alone, so that no result depends on the number of threads; a block
//! begins where a record begins; lines are counted from 1. Memory is a fixed number of blocks a thread.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use memchr::{memchr, memchr_iter, memrchr};
use rayon::prelude::*;

use super::text::{self, after};

/// Bytes read at a time; no record may be longer.
const BLOCK: usize = 1 << 21;
/// Most threads that blocks are read ahead for.
const THREADS: usize = 16;

/// Whole records: their bytes, the last of which ends a line, and the line of the first.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) bytes: Vec<u8>,
    pub(crate) first_line: u64,
}

/// The blocks of a text.
pub(crate) struct Blocks {
    reader: Box<dyn Read + Send>,
    size: usize,
    /// What separates fields, where fields may be quoted and then hold line ends.
    quoted: Option<u8>,
    /// The beginning of a record that is not read to its end.
    rest: Vec<u8>,
    /// The line on which `rest` begins.
    line: u64,
    ended: bool,
    /// Blocks that were looked at and put back.
    seen: Option<Block>,
}

impl Blocks {
    /// Of a file whose records are lines.
    pub(crate) fn of_lines(path: &Path) -> Result<Self> {
        Ok(Self::new(text::open(path)?, None, BLOCK))
    }

    /// Of a file whose fields, between `separator`s, may be quoted.
    pub(crate) fn of_quoted(path: &Path, separator: u8) -> Result<Self> {
        Ok(Self::new(text::open(path)?, Some(separator), BLOCK))
    }

    fn new(reader: Box<dyn Read + Send>, quoted: Option<u8>, size: usize) -> Self {
        Self {
            reader,
            size,
            quoted,
            rest: Vec::new(),
            line: 1,
            ended: false,
            seen: None,
        }
    }

    /// The next block, which stays the next one.
    pub(crate) fn peek(&mut self) -> Result<Option<&Block>> {
        if self.seen.is_none() {
            self.seen = self.next()?;
        }
        Ok(self.seen.as_ref())
    }

    /// The next block; `None` at the end of the text.
    pub(crate) fn next(&mut self) -> Result<Option<Block>> {
        if self.seen.is_some() || self.ended {
            return Ok(self.seen.take());
        }
        let mut bytes = std::mem::take(&mut self.rest);
        bytes.reserve_exact(self.size + 32);
        let read = self
            .reader
            .by_ref()
            .take(self.size as u64)
            .read_to_end(&mut bytes)
            .with_context(|| after(self.line - 1 + lines(&bytes)))?;
        self.ended = read < self.size;
        if self.ended && bytes.last().is_some_and(|last| *last != b'\n') {
            bytes.push(b'\n');
        }
        let end = if self.ended {
            bytes.len()
        } else {
            self.last_end(&bytes)
        };
        ensure!(
            end > 0 || self.ended,
            "line {}: found more than {} bytes, expected a short line",
            self.line,
            self.size
        );
        self.rest = bytes[end..].to_vec();
        bytes.truncate(end);
        let first_line = self.line;
        self.line += lines(&bytes);
        Ok((!bytes.is_empty()).then_some(Block { bytes, first_line }))
    }

    /// Where the last whole record of `bytes` ends.
    fn last_end(&self, bytes: &[u8]) -> usize {
        match self.quoted {
            Some(separator) if memchr(b'"', bytes).is_some() => last_end_quoted(bytes, separator),
            _ => memrchr(b'\n', bytes).map_or(0, |end| end + 1),
        }
    }

    /// Parses the blocks that are left, and hands over what was found in the order of the file. While some are parsed,
    /// what was found before is taken and others are read.
    pub(crate) fn parse<T: Send>(
        &mut self,
        parse: impl Fn(&Block) -> Result<T> + Sync,
        mut take: impl FnMut(T) -> Result<()> + Send,
    ) -> Result<()> {
        let count = 2 * rayon::current_num_threads().min(THREADS);
        let mut take = |parsed: Vec<Result<T>>| parsed.into_iter().try_for_each(|part| take(part?));
        let (mut batch, mut parsed) = (self.several(count)?, Vec::new());
        while !batch.is_empty() {
            let before = std::mem::take(&mut parsed);
            let (took, next);
            (parsed, (took, next)) = rayon::join(
                || batch.par_iter().map(&parse).collect(),
                || (take(before), self.several(count)),
            );
            took?;
            batch = match next {
                Ok(next) => next,
                // What is wrong earlier in the file comes first.
                Err(error) => return take(parsed).and(Err(error)),
            };
        }
        take(parsed)
    }

    fn several(&mut self, count: usize) -> Result<Vec<Block>> {
        std::iter::from_fn(|| self.next().transpose())
            .take(count)
            .collect()
    }
}

/// Where fields are quoted: a line end inside quotes ends no record. Quotes open a field alone, and `""` inside them is a
/// quote; anywhere else a quote is a character.
fn last_end_quoted(bytes: &[u8], separator: u8) -> usize {
    enum At {
        FieldStart,
        Field,
        Quotes,
        /// After a quote inside quotes, the second of `""` or the closing one.
        QuoteInQuotes,
    }
    let (mut at, mut end) = (At::FieldStart, 0);
    for (i, &byte) in bytes.iter().enumerate() {
        at = match (at, byte) {
            (At::Quotes, b'"') => At::QuoteInQuotes,
            (At::Quotes, _) | (At::FieldStart | At::QuoteInQuotes, b'"') => At::Quotes,
            (_, b'\n') => {
                end = i + 1;
                At::FieldStart
            }
            (_, byte) if byte == separator => At::FieldStart,
            _ => At::Field,
        };
    }
    end
}

fn lines(bytes: &[u8]) -> u64 {
    memchr_iter(b'\n', bytes).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;

    fn blocks(text: &[u8], quoted: Option<u8>, size: usize) -> Result<Vec<(u64, Vec<u8>)>> {
        let mut blocks = Blocks::new(Box::new(Cursor::new(text.to_vec())), quoted, size);
        let mut all = Vec::new();
        let take = |block| {
            all.push(block);
            Ok(())
        };
        blocks.parse(|block| Ok((block.first_line, block.bytes.clone())), take)?;
        Ok(all)
    }

    #[test]
    fn lines_are_kept_whole_and_counted() {
        let found = blocks(b"ab\ncd\n\nefg", None, 5).unwrap();
        assert_eq!(
            found,
            [
                (1, b"ab\n".to_vec()),
                (2, b"cd\n\n".to_vec()),
                (4, b"efg\n".to_vec())
            ]
        );
        assert_eq!(blocks(b"", None, 5).unwrap(), []);
    }

    #[test]
    fn a_quoted_line_end_cuts_no_record() {
        let found = blocks(b"a,\"x\ny\"\nb\"\nc\n", Some(b','), 9).unwrap();
        assert_eq!(found, [(1, b"a,\"x\ny\"\n".to_vec()), (3, b"b\"\nc\n".to_vec())]);
    }

    #[test]
    fn a_record_longer_than_a_block_is_refused_with_its_line() {
        let error = blocks(b"ab\nabcdefghijkl\n", None, 4).unwrap_err().to_string();
        assert_eq!(error, "line 2: found more than 4 bytes, expected a short line");
    }

    proptest! {
        #[test]
        fn blocks_hold_the_records_of_the_whole(text in "[a\",\n\r]{0,60}", size in 20usize..40) {
            let records = |text: &[u8]| -> Vec<csv::ByteRecord> {
                let mut builder = csv::ReaderBuilder::new();
                builder.has_headers(false).flexible(true).terminator(csv::Terminator::Any(b'\n'));
                builder.from_reader(text).byte_records().map(|record| record.unwrap()).collect()
            };
            let whole = if text.is_empty() || text.ends_with('\n') { text.clone() } else { text.clone() + "\n" };
            if let Ok(blocks) = blocks(text.as_bytes(), Some(b','), size) {
                let parts: Vec<csv::ByteRecord> = blocks.iter().flat_map(|(_, bytes)| records(bytes)).collect();
                prop_assert_eq!(parts, records(whole.as_bytes()));
                let bytes: Vec<u8> = blocks.into_iter().flat_map(|(_, bytes)| bytes).collect();
                prop_assert_eq!(bytes, whole.into_bytes());
            }
        }
    }
}
