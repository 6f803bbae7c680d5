//! The matrices themselves: observed, recovered, its outliers and true, on one scale of colours.

use super::Panel;
use crate::output::result::{Heatmap, ReportData, ResultFile};
use crate::report::draw::axis::Axis;
use crate::report::draw::heatmap::HeatmapFigure;
use crate::report::draw::text::Font;
use crate::report::number::count;

/// One of the matrices: file stem, title, and what a cell without a value means.
struct Kind {
    name: &'static str,
    title: &'static str,
    missing: &'static str,
    text: &'static str,
}

/// What the figures side by side have in common.
struct Common<'a> {
    scale: &'a Axis,
    shared: bool,
    /// Whether any of them has cells without a value.
    holes: bool,
}

const OBSERVED: Kind = Kind {
    name: "observed",
    title: "Observed",
    missing: "not observed",
    text: "The entries of the data; hatched where none was observed.",
};
const MEASURED: Kind = Kind {
    name: "recovered",
    title: "Measured",
    missing: "unknown",
    text: "The matrix X of the given factors.",
};
const RECOVERED: Kind = Kind {
    name: "recovered",
    title: "Recovered",
    missing: "unknown",
    text: "The matrix X found.",
};
const SPARSE: Kind = Kind {
    name: "sparse",
    title: "Outliers",
    missing: "not observed",
    text: "The sparse part S = Y − X.",
};
const TRUTH: Kind = Kind {
    name: "truth",
    title: "Truth",
    missing: "unknown",
    text: "The true matrix, given for comparison.",
};

pub(super) fn panels(result: &ResultFile, data: &ReportData, font: &Font) -> Vec<Panel> {
    let product = if result.status.is_some() {
        RECOVERED
    } else {
        MEASURED
    };
    let maps = [
        (OBSERVED, &data.observed),
        (product, &data.recovered),
        (SPARSE, &data.sparse),
        (TRUTH, &data.truth),
    ];
    let maps: Vec<(Kind, &Heatmap)> = maps
        .into_iter()
        .filter_map(|(kind, map)| Some((kind, map.as_ref()?)))
        .collect();
    let values = maps
        .iter()
        .flat_map(|(_, map)| map.values.iter().flatten().copied());
    let Some(scale) = Axis::linear(values, "entry") else {
        return maps.into_iter().map(|(kind, _)| empty(&kind)).collect();
    };
    let common = Common {
        scale: &scale,
        shared: maps.len() > 1,
        holes: maps.iter().any(|(_, map)| map.values.iter().any(Option::is_none)),
    };
    maps.into_iter()
        .map(|(kind, map)| panel(&kind, map, &common, font))
        .collect()
}

fn panel(kind: &Kind, map: &Heatmap, common: &Common, font: &Font) -> Panel {
    if map.values.is_empty() {
        return empty(kind);
    }
    let (rows, columns) = map.full_shape;
    let figure = HeatmapFigure {
        label: format!("{} matrix, {rows} by {columns}, as a map of colours", kind.title),
        cells: map.shape,
        counted: map.full_shape,
        values: &map.values,
        scale: common.scale,
        missing: kind.missing,
        keep_place: common.holes,
    };
    Panel::drawn(
        kind.name,
        kind.title,
        caption(kind, map, common.shared),
        figure.draw(font),
    )
}

fn empty(kind: &Kind) -> Panel {
    Panel::left_out(kind.name, kind.title, "No figure: the matrix has no known entry.")
}

fn caption(kind: &Kind, map: &Heatmap, shared: bool) -> String {
    let mut caption = kind.text.to_owned();
    if map.shape != map.full_shape {
        let ((rows, columns), (all_rows, all_columns)) = (map.shape, map.full_shape);
        caption += &format!(
            " Each of the {rows} × {columns} cells is the mean over a block of the {} × {} matrix.",
            count(all_rows),
            count(all_columns)
        );
    }
    if shared {
        caption += " All matrices share one scale.";
    }
    caption
}
