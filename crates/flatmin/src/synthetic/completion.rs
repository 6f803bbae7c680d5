//! Completion: some entries of the truth.

use super::Recipe;
use super::sampling::places;
use crate::error::Error;
use crate::factors::Factors;
use crate::map::{Entries, MeasurementMap};
use crate::random::Stream;

/// Which entries are observed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Observed {
    /// Each with this probability.
    Each(f64),
    /// This many, at most all.
    Count(usize),
    /// This many, at least `least` in every row and column: fewer than the rank determine no line. The chance of a place is
    /// that of its row times that of its column, and of these the i-th, in a random order, is in proportion to 1/i^power:
    /// all are equal for the power 0.
    Everywhere {
        /// m.
        count: usize,
        /// In every line.
        least: usize,
        /// From 0 on.
        power: f64,
    },
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
    /// d1 × d2, of r columns.
    pub truth: Factors,
}

impl Completion {
    /// Entries of a d1×d2 matrix, whose dimensions have 32 bits.
    ///
    /// # Errors
    /// [`Observed::Everywhere`] with fewer entries than the lines need.
    pub fn draw(
        stream: &mut Stream,
        shape: (usize, usize),
        observed: Observed,
        recipe: &Recipe,
    ) -> Result<Self, Error> {
        let truth = stream.low_rank_factors(shape, recipe.rank, recipe.condition);
        let all = shape.0 * shape.1;
        let place = |index: usize| ((index / shape.1) as u32, (index % shape.1) as u32);
        let places: Vec<(u32, u32)> = match observed {
            Observed::Each(p) => (0..all).filter(|_| stream.uniform() < p).map(place).collect(),
            Observed::Count(m) => stream.choose(all, m).into_iter().map(place).collect(),
            Observed::Everywhere { count, least, power } => places(stream, shape, (count, least), power)?,
        };
        let (rows, columns): (Vec<u32>, Vec<u32>) = places.into_iter().unzip();
        let mut y: Vec<f64> = rows
            .iter()
            .zip(&columns)
            .map(|(a, b)| truth.entry(*a as usize, *b as usize))
            .collect();
        stream.disturb(&mut y, recipe.noise);
        Ok(Completion {
            rows,
            columns,
            y,
            truth,
        })
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
