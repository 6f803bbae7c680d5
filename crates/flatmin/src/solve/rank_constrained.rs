//! Exact data with fewer columns than the convex solution may need,
//!
//!   min ‖Z‖_*  over Z of rank at most k with B(Z) = b,
//!
//! whose minimum is no smaller than that of the convex relaxation, and needs fewer measurements to be the truth. It is not
//! convex: a descent finds a factorisation that meets the data, and the multiplier at it bounds the relaxation from below.
//! Where bound and value meet it is proved flattest; elsewhere it is what was found, and the status says no more.

use super::instance::{Instance, Outcome};
use super::monitor::Monitor;
use super::polish::{dual_and_margin, fit_exactly, judge};
use super::widths::Widths;
use super::{Settings, Status, elimination, path, run_convex};
use crate::domain::Domain;
use crate::error::Error;
use crate::factors::Factors;
use crate::linalg::vector::{axpy, norm};

/// Relative misfit that counts as none: the rounding of sums of products.
pub(super) const FITS: f64 = 1e-11;
/// A margin above this tells the solution from its neighbours; rounding leaves the square of a vanishing one below 1e-12.
const DISTINCT: f64 = 1e-4;

/// Up to this many measurements the convex problem takes a second or less, and is solved for its bound alone; beyond, its
/// path is followed as far as that is cheap.
const CHEAP: usize = 600;
/// How much flatter, relatively, one of two exact factorisations has to be to be preferred.
const FLATTER: f64 = 1e-8;

/// Whether other matrices of the same rank meet the data arbitrarily near the solution.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct LocalUniqueness {
    /// Whether it is the only one nearby.
    pub unique: bool,
    /// How well the measurements tell it from its neighbours of the same rank, from 0 (not at all) to 1, as estimated.
    pub margin: f64,
}

impl LocalUniqueness {
    fn new(margin: f64) -> Self {
        LocalUniqueness {
            unique: margin > DISTINCT,
            margin,
        }
    }
}

/// What a descent found.
pub(super) struct Found {
    /// Factors of Z, in the instance's scale.
    pub(super) z: Factors,
    /// ‖B(Z) − b‖/‖b‖.
    pub(super) misfit: f64,
    /// How many times it was started again.
    pub(super) restarts: usize,
    /// Of a run that had to stop.
    pub(super) stopped: Option<Status>,
    /// A multiplier for Z, where Z fits.
    pub(super) lambda: Option<Vec<f64>>,
    /// See [`LocalUniqueness`].
    pub(super) margin: Option<f64>,
    pub(super) method: &'static str,
}

impl Found {
    /// Z = 0.
    pub(super) fn nothing(instance: &Instance<'_>) -> Self {
        Found {
            z: Factors::empty(instance.map.shape()),
            misfit: 1.0,
            restarts: 0,
            stopped: None,
            lambda: None,
            margin: None,
            method: "path",
        }
    }

    pub(super) fn fits(&self) -> bool {
        self.misfit <= FITS
    }

    /// Fits the data where the other does not, or is flatter.
    fn is_better_than(&self, other: &Found) -> bool {
        match (self.fits(), other.fits()) {
            (true, true) => self.z.squared_norm() < (1.0 - FLATTER) * other.z.squared_norm(),
            (own, _) => own || self.misfit < other.misfit,
        }
    }

    /// As an outcome; what does not fit has exhausted its starts.
    fn outcome(&self, instance: &Instance<'_>) -> Outcome {
        let none = || vec![0.0; instance.b.len()];
        Outcome {
            l: self.z.l.clone(),
            r: self.z.r.clone(),
            lambda: self.lambda.clone().unwrap_or_else(none),
            stopped: self.stopped.or((!self.fits()).then_some(Status::Budget)),
            method: self.method,
        }
    }

    fn into_constrained(self, instance: &Instance<'_>) -> Constrained {
        Constrained {
            outcome: self.outcome(instance),
            restarts: self.restarts,
            local: self.local(),
            moved: None,
        }
    }

    /// The margin's verdict.
    pub(super) fn local(&self) -> Option<LocalUniqueness> {
        self.margin.map(LocalUniqueness::new)
    }
}

/// What is looked for.
pub(super) struct Search<'s> {
    pub(super) settings: &'s Settings,
    /// Most columns.
    pub(super) widths: Widths,
    /// Whether fewer will do, the fewest that fit.
    pub(super) fewest: bool,
}

impl<'s> Search<'s> {
    /// Within `asked`; the fewest columns have fewer degrees of freedom than there are measurements, or anything would fit.
    pub(super) fn new(instance: &Instance<'_>, settings: &'s Settings, asked: Option<Widths>) -> Self {
        let shape = instance.map.shape();
        let mut widths = asked.unwrap_or_else(|| Widths::free(shape));
        if settings.fewest {
            let determined = |k: &usize| instance.domain.dimension_of_rank(shape, *k) < instance.b.len();
            let most = (1..=widths.total).take_while(determined).last();
            widths.total = most.unwrap_or(1);
        }
        Search {
            settings,
            widths,
            fewest: settings.fewest,
        }
    }
}

/// The outcome, and what only this problem has to say.
pub(super) struct Constrained {
    pub(super) outcome: Outcome,
    pub(super) restarts: usize,
    pub(super) local: Option<LocalUniqueness>,
    /// A multiplier that proves more than that of the outcome.
    pub(super) moved: Option<Vec<f64>>,
}

