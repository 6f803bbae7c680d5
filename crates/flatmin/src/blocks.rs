//! Penalised completion by blocks of lines: what one machine of many computes of the rows, or of the columns, it holds.
//!
//! Of F(L, R) = ½Σ (l_a·r_b − y_ab)² + ½Σ ρ_a‖l_a‖² + ½Σ ρ_b‖r_b‖², over the known entries (a, b), each line has its own part
//! once the other factor is given, so that half a sweep of alternating least squares is one call for each block of lines.
//! A line is the work of one thread, and its bits depend on its own entries alone: however lines are dealt out to blocks, the
//! factors are those of one machine, bit for bit. Only sums over lines depend on the blocks, by rounding.
//!
//! Memory beyond the entries: a copy of the other factor, n × k, and k × k numbers a thread. Time: O(k²) an entry and O(k³) a
//! line to solve, O(k) an entry for the rest.

use faer::MatRef;

use crate::error::{Error, check_length};
use crate::linalg::vector::dot;
use crate::map::{Lines, Thin, gradient, regress, solve_lines};

/// A factor, or a few vectors: n × k.
#[derive(Clone, Debug)]
pub struct Rows(Thin);

impl Rows {
    /// Pieces one below the other; they are read row after row.
    ///
    /// # Errors
    /// Pieces of different numbers of columns.
    pub fn stacked(pieces: &[MatRef<'_, f64>]) -> Result<Self, Error> {
        let columns = pieces.first().map_or(0, |piece| piece.ncols());
        for piece in pieces {
            check_length("the columns of a factor", piece.ncols(), columns)?;
        }
        Ok(Rows(Thin::stacked(pieces, columns)))
    }

    /// (n, k).
    pub fn shape(&self) -> (usize, usize) {
        (self.0.rows(), self.0.columns())
    }

    /// All numbers, row after row.
    pub fn to_vec(&self) -> Vec<f64> {
        let (n, k) = self.shape();
        (0..n).flat_map(|a| self.0.row(a)[..k].iter().copied()).collect()
    }
}

/// The entries of some lines: rows with the columns that they meet, or columns with the rows.
#[derive(Clone, Debug)]
pub struct Block<'a> {
    lines: Lines<'a>,
    /// More than the largest place across.
    width: usize,
}

impl<'a> Block<'a> {
    /// Line a of the block owns the entries `starts[a]..starts[a + 1]` of `across`, their places in the other direction, and of
    /// `values`.
    ///
    /// # Errors
    /// Starts that do not rise from 0 to the number of entries; `values` of another length than `across`.
    pub fn new(starts: Vec<usize>, across: &'a [u32], values: &'a [f64]) -> Result<Self, Error> {
        check_length("values", values.len(), across.len())?;
        let ends = (starts.first().copied(), starts.last().copied());
        if ends != (Some(0), Some(across.len())) || !starts.is_sorted() {
            return Err(Error::Shape {
                what: "the starts of the lines of a block",
                found: format!("{} numbers from {:?} to {:?}", starts.len(), ends.0, ends.1),
                expected: format!("numbers that rise from 0 to {}", across.len()),
            });
        }
        Ok(Block {
            width: across.iter().max().map_or(0, |b| *b as usize + 1),
            lines: Lines::borrowed(starts, across, values),
        })
    }

    /// For each line a the l_a with  (Σ_b x_b x_bᵀ + ρ_a I) l_a = Σ_b y_ab x_b,  the best for the other factor x; and how far
    /// they bring ½‖y‖² down: ½Σ_a l_a·(Σ_b y_ab x_b). A line without entries is zero.
    ///
    /// # Errors
    /// `x` or `ridge`, the ρ_a, of other lengths than the block asks for.
    pub fn regress(&self, x: &Rows, ridge: &[f64]) -> Result<(Rows, f64), Error> {
        self.check(x, Some(ridge), None)?;
        let (own, fall) = regress(&self.lines, &x.0, ridge);
        Ok((Rows(own), fall))
    }

    /// Σ_b (l_a·x_b − y_ab) x_b + ρ_a l_a for each line: the gradient of F in the lines `own`.
    ///
    /// # Errors
    /// As of [`regress`](Self::regress).
    pub fn gradient(&self, x: &Rows, ridge: &[f64], own: &Rows) -> Result<Rows, Error> {
        self.check(x, Some(ridge), Some(own))?;
        Ok(Rows(gradient(&self.lines, &x.0, ridge, &own.0)))
    }

    /// (Σ_b x_b x_bᵀ + ρ_a I)⁻¹ v_a for each line: the inverse Hessian of F in the lines alone, times v.
    ///
    /// # Errors
    /// As of [`regress`](Self::regress).
    pub fn precondition(&self, x: &Rows, ridge: &[f64], v: &Rows) -> Result<Rows, Error> {
        self.check(x, Some(ridge), Some(v))?;
        let mut out = v.0.clone();
        solve_lines(&self.lines, &x.0, ridge, &mut out);
        Ok(Rows(out))
    }

    /// y_ab − l_a·x_b for every entry. Rows and columns give the same bits.
    ///
    /// # Errors
    /// As of [`regress`](Self::regress).
    pub fn residual(&self, x: &Rows, own: &Rows) -> Result<Vec<f64>, Error> {
        self.check(x, None, Some(own))?;
        let mut out = self.lines.values().to_vec();
        let mut rest = out.as_mut_slice();
        for a in 0..self.lines.count() {
            let (across, _) = self.lines.line(a);
            let (line, others) = std::mem::take(&mut rest).split_at_mut(across.len());
            let row = own.0.row(a);
            pulp::Arch::new().dispatch(|| {
                for (y, b) in line.iter_mut().zip(across) {
                    *y -= dot(row, x.0.row(*b as usize));
                }
            });
            rest = others;
        }
        Ok(out)
    }

    /// The sparse matrix of the block times x: Σ_b y_ab x_b for each line.
    ///
    /// # Errors
    /// As of [`regress`](Self::regress).
    pub fn times(&self, x: &Rows) -> Result<Rows, Error> {
        self.check(x, None, None)?;
        Ok(Rows(self.lines.times(&x.0)))
    }

    /// SᵀS of the block's sparse matrix S, `width` × `width`, row after row. Time: the squares of the numbers of entries of its
    /// lines.
    ///
    /// # Errors
    /// A place across that is not below `width`.
    pub fn gram(&self, width: usize) -> Result<Vec<f64>, Error> {
        if width < self.width {
            return Err(Error::Shape {
                what: "the lines across a block",
                found: width.to_string(),
                expected: format!("at least {}", self.width),
            });
        }
        let mut out = vec![0.0; width * width];
        for a in 0..self.lines.count() {
            let (across, values) = self.lines.line(a);
            for (b, x) in across.iter().zip(values) {
                let row = &mut out[*b as usize * width..][..width];
                across
                    .iter()
                    .zip(values)
                    .for_each(|(c, y)| row[*c as usize] += x * y);
            }
        }
        Ok(out)
    }

    fn check(&self, x: &Rows, ridge: Option<&[f64]>, own: Option<&Rows>) -> Result<(), Error> {
        let (n, k) = x.shape();
        if n < self.width {
            return Err(Error::Shape {
                what: "the other factor",
                found: format!("{n} rows"),
                expected: format!("at least {}", self.width),
            });
        }
        if let Some(ridge) = ridge {
            check_length("the ridges", ridge.len(), self.lines.count())?;
        }
        if let Some(own) = own {
            check_length(
                "the rows of the block's own factor",
                own.shape().0,
                self.lines.count(),
            )?;
            check_length("the columns of the block's own factor", own.shape().1, k)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
