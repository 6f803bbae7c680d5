//! Completion: some entries of the truth.

use faer::Mat;

use super::Recipe;
use crate::error::Error;
use crate::map::{Entries, MeasurementMap};
use crate::random::Stream;

/// Which entries are observed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Observed {
    /// Each with this probability.
    Each(f64),
    /// This many, at most all.
    Count(usize),
}

/// The places of the entries, row after row, their values y, and the truth X.
#[derive(Clone, Debug)]
pub struct Completion {
    /// 0-based.
    pub rows: Vec<u32>,
    /// 0-based.
    pub columns: Vec<u32>,
    /// m: there may be none.
    pub y: Vec<f64>,
    /// d1 × d2.
    pub truth: Mat<f64>,
}

impl Completion {
    /// Entries of a d1×d2 matrix, whose dimensions have 32 bits.
    pub fn draw(stream: &mut Stream, shape: (usize, usize), observed: Observed, recipe: &Recipe) -> Self {
        let truth = stream.low_rank(shape, recipe.rank, recipe.condition);
        let all = shape.0 * shape.1;
        let places = match observed {
            Observed::Each(p) => (0..all).filter(|_| stream.uniform() < p).collect(),
            Observed::Count(m) => stream.choose(all, m),
        };
        let rows: Vec<u32> = places.iter().map(|place| (place / shape.1) as u32).collect();
        let columns: Vec<u32> = places.iter().map(|place| (place % shape.1) as u32).collect();
        let at = |(a, b): (&u32, &u32)| truth[(*a as usize, *b as usize)];
        let mut y: Vec<f64> = rows.iter().zip(&columns).map(at).collect();
        stream.disturb(&mut y, recipe.noise);
        Completion {
            rows,
            columns,
            y,
            truth,
        }
    }

    /// The measurement map; y is in its order.
    ///
    /// # Errors
    /// No entry.
    pub fn map(&self) -> Result<Box<dyn MeasurementMap>, Error> {
        let (map, _) = Entries::new(&self.rows, &self.columns, &self.y, self.truth.shape())?;
        Ok(Box::new(map))
    }
}
