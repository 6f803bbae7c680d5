//! The values of options: what each may be, in the words of its error.

use std::time::Duration;

use flatmin::Objective;
use flatmin::synthetic::RatingsShape;

use crate::failure::{Failure, usage};

/// How many columns the factors may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rank {
    /// The fewest that fit.
    Auto,
    /// At most so many.
    Given(usize),
}

impl Rank {
    /// The limit, if it is one.
    pub(crate) fn limit(self) -> Option<usize> {
        match self {
            Rank::Auto => None,
            Rank::Given(rank) => Some(rank),
        }
    }
}

/// The penalty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Lambda {
    /// Chosen on held-out entries.
    Auto,
    /// Given.
    Given(f64),
}

/// Bounds of predictions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Range {
    /// The nearest number within.
    pub(crate) fn clip(range: Option<Self>, value: f64) -> f64 {
        range.map_or(value, |range| value.clamp(range.low, range.high))
    }
}

pub(super) fn range(text: &str) -> Result<Range, String> {
    let numbers: Vec<Option<f64>> = text.split(',').map(|number| number.trim().parse().ok()).collect();
    match numbers[..] {
        [Some(low), Some(high)] if low < high && (high - low).is_finite() => Ok(Range { low, high }),
        _ => Err("expected two rising numbers, such as 0.5,5".to_owned()),
    }
}

/// What is minimised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ObjectiveChoice {
    /// Chosen on held-out entries.
    Auto,
    Given(Objective),
}

impl ObjectiveChoice {
    /// As the command line names it.
    pub(crate) fn name(self) -> String {
        match self {
            ObjectiveChoice::Auto => "auto".to_owned(),
            ObjectiveChoice::Given(objective) => objective.name(),
        }
    }

    /// The objective, where nothing is held out to choose it on.
    pub(crate) fn given(self) -> Result<Objective, Failure> {
        match self {
            ObjectiveChoice::Given(objective) => Ok(objective),
            ObjectiveChoice::Auto => Err(usage(
                "--objective: found auto, expected flat, nuclear or smoothed:ALPHA: only `solve completion` with --lambda auto has entries to choose it on".to_owned(),
            )),
        }
    }
}

pub(super) fn objective(text: &str) -> Result<ObjectiveChoice, String> {
    if text == "auto" {
        return Ok(ObjectiveChoice::Auto);
    }
    Objective::named(text)
        .map(ObjectiveChoice::Given)
        .ok_or_else(|| "expected auto, flat, nuclear or smoothed:ALPHA with ALPHA from 0 to 1".to_owned())
}

pub(super) fn folds(text: &str) -> Result<usize, String> {
    whole(text, 2..=100, "expected an integer from 2 to 100")
}

pub(super) fn rank(text: &str) -> Result<Rank, String> {
    match text {
        "auto" => Ok(Rank::Auto),
        _ => match text.parse() {
            Ok(rank) if rank > 0 => Ok(Rank::Given(rank)),
            _ => Err("expected auto or a positive integer".to_owned()),
        },
    }
}

pub(super) fn lambda(text: &str) -> Result<Lambda, String> {
    match text {
        "auto" => Ok(Lambda::Auto),
        _ => positive(text)
            .map(Lambda::Given)
            .map_err(|_| "expected auto or a positive number".to_owned()),
    }
}

pub(super) fn ratings(text: &str) -> Result<RatingsShape, String> {
    match text {
        "1m" => return Ok(RatingsShape::MILLION),
        "10m" => return Ok(RatingsShape::TEN_MILLION),
        "20m" => return Ok(RatingsShape::TWENTY_MILLION),
        _ => {}
    }
    let sizes: Result<Vec<usize>, _> = text.split('x').map(str::parse).collect();
    match sizes.as_deref() {
        Ok([users, items, ratings]) => Ok(RatingsShape::new(*users, *items, *ratings)),
        _ => Err("expected 1m, 10m, 20m or USERSxITEMSxRATINGS, such as 300x200x9000".to_owned()),
    }
}

pub(super) fn depth(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(depth @ 2..=1000) => Ok(depth),
        _ => Err("expected an integer from 2 to 1000".to_owned()),
    }
}

pub(super) fn positive(text: &str) -> Result<f64, String> {
    number(text, |v| v > 0.0, "expected a positive number")
}

pub(super) fn not_negative(text: &str) -> Result<f64, String> {
    number(text, |v| v >= 0.0, "expected 0 or a positive number")
}

pub(super) fn condition(text: &str) -> Result<f64, String> {
    number(text, |v| v >= 1.0, "expected a number from 1 up")
}

pub(super) fn share(text: &str) -> Result<f64, String> {
    number(text, |v| 0.0 < v && v < 1.0, "expected a number between 0 and 1")
}

pub(super) fn probability(text: &str) -> Result<f64, String> {
    number(
        text,
        |v| 0.0 < v && v <= 1.0,
        "expected a number above 0, at most 1",
    )
}

pub(super) fn tolerance(text: &str) -> Result<f64, String> {
    number(text, |v| 0.0 < v && v < 1.0, "expected a number between 0 and 1")
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let expected = "expected a positive number of seconds";
    let seconds = number(text, |v| v > 0.0, expected)?;
    Duration::try_from_secs_f64(seconds).map_err(|_| expected.to_owned())
}

pub(super) fn threads(text: &str) -> Result<usize, String> {
    // More would only be switched between; the limit keeps a slip of the finger from exhausting the machine.
    whole(text, 1..=1024, "expected an integer from 1 to 1024")
}

pub(super) fn dimension(text: &str) -> Result<usize, String> {
    whole(
        text,
        1..=u32::MAX as usize,
        "expected a positive integer of 32 bits",
    )
}

pub(super) fn count(text: &str) -> Result<usize, String> {
    whole(text, 0..=usize::MAX, "expected 0 or a positive integer")
}

pub(super) fn seed(text: &str) -> Result<u64, String> {
    let seed = text.parse().ok();
    seed.ok_or_else(|| "expected 0 or a positive integer of 64 bits".to_owned())
}

fn whole(text: &str, range: std::ops::RangeInclusive<usize>, expected: &str) -> Result<usize, String> {
    let value = text.parse().ok().filter(|value| range.contains(value));
    value.ok_or_else(|| expected.to_owned())
}

fn number(text: &str, fits: impl Fn(f64) -> bool, expected: &str) -> Result<f64, String> {
    let value = text.parse().ok().filter(|value: &f64| value.is_finite());
    value
        .filter(|value| fits(*value))
        .ok_or_else(|| expected.to_owned())
}
