//! The share recovered against ρ, with the bands of the binomial law: one figure a grid and condition.

use flatmin::experiment::fewest::{Config, Grid, Method, Row, Sampling};

use super::published::marks;
use super::{Line, place, said};
use crate::experiment::statistics::wilson;
use crate::report::draw::axis::Axis;
use crate::report::draw::chart::{Chart, Mark, Series};
use crate::report::draw::colour::{BLUE, Colour, GREEN, GREY, INK, PURPLE, SKY, VERMILION};
use crate::report::draw::scene::Point;
use crate::report::draw::text::Font;
use crate::report::figures::Panel;

/// Of the published methods.
const OTHERS: [Colour; 4] = [INK, GREEN, PURPLE, SKY];

/// All figures.
pub(super) fn panels(config: &Config, rows: &[Row], font: &Font) -> Vec<Panel> {
    let of = |grid: &Grid| -> Vec<Panel> {
        let panel = |condition: &f64| panel(config, grid, *condition, rows, font);
        grid.conditions.iter().filter_map(panel).collect()
    };
    config.grids.iter().flat_map(of).collect()
}

fn panel(config: &Config, grid: &Grid, condition: f64, rows: &[Row], font: &Font) -> Option<Panel> {
    let mut series = Vec::new();
    for method in &grid.methods {
        series.extend(curve(&Line::new(grid, condition, *method, rows)));
    }
    if series.is_empty() {
        return None;
    }
    let published = marks(grid, condition);
    for (mark, colour) in published.iter().zip(OTHERS) {
        let points = vec![(mark.ratio, 0.0), (mark.ratio, 1.0)];
        series.push(Series::line(mark.methods, colour, points).dashed(Some((4.0, 2.0))));
    }
    series.push(Series::line("", GREY, vec![(1.0, 0.0), (1.0, 1.0)]));
    let points = || series.iter().flat_map(|series| series.points.iter());
    let place = place(grid, condition);
    let chart = Chart {
        label: format!("Share recovered against measurements over degrees of freedom: {place}"),
        x: Axis::linear_with_room(
            points().map(|(x, _)| *x),
            "ρ, measurements over degrees of freedom",
        )?,
        y: Axis::linear_with_room([0.0, 1.0], "share recovered")?,
        series,
    };
    let name = format!(
        "fewest-{}{}-n{}-r{}-k{condition}",
        grid.model.name(),
        if grid.sampling == Sampling::Uneven {
            "-uneven"
        } else {
            ""
        },
        grid.n,
        grid.rank
    );
    let caption = format!(
        "{place}: share of {} trials with ‖X − M‖_F ≤ {:e}·‖M‖_F, with the 95 % band of the binomial law (Wilson, dotted). ρ = 1 (grey) is {} measurements; below, nothing is determined.{}{}",
        config.trials,
        config.success,
        grid.freedom(),
        if grid.sampling == Sampling::Uneven {
            " The i-th row and column are observed in proportion to 1/i^0.7."
        } else {
            ""
        },
        if published.is_empty() {
            ""
        } else {
            " Dashed: the smallest ρ at which published methods told the rank have a median error below 10⁻³ (Kümmerle and Mayrink Verdun, ICML 2021): to be compared with where our curve passes one half. Those not shown (of MatrixIRLS, R2RILS, R3MC, RTRMC, LMaFit) have none up to ρ = 4."
        }
    );
    Some(Panel::drawn(name, "Recovered", caption, chart.draw(font)))
}

/// Nothing without trials.
fn curve(line: &Line<'_>) -> Vec<Series> {
    let points = |value: fn(usize, usize) -> f64| -> Vec<Point> {
        let point = |ratio: &f64| line.recovered(*ratio).map(|(few, all)| (*ratio, value(few, all)));
        line.ratios().iter().filter_map(point).collect()
    };
    let shares = points(|few, all| few as f64 / all as f64);
    if shares.is_empty() {
        return Vec::new();
    }
    let (colour, mark) = match line.method {
        Method::Constrained => (BLUE, Mark::Disc),
        Method::Unweighted => (VERMILION, Mark::Ring),
        Method::Convex => (GREEN, Mark::Disc),
    };
    let edge = |points| Series::line("", colour, points).dashed(Some((1.0, 2.0)));
    vec![
        edge(points(|few, all| wilson(few, all).0)),
        edge(points(|few, all| wilson(few, all).1)),
        Series::line(said(line.method), colour, shares).marked(mark),
    ]
}
