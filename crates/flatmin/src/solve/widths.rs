//! Limits on the columns of the factors: on all of them, and on those of either sign.

use faer::MatRef;

use super::Settings;
use crate::domain::column_signs;

/// How many columns there may be, or may still come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Widths {
    pub(super) total: usize,
    /// Of those with the sign + (in the general domain, where signs mean nothing, there is no limit on either).
    pub(super) positive: usize,
    pub(super) negative: usize,
}

impl Widths {
    /// As many columns as any d1×d2 matrix needs.
    pub(super) fn free((d1, d2): (usize, usize)) -> Self {
        Widths {
            total: d1.min(d2),
            positive: usize::MAX,
            negative: usize::MAX,
        }
    }

    /// Those of the settings; `None` where they exclude nothing.
    pub(super) fn asked(settings: &Settings, shape: (usize, usize)) -> Option<Self> {
        let free = Widths::free(shape);
        let below = |width: Option<usize>| width.filter(|w| *w < free.total);
        let asked = Widths {
            total: below(settings.rank).unwrap_or(free.total),
            positive: below(settings.positive).unwrap_or(usize::MAX),
            negative: below(settings.negative).unwrap_or(usize::MAX),
        };
        (asked != free).then_some(asked)
    }

    /// What is left beside the columns of (L, R); nothing where they are too many.
    pub(super) fn room(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Self {
        let signs = column_signs(l, r);
        let negative = signs.iter().filter(|s| **s < 0.0).count();
        Widths {
            total: self.total.saturating_sub(signs.len()),
            positive: self.positive.saturating_sub(signs.len() - negative),
            negative: self.negative.saturating_sub(negative),
        }
    }

    /// Whether (L, R) keeps the limits.
    pub(super) fn admit(&self, l: MatRef<'_, f64>, r: MatRef<'_, f64>) -> bool {
        let signs = column_signs(l, r);
        let negative = signs.iter().filter(|s| **s < 0.0).count();
        signs.len() <= self.total && signs.len() - negative <= self.positive && negative <= self.negative
    }

    /// Takes a place for a column with that sign, if there is one.
    pub(super) fn take(&mut self, sign: f64) -> bool {
        let own = if sign < 0.0 {
            &mut self.negative
        } else {
            &mut self.positive
        };
        if self.total == 0 || *own == 0 {
            return false;
        }
        self.total -= 1;
        *own -= 1;
        true
    }
}
