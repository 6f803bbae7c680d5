//! The entries of a matrix as a file gives them, and the checks that every format shares.
//!
//! Laws of [`Entries::finish`]: at least one entry, all finite, row-major and each place once, so that the order of the file
//! matters only to the numbering of ids. An entry given twice with one value is merged and counted; with two values it is
//! an error. Time and memory are O(entries), whatever shape the file claims.

use anyhow::{Error, Result, anyhow, ensure};
use ndarray::Array2;
use rayon::prelude::*;

use super::ids::Ids;
use super::instance::CompletionData;
use super::numpy::shown_number;
use crate::memory::Free;

/// Bytes of an entry: its row, column and value.
const ENTRY: u64 = 16;

/// Entries in the order of the file, each index already below its dimension.
#[derive(Debug)]
pub(crate) struct Entries {
    pub(crate) rows: Vec<u32>,
    pub(crate) cols: Vec<u32>,
    pub(crate) y: Vec<f64>,
    pub(crate) shape: (usize, usize),
    pub(crate) truth: Option<Array2<f64>>,
    pub(crate) row_ids: Option<Vec<String>>,
    pub(crate) col_ids: Option<Vec<String>>,
    /// Where each entry stands in the file.
    pub(crate) places: Places,
}

/// An instance, and how many entries of the file repeated another one.
#[derive(Debug)]
pub(crate) struct Completion {
    pub(crate) data: CompletionData,
    /// Repeated entries, merged into the first of their kind.
    pub(crate) merged: usize,
}

/// Where an entry stands in its file.
#[derive(Debug)]
pub(crate) enum Places {
    /// Entry i of arrays.
    Entries,
    /// Row i of a table without lines.
    #[cfg_attr(
        not(feature = "parquet"),
        expect(dead_code, reason = "only Parquet tables have no lines")
    )]
    Rows,
    /// A line of text.
    Lines(LineMap),
}

/// The lines of the entries: stored only where they do not follow one another.
#[derive(Debug, Default)]
pub(crate) struct LineMap {
    /// (entry, its line), ascending; entries between two of these are on consecutive lines.
    breaks: Vec<(usize, u64)>,
    count: usize,
    next_line: u64,
}

impl LineMap {
    /// Records the line of the next entry.
    pub(crate) fn push(&mut self, line: u64) {
        if line != self.next_line || self.breaks.is_empty() {
            self.breaks.push((self.count, line));
        }
        self.count += 1;
        self.next_line = line + 1;
    }

    /// Adds the lines of the entries that follow.
    fn append(&mut self, part: &LineMap) {
        let follows = |line| line == self.next_line && !self.breaks.is_empty();
        let mut breaks = part.breaks.iter().copied().peekable();
        breaks.next_if(|&(_, line)| follows(line));
        self.breaks
            .extend(breaks.map(|(entry, line)| (self.count + entry, line)));
        if part.count > 0 {
            (self.count, self.next_line) = (self.count + part.count, part.next_line);
        }
    }

    fn line(&self, entry: usize) -> u64 {
        let after = self.breaks.partition_point(|&(first, _)| first <= entry);
        after
            .checked_sub(1)
            .map_or(0, |i| self.breaks[i].1 + (entry - self.breaks[i].0) as u64)
    }
}

impl Places {
    pub(crate) fn name(&self, entry: usize) -> String {
        match self {
            Self::Entries => format!("entry {entry}"),
            Self::Rows => format!("row {entry}"),
            Self::Lines(map) => format!("line {}", map.line(entry)),
        }
    }
}

