//! The observed entries as a bipartite graph of rows and columns, seen from either side, and parts of it.

use crate::map::Entries;

/// The entries of each row, or of each column.
#[derive(Clone, Debug)]
pub(super) struct Half {
    /// Line i owns entries start[i]..start[i + 1].
    pub(super) start: Vec<usize>,
    /// The line of the other side that each entry lies in.
    pub(super) other: Vec<u32>,
    /// The data.
    pub(super) values: Vec<f64>,
    /// Lines of one parallel piece: some thousand entries.
    pub(super) piece: usize,
}

/// Entries of one parallel piece, on average.
const PIECE: usize = 4096;

impl Half {
    fn new(start: Vec<usize>, other: Vec<u32>, values: Vec<f64>) -> Self {
        let lines = start.len() - 1;
        let piece = (PIECE * lines / other.len().max(1)).clamp(1, lines);
        Half {
            start,
            other,
            values,
            piece,
        }
    }

    /// How many lines there are.
    pub(super) fn lines(&self) -> usize {
        self.start.len() - 1
    }

    /// The other ends and the values of line i.
    #[inline(always)]
    pub(super) fn line(&self, i: usize) -> (&[u32], &[f64]) {
        let range = self.start[i]..self.start[i + 1];
        (&self.other[range.clone()], &self.values[range])
    }

    /// Entries of line i whose other end is not left out.
    fn degree(&self, i: usize, other_out: &[bool]) -> usize {
        self.line(i).0.iter().filter(|o| !other_out[**o as usize]).count()
    }

    fn without(&self, own_out: &[bool], other_out: &[bool]) -> Half {
        let (mut start, mut other, mut values) = (vec![0], Vec::new(), Vec::new());
        for (i, out) in own_out.iter().enumerate() {
            let (others, data) = self.line(i);
            for (o, value) in others.iter().zip(data) {
                if !out && !other_out[*o as usize] {
                    other.push(*o);
                    values.push(*value);
                }
            }
            start.push(other.len());
        }
        Half::new(start, other, values)
    }
}

/// Both sides.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pub(super) rows: Half,
    pub(super) columns: Half,
}

impl Pattern {
    pub(super) fn new(entries: &Entries, data: &[f64]) -> Self {
        let (d1, d2) = crate::map::MeasurementMap::shape(entries);
        let starts = |count: usize, size: &dyn Fn(usize) -> usize| {
            let mut start = vec![0];
            for i in 0..count {
                start.push(start[i] + size(i));
            }
            start
        };
        let by_column: Vec<usize> = (0..d2)
            .flat_map(|b| entries.column_entries(b))
            .map(|e| *e as usize)
            .collect();
        Pattern {
            rows: Half::new(
                starts(d1, &|a| entries.row_range(a).len()),
                entries.columns().to_vec(),
                data.to_vec(),
            ),
            columns: Half::new(
                starts(d2, &|b| entries.column_entries(b).len()),
                by_column.iter().map(|e| entries.rows()[*e]).collect(),
                by_column.iter().map(|e| data[*e]).collect(),
            ),
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
        self.rows.values.iter().map(|v| v * v).sum()
    }
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
            rows: vec![false; pattern.rows.lines()],
            columns: vec![false; pattern.columns.lines()],
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
                self.rows[i] = self.rows[i] || pattern.rows.degree(i, &self.columns) < need;
            }
            for i in 0..self.columns.len() {
                self.columns[i] = self.columns[i] || pattern.columns.degree(i, &self.rows) < need;
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
            .map(|i| (pattern.rows.degree(i, &self.columns), true, i));
        let columns = out(&self.columns)
            .into_iter()
            .map(|i| (pattern.columns.degree(i, &self.rows), false, i));
        let best = rows
            .chain(columns)
            .max_by_key(|(degree, _, i)| (*degree, usize::MAX - i))?;
        Some((best.1, best.2))
    }
}
