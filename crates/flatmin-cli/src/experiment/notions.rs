//! The three notions: how flat, norm-minimal and balanced part as the measurements get fewer.

pub(super) use flatmin::experiment::notions::Config;
use flatmin::experiment::notions::{IDENTITY, Row};

use super::statistics::{Spread, banded, spread};
use super::status::certified;
use super::{Shown, Table};
use crate::report::draw::axis::Axis;
use crate::report::draw::chart::{Chart, Mark, Series};
use crate::report::draw::colour::{BLUE, Colour, GREEN, INK, VERMILION};
use crate::report::draw::text::Font;
use crate::report::figures::Panel;
use crate::report::number::{at_most, short};

/// One of the distances between the notions.
struct Distance {
    /// File stem.
    name: &'static str,
    title: &'static str,
    /// On the axis.
    symbol: &'static str,
    /// In captions.
    words: &'static str,
    /// In findings.
    brief: &'static str,
    value: fn(&Row) -> Option<f64>,
}

const DISTANCES: [Distance; 5] = [
    Distance {
        name: "difference",
        title: "Flat and norm-minimal matrix",
        symbol: "relative difference",
        words: "the relative difference ‖X_flat − X_nuclear‖_F/‖X_nuclear‖_F of the two matrices",
        brief: "relative difference",
        value: |row| row.difference,
    },
    Distance {
        name: "norm-excess",
        title: "Flat is not norm-minimal",
        symbol: "norm excess",
        words: "the norm excess (‖L‖_F² + ‖R‖_F²)/(2‖X_nuclear‖_*) − 1 of the flat factors",
        brief: "norm excess",
        value: |row| row.norm_excess,
    },
    Distance {
        name: "imbalance",
        title: "Flat is not balanced",
        symbol: "imbalance",
        words: "the imbalance ‖LᵀL − RᵀR‖_*/‖M‖_* of the flat factors",
        brief: "imbalance",
        value: |row| row.imbalance,
    },
    Distance {
        name: "sharpness-norm-minimal",
        title: "Norm-minimal is not flat",
        symbol: "excess flatness",
        words: "the excess flatness (scaled trace over its minimum, minus 1) of the norm-minimal factors",
        brief: "excess flatness of the norm-minimal factors",
        value: |row| row.excess_of_norm_minimal,
    },
    Distance {
        name: "sharpness-balanced",
        title: "Balanced is not flat",
        symbol: "excess flatness",
        words: "the excess flatness (scaled trace over its minimum, minus 1) of the balanced factors of the flat matrix",
        brief: "excess flatness of the balanced factors",
        value: |row| row.excess_of_balanced,
    },
];

const COLOURS: [Colour; 3] = [BLUE, VERMILION, GREEN];
/// Smaller distances are drawn as this one: the axis is for those that theory does not make vanish.
const FLOOR: f64 = 1e-6;
/// Matrices this close count as the same one.
const SAME: f64 = 1e-5;

impl Shown for Config {
    const TITLE: &'static str = "flat, norm-minimal, balanced";

    fn findings(&self, rows: &[Row]) -> Vec<String> {
        let mut findings = vec![certified("trials", rows.iter().map(|row| row.status.as_str()))];
        findings.extend(coincide(rows));
        for map in self.models.iter().map(|model| model.name()) {
            findings.extend(same_matrix(map, rows));
            findings.extend(courses(map, rows));
        }
        findings
    }

    fn panels(&self, rows: &[Row], font: &Font) -> Vec<Panel> {
        let one = |distance| panel(self, distance, rows, font);
        DISTANCES.iter().filter_map(one).collect()
    }

    fn table(&self, rows: &[Row]) -> Table {
        let line = |cell: &[Row]| {
            let first = cell.first();
            let mut line = vec![
                first.map_or(String::new(), |row| row.map.clone()),
                first.map_or(String::new(), |row| row.m.to_string()),
                first.map_or(String::new(), |row| short(row.share)),
                cell.len().to_string(),
                known(cell).count().to_string(),
            ];
            for distance in &DISTANCES {
                let median = spread(known(cell).filter_map(distance.value));
                line.push(median.map_or("–".to_owned(), |spread| short(spread.median)));
            }
            line
        };
        Table {
            head: vec![
                "map",
                "m",
                "m/d²",
                "trials",
                "certified",
                "difference",
                "norm excess",
                "imbalance",
                "excess flatness, norm-minimal",
                "excess flatness, balanced",
            ],
            rows: rows.chunk_by(|a, b| a.cell == b.cell).map(line).collect(),
        }
    }
}

