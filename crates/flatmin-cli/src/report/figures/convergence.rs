//! The solver's course: how the value and its bound close in on each other, and how the data are met.

use super::Panel;
use crate::output::result::{HistoryRow, ReportData};
use crate::report::draw::axis::Axis;
use crate::report::draw::chart::{Chart, Mark, Series};
use crate::report::draw::colour::{BLUE, Colour, GREY, VERMILION};
use crate::report::draw::scene::{Point, Scene};
use crate::report::draw::text::Font;

const GAP: (&str, &str) = ("gap", "Closing the gap");
const TRACE: (&str, &str) = ("trace", "Becoming flat");
const RESIDUAL: (&str, &str) = ("residual", "Meeting the data");
/// With more records than this, marks would only thicken the line.
const MOST_MARKS: usize = 60;

pub(super) fn gap(data: &ReportData, font: &Font) -> Panel {
    let points = course(data, relative_gap);
    let caption = "Value of the convex objective minus the best lower bound proved so far, relative to the value, on a logarithmic scale. Where the data are met, the value is proved to be at most this far above the best possible.";
    let note = " Rings: the value was below the bound, as it may be while the data are not yet met; the size is drawn.";
    let label = "Relative gap between value and proved lower bound against iterations";
    let drawn = draw(&points, label, "relative gap", BLUE, font);
    match drawn {
        Some(scene) => {
            let below = points.iter().any(|(_, gap)| *gap < 0.0);
            let caption = [caption, if below { note } else { "" }, zero_note(&points)].concat();
            Panel::drawn(GAP.0, GAP.1, caption, scene)
        }
        None => Panel::left_out(GAP.0, GAP.1, reason(&points, "gap")),
    }
}

/// For a search that knows no bound: the trace itself.
pub(super) fn trace(data: &ReportData, font: &Font) -> Panel {
    let points = course(data, |row| row.value);
    let label = "Trace of the Hessian against iterations";
    match draw(&points, label, "trace of the Hessian", BLUE, font) {
        Some(scene) => {
            let caption = "Trace of the Hessian at the iterates, on a logarithmic scale; one course a starting point, the first from the two-factor solution. Iterates need not meet the data.";
            Panel::drawn(TRACE.0, TRACE.1, caption.to_owned(), scene)
        }
        None => Panel::left_out(TRACE.0, TRACE.1, "No figure: no course of a search is recorded."),
    }
}

pub(super) fn residual(data: &ReportData, font: &Font) -> Panel {
    let points = course(data, |row| row.residual);
    let caption = "Relative misfit of the data, ‖A(X) − y‖₂ / ‖y‖₂, on a logarithmic scale.";
    match draw(
        &points,
        "Relative residual against iterations",
        "relative residual",
        VERMILION,
        font,
    ) {
        Some(scene) => Panel::drawn(
            RESIDUAL.0,
            RESIDUAL.1,
            caption.to_owned() + zero_note(&points),
            scene,
        ),
        None => Panel::left_out(RESIDUAL.0, RESIDUAL.1, reason(&points, "residual")),
    }
}

/// (value − bound) / |value|, by halves for the sake of values near the largest number.
fn relative_gap(row: &HistoryRow) -> Option<f64> {
    let (value, bound) = (row.value?, row.lower_bound?);
    (value != 0.0).then(|| (value / 2.0 - bound / 2.0) / (value.abs() / 2.0))
}

/// The known numbers against the iterations; an unknown one is a hole in the line.
fn course(data: &ReportData, quantity: impl Fn(&HistoryRow) -> Option<f64>) -> Vec<Point> {
    data.history
        .iter()
        .map(|row| (row.iteration as f64, quantity(row).unwrap_or(f64::NAN)))
        .collect()
}

fn draw(points: &[Point], label: &str, title: &str, colour: Colour, font: &Font) -> Option<Scene> {
    let known = || points.iter().filter(|(_, y)| y.is_finite());
    let x = Axis::counting(known().map(|(x, _)| *x), "iteration")?;
    let y = Axis::log(known().map(|(_, y)| y.abs()), title)?;
    // A zero interrupts the line, which would otherwise plunge to an arbitrary lower edge.
    let sizes = points
        .iter()
        .map(|&(x, y)| (x, if y == 0.0 { f64::NAN } else { y.abs() }))
        .collect();
    let pick = |wanted: fn(f64) -> bool| {
        points
            .iter()
            .copied()
            .filter(|(_, y)| wanted(*y))
            .map(|(x, y)| (x, y.abs()))
            .collect()
    };
    let mark = if points.len() <= MOST_MARKS {
        Mark::Disc
    } else {
        Mark::None
    };
    let series = vec![
        series(colour, true, mark, sizes),
        series(colour, false, Mark::Ring, pick(|y| y < 0.0)),
        series(GREY, false, Mark::Zero, pick(|y| y == 0.0)),
    ];
    Some(
        Chart {
            label: label.to_owned(),
            x,
            y,
            series,
        }
        .draw(font),
    )
}

fn series(colour: Colour, line: bool, mark: Mark, points: Vec<Point>) -> Series {
    Series {
        name: String::new(),
        colour,
        line,
        dash: None,
        mark,
        points,
    }
}

fn zero_note(points: &[Point]) -> &'static str {
    if points.iter().any(|(_, y)| *y == 0.0) {
        " Triangles at the lower edge: exactly zero."
    } else {
        ""
    }
}

fn reason(points: &[Point], what: &str) -> &'static str {
    let some_zero = points.iter().any(|(_, y)| *y == 0.0);
    match (points.is_empty(), some_zero, what) {
        (true, ..) => "No figure: no course of a solver is recorded.",
        (_, true, "gap") => "No figure: value and lower bound are equal wherever both are known.",
        (_, true, _) => "No figure: the data are met exactly wherever the residual is known.",
        (_, _, "gap") => "No figure: no record has both a value and a proved lower bound.",
        _ => "No figure: no record has a residual.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_below_the_bound_are_drawn_and_explained() {
        let history = crate::report::sample::history(&[(Some(1.0), Some(1.5), None); 3]);
        let data = ReportData {
            history,
            ..ReportData::default()
        };
        let panel = gap(&data, &Font::load().unwrap());
        assert!(panel.scene.is_some());
        assert!(
            panel.caption.contains("Rings: the value was below the bound"),
            "{}",
            panel.caption
        );
    }

    #[test]
    fn the_gap_is_exact_and_never_overflows() {
        let row = |value, lower_bound| HistoryRow {
            value: Some(value),
            lower_bound: Some(lower_bound),
            ..Default::default()
        };
        assert_eq!(relative_gap(&row(2.0, 1.5)), Some(0.25));
        assert_eq!(relative_gap(&row(f64::MAX, -f64::MAX)), Some(2.0));
        assert_eq!(relative_gap(&row(1.0, 2.0)), Some(-1.0));
        assert_eq!(relative_gap(&row(0.0, 0.0)), None);
    }
}
