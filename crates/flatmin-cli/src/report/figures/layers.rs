//! The trace of the Hessian layer by layer.

use super::Panel;
use crate::report::draw::axis::Axis;
use crate::report::draw::chart::{Chart, Mark, Series};
use crate::report::draw::colour::{BLUE, GREY};
use crate::report::draw::text::Font;

const NAME: &str = "layers";
const TITLE: &str = "Flatness by layer";

pub(super) fn panel(traces: &[f64], font: &Font) -> Panel {
    let Some(chart) = chart(traces) else {
        return Panel::left_out(NAME, TITLE, "No figure: no trace is known.");
    };
    let caption = "Trace of the Hessian in the block of each of the K layers, and their mean (grey). At the flattest factors all layers have the same trace: scaling one up and another down changes these two alone.";
    Panel::drawn(NAME, TITLE, caption.to_owned(), chart.draw(font))
}

fn chart(traces: &[f64]) -> Option<Chart> {
    let points = || {
        let numbered = traces.iter().enumerate().map(|(j, t)| ((j + 1) as f64, *t));
        numbered.filter(|(_, t)| t.is_finite())
    };
    let mean = points().map(|(_, t)| t).sum::<f64>() / points().count().max(1) as f64;
    let last = traces.len() as f64;
    let x = Axis::counting([0.5, last + 0.5], "layer j")?;
    let y = Axis::linear_with_room(points().map(|(_, t)| t).chain([0.0]), "trace of its block")?;
    let stems = points().flat_map(|(j, t)| [(j, 0.0), (j, t), (f64::NAN, f64::NAN)]);
    let series = |line, colour, mark, points| Series {
        name: String::new(),
        colour,
        line,
        dash: None,
        mark,
        points,
    };
    Some(Chart {
        label: format!("Traces of the Hessian in {} layers", traces.len()),
        x,
        y,
        series: vec![
            series(true, GREY, Mark::None, vec![(0.5, mean), (last + 0.5, mean)]),
            series(true, BLUE, Mark::None, stems.collect()),
            series(false, BLUE, Mark::Disc, points().collect()),
        ],
    })
}
