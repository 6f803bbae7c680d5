//! What can be wrong with an input. A run that merely stops early is not an error: see
//! [`Status`](crate::solve::Status).

/// Malformed input, with the numbers that show it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An array has the wrong length or shape.
    #[error("{what}: found {found}, expected {expected}")]
    Shape {
        /// The array.
        what: &'static str,
        /// Its shape.
        found: String,
        /// The shape it should have.
        expected: String,
    },
    /// A number is NaN or infinite.
    #[error("{what}, element {index}: found {value}, expected a finite number")]
    NotFinite {
        /// The array.
        what: &'static str,
        /// Where in it, in storage order, from 0.
        index: usize,
        /// What stands there.
        value: f64,
    },
    /// Numbers so large or so small that their squares leave the range of f64, where no bound could be proved.
    #[error(
        "{what}: found {value:e} as the largest magnitude, expected it between {low:e} and {high:e}; \
         multiply by a power of ten to get there"
    )]
    Magnitude {
        /// The array.
        what: &'static str,
        /// Its largest magnitude.
        value: f64,
        /// The smallest allowed.
        low: f64,
        /// The largest allowed.
        high: f64,
    },
    /// An index points outside the matrix.
    #[error("{what}, entry {entry}: found index {index}, expected one below {size}")]
    OutOfRange {
        /// `row` or `column`.
        what: &'static str,
        /// Which entry, from 0.
        entry: usize,
        /// The index found.
        index: usize,
        /// The size of the matrix in that direction.
        size: usize,
    },
    /// The same entry of the matrix is observed twice.
    #[error("entry ({row}, {column}) is observed twice, as {first:?} and as {second:?}; expected once")]
    Duplicate {
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: usize,
        /// The first value.
        first: f64,
        /// The second value.
        second: f64,
    },
    /// D1 or D2 is singular, so that the flat problem is degenerate.
    #[error(
        "{side} is singular to working precision (smallest eigenvalue of its square {smallest:.3e}, largest {largest:.3e}): \
         the flat problem is degenerate there; expected measurements that see every direction (more of them, or --objective nuclear)"
    )]
    SingularRescaling {
        /// `D1` or `D2`.
        side: &'static str,
        /// Smallest eigenvalue of D².
        smallest: f64,
        /// Largest eigenvalue of D².
        largest: f64,
    },
    /// Nothing satisfies A(X) = y.
    #[error(
        "the measurements contradict each other: nothing fits them better than to {residual:.3e} of ‖y‖; \
         expected consistent data, or a fit that allows noise (--epsilon or --lambda)"
    )]
    Inconsistent {
        /// The smallest possible ‖A(X) − y‖ / ‖y‖.
        residual: f64,
    },
    /// A setting is out of its range.
    #[error("{name}: found {found}, expected {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        found: String,
        /// The values it may have.
        expected: &'static str,
    },
    /// A factorisation that should exist did not come out: an internal failure, reported rather than hidden.
    #[error("numerical failure in {0}")]
    Numerical(&'static str),
}

/// Refuses NaN and infinities.
pub(crate) fn check_finite(what: &'static str, values: &[f64]) -> Result<(), Error> {
    match values.iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(index) => Err(Error::NotFinite {
            what,
            index,
            value: values[index],
        }),
    }
}

/// Refuses a non-zero array whose largest magnitude is outside [1/high, high]: squares of products have to stay finite
/// and normal.
pub(crate) fn check_magnitude(what: &'static str, values: &[f64], high: f64) -> Result<(), Error> {
    let (value, low) = (crate::linalg::vector::max_abs(values), 1.0 / high);
    if value == 0.0 || (low..=high).contains(&value) {
        return Ok(());
    }
    Err(Error::Magnitude {
        what,
        value,
        low,
        high,
    })
}

/// Refuses a setting that is not positive and finite.
pub(crate) fn check_positive(name: &'static str, value: f64) -> Result<(), Error> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(Error::Setting {
        name,
        found: value.to_string(),
        expected: "a positive number",
    })
}

/// Refuses a matrix without rows or columns, one too large to index, and maps without measurements.
pub(crate) fn check_shape(shape: (usize, usize), measurements: usize) -> Result<(), Error> {
    if shape.0 == 0 || shape.1 == 0 || shape.0.checked_mul(shape.1).is_none() {
        return Err(Error::Shape {
            what: "the shape of X",
            found: format!("{} x {}", shape.0, shape.1),
            expected: "at least one row and one column, and a product that fits the machine".into(),
        });
    }
    if measurements == 0 {
        return Err(Error::Shape {
            what: "the measurements",
            found: "none".into(),
            expected: "at least one".into(),
        });
    }
    Ok(())
}

/// Refuses an array whose length is not the product of `expected`, however large that is.
pub(crate) fn check_product(what: &'static str, found: usize, expected: &[usize]) -> Result<(), Error> {
    let product = expected.iter().try_fold(1usize, |p, n| p.checked_mul(*n));
    if product == Some(found) {
        return Ok(());
    }
    let expected: Vec<String> = expected.iter().map(usize::to_string).collect();
    Err(Error::Shape {
        what,
        found: format!("{found} values"),
        expected: expected.join(" x "),
    })
}

/// Refuses a wrong length.
pub(crate) fn check_length(what: &'static str, found: usize, expected: usize) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    Err(Error::Shape {
        what,
        found: format!("{found} values"),
        expected: expected.to_string(),
    })
}
