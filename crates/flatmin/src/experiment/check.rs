//! What configurations of experiments have in common to refuse, naming the key.

use super::cell::Model;
use crate::error::Error;

/// Largest size, and most repetitions, that an experiment may ask for.
const MOST: usize = 10_000;

/// This value of a key, and what was expected.
pub(super) fn refuse(name: &'static str, found: String, expected: &'static str) -> Result<(), Error> {
    Err(Error::Setting {
        name,
        found,
        expected,
    })
}

/// A list with something in it.
pub(super) fn not_empty<T>(name: &'static str, list: &[T]) -> Result<(), Error> {
    if list.is_empty() {
        return refuse(name, "an empty list".to_owned(), "at least one value");
    }
    Ok(())
}

/// A list of numbers that are all `right`.
pub(super) fn each(
    name: &'static str,
    list: &[f64],
    expected: &'static str,
    right: impl Fn(f64) -> bool,
) -> Result<(), Error> {
    match list.iter().find(|value| !right(**value)) {
        Some(value) => refuse(name, value.to_string(), expected),
        None => Ok(()),
    }
}

/// At least one size, each from 1 to 10,000.
pub(super) fn sizes(name: &'static str, list: &[usize]) -> Result<(), Error> {
    not_empty(name, list)?;
    match list.iter().find(|size| !(1..=MOST).contains(*size)) {
        Some(size) => refuse(name, size.to_string(), "sizes from 1 to 10,000"),
        None => Ok(()),
    }
}

/// Numbers of measurements, and chances that an entry is observed; either list may be empty.
pub(super) fn amounts(m: &[usize], p: &[f64]) -> Result<(), Error> {
    if !m.is_empty() {
        sizes("m", m)?;
    }
    each("p", p, "probabilities above 0, at most 1", |p| {
        p > 0.0 && p <= 1.0
    })
}

/// From 1 to 10,000 repetitions.
pub(super) fn trials(trials: u64) -> Result<(), Error> {
    if !(1..=MOST as u64).contains(&trials) {
        return refuse("trials", trials.to_string(), "1 to 10,000");
    }
    Ok(())
}

/// Of the relative gap.
pub(super) fn tolerance(tolerance: f64) -> Result<(), Error> {
    each("tolerance", &[tolerance], "a number between 0 and 1", |v| {
        v > 0.0 && v < 1.0
    })
}

/// Models whose X is any matrix and whose data are met exactly.
pub(super) fn general(name: &'static str, models: &[Model]) -> Result<(), Error> {
    match models
        .iter()
        .find(|model| model.is_symmetric() || !model.is_linear())
    {
        Some(model) => refuse(
            name,
            model.name().to_owned(),
            "sensing, bilinear or completion: linear measurements of any matrix",
        ),
        None => Ok(()),
    }
}

/// Models of matrices of low rank whose data are met exactly.
pub(super) fn linear(name: &'static str, models: &[Model]) -> Result<(), Error> {
    match models.iter().find(|model| !model.is_linear()) {
        Some(model) => refuse(
            name,
            model.name().to_owned(),
            "sensing, bilinear, completion, network, covariance or phase",
        ),
        None => Ok(()),
    }
}
