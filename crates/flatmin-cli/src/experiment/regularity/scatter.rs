//! Measured distances against their bounds.

use flatmin::experiment::Model;
use flatmin::experiment::regularity::{Config, Row};

use super::Distance;
use crate::report::draw::axis::Axis;
use crate::report::draw::chart::{Chart, Mark, Series};
use crate::report::draw::colour::{BLUE, Colour, GREEN, GREY, VERMILION};
use crate::report::draw::scene::Point;
use crate::report::draw::text::Font;
use crate::report::figures::Panel;
use crate::report::number::short;

const COLOURS: [Colour; 3] = [BLUE, VERMILION, GREEN];

/// One point a certified trial of all models.
pub(super) fn panel(config: &Config, distance: &Distance, rows: &[Row], font: &Font) -> Option<Panel> {
    let mut series: Vec<Series> = Vec::new();
    for (model, colour) in config.models.iter().zip(COLOURS.iter().cycle()) {
        series.push(points(config, distance, *model, *colour, rows));
    }
    let all = || series.iter().flat_map(|series| series.points.iter());
    let x = Axis::log(
        all().map(|(x, _)| *x),
        &format!("bound on the {}", distance.symbol),
    )?;
    let y = Axis::log(all().flat_map(|(x, y)| [*x, *y]), distance.symbol)?;
    let (low, high) = all().fold((f64::INFINITY, 0.0), |(low, high): Point, (x, _)| {
        (low.min(*x), high.max(*x))
    });
    series.push(Series::line("bound", GREY, vec![(low, low), (high, high)]));
    let caption = format!(
        "Every certified trial: {} of its flat factors against the bound that the regularity theorem puts on it for its D1 and D2 (grey: equal). Trials with D1 and D2 multiples of the identity, whose bound is zero, and distances below the certified gap {} are left out.",
        distance.words,
        short(config.tolerance)
    );
    let chart = Chart {
        label: format!("{} against its bound", distance.symbol),
        x,
        y,
        series,
    };
    Some(Panel::drawn(
        format!("{}-bound", distance.name),
        distance.title,
        caption,
        chart.draw(font),
    ))
}

fn points(config: &Config, distance: &Distance, model: Model, colour: Colour, rows: &[Row]) -> Series {
    let own = rows.iter().filter(|row| row.model == model && row.is_certified());
    let pair = |row: &Row| Some(((distance.bound)(row)?, (distance.measured)(row)?));
    let seen = |(bound, measured): &Point| *bound > config.tolerance && *measured > config.tolerance;
    let points = own.filter_map(pair).filter(seen).collect();
    Series::marks(model.name(), colour, Mark::Disc, points)
}
