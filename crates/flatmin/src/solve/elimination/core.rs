//! The core: the rows and columns that determine the factors, and the others, filled in afterwards.
//!
//! With k columns, a row with at most k entries fits them whatever R is: it says nothing of R, and while R is not yet
//! right, its own factor is anything. Leaving such lines out, again and again, leaves a core (a k-core of the bipartite
//! graph) with the same R. The same is done to a line that the iteration has spent a column of the factors on: the column
//! is then concentrated in that line (its leverage, the squared norm of its row in an orthonormal basis, nears one),
//! which no incoherent matrix asks for. Once the core fits, each line left out is a least-squares problem of its own.

use faer::MatRef;

use super::kernels::{Row, best_response, matrix_of, misfits};
use super::newton::State;
use super::pattern::{LeftOut, Pattern};
use crate::error::Error;
use crate::factors::Factors;
use crate::map::Lines;

/// Entries more than k that a line of the core has: one equation is little to judge a line by.
const SPARE: usize = 2;
/// A line whose leverage is this many times the mean has drawn a column to itself.
const LEVERAGE: f64 = 8.0;
/// A line with this share of the misfit is suspect once the rest fits nearly.
const SHARE: f64 = 0.04;
/// Most lines left out at once for their misfit.
const SUSPECTS: usize = 4;

/// A part of the entries.
pub(super) struct Core<'a> {
    whole: &'a Pattern,
    pub(super) pattern: Pattern,
    out: LeftOut,
    k: usize,
}

impl<'a> Core<'a> {
    /// All that say something of factors with k columns; everything where that is nothing.
    pub(super) fn new(whole: &'a Pattern, k: usize) -> Self {
        let mut out = LeftOut::nothing(whole);
        out.peel(whole, k + SPARE);
        let pattern = whole.without(&out);
        if pattern.rows.values().is_empty() {
            return Core::whole(whole, k);
        }
        Core {
            whole,
            pattern,
            out,
            k,
        }
    }

    /// All entries.
    pub(super) fn whole(whole: &'a Pattern, k: usize) -> Self {
        Core {
            whole,
            pattern: whole.clone(),
            out: LeftOut::nothing(whole),
            k,
        }
    }

    /// How many lines are left out.
    pub(super) fn left_out(&self) -> usize {
        self.out.count()
    }

    /// Sets the rows of R that are left out to zero.
    pub(super) fn forget<const W: usize>(&self, r: &mut [Row<W>]) {
        let left_out = r.iter_mut().zip(&self.out.columns).filter(|(_, out)| **out);
        left_out.for_each(|(row, _)| *row = [0.0; W]);
    }

    /// Leaves out the lines with excessive leverage and, if `suspect`, those with most of the misfit.
    pub(super) fn narrow<const W: usize>(&mut self, state: &State<W>, suspect: bool) -> Result<(), Error> {
        let svd = Factors {
            l: matrix_of(&state.l, self.k),
            r: matrix_of(&state.r, self.k),
        }
        .svd()?;
        let mut found = mark_leverage(svd.u.as_ref(), &mut self.out.rows);
        found |= mark_leverage(svd.v.as_ref(), &mut self.out.columns);
        if suspect {
            let rows = misfits(&self.pattern.rows, &state.l, &state.r);
            let columns = misfits(&self.pattern.columns, &state.r, &state.l);
            self.mark_suspects(&rows, &columns);
            found = true;
        }
        if found {
            self.out.peel(self.whole, self.k + SPARE);
            self.pattern = self.whole.without(&self.out);
        }
        Ok(())
    }

    fn mark_suspects(&mut self, rows: &[f64], columns: &[f64]) {
        let total: f64 = rows.iter().sum();
        let lines = |shares: &[f64], is_row: bool| -> Vec<(f64, bool, usize)> {
            let line = |(i, share): (usize, &f64)| (*share, is_row, i);
            shares.iter().enumerate().map(line).collect()
        };
        let mut all = [lines(rows, true), lines(columns, false)].concat();
        all.sort_by(|a, b| b.0.total_cmp(&a.0));
        // The worst one in any case: something has to change.
        let worst = all.iter().take(SUSPECTS).enumerate();
        for (rank, (share, is_row, i)) in worst {
            if rank == 0 || *share > SHARE * total {
                let out = if *is_row {
                    &mut self.out.rows
                } else {
                    &mut self.out.columns
                };
                out[*i] = true;
            }
        }
    }

    /// Gives every line left out the factor that fits its entries with known other ends best, those with most of them first.
    pub(super) fn fill<const W: usize>(&self, state: State<W>) -> Vec<Row<W>> {
        let (mut l, mut r, mut out) = (state.l, state.r, self.out.clone());
        while let Some((is_row, i)) = out.best_known(self.whole) {
            if is_row {
                l[i] = fit_line(&self.whole.rows, i, &r, &out.columns, self.k);
                out.rows[i] = false;
            } else {
                r[i] = fit_line(&self.whole.columns, i, &l, &out.rows, self.k);
                out.columns[i] = false;
            }
        }
        r
    }
}

/// Marks the rows of an orthonormal basis whose leverage is excessive.
fn mark_leverage(basis: MatRef<'_, f64>, out: &mut [bool]) -> bool {
    let staying = out.iter().filter(|o| !**o).count();
    let bound = LEVERAGE * basis.ncols() as f64 / staying.max(1) as f64;
    let mut found = false;
    for (i, out) in out.iter_mut().enumerate() {
        if !*out && basis.row(i).squared_norm_l2() > bound {
            *out = true;
            found = true;
        }
    }
    found
}

/// The least-squares factor of line i for its entries whose other ends are known.
fn fit_line<const W: usize>(lines: &Lines<'_>, i: usize, f: &[Row<W>], unknown: &[bool], k: usize) -> Row<W> {
    let (others, values) = lines.line(i);
    let known: Vec<usize> = (0..others.len())
        .filter(|e| !unknown[others[*e] as usize])
        .collect();
    let line = Lines::new(
        vec![0, known.len()],
        known.iter().map(|e| others[*e]).collect(),
        known.iter().map(|e| values[*e]).collect(),
    );
    // Next to nothing, against the size of the block: the shortest of many solutions where there are too few entries.
    let size: f64 = (line.line(0).0.iter())
        .map(|o| f[*o as usize].iter().map(|v| v * v).sum::<f64>())
        .sum();
    best_response(&line, f, k, &[1e-13 * size]).0[0]
}
