//! Regularity: how far flat solutions are from norm-minimal and from balanced, and what theory bounds it by.

mod map;
mod scatter;

pub(super) use flatmin::experiment::regularity::Config;
use flatmin::experiment::regularity::Row;

use super::statistics::spread;
use super::status::{certified, is_refused};
use super::{Shown, Table};
use crate::report::draw::text::Font;
use crate::report::figures::Panel;
use crate::report::number::short;

/// A distance, measured and bounded.
struct Distance {
    /// File stem.
    name: &'static str,
    title: &'static str,
    /// On axes.
    symbol: &'static str,
    /// In sentences.
    words: &'static str,
    measured: fn(&Row) -> Option<f64>,
    bound: fn(&Row) -> Option<f64>,
}

const DISTANCES: [Distance; 2] = [
    Distance {
        name: "norm-excess",
        title: "From norm-minimal",
        symbol: "norm excess",
        words: "the norm excess (‖L‖_F² + ‖R‖_F²)/(2‖X_nuclear‖_*) − 1",
        measured: |row| row.norm_excess,
        bound: |row| row.norm_bound,
    },
    Distance {
        name: "imbalance",
        title: "From balanced",
        symbol: "imbalance",
        words: "the imbalance ‖LᵀL − RᵀR‖_*/‖M‖_*",
        measured: |row| row.imbalance,
        bound: |row| row.imbalance_bound,
    },
];

impl Shown for Config {
    const TITLE: &'static str = "flat against norm-minimal and balanced";

    fn findings(&self, rows: &[Row]) -> Vec<String> {
        let mut findings = vec![certified("trials", rows.iter().map(|row| row.status.as_str()))];
        for distance in &DISTANCES {
            findings.extend(self.models.iter().filter_map(|model| {
                let own = rows.iter().filter(|row| row.model == *model);
                sizes(model.name(), distance, &own.collect::<Vec<_>>())
            }));
            findings.extend(bounded(self, distance, rows));
        }
        findings
    }

    fn panels(&self, rows: &[Row], font: &Font) -> Vec<Panel> {
        let mut panels = Vec::new();
        for distance in &DISTANCES {
            panels.extend(map::panels(self, distance, rows, font));
            panels.extend(scatter::panel(self, distance, rows, font));
        }
        panels
    }

    fn table(&self, rows: &[Row]) -> Table {
        Table {
            head: vec![
                "model",
                "d",
                "m or p",
                "trials",
                "certified",
                "singular",
                "recovered",
                "norm excess",
                "its bound",
                "imbalance",
                "its bound",
                "κ",
            ],
            rows: cells(rows).iter().map(|cell| line(cell)).collect(),
        }
    }
}

/// The rows of each cell, which stand together.
fn cells(rows: &[Row]) -> Vec<&[Row]> {
    rows.chunk_by(|a, b| a.cell == b.cell).collect()
}

/// Medians over the certified trials of a cell.
fn line(cell: &[Row]) -> Vec<String> {
    let median = |value: fn(&Row) -> Option<f64>| {
        let known = cell.iter().filter(|row| row.is_certified()).filter_map(value);
        spread(known).map_or("–".to_owned(), |spread| short(spread.median))
    };
    let count = |holds: fn(&Row) -> bool| cell.iter().filter(|row| holds(row)).count().to_string();
    let mut line = Vec::new();
    if let Some(first) = cell.first() {
        line.extend([first.model.name().to_owned(), first.d1.to_string()]);
        line.push(match first.p {
            Some(p) => format!("p = {p}"),
            None => format!("m = {}", first.m),
        });
    }
    line.extend([
        cell.len().to_string(),
        count(Row::is_certified),
        count(|row| is_refused(&row.status)),
        count(|row| row.recovered == Some(true)),
    ]);
    for distance in &DISTANCES {
        line.extend([median(distance.measured), median(distance.bound)]);
    }
    line.push(median(|row| row.kappa));
    line
}

/// The medians of one model where the truth is recovered and where it is not.
fn sizes(model: &str, distance: &Distance, rows: &[&Row]) -> Option<String> {
    let median = |recovered| {
        let own = rows.iter().filter(|row| row.recovered == Some(recovered));
        spread(own.filter_map(|row| (distance.measured)(row))).map(|spread| short(spread.median))
    };
    let said = match (median(true), median(false)) {
        (Some(with), Some(without)) => {
            format!("{with} where the truth is recovered, {without} where it is not")
        }
        (Some(with), None) => format!("{with} (the truth is always recovered)"),
        (None, Some(without)) => format!("{without} (the truth is never recovered)"),
        (None, None) => return None,
    };
    Some(format!("{model}: the median of {} is {said}.", distance.words))
}

/// Whether the bound holds, and how far below it the distances lie.
fn bounded(config: &Config, distance: &Distance, rows: &[Row]) -> Option<String> {
    let pairs: Vec<(f64, f64)> = rows
        .iter()
        .filter(|row| row.is_certified())
        .filter_map(|row| Some(((distance.measured)(row)?, (distance.bound)(row)?)))
        .collect();
    // Distances are known to the certified gap, X to its square root.
    let slack = config.tolerance.sqrt();
    let held = pairs
        .iter()
        .filter(|(measured, bound)| *measured <= bound + slack)
        .count();
    let ratios = pairs
        .iter()
        .filter(|(_, bound)| *bound > slack)
        .map(|(measured, bound)| measured / bound);
    let ratios = spread(ratios)?;
    Some(format!(
        "The bound that the regularity theorem puts on {} holds in {held} of {} certified trials; the measured value is {} times the bound in the median, {} times at most.",
        distance.words,
        pairs.len(),
        short(ratios.median),
        short(ratios.high)
    ))
}
