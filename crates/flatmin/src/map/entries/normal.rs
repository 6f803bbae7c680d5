//! Ridge regressions of all lines at once: what alternating least squares spends its time on.
//!
//! With one factor given, row a of the other minimises  ½Σ_b (l·r_b − y_ab)² + ρ_a/2·‖l‖²  over its entries, that is
//!
//!   (Σ_b r_b r_bᵀ + ρ_a I) l = Σ_b y_ab r_b,
//!
//! k×k systems, each formed in one pass over the entries of the row and factored at once. Every line is the work of one
//! thread, so that the bits do not depend on the number of threads; lines are dealt out a few at a time, so that long
//! ones do not hold up the rest. Memory beyond the factors: one system a thread.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::lines::Lines;
use super::thin::{TILE, Thin};
use crate::linalg::vector::dot;

/// Lines of one parallel piece.
const PIECE: usize = 16;
/// Numbers gathered at a time, 64 KiB: they are read once for each tile of the system, and the system once for all of them.
const GATHERED: usize = 8192;

/// out_a ← argmin ½Σ_b (out_a·x_b − y_ab)² + ρ_a/2·‖out_a‖² over the entries (a, b) of each line a. Returns how far
/// ½‖y‖² falls: ½Σ_a out_a·(Σ_b y_ab x_b).
///
/// A line without entries is zero; ρ_a = 0 with a singular system means a tiny ridge.
pub(crate) fn regress(lines: &Lines<'_>, x: &Thin, ridge: &[f64]) -> (Thin, f64) {
    let mut out = Thin::zeros(lines.count(), x.columns());
    let product = solve_systems(lines, x, ridge, Right::Values, &mut out);
    (out, 0.5 * product)
}

/// out_a ← (Σ_b x_b x_bᵀ + ρ_a I)⁻¹ out_a for each line a, the sum over its entries; zero where it has none.
pub(crate) fn solve_lines(lines: &Lines<'_>, x: &Thin, ridge: &[f64], out: &mut Thin) {
    solve_systems(lines, x, ridge, Right::Given, out);
}

/// Σ_b (own_a·x_b − y_ab) x_b + ρ_a own_a for each line a: the gradient of what `regress` minimises, at `own`.
pub(crate) fn gradient(lines: &Lines<'_>, x: &Thin, ridge: &[f64], own: &Thin) -> Thin {
    let mut out = Thin::zeros(lines.count(), x.columns());
    let stride = x.stride().max(1);
    let pieces = out.values_mut().par_chunks_mut(PIECE * stride).enumerate();
    pieces.for_each(|(piece, out)| {
        Arch::new().dispatch(Gradient {
            lines,
            x,
            ridge,
            own,
            first: piece * PIECE,
            out,
        })
    });
    out
}

/// The right sides of the systems.
#[derive(Clone, Copy, PartialEq)]
enum Right {
    /// Σ_b y_ab x_b.
    Values,
    /// What `out` holds.
    Given,
}

/// Solves all systems; returns the sum of the products of solutions and right sides.
fn solve_systems(lines: &Lines<'_>, x: &Thin, ridge: &[f64], right: Right, out: &mut Thin) -> f64 {
    let stride = x.stride();
    if stride == 0 {
        return 0.0;
    }
    let pieces = out.values_mut().par_chunks_mut(PIECE * stride).enumerate();
    let products: Vec<f64> = pieces
        .map_init(
            || Scratch::new(stride),
            |scratch, (piece, out)| {
                Arch::new().dispatch(Piece {
                    lines,
                    x,
                    ridge,
                    right,
                    first: piece * PIECE,
                    out,
                    scratch,
                })
            },
        )
        .collect();
    products.iter().sum()
}

/// What one thread needs.
struct Scratch {
    /// The system, column after column, lower triangle.
    system: Vec<f64>,
    /// Rows of the given factor.
    gathered: Vec<f64>,
}

impl Scratch {
    fn new(stride: usize) -> Self {
        let rows = (GATHERED / stride).max(TILE);
        Scratch {
            system: vec![0.0; stride * stride],
            gathered: vec![0.0; rows * stride],
        }
    }
}

/// A few lines.
struct Piece<'a> {
    lines: &'a Lines<'a>,
    x: &'a Thin,
    ridge: &'a [f64],
    right: Right,
    first: usize,
    out: &'a mut [f64],
    scratch: &'a mut Scratch,
}

