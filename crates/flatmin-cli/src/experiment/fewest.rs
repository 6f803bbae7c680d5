//! Fewest: how few measurements suffice where the rank is told.

mod curves;
mod published;

pub(super) use flatmin::experiment::fewest::Config;

use flatmin::experiment::fewest::{Grid, Method, Outcome, Row, Sampling};
use flatmin::experiment::{Model, frontier};

use super::statistics::{spread, wilson};
use super::{Shown, Table};
use crate::report::draw::text::Font;
use crate::report::figures::Panel;
use crate::report::number::short;

/// The share of trials from which on a method counts as reliable.
const RELIABLE: f64 = 0.95;

impl Shown for Config {
    const TITLE: &'static str = "the fewest measurements";

    fn findings(&self, rows: &[Row]) -> Vec<String> {
        let lines = lines(self, rows);
        let mut findings: Vec<String> = lines.iter().filter_map(Line::reliable_from).collect();
        findings.extend(undetermined(rows));
        findings.extend(accuracy(rows));
        findings.extend(lines.iter().filter_map(published::beside));
        findings
    }

    fn panels(&self, rows: &[Row], font: &Font) -> Vec<Panel> {
        curves::panels(self, rows, font)
    }

    fn table(&self, rows: &[Row]) -> Table {
        let lines = lines(self, rows);
        let cells = |line: &Line<'_>| -> Vec<Vec<String>> {
            line.grid.ratios.iter().map(|ratio| line.cells(*ratio)).collect()
        };
        Table {
            head: vec![
                "model",
                "sampling",
                "n",
                "rank",
                "κ",
                "method",
                "ρ",
                "m",
                "trials",
                "recovered",
                "95 % band",
                "another matrix",
                "seen by the solver",
                "missed",
                "error of the recovered, median",
                "restarts, mean",
                "seconds, median",
                "95 % from ρ =",
                "half at ρ =",
            ],
            rows: lines.iter().flat_map(cells).collect(),
        }
    }
}

/// The trials of one method on one grid and condition.
struct Line<'a> {
    grid: &'a Grid,
    condition: f64,
    method: Method,
    rows: Vec<&'a Row>,
}

/// All of them, in the order of the configuration.
fn lines<'a>(config: &'a Config, rows: &'a [Row]) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    for grid in &config.grids {
        for condition in &grid.conditions {
            for method in &grid.methods {
                lines.push(Line::new(grid, *condition, *method, rows));
            }
        }
    }
    lines
}

impl<'a> Line<'a> {
    fn new(grid: &'a Grid, condition: f64, method: Method, rows: &'a [Row]) -> Self {
        let own = |row: &&Row| {
            (row.model, row.sampling, row.n, row.rank) == (grid.model, grid.sampling, grid.n, grid.rank)
                && (row.condition, row.method) == (condition, method)
        };
        Line {
            grid,
            condition,
            method,
            rows: rows.iter().filter(own).collect(),
        }
    }

