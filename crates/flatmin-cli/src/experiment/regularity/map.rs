//! A distance by size and amount of data, in logarithmic colours.

use flatmin::experiment::Model;
use flatmin::experiment::regularity::{Config, Row};

use super::super::grid::{Grid, Shade};
use super::super::statistics::spread;
use super::super::status::is_refused;
use super::{Distance, cells};
use crate::report::draw::axis::Axis;
use crate::report::draw::bar::Bar;
use crate::report::draw::chart::{Chart, Tile, Tiles};
use crate::report::draw::colour::viridis;
use crate::report::draw::text::Font;
use crate::report::figures::Panel;
use crate::report::number::short;

/// Smaller distances are drawn as this one.
const FLOOR: f64 = 1e-5;

/// One map a model, all in the same colours.
pub(super) fn panels(config: &Config, distance: &Distance, rows: &[Row], font: &Font) -> Vec<Panel> {
    let values = cells(rows).into_iter().filter_map(|cell| {
        let median = median(distance, cell.iter())?;
        Some(drawn(median))
    });
    let Some(scale) = Axis::log(values, distance.symbol) else {
        return Vec::new();
    };
    let one = |model: &Model| {
        let own: Vec<&Row> = rows.iter().filter(|row| row.model == *model).collect();
        (!own.is_empty()).then(|| panel(config, distance, *model, &own, &scale, font))
    };
    config.models.iter().filter_map(one).collect()
}

fn panel(
    config: &Config,
    distance: &Distance,
    model: Model,
    rows: &[&Row],
    scale: &Axis,
    font: &Font,
) -> Panel {
    let grid = Grid::new(model, &config.d, &config.m, &config.p);
    let (x, y) = grid.axes("rows and columns d");
    let chart = Chart {
        label: format!("{} by size and amount of data: {}", distance.symbol, model.name()),
        x,
        y,
        series: Vec::new(),
    };
    let tiles = Tiles {
        tiles: tiles(distance, &grid, rows, scale),
        bar: Some(Bar { scale, map: viridis }),
    };
    let refused = rows.iter().filter(|row| is_refused(&row.status)).count();
    let why = if refused == 0 {
        "Hatched: not run, for there are fewer independent measurements than that.".to_owned()
    } else {
        format!(
            "Hatched: not run, or D1 or D2 is singular in every trial, so that there is no flat problem ({refused} of {} trials are such).",
            rows.len()
        )
    };
    let caption = format!(
        "{}: {} of the flat factors, median over the certified trials of each cell, on a logarithmic scale (drawn as {} below, and as 1 above). {why} Crosses: a solution was not certified and does not count.",
        model.name(),
        distance.words,
        short(FLOOR)
    );
    Panel::drawn(
        format!("{}-{}", distance.name, model.name()),
        distance.title,
        caption,
        chart.draw_over(&tiles, font),
    )
}

/// Of the certified trials of a cell.
fn median<'a>(distance: &Distance, cell: impl Iterator<Item = &'a Row>) -> Option<f64> {
    let known = cell.filter(|row| row.is_certified());
    spread(known.filter_map(distance.measured)).map(|spread| spread.median)
}

/// The colours are for distances that theory makes neither vanish (D1 and D2 multiples of the identity) nor large: above 1
/// nothing is regular.
fn drawn(value: f64) -> f64 {
    value.clamp(FLOOR, 1.0)
}

fn tiles(distance: &Distance, grid: &Grid, rows: &[&Row], scale: &Axis) -> Vec<Tile> {
    grid.tiles(|size, amount| {
        let cell = || {
            rows.iter()
                .filter(move |row| row.d1 as f64 == size && row.p.unwrap_or(row.m as f64) == amount)
        };
        let median = median(distance, cell().copied());
        Shade {
            fill: median.map(|median| viridis(scale.place(drawn(median)))),
            crossed: cell().any(|row| !row.is_certified() && !is_refused(&row.status)),
        }
    })
}
