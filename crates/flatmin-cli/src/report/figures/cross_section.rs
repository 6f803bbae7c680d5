//! The loss across a flat and across a sharp minimum of the same matrix.

use super::Panel;
use crate::output::result::{CrossSection, ReportData};
use crate::report::draw::axis::Axis;
use crate::report::draw::chart::{Chart, Series};
use crate::report::draw::colour::{BLUE, VERMILION};
use crate::report::draw::scene::Point;
use crate::report::draw::text::Font;
use crate::report::number::short;

const NAME: &str = "cross-section";
const TITLE: &str = "Flat and sharp";

pub(super) fn panel(data: &ReportData, font: &Font) -> Panel {
    let Some(section) = &data.cross_section else {
        return Panel::left_out(
            NAME,
            TITLE,
            "No figure: no cross-section of the loss is recorded.",
        );
    };
    let Some(chart) = chart(section) else {
        return Panel::left_out(
            NAME,
            TITLE,
            "No figure: the cross-section of the loss holds no numbers.",
        );
    };
    Panel::drawn(NAME, TITLE, caption(section), chart.draw(font))
}

fn chart(section: &CrossSection) -> Option<Chart> {
    let (flat, sharp) = (curve(section, &section.flat), curve(section, &section.sharp));
    let known = || {
        flat.iter()
            .chain(&sharp)
            .filter(|(t, loss)| t.is_finite() && loss.is_finite())
    };
    let x = Axis::linear(known().map(|(t, _)| *t), "step t along the direction")?;
    let y = Axis::linear_with_room(known().map(|(_, loss)| *loss), "loss f(t) − f(0)")?;
    let series = vec![
        Series::line("flat factors", BLUE, flat),
        Series::line("sharp factors of the same matrix", VERMILION, sharp).dashed(Some((4.0, 2.0))),
    ];
    Some(Chart {
        label: "Loss along one direction from flat and from sharp factors".to_owned(),
        x,
        y,
        series,
    })
}

fn curve(section: &CrossSection, losses: &[f64]) -> Vec<Point> {
    section
        .offsets
        .iter()
        .copied()
        .zip(losses.iter().copied())
        .collect()
}

fn caption(section: &CrossSection) -> String {
    let mut caption = "Increase of the loss f = ‖A(X) − y‖² along one random direction of the factors, from the flat ones and from sharp ones of the same matrix X.".to_owned();
    if section.trace_ratio.is_finite() && section.trace_ratio > 0.0 {
        caption += &format!(
            " The scaled trace at the sharp factors is {} times that at the flat ones.",
            short(section.trace_ratio)
        );
    }
    caption
}