    fn at(&self, ratio: f64) -> impl Iterator<Item = &'a Row> + Clone {
        self.rows.iter().copied().filter(move |row| row.ratio == ratio)
    }

    /// Trials recovered, and trials; `None` without any.
    fn recovered(&self, ratio: f64) -> Option<(usize, usize)> {
        let all = self.at(ratio).count();
        let recovered = self.at(ratio).filter(|row| is(row, Outcome::Recovered)).count();
        (all > 0).then_some((recovered, all))
    }

    /// In rising order, where there are trials.
    fn ratios(&self) -> Vec<f64> {
        let mut ratios: Vec<f64> = self
            .grid
            .ratios
            .iter()
            .copied()
            .filter(|r| self.at(*r).count() > 0)
            .collect();
        ratios.sort_by(f64::total_cmp);
        ratios
    }

    /// The smallest ratio from which on nearly all trials are recovered.
    fn reliable(&self) -> Option<f64> {
        let reliable = |ratio: &&f64| {
            self.recovered(**ratio)
                .is_some_and(|(few, all)| few as f64 >= RELIABLE * all as f64)
        };
        self.ratios().iter().rev().take_while(reliable).last().copied()
    }

    /// Where half of the trials are recovered, as fitted.
    fn half(&self) -> Option<f64> {
        let trials: Vec<(f64, bool)> = self
            .rows
            .iter()
            .map(|row| (row.ratio, is(row, Outcome::Recovered)))
            .collect();
        Some(frontier(&trials)?.centre)
    }

    /// "completion, n = 1000, rank 5, κ = 10".
    fn place(&self) -> String {
        place(self.grid, self.condition)
    }

    fn reliable_from(&self) -> Option<String> {
        let ratios = self.ratios();
        let (first, last) = (ratios.first()?, ratios.last()?);
        let (place, method) = (self.place(), said(self.method));
        Some(match self.reliable() {
            Some(ratio) if ratio == *first => {
                format!(
                    "{place}: {method} recovers at least 95 % of the trials at every ρ from {} on.",
                    short(ratio)
                )
            }
            Some(ratio) => format!(
                "{place}: {method} recovers at least 95 % of the trials from ρ = {} on.",
                short(ratio)
            ),
            None => format!(
                "{place}: {method} does not recover 95 % of the trials up to ρ = {}.",
                short(*last)
            ),
        })
    }

    fn cells(&self, ratio: f64) -> Vec<String> {
        let cell = self.at(ratio);
        let count = |outcome| cell.clone().filter(|row| is(row, outcome)).count();
        let median = |values: &mut dyn Iterator<Item = f64>| {
            spread(values).map_or("–".to_owned(), |spread| short(spread.median))
        };
        let trials = cell.clone().count();
        let (low, high) = wilson(count(Outcome::Recovered), trials);
        let other = cell.clone().filter(|row| is(row, Outcome::Another));
        let restarts: usize = cell.clone().filter_map(|row| row.restarts).sum();
        let or_none = |value: Option<f64>| value.map_or("–".to_owned(), short);
        vec![
            self.grid.model.name().to_owned(),
            self.grid.sampling.name().to_owned(),
            self.grid.n.to_string(),
            self.grid.rank.to_string(),
            short(self.condition),
            self.method.name().to_owned(),
            short(ratio),
            cell.clone()
                .next()
                .map_or("–".to_owned(), |row| row.m.to_string()),
            trials.to_string(),
            count(Outcome::Recovered).to_string(),
            format!("{:.0}–{:.0} %", 100.0 * low, 100.0 * high),
            count(Outcome::Another).to_string(),
            other
                .filter(|row| row.locally_unique == Some(false))
                .count()
                .to_string(),
            count(Outcome::Missed).to_string(),
            median(
                &mut cell
                    .clone()
                    .filter(|row| is(row, Outcome::Recovered))
                    .filter_map(|row| row.error),
            ),
            short(restarts as f64 / trials.max(1) as f64),
            median(&mut cell.clone().map(|row| row.seconds)),
            or_none(self.reliable()),
            or_none(self.half()),
        ]
    }
}

fn is(row: &Row, outcome: Outcome) -> bool {
    row.outcome == Some(outcome)
}

fn place(grid: &Grid, condition: f64) -> String {
    let sampling = match grid.sampling {
        Sampling::Uniform => "",
        Sampling::Uneven => " of uneven entries",
    };
    let condition = if grid.model == Model::Completion || condition != 1.0 {
        format!(", κ = {}", short(condition))
    } else {
        String::new()
    };
    format!(
        "{}{sampling}, n = {}, rank {}{condition}",
        grid.model.name(),
        grid.n,
        grid.rank
    )
}

/// A method in a sentence or legend.
fn said(method: Method) -> &'static str {
    match method {
        Method::Constrained => "flat, rank told",
        Method::Unweighted => "without weights, rank told",
        Method::Convex => "flat, convex",
    }
}

/// Instances that no method can solve, and whether they were seen to be so.
fn undetermined(rows: &[Row]) -> Option<String> {
    let told = || rows.iter().filter(|row| row.method != Method::Convex);
    let another = || told().filter(|row| is(row, Outcome::Another));
    let count = another().count();
    (count > 0).then(|| {
        let seen = another().filter(|row| row.locally_unique == Some(false)).count();
        let up_to = another().map(|row| row.ratio).fold(1.0, f64::max);
        format!(
            "In {count} of {} solves with the rank told another matrix of that rank meets the data to rounding: these data do not determine the truth, and no method can tell (at ρ up to {}). They count as not recovered. The solver itself says in {seen} of them that its solution is not the only one nearby.",
            told().count(),
            short(up_to)
        )
    })
}

/// How exact the recovered matrices are, and how many solves it took to find them.
fn accuracy(rows: &[Row]) -> Option<String> {
    let found = || {
        let told = rows.iter().filter(|row| row.method == Method::Constrained);
        told.filter(|row| is(row, Outcome::Recovered))
    };
    let error = spread(found().filter_map(|row| row.error))?;
    let again = found().filter(|row| row.restarts > Some(0)).count();
    Some(format!(
        "Flat, rank told: the relative error of what is recovered is {} in the median and at most {}; {again} of {} needed more than one start.",
        short(error.median),
        short(error.high),
        found().count()
    ))
}
