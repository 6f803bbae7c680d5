//! Sums over the entries of each line: the products that elimination is made of.
//!
//! A factor is a list of rows of W numbers, W the number of columns k rounded up; the columns beyond k are zero, and their
//! diagonal in every block is one, so that they stay zero. Each line is summed by one thread, in the order of its entries.
//! All that runs in the innermost loops is inlined by force, and counts indices: closures and iterator adaptors are not
//! always compiled for the instruction set that is chosen at run time.

#![allow(clippy::needless_range_loop)]

use faer::{Mat, MatRef};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::linalg::vector;
use crate::map::Lines;

/// One row of a factor.
pub(super) type Row<const W: usize> = [f64; W];
/// A W × W matrix: symmetric, or the lower triangle of its Cholesky factor.
pub(super) type Block<const W: usize> = [[f64; W]; W];

/// Added to the diagonal, relative to the trace: a line with fewer than k entries has a singular block.
const FLOOR: f64 = 1e-15;

/// The rows of a matrix, padded.
pub(super) fn rows_of<const W: usize>(a: MatRef<'_, f64>) -> Vec<Row<W>> {
    let row = |i| std::array::from_fn(|c| if c < a.ncols() { a[(i, c)] } else { 0.0 });
    (0..a.nrows()).map(row).collect()
}

/// Back to a matrix of k columns.
pub(super) fn matrix_of<const W: usize>(rows: &[Row<W>], k: usize) -> Mat<f64> {
    Mat::from_fn(rows.len(), k, |i, c| rows[i][c])
}

/// ⟨a, b⟩ in four lanes: W is a multiple of four.
#[inline(always)]
pub(super) fn dot<const W: usize>(a: &Row<W>, b: &Row<W>) -> f64 {
    let mut lanes = [0.0; 4];
    for c in (0..W).step_by(4) {
        for lane in 0..4 {
            lanes[lane] += a[c + lane] * b[c + lane];
        }
    }
    (lanes[0] + lanes[2]) + (lanes[1] + lanes[3])
}

#[inline(always)]
pub(super) fn add<const W: usize>(out: &mut Row<W>, s: f64, x: &Row<W>) {
    for c in 0..W {
        out[c] += s * x[c];
    }
}

/// Rows of one parallel piece of what costs a few operations a row.
const ROWS: usize = 1024;

/// What is done to each item of a list, given its number.
pub(super) trait Each<T>: Sync {
    fn change(&self, i: usize, item: &mut T);
}

/// Consecutive items, from the number `first` on.
struct Piece<'a, T, E> {
    first: usize,
    items: &'a mut [T],
    each: &'a E,
}

impl<T, E: Each<T>> WithSimd for Piece<'_, T, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for i in 0..self.items.len() {
            self.each.change(self.first + i, &mut self.items[i]);
        }
    }
}

/// Changes all items, `size` of them at a time.
fn change_all<T: Send, E: Each<T>>(items: &mut [T], size: usize, each: &E) {
    items.par_chunks_mut(size).enumerate().for_each(|(piece, items)| {
        Arch::new().dispatch(Piece {
            first: piece * size,
            items,
            each,
        });
    });
}

/// Changes the rows of a factor, or what belongs to each of them.
pub(super) fn each_row<T: Send, E: Each<T>>(rows: &mut [T], each: &E) {
    change_all(rows, ROWS, each);
}

/// Entries of one parallel piece, on average.
const PIECE: usize = 4096;

/// One result a line.
fn over_lines<T: Send + Clone, E: Each<T>>(lines: &Lines<'_>, zero: T, each: &E) -> Vec<T> {
    let count = lines.count();
    let mut out = vec![zero; count];
    let piece = PIECE * count / lines.values().len().max(1);
    change_all(&mut out, piece.clamp(1, count.max(1)), each);
    out
}

/// x ← (C Cᵀ)⁻¹ x with the factor of each row.
pub(super) struct Solve<'a, const W: usize>(pub(super) &'a [Block<W>]);

impl<const W: usize> Each<Row<W>> for Solve<'_, W> {
    #[inline(always)]
    fn change(&self, i: usize, x: &mut Row<W>) {
        solve(&self.0[i], x);
    }
}

/// x ← x − b.
pub(super) struct Subtract<'a, const W: usize>(pub(super) &'a [Row<W>]);

impl<const W: usize> Each<Row<W>> for Subtract<'_, W> {
    #[inline(always)]
    fn change(&self, i: usize, x: &mut Row<W>) {
        add(x, -1.0, &self.0[i]);
    }
}

/// x ← B w with the symmetric block of each row.
pub(super) struct Weigh<'a, const W: usize>(pub(super) &'a [Block<W>], pub(super) &'a [Row<W>]);

impl<const W: usize> Each<Row<W>> for Weigh<'_, W> {
    #[inline(always)]
    fn change(&self, i: usize, x: &mut Row<W>) {
        let (w, mut sum) = (self.1[i], [0.0; W]);
        for c in 0..W {
            add(&mut sum, w[c], &self.0[i][c]);
        }
        *x = sum;
    }
}