impl From<Outcome> for Constrained {
    fn from(outcome: Outcome) -> Self {
        Constrained {
            outcome,
            restarts: 0,
            local: None,
            moved: None,
        }
    }
}

/// Solves the problem as far as it can be: with a proof; or exactly with the best bound that is affordable; or not at all,
/// which is the status `Budget` after all restarts.
///
/// `dual_fits`: whether the convex relaxation is affordable.
pub(super) fn solve(
    instance: &Instance<'_>,
    search: &Search<'_>,
    dual_fits: bool,
    monitor: &mut Monitor<'_>,
) -> Result<Constrained, Error> {
    let mut found = descend(instance, search, monitor)?;
    let interrupted = found.stopped.is_some();
    let proved = found.fits() && {
        let outcome = found.outcome(instance);
        judge(instance, &outcome)?.proves(search.settings.tolerance)
    };
    let determined = found.local().is_some_and(|local| local.unique);
    if interrupted || proved || !dual_fits {
        return Ok(found.into_constrained(instance));
    }
    let (convex, solved) = relaxation(instance, search, monitor)?;
    if solved && search.widths.admit(convex.l.as_ref(), convex.r.as_ref()) {
        return with_margin(instance, convex, found.restarts);
    }
    if !determined && !search.fewest {
        let other = by_penalty(instance, search, monitor)?;
        if other.is_better_than(&found) {
            found = Found {
                restarts: found.restarts,
                ..other
            };
        }
    }
    let mut outcome = found.outcome(instance);
    let own = judge(instance, &outcome)?.bound;
    outcome.lambda = convex.lambda;
    if judge(instance, &outcome)?.bound > own {
        found.lambda = Some(outcome.lambda);
    }
    Ok(found.into_constrained(instance))
}

/// The convex relaxation, and whether it is solved: it is not where that is dear and the path does not get there by itself.
fn relaxation(
    instance: &Instance<'_>,
    search: &Search<'_>,
    monitor: &mut Monitor<'_>,
) -> Result<(Outcome, bool), Error> {
    if instance.b.len() <= CHEAP {
        let outcome = run_convex(instance, search.settings, true, monitor)?;
        let solved = outcome.stopped.is_none();
        return Ok((outcome, solved));
    }
    let limits = path::Limits {
        widths: Widths::free(instance.map.shape()),
        unknowns: instance.b.len(),
    };
    Ok(match path::follow(instance, search.settings, limits, monitor)? {
        path::End::Finished(outcome) => {
            let solved = outcome.stopped.is_none();
            (outcome, solved)
        }
        path::End::HandOver(outcome) => (outcome, false),
    })
}

/// The convex solution, whose rank turned out to be low enough.
fn with_margin(instance: &Instance<'_>, convex: Outcome, restarts: usize) -> Result<Constrained, Error> {
    let z = Factors {
        l: convex.l.clone(),
        r: convex.r.clone(),
    };
    let (_, margin) = dual_and_margin(instance, &z)?;
    Ok(Constrained {
        outcome: convex,
        restarts,
        local: margin.map(LocalUniqueness::new),
        moved: None,
    })
}

/// By elimination on observed entries, by the general path elsewhere.
fn descend(instance: &Instance<'_>, search: &Search<'_>, monitor: &mut Monitor<'_>) -> Result<Found, Error> {
    match instance.map.map().as_entries() {
        Some(entries)
            if instance.domain == Domain::General && search.widths.total <= elimination::MOST_COLUMNS =>
        {
            elimination::complete(instance, entries, search, monitor)
        }
        _ => judged(instance, path::complete(instance, search, monitor)?),
    }
}

/// By the path of the convex penalty within the limits: with more columns than the data determine there are many exact
/// factorisations, and it leads to a flatter one.
fn by_penalty(
    instance: &Instance<'_>,
    search: &Search<'_>,
    monitor: &mut Monitor<'_>,
) -> Result<Found, Error> {
    let limits = path::Limits {
        widths: search.widths,
        unknowns: usize::MAX,
    };
    let end = path::follow(instance, search.settings, limits, monitor)?.outcome();
    let near = Factors { l: end.l, r: end.r };
    let exact = fit_exactly(instance, near.clone(), monitor)?;
    let z = exact.map_or(near, |exact| Factors {
        l: exact.l,
        r: exact.r,
    });
    let misfit = misfit(instance, &z);
    let found = Found {
        z,
        misfit,
        stopped: end.stopped,
        ..Found::nothing(instance)
    };
    judged(instance, found)
}

/// ‖B(Z) − b‖/‖b‖.
fn misfit(instance: &Instance<'_>, z: &Factors) -> f64 {
    let mut misfit = instance.map.apply_factored(z.l.as_ref(), z.r.as_ref());
    axpy(-1.0, &instance.b, &mut misfit);
    norm(&misfit) / norm(&instance.b)
}

/// With the multiplier and the margin of an exact factorisation.
fn judged(instance: &Instance<'_>, found: Found) -> Result<Found, Error> {
    if !found.fits() {
        return Ok(found);
    }
    let (lambda, margin) = dual_and_margin(instance, &found.z)?;
    Ok(Found {
        lambda,
        margin,
        ..found
    })
}
