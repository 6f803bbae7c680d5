//! Axes: where a number lies between the ends, and where the ticks are.
//!
//! Nothing here overflows: a linear axis works in units of a power of ten chosen from the data, a logarithmic one in
//! exponents, so 1e-300 and 1e300 are drawn like any other numbers.

/// A mark on an axis; one without a label is a minor tick.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    /// Fraction of the axis, 0 at its low end.
    pub(crate) place: f64,
    pub(crate) label: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Scale {
    /// In units of 10^exponent.
    Linear {
        exponent: i32,
    },
    Log,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Axis {
    pub(crate) title: String,
    pub(crate) ticks: Vec<Tick>,
    scale: Scale,
    /// The ends, in the units of the scale.
    low: f64,
    high: f64,
}

/// Labels of a few digits that stand side by side.
const MOST_STOPS: usize = 9;
/// Room between the data and the ends, relative to the range of the data.
const MARGIN: f64 = 0.04;

impl Axis {
    /// From the least to the greatest finite value; `None` if there is none.
    pub(crate) fn linear(values: impl IntoIterator<Item = f64>, title: &str) -> Option<Self> {
        let (low, high) = widened(range(values)?);
        let exponent = unit(low, high);
        let (low, high) = (times_ten_to(low, -exponent), times_ten_to(high, -exponent));
        let step = nice_step((high - low) / 6.0);
        let ticks = multiples(low, high, step)
            .map(|v| tick((v - low) / (high - low), fixed(v, step)))
            .collect();
        Some(Self {
            title: title.to_owned(),
            ticks,
            scale: Scale::Linear { exponent },
            low,
            high,
        })
    }

    /// The same with room at both ends, for lines that should not touch the frame.
    pub(crate) fn linear_with_room(values: impl IntoIterator<Item = f64>, title: &str) -> Option<Self> {
        let (low, high) = widened(range(values)?);
        let room = MARGIN * (high / 2.0 - low / 2.0) * 2.0;
        let finite = |end: f64| end.clamp(-f64::MAX, f64::MAX);
        Self::linear([finite(low - room), finite(high + room)], title)
    }

    /// For counts: ticks at whole numbers only.
    pub(crate) fn counting(values: impl IntoIterator<Item = f64>, title: &str) -> Option<Self> {
        let (low, high) = range(values)?;
        // A lone count stands between its neighbours (further away where those cannot be told apart).
        let apart = if high > low {
            0.0
        } else {
            1f64.max(high.abs() * 1e-9)
        };
        let (low, high) = (low - apart, high + apart);
        let room = MARGIN * (high - low);
        // No tick in the room below: what is counted from 1 has no 0.
        let first = low.max(0.0);
        let (low, high) = (low - room, high + room);
        let step = nice_step((high - low) / 6.0).max(1.0);
        // Six digits still fit side by side.
        let exponent = if high < 1e6 { 0 } else { unit(low, high) };
        let label = |v| fixed(times_ten_to(v, -exponent), times_ten_to(step, -exponent));
        let ticks = multiples(first, high, step)
            .map(|v| tick((v - low) / (high - low), label(v)))
            .collect();
        let (low, high) = (times_ten_to(low, -exponent), times_ten_to(high, -exponent));
        let scale = Scale::Linear { exponent };
        Some(Self {
            title: title.to_owned(),
            ticks,
            scale,
            low,
            high,
        })
    }

    /// From one end to the other, with ticks at these values alone (as many of them as can be read).
    pub(crate) fn stops(values: &[f64], (low, high): (f64, f64), title: &str) -> Self {
        let (low, high) = widened((low, high));
        let shown = values.iter().step_by(values.len().div_ceil(MOST_STOPS).max(1));
        let place = |v: f64| (v - low) / (high - low);
        Self {
            title: title.to_owned(),
            ticks: shown.map(|v| tick(place(*v), v.to_string())).collect(),
            scale: Scale::Linear { exponent: 0 },
            low,
            high,
        }
    }

    /// Places 0, 1, 2, … at equal distances, each under its label.
    pub(crate) fn categories(labels: impl IntoIterator<Item = String>, title: &str) -> Self {
        let labels: Vec<String> = labels.into_iter().collect();
        let count = labels.len().max(1) as f64;
        let ticks = labels.into_iter().enumerate();
        Self {
            title: title.to_owned(),
            ticks: ticks
                .map(|(i, label)| tick((i as f64 + 0.5) / count, label))
                .collect(),
            scale: Scale::Linear { exponent: 0 },
            low: -0.5,
            high: count - 0.5,
        }
    }

    /// Logarithmic over the positive values; `None` if there is none.
    pub(crate) fn log(values: impl IntoIterator<Item = f64>, title: &str) -> Option<Self> {
        let (low, high) = range(values.into_iter().filter(|v| *v > 0.0).map(f64::log10))?;
        let (low, high) = log_ends(low, high);
        let ticks = log_ticks(low, high);
        Some(Self {
            title: title.to_owned(),
            ticks,
            scale: Scale::Log,
            low,
            high,
        })
    }

    /// The fraction of the axis at which a value lies; on a log axis everything not positive lies at the low end.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let value = match self.scale {
            Scale::Linear { exponent } => times_ten_to(value, -exponent),
            Scale::Log if value > 0.0 => value.log10(),
            Scale::Log => self.low,
        };
        (value - self.low) / (self.high - self.low)
    }

    /// What the labels are to be multiplied by, as a label; `None` for 1.
    pub(crate) fn factor(&self) -> Option<String> {
        match self.scale {
            Scale::Linear { exponent } if exponent != 0 => Some(format!("×{}", power(exponent))),
            _ => None,
        }
    }

    pub(crate) fn labels(&self) -> impl Iterator<Item = &str> {
        self.ticks.iter().filter_map(|tick| tick.label.as_deref())
    }
}