/// x ← x − Mᵀ-weighted rows: x_d ← x_d − r·m_d for row r of R and line m_d of the block M.
pub(super) struct Remove<'a, const W: usize>(pub(super) &'a [Row<W>], pub(super) &'a Block<W>);

impl<const W: usize> Each<Row<W>> for Remove<'_, W> {
    #[inline(always)]
    fn change(&self, i: usize, x: &mut Row<W>) {
        for d in 0..W {
            x[d] -= dot(&self.0[i], &self.1[d]);
        }
    }
}

/// Blocks become their Cholesky factors.
struct Factor;

impl<const W: usize> Each<Block<W>> for Factor {
    #[inline(always)]
    fn change(&self, _: usize, block: &mut Block<W>) {
        cholesky(block);
    }
}

/// The Cholesky factors of many blocks.
pub(super) fn factored<const W: usize>(blocks: &[Block<W>]) -> Vec<Block<W>> {
    let mut factors = blocks.to_vec();
    change_all(&mut factors, ROWS / W, &Factor);
    factors
}

/// aᵀ b of a piece of two factors: line c is column c of a against all of b.
struct CrossGram<'a, const W: usize>(&'a [Row<W>], &'a [Row<W>]);

impl<const W: usize> WithSimd for CrossGram<'_, W> {
    type Output = Block<W>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Block<W> {
        let mut sum = [[0.0; W]; W];
        for first in (0..W).step_by(TILE) {
            let mut tile = [[0.0; W]; TILE];
            for i in 0..self.0.len() {
                let y = self.1[i];
                for c in 0..TILE {
                    add(&mut tile[c], self.0[i][first + c], &y);
                }
            }
            sum[first..first + TILE].copy_from_slice(&tile);
        }
        sum
    }
}

/// aᵀ b of two factors, in pieces of fixed size.
pub(super) fn cross_gram<const W: usize>(a: &[Row<W>], b: &[Row<W>]) -> Block<W> {
    let pieces = a.par_chunks(ROWS).zip(b.par_chunks(ROWS));
    let parts: Vec<Block<W>> = pieces
        .map(|(a, b)| Arch::new().dispatch(CrossGram(a, b)))
        .collect();
    let mut sum = [[0.0; W]; W];
    for part in &parts {
        for c in 0..W {
            add(&mut sum[c], 1.0, &part[c]);
        }
    }
    sum
}

/// ⟨a, b⟩ of two factors, in pieces of fixed size.
pub(super) fn inner<const W: usize>(a: &[Row<W>], b: &[Row<W>]) -> f64 {
    let part = |(a, b): (&[Row<W>], &[Row<W>])| vector::dot(a.as_flattened(), b.as_flattened());
    let parts: Vec<f64> = a.par_chunks(ROWS).zip(b.par_chunks(ROWS)).map(part).collect();
    parts.iter().sum()
}

/// Σ f fᵀ + ridge·I over the entries of each line.
pub(super) fn blocks<const W: usize>(
    lines: &Lines<'_>,
    f: &[Row<W>],
    k: usize,
    ridge: &[f64],
) -> Vec<Block<W>> {
    over_lines(lines, [[0.0; W]; W], &Blocks { lines, f, k, ridge })
}

struct Blocks<'a, const W: usize> {
    lines: &'a Lines<'a>,
    f: &'a [Row<W>],
    k: usize,
    ridge: &'a [f64],
}

impl<const W: usize> Each<Block<W>> for Blocks<'_, W> {
    #[inline(always)]
    fn change(&self, i: usize, block: &mut Block<W>) {
        *block = gram(self.lines.line(i).0, self.f);
        finish_block(block, self.k, self.ridge[i]);
    }
}

/// Lines of a block that are summed at once, in registers.
const TILE: usize = 4;

#[inline(always)]
fn gram<const W: usize>(others: &[u32], f: &[Row<W>]) -> Block<W> {
    let mut block = [[0.0; W]; W];
    for first in (0..W).step_by(TILE) {
        let mut tile = [[0.0; W]; TILE];
        for e in 0..others.len() {
            let x = f[others[e] as usize];
            for c in 0..TILE {
                add(&mut tile[c], x[first + c], &x);
            }
        }
        block[first..first + TILE].copy_from_slice(&tile);
    }
    block
}

#[inline(always)]
fn finish_block<const W: usize>(block: &mut Block<W>, k: usize, ridge: f64) {
    let trace: f64 = (0..k).map(|c| block[c][c]).sum();
    // A line without entries has a zero block; any value will do for it.
    let floor = if trace > 0.0 { FLOOR * trace } else { 1.0 };
    for (c, line) in block.iter_mut().enumerate() {
        line[c] += if c < k { ridge + floor } else { 1.0 };
    }
}