impl Entries {
    pub(crate) fn empty(shape: (usize, usize), places: Places) -> Self {
        let (rows, cols, y) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            rows,
            cols,
            y,
            shape,
            truth: None,
            row_ids: None,
            col_ids: None,
            places,
        }
    }

    /// Adds an entry of arrays.
    pub(crate) fn push(&mut self, row: u32, col: u32, value: f64) {
        self.rows.push(row);
        self.cols.push(col);
        self.y.push(value);
    }

    /// Adds an entry of a text file.
    pub(crate) fn push_at_line(&mut self, line: u64, row: u32, col: u32, value: f64) {
        self.push(row, col, value);
        if let Places::Lines(map) = &mut self.places {
            map.push(line);
        }
    }

    /// Adds the entries that follow in the file.
    pub(crate) fn append(&mut self, part: Entries) {
        self.rows.extend_from_slice(&part.rows);
        self.cols.extend_from_slice(&part.cols);
        self.y.extend_from_slice(&part.y);
        if let (Places::Lines(lines), Places::Lines(part)) = (&mut self.places, &part.places) {
            lines.append(part);
        }
    }

    /// Refuses more than the memory holds of them, as they stand and sorted.
    pub(crate) fn fit(&self, free: Free) -> Result<()> {
        let n = self.y.len();
        let bytes = (n as u64).saturating_mul(2 * ENTRY);
        free.holds(bytes, || format!("{n} entries and more"))
    }

    /// The same entries in rows `rows[i]` and columns `cols[j]` instead of i and j.
    pub(crate) fn renumbered(mut self, rows: &[u32], cols: &[u32]) -> Self {
        self.rows.iter_mut().for_each(|row| *row = rows[*row as usize]);
        self.cols.iter_mut().for_each(|col| *col = cols[*col as usize]);
        self
    }

    /// The line of an entry of a text file.
    pub(crate) fn line(&self, entry: usize) -> u64 {
        match &self.places {
            Places::Lines(map) => map.line(entry),
            _ => 0,
        }
    }

    /// Names the rows and columns; there are as many as ids.
    pub(crate) fn with_ids(self, rows: Ids, cols: Ids) -> Self {
        let shape = (rows.len(), cols.len());
        let (row_ids, col_ids) = (Some(rows.into_names()), Some(cols.into_names()));
        Self {
            shape,
            row_ids,
            col_ids,
            ..self
        }
    }

    /// Checks, sorts and merges.
    pub(crate) fn finish(self) -> Result<Completion> {
        let n = self.y.len();
        self.fit(Free::now())?;
        ensure!(n > 0, "found no entry, expected at least one");
        ensure!(
            u32::try_from(n).is_ok(),
            "found {n} entries, expected at most {}",
            u32::MAX
        );
        if let Some(bad) = self.y.iter().position(|v| !v.is_finite()) {
            return Err(anyhow!(
                "{}: found the value {}, expected a finite number",
                self.places.name(bad),
                self.y[bad]
            ));
        }
        if self.is_row_major() {
            Ok(Completion {
                data: self.into_data(),
                merged: 0,
            })
        } else {
            self.sorted()
        }
    }

    /// Whether the entries are strictly ascending already, as most written files are.
    fn is_row_major(&self) -> bool {
        let (rows, cols) = (&self.rows, &self.cols);
        (1..rows.len()).all(|i| (rows[i - 1], cols[i - 1]) < (rows[i], cols[i]))
    }

    fn sorted(mut self) -> Result<Completion> {
        let mut order = row_major(&self.rows, &self.cols);
        let all = order.len();
        self.keep_first(&mut order)?;
        // One after the other, so that only one array is there twice.
        self.rows = picked(&self.rows, &order);
        self.cols = picked(&self.cols, &order);
        self.y = picked(&self.y, &order);
        Ok(Completion {
            merged: all - order.len(),
            data: self.into_data(),
        })
    }

    /// Leaves the repeated entries out of `order`. The sort is stable: the first of its place in the file is kept.
    fn keep_first(&self, order: &mut Vec<u32>) -> Result<()> {
        let mut contradiction = None;
        order.dedup_by(|second, first| {
            let (i, j) = (*first as usize, *second as usize);
            let same = (self.rows[i], self.cols[i]) == (self.rows[j], self.cols[j]);
            if same && self.y[i] != self.y[j] {
                contradiction.get_or_insert((i, j));
            }
            same
        });
        contradiction.map_or(Ok(()), |(first, second)| Err(self.contradiction(first, second)))
    }

    /// "line 12 and line 507 both give (u3, i9): 3 and 4".
    fn contradiction(&self, first: usize, second: usize) -> Error {
        let name = |ids: &Option<Vec<String>>, index: u32| match ids {
            Some(ids) => ids[index as usize].escape_debug().to_string(),
            None => index.to_string(),
        };
        let row = name(&self.row_ids, self.rows[first]);
        let col = name(&self.col_ids, self.cols[first]);
        let (one, other) = (self.places.name(first), self.places.name(second));
        anyhow!(
            "{one} and {other} both give ({row}, {col}): {} and {}, expected one value",
            shown_number(self.y[first]),
            shown_number(self.y[second])
        )
    }

    fn into_data(self) -> CompletionData {
        let Self {
            rows,
            cols,
            y,
            shape,
            truth,
            row_ids,
            col_ids,
            ..
        } = self;
        CompletionData {
            rows,
            cols,
            y,
            shape,
            truth,
            row_ids,
            col_ids,
        }
    }
}

fn picked<T: Copy + Send + Sync>(from: &[T], order: &[u32]) -> Vec<T> {
    order.par_iter().map(|&i| from[i as usize]).collect()
}

/// The order that sorts by row, then by column, then by position: a radix sort by row, then each row by itself.
pub(crate) fn row_major(rows: &[u32], cols: &[u32]) -> Vec<u32> {
    // finish() has checked that positions fit.
    let mut order: Vec<u32> = (0..rows.len() as u32).collect();
    if !rows.is_sorted() {
        order = sort_by(rows, order);
    }
    let same_row = |&a: &u32, &b: &u32| rows[a as usize] == rows[b as usize];
    order
        .par_chunk_by_mut(same_row)
        .for_each(|row| sort_row(cols, row));
    order
}

/// Sorts the entries of one row, ascending as they are, by column and then by position.
fn sort_row(cols: &[u32], row: &mut [u32]) {
    let key = |&i: &u32| u64::from(cols[i as usize]) << 32 | u64::from(i);
    let mut keys: Vec<u64> = row.iter().map(key).collect();
    keys.sort_unstable();
    row.iter_mut().zip(keys).for_each(|(i, key)| *i = key as u32);
}

/// Sorts `order` by key, stably, by digits no wider than the count of the keys: no table is much larger than the keys are.
fn sort_by(keys: &[u32], mut order: Vec<u32>) -> Vec<u32> {
    let width = (usize::BITS - keys.len().leading_zeros()).clamp(8, 24);
    let largest = keys.iter().copied().max().unwrap_or(0);
    for shift in (0..u32::BITS)
        .step_by(width as usize)
        .take_while(|shift| largest >> shift > 0)
    {
        let most = (largest >> shift).min((1 << width) - 1);
        order = sort_by_digit(order, most as usize, |i| {
            (keys[i as usize] >> shift & ((1 << width) - 1)) as usize
        });
    }
    order
}

/// One counting sort, by digits up to `most`.
fn sort_by_digit(order: Vec<u32>, most: usize, digit: impl Fn(u32) -> usize) -> Vec<u32> {
    let mut ends = vec![0usize; most + 1];
    for &i in &order {
        ends[digit(i)] += 1;
    }
    let mut start = 0;
    for end in &mut ends {
        (*end, start) = (start, start + *end);
    }
    let mut sorted = vec![0; order.len()];
    for i in order {
        let next = &mut ends[digit(i)];
        sorted[*next] = i;
        *next += 1;
    }
    sorted
}

#[cfg(test)]
mod tests;
