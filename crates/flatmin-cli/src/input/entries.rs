//! The entries of a matrix as a file gives them, and the checks that every format shares.
//!
//! Laws of [`Entries::finish`]: at least one entry, all finite, row-major and each place once, so that the order of the file
//! matters only to the numbering of ids. An entry given twice with one value is merged and counted; with two values it is
//! an error. Time and memory are O(entries), whatever shape the file claims.

use anyhow::{Error, Result, anyhow, ensure};
use ndarray::Array2;

use super::ids::Ids;
use super::instance::CompletionData;

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

    fn line(&self, entry: usize) -> u64 {
        let after = self.breaks.partition_point(|&(first, _)| first <= entry);
        after
            .checked_sub(1)
            .map_or(0, |i| self.breaks[i].1 + (entry - self.breaks[i].0) as u64)
    }
}

impl Places {
    fn name(&self, entry: usize) -> String {
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

    fn sorted(self) -> Result<Completion> {
        let order = row_major(&self.rows, &self.cols);
        let kept = self.first_of_each(&order)?;
        let merged = order.len() - kept.len();
        let data = CompletionData {
            rows: kept.iter().map(|&i| self.rows[i as usize]).collect(),
            cols: kept.iter().map(|&i| self.cols[i as usize]).collect(),
            y: kept.iter().map(|&i| self.y[i as usize]).collect(),
            ..self.into_ids()
        };
        Ok(Completion { data, merged })
    }

    /// The entries of `order` without the repeated ones. The sort is stable: the first of its place in the file is kept.
    fn first_of_each(&self, order: &[u32]) -> Result<Vec<u32>> {
        let place = |i: u32| (self.rows[i as usize], self.cols[i as usize]);
        let mut kept: Vec<u32> = Vec::with_capacity(order.len());
        for &i in order {
            match kept.last() {
                Some(&first) if place(first) == place(i) => {
                    ensure!(
                        self.y[first as usize] == self.y[i as usize],
                        self.contradiction(first as usize, i as usize)
                    );
                }
                _ => kept.push(i),
            }
        }
        Ok(kept)
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
            self.y[first],
            self.y[second]
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

    /// Everything but the entries.
    fn into_ids(self) -> CompletionData {
        Self {
            rows: Vec::new(),
            cols: Vec::new(),
            y: Vec::new(),
            ..self
        }
        .into_data()
    }
}

/// The order that sorts by row, then by column, then by position: a radix sort, least significant digit first.
pub(crate) fn row_major(rows: &[u32], cols: &[u32]) -> Vec<u32> {
    // finish() has checked that positions fit.
    let order: Vec<u32> = (0..rows.len()).map(|i| i as u32).collect();
    sort_by(rows, sort_by(cols, order))
}

/// Sorts `order` by key, stably, 16 bits at a time: no table is larger than 65536 whatever the keys are.
fn sort_by(keys: &[u32], order: Vec<u32>) -> Vec<u32> {
    let largest = keys.iter().copied().max().unwrap_or(0);
    let low = sort_by_digit(order, |i| keys[i as usize] as u16);
    if largest <= u32::from(u16::MAX) {
        low
    } else {
        sort_by_digit(low, |i| (keys[i as usize] >> 16) as u16)
    }
}

/// One counting sort.
fn sort_by_digit(order: Vec<u32>, digit: impl Fn(u32) -> u16) -> Vec<u32> {
    let mut ends = vec![0usize; 1 << 16];
    for &i in &order {
        ends[usize::from(digit(i))] += 1;
    }
    let mut start = 0;
    for end in &mut ends {
        (*end, start) = (start, start + *end);
    }
    let mut sorted = vec![0; order.len()];
    for i in order {
        let next = &mut ends[usize::from(digit(i))];
        sorted[*next] = i;
        *next += 1;
    }
    sorted
}

#[cfg(test)]
mod tests;