/// The best own factor for the other side's factor f: the minimiser of Σ (own·f − y)² + ridge·‖own‖² in each line, with the
/// Cholesky factors of the normal equations.
pub(super) fn best_response<const W: usize>(
    lines: &Lines<'_>,
    f: &[Row<W>],
    k: usize,
    ridge: &[f64],
) -> (Vec<Row<W>>, Vec<Block<W>>) {
    let zero = ([0.0; W], [[0.0; W]; W]);
    over_lines(lines, zero, &Blocks { lines, f, k, ridge })
        .into_iter()
        .unzip()
}

impl<const W: usize> Each<(Row<W>, Block<W>)> for Blocks<'_, W> {
    #[inline(always)]
    fn change(&self, i: usize, (own, block): &mut (Row<W>, Block<W>)) {
        let (others, values) = self.lines.line(i);
        *block = gram(others, self.f);
        let mut sum = [0.0; W];
        for e in 0..others.len() {
            add(&mut sum, values[e], &self.f[others[e] as usize]);
        }
        *own = sum;
        finish_block(block, self.k, self.ridge[i]);
        cholesky(block);
        solve(block, own);
    }
}

/// The residuals of each line, own·f − y.
struct Residuals<'a, const W: usize> {
    lines: &'a Lines<'a>,
    own: &'a [Row<W>],
    f: &'a [Row<W>],
}

/// Σ (own·f − y) f over the entries of each line.
pub(super) fn gradient<const W: usize>(lines: &Lines<'_>, own: &[Row<W>], f: &[Row<W>]) -> Vec<Row<W>> {
    over_lines(lines, [0.0; W], &Residuals { lines, own, f })
}

impl<const W: usize> Each<Row<W>> for Residuals<'_, W> {
    #[inline(always)]
    fn change(&self, i: usize, out: &mut Row<W>) {
        let (others, values) = self.lines.line(i);
        let (own, mut sum) = (self.own[i], [0.0; W]);
        for e in 0..others.len() {
            let x = &self.f[others[e] as usize];
            add(&mut sum, dot(&own, x) - values[e], x);
        }
        *out = sum;
    }
}

/// Σ (own·f − y)² over the entries of each line.
pub(super) fn misfits<const W: usize>(lines: &Lines<'_>, own: &[Row<W>], f: &[Row<W>]) -> Vec<f64> {
    over_lines(lines, 0.0, &Residuals { lines, own, f })
}

impl<const W: usize> Each<f64> for Residuals<'_, W> {
    #[inline(always)]
    fn change(&self, i: usize, out: &mut f64) {
        let (others, values) = self.lines.line(i);
        let (own, mut sum) = (self.own[i], 0.0);
        for e in 0..others.len() {
            let residual = dot(&own, &self.f[others[e] as usize]) - values[e];
            sum += residual * residual;
        }
        *out = sum;
    }
}

/// Σ (own·w) f over the entries of each line: the coupling of the two sides, applied to w.
pub(super) fn coupling<const W: usize>(
    lines: &Lines<'_>,
    own: &[Row<W>],
    w: &[Row<W>],
    f: &[Row<W>],
) -> Vec<Row<W>> {
    over_lines(lines, [0.0; W], &Coupling { lines, own, w, f })
}

struct Coupling<'a, const W: usize> {
    lines: &'a Lines<'a>,
    own: &'a [Row<W>],
    w: &'a [Row<W>],
    f: &'a [Row<W>],
}

impl<const W: usize> Each<Row<W>> for Coupling<'_, W> {
    #[inline(always)]
    fn change(&self, i: usize, out: &mut Row<W>) {
        let others = self.lines.line(i).0;
        let (own, mut sum) = (self.own[i], [0.0; W]);
        for e in 0..others.len() {
            let o = others[e] as usize;
            add(&mut sum, dot(&own, &self.w[o]), &self.f[o]);
        }
        *out = sum;
    }
}

/// The lower triangle becomes that of the Cholesky factor. A pivot that rounding made negative becomes tiny.
#[inline(always)]
pub(super) fn cholesky<const W: usize>(a: &mut Block<W>) {
    for j in 0..W {
        for t in 0..j {
            let s = a[j][t];
            for i in j..W {
                a[i][j] -= a[i][t] * s;
            }
        }
        let pivot = a[j][j].max(f64::MIN_POSITIVE).sqrt();
        a[j][j] = pivot;
        for i in j + 1..W {
            a[i][j] /= pivot;
        }
    }
}

/// x ← (C Cᵀ)⁻¹ x.
#[inline(always)]
pub(super) fn solve<const W: usize>(c: &Block<W>, x: &mut Row<W>) {
    for i in 0..W {
        for t in 0..i {
            x[i] -= c[i][t] * x[t];
        }
        x[i] /= c[i][i];
    }
    for i in (0..W).rev() {
        for t in i + 1..W {
            x[i] -= c[t][i] * x[t];
        }
        x[i] /= c[i][i];
    }
}
