//! Preconditioners of the factored Newton and Gauss-Newton systems, JᵀJ + shift·I: its k×k diagonal blocks, one for each
//! row of L and R, or, where the map does not give them cheaply, those of an isotropic map, the same for every row:
//! c·RᵀR + shift·I on the L block and c·LᵀL + shift·I on the R block, and twice the first on U where (L, R) = (U, U S).

use faer::{Mat, MatRef};

use super::instance::Instance;
use super::newton::Point;
use crate::linalg::dense::{Cholesky, product};
use crate::map::column_major;
use crate::parametrisation::Parametrisation;

/// Added to a block, relative to its trace: a row with fewer than k entries has a singular one.
const FLOOR: f64 = 1e-10;

pub(super) enum Preconditioner {
    /// Inverse blocks, row after row.
    Rows {
        left: Vec<f64>,
        right: Vec<f64>,
        k: usize,
    },
    /// For L and for R, or for U alone: the number of rows, and the inverse block of each of them.
    Isotropic(Vec<(usize, Mat<f64>)>),
}

impl Preconditioner {
    /// `None` if a block is not positive definite, which takes a factor of zeros or a NaN.
    pub(super) fn new(instance: &Instance<'_>, point: &Point<'_>, shift: f64) -> Option<Self> {
        let (l, r) = (point.l.as_ref(), point.r.as_ref());
        let k = l.ncols();
        if let (Parametrisation::Pair, Some(blocks)) = (&point.unknowns, instance.map.row_blocks(l, r)) {
            let invert = |blocks: &[f64]| {
                let mut out = Vec::with_capacity(blocks.len());
                for block in blocks.chunks_exact(k * k) {
                    out.extend(inverse(MatRef::from_column_major_slice(block, k, k), shift)?);
                }
                Some(out)
            };
            return Some(Preconditioner::Rows {
                left: invert(&blocks.left)?,
                right: invert(&blocks.right)?,
                k,
            });
        }
        let scale = point.unknowns.multiplicity();
        let isotropic = |rows: usize, factor: MatRef<'_, f64>| {
            let gram = faer::Scale(scale * instance.mean_square) * product(factor.transpose(), factor);
            let inverse = inverse(gram.as_ref(), scale * shift)?;
            Some((rows, MatRef::from_column_major_slice(&inverse, k, k).to_owned()))
        };
        let mut blocks = vec![isotropic(l.nrows(), r)?];
        if let Parametrisation::Pair = point.unknowns {
            blocks.push(isotropic(r.nrows(), l)?);
        }
        Some(Preconditioner::Isotropic(blocks))
    }

    /// The preconditioned vector of unknowns.
    pub(super) fn apply(&self, v: &[f64]) -> Vec<f64> {
        match self {
            Preconditioner::Rows { left, right, k } => {
                let (first, second) = v.split_at(left.len() / k);
                let mut out = vec![0.0; v.len()];
                let (out_first, out_second) = out.split_at_mut(first.len());
                apply_rows(left, *k, first, out_first);
                apply_rows(right, *k, second, out_second);
                out
            }
            Preconditioner::Isotropic(blocks) => {
                let (mut out, mut rest) = (Vec::with_capacity(v.len()), v);
                for (rows, block) in blocks {
                    let (part, after) = rest.split_at(rows * block.nrows());
                    let part = MatRef::from_column_major_slice(part, *rows, block.nrows());
                    out.extend(column_major(product(part, block.as_ref()).as_ref()));
                    rest = after;
                }
                out
            }
        }
    }
}

/// Row a of the k-column matrix `v` times block a.
fn apply_rows(blocks: &[f64], k: usize, v: &[f64], out: &mut [f64]) {
    let rows = v.len() / k;
    for (a, block) in blocks.chunks_exact(k * k).enumerate() {
        for (c, line) in block.chunks_exact(k).enumerate() {
            out[c * rows + a] = line.iter().enumerate().map(|(j, b)| b * v[j * rows + a]).sum();
        }
    }
}

/// (block + (shift + floor)·I)⁻¹, column after column.
fn inverse(block: MatRef<'_, f64>, shift: f64) -> Option<Vec<f64>> {
    let k = block.nrows();
    let mut shifted = block.to_owned();
    let trace: f64 = (0..k).map(|i| block[(i, i)]).sum();
    // A row that nothing observes has a zero block; any scaling of its zero gradient will do.
    let floor = if trace > 0.0 { FLOOR * trace } else { 1.0 };
    (0..k).for_each(|i| shifted[(i, i)] += shift + floor);
    let cholesky = Cholesky::new(shifted)?;
    let mut inverse = Mat::identity(k, k);
    cholesky.solve_matrix(inverse.as_mut());
    Some(column_major(inverse.as_ref()))
}
