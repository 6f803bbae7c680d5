//! The sizes of a matrix and its measurements.

use flatmin::synthetic::Recipe;

use crate::args::{DrawingArgs, Model};
use crate::failure::{Failure, usage};
use crate::memory::Free;

/// The sizes, once they are known to fit together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) shape: (usize, usize),
    pub(super) rank: usize,
    pub(super) m: usize,
}

/// Most numbers of a generated file: 32 GiB, more than a slip of the finger should ask for.
const MOST: usize = 1 << 32;

impl Size {
    pub(super) fn of(model: Model, args: &DrawingArgs) -> Result<Self, Failure> {
        let shape @ (d1, d2) = (args.d1, args.d2.unwrap_or(args.d1));
        let refuse = |option: &str, found: usize, expected: String| {
            Err(usage(format!("--{option}: found {found}, expected {expected}")))
        };
        if d1 != d2 && model.is_symmetric() {
            return refuse("d2", d2, format!("{d1}: the matrix is symmetric"));
        }
        // The vector of phase retrieval makes a matrix of rank one.
        let rank = match model {
            Model::Phase => args.rank.unwrap_or(1),
            _ => args.rank.unwrap_or(2),
        };
        if model == Model::Phase && rank != 1 {
            return refuse("rank", rank, "1: a single vector is measured".to_owned());
        }
        if rank > d1.min(d2) {
            return refuse(
                "rank",
                rank,
                format!("at most {}, the smaller dimension", d1.min(d2)),
            );
        }
        let freedom = if model.is_symmetric() {
            rank * (2 * d1 - rank + 1) / 2
        } else {
            rank * (d1 + d2 - rank)
        };
        // How many measurements there can be, how many numbers one takes, and how many a degree of freedom recover well.
        let (most, numbers, plenty) = match model {
            Model::Sparse => (usize::MAX, d1, 1),
            Model::Sensing | Model::Deep => (usize::MAX, d1.saturating_mul(d2), 3),
            Model::Bilinear => (usize::MAX, d1 + d2, 3),
            Model::Completion => (d1.saturating_mul(d2), 1, 5),
            Model::Covariance | Model::Phase | Model::Network => (usize::MAX, d1, 4),
            Model::Rpca => (d1.saturating_mul(d2), 1, usize::MAX),
        };
        if model == Model::Rpca
            && let Some(m) = args.m
        {
            return refuse("m", m, "none with rpca, which observes every entry".to_owned());
        }
        let m = args.m.unwrap_or(plenty.saturating_mul(freedom).min(most));
        if m > most {
            return refuse("m", m, format!("at most {most}, the entries there are"));
        }
        let largest = m.saturating_mul(numbers).max(d1.saturating_mul(d2));
        if largest > MOST {
            return refuse(
                "m",
                m,
                format!("sizes with at most {MOST} numbers in an array, not {largest}"),
            );
        }
        let bytes = size_of::<f64>() as u64 * largest as u64;
        let fits = Free::now().holds(bytes, || format!("sizes with {largest} numbers in an array"));
        fits.map_err(|error| usage(format!("--m: {error}")))?;
        Ok(Size { shape, rank, m })
    }

    /// What the truth is like.
    pub(super) fn recipe(self, args: &DrawingArgs) -> Recipe {
        Recipe {
            rank: self.rank,
            condition: args.condition,
            noise: args.noise,
        }
    }
}
