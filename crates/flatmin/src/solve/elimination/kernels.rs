//! Sums over the entries of each line: the products that elimination is made of.
//!
//! A factor is a list of rows of W numbers, W the number of columns k rounded up; the columns beyond k are zero, and their
//! diagonal in every block is one, so that they stay zero. Each line is summed by one thread, in the order of its entries.
//! The innermost loops count indices: iterator adaptors are not always compiled into code for the instruction set chosen.

#![allow(clippy::needless_range_loop)]

use faer::{Mat, MatRef};
use rayon::prelude::*;

use super::pattern::Half;

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

/// ⟨a, b⟩ of two factors, in pieces of fixed size.
pub(super) fn inner<const W: usize>(a: &[Row<W>], b: &[Row<W>]) -> f64 {
    let part = |(a, b): (&[Row<W>], &[Row<W>])| -> f64 {
        pulp::Arch::new().dispatch(|| {
            let mut sum = 0.0;
            for i in 0..a.len() {
                sum += dot(&a[i], &b[i]);
            }
            sum
        })
    };
    let parts: Vec<f64> = a.par_chunks(ROWS).zip(b.par_chunks(ROWS)).map(part).collect();
    parts.iter().sum()
}

/// aᵀ b of two factors, in pieces of fixed size: line c is column c of a against all of b.
pub(super) fn cross_gram<const W: usize>(a: &[Row<W>], b: &[Row<W>]) -> Block<W> {
    let part = |(a, b): (&[Row<W>], &[Row<W>])| -> Block<W> {
        pulp::Arch::new().dispatch(|| {
            let mut sum = [[0.0; W]; W];
            for i in 0..a.len() {
                for c in 0..W {
                    add(&mut sum[c], a[i][c], &b[i]);
                }
            }
            sum
        })
    };
    let parts: Vec<Block<W>> = a.par_chunks(ROWS).zip(b.par_chunks(ROWS)).map(part).collect();
    let mut sum = [[0.0; W]; W];
    for part in &parts {
        (0..W).for_each(|c| add(&mut sum[c], 1.0, &part[c]));
    }
    sum
}

/// Changes each row of a factor.
pub(super) fn each_row<const W: usize>(rows: &mut [Row<W>], change: impl Fn(usize, &mut Row<W>) + Sync) {
    rows.par_chunks_mut(ROWS).enumerate().for_each(|(piece, part)| {
        pulp::Arch::new().dispatch(|| {
            for i in 0..part.len() {
                change(piece * ROWS + i, &mut part[i]);
            }
        });
    });
}

/// One result a line.
fn over_lines<T: Send + Clone>(half: &Half, zero: T, fill: impl Fn(usize, &mut T) + Sync) -> Vec<T> {
    let mut out = vec![zero; half.lines()];
    out.par_chunks_mut(half.piece)
        .enumerate()
        .for_each(|(piece, part)| {
            pulp::Arch::new().dispatch(|| {
                for i in 0..part.len() {
                    fill(piece * half.piece + i, &mut part[i]);
                }
            });
        });
    out
}

/// Σ f fᵀ + ridge·I over the entries of each line.
pub(super) fn blocks<const W: usize>(half: &Half, f: &[Row<W>], k: usize, ridge: &[f64]) -> Vec<Block<W>> {
    over_lines(half, [[0.0; W]; W], |i, block| {
        *block = gram(half.line(i).0, f);
        finish_block(block, k, ridge[i]);
    })
}

#[inline(always)]
fn gram<const W: usize>(others: &[u32], f: &[Row<W>]) -> Block<W> {
    let mut block = [[0.0; W]; W];
    for o in others {
        let x = &f[*o as usize];
        for c in 0..W {
            add(&mut block[c], x[c], x);
        }
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
    half: &Half,
    f: &[Row<W>],
    k: usize,
    ridge: &[f64],
) -> (Vec<Row<W>>, Vec<Block<W>>) {
    let zero = ([0.0; W], [[0.0; W]; W]);
    let both = over_lines(half, zero, |i, (own, block)| {
        let (others, values) = half.line(i);
        *block = gram(others, f);
        for e in 0..others.len() {
            add(own, values[e], &f[others[e] as usize]);
        }
        finish_block(block, k, ridge[i]);
        cholesky(block);
        solve(block, own);
    });
    both.into_iter().unzip()
}

/// Σ (own·f − y) f over the entries of each line.
pub(super) fn gradient<const W: usize>(half: &Half, own: &[Row<W>], f: &[Row<W>]) -> Vec<Row<W>> {
    over_lines(half, [0.0; W], |i, out| {
        let (others, values) = half.line(i);
        for e in 0..others.len() {
            let x = &f[others[e] as usize];
            add(out, dot(&own[i], x) - values[e], x);
        }
    })
}

/// Σ (own·f − y)² over the entries of each line.
pub(super) fn misfits<const W: usize>(half: &Half, own: &[Row<W>], f: &[Row<W>]) -> Vec<f64> {
    over_lines(half, 0.0, |i, out| {
        let (others, values) = half.line(i);
        for e in 0..others.len() {
            let residual = dot(&own[i], &f[others[e] as usize]) - values[e];
            *out += residual * residual;
        }
    })
}

/// Σ (own·w) f over the entries of each line: the coupling of the two sides, applied to w.
pub(super) fn coupling<const W: usize>(
    half: &Half,
    own: &[Row<W>],
    w: &[Row<W>],
    f: &[Row<W>],
) -> Vec<Row<W>> {
    over_lines(half, [0.0; W], |i, out| {
        for o in half.line(i).0 {
            let o = *o as usize;
            add(out, dot(&own[i], &w[o]), &f[o]);
        }
    })
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

/// The Cholesky factors of many blocks.
pub(super) fn factored<const W: usize>(blocks: &[Block<W>]) -> Vec<Block<W>> {
    let mut factors = blocks.to_vec();
    factors.par_chunks_mut(ROWS / W).for_each(|part| {
        pulp::Arch::new().dispatch(|| part.iter_mut().for_each(cholesky));
    });
    factors
}