/// The trials that count.
fn known(rows: &[Row]) -> impl Iterator<Item = &Row> {
    rows.iter().filter(|row| row.status == "certified")
}

/// A distance of one map at each share.
fn spreads(map: &str, distance: &Distance, rows: &[Row]) -> Vec<(f64, Spread)> {
    let cells = rows.chunk_by(|a, b| a.cell == b.cell);
    cells
        .filter(|cell| cell.first().is_some_and(|row| row.map == map))
        .filter_map(|cell| {
            let values = known(cell).filter_map(distance.value);
            Some((cell.first()?.share, spread(values)?))
        })
        .collect()
}

fn panel(config: &Config, distance: &Distance, rows: &[Row], font: &Font) -> Option<Panel> {
    let floored = |map: &str| -> Vec<(f64, Spread)> {
        let mut spreads = spreads(map, distance, rows);
        for (_, spread) in &mut spreads {
            for value in [&mut spread.low, &mut spread.median, &mut spread.high] {
                *value = value.max(FLOOR);
            }
        }
        spreads
    };
    let mut series: Vec<Series> = Vec::new();
    for (model, colour) in config.models.iter().zip(COLOURS.iter().cycle()) {
        series.extend(banded(model.name(), *colour, None, &floored(model.name())));
    }
    let identity = floored(IDENTITY);
    let points = identity.iter().map(|(share, spread)| (*share, spread.median));
    series.push(Series::marks("identity map", INK, Mark::Ring, points.collect()));
    let points = || series.iter().flat_map(|series| series.points.iter());
    let x = Axis::linear([0.0, 1.0], "share of measurements, m/d^{2}")?;
    let y = Axis::log(points().map(|(_, y)| *y), distance.symbol)?;
    let caption = format!(
        "{} against the number of measurements: median over the certified trials, with their range (dotted); d = {}, rank {}. At the right end completion sees every entry and is the identity map, for which the three notions coincide. Values below {} are drawn there.",
        capital(distance.words),
        config.d,
        config.rank,
        short(FLOOR)
    );
    let chart = Chart {
        label: format!("{} against the share of measurements", distance.symbol),
        x,
        y,
        series,
    };
    Some(Panel::drawn(
        format!("notions-{}", distance.name),
        distance.title,
        caption,
        chart.draw(font),
    ))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// The largest of all distances for the identity map.
fn coincide(rows: &[Row]) -> Option<String> {
    let identity = || known(rows).filter(|row| row.map == IDENTITY);
    let values = identity().flat_map(|row| DISTANCES.iter().filter_map(|distance| (distance.value)(row)));
    let largest = spread(values)?.high.max(0.0);
    Some(format!(
        "For the identity map the three notions coincide: none of the distances exceeds {}.",
        at_most(largest)
    ))
}

/// From which share on flat and norm-minimal are factors of one matrix.
fn same_matrix(map: &str, rows: &[Row]) -> Option<String> {
    let spreads = spreads(map, &DISTANCES[0], rows);
    let apart = spreads.iter().rposition(|(_, spread)| spread.high > SAME);
    let from = spreads.get(apart.map_or(0, |last| last + 1))?;
    Some(format!(
        "{map}: from m/d² = {} on, flat and norm-minimal factors are of the same matrix in every certified trial (to {}).",
        short(from.0),
        short(SAME)
    ))
}

/// The distances between the factors, at the least and at the largest share.
fn courses(map: &str, rows: &[Row]) -> Option<String> {
    let mut ends = None;
    let mut said = Vec::new();
    for distance in &DISTANCES[1..] {
        let spreads = spreads(map, distance, rows);
        let (first, last) = (spreads.first()?, spreads.last()?);
        ends = Some((first.0, last.0));
        said.push(format!(
            "{} {} → {}",
            distance.brief,
            short(first.1.median),
            short(last.1.median)
        ));
    }
    let (low, high) = ends?;
    Some(format!(
        "{map}, medians at m/d² = {} → {}: {}.",
        short(low),
        short(high),
        said.join(", ")
    ))
}