impl WithSimd for Piece<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let (stride, columns) = (self.x.stride(), self.x.columns());
        let mut products = 0.0;
        for (i, out) in self.out.chunks_exact_mut(stride).enumerate() {
            let line = self.first + i;
            let (across, values) = self.lines.line(line);
            if self.right == Right::Values || across.is_empty() {
                out.fill(0.0);
            }
            if across.is_empty() {
                continue;
            }
            let values = (self.right == Right::Values).then_some(values);
            form(simd, self.x, across, values, self.scratch, out);
            let system = &mut self.scratch.system;
            let trace: f64 = (0..columns).map(|j| system[j * stride + j]).sum();
            let ridge = self.ridge[line] + FLOOR * trace;
            (0..columns).for_each(|j| system[j * stride + j] += ridge);
            products += solve(simd, system, stride, columns, out);
        }
        products
    }
}

/// Added to a system, relative to its trace: a row with fewer than k entries has a singular one, but for its ridge.
const FLOOR: f64 = 1e-14;

/// system ← Σ x_b x_bᵀ, lower triangle; right ← right + Σ y_b x_b, if there are values.
#[inline(always)]
fn form<S: Simd>(
    simd: S,
    x: &Thin,
    across: &[u32],
    values: Option<&[f64]>,
    scratch: &mut Scratch,
    right: &mut [f64],
) {
    let stride = x.stride();
    scratch.system.fill(0.0);
    let rows = scratch.gathered.len() / stride;
    for (chunk, across) in across.chunks(rows).enumerate() {
        let gathered = &mut scratch.gathered[..across.len() * stride];
        for (slot, b) in gathered.chunks_exact_mut(stride).zip(across) {
            slot.copy_from_slice(x.row(*b as usize));
        }
        for (tile, columns) in scratch.system.chunks_exact_mut(TILE * stride).enumerate() {
            add_gram(simd, gathered, stride, tile * TILE, 1.0, columns);
        }
        if let Some(values) = values {
            add_combination(simd, gathered, stride, &values[chunk * rows..], right);
        }
    }
}

/// Adds sign·Σ x x[j] over the `rows` x, from the vector that begins at `start` on, to the columns j = start, …, start + 7.
#[inline(always)]
fn add_gram<S: Simd>(simd: S, rows: &[f64], stride: usize, start: usize, sign: f64, columns: &mut [f64]) {
    let (mut vector, end) = (start / S::F64_LANES, stride / S::F64_LANES);
    // A sum for each pair stays in a register: with more vectors at once every number is read less often.
    if S::REGISTER_COUNT >= 32 {
        while vector + 3 <= end {
            add_tile::<S, 3>(simd, rows, stride, (vector, start), sign, columns);
            vector += 3;
        }
        if vector + 2 == end {
            add_tile::<S, 2>(simd, rows, stride, (vector, start), sign, columns);
            vector += 2;
        }
    }
    while vector < end {
        add_tile::<S, 1>(simd, rows, stride, (vector, start), sign, columns);
        vector += 1;
    }
}

/// The same for V vectors.
#[inline(always)]
fn add_tile<S: Simd, const V: usize>(
    simd: S,
    rows: &[f64],
    stride: usize,
    (vector, start): (usize, usize),
    sign: f64,
    columns: &mut [f64],
) {
    let mut sums = [[simd.splat_f64s(0.0); V]; TILE];
    for row in rows.chunks_exact(stride) {
        let (vectors, _) = S::as_simd_f64s(row);
        let (own, heads) = (&vectors[vector..vector + V], &row[start..start + TILE]);
        for (sums, head) in sums.iter_mut().zip(heads) {
            let head = simd.splat_f64s(*head);
            for (sum, own) in sums.iter_mut().zip(own) {
                *sum = simd.mul_add_e_f64s(*own, head, *sum);
            }
        }
    }
    let sign = simd.splat_f64s(sign);
    for (sums, column) in sums.iter().zip(columns.chunks_exact_mut(stride)) {
        let (vectors, _) = S::as_mut_simd_f64s(column);
        for (x, sum) in vectors[vector..vector + V].iter_mut().zip(sums) {
            *x = simd.mul_add_e_f64s(sign, *sum, *x);
        }
    }
}

/// right ← right + Σ y_b x_b.
#[inline(always)]
fn add_combination<S: Simd>(simd: S, gathered: &[f64], stride: usize, values: &[f64], right: &mut [f64]) {
    let (right, _) = S::as_mut_simd_f64s(right);
    for (row, value) in gathered.chunks_exact(stride).zip(values) {
        let (row, _) = S::as_simd_f64s(row);
        let value = simd.splat_f64s(*value);
        for (right, x) in right.iter_mut().zip(row) {
            *right = simd.mul_add_e_f64s(value, *x, *right);
        }
    }
}