/// Ticks for the rows or columns of a matrix: (index, label), counted from 0.
pub(crate) fn index_ticks(count: usize, most: usize) -> Vec<usize> {
    let step = nice_step(count as f64 / most.max(1) as f64).max(1.0) as usize;
    (0..count).step_by(step).collect()
}

fn tick(place: f64, label: String) -> Tick {
    Tick {
        place,
        label: Some(label),
    }
}

fn range(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let finite = values.into_iter().filter(|v| v.is_finite());
    finite.fold(None, |range, v| match range {
        None => Some((v, v)),
        Some((low, high)) => Some((v.min(low), v.max(high))),
    })
}

/// Ends that ticks can tell apart: equal values (to 9 digits) get a tenth of their size on either side.
fn widened((low, high): (f64, f64)) -> (f64, f64) {
    let size = low.abs().max(high.abs());
    if high / 2.0 - low / 2.0 > 1e-9 * size {
        return (low, high);
    }
    let room = if size == 0.0 { 1.0 } else { size / 10.0 };
    ((low - room).max(-f64::MAX), (high + room).min(f64::MAX))
}

/// The power of ten the labels are written in: none (0) as long as plain numbers stay short.
fn unit(low: f64, high: f64) -> i32 {
    let exponent = low.abs().max(high.abs()).log10().floor() as i32;
    if (-2..4).contains(&exponent) { 0 } else { exponent }
}

/// v·10^e in two steps, for 10^e alone may overflow.
fn times_ten_to(value: f64, exponent: i32) -> f64 {
    let half = exponent / 2;
    value * 10f64.powi(half) * 10f64.powi(exponent - half)
}

/// The smallest of 1, 2, 5 times a power of ten that is no smaller than `rough`.
fn nice_step(rough: f64) -> f64 {
    let power = 10f64.powf(rough.log10().floor());
    // The last factor serves a quotient that rounding has lifted above 5.
    [1.0, 2.0, 5.0]
        .into_iter()
        .map(|digit| digit * power)
        .find(|step| *step >= rough)
        .unwrap_or(10.0 * power)
}

fn multiples(low: f64, high: f64, step: f64) -> impl Iterator<Item = f64> {
    let slack = 1e-9;
    let first = (low / step - slack).ceil() as i64;
    let last = (high / step + slack).floor() as i64;
    (first..=last).map(move |count| count as f64 * step)
}

/// A number with the decimals its step needs.
fn fixed(value: f64, step: f64) -> String {
    let decimals = (-step.log10().floor()).max(0.0) as usize;
    let text = format!("{:.decimals$}", value.abs());
    if value < 0.0 && text.chars().any(|c| ('1'..='9').contains(&c)) {
        format!("−{text}")
    } else {
        text
    }
}

fn power(exponent: i32) -> String {
    let sign = if exponent < 0 { "−" } else { "" };
    format!("10^{{{sign}{}}}", exponent.unsigned_abs())
}

/// Whole decades when there are few of them, else a little room.
fn log_ends(low: f64, high: f64) -> (f64, f64) {
    let span = high - low;
    if span > 2.0 {
        return (low - MARGIN * span, high + MARGIN * span);
    }
    let (below, above) = (low.floor(), high.ceil());
    if below < above {
        (below, above)
    } else {
        (below - 1.0, above + 1.0)
    }
}

fn log_ticks(low: f64, high: f64) -> Vec<Tick> {
    let span = high - low;
    let stride = [1, 2, 3, 4, 5, 10, 20, 50]
        .into_iter()
        .find(|stride| span <= 7.0 * f64::from(*stride))
        .unwrap_or(100);
    let place = |exponent: f64| (exponent - low) / span;
    let decades = (low - 1e-9).ceil() as i32..=(high + 1e-9).floor() as i32;
    let minor_decades = (stride <= 5).then(|| decades.clone().filter(|e| e.rem_euclid(stride) != 0));
    let minor = minor_decades
        .into_iter()
        .flatten()
        .map(f64::from)
        .chain(digits_between(low, high));
    let labelled = decades.clone().filter(|e| e.rem_euclid(stride) == 0);
    labelled
        .map(|e| tick(place(f64::from(e)), power(e)))
        .chain(minor.map(|e| Tick {
            place: place(e),
            label: None,
        }))
        .collect()
}

