//! Medians, ranges and slopes of what trials measured, and the lines that show them.

use crate::report::draw::chart::{Mark, Series};
use crate::report::draw::colour::Colour;

/// The middle of a few numbers, and their ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) low: f64,
    pub(super) median: f64,
    pub(super) high: f64,
}

/// Of the finite values; `None` where there is none.
pub(super) fn spread(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
    let mut values: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    let count = values.len();
    let (low, high) = (*values.first()?, *values.last()?);
    let median = if count % 2 == 1 {
        values[count / 2]
    } else {
        0.5 * (values[count / 2 - 1] + values[count / 2])
    };
    Some(Spread { low, median, high })
}

/// b of the least-squares line log y = a + b log x through points with positive x and y; `None` for fewer than two x.
pub(super) fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let logs: Vec<(f64, f64)> = points
        .iter()
        .filter(|(x, y)| *x > 0.0 && *y > 0.0)
        .map(|(x, y)| (x.ln(), y.ln()))
        .collect();
    let count = logs.len() as f64;
    let mean = |part: fn(&(f64, f64)) -> f64| logs.iter().map(part).sum::<f64>() / count;
    let (mx, my) = (mean(|p| p.0), mean(|p| p.1));
    let (xx, xy) = logs.iter().fold((0.0, 0.0), |(xx, xy), (x, y)| {
        (xx + (x - mx) * (x - mx), xy + (x - mx) * (y - my))
    });
    (xx > 0.0).then(|| xy / xx)
}

/// The 95 % band of a chance of which `successes` of `trials` came true (Wilson, JASA 22, 1927, DOI
/// 10.1080/01621459.1927.10502953); (0, 1) without trials.
pub(super) fn wilson(successes: usize, trials: usize) -> (f64, f64) {
    const NORMAL: f64 = 1.96;
    if trials == 0 {
        return (0.0, 1.0);
    }
    let n = trials as f64;
    let (share, square) = (successes as f64 / n, NORMAL * NORMAL / n);
    let middle = (share + 0.5 * square) / (1.0 + square);
    let half = (square * (share * (1.0 - share) + 0.25 * square)).sqrt() / (1.0 + square);
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

/// A line through medians, and thin dotted ones through the ends of their ranges.
pub(super) fn banded(
    name: &str,
    colour: Colour,
    dash: Option<(f64, f64)>,
    spreads: &[(f64, Spread)],
) -> Vec<Series> {
    let line = |name: &str, dash, mark, value: fn(&Spread) -> f64| {
        let points = spreads.iter().map(|(x, spread)| (*x, value(spread)));
        Series::line(name, colour, points.collect())
            .dashed(dash)
            .marked(mark)
    };
    let thin = Some((1.0, 2.0));
    vec![
        line("", thin, Mark::None, |spread| spread.low),
        line("", thin, Mark::None, |spread| spread.high),
        line(name, dash, Mark::Disc, |spread| spread.median),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_hold_the_share_and_stay_between_none_and_all() {
        let (low, high) = wilson(0, 10);
        assert!(low == 0.0 && (high - 0.2775).abs() < 1e-3);
        let (low, high) = wilson(5, 10);
        assert!((low + high - 1.0).abs() < 1e-12 && (low - 0.2366).abs() < 1e-3);
        assert_eq!(wilson(0, 0), (0.0, 1.0));
    }

    #[test]
    fn medians_and_slopes_are_those_of_the_definition() {
        let found = spread([4.0, f64::NAN, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!((found.low, found.median, found.high), (1.0, 2.5, 4.0));
        assert_eq!(spread([f64::INFINITY]), None);
        let points: Vec<(f64, f64)> = (1..6).map(f64::from).map(|x| (x, 3.0 * x * x)).collect();
        assert!((slope(&points).unwrap() - 2.0).abs() < 1e-12);
        assert_eq!(slope(&points[..1]), None);
    }
}