/// right ← system⁻¹·right by a Cholesky factorisation in place. Returns the product of the two, solution and right side.
///
/// A tile of columns takes what all the columns before it subtract at once, then is factored by itself.
#[inline(always)]
fn solve<S: Simd>(simd: S, system: &mut [f64], stride: usize, columns: usize, right: &mut [f64]) -> f64 {
    for start in (0..columns).step_by(TILE) {
        let (done, rest) = system.split_at_mut(start * stride);
        let tile = &mut rest[..TILE * stride];
        add_gram(simd, done, stride, start, -1.0, tile);
        factor(simd, tile, stride, start, TILE.min(columns - start));
    }
    substitute(simd, system, stride, columns, right)
}

/// The factor's columns start, …, start + count − 1, from what is left of the system there.
#[inline(always)]
fn factor<S: Simd>(simd: S, tile: &mut [f64], stride: usize, start: usize, count: usize) {
    for i in 0..count {
        let (done, rest) = tile[i * stride..].split_at_mut(stride);
        let j = start + i;
        let pivot = done[j];
        // Only rounding of a singular system makes a pivot that is not positive: its unknown is then left out.
        let inverse = if pivot > 0.0 { 1.0 / pivot.sqrt() } else { 0.0 };
        let first = j / S::F64_LANES;
        {
            let (vectors, _) = S::as_mut_simd_f64s(done);
            let scale = simd.splat_f64s(inverse);
            for v in &mut vectors[first..] {
                *v = simd.mul_f64s(*v, scale);
            }
        }
        for (c, column) in rest.chunks_exact_mut(stride).take(count - i - 1).enumerate() {
            let c = j + 1 + c;
            let (own, _) = S::as_simd_f64s(&*done);
            let (column, _) = S::as_mut_simd_f64s(column);
            let first = c / S::F64_LANES;
            let factor = simd.splat_f64s(-done[c]);
            for (x, l) in column[first..].iter_mut().zip(&own[first..]) {
                *x = simd.mul_add_e_f64s(factor, *l, *x);
            }
        }
        // From here on the diagonal holds the inverse pivot, and the vector it is in nothing above it.
        done[first * S::F64_LANES..j].fill(0.0);
        done[j] = inverse;
    }
}

/// Forward and back substitution; ‖L⁻¹·right‖² is the product of solution and right side.
#[inline(always)]
fn substitute<S: Simd>(simd: S, lower: &[f64], stride: usize, columns: usize, right: &mut [f64]) -> f64 {
    for (j, column) in lower.chunks_exact(stride).take(columns).enumerate() {
        let solved = right[j] * column[j];
        let (own, _) = S::as_simd_f64s(column);
        let (vectors, _) = S::as_mut_simd_f64s(right);
        let factor = simd.splat_f64s(-solved);
        let first = j / S::F64_LANES;
        for (x, l) in vectors[first..].iter_mut().zip(&own[first..]) {
            *x = simd.mul_add_e_f64s(factor, *l, *x);
        }
        right[j] = solved;
    }
    let product = dot(&right[..columns], &right[..columns]);
    for j in (0..columns).rev() {
        let column = &lower[j * stride..][..stride];
        let sum = dot(&column[j + 1..columns], &right[j + 1..columns]);
        right[j] = (right[j] - sum) * column[j];
    }
    product
}

/// The gradients of a few lines.
struct Gradient<'a> {
    lines: &'a Lines<'a>,
    x: &'a Thin,
    ridge: &'a [f64],
    own: &'a Thin,
    first: usize,
    out: &'a mut [f64],
}

impl WithSimd for Gradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let stride = self.x.stride();
        for (i, out) in self.out.chunks_exact_mut(stride).enumerate() {
            let line = self.first + i;
            let (across, values) = self.lines.line(line);
            let (out, _) = S::as_mut_simd_f64s(out);
            let (own, _) = S::as_simd_f64s(self.own.row(line));
            let ridge = simd.splat_f64s(self.ridge[line]);
            for (out, own) in out.iter_mut().zip(own) {
                *out = simd.mul_f64s(ridge, *own);
            }
            for (b, value) in across.iter().zip(values) {
                let (row, _) = S::as_simd_f64s(self.x.row(*b as usize));
                let mut sum = simd.splat_f64s(0.0);
                for (x, own) in row.iter().zip(own) {
                    sum = simd.mul_add_e_f64s(*x, *own, sum);
                }
                let rest = simd.splat_f64s(simd.reduce_sum_f64s(sum) - value);
                for (out, x) in out.iter_mut().zip(row) {
                    *out = simd.mul_add_e_f64s(rest, *x, *out);
                }
            }
        }
    }
}