/// The places of 2, 3, …, 9 in each decade, when there are few enough decades to tell them apart.
fn digits_between(low: f64, high: f64) -> Vec<f64> {
    if high - low > 4.0 {
        return Vec::new();
    }
    let decades = low.floor() as i32..=high.ceil() as i32;
    let places = decades.flat_map(|e| (2..10).map(move |digit| f64::from(e) + f64::from(digit).log10()));
    places.filter(|e| (low..=high).contains(e)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.labels().collect()
    }

    #[test]
    fn linear_ticks_are_round() {
        let axis = Axis::linear([0.0, 1.0, 0.3], "").unwrap();
        assert_eq!(labels(&axis), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(axis.place(0.5), 0.5);
        assert_eq!(
            labels(&Axis::linear([-25.0, 25.0], "").unwrap()),
            ["−20", "−10", "0", "10", "20"]
        );
    }

    #[test]
    fn far_magnitudes_get_a_factor_and_stay_inside() {
        for (low, high, factor) in [
            (-1e300, 1e300, "×10^{300}"),
            (1e-300, 3e-300, "×10^{−300}"),
            (-f64::MAX, f64::MAX, "×10^{308}"),
            (0.0, 5e-324, "×10^{−324}"),
        ] {
            let axis = Axis::linear([low, high], "").unwrap();
            assert_eq!(axis.factor().as_deref(), Some(factor));
            assert!((2..9).contains(&axis.ticks.len()), "{axis:?}");
            assert!(
                axis.ticks
                    .iter()
                    .all(|tick| (-1e-6..1.000001).contains(&tick.place)),
                "{axis:?}"
            );
            assert!((0.0..=1.0).contains(&axis.place(low / 2.0 + high / 2.0)));
        }
    }

    #[test]
    fn equal_values_lie_in_the_middle() {
        for value in [0.0, 7.0, -3e-200, 1e6 + 1e-9] {
            let axis = Axis::linear([value, value], "").unwrap();
            assert!((axis.place(value) - 0.5).abs() < 1e-6);
            assert!(axis.ticks.len() >= 2, "{axis:?}");
        }
    }

    #[test]
    fn categories_stand_under_their_labels() {
        let axis = Axis::categories(["a".to_owned(), "b".to_owned()], "");
        assert_eq!(labels(&axis), ["a", "b"]);
        assert_eq!(
            (axis.place(0.0), axis.place(1.0)),
            (axis.ticks[0].place, axis.ticks[1].place)
        );
    }

    #[test]
    fn no_finite_value_is_no_axis() {
        assert_eq!(Axis::linear([f64::NAN, f64::INFINITY], ""), None);
        assert_eq!(Axis::log([0.0, -1.0], ""), None);
        assert_eq!(Axis::counting([], ""), None);
    }

    #[test]
    fn log_ticks_are_few_at_any_span() {
        for (low, high) in [
            (1.0, 1.0),
            (2.0, 3.0),
            (1e-12, 1e2),
            (1e-300, 1e300),
            (5e-324, f64::MAX),
            (0.9, 1.1),
        ] {
            let axis = Axis::log([low, high], "").unwrap();
            assert!((2..9).contains(&axis.labels().count()), "{low} {high}: {axis:?}");
            assert!(
                axis.ticks
                    .iter()
                    .all(|tick| (-1e-9..1.0 + 1e-9).contains(&tick.place))
            );
            assert!(axis.place(low) >= 0.0 && axis.place(high) <= 1.0);
        }
        assert_eq!(Axis::log([1e-3, 1.0], "").unwrap().place(0.0), 0.0);
    }

    #[test]
    fn counts_have_whole_ticks() {
        assert_eq!(labels(&Axis::counting([1.0], "").unwrap()), ["0", "1", "2"]);
        assert_eq!(
            labels(&Axis::counting([0.0, 29.0], "").unwrap()),
            ["0", "10", "20", "30"]
        );
        let many = Axis::counting([0.0, 2e7], "").unwrap();
        assert_eq!(
            (labels(&many), many.factor()),
            (vec!["0.0", "0.5", "1.0", "1.5", "2.0"], Some("×10^{7}".into()))
        );
        assert_eq!(many.place(2e7) > 0.9, many.place(2e7) < 1.0);
        let absurd = Axis::counting([1.8e19], "").unwrap();
        assert_eq!(absurd.place(1.8e19), 0.5);
        assert_eq!(index_ticks(30, 6), [0, 5, 10, 15, 20, 25]);
        assert_eq!((index_ticks(1, 6), index_ticks(0, 6)), (vec![0], vec![]));
    }
}
