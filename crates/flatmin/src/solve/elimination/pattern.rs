//! The observed entries as a bipartite graph of rows and columns, seen from either side, and parts of it.

use crate::map::Entries;
use crate::map::Lines;

/// Both sides.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pub(super) rows: Lines<'static>,
    pub(super) columns: Lines<'static>,
}

impl Pattern {
    pub(super) fn new(entries: &Entries, data: &[f64]) -> Self {
        Pattern {
            rows: entries.row_lines(data).into_owned(),
            columns: entries.column_lines(data).into_owned(),
        }
    }

    /// The entries that lie in no line left out; the lines keep their numbers.
    pub(super) fn without(&self, out: &LeftOut) -> Pattern {
        Pattern {
            rows: self.rows.without(&out.rows, &out.columns),
            columns: self.columns.without(&out.columns, &out.rows),
        }
    }

    /// The sum of squares of the data.
    pub(super) fn squared_size(&self) -> f64 {
        self.rows.values().iter().map(|v| v * v).sum()
    }
}

/// Entries of a line whose other end is not left out.
fn degree(lines: &Lines<'_>, line: usize, across_out: &[bool]) -> usize {
    let staying = |b: &&u32| !across_out[**b as usize];
    lines.line(line).0.iter().filter(staying).count()
}

/// Rows and columns that are left out for a while.
#[derive(Clone, Debug)]
pub(super) struct LeftOut {
    pub(super) rows: Vec<bool>,
    pub(super) columns: Vec<bool>,
}

impl LeftOut {
    /// Nothing.
    pub(super) fn nothing(pattern: &Pattern) -> Self {
        LeftOut {
            rows: vec![false; pattern.rows.count()],
            columns: vec![false; pattern.columns.count()],
        }
    }

    pub(super) fn count(&self) -> usize {
        let count = |out: &[bool]| out.iter().filter(|o| **o).count();
        count(&self.rows) + count(&self.columns)
    }

    /// Leaves out, again and again, every line with fewer than `need` entries among those that stay.
    pub(super) fn peel(&mut self, pattern: &Pattern, need: usize) {
        loop {
            let before = self.count();
            for i in 0..self.rows.len() {
                self.rows[i] = self.rows[i] || degree(&pattern.rows, i, &self.columns) < need;
            }
            for i in 0..self.columns.len() {
                self.columns[i] = self.columns[i] || degree(&pattern.columns, i, &self.rows) < need;
            }
            if self.count() == before {
                return;
            }
        }
    }

    /// The columns that say little of themselves, or meet a row that does: those that k + 2-peeling leaves out, and their
    /// neighbours.
    pub(super) fn weak_columns(pattern: &Pattern, k: usize) -> Vec<bool> {
        let mut out = LeftOut::nothing(pattern);
        out.peel(pattern, k + 2);
        let mut weak = out.columns;
        for (i, _) in out.rows.iter().enumerate().filter(|(_, out)| **out) {
            pattern
                .rows
                .line(i)
                .0
                .iter()
                .for_each(|o| weak[*o as usize] = true);
        }
        weak
    }

    /// The line left out that has most entries among those that stay, as (is a row, number).
    pub(super) fn best_known(&self, pattern: &Pattern) -> Option<(bool, usize)> {
        let out = |flags: &[bool]| (0..flags.len()).filter(|i| flags[*i]).collect::<Vec<_>>();
        let rows = out(&self.rows)
            .into_iter()
            .map(|i| (degree(&pattern.rows, i, &self.columns), true, i));
        let columns = out(&self.columns)
            .into_iter()
            .map(|i| (degree(&pattern.columns, i, &self.rows), false, i));
        let best = rows
            .chain(columns)
            .max_by_key(|(degree, _, i)| (*degree, usize::MAX - i))?;
        Some((best.1, best.2))
    }
}
