//! The entries of a vector as stems, with those of the true one.

use super::Panel;
use crate::output::result::{ReportData, VectorPicture};
use crate::report::draw::axis::Axis;
use crate::report::draw::chart::{Chart, Mark, Series};
use crate::report::draw::colour::{BLUE, GREY, VERMILION};
use crate::report::draw::scene::Point;
use crate::report::draw::text::Font;
use crate::report::number::count;

const NAME: &str = "vector";
const TITLE: &str = "The vector";

pub(super) fn panel(data: &ReportData, vector: &VectorPicture, font: &Font) -> Panel {
    let Some(chart) = chart(vector) else {
        return Panel::left_out(
            NAME,
            TITLE,
            "No figure: the vector has no entry that is a number.",
        );
    };
    let other = vector.recovered.iter().filter(|x| **x != 0.0).count();
    let mut caption = format!(
        "Entries of x; {} of {} are not zero.",
        count(other),
        count(vector.recovered.len())
    );
    if vector.truth.is_some() {
        caption += " Rings: the true vector, where it is not zero. A disc in every ring and none elsewhere is exact recovery.";
    }
    if !data.source.is_empty() {
        caption += &format!(" Data: {}.", data.source);
    }
    Panel::drawn(NAME, TITLE, caption, chart.draw(font))
}

fn chart(vector: &VectorPicture) -> Option<Chart> {
    let recovered = nonzero(&vector.recovered);
    let truth = vector.truth.as_deref().map(nonzero).unwrap_or_default();
    let last = vector.recovered.len().max(1) as f64;
    let heights = recovered.iter().chain(&truth).map(|(_, x)| *x).chain([0.0]);
    let x = Axis::counting([1.0, last], "index l")?;
    let y = Axis::linear_with_room(heights, "entry x_{l}")?;
    let name = |text: &str| {
        if truth.is_empty() {
            String::new()
        } else {
            text.to_owned()
        }
    };
    Some(Chart {
        label: format!("Entries of a vector of length {}", vector.recovered.len()),
        x,
        y,
        series: vec![
            Series::line(String::new(), GREY, vec![(1.0, 0.0), (last, 0.0)]),
            Series::line(String::new(), BLUE, stems(&recovered)),
            Series::marks(name("true"), VERMILION, Mark::Ring, truth.clone()),
            Series::marks(name("recovered"), BLUE, Mark::Disc, recovered),
        ],
    })
}

/// (l, x_l) for the entries that are not zero, counted from 1.
fn nonzero(x: &[f64]) -> Vec<Point> {
    let numbered = x.iter().enumerate().map(|(l, x)| ((l + 1) as f64, *x));
    numbered.filter(|(_, x)| *x != 0.0 && x.is_finite()).collect()
}

/// From zero to each point; a point that is no number ends a stem.
fn stems(points: &[Point]) -> Vec<Point> {
    points
        .iter()
        .flat_map(|&(l, x)| [(l, 0.0), (l, x), (f64::NAN, f64::NAN)])
        .collect()
}
