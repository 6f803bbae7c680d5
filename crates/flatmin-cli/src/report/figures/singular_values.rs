//! Singular values of D1 X D2: how low the rank is, and how clearly.

use super::Panel;
use crate::output::result::{ReportData, ResultFile};
use crate::report::draw::axis::Axis;
use crate::report::draw::chart::{Chart, Mark, Series};
use crate::report::draw::colour::{BLUE, GREY};
use crate::report::draw::scene::Point;
use crate::report::draw::text::Font;
use crate::report::number::count;

const NAME: &str = "singular-values";
const TITLE: &str = "Singular values";

pub(super) fn panel(result: &ResultFile, data: &ReportData, font: &Font) -> Panel {
    let values = &data.singular_values;
    let (Some(x), Some(y)) = axes(values) else {
        return Panel::left_out(NAME, TITLE, reason(values));
    };
    let (positive, zero): (Vec<Point>, Vec<Point>) = numbered(values).partition(|(_, value)| *value > 0.0);
    let zeros = zero.len();
    let (kept, rest) = positive
        .into_iter()
        .partition(|(index, _)| *index <= result.rank as f64);
    let both = |series: &Vec<Point>, other: &Vec<Point>| !series.is_empty() && !other.is_empty();
    let (first, beyond) = if both(&kept, &rest) {
        (first_name(result.rank), "the rest".to_owned())
    } else {
        Default::default()
    };
    let series = vec![
        Series::marks(first, BLUE, Mark::Disc, kept),
        Series::marks(beyond, GREY, Mark::Ring, rest),
        Series::marks(
            if zeros > 0 { "zero".into() } else { String::new() },
            GREY,
            Mark::Zero,
            zero,
        ),
    ];
    let chart = Chart {
        label: format!("Singular values of {}, {} of them", of(result), values.len()),
        x,
        y,
        series,
    };
    Panel::drawn(
        NAME,
        TITLE,
        caption(of(result), values.len(), zeros),
        chart.draw(font),
    )
}

fn axes(values: &[f64]) -> (Option<Axis>, Option<Axis>) {
    let indices = numbered(values).map(|(index, _)| index);
    (
        Axis::counting(indices, "index i"),
        Axis::log(values.iter().copied(), "singular value σ_{i}"),
    )
}

/// (1, σ_1), (2, σ_2), …, without those that are no numbers.
fn numbered(values: &[f64]) -> impl Iterator<Item = Point> {
    let numbered = values
        .iter()
        .enumerate()
        .map(|(index, value)| ((index + 1) as f64, *value));
    numbered.filter(|(_, value)| value.is_finite())
}

fn first_name(rank: usize) -> String {
    if rank == 1 {
        "the first (rank of the factors)".into()
    } else {
        format!("the first {rank} (rank of the factors)")
    }
}

fn reason(values: &[f64]) -> &'static str {
    if values.is_empty() {
        "No figure: the singular values are not recorded."
    } else {
        "No figure: no singular value is positive, so a logarithmic scale has nothing to show."
    }
}

/// The matrix that they belong to.
fn of(result: &ResultFile) -> &'static str {
    if result.depth.is_some() { "X" } else { "D1 X D2" }
}

fn caption(of: &str, number: usize, zeros: usize) -> String {
    let mut caption = format!(
        "Singular values of {of}, largest first, on a logarithmic scale; their sum is its nuclear norm. A wide fall after the first few means that the rank is low and clear-cut."
    );
    if zeros > 0 {
        caption += &format!(
            " Exactly zero (triangles at the lower edge): {} of {}.",
            count(zeros),
            count(number)
        );
    }
    caption
}
